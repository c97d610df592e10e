package sql

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"milkrun/sync/dbtest"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/sqldb"
)

var servers dbtest.Servers

func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }

// shanghai has no summer time today, and had from 1986 to 1991.
func shanghai() *time.Location {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		panic(err)
	}
	return zone
}

// database is an empty database of one kind.
type database struct {
	kind string
	open func() kind.Connection
	dsn  string
}

// everywhere runs a test on an empty database of each kind.
func everywhere(t *testing.T, test func(t *testing.T, db database)) {
	t.Helper()
	for _, name := range []string{"sqlite", "postgres", "mysql"} {
		t.Run(name, func(t *testing.T) { test(t, newDatabase(t, name)) })
	}
}

func newDatabase(t testing.TB, name string) database {
	t.Helper()
	switch name {
	case "postgres":
		return database{name, sqldb.NewPostgres, servers.Postgres(t)}
	case "mysql":
		return database{name, sqldb.NewMySQL, servers.MySQL(t)}
	}
	return database{name, sqldb.NewSQLite, filepath.Join(t.TempDir(), "test.db")}
}

// connect returns a new connection to the database.
func (d database) connect(t testing.TB) *sqldb.Connection {
	t.Helper()
	c, err := dbtest.Connect(d.open, d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (d database) use(t testing.TB, fn func(s *sqldb.Session) error) {
	t.Helper()
	db, err := d.connect(t).DB(context.Background(), true)
	if err == nil {
		err = db.Use(context.Background(), fn)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// exec runs statements in which "x" quotes a name.
func (d database) exec(t testing.TB, queries ...string) {
	t.Helper()
	d.use(t, func(s *sqldb.Session) error {
		for _, q := range queries {
			if d.kind == "mysql" {
				q = strings.ReplaceAll(q, `"`, "`")
			}
			if _, err := s.Exec(context.Background(), q); err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
		}
		return nil
	})
}

// rows returns a query's rows as text, values separated by |.
func (d database) rows(t testing.TB, query string) []string {
	t.Helper()
	if d.kind == "mysql" {
		query = strings.ReplaceAll(query, `"`, "`")
	}
	var out []string
	d.use(t, func(s *sqldb.Session) error {
		return s.Read(context.Background(), query, nil, func(row []sqldb.Value) error {
			parts := make([]string, len(row))
			for i, v := range row {
				if b, ok := v.([]byte); ok {
					v = string(b)
				}
				parts[i] = fmt.Sprint(v)
			}
			out = append(out, strings.Join(parts, "|"))
			return nil
		})
	})
	return out
}

// sink opens a sink over a connection of its own.
func (d database) sink(t testing.TB, table string, key ...string) *Sink {
	t.Helper()
	s := New(d.connect(t)).(*settings)
	s.table, s.key = table, key
	if p := s.Validate(); len(p) > 0 {
		t.Fatal(p)
	}
	out, err := s.Open(context.Background(), kind.Env{Job: "test", Connection: "target", Location: shanghai()})
	if err != nil {
		t.Fatal(err)
	}
	return out.(*Sink)
}

// batch returns rows against columns.
func batch(columns *feed.Columns, rows ...[]feed.Value) feed.Batch {
	b := feed.Batch{Columns: columns}
	for _, r := range rows {
		b.Values = append(b.Values, r...)
	}
	return b
}

func deliver(t testing.TB, s *Sink, b feed.Batch) []feed.Rejection {
	t.Helper()
	rejected, err := s.Deliver(t.Context(), b)
	if err != nil {
		t.Fatalf("Deliver: %v", err)
	}
	return rejected
}

// shown returns the rows of a batch as [database.rows] does.
func shown(b feed.Batch) []string {
	out := make([]string, b.Len())
	for i := range out {
		parts := make([]string, len(b.Row(i)))
		for j, v := range b.Row(i) {
			parts[j] = fmt.Sprint(v)
		}
		out[i] = strings.Join(parts, "|")
	}
	return out
}
