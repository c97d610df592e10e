package sqldb_test

import (
	"context"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"milkrun/sync/dbtest"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/sqldb"
)

// secret stands for a password, or for a value that may be personal data.
const secret = "geheim13912345678"

// explained checks the verdict on an error, that it says what to do, and that it holds no secret.
func explained(t testing.TB, what string, err error, verdict feed.Verdict, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
		return
	}
	e := feed.Judge(err)
	text := err.Error() + " | " + e.Remedy
	if e.Verdict != verdict || e.Remedy == "" || strings.Contains(text, secret) {
		t.Errorf("%s: %s (should be %s), %s", what, e.Verdict, verdict, text)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s: %s does not tell %q", what, text, w)
		}
	}
}

func connect(t testing.TB, open func() kind.Connection, dsn string) (*sqldb.DB, error) {
	t.Helper()
	c, err := dbtest.Connect(open, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.DB(t.Context(), false)
}

// TestStatementFaults provokes what a statement may meet, on every database.
func TestStatementFaults(t *testing.T) {
	refuse, halt := feed.Refuse, feed.HaltJob
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, `CREATE TABLE "a" ("id" INTEGER PRIMARY KEY, "must" VARCHAR(40) NOT NULL, "phone" VARCHAR(40) UNIQUE, CONSTRAINT "short" CHECK (LENGTH("must") < 9))`,
			`INSERT INTO "a" VALUES (1, 'x', '`+secret+`')`)
		for _, c := range []struct {
			what, query string
			verdict     feed.Verdict
			tells       string
		}{
			{"no table", `SELECT * FROM "nope"`, halt, "nope"},
			{"no column", `INSERT INTO "a" ("id", "nope") VALUES (2, '` + secret + `')`, halt, "nope"},
			{"NOT NULL", `INSERT INTO "a" VALUES (2, NULL, '` + secret + `x')`, refuse, "must"},
			{"UNIQUE", `INSERT INTO "a" VALUES (2, 'y', '` + secret + `')`, refuse, "phone"},
			{"primary key", `INSERT INTO "a" VALUES (1, 'y', NULL)`, refuse, "constraint"},
			{"CHECK", `INSERT INTO "a" VALUES (2, '` + secret + `', NULL)`, refuse, "constraint"},
		} {
			explained(t, c.what, try(t, d, c.query), c.verdict, c.tells)
		}
	})
}

// try runs statements on one session, in which "x" quotes a name, and returns the first fault.
func try(t testing.TB, d dbtest.Database, queries ...string) error {
	t.Helper()
	db, err := d.Connect(t).DB(t.Context(), true)
	if err != nil {
		return err
	}
	return db.Use(t.Context(), func(s *sqldb.Session) error {
		for _, q := range queries {
			if _, err := s.Exec(t.Context(), d.Quoted(q)); err != nil {
				return db.Fault(err, "try")
			}
		}
		return nil
	})
}

func TestTriggerFaults(t *testing.T) {
	define := map[string][]string{
		"sqlite": {`CREATE TRIGGER tr BEFORE INSERT ON a BEGIN SELECT RAISE(ABORT, '` + secret + `'); END`},
		"postgres": {`CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not %', NEW.name; END $$`,
			`CREATE TRIGGER tr BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()`},
		"mysql": {`CREATE TRIGGER tr BEFORE INSERT ON a FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '` + secret + `'`},
	}
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, append([]string{`CREATE TABLE a (name VARCHAR(40))`}, define[d.Kind]...)...)
		explained(t, "trigger", try(t, d, `INSERT INTO a VALUES ('`+secret+`')`), feed.Refuse, "trigger")
	})
}

// TestLockedFault: another connection holds what is to be written.
func TestLockedFault(t *testing.T) {
	impatient := map[string][2]string{
		"sqlite": {"PRAGMA busy_timeout = 0", "another program"}, "postgres": {"SET lock_timeout = 50", "pg_stat_activity"},
		"mysql": {"SET innodb_lock_wait_timeout = 1", "INNODB STATUS"},
	}
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, `CREATE TABLE a (id INTEGER PRIMARY KEY)`, `INSERT INTO a VALUES (1)`)
		d.Use(t, func(ctx context.Context, s *sqldb.Session) error {
			return s.Tx(ctx, func() error {
				if _, err := s.Exec(ctx, `DELETE FROM a`); err != nil {
					return err
				}
				explained(t, "locked", try(t, d, impatient[d.Kind][0], `DELETE FROM a`), feed.Retry, impatient[d.Kind][1])
				return nil
			})
		})
	})
}

// TestLock: whoever holds the lock is the only one who writes; others read on.
func TestLock(t *testing.T) {
	impatient := map[string]string{"sqlite": "PRAGMA busy_timeout = 0", "postgres": "SET lock_timeout = 50", "mysql": "SET innodb_lock_wait_timeout = 1"}
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, `CREATE TABLE a (id INTEGER PRIMARY KEY)`, `INSERT INTO a VALUES (1)`)
		if d.Kind == "sqlite" {
			d.Exec(t, "PRAGMA journal_mode = WAL")
		}
		d.Use(t, func(ctx context.Context, s *sqldb.Session) error {
			return s.Tx(ctx, func() error {
				if err := s.Lock(ctx, "a"); err != nil {
					return err
				}
				explained(t, "another writer", try(t, d, impatient[d.Kind], `INSERT INTO a VALUES (2)`), feed.Retry)
				if got := d.Rows(t, `SELECT id FROM a`); len(got) != 1 {
					t.Errorf("readers see %q", got)
				}
				return nil
			})
		})
		if err := try(t, d, `INSERT INTO a VALUES (2)`); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestSQLiteFaults(t *testing.T) {
	d := servers.New(t, "sqlite")
	explained(t, "full", try(t, d, `PRAGMA max_page_count = 3`, `CREATE TABLE b (v TEXT)`,
		`INSERT INTO b VALUES ('`+secret+strings.Repeat("x", 20000)+`')`), feed.Fail, "make room")

	path := filepath.Join(t.TempDir(), "a.db")
	_, err := connect(t, sqldb.NewSQLite, path)
	explained(t, "no file", err, feed.Fail, path)
	c, err := dbtest.Connect(sqldb.NewSQLite, path)
	if err != nil {
		t.Fatal(err)
	}
	db, err := c.DB(t.Context(), true)
	if err == nil {
		err = db.Writable(t.Context())
	}
	if err != nil || c.Close() != nil {
		t.Fatal(err)
	}
	if db, err = connect(t, sqldb.NewSQLite, "file:"+path+"?mode=ro"); err != nil {
		t.Fatal(err)
	}
	err = db.Use(t.Context(), func(s *sqldb.Session) error {
		_, err := s.Exec(t.Context(), "CREATE TABLE b (v TEXT)")
		return db.Fault(err, "write")
	})
	explained(t, "read-only", err, feed.HaltConnection, "let the user that runs milkrun write")

	c, err = dbtest.Connect(sqldb.NewSQLite, filepath.Join(t.TempDir(), "no folder", "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.DB(t.Context(), true)
	explained(t, "no folder", err, feed.HaltConnection, "make the folder")
}

func TestPostgresFaults(t *testing.T) {
	dsn := servers.Postgres(t)
	with := func(change func(u *url.URL)) string {
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		change(u)
		return u.String()
	}
	for what, c := range map[string]struct {
		dsn     string
		verdict feed.Verdict
		tells   string
	}{
		"unknown database": {with(func(u *url.URL) { u.Path, u.User = "/nope", url.UserPassword("postgres", secret) }), feed.HaltConnection, "nope"},
		"unknown user":     {with(func(u *url.URL) { u.User = url.UserPassword("nobody", secret) }), feed.HaltConnection, "nobody"},
		"no socket":        {"postgres://postgres:" + secret + "@/x?host=/tmp/nowhere", feed.Retry, "server runs"},
		"no server":        {"postgres://postgres:" + secret + "@127.0.0.1:1/x", feed.Retry, "server runs"},
	} {
		_, err := connect(t, sqldb.NewPostgres, c.dsn)
		explained(t, what, err, c.verdict, c.tells)
	}
	mute, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mute.Close() }()
	_, err = connect(t, sqldb.NewPostgres, "postgres://postgres:"+secret+"@"+mute.Addr().String()+"/x?connect_timeout=1")
	explained(t, "no answer", err, feed.Retry, "server runs")

	d := servers.New(t, "postgres")
	d.Exec(t, `CREATE TABLE a (id INTEGER PRIMARY KEY)`)
	explained(t, "permission", try(t, d, `SET ROLE pg_signal_backend`, `INSERT INTO a VALUES (1)`), feed.HaltJob, "grant", "table a")
	explained(t, "read-only", try(t, d, `SET default_transaction_read_only = on`, `INSERT INTO a VALUES (1)`), feed.HaltConnection, "primary")
	explained(t, "timeout", try(t, d, `SET statement_timeout = 1`, `SELECT pg_sleep(9)`), feed.Retry, "statement_timeout")
	explained(t, "schema", try(t, d, `CREATE TABLE nope.a (id INTEGER)`), feed.HaltJob, "nope")
	explained(t, "connections", try(t, d, `DO $$ BEGIN RAISE SQLSTATE '53300' USING MESSAGE = 'too many connections'; END $$`), feed.Retry, "max_open")
}

func TestMySQLFaults(t *testing.T) {
	dsn := servers.MySQL(t)
	address := dsn[strings.Index(dsn, "@"):strings.LastIndex(dsn, "/")]
	d := servers.New(t, "mysql")
	name := d.Rows(t, `SELECT DATABASE()`)[0]
	d.Exec(t, `CREATE TABLE a (id INTEGER PRIMARY KEY)`, `DROP USER IF EXISTS 'poor'@'localhost'`,
		`CREATE USER 'poor'@'localhost' IDENTIFIED BY '`+secret+`'`, `GRANT SELECT ON `+name+`.* TO 'poor'@'localhost'`)
	for what, c := range map[string]struct {
		dsn     string
		verdict feed.Verdict
		tells   string
	}{
		"wrong password":   {"root:" + secret + address + "/mysql", feed.HaltConnection, "password"},
		"unknown user":     {"nobody:" + secret + address + "/mysql", feed.HaltConnection, "nobody"},
		"unknown database": {dsn[:strings.LastIndex(dsn, "/")] + "/nope", feed.HaltConnection, "nope"},
		"no permission":    {"poor:" + secret + address + "/mysql", feed.HaltConnection, "poor"},
		"no socket":        {"root:" + secret + "@unix(/tmp/nowhere/s)/mysql", feed.Retry, "server runs"},
		"no server":        {"root:" + secret + "@tcp(127.0.0.1:1)/mysql", feed.Retry, "server runs"},
	} {
		_, err := connect(t, sqldb.NewMySQL, c.dsn)
		explained(t, what, err, c.verdict, c.tells)
	}
	db, err := connect(t, sqldb.NewMySQL, "poor:"+secret+address+"/"+name)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Use(t.Context(), func(s *sqldb.Session) error {
		_, err := s.Exec(t.Context(), "INSERT INTO a VALUES (1)")
		return db.Fault(err, "write")
	})
	explained(t, "permission", err, feed.HaltJob, "grant", "INSERT")
	explained(t, "full", try(t, d, `SET max_heap_table_size = 16384`, `CREATE TABLE m (v CHAR(200)) ENGINE=MEMORY`,
		`INSERT INTO m SELECT '`+secret+`' FROM information_schema.columns`), feed.Fail, "make room")
	explained(t, "read-only", try(t, d, `SET SESSION TRANSACTION READ ONLY`, `INSERT INTO a VALUES (1)`), feed.HaltConnection, "primary")
}
