package caih

import (
	"fmt"
	"strings"
	"time"
)

// quietHours are hours of each day at which nothing is sent; the zero value is none.
type quietHours struct {
	from, to time.Duration // since midnight on the clock; from > to reaches over midnight
}

// parse reads "22:00-08:00".
func (q *quietHours) parse(text string) error {
	if text == "" {
		*q = quietHours{}
		return nil
	}
	from, to, _ := strings.Cut(text, "-")
	begin, err1 := time.Parse("15:04", strings.TrimSpace(from))
	end, err2 := time.Parse("15:04", strings.TrimSpace(to))
	if err1 != nil || err2 != nil || begin.Equal(end) {
		return fmt.Errorf(`%q are no hours; write for example "22:00-08:00"`, text)
	}
	q.from, q.to = clock(begin), clock(end)
	return nil
}

// clock is the time of day.
func clock(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
}

// until is when the quiet hours end that t falls into, zero when it falls into none. A day with a change of the clock is
// taken as the clock shows it.
func (q quietHours) until(t time.Time) time.Time {
	at := clock(t)
	day := t.Day()
	switch {
	case q.from < q.to && at >= q.from && at < q.to:
	case q.from > q.to && at >= q.from:
		day++
	case q.from > q.to && at < q.to:
	default:
		return time.Time{}
	}
	return time.Date(t.Year(), t.Month(), day, int(q.to/time.Hour), int(q.to%time.Hour/time.Minute), 0, 0, t.Location())
}
