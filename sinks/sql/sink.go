package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

// Sink writes to one table. Deliver may be called by several goroutines.
type Sink struct {
	db      *sqldb.DB
	job     string
	keeps   bool // rows are stamped, to be deleted when the job's retention is over
	name    sqldb.Name
	key     []string
	changes bool
	zone    *time.Location
	writer  sqldb.Writer
	place   string // for errors
	staging string // what the staging table's name ends with

	mu   sync.Mutex
	plan *plan
}

var (
	_ feed.Sink        = (*Sink)(nil)
	_ feed.Preparer    = (*Sink)(nil)
	_ feed.Snapshotter = (*Sink)(nil)
	_ feed.Ordered     = (*Sink)(nil)
)

// plan is how the rows of one column list go into the table.
type plan struct {
	from    *feed.Columns
	columns []sqldb.Column // of the table, one for each of from
	names   []string
	key     []sqldb.Column
	keyAt   []int    // places of the key columns
	rest    []string // names of the others
}

// Deliver implements [feed.Sink].
func (s *Sink) Deliver(ctx context.Context, b feed.Batch) ([]feed.Rejection, error) {
	if b.Len() == 0 {
		return nil, nil
	}
	b = s.stamped(b, time.Now())
	p, err := s.planFor(ctx, b.Columns)
	if err != nil {
		return nil, err
	}
	values, rejected := s.fit(p, b)
	if len(values) == 0 {
		return rejected, nil
	}
	err = s.db.Use(ctx, func(c *sqldb.Session) error {
		return c.Tx(ctx, func() error { return s.upsert(ctx, c, p, values) })
	})
	if err != nil {
		return nil, s.fault(err, "write %d records", b.Len())
	}
	return rejected, nil
}

// Ordered implements [feed.Ordered]: the table keeps the record of a key that was written last.
func (s *Sink) Ordered() {}

// fit brings the rows to the form the table takes.
func (s *Sink) fit(p *plan, b feed.Batch) ([]sqldb.Value, []feed.Rejection) {
	values := make([]sqldb.Value, 0, len(b.Values))
	var rejected []feed.Rejection
	for i := range b.Len() {
		row, err := s.fitRow(p, b.Row(i), values)
		if err != nil {
			rejected = append(rejected, feed.Rejection{Row: i, Code: err.Column, Reason: err.Error()})
			continue
		}
		values = row
	}
	return values, rejected
}

// fitRow appends one row to to.
func (s *Sink) fitRow(p *plan, row []feed.Value, to []sqldb.Value) ([]sqldb.Value, *sqldb.ValueError) {
	for i, v := range row {
		value, err := s.writer.Value(&p.columns[i], v)
		if err == nil && value == nil && slices.Contains(p.keyAt, i) {
			err = &sqldb.ValueError{Column: p.names[i], Reason: "empty, but it is part of the key"}
		}
		if err != nil {
			var bad *sqldb.ValueError
			if !errors.As(err, &bad) {
				bad = &sqldb.ValueError{Column: p.names[i], Reason: err.Error()}
			}
			return nil, bad
		}
		to = append(to, value)
	}
	return to, nil
}

func (s *Sink) upsert(ctx context.Context, c *sqldb.Session, p *plan, values []sqldb.Value) error {
	tail := s.db.Upsert(s.key, p.rest)
	if !s.db.Copies() {
		return c.Load(ctx, s.into(), p.names, values, tail)
	}
	return s.merge(ctx, c, p, values, tail)
}

// into is the table as the target of an INSERT; an upsert calls it t.
func (s *Sink) into() string {
	if s.db.ImplicitDDL() {
		return s.db.Quoted(s.name) // MySQL knows no alias there
	}
	return s.db.Quoted(s.name) + " AS t"
}

const rowColumn = "__row"

// merge loads the rows into a temporary table and upserts from there. Of rows with one key the last counts; a single
// upsert must not touch a row twice.
func (s *Sink) merge(ctx context.Context, c *sqldb.Session, p *plan, values []sqldb.Value, tail string) error {
	const batch = "__batch"
	d := s.db
	create := d.CreateTemp(batch) + " ON COMMIT DROP AS SELECT CAST(0 AS BIGINT) AS " + d.Quote(rowColumn) + ", " +
		d.List("t.", p.names) + " FROM " + d.Quoted(s.name) + " t WITH NO DATA"
	if _, err := c.Exec(ctx, create); err != nil {
		return err
	}
	width := len(p.names)
	numbered := make([]sqldb.Value, 0, len(values)/width*(width+1))
	for i := 0; i < len(values); i += width {
		numbered = append(append(numbered, int64(i)), values[i:i+width]...)
	}
	if err := c.Load(ctx, d.Temp(batch), append([]string{rowColumn}, p.names...), numbered, ""); err != nil {
		return err
	}
	last := "(SELECT DISTINCT ON (" + d.List("", s.key) + ") * FROM " + d.Temp(batch) +
		" ORDER BY " + d.List("", s.key) + ", " + d.Quote(rowColumn) + " DESC) b"
	_, err := c.Exec(ctx, "INSERT INTO "+s.into()+" ("+d.List("", p.names)+") SELECT "+d.List("b.", p.names)+" FROM "+last+tail)
	return err
}

func (s *Sink) fault(err error, format string, args ...any) error {
	return s.db.Fault(err, "%s: %s", s.place, fmt.Sprintf(format, args...))
}
