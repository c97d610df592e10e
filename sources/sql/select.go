package sql

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

var (
	_ feed.Selector = (*Source)(nil)
	_ feed.Comparer = (*Source)(nil)
)

// mostIDs bounds the placeholders of a statement.
const mostIDs = 5000

// patience is how long a query with a person's condition may take: the run that waits for it keeps the job from all others.
const patience = time.Minute

// chosen narrows a source to some rows.
type chosen struct {
	column sqldb.Column
	ids    []sqldb.Value // of the column
	where  string        // a person's condition, in brackets
	most   time.Duration // for a query with it
}

func (c chosen) append(q *sqldb.Stmt, s *Source) {
	if c.where != "" {
		q.Add(" AND ", c.where)
	}
	if len(c.ids) == 0 {
		return
	}
	q.Add(" AND ", s.db.Row(c.column.Name), " IN (")
	for i, id := range c.ids {
		if i > 0 {
			q.Add(", ")
		}
		q.Bound(c.column, id)
	}
	q.Add(")")
}

// Select implements [feed.Selector]. IDs are values of the last cursor column, which tells the rows apart; Where is a
// condition of SQL on the columns of the table or query. A condition is read in a transaction that can change nothing.
func (s *Source) Select(ctx context.Context, sel feed.Selection) (feed.Source, error) {
	narrow := *s
	narrow.only.column = s.cursor[len(s.cursor)-1]
	if len(sel.IDs) > mostIDs {
		return nil, s.unselected("%d ids are named, at most %d go at once", len(sel.IDs), mostIDs).
			WithRemedy("write a condition instead (--where), or go in several steps")
	}
	for _, id := range sel.IDs {
		v, err := s.fit(narrow.only.column, strings.TrimSpace(id))
		if err != nil {
			return nil, s.unselected("the id %q does not fit the column %s, which is %s: %w", id, narrow.only.column.Name, narrow.only.column.Decl, err).
				WithRemedy("ids are values of the last column of cursor")
		}
		narrow.only.ids = append(narrow.only.ids, v)
	}
	if since := strings.TrimSpace(sel.Since); since != "" {
		p, err := s.bound(since)
		if err != nil {
			return nil, feed.Errorf(feed.Fail, "selection", "%w", err).WithRemedy("%s", feed.Judge(err).Remedy)
		}
		narrow.since = p
	}
	if sel.Where == "" {
		return &narrow, nil
	}
	if err := sqldb.CheckCondition(sel.Where); err != nil {
		return nil, s.unselected("the condition %q cannot be used: %w", sel.Where, err).
			WithRemedy("write it as it would stand behind WHERE, for example \"status = 'paid'\"; a view holds what is more than that")
	}
	narrow.only.where, narrow.only.most = "("+sel.Where+"\n)", patience
	return &narrow, narrow.tryCondition(ctx)
}

// tryCondition has the database look at the condition without reading a row.
func (s *Source) tryCondition(ctx context.Context) error {
	q := s.db.Stmt("SELECT 1 FROM ", s.from, " WHERE 1 = 0")
	s.only.append(q, s)
	err := s.use(ctx, func(ctx context.Context, c *sqldb.Session) error {
		_, err := c.Value(ctx, q.String(), q.Args...)
		return err
	})
	if err == nil {
		return nil
	}
	return s.fault(err, "look at the condition")
}

// blame says of a fault that a person's condition may have caused, some only at a row (1/0, a cast, what may not be
// called), that it did: neither the job nor its records are wrong then.
func (s *Source) blame(fault error) error {
	if v := feed.Judge(fault); s.only.where == "" || v.Verdict == feed.Retry || v.Verdict == feed.HaltConnection {
		return fault
	}
	return s.unselected("the database does not take the condition: %w", fault).
		WithRemedy("correct it; there are the columns %s", strings.Join(sqldb.Names(s.columns), ", "))
}

func (s *Source) unselected(format string, args ...any) *feed.Error {
	return feed.Errorf(feed.Fail, "selection", "%s: %w", s.place, fmt.Errorf(format, args...))
}

// use runs fn on a connection; what a person wrote is read where nothing can be changed, and not for ever.
func (s *Source) use(ctx context.Context, fn func(context.Context, *sqldb.Session) error) error {
	if s.only.where == "" {
		return s.db.Use(ctx, func(c *sqldb.Session) error { return fn(ctx, c) })
	}
	limited, cancel := context.WithTimeout(ctx, s.only.most)
	defer cancel()
	err := s.db.Use(limited, func(c *sqldb.Session) error {
		return c.ReadOnly(limited, func() error { return fn(limited, c) })
	})
	if err == nil || ctx.Err() != nil || limited.Err() == nil {
		return err
	}
	return s.unselected("the database did not come to the end of a query with the condition within %s", s.only.most).
		WithRemedy("see that an index serves the condition (EXPLAIN), or write a narrower one: --since leaves out what stands before a place, --ids names single records")
}

// Identify implements [feed.Selector]: the value of the last cursor column.
func (s *Source) Identify(place feed.Cursor) string {
	p, err := s.parse(place)
	if err != nil || p.from || len(p.values) != len(s.cursor) {
		return ""
	}
	return fmt.Sprint(p.values[len(p.values)-1])
}

// Compare implements [feed.Comparer], for a first cursor column of whole numbers or times. Texts behind it are compared
// by their bytes, which need not be the database's order.
func (s *Source) Compare(a, b feed.Cursor) (order int, ok bool) {
	p, err := s.parse(a)
	q, wrong := s.parse(b)
	if err != nil || wrong != nil {
		return 0, false
	}
	for i := range min(len(p.values), len(q.values)) {
		if order, ok = s.compare(p.values[i], q.values[i], i == 0); order != 0 || !ok {
			return order, ok
		}
	}
	return cmp.Compare(len(p.values), len(q.values)), true
}

func (s *Source) compare(a, b sqldb.Value, first bool) (int, bool) {
	if x, ok := a.(int64); ok {
		y, ok := b.(int64)
		return cmp.Compare(x, y), ok
	}
	x, text := a.(string)
	y, both := b.(string)
	if !text || !both {
		return 0, false
	}
	t, err := sqldb.ParseTime(x, s.zone)
	u, wrong := sqldb.ParseTime(y, s.zone)
	if err == nil && wrong == nil {
		return t.Compare(u), true
	}
	return strings.Compare(x, y), !first
}
