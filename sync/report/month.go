package report

import (
	"fmt"
	"time"
)

// Month is a month of a year.
type Month struct {
	Year  int
	Month time.Month
}

// ParseMonth reads "2026-11".
func ParseMonth(text string) (Month, error) {
	t, err := time.Parse("2006-01", text)
	if err != nil {
		return Month{}, fmt.Errorf("%q is no month; write for example 2026-11", text)
	}
	return Month{t.Year(), t.Month()}, nil
}

// Before is the month before the one that a moment falls into.
func Before(now time.Time) Month {
	y, m, _ := now.Date()
	first := time.Date(y, m-1, 1, 0, 0, 0, 0, now.Location())
	return Month{first.Year(), first.Month()}
}

// String writes "2026-11".
func (m Month) String() string { return fmt.Sprintf("%04d-%02d", m.Year, int(m.Month)) }

// Bounds are the first moment of the month and the first one behind it, in a time zone.
func (m Month) Bounds(zone *time.Location) (from, to time.Time) {
	return time.Date(m.Year, m.Month, 1, 0, 0, 0, 0, zone), time.Date(m.Year, m.Month+1, 1, 0, 0, 0, 0, zone)
}

// days is how many days the month has.
func (m Month) days() int { return time.Date(m.Year, m.Month+1, 0, 0, 0, 0, 0, time.UTC).Day() }
