package sql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"milkrun/sync/dbtest"
	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

func col(name string, t feed.Type) feed.Column { return feed.Column{Name: name, Type: t} }

// TestTypes makes a table of every type and reads back what was written.
func TestTypes(t *testing.T) {
	columns := feed.NewColumns(col("id", feed.Integer), col("txt", feed.Text), col("r", feed.Real), col("dec", feed.Decimal),
		col("b", feed.Boolean), col("raw", feed.Bytes), col("t", feed.Time), col("d", feed.Date), col("x", feed.Any))
	at := time.Date(2026, 1, 31, 2, 0, 0, 123456000, time.UTC)
	day := time.Date(2026, 1, 31, 0, 0, 0, 0, shanghai(t))
	rows := batch(columns,
		[]feed.Value{int64(9007199254740993), "中'文", 0.1, "12345678901234567890.12", true, []byte{0xff, 0, '\\'}, at, day, "007"},
		[]feed.Value{int64(2), nil, nil, nil, nil, nil, nil, nil, nil},
	)
	want := map[string][]string{
		"sqlite":   {"9007199254740993|中'文|0.1|12345678901234567890.12|1|FF005C|2026-01-31 10:00:00.123456+08:00|2026-01-31|007"},
		"postgres": {"9007199254740993|中'文|0.1|12345678901234567890.12|1|FF005C|2026-01-31 02:00:00.123456+00|2026-01-31|007"},
		"mysql":    {"9007199254740993|中'文|0.1|12345678901234567890.120000000000|1|FF005C|2026-01-31 10:00:00.123456|2026-01-31|007"},
	}
	raw := map[string]string{"sqlite": `HEX("raw")`, "postgres": `UPPER(ENCODE("raw", 'hex'))`, "mysql": `HEX("raw")`}
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		s := open(t, d, "a", "id")
		for range 2 {
			if rejected := deliver(t, s, rows); len(rejected) > 0 {
				t.Fatalf("rejected %+v", rejected)
			}
		}
		texts := `CAST("t" AS CHAR(40)), CAST("d" AS CHAR(10))`
		if d.Kind != "mysql" {
			texts = `CAST("t" AS TEXT), CAST("d" AS TEXT)`
		}
		got := d.Rows(t, `SELECT "id", "txt", "r", "dec", CASE WHEN "b" THEN 1 ELSE 0 END, `+raw[d.Kind]+`, `+texts+`, "x" FROM "a" ORDER BY "id" DESC`)
		if len(got) != 2 || got[0] != want[d.Kind][0] {
			t.Errorf("stored\n%q\nwant\n%q", got, want[d.Kind])
		}
		if rejected := deliver(t, open(t, d, "a", "id"), rows); len(rejected) > 0 {
			t.Errorf("the table made before is refused: %+v", rejected)
		}
	})
}

func TestLastOfAKeyWins(t *testing.T) {
	columns := feed.NewColumns(col("a", feed.Text), col("b", feed.Integer), col("v", feed.Text))
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		s := open(t, d, "a", "b", "a")
		var rows [][]feed.Value
		for i := range 500 {
			rows = append(rows, []feed.Value{"k", int64(i % 3), fmt.Sprint(i)})
		}
		deliver(t, s, batch(columns, rows...))
		if got := d.Rows(t, `SELECT "b", "v" FROM "a" ORDER BY "b"`); !slices.Equal(got, []string{"0|498", "1|499", "2|497"}) {
			t.Errorf("stored %q", got)
		}
	})
}

// TestUnchangedRowsAreNotWritten counts updates with a trigger.
func TestUnchangedRowsAreNotWritten(t *testing.T) {
	d := servers.New(t, "sqlite")
	d.Exec(t, `CREATE TABLE a (id TEXT PRIMARY KEY, v TEXT)`, `CREATE TABLE log (id TEXT)`,
		`CREATE TRIGGER tr AFTER UPDATE ON a BEGIN INSERT INTO log VALUES (new.id); END`)
	columns := feed.TextColumns("id", "v")
	s := open(t, d, "a", "id")
	deliver(t, s, batch(columns, []feed.Value{"1", "x"}, []feed.Value{"2", nil}))
	deliver(t, s, batch(columns, []feed.Value{"1", "x"}, []feed.Value{"2", "y"}))
	if got := d.Rows(t, "SELECT id FROM log"); !slices.Equal(got, []string{"2"}) {
		t.Errorf("updated %q", got)
	}
}

func TestValuesThatDoNotFit(t *testing.T) {
	define := map[string]string{
		"sqlite":   `CREATE TABLE "a" ("id" INTEGER PRIMARY KEY, "n" INTEGER, "d" DATE, "b" BOOLEAN, "must" TEXT NOT NULL)`,
		"postgres": `CREATE TABLE "a" ("id" BIGINT PRIMARY KEY, "n" SMALLINT, "d" DATE, "b" BOOLEAN, "must" TEXT NOT NULL, "short" VARCHAR(3), "dec" NUMERIC(5,2))`,
		"mysql":    `CREATE TABLE "a" ("id" BIGINT PRIMARY KEY, "n" SMALLINT, "d" DATE, "b" TINYINT(1), "must" TEXT NOT NULL, "short" VARCHAR(3), "dec" DECIMAL(5,2))`,
	}
	base := map[string]feed.Value{"id": int64(1), "n": int64(1), "d": "2026-01-31", "b": true, "must": "x", "short": "中文字", "dec": "123.40"}
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, define[d.Kind])
		names := []string{"id", "n", "d", "b", "must"}
		bad := map[string][]feed.Value{"id": {"x", 1.5, nil}, "n": {"1e3", "secret", time.Now()}, "d": {"2026-02-30", "20260131", int64(5)}, "must": {nil}}
		if d.Kind != "sqlite" {
			names = append(names, "short", "dec")
			bad["n"] = append(bad["n"], int64(40000))
			bad["short"] = []feed.Value{"中文字x"}
			bad["dec"] = []feed.Value{"1234", "1.234", "x"}
		}
		var list []feed.Column
		for _, n := range names {
			list = append(list, col(n, feed.Any))
		}
		columns := feed.NewColumns(list...)
		s := open(t, d, "a", "id")
		for name, values := range bad {
			for _, v := range values {
				row := make([]feed.Value, len(names))
				for i, n := range names {
					if row[i] = base[n]; n == name {
						row[i] = v
					}
				}
				rejected := deliver(t, s, batch(columns, row))
				if len(rejected) != 1 || rejected[0].Code != name || strings.Contains(rejected[0].Reason, "secret") {
					t.Errorf("%s = %v: rejected %+v", name, v, rejected)
				}
			}
		}
		row := make([]feed.Value, len(names))
		for i, n := range names {
			row[i] = base[n]
		}
		if rejected := deliver(t, s, batch(columns, row)); len(rejected) > 0 || len(d.Rows(t, `SELECT 1 FROM "a"`)) != 1 {
			t.Errorf("good values: rejected %+v", rejected)
		}
	})
}

// TestTableThatDoesNotFit wants everything that is wrong in one error.
func TestTableThatDoesNotFit(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, `CREATE TABLE "a" ("id" VARCHAR(9), "n" INTEGER, "must" VARCHAR(9) NOT NULL, "can" VARCHAR(9) DEFAULT 'x' NOT NULL)`)
		s := open(t, d, "a", "id")
		err := s.Prepare(t.Context(), feed.NewColumns(col("id", feed.Text), col("n", feed.Time), col("gone", feed.Integer)))
		if e := feed.Judge(err); err == nil || e.Verdict != feed.HaltJob || e.Remedy == "" {
			t.Fatalf("%v", err)
		}
		for _, w := range []string{"table a", "no column gone", "column n is", "column must is NOT NULL", "constraint on exactly (id)"} {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q does not tell %q", err, w)
			}
		}
		if strings.Contains(err.Error(), "column can") {
			t.Errorf("%q complains of a column with a default", err)
		}
	})
}

// TestUniqueBeginning: MySQL can make the first characters of a column unique, which is no key, and by which an upsert
// would overwrite another record.
func TestUniqueBeginning(t *testing.T) {
	for define, want := range map[string]string{
		`CREATE TABLE "a" ("id" VARCHAR(20), UNIQUE ("id"(3)))`:               "no primary key or unique constraint on exactly (id)",
		`CREATE TABLE "a" ("id" VARCHAR(20) PRIMARY KEY, UNIQUE x ("id"(3)))`: "besides (id) it has a unique constraint on (id(3))",
	} {
		d := servers.New(t, "mysql")
		d.Exec(t, define)
		err := open(t, d, "a", "id").Prepare(t.Context(), feed.TextColumns("id"))
		if err == nil || feed.Judge(err).Verdict != feed.HaltJob || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", define, err)
		}
	}
}

// TestSecondUniqueConstraint: on MySQL an upsert would overwrite another record; elsewhere the record is refused.
func TestSecondUniqueConstraint(t *testing.T) {
	columns := feed.NewColumns(col("id", feed.Integer), col("phone", feed.Text))
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, `CREATE TABLE "a" ("id" INTEGER PRIMARY KEY, "phone" VARCHAR(20) UNIQUE)`)
		s := open(t, d, "a", "id")
		_, err := s.Deliver(t.Context(), batch(columns, []feed.Value{int64(1), "13912345678"}, []feed.Value{int64(2), "13912345678"}))
		want := map[string]feed.Verdict{"sqlite": feed.Refuse, "postgres": feed.Refuse, "mysql": feed.HaltJob}
		if err == nil || feed.Judge(err).Verdict != want[d.Kind] || strings.Contains(err.Error(), "139") {
			t.Errorf("%v, %v", feed.Judge(err).Verdict, err)
		}
		if rows := d.Rows(t, `SELECT * FROM "a"`); len(rows) != 0 {
			t.Errorf("stored in part: %q", rows)
		}
	})
}

func TestSchema(t *testing.T) {
	d := servers.New(t, "postgres")
	d.Exec(t, `CREATE SCHEMA "My schema"`)
	columns := feed.TextColumns("id", "v")
	deliver(t, open(t, d, "My schema.T", "id"), batch(columns, []feed.Value{"1", "x"}))
	if got := d.Rows(t, `SELECT "v" FROM "My schema"."T"`); !slices.Equal(got, []string{"x"}) {
		t.Errorf("stored %q", got)
	}
	stage(t, open(t, d, "My schema.T", "id"), batch(columns, []feed.Value{"2", "y"}), 1)
	if got := d.Rows(t, `SELECT "id", "change" FROM "My schema"."T_changes" ORDER BY 1`); !slices.Equal(got, []string{"1|removed", "2|added"}) {
		t.Errorf("changes %q", got)
	}
}

func TestCancelledDeliverLeavesThePoolUsable(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		s := open(t, d, "a", "id")
		columns := feed.TextColumns("id")
		ctx, cancel := context.WithCancel(t.Context())
		if err := s.Prepare(ctx, columns); err != nil {
			t.Fatal(err)
		}
		err := s.db.Use(ctx, func(c *sqldb.Session) error {
			return c.Tx(ctx, func() error { cancel(); return ctx.Err() })
		})
		if err == nil {
			t.Error("a cancelled transaction returned no error")
		}
		deliver(t, s, batch(columns, []feed.Value{"1"}))
	})
}
