package sql

import (
	"slices"
	"strings"
	"testing"

	"milkrun/sync/dbtest"
	"milkrun/sync/feed"
)

func keep(t testing.TB, g *generation, keys *feed.Batch) int64 {
	t.Helper()
	n, err := g.Keep(t.Context(), keys)
	if err != nil {
		t.Fatalf("Keep: %v", err)
	}
	return n
}

// TestKeep: the current row of a refused record is neither deleted nor changed, and it is counted.
func TestKeep(t *testing.T) {
	keys := batch(feed.TextColumns("id", "区"), // in the order of the source, which is not that of the sink
		[]feed.Value{int64(2), "a"}, []feed.Value{int64(2), "a"}, []feed.Value{int64(9), "a"}, []feed.Value{"no number", "a"},
		[]feed.Value{int64(1), "a"}, []feed.Value{nil, nil})
	for name, c := range map[string]struct {
		keys *feed.Batch
		kept int64
		did  feed.Changes
		want []string
	}{
		"keys":    {&keys, 1, feed.Changes{Inserted: 1, Updated: 1, Deleted: 1, Unchanged: 1}, []string{"1|new", "2|old", "4|new"}},
		"no keys": {nil, 2, feed.Changes{Inserted: 1, Updated: 1, Unchanged: 2}, []string{"1|new", "2|old", "3|old", "4|new"}},
	} {
		t.Run(name, func(t *testing.T) {
			servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
				s := open(t, d, "g", "区", "id")
				stage(t, s, batch(grades, grade("a", 1, "old", 1), grade("a", 2, "old", 2), grade("a", 3, "old", 3)), 0)
				g := begin(t, s, grades, 0)
				appendAt(t, g, 0, batch(grades, grade("a", 1, "new", 1), grade("a", 4, "new", 1)))
				if n := keep(t, g, c.keys); n != c.kept {
					t.Errorf("%d records are kept", n)
				}
				if n := keep(t, g, c.keys); n != 0 {
					t.Errorf("%d records are kept once more", n)
				}
				did, err := g.Swap(t.Context(), feed.SwapTerms{At: swapped, Expect: 2 + c.kept, MaxDelete: func(int64) int64 { return c.did.Deleted }})
				if err != nil || did != c.did {
					t.Errorf("did %+v, %v", did, err)
				}
				if got := d.Rows(t, `SELECT "id", "grade" FROM "g" ORDER BY "id"`); !slices.Equal(got, c.want) {
					t.Errorf("stored %q", got)
				}
				if got := d.Rows(t, `SELECT "change" FROM "g_changes" WHERE "id" = 2`); len(got) > 0 {
					t.Errorf("the record that is kept has changes: %q", got)
				}
			})
		})
	}
}

// TestKeepIntoAnEmptyTable: there is nothing to keep.
func TestKeepIntoAnEmptyTable(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		g := begin(t, open(t, d, "g", "区", "id"), grades, 0)
		keys := batch(feed.TextColumns("区", "id"), []feed.Value{"a", int64(1)})
		if n := keep(t, g, nil) + keep(t, g, &keys); n != 0 {
			t.Errorf("%d records are kept", n)
		}
	})
}

// TestKeptRowsAreCutByResume: an interrupted run tells anew which records were refused.
func TestKeptRowsAreCutByResume(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		s := open(t, d, "g", "区", "id")
		stage(t, s, batch(grades, grade("a", 1, "old", 1), grade("a", 2, "old", 2)), 0)
		g := begin(t, s, grades, 0)
		appendAt(t, g, 0, batch(grades, grade("a", 1, "new", 1)))
		if n := keep(t, g, nil); n != 1 {
			t.Errorf("%d records are kept", n)
		}
		g = begin(t, open(t, d, "g", "区", "id"), grades, 1)
		if did := swap(t, g, 1); did.Deleted != 1 {
			t.Errorf("did %+v", did)
		}
	})
}

// unfit is a table, good values for it, and values that it cannot hold, some of which only the database knows.
type unfit struct {
	define  string
	columns []string
	good    []feed.Value // behind the id
	bad     []feed.Value // one for each column
}

const personal = "13912345678"

func unfits() map[string]unfit {
	return map[string]unfit{
		"sqlite": {`CREATE TABLE "g" ("id" INTEGER PRIMARY KEY, "n" INT, "r" REAL, "t" TEXT, "must" TEXT NOT NULL) STRICT`,
			[]string{"n", "r", "t", "must"}, []feed.Value{"1", "1.5", "x", "y"}, []feed.Value{"x" + personal, "x" + personal, personal + "\xff", nil}},
		"postgres": {`CREATE TABLE "g" ("id" BIGINT PRIMARY KEY, "name" VARCHAR(3), "nul" TEXT, "n" SMALLINT, "u" UUID, "j" JSON, "ip" INET)`,
			[]string{"name", "nul", "n", "u", "j", "ip"}, []feed.Value{"中文字", "x", int64(1), "6ba7b810-9dad-11d1-80b4-00c04fd430c8", `{}`, "10.0.0.1"},
			[]feed.Value{personal, personal + "\x00", int64(40000), personal, "{" + personal, "x" + personal}},
		"mysql": {`CREATE TABLE "g" ("id" BIGINT PRIMARY KEY, "name" VARCHAR(3), "n" SMALLINT, "e" ENUM('x', 'y'), "tiny" TINYTEXT)`,
			[]string{"name", "n", "e", "tiny"}, []feed.Value{"中文字", int64(1), "x", "x"},
			[]feed.Value{personal, int64(40000), personal, strings.Repeat(personal, 30)}},
	}
}

// TestUnfitRecordsAreRejected: what the table cannot hold is rejected with the reason, all other rows of the page are
// staged, whether this program finds it or the database does.
func TestUnfitRecordsAreRejected(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		c := unfits()[d.Kind]
		d.Exec(t, c.define)
		columns := feed.NewColumns(col("id", feed.Integer))
		for _, name := range c.columns {
			columns = feed.NewColumns(append(columns.List(), col(name, feed.Any))...)
		}
		var rows [][]feed.Value
		var want []int
		for i := range 100 {
			row := append([]feed.Value{int64(i)}, c.good...)
			if at := i / 10; i%10 == 7 && at < len(c.bad) {
				row[1+at] = c.bad[at]
				want = append(want, i)
			}
			rows = append(rows, row)
		}
		s := open(t, d, "g", "id")
		g := begin(t, s, columns, 0)
		for range 2 { // the same page once more, as after an error
			rejected, err := g.Append(t.Context(), 1000, batch(columns, rows...))
			if err != nil {
				t.Fatal(err)
			}
			checkRejected(t, rejected, want)
		}
		places, err := g.Probe(t.Context(), batch(columns, rows...))
		for i, at := range places {
			if bad := slices.Contains(want, i); bad && at != -1 || !bad && at != int64(1000+i) {
				t.Errorf("row %d, read again, has the place %d", i, at)
			}
		}
		if err != nil {
			t.Errorf("Probe: %v", err)
		}
		if did := swap(t, g, 0); did.Inserted != int64(100-len(want)) {
			t.Errorf("did %+v", did)
		}
	})
}

func checkRejected(t testing.TB, rejected []feed.Rejection, want []int) {
	t.Helper()
	var got []int
	for _, r := range rejected {
		got = append(got, r.Row)
		if r.Code == "" || r.Reason == "" || strings.Contains(r.Reason, personal) {
			t.Errorf("row %d: %q, %q", r.Row, r.Code, r.Reason)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the rows %v are rejected, want %v", got, want)
	}
}
