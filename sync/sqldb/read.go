package sqldb

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"milkrun/sync/feed"
)

// Reader turns what the driver gives into values of a feed.
type Reader struct {
	Location *time.Location // the zone of times that have none
}

// Value returns the value of column c. The result holds no memory of the driver. The error is a [ValueError].
func (r Reader) Value(c *Column, raw Value) (feed.Value, error) {
	switch v := raw.(type) {
	case int64:
		if c.Type == feed.Boolean && (v == 0 || v == 1) {
			return v == 1, nil
		}
	case string:
		if !c.Loose {
			return r.text(c, v)
		}
		if !utf8.ValidString(v) {
			return nil, &ValueError{c.Name, "text that is not UTF-8"}
		}
	case []byte:
		if c.Loose || c.Type == feed.Bytes {
			return append([]byte{}, v...), nil
		}
		return r.text(c, string(v))
	case uint64:
		return wide(v), nil
	case float32:
		// The shortest decimal that is this float32, not the float64 beside it.
		return strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	case time.Time:
		return nil, &ValueError{c.Name, "a time where text was asked for"}
	}
	return raw, nil // as it is, which spares boxing it again
}

func wide(v uint64) feed.Value {
	if v > 1<<63-1 {
		return strconv.FormatUint(v, 10)
	}
	return int64(v)
}

// text reads the text form of a value.
func (r Reader) text(c *Column, v string) (feed.Value, error) {
	switch c.Type {
	case feed.Time:
		if t, ok := r.time(c, v); ok {
			return t, nil
		}
		return nil, &ValueError{c.Name, "a time that is none, or before the year 1 or after 9999"}
	case feed.Date:
		if t, err := time.Parse(time.DateOnly, v); err == nil {
			return Wall(t, r.Location), nil
		}
		return nil, &ValueError{c.Name, "a date that is none, or before the year 1 or after 9999"}
	}
	if !utf8.ValidString(v) {
		return nil, &ValueError{c.Name, "text that is not UTF-8"}
	}
	return v, nil
}

const (
	wallLayout  = "2006-01-02 15:04:05.999999"
	zonedLayout = "2006-01-02 15:04:05.999999Z07:00"
)

func (r Reader) time(c *Column, v string) (time.Time, bool) {
	if c.Zoned {
		v = strings.TrimSuffix(strings.TrimSuffix(v, "+00"), "Z")
	}
	t, err := time.ParseInLocation(wallLayout, v, time.UTC)
	if err != nil {
		return t, false
	}
	if c.Zoned {
		return t.In(r.Location), true
	}
	return Wall(t, r.Location), true
}

// Wall returns the time at which the clocks of a zone show what t shows. In the hour that a change to summer time
// leaves out they never do; then the result still shows it, in the offset that was in force before.
func Wall(t time.Time, zone *time.Location) time.Time {
	w := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
	if w.Hour() == t.Hour() && w.Minute() == t.Minute() {
		return w
	}
	_, offset := w.Add(-3 * time.Hour).Zone()
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.FixedZone("", offset))
}

// Plain returns a value as text or number that orders and compares in the database as the column does: what a cursor
// holds. Times are to the microsecond; those without zone stay so. ok is false for what no cursor can hold.
func Plain(c *Column, v feed.Value) (plain Value, ok bool) {
	switch v := v.(type) {
	case int64, string:
		return v, true
	case time.Time:
		switch {
		case c.Type == feed.Date:
			return v.Format(time.DateOnly), true
		case c.Zoned:
			return v.UTC().Format(wallLayout) + "+00:00", true
		}
		return v.Format(wallLayout), true
	}
	return nil, false
}

// IsWall says whether a text is a wall clock as [Plain] writes it.
func IsWall(s string) bool {
	_, err := time.Parse(wallLayout, s)
	return err == nil
}
