package feedtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"milkrun/sync/feed"
)

func delivers(t testing.TB, c *SinkCase) {
	target := c.Target(t)
	s := c.open(t, target)
	half := c.Rows.Len() / 2
	c.deliver(t, s, c.Rows.Slice(0, half))
	c.stored(t, "records after the first batch", target, c.Want[:half])
	c.deliver(t, s, c.Rows.Slice(half, c.Rows.Len()))
	c.stored(t, "records after the second batch", target, c.Want)
}

func emptyBatch(t testing.TB, c *SinkCase) {
	target := c.Target(t)
	s := c.open(t, target)
	c.deliver(t, s, feed.Batch{})
	c.deliver(t, s, feed.Batch{Columns: c.Rows.Columns})
	c.stored(t, "records after empty batches", target, nil)
}

func deliveredTwice(t testing.TB, c *SinkCase) {
	target := c.Target(t)
	s := c.open(t, target)
	if isOpaque(s) {
		return
	}
	c.deliver(t, s, c.Rows)
	c.deliver(t, s, c.Rows)
	c.stored(t, "records after the same batch twice", target, c.Want)
	c.deliver(t, c.open(t, target), c.Rows)
	c.stored(t, "records after the same batch by a new sink", target, c.Want)
}

// deliveredRegrouped is what a crash leaves: the rows behind the checkpoint come again, cut into other batches.
func deliveredRegrouped(t testing.TB, c *SinkCase) {
	target := c.Target(t)
	s := c.open(t, target)
	if isOpaque(s) {
		return
	}
	for i := range c.Rows.Len() - 1 {
		c.deliver(t, s, c.Rows.Slice(i, i+1))
	}
	s = c.open(t, target)
	c.deliver(t, s, c.Rows.Slice(1, 4))
	c.deliver(t, s, c.Rows.Slice(3, c.Rows.Len()))
	c.stored(t, "records delivered again in other batches", target, c.Want)
}

func changedRecords(t testing.TB, c *SinkCase) {
	target := c.Target(t)
	s := c.open(t, target)
	if isOpaque(s) || c.Changed.Len() == 0 {
		return
	}
	c.deliver(t, s, c.Rows)
	c.deliver(t, s, c.Changed)
	c.stored(t, "records after a change", target, c.WantChanged)
	c.deliver(t, c.open(t, target), c.Rows)
	c.stored(t, "records after the change back", target, c.Want)
}

func deliversConcurrently(t testing.TB, c *SinkCase) {
	target := c.Target(t)
	s := c.open(t, target)
	errs := make([]error, c.Rows.Len())
	rejected := make([][]feed.Rejection, len(errs))
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { rejected[i], errs[i] = deliver(t.Context(), s, c.Rows.Slice(i, i+1)) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil || len(rejected[i]) > 0 {
			t.Errorf("Deliver of row %d among others: %v, rejected %+v", i, err, rejected[i])
		}
	}
	c.stored(t, "records delivered at once", target, c.Want)
}

// badRows puts each bad row behind a good one, so that a wrong index shows.
func badRows(t testing.TB, c *SinkCase) {
	if len(c.Bad) == 0 {
		return
	}
	target := c.Target(t)
	s := c.open(t, target)
	b, want := c.mixed()
	rejected, err := deliver(t.Context(), s, b)
	if err != nil {
		noSecret(t, c.Secrets, err)
		t.Fatalf("Deliver with bad rows: %v", err)
	}
	got := make(map[int]string)
	for _, r := range rejected {
		if _, twice := got[r.Row]; twice || r.Reason == "" || r.Record != nil {
			t.Errorf("the rejection %+v should name its row once, with a reason and without the record", r)
		}
		noSecretText(t, c.Secrets, "the rejection", r.Reason)
		got[r.Row] = r.Code
	}
	if !maps.Equal(got, want) {
		t.Errorf("rejected rows and codes are %v; they should be %v", got, want)
	}
	c.stored(t, "good records among bad ones", target, c.Want)
}

// mixed returns the good rows with the bad ones among them, and the codes by row of the bad ones.
func (c *SinkCase) mixed() (feed.Batch, map[int]string) {
	b := feed.Batch{Columns: c.Rows.Columns}
	codes := make(map[int]string)
	for i := range max(c.Rows.Len(), len(c.Bad)) {
		if i < c.Rows.Len() {
			b.Values = append(b.Values, c.Rows.Row(i)...)
		}
		if i < len(c.Bad) {
			codes[b.Len()] = c.Bad[i].Code
			b.Values = append(b.Values, c.Bad[i].Row...)
		}
	}
	return b, codes
}

func batchIsTheCallers(t testing.TB, c *SinkCase) {
	target := c.Target(t)
	s := c.open(t, target)
	b := copyOf(c.Rows)
	half := b.Len() / 2
	c.deliver(t, s, b.Slice(0, half))
	same(t, "rows of the batch after Deliver", showBatch(b), showBatch(c.Rows))
	spoil(b.Slice(0, half))
	c.deliver(t, s, b.Slice(half, b.Len()))
	spoil(b)
	c.stored(t, "records whose batch was overwritten afterwards", target, c.Want)
}

func cancelledDeliver(t testing.TB, c *SinkCase) {
	target := c.Target(t)
	s := c.open(t, target)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := prompt(t, "Deliver", func() error { _, err := deliver(ctx, s, c.Rows); return err })
	wantCancelled(t, c.Secrets, "Deliver", err)
	if isOpaque(s) {
		c.stored(t, "records sent with a cancelled context", target, nil)
	}
	c.deliver(t, s, c.Rows)
	c.stored(t, "records after a cancelled Deliver and another", target, c.Want)
}

func stalledDeliver(t testing.TB, c *SinkCase) {
	target := c.Target(t)
	if target.Stall == nil {
		return
	}
	s := c.open(t, target)
	cancelMidway(t, c.Secrets, "Deliver", target.Stall(t), func(ctx context.Context) error {
		_, err := deliver(ctx, s, c.Rows)
		return err
	})
}

func sinkFaults(t testing.TB, c *SinkCase) {
	for _, name := range slices.Sorted(maps.Keys(c.Target(t).Faults)) {
		target := c.Target(t)
		s := c.open(t, target)
		target.Faults[name](t)
		rejected, err := deliver(t.Context(), s, c.Rows)
		if err == nil {
			t.Errorf("Deliver with the fault %q returned no error, and %d rejected rows", name, len(rejected))
			continue
		}
		noSecret(t, c.Secrets, err)
		if isOpaque(s) {
			c.honest(t, name, target, err)
			continue
		}
		c.deliver(t, s, c.Rows)
		c.stored(t, fmt.Sprintf("records delivered again after the fault %q", name), target, c.Want)
	}
}

// honest checks that an opaque sink which says that nothing went out is right.
func (c *SinkCase) honest(t testing.TB, fault string, target Target, err error) {
	t.Helper()
	known := feed.Judge(err)
	sent := len(target.Stored(t))
	if sent > 0 && (known.Unsent || known.Verdict != feed.Retry) {
		t.Errorf("DeliverOnce with the fault %q promises that nothing went out (%s, unsent %v), and %d records did: %v",
			fault, known.Verdict, known.Unsent, sent, err)
	}
}

// checksAlike asks an opaque sink twice what cannot be sent; asking sends nothing.
func checksAlike(t testing.TB, c *SinkCase) {
	target := c.Target(t)
	o, opaque := c.open(t, target).(feed.Opaque)
	if !opaque {
		return
	}
	b, want := c.mixed()
	for range 2 {
		got := make(map[int]string)
		for _, r := range o.Check(b) {
			got[r.Row] = r.Code
		}
		if !maps.Equal(got, want) {
			t.Errorf("Check rejects the rows %v; they should be %v", got, want)
		}
	}
	c.stored(t, "records after a Check", target, nil)
}

func missingColumn(t testing.TB, c *SinkCase) {
	target := c.Target(t)
	p, ok := target.Open(t).(feed.Preparer)
	if !ok || c.Missing == "" {
		return
	}
	var rest []feed.Column
	for _, col := range c.Rows.Columns.List() {
		if col.Name != c.Missing {
			rest = append(rest, col)
		}
	}
	err := p.Prepare(t.Context(), feed.NewColumns(rest...))
	if err == nil {
		t.Fatalf("Prepare without the column %q returned no error", c.Missing)
	}
	noSecret(t, c.Secrets, err)
	if v := feed.Judge(err).Verdict; v < feed.Fail {
		t.Errorf("Prepare without the column %q: the verdict is %s, which tries again what cannot succeed", c.Missing, v)
	}
	c.stored(t, "records after a refused Prepare", target, nil)
}

func preview(t testing.TB, c *SinkCase) {
	target := c.Target(t)
	p, ok := target.Open(t).(feed.Previewer)
	if !ok {
		return
	}
	text, err := p.Preview(t.Context(), c.Rows)
	if err != nil || text == "" {
		t.Fatalf("Preview returned %q, %v", text, err)
	}
	noSecretText(t, c.Secrets, "the preview", text)
	c.stored(t, "records after a preview", target, nil)
}
