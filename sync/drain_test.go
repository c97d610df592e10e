package sync

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/state"
	"milkrun/sync/feed"
)

// TestDrain asks a run to stop while two batches are under way: they end within the drain time, their checkpoint is
// saved, no further batch is begun, and the next run goes on.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newGate("11", "21")
		job := newJob(t, "j", &list{n: 100}, sink)
		job.Concurrency = 2
		e := newEngine(t)
		e.Drain = 10 * time.Second
		ctx, stop := context.WithCancelCause(t.Context())
		ended := runWith(ctx, e, job)
		synctest.Wait()
		stop(errors.New("interrupt signal received"))
		time.Sleep(9 * time.Second)
		sink.doors["21"] <- nil
		sink.doors["11"] <- nil
		end := <-ended
		if !errors.Is(end.err, errStopped) || end.run.State != state.Interrupted {
			t.Fatalf("state %s: %v", end.run.State, end.err)
		}
		if got := checkpoint(t, e, "j"); got != "30" || sink.calls != 3 {
			t.Errorf("the checkpoint is at %q after %d batches", got, sink.calls)
		}
		stored, err := e.Store.Run(t.Context(), end.run.ID)
		if err != nil || stored.State != state.Interrupted || stored.CursorTo != "30" || stored.Counts.Delivered != 30 {
			t.Errorf("stored %+v, %v", stored, err)
		}
		mustRun(t, e, job)
		sink.whole(t, 100)
	})
}

// TestDrainInALongPage is asked to stop while the first of ten batches of one page is under way: no other is begun.
func TestDrainInALongPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newGate("1")
		job := newJob(t, "j", &list{n: 100}, sink)
		job.PageSize = 100
		e := newEngine(t)
		ctx, stop := context.WithCancel(t.Context())
		ended := runWith(ctx, e, job)
		synctest.Wait()
		stop()
		synctest.Wait()
		sink.doors["1"] <- nil
		if end := <-ended; end.run.State != state.Interrupted || sink.calls != 1 || checkpoint(t, e, "j") != "" {
			t.Errorf("state %s after %d calls: %v", end.run.State, sink.calls, end.err)
		}
	})
}

// TestHardCut lets the drain time pass: the delivery is cut off, and what was settled before it is saved.
func TestHardCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newGate("21")
		job := newJob(t, "j", &list{n: 100}, sink)
		e := newEngine(t)
		e.Drain = 10 * time.Second
		ctx, stop := context.WithCancel(t.Context())
		ended := runWith(ctx, e, job)
		synctest.Wait()
		stop()
		begun := time.Now()
		end := <-ended
		if took := time.Since(begun); took != e.Drain {
			t.Errorf("the cut came after %s", took)
		}
		if end.run.State != state.Interrupted || !errors.Is(end.err, context.Canceled) {
			t.Errorf("state %s: %v", end.run.State, end.err)
		}
		if want := "cut off 10s after the request to stop, before there was an answer"; !strings.HasSuffix(end.run.Error, want) {
			t.Errorf("it says %q", end.run.Error)
		}
		if got := checkpoint(t, e, "j"); got != "20" {
			t.Errorf("the checkpoint is at %q", got)
		}
	})
}

// TestHardCutOfAnOpaqueBatch is cut off by a second signal while the target may have acted: the batch is in doubt.
func TestHardCutOfAnOpaqueBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newGate("11")
		e := newEngine(t)
		job := newJob(t, "j", &list{n: 30}, opaqueGate{sink})
		ctx, stop := context.WithCancel(t.Context())
		ended := runWith(ctx, e, job)
		synctest.Wait()
		stop()
		e.Hurry()
		end := <-ended
		if want := "nobody knows whether it was delivered: cut off by a second signal, before there was an answer"; !strings.HasSuffix(end.run.Error, want) {
			t.Errorf("it says %q", end.run.Error)
		}
		if end.run.State != state.Halted || end.run.Code != "doubt" {
			t.Errorf("state %s, code %s: %v", end.run.State, end.run.Code, end.err)
		}
		doubts, err := e.Store.Doubts(t.Context())
		if err != nil || len(doubts) != 1 {
			t.Errorf("doubts %+v, %v", doubts, err)
		}
	})
}

type opaqueGate struct{ *gate }

func (opaqueGate) Check(feed.Batch) []feed.Rejection { return nil }

func (g opaqueGate) DeliverOnce(ctx context.Context, _ string, b feed.Batch) (feed.Receipt, error) {
	_, err := g.Deliver(ctx, b)
	return feed.Receipt{}, err
}

// TestStopEndsABackoff does not wait for another try.
func TestStopEndsABackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, e := newShelf(), newEngine(t)
		sink.deliver = func(feed.Batch) ([]feed.Rejection, error) { return nil, errRoute }
		job := newJob(t, "j", &list{n: 30}, sink)
		job.Retry.Initial, job.Retry.Max, job.Retry.GiveUpAfter = time.Hour, time.Hour, 100*time.Hour
		ctx, stop := context.WithCancel(t.Context())
		ended := runWith(ctx, e, job)
		synctest.Wait()
		stop()
		begun := time.Now()
		end := <-ended
		if time.Since(begun) > 0 || end.run.State != state.Interrupted || !errors.Is(end.err, errRoute) {
			t.Errorf("state %s after %s: %v", end.run.State, time.Since(begun), end.err)
		}
	})
}

// hanging is a source whose fetches wait, from some record on, until they are cancelled.
type hanging struct {
	feed.Source
	from int
}

func (h hanging) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	if number(after) >= h.from {
		<-ctx.Done()
		return feed.Page{}, ctx.Err()
	}
	return h.Source.Fetch(ctx, after, limit)
}

// TestStopWhileReading is stopped while it waits for a page. That is never taken for the end of the feed, whichever of
// the things that happen then is noticed first.
func TestStopWhileReading(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			e, sink := newEngine(t), newShelf()
			job := newJob(t, "j", hanging{&list{n: 100}, 20}, sink)
			ctx, stop := context.WithCancel(t.Context())
			ended := runWith(ctx, e, job)
			synctest.Wait()
			stop()
			if end := <-ended; end.run.State != state.Interrupted {
				t.Fatalf("state %s: %v", end.run.State, end.err)
			}
			if got := checkpoint(t, e, "j"); got != "20" {
				t.Fatalf("the checkpoint is at %q", got)
			}
		})
	}
}

// shy is a crowd that states no total and hangs at a page, so that only the engine can know that it was not read whole.
type shy struct {
	*crowd
	from int64
}

func (s shy) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	if pageOf(after) >= s.from {
		<-ctx.Done()
		return feed.Page{}, ctx.Err()
	}
	p, err := s.crowd.Fetch(ctx, after, limit)
	p.Total = -1
	return p, err
}

// TestStoppedPassReplacesNothing is stopped in the middle of an enumeration: the old generation stays.
func TestStoppedPassReplacesNothing(t *testing.T) {
	for _, prefetch := range []int{1, 4} {
		for range 25 {
			synctest.Test(t, func(t *testing.T) {
				e, sink := newEngine(t), &memory{live: map[string]bool{"old": true}}
				job := newJob(t, "j", shy{newCrowd(100), 5}, sink)
				job.Prefetch, job.ShrinkLimit = prefetch, 1
				ctx, stop := context.WithCancel(t.Context())
				ended := runWith(ctx, e, job)
				synctest.Wait()
				stop()
				if end := <-ended; end.run.State != state.Interrupted {
					t.Fatalf("state %s: %v", end.run.State, end.err)
				}
				if len(sink.live) != 1 || !sink.live["old"] {
					t.Fatalf("the target holds %d records", len(sink.live))
				}
			})
		}
	}
}

// TestStoppedBeforeItBegins runs with a context that is over.
func TestStoppedBeforeItBegins(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	sink, e := newShelf(), newEngine(t)
	if _, err := e.Run(ctx, newJob(t, "j", &list{n: 10}, sink), Start{Trigger: state.Manual}); err == nil || sink.calls > 0 {
		t.Errorf("%d calls: %v", sink.calls, err)
	}
	if len(e.Running()) > 0 {
		t.Error("it is still running")
	}
}
