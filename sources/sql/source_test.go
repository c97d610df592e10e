package sql

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"milkrun/sync/dbtest"
	"milkrun/sync/feed"
)

// halts checks that an error halts the job and tells all of the words.
func halts(t testing.TB, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	e := feed.Judge(err)
	if e.Verdict != feed.HaltJob {
		t.Errorf("the verdict is %s", e.Verdict)
	}
	for _, w := range words {
		if !strings.Contains(err.Error()+" | "+e.Remedy, w) {
			t.Errorf("%q | %q does not tell %q", err, e.Remedy, w)
		}
	}
}

func TestNullInCursorHalts(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, `CREATE TABLE "a" ("id" INTEGER NOT NULL PRIMARY KEY, "at" VARCHAR(20))`,
			`INSERT INTO "a" VALUES (1, '2026-01-01'), (17, NULL), (3, '2026-01-02')`)
		s := open(t, d, settings{table: "a", cursor: []string{"at", "id"}})
		_, err := s.Fetch(t.Context(), "", 10)
		halts(t, err, "connection business", "table a", "at is NULL", "id = 17", "IS NOT NULL")
		s = open(t, d, settings{query: `SELECT * FROM a WHERE at IS NOT NULL`, cursor: []string{"at", "id"}})
		if rows, _ := all(t, s, "", 10); len(rows) != 2 {
			t.Errorf("with the remedy %d rows were read", len(rows))
		}
	})
}

func TestTimeThatHidesRowsHalts(t *testing.T) {
	for value, why := range map[string]string{"2026年昨天": "no time", "2999-01-01 00:00:00": "in the future", "2026-13-45 00:00:00": "no time",
		"not a date": "no time"} {
		servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
			d.Exec(t, `CREATE TABLE "a" ("id" INTEGER NOT NULL PRIMARY KEY, "at" VARCHAR(20) NOT NULL)`,
				`INSERT INTO "a" VALUES (1, '2026-01-01 10:00:00'), (2, '`+value+`')`)
			s := open(t, d, settings{table: "a", cursor: []string{"at", "id"}})
			_, err := s.Fetch(t.Context(), "", 10)
			halts(t, err, value, "column at", why, "WHERE at <=", "id = 2")
			_, err = s.Fetch(t.Context(), `["2026-01-01 10:00:00",1]`, 10)
			halts(t, err, value, why)
		})
	}
}

// TestMomentInTheFutureHalts: of columns that hold times, not texts, too.
func TestMomentInTheFutureHalts(t *testing.T) {
	types := map[string][]string{"sqlite": {"DATETIME", "DATE"}, "postgres": {"TIMESTAMPTZ", "TIMESTAMP", "DATE"}, "mysql": {"DATETIME", "TIMESTAMP NULL", "DATE"}}
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		for _, typ := range types[d.Kind] {
			table := strings.ToLower(strings.ReplaceAll("a_"+typ, " ", "_"))
			d.Exec(t, `CREATE TABLE "`+table+`" ("id" INTEGER NOT NULL PRIMARY KEY, "seen" `+typ+`)`,
				`INSERT INTO "`+table+`" VALUES (1, '2026-01-01'), (2, '2026-01-02'), (17, '2037-01-01')`)
			s := open(t, d, settings{table: table, cursor: []string{"seen", "id"}})
			p, err := s.Fetch(t.Context(), "", 2)
			if err != nil || p.Rows.Len() != 2 {
				t.Fatalf("%s: the page before it: %d rows, %v", typ, p.Rows.Len(), err)
			}
			for _, after := range []feed.Cursor{"", p.Next} {
				_, err = s.Fetch(t.Context(), after, 10)
				halts(t, err, "column seen", "2037-01-01", "in the future", "id = 17", "WHERE seen <=", "table "+table)
				if d.Kind != "sqlite" && strings.Contains(feed.Judge(err).Remedy, "''") {
					t.Errorf("%s: the remedy compares a time with a text: %s", typ, feed.Judge(err).Remedy)
				}
			}
			s = open(t, d, settings{query: "SELECT * FROM " + table + " WHERE seen <= '2026-12-31'", cursor: []string{"seen", "id"}})
			if rows, _ := all(t, s, "", 10); len(rows) != 2 {
				t.Errorf("%s: with the remedy %d rows were read", typ, len(rows))
			}
			_, err = s.Fetch(t.Context(), `["2037-01-01",17]`, 10)
			halts(t, err, "the checkpoint stands at [\"2037-01-01\",17]", "checkpoint undo")
		}
	})
}

// TestEmptyTimeHalts: it sorts before all others, so the next of its kind would be skipped; wherever the page ends.
func TestEmptyTimeHalts(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, `CREATE TABLE "a" ("id" INTEGER NOT NULL PRIMARY KEY, "created_at" VARCHAR(20) NOT NULL)`,
			`INSERT INTO "a" VALUES (1, '2026-01-01 10:00:00'), (17, '')`)
		s := open(t, d, settings{table: "a", cursor: []string{"created_at", "id"}})
		for _, limit := range []int{1, 10} {
			_, err := s.Fetch(t.Context(), "", limit)
			halts(t, err, "column created_at", `""`, "no time", "id = 17", "connection business", "table a")
		}
		s = open(t, d, settings{query: `SELECT * FROM a WHERE created_at > ''`, cursor: []string{"created_at", "id"}})
		if rows, _ := all(t, s, "", 1); len(rows) != 1 {
			t.Errorf("with the remedy %d rows were read", len(rows))
		}
	})
}

// TestTextThatBeginsLikeADay: a number that begins with a day is no time, and no reason to halt.
func TestTextThatBeginsLikeADay(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, `CREATE TABLE "a" ("number" VARCHAR(20) NOT NULL PRIMARY KEY)`,
			`INSERT INTO "a" VALUES ('2026-01-31-0001'), ('2026-01-31-0002'), ('A-1'), ('')`)
		if rows, _ := all(t, open(t, d, settings{table: "a", cursor: []string{"number"}}), "", 1); len(rows) != 4 {
			t.Errorf("%d rows were read", len(rows))
		}
	})
}

func TestTieAcrossPagesHalts(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, `CREATE TABLE "a" ("id" INTEGER NOT NULL PRIMARY KEY, "at" VARCHAR(20) NOT NULL)`,
			`INSERT INTO "a" VALUES (1, 'x'), (2, 'y'), (3, 'y'), (4, 'z')`)
		s := open(t, d, settings{table: "a", cursor: []string{"at"}})
		_, err := s.Fetch(t.Context(), "", 2)
		halts(t, err, `["y"]`, "primary key")
		if rows, _ := all(t, s, "", 3); len(rows) != 4 {
			t.Errorf("a tie within a page: %d rows were read", len(rows))
		}
		s = open(t, d, settings{table: "a", cursor: []string{"at", "id"}})
		if rows, _ := all(t, s, "", 1); len(rows) != 4 {
			t.Errorf("with the remedy %d rows were read", len(rows))
		}
	})
}

func TestUnsuitableSettings(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, `CREATE TABLE "a" ("id" INTEGER NOT NULL PRIMARY KEY, "f" DOUBLE PRECISION, "name" VARCHAR(9))`)
		for name, c := range map[string]struct {
			set   settings
			words []string
		}{
			"no table":       {settings{table: "b", cursor: []string{"id"}}, []string{"table b"}},
			"no column":      {settings{table: "a", cursor: []string{"ID"}}, []string{"cursor", "ID", "id, f, name"}},
			"no column read": {settings{table: "a", cursor: []string{"id"}, columns: []string{"id", "x"}}, []string{"columns", "x"}},
			"float":          {settings{table: "a", cursor: []string{"f"}}, []string{"column f", "exactly"}},
			"lookback":       {settings{table: "a", cursor: []string{"id"}, lookback: time.Hour}, []string{"lookback", "id"}},
			"twice":          {settings{query: "SELECT x.id, x.name FROM a x UNION SELECT 1, nope FROM a", cursor: []string{"id"}}, []string{"nope"}},
		} {
			_, err := try(t, d, c.set)
			t.Run(name, func(t *testing.T) { halts(t, err, c.words...) })
		}
	})
}

func TestColumnVanishesBetweenPages(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		d.Exec(t, `CREATE TABLE "a" ("id" INTEGER NOT NULL PRIMARY KEY, "name" VARCHAR(9))`, `INSERT INTO "a" VALUES (1, 'x'), (2, 'y')`)
		s := open(t, d, settings{table: "a", cursor: []string{"id"}})
		p, err := s.Fetch(t.Context(), "", 1)
		if err != nil || p.Rows.Len() != 1 {
			t.Fatal(p, err)
		}
		d.Exec(t, `ALTER TABLE "a" DROP COLUMN "name"`)
		_, err = s.Fetch(t.Context(), p.Next, 1)
		halts(t, err, "table a", "name", "jobs.toml")
	})
}

// TestDatabaseDown ends the server between two pages: that is tried again, and so is opening the source.
func TestDatabaseDown(t *testing.T) {
	dbtest.EverywhereAlone(t, func(t *testing.T, d dbtest.Database, down func()) {
		d.Exec(t, `CREATE TABLE "a" ("id" INTEGER NOT NULL PRIMARY KEY)`, `INSERT INTO "a" VALUES (1), (2)`)
		set := settings{table: "a", cursor: []string{"id"}}
		s := open(t, d, set)
		p, err := s.Fetch(t.Context(), "", 1)
		if err != nil {
			t.Fatal(err)
		}
		down()
		_, again := try(t, d, set)
		if d.Kind == "sqlite" {
			if e := feed.Judge(again); again == nil || e.Verdict != feed.Fail || e.Remedy == "" {
				t.Errorf("opened without its file: %v", again)
			}
			return // the file that is open can be read on
		}
		_, err = s.Fetch(t.Context(), p.Next, 1)
		for what, err := range map[string]error{"Fetch": err, "Open": again} {
			if e := feed.Judge(err); err == nil || e.Verdict != feed.Retry || !strings.Contains(e.Remedy, "server runs") || !strings.Contains(err.Error(), "connection business") {
				t.Errorf("%s: %v | %s", what, err, e.Remedy)
			}
		}
	})
}

func TestMissingFile(t *testing.T) {
	_, err := try(t, servers.New(t, "sqlite"), settings{table: "a", cursor: []string{"id"}})
	if e := feed.Judge(err); err == nil || e.Verdict != feed.Fail || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("%v", err)
	}
}

// TestLateRows commits rows behind the cursor: within the lookback they are read by the next run.
func TestLateRows(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		moment := map[string]string{"sqlite": "DATETIME", "postgres": "TIMESTAMPTZ", "mysql": "TIMESTAMP(6) NULL"}[d.Kind]
		d.Exec(t, `CREATE TABLE "a" ("id" INTEGER NOT NULL PRIMARY KEY, "at" `+moment+`)`,
			`INSERT INTO "a" VALUES (1, '2026-01-01 10:00:00'), (2, '2026-01-01 11:00:00.000001'), (3, '2026-01-01 12:00:00')`)
		s := open(t, d, settings{table: "a", cursor: []string{"at", "id"}, lookback: time.Hour})
		_, end := all(t, s, "", 2)
		d.Exec(t, `INSERT INTO "a" VALUES (4, '2026-01-01 11:30:00'), (5, '2026-01-01 10:30:00')`)
		r := s.(feed.Rewinder)
		rows, again := all(t, s, r.Rewind(end), 2)
		var ids []int64
		for _, row := range rows {
			ids = append(ids, row[0].(int64))
		}
		if !slices.Equal(ids, []int64{2, 4, 3}) || again != end {
			t.Errorf("from %s the rows %v were read, up to %s", r.Rewind(end), ids, again)
		}
		for i, want := range map[int]bool{0: true, 2: true} {
			place := r.Locate(feed.Batch{Columns: feed.NewColumns(feed.Column{Name: "id"}, feed.Column{Name: "at"}), Values: rows[i]}, 0)
			if r.Rewound(place, end) != want {
				t.Errorf("Rewound(%s) is not %v", place, want)
			}
		}
		if early := feed.Cursor(`["2026-01-01 10:59:59+00:00",5]`); d.Kind == "postgres" && r.Rewound(early, end) {
			t.Errorf("Rewound(%s) before the lookback", early)
		}
	})
}

// TestLongRead pages through rows that share all but the last cursor column. The decimals are beyond a float64.
func TestLongRead(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		exact := map[string]string{"sqlite": "TEXT"}[d.Kind]
		if exact == "" {
			exact = "DECIMAL(30,3)"
		}
		d.Exec(t, `CREATE TABLE "a" ("x" VARCHAR(9) NOT NULL, "y" INTEGER NOT NULL, "z" `+exact+` NOT NULL, PRIMARY KEY ("x", "y", "z"))`)
		var values []string
		for i := range 300 {
			values = append(values, fmt.Sprintf("('中%d', %d, '9007199254740993000.%03d')", i/100, i/10%3, i))
		}
		d.Exec(t, `INSERT INTO "a" VALUES `+strings.Join(values, ","))
		for _, limit := range []int{1, 7, 100, 299, 300, 1000} {
			rows, _ := all(t, open(t, d, settings{table: "a", cursor: []string{"x", "y", "z"}}), "", limit)
			seen := map[string]bool{}
			for _, r := range rows {
				seen[fmt.Sprint(r...)] = true
			}
			if len(rows) != 300 || len(seen) != 300 {
				t.Errorf("pages of %d: %d rows, %d different", limit, len(rows), len(seen))
			}
		}
	})
}

// TestMissingIndexIsNoted tells once a run that every page sorts the whole table.
func TestMissingIndexIsNoted(t *testing.T) {
	d := servers.New(t, "sqlite")
	d.Exec(t, `CREATE TABLE a (id INTEGER PRIMARY KEY, at TEXT NOT NULL)`, `INSERT INTO a VALUES (1, 'x'), (2, 'y')`)
	set := settings{table: "a", cursor: []string{"at", "id"}}
	notes := func() (n int) {
		s := open(t, d, set)
		for after, done := feed.Cursor(""), false; !done; {
			p, err := s.Fetch(t.Context(), after, 1)
			if err != nil {
				t.Fatal(err)
			}
			n, after, done = n+len(p.Notes), p.Next, p.Done
		}
		return n
	}
	if n := notes(); n != 1 {
		t.Errorf("%d notes without an index", n)
	}
	d.Exec(t, `CREATE INDEX i ON a (at, id)`)
	if n := notes(); n != 0 {
		t.Errorf("%d notes with an index", n)
	}
}
