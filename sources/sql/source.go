package sql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

// Source reads one table or query. It is used by one goroutine.
type Source struct {
	db       *sqldb.DB
	place    string // for errors
	from     string // what follows FROM
	columns  []sqldb.Column
	list     *feed.Columns
	cursor   []sqldb.Column
	at       []int  // the places of the cursor columns in a row
	nullable bool   // some cursor column may be NULL
	checked  bool   // no NULL has been found
	note     string // what to tell with the first page
	to       bound
	only     chosen   // of a selection
	since    position // of a selection: where it begins
	zone     *time.Location
	lookback time.Duration
}

var (
	_ feed.Source        = (*Source)(nil)
	_ feed.Counter       = (*Source)(nil)
	_ feed.CursorChecker = (*Source)(nil)
	_ feed.Ranger        = (*Source)(nil)
	_ feed.Rereader      = (*Source)(nil)
	_ feed.Rewinder      = rewinder{}
)

// Fetch implements [feed.Source].
func (s *Source) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	p, err := s.parse(after)
	if err == nil {
		err = s.ahead(after, p)
	}
	if err != nil {
		return feed.Page{}, err
	}
	q := s.db.Stmt("SELECT ", strings.Join(s.selected(), ", "), " FROM ", s.from, " WHERE ")
	s.window(q, p)
	q.Add(" ORDER BY ", s.db.List("t.", sqldb.Names(s.cursor)), fmt.Sprintf(" LIMIT %d", limit+1))
	r := &pageReader{s: s, limit: limit, after: p, last: make([]feed.Value, len(s.at)), page: feed.Page{Next: after, Done: true, Total: -1}}
	r.page.Rows = feed.Batch{Columns: s.list, Values: make([]feed.Value, 0, limit*len(s.columns))}
	err = s.use(ctx, func(ctx context.Context, c *sqldb.Session) error {
		if err := s.refuseNull(ctx, c); err != nil {
			return err
		}
		return c.Read(ctx, q.String(), q.Args, r.row)
	})
	if err == nil {
		err = r.finish()
	}
	if err != nil {
		return feed.Page{}, s.fault(err, "read the rows behind %q", string(after))
	}
	if s.note != "" {
		r.page.Notes = map[string]int{s.note: 1}
		s.note = ""
	}
	return r.page, nil
}

// ahead refuses to read behind a checkpoint that stands in the future: nothing would come until then.
func (s *Source) ahead(after feed.Cursor, p position) error {
	if p.from || len(p.values) == 0 {
		return nil
	}
	text, _ := p.values[0].(string)
	if !(holdsTimes(s.cursor[0]) || looksLikeTime(text)) || s.unlikely(p.values[0]) != inFuture {
		return nil
	}
	return feed.Errorf(feed.HaltJob, "cursor value", "%s: the checkpoint stands at %s, in the future: no row that comes until then would be read",
		s.place, after).WithRemedy("milkrun checkpoint history JOB shows how it came there; put it back with milkrun checkpoint undo or set")
}

func (s *Source) selected() []string {
	out := make([]string, len(s.columns))
	for i, c := range s.columns {
		out[i] = s.db.Select(c)
	}
	return out
}

// window appends the condition for the rows behind p, up to the source's own bound.
func (s *Source) window(q *sqldb.Stmt, p position) {
	switch {
	case p.from:
		q.From(s.cursor, p.values)
	case len(p.values) > 0:
		q.Behind(s.cursor, p.values)
	case len(s.since.values) > 0:
		q.From(s.cursor, s.since.values)
	default:
		q.Add("1 = 1")
	}
	s.to.append(q, s.cursor)
	s.only.append(q, s)
}

// refuseNull looks once a run for a row that paging would never come across.
func (s *Source) refuseNull(ctx context.Context, c *sqldb.Session) error {
	if s.checked || !s.nullable {
		return nil
	}
	names := sqldb.Names(s.cursor)
	query := "SELECT " + s.db.List("t.", names) + " FROM " + s.from + " WHERE " +
		strings.Join(s.db.QuoteAll("t.", names), " IS NULL OR ") + " IS NULL LIMIT 1"
	err := c.Read(ctx, query, nil, func(row []sqldb.Value) error {
		null := names[slices.Index(row, nil)]
		return feed.Errorf(feed.HaltJob, "null cursor", "the cursor column %s is NULL in the row with %s", null, s.named(row)).
			WithRemedy("give the row a value; or leave such rows out with query = \"SELECT … WHERE %s IS NOT NULL\"; or take a cursor column that is never NULL", null)
	})
	s.checked = err == nil
	return err
}
