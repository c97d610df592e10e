package feedtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"

	"milkrun/sync/feed"
)

// SinkCase is a sink with a target behind it.
type SinkCase struct {
	// Target returns a new, empty target. Every check has its own.
	Target func(t testing.TB) Target
	// Rows are records that the target takes, at least six, each with a key of its own.
	Rows feed.Batch
	// Want holds, for each of Rows, the text by which Target.Stored shows it.
	Want []string
	// Changed holds, optionally, Rows in the same order with the same keys and other values; WantChanged shows them.
	Changed     feed.Batch
	WantChanged []string
	// Bad are rows with the columns of Rows that are rejected, each by itself, with a code.
	Bad []BadRow
	// Missing names a column of Rows without which a feed.Preparer must refuse; empty when it can do without any.
	Missing string
	// Key names the key columns; needed for a feed.Snapshotter.
	Key []string
	// Secrets are texts that must be in no error, no rejection and no preview.
	Secrets []string
}

// BadRow is a row that is rejected with Code.
type BadRow struct {
	Row  []feed.Value
	Code string
}

// Target is what a sink delivers to, seen from its other side.
type Target struct {
	// Open returns a new sink on this target.
	Open func(t testing.TB) feed.Sink
	// Stored returns every record that the target holds, in any order; for an opaque sink every one that was sent.
	Stored func(t testing.TB) []string
	// Faults, by name, make the next request of a sink that is open go wrong, once: before the target acted ("HTTP 500")
	// or after it ("connection drop after acting"). The sink cannot know that the batch arrived, and must not say so.
	Faults map[string]func(t testing.TB)
	// Stall makes the next request hang until its caller goes away; the channel is closed when it has arrived.
	Stall func(t testing.TB) (arrived <-chan struct{})
}

// Sink holds a sink to the contracts of package feed.
func Sink(t *testing.T, c SinkCase) {
	t.Helper()
	c.prepare(t)
	for _, k := range sinkChecks() {
		t.Run(k.name, func(t *testing.T) { k.run(t, &c) })
	}
}

func (c *SinkCase) prepare(t testing.TB) {
	t.Helper()
	if c.Target == nil || c.Rows.Len() < 6 || len(c.Want) != c.Rows.Len() {
		t.Fatalf("a SinkCase needs Target, at least six Rows, and as many Want")
	}
	if c.Changed.Len() != 0 && (c.Changed.Len() != c.Rows.Len() || len(c.WantChanged) != len(c.Want)) {
		t.Fatalf("Changed and WantChanged need as many elements as Rows")
	}
}

func sinkChecks() []check[SinkCase] {
	return []check[SinkCase]{
		{"delivers", delivers},
		{"empty batch", emptyBatch},
		{"delivered twice", deliveredTwice},
		{"delivered in other batches", deliveredRegrouped},
		{"changed records", changedRecords},
		{"concurrently", deliversConcurrently},
		{"bad rows", badRows},
		{"batch is the caller's", batchIsTheCallers},
		{"cancelled", cancelledDeliver},
		{"cancelled midway", stalledDeliver},
		{"faults", sinkFaults},
		{"checks alike", checksAlike},
		{"missing column", missingColumn},
		{"preview", preview},
		{"snapshot replaces", snapshotReplaces},
		{"snapshot shrinks", snapshotShrinks},
		{"snapshot counts", snapshotCounts},
		{"snapshot abandoned", snapshotAbandoned},
		{"snapshot resumed", snapshotResumed},
		{"snapshot batch is the caller's", snapshotBatchIsTheCallers},
		{"repairer finds rows read twice", repairsDuplicates},
		{"repairer forgets", repairForgets},
		{"repairer adds", repairAdds},
		{"keeper keeps", keeperKeeps},
	}
}

// open returns a new sink on the target, with its columns prepared as the engine does at the start of a run.
func (c *SinkCase) open(t testing.TB, target Target) feed.Sink {
	t.Helper()
	s := target.Open(t)
	if p, ok := s.(feed.Preparer); ok {
		if err := p.Prepare(t.Context(), c.Rows.Columns); err != nil {
			noSecret(t, c.Secrets, err)
			t.Fatalf("Prepare: %v", err)
		}
	}
	return s
}

// deliver delivers rows that all are good.
func (c *SinkCase) deliver(t testing.TB, s feed.Sink, b feed.Batch) {
	t.Helper()
	rejected, err := deliver(t.Context(), s, b)
	if err != nil {
		noSecret(t, c.Secrets, err)
		t.Fatalf("Deliver of %d rows: %v", b.Len(), err)
	}
	if len(rejected) > 0 {
		t.Fatalf("Deliver of %d good rows rejected %+v", b.Len(), rejected)
	}
}

func (c *SinkCase) stored(t testing.TB, what string, target Target, want []string) {
	t.Helper()
	same(t, what, sorted(target.Stored(t)), sorted(want))
}

// deliver delivers as the engine does.
func deliver(ctx context.Context, s feed.Sink, b feed.Batch) ([]feed.Rejection, error) {
	o, opaque := s.(feed.Opaque)
	if !opaque {
		return s.Deliver(ctx, b)
	}
	rejected := o.Check(b)
	rest, bad := feed.Batch{Columns: b.Columns}, map[int]bool{}
	for _, r := range rejected {
		bad[r.Row] = true
	}
	for i := range b.Len() {
		if !bad[i] {
			rest.Values = append(rest.Values, b.Row(i)...)
		}
	}
	if rest.Len() == 0 {
		return rejected, nil
	}
	_, err := o.DeliverOnce(ctx, rand.Text(), rest)
	return rejected, err
}

func isOpaque(s feed.Sink) bool {
	_, ok := s.(feed.Opaque)
	return ok
}

// copyOf returns a batch with values of its own, byte strings included.
func copyOf(b feed.Batch) feed.Batch {
	values := make([]feed.Value, len(b.Values))
	for i, v := range b.Values {
		if raw, ok := v.([]byte); ok {
			v = append([]byte(nil), raw...)
		}
		values[i] = v
	}
	return feed.Batch{Columns: b.Columns, Values: values}
}

// spoil overwrites every value in place, as a caller does that uses its memory again.
func spoil(b feed.Batch) {
	for i, v := range b.Values {
		if raw, ok := v.([]byte); ok {
			clear(raw)
		}
		b.Values[i] = fmt.Sprintf("spoiled %d", i)
	}
}
