package sqldb

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"milkrun/sync/feed"
)

// Writer fits values to the columns they go to.
type Writer struct {
	Location *time.Location // the zone whose wall clock a time without zone gets
	dialect  *Dialect
}

// Writer returns a writer for the dialect.
func (d *Dialect) Writer(zone *time.Location) Writer { return Writer{zone, d} }

// Fits says whether a column can hold values of a type at all; why not is in the text.
func (c Column) Fits(t feed.Type) (why string, ok bool) {
	bad := false
	switch c.Type {
	case feed.Integer, feed.Real, feed.Decimal:
		bad = t == feed.Time || t == feed.Date || t == feed.Bytes
	case feed.Boolean:
		bad = t != feed.Boolean && t != feed.Integer && t != feed.Any && t != feed.Text
	case feed.Time, feed.Date:
		bad = t != feed.Time && t != feed.Date && t != feed.Any && t != feed.Text
	case feed.Text:
		bad = t == feed.Bytes
	}
	if bad {
		return fmt.Sprintf("column %s is %s, which cannot hold %s values", c.Name, c.Decl, typeNames[t]), false
	}
	return "", true
}

var typeNames = [...]string{"any", "text", "integer", "real", "decimal", "boolean", "binary", "time", "date"}

// Value returns v as the driver takes it for column c. The error is a [ValueError] without the value in it.
func (w Writer) Value(c *Column, v feed.Value) (Value, error) {
	if v == nil {
		if c.NotNull && !c.Generated {
			return nil, &ValueError{c.Name, "empty, but the column is NOT NULL"}
		}
		return nil, nil
	}
	if s, ok := v.(string); ok && c.Type == feed.Text {
		if err := w.check(c, s); err != nil {
			return nil, err
		}
		return v, nil // by far the most frequent: boxing the string again would cost as much as all else here
	}
	switch c.Type {
	case feed.Text:
		return w.asText(c, v)
	case feed.Integer:
		return w.integer(c, v)
	case feed.Real:
		return w.real(c, v)
	case feed.Decimal:
		return w.decimal(c, v)
	case feed.Boolean:
		return w.boolean(c, v)
	case feed.Bytes:
		return w.bytes(c, v)
	case feed.Time, feed.Date:
		return w.moment(c, v)
	}
	return w.any(c, v)
}

// check looks whether a text fits the column.
func (w Writer) check(c *Column, s string) error {
	switch {
	case !utf8.ValidString(s):
		return &ValueError{c.Name, "text that is not UTF-8"}
	case w.dialect.numbered && strings.IndexByte(s, 0) >= 0:
		return &ValueError{c.Name, "text with a NUL character"}
	case c.Pads && strings.HasSuffix(s, " "):
		return &ValueError{c.Name, "text that ends with a space, which the column takes for the same as without"}
	case c.Size > 0 && len(s) > c.Size && utf8.RuneCountInString(s) > c.Size:
		return &ValueError{c.Name, fmt.Sprintf("text of %d characters, but the column holds %d", utf8.RuneCountInString(s), c.Size)}
	}
	return nil
}

func (w Writer) chars(c *Column, s string) (Value, error) {
	if err := w.check(c, s); err != nil {
		return nil, err
	}
	return s, nil
}

func (w Writer) asText(c *Column, v feed.Value) (Value, error) {
	switch v := v.(type) {
	case []byte:
		return w.chars(c, string(v))
	case time.Time:
		return w.chars(c, w.stamp(v, true))
	case float64:
		return w.chars(c, strconv.FormatFloat(v, 'g', -1, 64))
	}
	return w.chars(c, fmt.Sprint(v))
}

// stamp writes a time; zoned keeps the offset.
func (w Writer) stamp(t time.Time, zoned bool) string {
	t = t.In(w.Location)
	if zoned {
		return t.Format(zonedLayout)
	}
	return t.Format(wallLayout)
}

func (w Writer) integer(c *Column, v feed.Value) (Value, error) {
	switch v := v.(type) {
	case int64:
		return inRange(c, v)
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return inRange(c, int64(v))
		}
	case string:
		s := strings.TrimSpace(v)
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return inRange(c, n)
		}
		if _, err := strconv.ParseUint(s, 10, 64); err == nil && c.Unsigned && c.Bits == 64 {
			return s, nil
		}
	}
	return nil, &ValueError{c.Name, "not a whole number"}
}

func inRange(c *Column, n int64) (Value, error) {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	switch {
	case c.Unsigned && c.Bits < 64:
		low, high = 0, 1<<c.Bits-1
	case c.Unsigned:
		low = 0
	case c.Bits < 64:
		low, high = -1<<(c.Bits-1), 1<<(c.Bits-1)-1
	}
	if n < low || n > high {
		return nil, &ValueError{c.Name, fmt.Sprintf("a number outside %d … %d, which is what %s holds", low, high, c.Decl)}
	}
	return n, nil
}

func (w Writer) real(c *Column, v feed.Value) (Value, error) {
	switch v := v.(type) {
	case float64:
		return w.float(c, v)
	case int64:
		if f := float64(v); int64(f) == v {
			return f, nil
		}
	case bool:
		return w.integer(c, v)
	case string:
		if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
			return w.float(c, f)
		}
	}
	return nil, &ValueError{c.Name, "not a number, or one with more digits than " + c.Decl + " holds"}
}

// float refuses what is no number, or infinite: SQLite would store NULL, and MySQL has no such values.
func (w Writer) float(c *Column, v float64) (Value, error) {
	if !w.dialect.numbered && (math.IsNaN(v) || math.IsInf(v, 0)) {
		return nil, &ValueError{c.Name, "not a number, or an infinite one"}
	}
	return v, nil
}

func (w Writer) decimal(c *Column, v feed.Value) (Value, error) {
	var s string
	switch v := v.(type) {
	case string:
		s = strings.TrimSpace(v)
	case int64:
		s = strconv.FormatInt(v, 10)
	case float64:
		s = strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return nil, &ValueError{c.Name, "not a number"}
	}
	whole, behind, ok := digits(s)
	switch {
	case !ok:
		return nil, &ValueError{c.Name, "not a decimal number"}
	case c.Size > 0 && (behind > c.Scale || whole > c.Size-c.Scale):
		return nil, &ValueError{c.Name, "a number with more digits than " + c.Decl + " holds"}
	}
	return s, nil
}

// digits counts the digits of a plain decimal number before and behind the point, without leading and trailing zeros.
func digits(s string) (whole, behind int, ok bool) {
	if s != "" && strings.ContainsRune("+-", rune(s[0])) {
		s = s[1:]
	}
	a, b, _ := strings.Cut(s, ".")
	if a+b == "" || strings.Trim(a+b, "0123456789") != "" {
		return 0, 0, false
	}
	return len(strings.TrimLeft(a, "0")), len(strings.TrimRight(b, "0")), true
}

func (w Writer) boolean(c *Column, v feed.Value) (Value, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case int64:
		if v == 0 || v == 1 {
			return v == 1, nil
		}
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "true", "1":
			return true, nil
		case "false", "0":
			return false, nil
		}
	}
	return nil, &ValueError{c.Name, "neither true nor false"}
}

func (w Writer) bytes(c *Column, v feed.Value) (Value, error) {
	switch v := v.(type) {
	case []byte:
		return v, nil
	case string:
		return []byte(v), nil
	}
	if c.Loose {
		return w.any(c, v)
	}
	return nil, &ValueError{c.Name, "not binary"}
}

// moment writes to a date or time column. Text is taken when it is one; SQLite keeps it as it is written.
func (w Writer) moment(c *Column, v feed.Value) (Value, error) {
	t, isTime := v.(time.Time)
	if s, ok := v.(string); ok {
		var err error
		if t, err = ParseTime(strings.TrimSpace(s), w.Location); err != nil {
			return nil, &ValueError{c.Name, "not a date or time"}
		}
		if c.Loose {
			return w.chars(c, s)
		}
		isTime = true
	}
	switch {
	case !isTime:
		return nil, &ValueError{c.Name, "not a date or time"}
	case t.Year() < 1 || t.Year() > 9999:
		return nil, &ValueError{c.Name, "a year outside 1 … 9999"}
	case c.Type == feed.Date:
		return t.Format(time.DateOnly), nil
	case c.Zoned && !c.Loose:
		if w.dialect.numbered {
			return t.Format(zonedLayout), nil
		}
		return t.UTC().Format(wallLayout), nil // the session's zone is UTC
	}
	return w.stamp(t, c.Loose), nil
}

func (w Writer) any(c *Column, v feed.Value) (Value, error) {
	switch v := v.(type) {
	case string:
		return w.chars(c, v)
	case time.Time:
		return w.stamp(v, true), nil
	case float64:
		if w.dialect.loose {
			return w.float(c, v)
		}
	}
	if w.dialect.loose {
		return v, nil
	}
	return w.asText(c, v)
}

// ParseTime reads a date or time as people and partners write them; one without a zone is in the given one.
func ParseTime(s string, zone *time.Location) (time.Time, error) {
	t, _, err := parseLayout(s, zone)
	return t, err
}

func parseLayout(s string, zone *time.Location) (time.Time, string, error) {
	var err error
	for _, layout := range []string{
		"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07:00",
		"2006-01-02T15:04:05.999999999", time.DateOnly, "2006-01-02 15:04", "2006-01-02T15:04",
	} {
		var t time.Time
		if t, err = time.ParseInLocation(layout, s, zone); err == nil {
			return t, layout, nil
		}
	}
	return time.Time{}, "", err
}

// Earlier returns a time in text form moved back by d, in the form it has; ok is false when it is no time.
func Earlier(s string, d time.Duration) (string, bool) {
	t, layout, err := parseLayout(s, time.UTC)
	if err != nil {
		return "", false
	}
	return t.Add(-d).Format(layout), true
}
