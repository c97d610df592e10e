package sql

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

// pageReader takes the rows of one page, and one row more to know what follows.
type pageReader struct {
	s     *Source
	limit int
	n     int          // rows of the page so far, rejected ones too
	after position     // where the page begins
	times bool         // some row's first cursor column looks like a time
	odd   []feed.Value // the cursor columns of the first row in which it is a text that does not
	last  []feed.Value // the cursor columns of the row before
	page  feed.Page
}

func (r *pageReader) row(raw []sqldb.Value) error {
	begin := len(r.page.Rows.Values)
	row, bad, err := r.read(raw, r.page.Rows.Values)
	if err != nil {
		return err
	}
	if r.n == r.limit {
		return r.border(row[begin:])
	}
	for i, at := range r.s.at {
		r.last[i] = row[begin+at]
	}
	if text, ok := r.last[0].(string); ok && looksLikeTime(text) {
		r.times = true
	} else if ok && r.odd == nil {
		r.odd = slices.Clone(r.last)
	}
	if bad != nil {
		if err := r.reject(row[begin:], bad); err != nil {
			return err
		}
		row = row[:begin]
	}
	r.page.Rows.Values = row
	r.n++
	return nil
}

// read appends the values of a row; bad tells of one that cannot be read, outside the cursor columns.
func (r *pageReader) read(raw []sqldb.Value, to []feed.Value) (row []feed.Value, bad *sqldb.ValueError, err error) {
	reader := sqldb.Reader{Location: r.s.zone}
	for i := range r.s.columns {
		v, err := reader.Value(&r.s.columns[i], raw[i])
		if err != nil {
			if !errors.As(err, &bad) || slices.Contains(r.s.at, i) {
				return nil, nil, feed.Errorf(feed.HaltJob, "cursor", "row %d of the page: %w", r.n+1, err).
					WithRemedy("correct the cursor column of that row")
			}
		}
		to = append(to, v)
	}
	return to, bad, nil
}

// border looks at the row behind the page: were its cursor the same as the last row's, the next page would pass it over.
func (r *pageReader) border(row []feed.Value) error {
	r.page.Done = false
	for i, at := range r.s.at {
		if !same(row[at], r.last[i]) {
			return nil
		}
	}
	where, err := r.s.tuple(r.last)
	if err != nil {
		return err
	}
	return feed.Errorf(feed.HaltJob, "ambiguous cursor", "more than one row has the cursor %s", position{values: where}.format()).
		WithRemedy("add the primary key to cursor, as its last column; cursor is now [%s]", strings.Join(sqldb.Names(r.s.cursor), ", "))
}

func same(a, b feed.Value) bool {
	if t, ok := a.(time.Time); ok {
		u, ok := b.(time.Time)
		return ok && t.Equal(u)
	}
	if x, ok := a.([]byte); ok {
		y, ok := b.([]byte)
		return ok && bytes.Equal(x, y)
	}
	return a == b
}

// reject records a row that cannot be read; the column that is to blame is left out.
func (r *pageReader) reject(row []feed.Value, bad *sqldb.ValueError) error {
	place, err := r.s.tuple(r.last)
	if err != nil {
		return err
	}
	record := make(map[string]feed.Value, len(row))
	for i, v := range row {
		if c := r.s.columns[i].Name; c != bad.Column {
			record[c] = v
		}
	}
	r.page.Rejected = append(r.page.Rejected, feed.Rejection{Row: r.n, Code: "unreadable", Reason: bad.Error(), Record: record,
		Place: position{values: place}.format()})
	return nil
}

// finish sets the cursor behind the page.
func (r *pageReader) finish() error {
	if r.n == 0 {
		return nil
	}
	values, err := r.s.tuple(r.last)
	if err != nil {
		return err
	}
	if text, ok := values[0].(string); r.s.lookback > 0 {
		if _, timely := sqldb.Earlier(text, 0); !ok || !timely {
			return feed.Errorf(feed.HaltJob, "lookback", "the cursor column %s holds something that is no time, so lookback cannot count back from it", r.s.cursor[0].Name).
				WithRemedy("remove lookback, or correct the value")
		}
	}
	if r.timely() {
		if err := r.hides(); err != nil {
			return err
		}
	}
	r.page.Next = position{values: values}.format()
	return nil
}

// leeway is how far in the future a cursor's time may be; clocks and time zones differ a little.
const leeway = 24 * time.Hour

const inFuture = "in the future"

// hides refuses a page with a row that would hide others, or be hidden: where the cursor column holds times, one that is
// none, or one in the future, sorts behind every row to come, and the cursor would stand there for ever; an empty one
// sorts before every row, and the next of its kind would never be read.
func (r *pageReader) hides() error {
	row, is := r.last, ""
	if r.odd != nil {
		row, is = r.odd, "no time"
	} else {
		is = r.s.unlikely(r.last[0])
	}
	if is == "" {
		return nil
	}
	values, err := r.s.tuple(row)
	if err != nil {
		return err
	}
	return feed.Errorf(feed.HaltJob, "cursor value", "the cursor column %s holds %q, which is %s, in the row with %s: a row like this is skipped, or hides those that come after it",
		r.s.cursor[0].Name, values[0], is, r.s.named(values)).
		WithRemedy("correct the row, or leave such rows out with query = \"SELECT … WHERE %s\"", r.s.likely())
}

// unlikely says what is wrong with a value of a column that holds times, "" for nothing.
func (s *Source) unlikely(v feed.Value) string {
	t, isTime := v.(time.Time) // as PostgreSQL and MySQL have it
	if text, ok := v.(string); ok {
		var err error
		if t, err = sqldb.ParseTime(text, s.zone); err != nil {
			return "no time"
		}
		isTime = true
	}
	if isTime && t.After(time.Now().Add(leeway)) {
		return inFuture
	}
	return ""
}

// likely is the condition that leaves out the rows that [pageReader.hides] refuses.
func (s *Source) likely() string {
	c := s.cursor[0]
	if !c.Loose && (c.Type == feed.Time || c.Type == feed.Date) {
		return c.Name + " <= …"
	}
	return fmt.Sprintf("%[1]s <= … AND %[1]s > ''", c.Name)
}

// named writes the cursor columns of a row, as a person would look for it.
func (s *Source) named(values []sqldb.Value) string {
	parts := make([]string, len(values))
	for i, v := range values {
		switch is := v.(type) {
		case nil:
			v = "NULL"
		case []byte:
			v = string(is)
		}
		parts[i] = fmt.Sprintf("%s = %v", s.cursor[i].Name, v)
	}
	return strings.Join(parts, ", ")
}

// timely says that the first cursor column holds times, as its type, its name or other values of it say.
func (r *pageReader) timely() bool {
	if r.times || holdsTimes(r.s.cursor[0]) {
		return true
	}
	if len(r.after.values) > 0 {
		if text, ok := r.after.values[0].(string); ok && looksLikeTime(text) {
			return true
		}
	}
	return false
}

// holdsTimes says that a column holds times, as its type or its name say.
func holdsTimes(c sqldb.Column) bool {
	if c.Type == feed.Integer || c.Type == feed.Decimal {
		return false
	}
	name := strings.ToLower(c.Name)
	return c.Type == feed.Time || c.Type == feed.Date || strings.Contains(name, "date") || strings.Contains(name, "time") || strings.HasSuffix(name, "_at")
}

// looksLikeTime recognises 2026-01-31, alone or with a time of day behind it.
func looksLikeTime(s string) bool {
	const day = len("2026-01-31")
	return len(s) >= day && s[4] == '-' && s[7] == '-' && s[0] >= '0' && s[0] <= '9' && (len(s) == day || s[day] == ' ' || s[day] == 'T')
}
