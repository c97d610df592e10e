// Package dbtest gives tests a PostgreSQL and a MariaDB or MySQL to talk to: a server per test process, a database per
// test.
//
//	var servers dbtest.Servers
//
//	func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }
//
//	func TestX(t *testing.T) { dsn := servers.Postgres(t) … }
//
// A DSN in MILKRUN_TEST_POSTGRES_DSN or MILKRUN_TEST_MYSQL_DSN wins; its user must be allowed to create databases. Else
// a throw-away server is started from the binaries that are installed, on a Unix socket only, and ended with the
// process. Where there are none the test is skipped, or fails when MILKRUN_REQUIRE_DATABASES=1.
package dbtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"milkrun/sync/kind"
	"milkrun/sync/secret"
	"milkrun/sync/sqldb"
)

const (
	postgresEnv = "MILKRUN_TEST_POSTGRES_DSN"
	mysqlEnv    = "MILKRUN_TEST_MYSQL_DSN"
)

// Servers are the servers of one test process, started when first asked for. The zero value is ready.
type Servers struct {
	postgres, mysql lazy
}

// lazy is one server.
type lazy struct {
	mu    sync.Mutex
	done  bool
	err   error
	dsn   string
	stop  func()
	count int
}

// Run runs the tests, ends the servers, and returns the exit code.
func (s *Servers) Run(m *testing.M) int {
	defer s.Close()
	return m.Run()
}

// Close ends the servers.
func (s *Servers) Close() {
	for _, l := range []*lazy{&s.postgres, &s.mysql} {
		l.mu.Lock()
		if l.stop != nil {
			l.stop()
		}
		l.stop, l.done = nil, false
		l.mu.Unlock()
	}
}

// Postgres returns the DSN of a fresh, empty database, which is dropped after the test.
func (s *Servers) Postgres(tb testing.TB) string {
	tb.Helper()
	return s.postgres.database(tb, postgresEnv, startPostgres, sqldb.NewPostgres, postgresDatabase)
}

// MySQL returns the DSN of a fresh, empty database, which is dropped after the test.
func (s *Servers) MySQL(tb testing.TB) string {
	tb.Helper()
	return s.mysql.database(tb, mysqlEnv, startMySQL, sqldb.NewMySQL, mysqlDatabase)
}

// starter starts a server; the error errAbsent says that it is not installed.
type starter func() (dsn string, stop func(), err error)

func (l *lazy) database(tb testing.TB, env string, start starter, open func() kind.Connection, in func(dsn, name string) string) string {
	tb.Helper()
	l.mu.Lock()
	if !l.done {
		l.done = true
		if l.dsn = os.Getenv(env); l.dsn == "" {
			l.dsn, l.stop, l.err = start()
		}
	}
	l.count++
	name := fmt.Sprintf("milkrun_test_%d_%d", os.Getpid(), l.count)
	dsn, err := l.dsn, l.err
	l.mu.Unlock()
	if err != nil {
		absent(tb, env, err)
	}
	if err := execute(open, dsn, "CREATE DATABASE "+name); err != nil {
		tb.Fatalf("create a database: %v", err)
	}
	tb.Cleanup(func() { _ = execute(open, dsn, "DROP DATABASE "+name) })
	return in(dsn, name)
}

func absent(tb testing.TB, env string, err error) {
	tb.Helper()
	if os.Getenv("MILKRUN_REQUIRE_DATABASES") == "1" {
		tb.Fatalf("no database to test with: %v (install it or set %s)", err, env)
	}
	tb.Skipf("SKIPPED, NOT TESTED: no database to test with: %v (install it or set %s)", err, env)
}

func execute(open func() kind.Connection, dsn, query string) error {
	c, err := Connect(open, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	db, err := c.DB(ctx, true)
	if err != nil {
		return err
	}
	return db.Use(ctx, func(s *sqldb.Session) error {
		_, err := s.Exec(ctx, query)
		return err
	})
}

// Connect returns the connection of a type with its dsn set, as the configuration would.
func Connect(open func() kind.Connection, dsn string) (*sqldb.Connection, error) {
	c := open()
	field := c.Fields()[0]
	var value any = dsn
	if field.Type == "secret" {
		value = secret.New(dsn)
	}
	if err := field.Set(value); err != nil {
		return nil, err
	}
	return c.(*sqldb.Connection), nil
}

func postgresDatabase(dsn, name string) string {
	if u, err := url.Parse(dsn); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		u.Path = "/" + name
		return u.String()
	}
	return dsn + " dbname=" + name
}

func mysqlDatabase(dsn, name string) string {
	at := strings.LastIndexByte(dsn, '/')
	_, options, ok := strings.Cut(dsn[at+1:], "?")
	if ok {
		options = "?" + options
	}
	return dsn[:at+1] + name + options
}
