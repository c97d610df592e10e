package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"milkrun/cmd/milkrun/standing"
	"milkrun/sync/feed"
)

func grouped(n int64) string { return standing.Grouped(n) }

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

func clock(t time.Time, loc *time.Location) string { return standing.Clock(t, loc) }

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

// inWords writes a cursor for people. Nil is no checkpoint.
func inWords(c *feed.Cursor) string {
	if c == nil || *c == "" {
		return "the beginning"
	}
	return standing.Cursor(*c)
}

// sumUp writes for people what the summary of a run says: what changed in a target that was replaced as a whole. What it
// does not know it leaves as it is.
func sumUp(summary string) string {
	s, known := standing.SumOf(summary)
	if !known {
		return summary
	}
	text := fmt.Sprintf("%s inserted, %s updated, %s deleted, %s unchanged", grouped(s.Inserted), grouped(s.Updated), grouped(s.Deleted), grouped(s.Unchanged))
	if s.Reread > 0 {
		text += fmt.Sprintf("; %s read again because rows moved", count(s.Reread, "page"))
	}
	return text
}
