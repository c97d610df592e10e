package feedtest

import (
	"math"
	"slices"
	"testing"

	"milkrun/sync/feed"
)

// repairer stages rows in a generation that can be mended; ok is false when the sink has none.
func (c *SinkCase) repairer(t testing.TB, b feed.Batch) (target Target, g feed.Generation, r feed.Repairer, ok bool) {
	t.Helper()
	if target, ok = c.snapshots(t); !ok {
		return target, nil, nil, false
	}
	g = c.stage(t, target, b)
	if r, ok = g.(feed.Repairer); !ok {
		closeGeneration(t, g)
	}
	return target, g, r, ok
}

// repairsDuplicates stages the rows 2 and 3 once more at the positions 4 and 5, as a page does that has shifted; then it
// reads again what is there: 0 to 5.
func repairsDuplicates(t testing.TB, c *SinkCase) {
	target, g, r, ok := c.repairer(t, c.Rows.Slice(0, 4))
	if !ok {
		return
	}
	c.append(t, g, 4, c.Rows.Slice(2, 4))
	c.namesDuplicates(t, r)
	c.count(t, r, 6, 4)
	c.probe(t, r, c.Rows.Slice(0, 2), [][]int64{{0}, {1}})
	c.probe(t, r, c.Rows.Slice(2, 4), [][]int64{{2, 4}, {3, 5}})
	c.probe(t, r, c.Rows.Slice(4, 6), [][]int64{{-1}, {-1}})
	forget(t, r, 0, 6)
	c.swap(t, g, feed.Changes{Inserted: 6})
	c.stored(t, "records of a mended generation", target, c.Want[:6])
}

// namesDuplicates checks that of each pair (2 and 4, 3 and 5) at least one position is named, and no other.
func (c *SinkCase) namesDuplicates(t testing.TB, r feed.Repairer) {
	t.Helper()
	staged, err := r.Count(t.Context(), 10)
	if err != nil {
		t.Fatalf("Count: %v", err)
	}
	for _, at := range []int64{2, 3} {
		if !slices.Contains(staged.Duplicates, at) && !slices.Contains(staged.Duplicates, at+2) {
			t.Errorf("Count names %v as duplicates; the key at %d and %d is missing", staged.Duplicates, at, at+2)
		}
	}
	for _, at := range staged.Duplicates {
		if at < 2 || at > 5 {
			t.Errorf("Count names position %d as a duplicate", at)
		}
	}
	if few, err := r.Count(t.Context(), 1); err != nil || len(few.Duplicates) != 1 {
		t.Errorf("Count with limit 1 names the positions %v, %v", few.Duplicates, err)
	}
}

// repairForgets checks that rows nobody saw again are unstaged, inside the bounds only, and that seen rows have the new
// values.
func repairForgets(t testing.TB, c *SinkCase) {
	target, g, r, ok := c.repairer(t, c.Rows.Slice(0, 6))
	if !ok {
		return
	}
	seen, want := c.Rows, c.Want
	if c.Changed.Len() > 0 {
		seen, want = c.Changed, c.WantChanged
	}
	c.count(t, r, 6, 6)
	c.probe(t, r, c.Rows.Slice(4, 5), [][]int64{{4}})
	c.count(t, r, 6, 6) // a new round: row 4 is no longer marked
	c.probe(t, r, seen.Slice(2, 3), [][]int64{{2}})
	forget(t, r, 1, 5)
	c.count(t, r, 3, 3)
	c.swap(t, g, feed.Changes{Inserted: 3})
	c.stored(t, "records after Forget(1, 5)", target, []string{c.Want[0], want[2], c.Want[5]})
}

// repairAdds checks that an added row stands outside the positions, until a round over everything has not seen it.
func repairAdds(t testing.TB, c *SinkCase) {
	target, g, r, ok := c.repairer(t, c.Rows.Slice(0, 4))
	if !ok {
		return
	}
	c.count(t, r, 4, 4)
	c.probe(t, r, c.Rows.Slice(4, 6), [][]int64{{-1}, {-1}})
	c.count(t, r, 6, 6)
	forget(t, r, 3, 1000)
	c.count(t, r, 5, 5)
	c.probe(t, r, c.Rows.Slice(0, 1), [][]int64{{0}})
	c.probe(t, r, c.Rows.Slice(4, 5), [][]int64{{-1}})
	forget(t, r, 0, math.MaxInt64)
	c.count(t, r, 2, 2)
	c.swap(t, g, feed.Changes{Inserted: 2})
	c.stored(t, "records after Forget of everything not seen", target, []string{c.Want[0], c.Want[4]})
}

// keeperKeeps checks that current records which are not staged stay as they are and are counted: one by its key, then
// all of them.
func keeperKeeps(t testing.TB, c *SinkCase) {
	target, ok := c.snapshots(t)
	if !ok {
		return
	}
	n := c.Rows.Len()
	c.swap(t, c.stage(t, target, c.Rows), feed.Changes{Inserted: int64(n)})
	g := c.stage(t, target, c.Rows.Slice(2, n))
	k, ok := g.(feed.Keeper)
	if !ok {
		closeGeneration(t, g)
		return
	}
	keys := c.keys(0, 3) // of the current records 0 and 1 are not staged, 3 is
	keep(t, k, &keys, 1)
	keep(t, k, &keys, 0)
	c.swap(t, g, feed.Changes{Deleted: 1, Unchanged: int64(n - 1)})
	c.stored(t, "records after one was kept by its key", target, append(c.Want[:1:1], c.Want[2:]...))

	g = c.stage(t, target, c.Rows.Slice(4, n))
	keep(t, g.(feed.Keeper), nil, 3)
	c.swap(t, g, feed.Changes{Unchanged: int64(n - 1)})
	c.stored(t, "records after all were kept", target, append(c.Want[:1:1], c.Want[2:]...))
}

// keys returns the keys of some of Rows.
func (c *SinkCase) keys(rows ...int) feed.Batch {
	keys := feed.Batch{Columns: feed.TextColumns(c.Key...)}
	for _, i := range rows {
		for _, name := range c.Key {
			keys.Values = append(keys.Values, c.Rows.Get(i, name))
		}
	}
	return keys
}

func keep(t testing.TB, k feed.Keeper, keys *feed.Batch, want int64) {
	t.Helper()
	if kept, err := k.Keep(t.Context(), keys); err != nil || kept != want {
		t.Errorf("Keep says %d records, %v; there are %d to keep", kept, err, want)
	}
}

func forget(t testing.TB, r feed.Repairer, from, to int64) {
	t.Helper()
	if err := r.Forget(t.Context(), from, to); err != nil {
		t.Fatalf("Forget(%d, %d): %v", from, to, err)
	}
}

// count begins a round and checks how many rows and keys are staged.
func (c *SinkCase) count(t testing.TB, r feed.Repairer, rows, distinct int64) {
	t.Helper()
	staged, err := r.Count(t.Context(), 10)
	if err != nil {
		t.Fatalf("Count: %v", err)
	}
	if staged.Rows != rows || staged.Distinct != distinct {
		t.Errorf("Count says %d rows, %d keys; staged are %d and %d", staged.Rows, staged.Distinct, rows, distinct)
	}
	if rows == distinct && len(staged.Duplicates) > 0 {
		t.Errorf("Count names %v as duplicates where there is none", staged.Duplicates)
	}
}

// probe stages rows again; each may stand at one of the places given for it.
func (c *SinkCase) probe(t testing.TB, r feed.Repairer, b feed.Batch, want [][]int64) {
	t.Helper()
	got, err := r.Probe(t.Context(), b)
	if err != nil {
		t.Fatalf("Probe: %v", err)
	}
	if len(got) != len(want) {
		t.Fatalf("Probe of %d rows returned the places %v", b.Len(), got)
	}
	for i, places := range want {
		if !slices.Contains(places, got[i]) {
			t.Errorf("Probe says row %d stands at %d; it should be one of %v", i, got[i], places)
		}
	}
}
