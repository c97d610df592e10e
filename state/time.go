package state

import (
	"fmt"
	"time"
)

// layout has a fixed width, so that times sort as text.
const layout = "2006-01-02T15:04:05.000Z"

// stamp is a time as it is stored; the zero time is NULL.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(layout)
}

// when reads a stored time into t; NULL becomes the zero time.
func when(t *time.Time) *clock { return &clock{t} }

type clock struct{ t *time.Time }

// Scan implements [database/sql.Scanner].
func (c *clock) Scan(v any) error {
	if v == nil {
		*c.t = time.Time{}
		return nil
	}
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("a time is stored as %T, not as text", v)
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("stored time %q: not RFC 3339", text)
	}
	*c.t = t.UTC()
	return nil
}

// scanTime reads a row of one time.
func scanTime(row scanner) (t time.Time, err error) {
	err = row.Scan(when(&t))
	return t, err
}

// orNow returns t as it is stored, or now when it is zero.
func (t *tx) orNow(at time.Time) any {
	if at.IsZero() {
		at = t.now
	}
	return stamp(at)
}
