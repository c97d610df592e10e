package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"milkrun/sync/feed"
)

// grouped writes a number with a comma between its thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	var b strings.Builder
	for i, digit := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	return sign + b.String()
}

// count writes a number of things: "1 page", "1,700 pages". One in -y loses it: "2 retries", "2 batches".
func count[N int | int64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if stem, ok := strings.CutSuffix(thing, "y"); ok {
		thing = stem + "ie"
	} else if strings.HasSuffix(thing, "ch") {
		thing += "e"
	}
	return grouped(int64(n)) + " " + thing + "s"
}

// clock writes a moment for people, in the zone of the job; "-" for none.
func clock(t time.Time, loc *time.Location) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(loc).Format("2006-01-02 15:04:05 -0700")
}

// ago writes how long ago something was.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return shortly(now.Sub(t)) + " ago"
}

// shortly writes a time span by its largest unit or two.
func shortly(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + shortly(-d)
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
}

// excerpt is a text of which a table shows the beginning: it is cut when it has been translated.
type excerpt struct {
	text   string
	length int // columns
}

// cut shortens a text to n columns.
func cut(s string, n int) excerpt { return excerpt{s, n} }

func (e excerpt) String() string { return text.Snip(e.text, e.length, "…") }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// reason writes why an operator did something, when that was said.
func reason(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// inWords writes a cursor for people: the members of a JSON object as "name value", the elements of an array as they
// are. Nil is no checkpoint.
func inWords(c *feed.Cursor) string {
	if c == nil || *c == "" {
		return "the beginning"
	}
	d := json.NewDecoder(strings.NewReader(string(*c)))
	open, err := d.Token()
	if err != nil || !json.Valid([]byte(*c)) || open != json.Delim('{') && open != json.Delim('[') {
		return string(*c)
	}
	var parts []string
	for d.More() {
		name := ""
		if open == json.Delim('{') {
			token, err := d.Token()
			if err != nil {
				return string(*c)
			}
			name = fmt.Sprint(token, " ")
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return string(*c)
		}
		parts = append(parts, name+strings.Trim(string(value), `"`))
	}
	return strings.Join(parts, ", ")
}

// sumUp writes for people what the summary of a run says: what changed in a target that was replaced as a whole. What it
// does not know it leaves as it is.
func sumUp(summary string) string {
	var s struct{ Inserted, Updated, Deleted, Unchanged, Reread int64 }
	d := json.NewDecoder(strings.NewReader(summary))
	d.DisallowUnknownFields()
	if d.Decode(&s) != nil {
		return summary
	}
	text := fmt.Sprintf("%s inserted, %s updated, %s deleted, %s unchanged", grouped(s.Inserted), grouped(s.Updated), grouped(s.Deleted), grouped(s.Unchanged))
	if s.Reread > 0 {
		text += fmt.Sprintf("; %s read again because rows moved", count(s.Reread, "page"))
	}
	return text
}
