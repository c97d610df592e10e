package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"milkrun/sync/feed"
)

// Session is one connection of the pool, held until Close. It is used by one goroutine.
type Session struct {
	d    *Dialect
	conn *sql.Conn
	inTx bool
}

// Session takes a connection out of the pool.
func (db *DB) Session(ctx context.Context) (*Session, error) {
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	s := &Session{d: db.Dialect, conn: conn}
	for _, q := range db.perSession {
		if _, err := s.Exec(ctx, q); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Use runs fn on a connection of the pool.
func (db *DB) Use(ctx context.Context, fn func(*Session) error) error {
	s, err := db.Session(ctx)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil { // the DSN's own time for connecting
		return feed.Errorf(feed.Retry, "", "connect to the database: %w", err).WithRemedy(remedyAway)
	}
	if err != nil {
		return db.Fault(err, "connect to the database")
	}
	err = fn(s)
	if e := s.Close(); err == nil {
		err = e
	}
	return err
}

// Close gives the connection back; one whose transaction could not be ended is thrown away.
func (s *Session) Close() error {
	if s.inTx {
		_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
		return nil
	}
	return s.conn.Close()
}

// Tx runs fn in a transaction, which is taken back when fn returns an error.
func (s *Session) Tx(ctx context.Context, fn func() error) error {
	return s.within(ctx, s.d.begin, fn)
}

// within runs fn in a transaction that a statement begins.
func (s *Session) within(ctx context.Context, begin string, fn func() error) error {
	if _, err := s.Exec(ctx, begin); err != nil {
		return err
	}
	s.inTx = true
	err := fn()
	if err == nil {
		_, err = s.Exec(ctx, "COMMIT")
	}
	if err == nil {
		s.inTx = false
		return nil
	}
	if _, e := s.Exec(context.WithoutCancel(ctx), "ROLLBACK"); e == nil {
		s.inTx = false
	}
	return err
}

// Lock keeps everybody else from writing to a table, given as SQL, until the transaction ends; readers go on.
func (s *Session) Lock(ctx context.Context, table string) error {
	if s.d.lock == "" {
		return nil // the transaction began with it
	}
	_, err := s.Value(ctx, fmt.Sprintf(s.d.lock, table))
	return err
}

// Exec runs a statement and returns the number of rows it changed.
func (s *Session) Exec(ctx context.Context, query string, args ...driver.Value) (int64, error) {
	var n int64
	err := s.raw(ctx, func(c conn) error {
		res, err := c.ExecContext(ctx, query, named(args))
		if errors.Is(err, driver.ErrSkip) {
			err = withStmt(ctx, c, query, func(st stmt) (err error) {
				res, err = st.ExecContext(ctx, named(args))
				return err
			})
		}
		if err == nil {
			n, err = res.RowsAffected()
		}
		return err
	})
	return n, err
}

// Read runs a query and calls each for every row. The row is valid during the call only, and so are its byte slices.
func (s *Session) Read(ctx context.Context, query string, args []driver.Value, each func(row []driver.Value) error) error {
	return s.rows(ctx, query, args, func(rows driver.Rows) error {
		row := make([]driver.Value, len(rows.Columns()))
		for {
			if err := rows.Next(row); err != nil {
				if errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}
			if err := each(row); err != nil {
				return err
			}
		}
	})
}

// Value returns the first value of the first row, nil when there is no row.
func (s *Session) Value(ctx context.Context, query string, args ...driver.Value) (driver.Value, error) {
	var v driver.Value
	first := true
	err := s.Read(ctx, query, args, func(row []driver.Value) error {
		if first {
			v, first = own(row[0]), false
		}
		return nil
	})
	return v, err
}

// Int returns the number a query gives, 0 for NULL.
func (s *Session) Int(ctx context.Context, query string, args ...driver.Value) (int64, error) {
	v, err := s.Value(ctx, query, args...)
	if err != nil || v == nil {
		return 0, err
	}
	var n int64
	if _, err = fmt.Sscan(fmt.Sprint(v), &n); err != nil {
		return 0, fmt.Errorf("%v is no whole number", v)
	}
	return n, nil
}

// Describe returns the columns of a query without reading a row of it.
func (s *Session) Describe(ctx context.Context, query string) ([]Column, error) {
	var list []Column
	err := s.rows(ctx, query, nil, func(rows driver.Rows) error {
		types, ok := rows.(driver.RowsColumnTypeDatabaseTypeName)
		if !ok {
			return errors.New("the driver does not tell column types")
		}
		for i, name := range rows.Columns() {
			list = append(list, s.d.Column(name, types.ColumnTypeDatabaseTypeName(i)))
		}
		return nil
	})
	return list, err
}

func (s *Session) rows(ctx context.Context, query string, args []driver.Value, fn func(driver.Rows) error) error {
	return s.raw(ctx, func(c conn) error {
		rows, err := c.QueryContext(ctx, query, named(args))
		if errors.Is(err, driver.ErrSkip) {
			return withStmt(ctx, c, query, func(st stmt) error {
				rows, err := st.QueryContext(ctx, named(args))
				return consume(rows, err, fn)
			})
		}
		return consume(rows, err, fn)
	})
}

func consume(rows driver.Rows, err error, fn func(driver.Rows) error) error {
	if err != nil {
		return err
	}
	err = fn(rows)
	if e := rows.Close(); err == nil {
		err = e
	}
	return err
}

// conn and stmt are what all three drivers offer.
type conn interface {
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnPrepareContext
}

type stmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// raw runs fn on the driver's connection, unless the context is over: SQLite's driver would not look.
func (s *Session) raw(ctx context.Context, fn func(conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.conn.Raw(func(c any) error {
		dc, ok := c.(conn)
		if !ok {
			return fmt.Errorf("driver connection %T lacks contexts", c)
		}
		return fn(dc)
	})
}

func withStmt(ctx context.Context, c conn, query string, fn func(stmt) error) error {
	ps, err := c.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	st, ok := ps.(stmt)
	if !ok {
		return fmt.Errorf("driver statement %T lacks contexts", ps)
	}
	err = fn(st)
	if e := st.Close(); err == nil {
		err = e
	}
	return err
}

func named(args []driver.Value) []driver.NamedValue {
	if len(args) == 0 {
		return nil
	}
	list := make([]driver.NamedValue, len(args))
	for i, v := range args {
		list[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return list
}

// own returns a value that stays valid: text that a driver lends as bytes becomes a string.
func own(v driver.Value) feed.Value {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return v
}
