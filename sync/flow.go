package sync

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"milkrun/sync/feed"
)

// groupAge is how long rows wait for their batch to fill.
const groupAge = time.Second

// flow moves pages to a sink: it gathers batches, delivers several at once, and commits behind the low watermark.
type flow struct {
	run      *run
	size     int      // rows a batch
	paged    bool     // a batch ends where its page ends
	inFlight int      // batches at once
	key      []string // of batches that share one, the later waits for the earlier; none: they do not wait
	deliver  func(ctx context.Context, b *batch) ([]feed.Rejection, error)
	rejected func(b *batch, rejected []feed.Rejection)            // told of what deliver rejects; may be nil
	once     func(ctx context.Context, b *batch) (settled, error) // takes the place of deliver for an opaque sink
	commit   func(ctx context.Context, s settled) error

	turns   turns
	mark    *watermark
	room    chan struct{} // a place for every batch that is in flight, or settled and not committed
	workers errgroup.Group
	failing sync.Once
	failed  chan struct{} // closed at the first failure: no further batch is begun
	err     error
	done    bool // the last page was taken
	stuck   bool // a commit failed: what it held is lost, so nothing behind it may be committed
}

// move takes the first page, and then the others. It returns when every page is settled and committed, or at the first
// failure, or when the run is asked to stop; in any case after the batches in flight have come to an end, within the
// drain time, and what is settled is committed.
func (f *flow) move(first page, pages <-chan page) error {
	f.mark, f.failed = newWatermark(), make(chan struct{})
	f.room = make(chan struct{}, 2*f.inFlight)
	if f.once != nil {
		f.room = make(chan struct{}, 1) // and no batch leaves before the one before it is committed
	}
	f.workers.SetLimit(f.inFlight)
	stopCommitting := f.commitInBackground()
	f.begin(first, pages)
	_ = f.workers.Wait() // every failure is in f.err
	stopCommitting()
	return f.err
}

// begin starts the delivery of all batches.
func (f *flow) begin(first page, pages <-chan page) {
	g := &gatherer{size: f.size, key: f.key, mask: f.run.masked, note: f.run.refused, emit: f.start}
	age := time.NewTicker(groupAge)
	defer age.Stop()
	for more := f.take(g, first); more; {
		select {
		case p, ok := <-pages:
			switch {
			case p.err != nil:
				g.flush()
				_ = f.workers.Wait() // what was read is delivered
				f.fail(p.err)
				return
			case !ok && !f.done: // the reader stopped because the run is to stop
				f.fail(stopCause(f.run.soft))
				return
			case !ok:
				g.flush()
				return
			}
			more = f.take(g, p)
		case <-age.C:
			g.flush()
		case <-f.failed:
			return
		case <-f.run.soft.Done():
			f.fail(stopCause(f.run.soft))
			return
		}
	}
}

// take counts a page and batches those of its rows that were not delivered before. It says whether to go on.
func (f *flow) take(g *gatherer, p page) bool {
	f.run.saw(p)
	f.done = p.Done
	if err := f.run.meet(p.Rows.Columns); err != nil {
		g.flush()
		f.fail(err)
		return false
	}
	p = f.run.fresh(p)
	f.run.owes(p)
	g.add(p)
	err := f.run.tooManyBad()
	if f.paged || err != nil {
		g.flush()
	}
	if err != nil {
		_ = f.workers.Wait() // so that the dead letters are kept, which say what is wrong
		f.fail(err)
	}
	return err == nil
}

// start delivers one batch, waiting for a free place first: as much as is in flight may also wait for its commit, not
// more, so that a crash repeats little.
func (f *flow) start(b *batch) {
	select {
	case f.room <- struct{}{}:
	case <-f.failed:
		return
	case <-f.run.soft.Done():
	}
	before, over := f.turns.take(b.keys)
	f.workers.Go(func() error {
		defer over() // after a failure is known, which ends those that wait
		f.await(before)
		select {
		case <-f.failed:
			return nil
		case <-f.run.soft.Done():
			f.fail(stopCause(f.run.soft))
			return nil
		default:
		}
		s, err := f.settle(b)
		if err != nil {
			f.fail(err)
			return nil
		}
		f.mark.settle(b.number, s)
		if s.counts.Rejected > 0 { // otherwise the batch that has too many says so, when its dead letters are kept
			f.fail(f.run.tooManyBad())
		}
		return nil
	})
}

// await waits for the batches before one that share a key with it.
func (f *flow) await(before []chan struct{}) {
	for _, over := range before {
		select {
		case <-over:
		case <-f.failed:
		case <-f.run.soft.Done():
		}
	}
}

// settle delivers a batch and says what came of it.
func (f *flow) settle(b *batch) (settled, error) {
	s := settled{cursor: b.after, counts: b.counts, letters: b.letters, forget: b.known}
	if b.rows.Len() == 0 {
		return s, nil
	}
	if f.once != nil {
		return f.once(f.run.hard, b)
	}
	rejected, err := f.deliver(feed.WithProofs(f.run.hard, func(p feed.Proof) { s.proofs = append(s.proofs, p) }), b)
	if err != nil {
		return s, err
	}
	if err := f.run.step("delivered"); err != nil {
		return s, err
	}
	if err := plausible(rejected, b.rows.Len()); err != nil {
		return s, f.run.sinkError("rejected records", err)
	}
	if f.rejected != nil {
		f.rejected(b, rejected)
	}
	f.run.refusing(rejected)
	s.counts.Delivered += int64(b.rows.Len() - len(rejected))
	s.counts.Rejected += int64(len(rejected))
	s.letters = append(s.letters, f.run.letters(b, rejected)...)
	s.delivered = f.run.accounted(b)
	f.run.check.delivered(b.raw, rejected)
	if f.run.again != nil {
		f.run.again.settle(b, rejected, &s)
	}
	return s, nil
}

// plausible checks that each rejection names another record of the batch: otherwise nobody knows what was delivered.
func plausible(rejected []feed.Rejection, records int) error {
	seen := make(map[int]bool, len(rejected))
	for _, r := range rejected {
		if r.Row < 0 || r.Row >= records || seen[r.Row] {
			return feed.Errorf(feed.HaltJob, "rejection", "the target rejects record %d of a batch of %d, which it cannot (or twice)", r.Row+1, records).
				WithRemedy("report this as a defect of the sink; nothing behind the checkpoint is lost")
		}
		seen[r.Row] = true
	}
	return nil
}

// commitInBackground commits whatever is settled as often as the state file can take it: one commit covers all that was
// settled during the one before. The returned function commits the rest.
func (f *flow) commitInBackground() func() {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-f.mark.signal:
				f.commitReady()
			case <-quit:
				f.commitReady()
				return
			}
		}
	}()
	return func() { close(quit); <-done }
}

func (f *flow) commitReady() {
	s, some := f.mark.take()
	if !some || f.stuck {
		return
	}
	// What is settled stays settled even when the run is cut off: its checkpoint is still saved.
	if err := f.commit(context.WithoutCancel(f.run.hard), s); err != nil {
		f.stuck = true
		f.fail(err)
		return
	}
	for range s.batches {
		<-f.room
	}
}

// fail keeps the first error, nil is none, and ends the run: batches in flight have the drain time left, and are not tried again.
func (f *flow) fail(err error) {
	if err == nil {
		return
	}
	f.failing.Do(func() {
		f.err = err
		close(f.failed)
		f.run.cancel(err)
	})
}
