package sql

import (
	"cmp"
	"context"
	"strings"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

// rewinder is a source with a lookback.
type rewinder struct{ *Source }

// Rewind implements [feed.Rewinder]: the first cursor column counts back by the lookback.
func (r rewinder) Rewind(c feed.Cursor) feed.Cursor {
	text, ok := r.first(c)
	earlier, timely := sqldb.Earlier(text, r.lookback)
	if !ok || !timely {
		return c // Fetch has made sure that it is a time
	}
	return position{values: []sqldb.Value{earlier}, from: true}.format()
}

// Rewound implements [feed.Rewinder].
func (r rewinder) Rewound(place, c feed.Cursor) bool {
	here, ok := r.first(place)
	start, well := r.first(r.Rewind(c))
	if !ok || !well {
		return false
	}
	if r.cursor[0].Loose {
		return here >= start // as SQLite itself compares text
	}
	t, err := sqldb.ParseTime(here, r.zone)
	u, wrong := sqldb.ParseTime(start, r.zone)
	return err == nil && wrong == nil && !t.Before(u)
}

// first returns the first value of a cursor, which is a time in text form.
func (r rewinder) first(c feed.Cursor) (string, bool) {
	p, err := r.parse(c)
	if err != nil || len(p.values) == 0 {
		return "", false
	}
	text, ok := p.values[0].(string)
	return text, ok
}

// CheckCursor implements [feed.CursorChecker].
func (s *Source) CheckCursor(c feed.Cursor) (feed.Cursor, error) {
	p, err := s.parse(c)
	if err == nil {
		err = s.timed(p)
	}
	return p.format(), err
}

// timed refuses an operator's cursor or bound that is no time where the first cursor column holds times: it would stand
// before or behind all of them.
func (s *Source) timed(p position) error {
	if len(p.values) == 0 || !holdsTimes(s.cursor[0]) {
		return nil
	}
	text, ok := p.values[0].(string)
	if _, err := sqldb.ParseTime(text, s.zone); ok && err == nil {
		return nil
	}
	return feed.Errorf(feed.HaltJob, "cursor", "%s: %v is no time, which the column %s holds", s.place, p.values[0], s.cursor[0].Name).
		WithRemedy("write for example 2026-01-31, 2026-01-31 10:00:00 or %s", s.example().format())
}

// Count implements [feed.Counter].
func (s *Source) Count(ctx context.Context, after feed.Cursor) (int64, error) {
	p, err := s.parse(after)
	if err != nil {
		return 0, err
	}
	q := s.db.Stmt("SELECT COUNT(*) FROM ", s.from, " WHERE ")
	s.window(q, p)
	var n int64
	err = s.use(ctx, func(ctx context.Context, c *sqldb.Session) error {
		n, err = c.Int(ctx, q.String(), q.Args...)
		return err
	})
	return n, s.fault(err, "count the rows behind %q", string(after))
}

// Locate implements [feed.Rereader]: the cursor tuple.
func (s *Source) Locate(b feed.Batch, i int) feed.Cursor {
	values := make([]feed.Value, len(s.cursor))
	for j, c := range s.cursor {
		values[j] = b.Get(i, c.Name)
	}
	tuple, err := s.tuple(values)
	if err != nil {
		return ""
	}
	return position{values: tuple}.format()
}

// Reread implements [feed.Rereader].
func (s *Source) Reread(ctx context.Context, at []feed.Cursor) (feed.Batch, error) {
	const chunk = 100
	out := feed.Batch{Columns: s.list}
	for ; len(at) > 0; at = at[min(chunk, len(at)):] {
		q := s.db.Stmt("SELECT ", strings.Join(s.selected(), ", "), " FROM ", s.from, " WHERE 1 = 0")
		for _, c := range at[:min(chunk, len(at))] {
			p, err := s.parse(c)
			if err != nil {
				return feed.Batch{}, err
			}
			if len(p.values) == len(s.cursor) {
				q.Add(" OR (").Equal(s.cursor, p.values).Add(")")
			}
		}
		r := &pageReader{s: s, limit: 1 << 30, last: make([]feed.Value, len(s.at))}
		err := s.db.Use(ctx, func(c *sqldb.Session) error { return c.Read(ctx, q.String(), q.Args, r.row) })
		if err != nil {
			return feed.Batch{}, s.fault(err, "read single rows again")
		}
		out.Values = append(out.Values, r.page.Rows.Values...)
	}
	return out, nil
}

// bound ends a bounded read: behind the rows whose first cursor column is at most, or less than, a value; and, of the
// rows with that value, behind the tuple.
type bound struct {
	op     string // "", "<=", "<"
	values []sqldb.Value
}

func (b bound) append(q *sqldb.Stmt, cursor []sqldb.Column) {
	if b.op == "" {
		return
	}
	q.Add(" AND ").Compare(cursor[0], b.op, b.values[0])
	if len(b.values) > 1 {
		q.Add(" AND NOT (").Behind(cursor[:len(b.values)], b.values).Add(")")
	}
}

// Range implements [feed.Ranger]. A bound is a value of the first cursor column or a cursor. A day as the upper bound
// belongs to the range as a whole; a value behind [feed.Before] does not.
func (s *Source) Range(from, to string) (feed.Cursor, feed.Source, error) {
	bounded := *s
	var start position
	var err error
	if from = strings.TrimSpace(from); from != "" {
		if start, err = s.bound(from); err != nil {
			return "", nil, err
		}
	}
	if to = strings.TrimSpace(to); to != "" {
		if bounded.to, err = s.end(to); err != nil {
			return "", nil, err
		}
	}
	if s.backwards(start, bounded.to) {
		return "", nil, feed.Errorf(feed.Fail, "range", "%s: from %s to %s is nothing: from must not stand behind to", s.place, from, to)
	}
	return start.format(), &bounded, nil
}

// backwards says that a range ends before it begins, as far as that can be told without the database's own order.
func (s *Source) backwards(from position, to bound) bool {
	if len(from.values) == 0 || to.op == "" {
		return false
	}
	order := 0
	switch a := from.values[0].(type) {
	case int64:
		b, ok := to.values[0].(int64)
		order = cmp.Compare(a, b)
		if !ok {
			return false
		}
	case string:
		b, _ := to.values[0].(string)
		at, err := sqldb.ParseTime(a, s.zone)
		end, wrong := sqldb.ParseTime(b, s.zone)
		if err != nil || wrong != nil {
			return false
		}
		order = at.Compare(end)
	}
	return order > 0 || order == 0 && to.op == "<"
}

// bound reads a cursor, or a single value as the place before the rows that have it.
func (s *Source) bound(text string) (position, error) {
	if strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{") {
		p, err := s.parse(feed.Cursor(text))
		if err == nil {
			err = s.timed(p)
		}
		return p, err
	}
	var v sqldb.Value = text
	var err error
	c := s.cursor[0]
	switch c.Type {
	case feed.Integer:
		v, err = fitInteger(c, text)
	case feed.Time, feed.Date:
		_, err = sqldb.ParseTime(text, s.zone)
	}
	if err != nil {
		return position{}, feed.Errorf(feed.HaltJob, "range", "%s: %q is no bound for the column %s, which is %s", s.place, text, c.Name, c.Decl).
			WithRemedy("write a value of the column, a day, or a cursor")
	}
	p, err := s.parse(position{values: []sqldb.Value{v}, from: true}.format())
	if err == nil {
		err = s.timed(p)
	}
	return p, err
}

func (s *Source) end(text string) (bound, error) {
	if border, ok := strings.CutPrefix(text, feed.Before); ok {
		p, err := s.bound(strings.TrimSpace(border))
		if err == nil && len(p.values) != 1 {
			err = s.noEnd(text)
		}
		return bound{"<", p.values}, err
	}
	day, err := time.Parse(time.DateOnly, text)
	if err == nil && s.cursor[0].Type != feed.Integer {
		next, err := s.bound(day.AddDate(0, 0, 1).Format(time.DateOnly))
		return bound{"<", next.values}, err
	}
	p, err := s.bound(text)
	if err != nil {
		return bound{}, err
	}
	if p.from && len(p.values) > 1 {
		return bound{}, s.noEnd(text)
	}
	return bound{"<=", p.values}, nil
}

func (s *Source) noEnd(text string) error {
	return feed.Errorf(feed.HaltJob, "range", "%s: %s is no upper bound", s.place, text).
		WithRemedy("write a value, a day or a cursor [%s]", strings.Join(sqldb.Names(s.cursor), ", "))
}
