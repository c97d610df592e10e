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
	size     int // rows a batch
	inFlight int // batches at once
	deliver  func(ctx context.Context, b *batch) ([]feed.Rejection, error)
	commit   func(ctx context.Context, s settled) error

	mark    *watermark
	room    chan struct{} // a place for every batch that is in flight, or settled and not committed
	workers errgroup.Group
	failing sync.Once
	failed  chan struct{} // closed at the first failure: no further batch is begun
	err     error
}

// move takes the first page, and then the others. It returns when every page is settled and committed, or at the first failure, or when the run is asked to stop; in
// any case after the batches in flight have come to an end and what is settled is committed.
func (f *flow) move(first page, pages <-chan page) error {
	f.mark, f.failed = newWatermark(), make(chan struct{})
	f.room = make(chan struct{}, 2*f.inFlight)
	f.workers.SetLimit(f.inFlight)
	stopCommitting := f.commitInBackground()
	f.begin(first, pages)
	_ = f.workers.Wait() // every failure is in f.err
	stopCommitting()
	return f.err
}

// begin starts the delivery of all batches.
func (f *flow) begin(first page, pages <-chan page) {
	g := &gatherer{size: f.size, mask: f.run.masked, note: f.run.refused, emit: f.start}
	age := time.NewTicker(groupAge)
	defer age.Stop()
	f.take(g, first)
	for f.run.tooManyBad() == nil {
		select {
		case p, more := <-pages:
			if !more || p.err != nil {
				g.flush()
				f.fail(p.err)
				return
			}
			f.take(g, p)
		case <-age.C:
			g.flush()
		case <-f.failed:
			return
		case <-f.run.soft.Done():
			f.fail(stopCause(f.run.soft))
			return
		}
	}
	f.fail(f.run.tooManyBad())
}

// take counts a page and batches those of its rows that were not delivered before.
func (f *flow) take(g *gatherer, p page) {
	f.run.saw(p)
	g.add(f.run.fresh(p))
}

// start delivers one batch, waiting for a free place first: as much as is in flight may also wait for its commit, not
// more, so that a crash repeats little.
func (f *flow) start(b *batch) {
	select {
	case f.room <- struct{}{}:
	case <-f.failed:
		return
	}
	f.workers.Go(func() error {
		select {
		case <-f.failed:
			return nil
		default:
		}
		s, err := f.settle(b)
		if err != nil {
			f.fail(err)
			return nil
		}
		f.mark.settle(b.number, s)
		return nil
	})
}

// settle delivers a batch and says what came of it.
func (f *flow) settle(b *batch) (settled, error) {
	s := settled{cursor: b.after, counts: b.counts, letters: b.letters}
	if b.rows.Len() == 0 {
		return s, nil
	}
	rejected, err := f.deliver(f.run.hard, b)
	if err != nil {
		return s, err
	}
	if err := f.run.step("delivered"); err != nil {
		return s, err
	}
	f.run.bad.Add(int64(len(rejected)))
	s.counts.Delivered += int64(b.rows.Len() - len(rejected))
	s.counts.Rejected += int64(len(rejected))
	s.letters = append(s.letters, f.run.letters(b, rejected)...)
	s.places = f.run.places(b, rejected)
	if b.intent != "" {
		s.intents = []string{b.intent}
	}
	return s, f.run.tooManyBad()
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
	if !some {
		return
	}
	// What is settled stays settled even when the run is cut off: its checkpoint is still saved.
	if err := f.commit(context.WithoutCancel(f.run.hard), s); err != nil {
		f.fail(err)
	}
	for range s.batches {
		<-f.room
	}
}

// fail keeps the first error; nil is none.
func (f *flow) fail(err error) {
	if err == nil {
		return
	}
	f.failing.Do(func() {
		f.err = err
		close(f.failed)
	})
}
