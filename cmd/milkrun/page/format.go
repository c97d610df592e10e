package page

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"milkrun/sync/feed"
)

// grouped writes a number with a comma between its thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// bytesOf writes a number of bytes.
func bytesOf(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, unit := float64(n)/1000, 0
	for f >= 1000 && unit < 3 {
		f, unit = f/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", f, "kMGT"[unit])
}

// cut shortens a text to at most n bytes, at the border of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// span writes a time span by its largest two units.
func (s set) span(d time.Duration) string {
	seconds := int64(d.Round(time.Second) / time.Second)
	switch {
	case d < 0:
		return "-" + s.span(-d)
	case d < time.Second:
		return s.say("span.ms", d.Milliseconds())
	case seconds < 60:
		return s.say("span.s", seconds)
	case seconds < 3600:
		return s.say("span.m", seconds/60, seconds%60)
	case seconds < 48*3600:
		return s.say("span.h", seconds/3600, seconds/60%60)
	}
	return s.say("span.d", seconds/86400, seconds/3600%24)
}

// ago writes how far a moment is from now, in steps that a calm page may show.
func (s set) ago(t, now time.Time) string {
	d := now.Sub(t)
	ahead := d < 0
	if ahead {
		d = -d
	}
	text := ""
	switch {
	case d < time.Minute && ahead:
		return s.say("ago.soon")
	case d < time.Minute:
		return s.say("ago.now")
	case d < time.Hour:
		text = s.say("ago.m", int64(d/time.Minute))
	case d < 48*time.Hour:
		text = s.say("ago.h", int64(d/time.Hour))
	default:
		text = s.say("ago.d", int64(d/(24*time.Hour)))
	}
	if ahead {
		return s.say("ago.in", text)
	}
	return s.say("ago.ago", text)
}

// stamp is a moment in the zone of its job. The zero stamp is none.
type stamp struct {
	ISO, Date, Clock, Zone, Ago string
	Today                       bool
}

func (v *visit) stamp(t time.Time, zone *time.Location) stamp {
	if t.IsZero() {
		return stamp{}
	}
	local := t.In(zone)
	s := stamp{ISO: local.Format(time.RFC3339), Date: local.Format(time.DateOnly), Clock: local.Format(time.TimeOnly), Zone: local.Format("-07:00"), Ago: v.ago(t, v.now),
		Today: local.Format(time.DateOnly) == v.now.In(zone).Format(time.DateOnly)}
	if local.Second() == 0 {
		s.Clock = local.Format("15:04")
	}
	return s
}

// inWords writes a cursor for people: the members of a JSON object as "name value", the elements of an array as they
// are.
func (s set) inWords(c *feed.Cursor) string {
	if c == nil {
		return s.say("cursor.none")
	}
	if *c == "" {
		return s.say("cursor.start")
	}
	text := string(*c)
	var list []any
	if list = elements(text); list == nil {
		return text
	}
	parts := make([]string, len(list))
	for i, one := range list {
		parts[i] = fmt.Sprint(one)
	}
	return strings.Join(parts, ", ")
}

// elements are those of a JSON array, or the members of an object in their order; nil for anything else.
func elements(text string) (list []any) {
	if !json.Valid([]byte(text)) {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	open, err := d.Token()
	object := open == json.Delim('{')
	if err != nil || !object && open != json.Delim('[') {
		return nil
	}
	list = []any{}
	for d.More() {
		prefix := ""
		if object {
			name, err := d.Token()
			if err != nil {
				return nil
			}
			prefix = fmt.Sprint(name, " ")
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil
		}
		list = append(list, prefix+strings.Trim(string(value), `"`))
	}
	return list
}

// sumUp writes for people what a run that replaced its whole target changed.
func (s set) sumUp(summary string) string {
	var c struct{ Inserted, Updated, Deleted, Unchanged, Reread int64 }
	d := json.NewDecoder(strings.NewReader(summary))
	d.DisallowUnknownFields()
	if d.Decode(&c) != nil {
		return summary
	}
	text := s.say("sum", grouped(c.Inserted), grouped(c.Updated), grouped(c.Deleted), grouped(c.Unchanged))
	if c.Reread > 0 {
		text += s.say("sum.reread", s.many(c.Reread, "page"))
	}
	return text
}
