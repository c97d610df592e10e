package sqldb_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"milkrun/sync/dbtest"
	"milkrun/sync/kind"
	"milkrun/sync/sqldb"
)

func reach(t *testing.T, open func() kind.Connection, dsn string) *sqldb.Connection {
	t.Helper()
	c, err := dbtest.Connect(open, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func execute(t *testing.T, c *sqldb.Connection, statements ...string) {
	t.Helper()
	db, err := c.DB(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Use(t.Context(), func(s *sqldb.Session) error {
		for _, q := range statements {
			if _, err := s.Exec(t.Context(), q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wantFinding demands one finding, of a level, that says something and hides the password.
func wantFinding(t *testing.T, list []kind.Finding, level kind.Level, says string) {
	t.Helper()
	if len(list) != 1 || list[0].Level != level || !strings.Contains(list[0].Text, says) || (list[0].Remedy == "") != (level == kind.Good) {
		t.Errorf("%+v, want one %s that says %q", list, level, says)
	}
	for _, f := range list {
		if strings.Contains(f.Text+f.Remedy, "hunter2") {
			t.Errorf("the password shows: %+v", f)
		}
	}
}

func sinkFindings(t *testing.T, c *sqldb.Connection, table string) []kind.Finding {
	t.Helper()
	return sqldb.ProbeSink(t.Context(), c, kind.Env{Connection: "c"}, table, []string{"id"})
}

func TestProbeSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	c := reach(t, sqldb.NewSQLite, path)
	wantFinding(t, c.Probe(t.Context(), kind.Env{}), kind.Warning, "is not there")
	if list := sinkFindings(t, c, "grades"); len(list) > 0 {
		t.Errorf("%+v", list)
	}
	if _, err := os.Stat(path); err == nil {
		t.Fatal("a file was made")
	}
	execute(t, c, "CREATE TABLE grades (id TEXT PRIMARY KEY)")
	wantFinding(t, c.Probe(t.Context(), kind.Env{}), kind.Good, "can be read, SQLite 3.")
	wantFinding(t, sinkFindings(t, c, "grades"), kind.Good, "can be written")
	wantFinding(t, sinkFindings(t, c, "other"), kind.Good, "made by the first run")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, reach(t, sqldb.NewSQLite, path).Probe(t.Context(), kind.Env{}), kind.Bad, "not a database")
}

func TestProbePostgres(t *testing.T) {
	dsn := servers.Postgres(t)
	c := reach(t, sqldb.NewPostgres, dsn)
	wantFinding(t, c.Probe(t.Context(), kind.Env{}), kind.Good, "PostgreSQL")
	wantFinding(t, sinkFindings(t, c, "grades"), kind.Good, "made by the first run")
	execute(t, c, `CREATE TABLE "grades" (id TEXT PRIMARY KEY, n INT)`, "INSERT INTO grades VALUES ('a', 1)")
	wantFinding(t, sinkFindings(t, c, "grades"), kind.Good, "can be written")
	wantFinding(t, sinkFindings(t, c, "nowhere.grades"), kind.Bad, `schema "nowhere" does not exist`)
	role := fmt.Sprintf("milkrun_probe_%d", os.Getpid())
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme == "" {
		t.Skip("the DSN is no URL")
	}
	execute(t, c, "CREATE ROLE "+role+" LOGIN PASSWORD 'hunter2'", "GRANT SELECT ON grades TO "+role, "REVOKE CREATE ON SCHEMA public FROM public")
	u.User = url.UserPassword(role, "hunter2")
	q := u.Query()
	if q.Get("user") != "" {
		q.Set("user", role)
		q.Set("password", "hunter2")
	}
	u.RawQuery = q.Encode()
	reader := reach(t, sqldb.NewPostgres, u.String())
	wantFinding(t, reader.Probe(t.Context(), kind.Env{}), kind.Good, "logged in as "+role)
	list := sinkFindings(t, reader, "grades")
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	wantFinding(t, list[:1], kind.Bad, "may not INSERT, UPDATE, DELETE")
	wantFinding(t, list[1:], kind.Warning, "to make tables beside it")
	_ = reader.Close()
	execute(t, c, "DROP OWNED BY "+role, "DROP ROLE "+role)
	if n := rows(t, c, "grades"); n != 1 {
		t.Errorf("%d rows", n)
	}
	u.User = url.UserPassword("nobody_"+role, "hunter2")
	wantLevel(t, reach(t, sqldb.NewPostgres, u.String()).Probe(t.Context(), kind.Env{}), kind.Bad)
}

func TestProbeMySQL(t *testing.T) {
	dsn := servers.MySQL(t)
	c := reach(t, sqldb.NewMySQL, dsn)
	wantFinding(t, c.Probe(t.Context(), kind.Env{}), kind.Good, "logged in as ")
	wantFinding(t, sinkFindings(t, c, "grades"), kind.Good, "made by the first run")
	execute(t, c, "CREATE TABLE grades (id BIGINT PRIMARY KEY, n INT NOT NULL)", "INSERT INTO grades VALUES (1, 1)")
	wantFinding(t, sinkFindings(t, c, "grades"), kind.Good, "can be written")
	at := strings.LastIndexByte(dsn, '@')
	host := dsn[at+1:]
	user := fmt.Sprintf("milkrun_probe_%d", os.Getpid())
	execute(t, c, "CREATE USER "+user+" IDENTIFIED BY 'hunter2'", "GRANT SELECT, UPDATE ON grades TO "+user)
	defer execute(t, c, "DROP USER "+user)
	reader := reach(t, sqldb.NewMySQL, user+":hunter2@"+host)
	wantFinding(t, reader.Probe(t.Context(), kind.Env{}), kind.Good, "logged in as "+user)
	list := sinkFindings(t, reader, "grades")
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	wantFinding(t, list[:1], kind.Bad, "may not INSERT, DELETE")
	wantFinding(t, list[1:], kind.Warning, "to make tables beside it")
	_ = reader.Close()
	if n := rows(t, c, "grades"); n != 1 {
		t.Errorf("%d rows", n)
	}
	wantLevel(t, reach(t, sqldb.NewMySQL, user+":wrong-hunter2@"+host).Probe(t.Context(), kind.Env{}), kind.Bad)
}

func wantLevel(t *testing.T, list []kind.Finding, level kind.Level) {
	t.Helper()
	wantFinding(t, list, level, "")
}

func rows(t *testing.T, c *sqldb.Connection, table string) (n int64) {
	t.Helper()
	db, err := c.DB(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Use(t.Context(), func(s *sqldb.Session) (err error) {
		n, err = s.Int(t.Context(), "SELECT count(*) FROM "+table)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestProbeOfAServerThatIsAway(t *testing.T) {
	for name, c := range map[string]*sqldb.Connection{
		"postgres": reach(t, sqldb.NewPostgres, "postgres://milkrun:hunter2@127.0.0.1:1/x?connect_timeout=2"),
		"mysql":    reach(t, sqldb.NewMySQL, "milkrun:hunter2@tcp(127.0.0.1:1)/x"),
	} {
		t.Run(name, func(t *testing.T) {
			wantFinding(t, c.Probe(t.Context(), kind.Env{}), kind.Bad, "connect")
			wantFinding(t, sinkFindings(t, c, "grades"), kind.Bad, "connect")
		})
	}
}
