package sql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"milkrun/sync/dbtest"
	"milkrun/sync/feed"
)

var swapped = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func begin(t testing.TB, s *Sink, columns *feed.Columns, resume int64) *generation {
	t.Helper()
	g, err := s.Begin(t.Context(), columns, s.key, resume)
	if err != nil {
		t.Fatalf("Begin(%d): %v", resume, err)
	}
	return g.(*generation)
}

func appendAt(t testing.TB, g *generation, at int64, b feed.Batch) {
	t.Helper()
	if _, err := g.Append(t.Context(), at, b); err != nil {
		t.Fatalf("Append at %d: %v", at, err)
	}
}

func swap(t testing.TB, g *generation, maxDelete int64) feed.Changes {
	t.Helper()
	did, err := g.Swap(t.Context(), feed.SwapTerms{At: swapped, Expect: -1, MaxDelete: func(int64) int64 { return maxDelete }})
	if err != nil {
		t.Fatalf("Swap: %v", err)
	}
	closeGeneration(t, g)
	return did
}

// stage makes a generation of b.
func stage(t testing.TB, s *Sink, b feed.Batch, maxDelete int64) feed.Changes {
	t.Helper()
	g := begin(t, s, b.Columns, 0)
	appendAt(t, g, 0, b)
	return swap(t, g, maxDelete)
}

var grades = feed.NewColumns(col("区", feed.Text), col("id", feed.Integer), col("grade", feed.Text), col("score", feed.Integer))

func grade(area string, id int, grade feed.Value, score int) []feed.Value {
	return []feed.Value{area, int64(id), grade, int64(score)}
}

// TestChanges compares the change table after each of three generations.
func TestChanges(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		s := open(t, d, "g", "区", "id")
		changes := func() []string {
			return d.Rows(t, `SELECT "change", "区", "id", "column_name", "old_value", "new_value" FROM "g_changes" ORDER BY "区", "id", "column_name"`)
		}
		stage(t, s, batch(grades, grade("并", 1, "AA", 9), grade("并", 2, "A", 8), grade("同", 1, nil, 7)), 0)
		if got := changes(); len(got) != 0 {
			t.Errorf("after the first generation: %q", got)
		}
		did := stage(t, open(t, d, "g", "区", "id"), batch(grades, grade("同", 1, "B", 7), grade("并", 1, "A", 9), grade("晋", 3, "C", 1)), 1)
		if want := (feed.Changes{Inserted: 1, Updated: 2, Deleted: 1}); did != want {
			t.Errorf("did %+v", did)
		}
		want := []string{
			"changed|并|1|grade|AA|A", "removed|并|2|grade|A|<nil>", "removed|并|2|score|8|<nil>",
			"changed|同|1|grade|<nil>|B", "added|晋|3|grade|<nil>|C", "added|晋|3|score|<nil>|1",
		}
		if got := changes(); !slices.Equal(sorted(got), sorted(want)) {
			t.Errorf("changes\n%q\nwant\n%q", got, want)
		}
		at := map[string]string{"sqlite": "2026-03-04 13:06:07+08:00", "postgres": "2026-03-04 05:06:07+00", "mysql": "2026-03-04 13:06:07.000000"}
		cast := `CAST("changed_at" AS CHAR(40))`
		if d.Kind != "mysql" {
			cast = `CAST("changed_at" AS TEXT)`
		}
		if got := d.Rows(t, `SELECT DISTINCT `+cast+` FROM "g_changes"`); !slices.Equal(got, []string{at[d.Kind]}) {
			t.Errorf("changed at %q", got)
		}
		if d.Has(t, "g__staging_test") {
			t.Error("the staging table is still there")
		}
	})
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

// TestResume closes the database in the middle and goes on with another connection, reading the last page again.
func TestResume(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		s := open(t, d, "g", "id", "区")
		g := begin(t, s, grades, 0)
		appendAt(t, g, 0, batch(grades, grade("a", 1, "x", 1), grade("a", 2, "x", 1)))
		appendAt(t, g, 2, batch(grades, grade("a", 3, "x", 1), grade("a", 4, "x", 1)))
		if _, err := g.Probe(t.Context(), batch(grades, grade("a", 1, "y", 1), grade("b", 9, "x", 1))); err != nil {
			t.Fatal(err)
		}
		closeGeneration(t, g)

		s = open(t, d, "g", "id", "区")
		g = begin(t, s, grades, 4)
		appendAt(t, g, 2, batch(grades, grade("a", 5, "x", 1), grade("a", 6, "x", 1)))
		if err := g.Forget(t.Context(), 0, 1); err != nil { // the mark is of a round that is over
			t.Fatal(err)
		}
		closeGeneration(t, g)

		s = open(t, d, "g", "id", "区")
		g = begin(t, s, grades, 4)
		if did := swap(t, g, 0); did.Inserted != 3 {
			t.Errorf("did %+v", did)
		}
		if got := d.Rows(t, `SELECT "id" FROM "g" ORDER BY "id"`); !slices.Equal(got, []string{"2", "5", "6"}) {
			t.Errorf("stored %q", got)
		}
		if _, err := open(t, d, "g", "id", "区").Begin(t.Context(), grades, s.key, 4); err == nil {
			t.Error("Begin goes on with a generation that was swapped in")
		}
	})
}

func closeGeneration(t testing.TB, g *generation) {
	t.Helper()
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLatestReadWins stages keys several times: what was read last counts, not what stands last.
func TestLatestReadWins(t *testing.T) {
	for _, filled := range []bool{false, true} {
		servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
			s := open(t, d, "g", "区", "id")
			if filled {
				stage(t, s, batch(grades, grade("z", 1, "x", 1)), 0)
			}
			g := begin(t, s, grades, 0)
			appendAt(t, g, 0, batch(grades, grade("a", 1, "old", 1), grade("a", 2, "old", 1), grade("a", 1, "same call", 1)))
			appendAt(t, g, 3, batch(grades, grade("a", 2, "new", 1), grade("a", 3, "old", 1), grade("a", 4, "old", 1)))
			appendAt(t, g, 0, batch(grades, grade("a", 4, "new, in front", 1)))
			if _, err := g.Probe(t.Context(), batch(grades, grade("a", 3, "probed", 1))); err != nil {
				t.Fatal(err)
			}
			appendAt(t, g, 6, batch(grades, grade("a", 3, "after the probe", 1)))
			swap(t, g, 1)
			want := []string{"1|same call", "2|new", "3|after the probe", "4|new, in front"}
			if got := d.Rows(t, `SELECT "id", "grade" FROM "g" ORDER BY "id"`); !slices.Equal(got, want) {
				t.Errorf("stored %q", got)
			}
		})
	}
}

// TestManyGenerations makes generations at random and compares the table with a map.
func TestManyGenerations(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		random := rand.New(rand.NewPCG(1, 2))
		s := open(t, d, "g", "id", "区")
		old := map[string]string{}
		for round := range 6 {
			rows := map[string]string{}
			var list [][]feed.Value
			for range 700 {
				area, id := string(rune('一'+random.IntN(20))), random.IntN(30)
				row := grade(area, id, fmt.Sprint(random.IntN(2)), random.IntN(2))
				list = append(list, row)
				rows[fmt.Sprint(area, "|", id)] = fmt.Sprint(row[2], "|", row[3])
			}
			g := begin(t, s, grades, 0)
			for at := 0; at < len(list); at += 100 {
				appendAt(t, g, int64(at), batch(grades, list[at:at+100]...))
			}
			did := swap(t, g, 1000)
			var want []string
			expect := feed.Changes{}
			for k, v := range rows {
				want = append(want, k+"|"+v)
				switch was, ok := old[k]; {
				case !ok:
					expect.Inserted++
				case was != v:
					expect.Updated++
				default:
					expect.Unchanged++
				}
			}
			expect.Deleted = int64(len(old)) - expect.Updated - expect.Unchanged
			got := d.Rows(t, `SELECT "区", "id", "grade", "score" FROM "g"`)
			if did != expect || !slices.Equal(sorted(got), sorted(want)) {
				t.Fatalf("round %d: did %+v, want %+v; %d rows, want %d", round, did, expect, len(got), len(want))
			}
			old = rows
		}
	})
}

// TestReadersSeeTheOldGeneration reads with another connection between staging and swap, and after a swap that failed.
func TestReadersSeeTheOldGeneration(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		s := open(t, d, "g", "区", "id")
		stage(t, s, batch(grades, grade("a", 1, "old", 1), grade("a", 2, "old", 1)), 0)
		g := begin(t, s, grades, 0)
		appendAt(t, g, 0, batch(grades, grade("a", 1, "new", 1)))
		check := func(want ...string) {
			t.Helper()
			if got := d.Rows(t, `SELECT "id", "grade" FROM "g" ORDER BY "id"`); !slices.Equal(got, want) {
				t.Errorf("readers see %q, want %q", got, want)
			}
		}
		check("1|old", "2|old")
		ctx, cancel := context.WithCancel(t.Context())
		_, err := g.Swap(ctx, feed.SwapTerms{At: swapped, Expect: -1, MaxDelete: func(int64) int64 { cancel(); return 5 }})
		if err == nil {
			t.Error("a swap cancelled in the middle returned no error")
		}
		check("1|old", "2|old")
		closeGeneration(t, g)
		swap(t, begin(t, open(t, d, "g", "区", "id"), grades, 1), 1)
		check("1|new")
	})
}

// TestCaseOfValues: a column that ignores case holds another value nevertheless.
func TestCaseOfValues(t *testing.T) {
	define := map[string]string{
		"sqlite": `CREATE TABLE g (id TEXT PRIMARY KEY, v TEXT COLLATE NOCASE)`,
		"mysql":  `CREATE TABLE g (id VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, v VARCHAR(20) COLLATE utf8mb4_general_ci)`,
	}
	columns := feed.TextColumns("id", "v")
	for name, query := range define {
		t.Run(name, func(t *testing.T) {
			d := servers.New(t, name)
			d.Exec(t, query)
			stage(t, open(t, d, "g", "id"), batch(columns, []feed.Value{"a", "x"}, []feed.Value{"b", "1"}), 0)
			did := stage(t, open(t, d, "g", "id"), batch(columns, []feed.Value{"a", "X"}, []feed.Value{"A", "x"}, []feed.Value{"c", "y"}), 1)
			if want := (feed.Changes{Inserted: 2, Updated: 1, Deleted: 1}); did != want {
				t.Errorf("did %+v", did)
			}
			if got := d.Rows(t, `SELECT id, v FROM g ORDER BY 1`); !slices.Equal(got, []string{"A|x", "a|X", "c|y"}) {
				t.Errorf("stored %q", got)
			}
		})
	}
}

// TestOnlyKeyColumns: there is nothing to update, and changes have no column.
func TestOnlyKeyColumns(t *testing.T) {
	columns := feed.TextColumns("id")
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		stage(t, open(t, d, "g", "id"), batch(columns, []feed.Value{"a"}, []feed.Value{"b"}), 0)
		did := stage(t, open(t, d, "g", "id"), batch(columns, []feed.Value{"b"}, []feed.Value{"c"}), 1)
		if want := (feed.Changes{Inserted: 1, Deleted: 1, Unchanged: 1}); did != want {
			t.Errorf("did %+v", did)
		}
		if got := d.Rows(t, `SELECT "id", "change", "column_name" FROM "g_changes" ORDER BY "id"`); !slices.Equal(got, []string{"a|removed|<nil>", "c|added|<nil>"}) {
			t.Errorf("changes %q", got)
		}
	})
}

func TestKeyOfTheSource(t *testing.T) {
	d := servers.New(t, "sqlite")
	_, err := open(t, d, "g", "id").Begin(t.Context(), grades, []string{"区", "id"}, 0)
	if err == nil || feed.Judge(err).Verdict != feed.HaltJob {
		t.Errorf("%v", err)
	}
}
