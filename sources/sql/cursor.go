package sql

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

// position is a parsed cursor: behind the row with these values or, when from, before the first row that is not
// smaller. No values: the beginning.
type position struct {
	values []sqldb.Value
	from   bool
}

// parse reads a cursor and fits its values to the cursor columns.
func (s *Source) parse(c feed.Cursor) (position, error) {
	if c == "" {
		return position{}, nil
	}
	p, err := decode(string(c))
	if err == nil && (len(p.values) > len(s.cursor) || !p.from && len(p.values) < len(s.cursor)) {
		err = fmt.Errorf("the number of its values is %d instead of %d", len(p.values), len(s.cursor))
	}
	for i := range p.values {
		if err == nil {
			if p.values[i], err = s.fit(s.cursor[i], p.values[i]); err != nil {
				err = fmt.Errorf("column %s: %w", s.cursor[i].Name, err)
			}
		}
	}
	if err == nil {
		return p, nil
	}
	return position{}, feed.Errorf(feed.HaltJob, "cursor", "%s: the cursor does not fit (%s): %w; a good one looks like %s", s.place,
		strings.Join(sqldb.Names(s.cursor), ", "), err, s.example().format()).
		WithRemedy(`write a list of one value a cursor column, or {"from":[…]} for the first of them`)
}

// example is a cursor of the right form.
func (s *Source) example() position {
	var p position
	for _, c := range s.cursor {
		switch {
		case c.Type == feed.Integer:
			p.values = append(p.values, int64(17))
		case c.Type == feed.Date:
			p.values = append(p.values, "2026-01-31")
		case holdsTimes(c):
			p.values = append(p.values, "2026-01-31 10:00:00")
		default:
			p.values = append(p.values, "17")
		}
	}
	return p
}

// decode reads the JSON of a cursor. Its values are int64, string or, for other numbers, json.Number.
func decode(text string) (position, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var raw any
	if err := d.Decode(&raw); err != nil {
		return position{}, errors.New("it is not JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return position{}, errors.New("something stands behind the JSON")
	}
	var p position
	if m, ok := raw.(map[string]any); ok && len(m) == 1 {
		raw, p.from = m["from"], true
	}
	list, ok := raw.([]any)
	if !ok || len(list) == 0 {
		return position{}, errors.New(`it is neither a list nor {"from":[…]}`)
	}
	for i, v := range list {
		switch v := v.(type) {
		case string:
			p.values = append(p.values, v)
		case json.Number:
			p.values = append(p.values, number(v))
		default:
			return position{}, fmt.Errorf("value %d is neither text nor number", i+1)
		}
	}
	return p, nil
}

func number(v json.Number) sqldb.Value {
	if n, err := v.Int64(); err == nil {
		return n
	}
	return v
}

// fit brings a value to the form that compares with the column.
func (s *Source) fit(c sqldb.Column, v sqldb.Value) (sqldb.Value, error) {
	if n, ok := v.(json.Number); ok {
		if c.Type != feed.Decimal {
			return nil, errors.New("a fraction or a number beyond 64 bits")
		}
		v = n.String()
	}
	switch {
	case c.Loose:
		return v, nil
	case c.Type == feed.Integer:
		return fitInteger(c, v)
	case c.Type == feed.Decimal:
		c.Size, c.NotNull = 0, false // what is compared need not fit
		return s.db.Writer(s.zone).Value(&c, v)
	case c.Type == feed.Time, c.Type == feed.Date:
		return s.fitTime(c, v)
	}
	return fmt.Sprint(v), nil
}

func fitInteger(c sqldb.Column, v sqldb.Value) (sqldb.Value, error) {
	text, ok := v.(string)
	if !ok {
		return v, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	if _, err := strconv.ParseUint(text, 10, 64); err == nil && c.Unsigned {
		return text, nil
	}
	return nil, errors.New("not a whole number")
}

// fitTime leaves a wall clock as it is and brings everything else to the column's form.
func (s *Source) fitTime(c sqldb.Column, v sqldb.Value) (sqldb.Value, error) {
	text, ok := v.(string)
	if !ok {
		return nil, errors.New("not a time")
	}
	if c.Type == feed.Time && !c.Zoned && sqldb.IsWall(text) {
		return text, nil
	}
	t, err := sqldb.ParseTime(text, s.zone)
	if err != nil {
		return nil, errors.New("not a time")
	}
	if c.Type == feed.Date {
		return t.Format("2006-01-02"), nil
	}
	plain, _ := sqldb.Plain(&c, t.In(s.zone))
	return plain, nil
}

// format writes a cursor.
func (p position) format() feed.Cursor {
	if len(p.values) == 0 {
		return ""
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	var v any = p.values
	if p.from {
		v = map[string]any{"from": p.values}
	}
	if err := e.Encode(v); err != nil {
		return "" // text, numbers: cannot happen
	}
	return feed.Cursor(bytes.TrimSpace(b.Bytes()))
}

// tuple returns the cursor columns' values in the form a cursor holds.
func (s *Source) tuple(values []feed.Value) ([]sqldb.Value, error) {
	out := make([]sqldb.Value, len(values))
	for i, v := range values {
		plain, ok := sqldb.Plain(&s.cursor[i], v)
		if !ok {
			return nil, feed.Errorf(feed.HaltJob, "cursor", "the cursor column %s holds a %T, which no cursor can hold exactly", s.cursor[i].Name, v).
				WithRemedy("take a column of whole numbers, text or times")
		}
		out[i] = plain
	}
	return out, nil
}
