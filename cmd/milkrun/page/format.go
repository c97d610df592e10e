package page

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"milkrun/cmd/milkrun/standing"
	"milkrun/sync/feed"
)

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
	switch {
	case d < time.Minute && ahead:
		return s.say("ago.soon")
	case d < time.Minute:
		return s.say("ago.now")
	case ahead:
		return s.say("ago.in", s.roughly(d))
	}
	return s.say("ago.ago", s.roughly(d))
}

// roughly writes a time span by its largest unit.
func (s set) roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return s.say("ago.less")
	case d < time.Hour:
		return s.say("ago.m", int64(d/time.Minute))
	case d < 48*time.Hour:
		return s.say("ago.h", int64(d/time.Hour))
	}
	return s.say("ago.d", int64(d/(24*time.Hour)))
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

// inWords writes a cursor for people.
func (s set) inWords(c *feed.Cursor) string {
	switch {
	case c == nil:
		return s.say("cursor.none")
	case *c == "":
		return s.say("cursor.start")
	}
	return standing.Cursor(*c)
}

// sumUp writes for people what a run that replaced its whole target changed.
func (s set) sumUp(summary string) string {
	c, known := standing.SumOf(summary)
	if !known {
		return summary
	}
	text := s.say("sum", standing.Grouped(c.Inserted), standing.Grouped(c.Updated), standing.Grouped(c.Deleted), standing.Grouped(c.Unchanged))
	if c.Reread > 0 {
		text += s.say("sum.reread", s.many(c.Reread, "page"))
	}
	return text
}
