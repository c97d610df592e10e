package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Store is an open state file. All its methods may be called by several goroutines at once; writes happen one after
// the other.
type Store struct {
	path    string
	now     func() time.Time
	scripts []string
	w, r    *sql.DB // w is nil in a store opened for reading
	hot     hot     // the statements of Advance, likewise
}

// Path returns the file's path, absolute and without symbolic links.
func (s *Store) Path() string { return s.path }

// Close ends all connections; the write-ahead log is merged into the file.
func (s *Store) Close() error {
	err := s.r.Close()
	if s.w != nil {
		err = errors.Join(err, s.hot.close(), s.w.Close())
	}
	return explain(s.path, "closing it", err)
}

// write runs f in one immediate transaction. It happens as a whole or not at all.
func (s *Store) write(ctx context.Context, doing string, f func(t *tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	}
	if s.w == nil {
		return fault(ErrReadOnly, s.path, doing, errors.New("it was opened for reading only"))
	}
	return explain(s.path, doing, s.transact(context.WithoutCancel(ctx), f))
}

func (s *Store) transact(ctx context.Context, f func(t *tx) error) error {
	begun, err := s.w.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(&tx{Tx: begun, ctx: ctx, now: s.moment()}); err != nil {
		_ = begun.Rollback() // the cause is what counts; SQLite may have rolled back by itself
		return err
	}
	return begun.Commit()
}

// moment is the present as it is stored.
func (s *Store) moment() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

// tx is one write transaction; everything in it happens at one moment.
type tx struct {
	*sql.Tx
	ctx context.Context
	now time.Time
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.ExecContext(t.ctx, query, args...)
	return err
}

// changed runs a statement and says whether it changed any row.
func (t *tx) changed(query string, args ...any) (bool, error) {
	res, err := t.ExecContext(t.ctx, query, args...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// scanner is a row of a result.
type scanner interface{ Scan(dest ...any) error }

// querier is the read pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// all returns every row of a query, read by scan.
func all[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // rows.Err tells what went wrong
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// one returns the first row of a query, and whether there is one.
func one[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) (T, bool, error) {
	var none T
	list, err := all(ctx, q, scan, query, args...)
	if err != nil || len(list) == 0 {
		return none, false, err
	}
	return list[0], true, nil
}

// scanTo reads a row of one column.
func scanTo[T any](row scanner) (v T, err error) {
	err = row.Scan(&v)
	return v, err
}

// where is the WHERE clause of a filter.
type where struct {
	text string
	args []any
}

func (w *where) and(condition string, arg any) *where {
	link := " WHERE "
	if w.text != "" {
		link = " AND "
	}
	w.text += link + condition
	w.args = append(w.args, arg)
	return w
}

// equal adds a condition unless the value is empty.
func (w *where) equal(column, value string) *where {
	if value == "" {
		return w
	}
	return w.and(column+" = ?", value)
}

// limit is a number of rows for a LIMIT clause; none means all.
func limit(n int) int {
	if n <= 0 {
		return -1
	}
	return n
}
