package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"milkrun/sync/dbtest"
	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

var servers dbtest.Servers

func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }

// TestSourceLeavesTheFileAlone: only a sink may switch the journal mode.
func TestSourceLeavesTheFileAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b%?#.db")
	c, err := dbtest.Connect(sqldb.NewSQLite, path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.DB(t.Context(), false); err == nil {
		t.Error("a file that does not exist was opened")
	}
	db, err := c.DB(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	mode := func() (mode sqldb.Value) {
		err := db.Use(t.Context(), func(s *sqldb.Session) (err error) {
			mode, err = s.Value(t.Context(), "PRAGMA journal_mode")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return mode
	}
	if m := mode(); m != "delete" {
		t.Errorf("journal mode %v", m)
	}
	if err := db.Writable(t.Context()); err != nil || mode() != "wal" {
		t.Errorf("%v, %v", mode(), err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestDamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := dbtest.Connect(sqldb.NewSQLite, path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	db, err := c.DB(t.Context(), false)
	if err == nil {
		err = db.Writable(t.Context())
	}
	if e := feed.Judge(err); err == nil || e.Verdict != feed.HaltConnection || e.Remedy == "" {
		t.Errorf("%v", err)
	}
}

// TestTransaction: an error takes back what was done, and the session goes on.
func TestTransaction(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, `CREATE TABLE "a" ("id" INTEGER PRIMARY KEY, "v" VARCHAR(9))`)
		d.Use(t, func(ctx context.Context, s *sqldb.Session) error {
			oops := errors.New("oops")
			insert := func(id int64) error { return s.Load(ctx, "a", []string{"id", "v"}, []sqldb.Value{id, "x"}, "") }
			if err := s.Tx(ctx, func() error { return errors.Join(insert(1), oops) }); !errors.Is(err, oops) {
				t.Errorf("%v", err)
			}
			if err := s.Tx(ctx, func() error { return errors.Join(insert(2), insert(2)) }); err == nil {
				t.Error("a key twice")
			}
			return s.Tx(ctx, func() error { return insert(3) })
		})
		if got := fmt.Sprint(d.Rows(t, `SELECT "id" FROM "a"`)); got != "[3]" {
			t.Errorf("stored %s", got)
		}
	})
}

// TestLoad writes more rows than fit into one statement, with text that is special to COPY.
func TestLoad(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, `CREATE TABLE "a" ("id" INTEGER PRIMARY KEY, "v" VARCHAR(99))`)
		special := []string{"", `\N`, "tab\there", "line\nand\r", `back\slash`, "中文😀", `quote'"` + "`", "\\."}
		var values []sqldb.Value
		for i := range 1234 {
			var v sqldb.Value = special[i%len(special)]
			if i%len(special) == 0 && i > 0 {
				v = nil
			}
			values = append(values, int64(i), v)
		}
		d.Use(t, func(ctx context.Context, s *sqldb.Session) error {
			return s.Load(ctx, "a", []string{"id", "v"}, values, "")
		})
		got := d.Rows(t, `SELECT "v" FROM "a" ORDER BY "id"`)
		if len(got) != 1234 {
			t.Fatalf("%d rows", len(got))
		}
		for i, g := range got {
			if want := fmt.Sprint(values[2*i+1]); g != want {
				t.Fatalf("row %d is %q, want %q", i, g, want)
			}
		}
	})
}

func TestDescribeTable(t *testing.T) {
	define := map[string]string{
		"sqlite":   `CREATE TABLE "a" ("id" INTEGER PRIMARY KEY, "u" TEXT NOT NULL DEFAULT 'x', "v" INT, "g" INT AS ("v" + 1), UNIQUE ("u", "v"))`,
		"postgres": `CREATE TABLE "a" ("id" SERIAL PRIMARY KEY, "u" TEXT NOT NULL DEFAULT 'x', "v" INT, "g" INT GENERATED ALWAYS AS ("v" + 1) STORED, UNIQUE ("u", "v"))`,
		"mysql":    `CREATE TABLE "a" ("id" INTEGER AUTO_INCREMENT PRIMARY KEY, "u" VARCHAR(9) NOT NULL DEFAULT 'x', "v" INT, "g" INT AS ("v" + 1), UNIQUE ("u", "v"))`,
	}
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, define[d.Kind])
		if d.Has(t, "b") || !d.Has(t, "a") {
			t.Error("tables are mixed up")
		}
		d.Use(t, func(ctx context.Context, s *sqldb.Session) error {
			table, err := s.Table(ctx, sqldb.ParseName("a"))
			if err != nil {
				return err
			}
			if !table.HasKey([]string{"id"}) || !table.HasKey([]string{"v", "u"}) || table.HasKey([]string{"u"}) || table.HasKey([]string{"id", "u"}) {
				t.Errorf("unique: %v", table.Unique)
			}
			id, _ := table.Column("id")
			u, _ := table.Column("u")
			v, _ := table.Column("v")
			g, ok := table.Column("g")
			if !id.Default || !u.NotNull || !u.Default || v.NotNull || !ok || !g.Generated {
				t.Errorf("columns: %+v", table.Columns)
			}
			return nil
		})
	})
}
