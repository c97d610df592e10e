package dbtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"milkrun/sync/kind"
	"milkrun/sync/sqldb"
)

// Database is an empty database of one kind: sqlite, postgres or mysql.
type Database struct {
	Kind string
	open func() kind.Connection
	dsn  string
}

// DSN is how another process connects to it.
func (d Database) DSN() string { return d.dsn }

// Everywhere runs a test on an empty database of each kind.
func (s *Servers) Everywhere(t *testing.T, test func(t *testing.T, db Database)) {
	t.Helper()
	for _, name := range []string{"sqlite", "postgres", "mysql"} {
		t.Run(name, func(t *testing.T) { test(t, s.New(t, name)) })
	}
}

// New returns an empty database.
func (s *Servers) New(tb testing.TB, name string) Database {
	tb.Helper()
	switch name {
	case "postgres":
		return Database{name, sqldb.NewPostgres, s.Postgres(tb)}
	case "mysql":
		return Database{name, sqldb.NewMySQL, s.MySQL(tb)}
	}
	return Database{name, sqldb.NewSQLite, filepath.Join(tb.TempDir(), "test.db")}
}

// EverywhereAlone is Everywhere with a database that can be made unreachable: on a server of its own, which down ends. An
// SQLite file is removed.
func EverywhereAlone(t *testing.T, test func(t *testing.T, db Database, down func())) {
	t.Helper()
	for name, env := range map[string]string{"sqlite": "", "postgres": postgresEnv, "mysql": mysqlEnv} {
		t.Run(name, func(t *testing.T) {
			if os.Getenv(env) != "" {
				t.Skipf("the server of %s is not ours to end", env)
			}
			var own Servers
			d := own.New(t, name)
			t.Cleanup(own.Close)
			test(t, d, func() {
				own.Close()
				if name == "sqlite" {
					if err := os.Remove(d.dsn); err != nil {
						t.Fatal(err)
					}
				}
			})
		})
	}
}

// Connect returns a new connection, closed with the test.
func (d Database) Connect(tb testing.TB) *sqldb.Connection {
	tb.Helper()
	c, err := Connect(d.open, d.dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// Use runs fn on a connection of its own.
func (d Database) Use(tb testing.TB, fn func(ctx context.Context, s *sqldb.Session) error) {
	tb.Helper()
	ctx := context.Background()
	c := d.Connect(tb)
	db, err := c.DB(ctx, true)
	if err == nil {
		err = db.Use(ctx, func(s *sqldb.Session) error { return fn(ctx, s) })
	}
	if e := c.Close(); err == nil {
		err = e
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// Exec runs statements, in which "x" quotes a name.
func (d Database) Exec(tb testing.TB, queries ...string) {
	tb.Helper()
	d.Use(tb, func(ctx context.Context, s *sqldb.Session) error {
		for _, q := range queries {
			if _, err := s.Exec(ctx, d.Quoted(q)); err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
		}
		return nil
	})
}

// Rows returns the rows of a query as text, values separated by |.
func (d Database) Rows(tb testing.TB, query string) []string {
	tb.Helper()
	var out []string
	d.Use(tb, func(ctx context.Context, s *sqldb.Session) error {
		return s.Read(ctx, d.Quoted(query), nil, func(row []sqldb.Value) error {
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

// Has says whether there is a table of that name.
func (d Database) Has(tb testing.TB, table string) bool {
	tb.Helper()
	there := false
	d.Use(tb, func(ctx context.Context, s *sqldb.Session) error {
		t, err := s.Table(ctx, sqldb.ParseName(table))
		there = t != nil
		return err
	})
	return there
}

// Quoted returns a statement in which "x" quotes a name as the database takes it.
func (d Database) Quoted(query string) string {
	if d.Kind == "mysql" {
		return strings.ReplaceAll(query, `"`, "`")
	}
	return query
}
