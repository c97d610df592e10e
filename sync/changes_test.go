package sync

import (
	"context"
	"errors"
	stdsync "sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/state"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
)

// feedSource is the settings of a source with a change feed that a test speaks for.
type feedSource struct {
	fixedSource
	mu     stdsync.Mutex
	woke   func()
	broken error
	heard  int // how often somebody began to listen
}

var _ kind.Notifier = (*feedSource)(nil)

func (f *feedSource) Notifies() bool { return true }

func (f *feedSource) Watch(ctx context.Context, woke func()) error {
	f.mu.Lock()
	f.heard++
	broken := f.broken
	f.woke = woke
	f.mu.Unlock()
	if broken != nil {
		return broken
	}
	woke()
	<-ctx.Done()
	return ctx.Err()
}

func (f *feedSource) notify() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.woke()
}

// growing is a list that a test makes longer while it is read.
type growing struct{ n atomic.Int64 }

func (g *growing) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	return (&list{n: int(g.n.Load())}).Fetch(ctx, after, limit)
}

// newsPlant is a daemon with one job that looks once an hour and has a change feed.
func newsPlant(t *testing.T) (*plant, *growing, *shelf, *feedSource) {
	t.Helper()
	source, sink := &growing{}, newShelf()
	job := newJob(t, "orders", source, sink)
	job.Schedule = schedules(t, "0 * * * *", time.UTC)
	notifier := &feedSource{fixedSource: fixedSource{fixed{source: source}}}
	job.Source.Settings = notifier
	return newPlant(t, job), source, sink, notifier
}

// TestNewsBeginARunAtOnce: a change is delivered when it is told, a flood of them at most once a second, and what finds
// nothing leaves no trace.
func TestNewsBeginARunAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, source, sink, feed := newsPlant(t)
		d := p.start(false)
		pass(time.Minute)
		source.n.Store(1)
		feed.notify()
		synctest.Wait()
		sink.whole(t, 1)
		for n := int64(2); n <= 60; n++ {
			source.n.Store(n)
			feed.notify()
			pass(100 * time.Millisecond)
		}
		pass(time.Second)
		sink.whole(t, 60)
		for range 50 {
			feed.notify()
			pass(time.Second)
		}
		runs := allRuns(t, d.Store)
		d.end()
		if len(runs) > 18 {
			t.Errorf("%d runs", len(runs))
		}
		for _, r := range runs {
			if r.Trigger != state.Changed || !r.Slot.IsZero() || r.ID > 1 && r.Counts.Delivered == 0 { // the first one finds the beginning
				t.Errorf("run %+v", r)
			}
		}
	})
}

// TestNewsInTheMiddleOfARun: what is told while a run is under way is looked at after it.
func TestNewsInTheMiddleOfARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, source, sink, notifier := newsPlant(t)
		source.n.Store(1)
		sink.deliver = func(feed.Batch) ([]feed.Rejection, error) {
			<-time.After(30 * time.Second)
			return nil, nil
		}
		d := p.start(false) // listening begins with a look
		pass(10 * time.Second)
		source.n.Store(2)
		notifier.notify()
		pass(2 * time.Minute)
		sink.whole(t, 2)
		d.end()
	})
}

// TestNewsOfAPausedJob: nothing runs, and nothing is lost.
func TestNewsOfAPausedJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, source, sink, notifier := newsPlant(t)
		d := p.start(false)
		pass(time.Second)
		if err := d.Store.Pause(context.Background(), "orders", "me", "test"); err != nil {
			t.Fatal(err)
		}
		source.n.Store(1)
		notifier.notify()
		pass(time.Minute)
		sink.whole(t, 0)
		if _, err := d.Store.Unpause(context.Background(), "orders", "me", "test"); err != nil {
			t.Fatal(err)
		}
		pass(time.Hour)
		sink.whole(t, 1)
		d.end()
	})
}

// TestBrokenFeed: the schedule finds what is new, listening is tried ever more seldom, and looks first when it works again.
func TestBrokenFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, source, sink, notifier := newsPlant(t)
		notifier.broken = errors.New("the server is away")
		d := p.start(false)
		source.n.Store(1)
		pass(2 * time.Hour)
		sink.whole(t, 1)
		notifier.mu.Lock()
		heard := notifier.heard
		notifier.mu.Unlock()
		if heard < 60 || heard > 300 {
			t.Errorf("listening was tried %d times", heard)
		}
		source.n.Store(2)
		notifier.mu.Lock()
		notifier.broken = nil
		notifier.mu.Unlock()
		pass(2 * time.Minute)
		sink.whole(t, 2)
		d.end()
	})
}

// TestFeedFollowsTheConfiguration: a reload that takes the feed away ends the listening.
func TestFeedFollowsTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, source, sink, notifier := newsPlant(t)
		d := p.start(false)
		pass(time.Second)
		p.jobs[0] = newJob(t, "orders", source, sink)
		d.reload(p.jobs...)
		source.n.Store(1)
		notifier.notify()
		pass(time.Minute)
		sink.whole(t, 0)
		d.end()
	})
}
