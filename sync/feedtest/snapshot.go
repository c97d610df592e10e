package feedtest

import (
	"errors"
	"testing"
	"time"

	"milkrun/sync/feed"
)

// terms are those of a swap that may delete so many records.
func terms(expect, maxDelete int64) feed.SwapTerms {
	return feed.SwapTerms{
		At:        time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Expect:    expect,
		MaxDelete: func(int64) int64 { return maxDelete },
	}
}

// snapshots returns a new target and a sink on it, and whether the sink is a Snapshotter.
func (c *SinkCase) snapshots(t testing.TB) (Target, bool) {
	t.Helper()
	target := c.Target(t)
	_, ok := target.Open(t).(feed.Snapshotter)
	if ok && len(c.Key) == 0 {
		t.Fatalf("the sink is a Snapshotter; the case needs Key")
	}
	return target, ok
}

// begin opens a generation by a new sink.
func (c *SinkCase) begin(t testing.TB, target Target, resume int64) (feed.Generation, error) {
	t.Helper()
	s := c.open(t, target).(feed.Snapshotter)
	return s.Begin(t.Context(), c.Rows.Columns, c.Key, resume)
}

// stage begins an empty generation and appends rows, in two batches.
func (c *SinkCase) stage(t testing.TB, target Target, b feed.Batch) feed.Generation {
	t.Helper()
	g, err := c.begin(t, target, 0)
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	half := b.Len() / 2
	c.append(t, g, 0, b.Slice(0, half))
	c.append(t, g, int64(half), b.Slice(half, b.Len()))
	return g
}

func (c *SinkCase) append(t testing.TB, g feed.Generation, at int64, b feed.Batch) {
	t.Helper()
	rejected, err := g.Append(t.Context(), at, b)
	if err != nil || len(rejected) > 0 {
		noSecret(t, c.Secrets, err)
		t.Fatalf("Append of %d rows at %d: %v, %d rejected", b.Len(), at, err, len(rejected))
	}
}

// swap swaps and closes, and compares what it did.
func (c *SinkCase) swap(t testing.TB, g feed.Generation, want feed.Changes) {
	t.Helper()
	got, err := g.Swap(t.Context(), terms(want.Inserted+want.Updated+want.Unchanged, want.Deleted))
	if err != nil {
		noSecret(t, c.Secrets, err)
		t.Fatalf("Swap: %v", err)
	}
	if got != want {
		t.Errorf("Swap says %+v; it should say %+v", got, want)
	}
	closeGeneration(t, g)
}

func closeGeneration(t testing.TB, g feed.Generation) {
	t.Helper()
	if err := g.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func snapshotReplaces(t testing.TB, c *SinkCase) {
	target, ok := c.snapshots(t)
	if !ok {
		return
	}
	n := c.Rows.Len()
	g := c.stage(t, target, c.Rows)
	c.stored(t, "records before the first Swap", target, nil)
	c.swap(t, g, feed.Changes{Inserted: int64(n)})
	c.stored(t, "records after the first Swap", target, c.Want)

	g = c.stage(t, target, c.Rows.Slice(1, n))
	c.stored(t, "records before the second Swap", target, c.Want)
	c.swap(t, g, feed.Changes{Deleted: 1, Unchanged: int64(n - 1)})
	c.stored(t, "records after the second Swap", target, c.Want[1:])

	if c.Changed.Len() > 0 {
		c.swap(t, c.stage(t, target, c.Changed), feed.Changes{Inserted: 1, Updated: int64(n - 1)})
		c.stored(t, "records after a Swap that changes them", target, c.WantChanged)
	}
}

func snapshotShrinks(t testing.TB, c *SinkCase) {
	target, ok := c.snapshots(t)
	if !ok {
		return
	}
	n := int64(c.Rows.Len())
	c.swap(t, c.stage(t, target, c.Rows), feed.Changes{Inserted: n})
	g := c.stage(t, target, c.Rows.Slice(0, 2))
	asked := int64(-1)
	guard := terms(-1, 1)
	guard.MaxDelete = func(old int64) int64 { asked = old; return 1 }
	_, err := g.Swap(t.Context(), guard)
	var shrink *feed.ShrinkError
	if !errors.As(err, &shrink) {
		t.Fatalf("Swap that deletes %d of %d records, with 1 allowed, returned %v; it should be a ShrinkError", n-2, n, err)
	}
	if want := (feed.ShrinkError{Old: n, New: 2, Deleted: n - 2, Allowed: 1}); *shrink != want || asked != n {
		t.Errorf("the ShrinkError says %+v, MaxDelete was asked with %d; it should say %+v", *shrink, asked, want)
	}
	c.stored(t, "records after a refused Swap", target, c.Want)
	c.swap(t, g, feed.Changes{Deleted: n - 2, Unchanged: 2}) // the staged rows are still there
	c.stored(t, "records after a Swap with more allowed", target, c.Want[:2])
	c.swap(t, c.stage(t, target, c.Rows), feed.Changes{Inserted: n - 2, Unchanged: 2}) // growing is not shrinking
}

func snapshotCounts(t testing.TB, c *SinkCase) {
	target, ok := c.snapshots(t)
	if !ok {
		return
	}
	g := c.stage(t, target, c.Rows.Slice(0, 4))
	c.append(t, g, 4, c.Rows.Slice(2, 4)) // the keys 2 and 3 once more
	_, err := g.Swap(t.Context(), terms(6, 0))
	var count *feed.CountError
	if !errors.As(err, &count) {
		t.Fatalf("Swap of 4 different keys, where there must be 6, returned %v; it should be a CountError", err)
	}
	if want := (feed.CountError{Distinct: 4, Expected: 6}); *count != want {
		t.Errorf("the CountError says %+v; it should say %+v", *count, want)
	}
	c.stored(t, "records after a Swap with another number expected", target, nil)
	c.swap(t, g, feed.Changes{Inserted: 4})
	c.stored(t, "records of a generation with keys staged twice", target, c.Want[:4])
}

func snapshotAbandoned(t testing.TB, c *SinkCase) {
	target, ok := c.snapshots(t)
	if !ok {
		return
	}
	n := c.Rows.Len()
	c.swap(t, c.stage(t, target, c.Rows.Slice(0, 3)), feed.Changes{Inserted: 3})
	closeGeneration(t, c.stage(t, target, c.Rows.Slice(3, n)))
	c.stored(t, "records after an abandoned generation", target, c.Want[:3])
	c.swap(t, c.stage(t, target, c.Rows.Slice(0, 4)), feed.Changes{Inserted: 1, Unchanged: 3})
	c.stored(t, "records after the generation that followed", target, c.Want[:4])
}

// snapshotResumed cuts the staging area back to two rows, and goes on as if the two behind them had vanished meanwhile.
// A sink may instead have nothing to resume and say so.
func snapshotResumed(t testing.TB, c *SinkCase) {
	target, ok := c.snapshots(t)
	if !ok {
		return
	}
	if g, err := c.begin(t, target, 2); err == nil {
		closeGeneration(t, g)
		t.Errorf("Begin resumes at 2 where nothing was ever staged")
	}
	n := c.Rows.Len()
	closeGeneration(t, c.stage(t, target, c.Rows.Slice(0, 4)))
	g, err := c.begin(t, target, 2)
	if err != nil {
		g = c.stage(t, target, c.Rows.Slice(0, 2))
	}
	c.append(t, g, 2, c.Rows.Slice(4, n))
	c.swap(t, g, feed.Changes{Inserted: int64(n - 2)})
	c.stored(t, "records of a resumed generation", target, append(c.Want[:2:2], c.Want[4:]...))
}

func snapshotBatchIsTheCallers(t testing.TB, c *SinkCase) {
	target, ok := c.snapshots(t)
	if !ok {
		return
	}
	b := copyOf(c.Rows)
	g, err := c.begin(t, target, 0)
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	c.append(t, g, 0, b)
	same(t, "rows of the batch after Append", showBatch(b), showBatch(c.Rows))
	spoil(b)
	c.swap(t, g, feed.Changes{Inserted: int64(b.Len())})
	c.stored(t, "records whose batch was overwritten afterwards", target, c.Want)
}
