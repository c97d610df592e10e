package sql

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"milkrun/sync/dbtest"
	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

// TestKeyListedTwice: a partner that lists a key twice counts two records. The swap says how many keys there are, leaves
// what is staged for whoever looks into it, and takes the number of keys.
func TestKeyListedTwice(t *testing.T) {
	for name, filled := range map[string]bool{"first": false, "again": true} {
		t.Run(name, func(t *testing.T) {
			servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
				s := open(t, d, "g", "区", "id")
				if filled {
					stage(t, s, batch(grades, grade("a", 1, "new", 1), grade("a", 2, "x", 1), grade("a", 9, "x", 1)), 0)
				}
				g := begin(t, s, grades, 0)
				appendAt(t, g, 0, batch(grades, grade("a", 1, "old", 1), grade("a", 2, "x", 1)))
				appendAt(t, g, 2, batch(grades, grade("a", 3, "x", 1), grade("a", 1, "new", 1), grade("a", 2, "x", 1)))
				all := func(int64) int64 { return 9 }
				_, err := g.Swap(t.Context(), feed.SwapTerms{At: swapped, Expect: 5, MaxDelete: all})
				var wrong *feed.CountError
				if !errors.As(err, &wrong) || *wrong != (feed.CountError{Distinct: 3, Expected: 5}) {
					t.Errorf("Swap with 5 records expected: %v", err)
				}
				staged, err := g.Count(t.Context(), 10)
				if err != nil || staged.Rows != 5 || staged.Distinct != 3 || len(staged.Duplicates) != 4 {
					t.Errorf("afterwards %+v are staged, %v", staged, err)
				}
				did, err := g.Swap(t.Context(), feed.SwapTerms{At: swapped, Expect: 3, MaxDelete: all})
				want := feed.Changes{Inserted: 3}
				if filled {
					want = feed.Changes{Inserted: 1, Deleted: 1, Unchanged: 2}
				}
				if err != nil || did != want {
					t.Errorf("Swap with 3 keys expected: %+v, %v", did, err)
				}
				if got := d.Rows(t, `SELECT "id", "grade" FROM "g" ORDER BY "id"`); !slices.Equal(got, []string{"1|new", "2|x", "3|x"}) {
					t.Errorf("stored %q", got)
				}
			})
		})
	}
}

// TestRefusedSwapKeepsWhatIsStaged: a swap that would delete too much changes nothing, with keys staged twice either.
func TestRefusedSwapKeepsWhatIsStaged(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		s := open(t, d, "g", "区", "id")
		stage(t, s, batch(grades, grade("a", 1, "x", 1), grade("a", 2, "x", 1), grade("a", 3, "x", 1)), 0)
		g := begin(t, s, grades, 0)
		appendAt(t, g, 0, batch(grades, grade("a", 1, "y", 1), grade("a", 1, "y", 1)))
		_, err := g.Swap(t.Context(), feed.SwapTerms{At: swapped, Expect: -1, MaxDelete: func(old int64) int64 { return old / 2 }})
		var shrink *feed.ShrinkError
		if !errors.As(err, &shrink) || *shrink != (feed.ShrinkError{Old: 3, New: 1, Deleted: 2, Allowed: 1}) {
			t.Errorf("Swap: %v", err)
		}
		if staged, err := g.Count(t.Context(), 10); err != nil || staged.Rows != 2 {
			t.Errorf("%+v are staged, %v", staged, err)
		}
		if got := d.Rows(t, `SELECT "id", "grade" FROM "g" ORDER BY "id"`); !slices.Equal(got, []string{"1|x", "2|x", "3|x"}) {
			t.Errorf("stored %q", got)
		}
		if got := d.Rows(t, `SELECT 1 FROM "g_changes"`); len(got) > 0 {
			t.Errorf("%d changes are recorded", len(got))
		}
	})
}

// TestTableChangedWhileStaging: the swap compares with the table as it is then.
func TestTableChangedWhileStaging(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		s := open(t, d, "g", "区", "id")
		stage(t, s, batch(grades, grade("a", 1, "x", 1), grade("a", 2, "x", 1)), 0)
		g := begin(t, s, grades, 0)
		appendAt(t, g, 0, batch(grades, grade("a", 1, "x", 1), grade("a", 2, "x", 1)))
		d.Exec(t, `DELETE FROM "g" WHERE "id" = 1`, `UPDATE "g" SET "grade" = 'mine'`, `INSERT INTO "g" VALUES ('a', 7, 'mine', 1), ('a', 8, 'mine', 1)`)
		if did := swap(t, g, 2); did != (feed.Changes{Inserted: 1, Updated: 1, Deleted: 2}) {
			t.Errorf("did %+v", did)
		}
		if got := d.Rows(t, `SELECT "id", "grade" FROM "g" ORDER BY "id"`); !slices.Equal(got, []string{"1|x", "2|x"}) {
			t.Errorf("stored %q", got)
		}
	})
}

// TestNobodyWritesDuringASwap: else a record that came in between would be deleted without having been counted.
func TestNobodyWritesDuringASwap(t *testing.T) {
	impatient := map[string]string{"sqlite": "PRAGMA busy_timeout = 0", "postgres": "SET lock_timeout = 50", "mysql": "SET innodb_lock_wait_timeout = 1"}
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		s := open(t, d, "g", "区", "id")
		stage(t, s, batch(grades, grade("a", 1, "x", 1), grade("a", 2, "x", 1)), 0)
		g := begin(t, s, grades, 0)
		appendAt(t, g, 0, batch(grades, grade("a", 1, "x", 1)))
		db, err := d.Connect(t).DB(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		_, err = g.Swap(t.Context(), feed.SwapTerms{At: swapped, Expect: -1, MaxDelete: func(int64) int64 {
			err := db.Use(t.Context(), func(c *sqldb.Session) error {
				if _, err := c.Exec(t.Context(), impatient[d.Kind]); err != nil {
					t.Error(err)
				}
				_, err := c.Exec(t.Context(), d.Quoted(`INSERT INTO "g" VALUES ('a', 5, 'theirs', 1)`))
				return err
			})
			if err == nil {
				t.Error("another connection wrote to the table")
			}
			return 1
		}})
		if err != nil {
			t.Error(err)
		}
		if got := d.Rows(t, `SELECT "id" FROM "g"`); !slices.Equal(got, []string{"1"}) {
			t.Errorf("stored %q", got)
		}
	})
}

// TestConstraintRefusesTheGeneration: rows fit the columns, but not a constraint of the table. Trying again does not help.
func TestConstraintRefusesTheGeneration(t *testing.T) {
	columns := feed.NewColumns(col("id", feed.Integer), col("phone", feed.Text))
	for name, constraint := range map[string]string{"CHECK": `CONSTRAINT "brief" CHECK (LENGTH("phone") < 9)`, "UNIQUE": `CONSTRAINT "brief" UNIQUE ("phone")`} {
		servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
			if name == "UNIQUE" && d.Kind == "mysql" {
				t.Skip("such a table is refused beforehand, see TestSecondUniqueConstraint")
			}
			d.Exec(t, `CREATE TABLE "g" ("id" INTEGER PRIMARY KEY, "phone" VARCHAR(20), `+constraint+`)`, `INSERT INTO "g" VALUES (1, 'x')`)
			s := open(t, d, "g", "id")
			g := begin(t, s, columns, 0)
			appendAt(t, g, 0, batch(columns, []feed.Value{int64(1), personal}, []feed.Value{int64(2), personal}))
			_, err := g.Swap(t.Context(), feed.SwapTerms{At: swapped, Expect: 2, MaxDelete: func(int64) int64 { return 0 }})
			e := feed.Judge(err)
			if err == nil || e.Verdict != feed.HaltJob || !strings.Contains(e.Remedy, "constraint") || strings.Contains(err.Error(), personal) {
				t.Errorf("%s: %s, %v | %s", name, e.Verdict, err, e.Remedy)
			}
			if staged, err := g.Count(t.Context(), 1); err != nil || staged.Rows != 2 {
				t.Errorf("%+v are staged, %v", staged, err)
			}
			if got := d.Rows(t, `SELECT "phone" FROM "g"`); !slices.Equal(got, []string{"x"}) {
				t.Errorf("stored %q", got)
			}
		})
	}
}

// TestTableVanishes: between two batches, and before the swap.
func TestTableVanishes(t *testing.T) {
	columns := feed.TextColumns("id", "v")
	rows := batch(columns, []feed.Value{"1", personal})
	for what, query := range map[string]string{"column": `ALTER TABLE "a" DROP COLUMN "v"`, "table": `DROP TABLE "a"`} {
		servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
			s := open(t, d, "a", "id")
			deliver(t, s, rows)
			g := begin(t, s, columns, 0)
			appendAt(t, g, 0, rows)
			d.Exec(t, query)
			_, undelivered := s.Deliver(t.Context(), rows)
			_, unswapped := g.Swap(t.Context(), feed.SwapTerms{Expect: -1, MaxDelete: func(int64) int64 { return 0 }})
			for call, err := range map[string]error{"Deliver": undelivered, "Swap": unswapped} {
				e := feed.Judge(err)
				if err == nil || e.Verdict != feed.HaltJob || !strings.Contains(e.Remedy, "jobs.toml") || strings.Contains(err.Error(), personal) ||
					!strings.Contains(err.Error(), "connection target, table a") {
					t.Errorf("no %s, %s: %s, %v | %s", what, call, e.Verdict, err, e.Remedy)
				}
			}
		})
	}
}

// TestServerDown ends the server between two calls: every one of them is tried again.
func TestServerDown(t *testing.T) {
	columns := feed.TextColumns("id")
	rows := batch(columns, []feed.Value{"1"})
	dbtest.EverywhereAlone(t, func(t *testing.T, d dbtest.Database, down func()) {
		if d.Kind == "sqlite" {
			return
		}
		s := open(t, d, "a", "id")
		deliver(t, s, rows)
		g := begin(t, s, columns, 0)
		appendAt(t, g, 0, rows)
		down()
		ctx := context.WithoutCancel(t.Context())
		for what, call := range map[string]func() error{
			"Deliver": func() error { _, err := s.Deliver(ctx, rows); return err },
			"Begin":   func() error { _, err := s.Begin(ctx, columns, s.key, 0); return err },
			"Append":  func() error { _, err := g.Append(ctx, 1, rows); return err },
			"Keep":    func() error { _, err := g.Keep(ctx, nil); return err },
			"Swap":    func() error { _, err := g.Swap(ctx, feed.SwapTerms{Expect: -1}); return err },
		} {
			err := call()
			if e := feed.Judge(err); err == nil || e.Verdict != feed.Retry || !strings.Contains(e.Remedy, "server runs") || !strings.Contains(err.Error(), "table a") {
				t.Errorf("%s: %v | %s", what, err, e.Remedy)
			}
		}
	})
}
