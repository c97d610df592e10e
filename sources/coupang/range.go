package coupang

import (
	"fmt"
	"strings"
	"time"

	"milkrun/sync/feed"
)

// Range implements [feed.Ranger]. A bound is a day in Korea, a time, or a cursor; a day as the upper bound belongs to the range
// as a whole. "" is the beginning (since), and what has settled by now.
func (s *windowed) Range(from, to string) (feed.Cursor, feed.Source, error) {
	part := *s.source
	part.bounded, part.lookback, part.seen, part.last = true, 0, seen{}, kept{}
	start, err := s.bound(from, false)
	if err != nil {
		return "", nil, fmt.Errorf("from: %w", err)
	}
	if start.IsZero() {
		start = s.since
	}
	end, err := s.bound(to, true)
	if err != nil {
		return "", nil, fmt.Errorf("to: %w", err)
	}
	if !end.IsZero() && end.Before(part.end) {
		part.end = end
	}
	if !start.Before(part.end) {
		return "", nil, fmt.Errorf("from %s to %s is nothing: from must stand before to, and both before now", from, to)
	}
	return cursor{Through: start.In(seoul())}.text(), &part, nil
}

// bound reads a bound, the zero time for none.
func (s *windowed) bound(text string, upper bool) (time.Time, error) {
	text = strings.TrimSpace(text)
	if border, ok := strings.CutPrefix(text, feed.Before); ok && upper {
		text, upper = strings.TrimSpace(border), false // a range ends before its upper bound anyhow, but a day is a whole one
	}
	if text == "" {
		return time.Time{}, nil
	}
	if strings.HasPrefix(text, "{") {
		c, err := s.parse(feed.Cursor(text))
		return c.Through, err
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, seoul()); err == nil && plausible(day) {
		if upper {
			day = day.AddDate(0, 0, 1)
		}
		return day, nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(form, text, seoul()); err == nil && plausible(t) {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time; write 2026-01-31, 2026-01-31T10:00:00+09:00 or a cursor", text)
}
