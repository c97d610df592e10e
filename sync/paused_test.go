package sync

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/feed"
)

// TestPausedConnection: no job begins on it, nothing is deleted on it, and a run under way stops at its next call, also when
// another process paused it.
func TestPausedConnection(t *testing.T) {
	e := newEngine(t)
	sink := &keeper{shelf: newShelf()}
	source := &list{n: 100}
	job := newJob(t, "j", source, sink)
	job.PageSize, job.BatchSize, job.Retention = 10, 10, 24*time.Hour
	source.fetch = func(after int) error {
		if after != 50 {
			return nil
		}
		return e.Store.PauseConnection(context.Background(), job.Source.Connection.Name, "operator", "a leak")
	}
	r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
	var halted *HaltedError
	if !errors.As(err, &halted) || r.State != state.Halted || halted.Who != "operator" || !strings.Contains(r.Error, "paused by operator: a leak") {
		t.Errorf("%s, %v", r.State, err)
	}
	source.fetch = nil
	if n := len(sink.got); n == 0 || n > 60 || r.Counts.Delivered != int64(n) { // what is settled stays settled, the next call is none
		t.Errorf("%d records kept, %d counted", n, r.Counts.Delivered)
	}
	if halts, err := e.Store.Halts(t.Context()); len(halts) != 1 || err != nil {
		t.Errorf("the engine halted it as well: %+v", halts)
	}
	if _, err := e.Run(t.Context(), job, Start{Trigger: state.Manual}); !errors.As(err, &halted) || !strings.Contains(err.Error(), "paused by operator: a leak") {
		t.Error(err)
	}
	if _, err := e.Store.UnpauseConnection(t.Context(), job.Source.Connection.Name, "operator", ""); err != nil {
		t.Fatal(err)
	}
	mustRun(t, e, job)
	sink.whole(t, 100)
}

// TestPausedBeforeAMessage: where sending twice is harm, a pause comes before the batch is noted as sent, so that no doubt is left.
func TestPausedBeforeAMessage(t *testing.T) {
	e := newEngine(t)
	sink := newShelf()
	job := newJob(t, "j", &list{n: 30}, opaqueShelf{sink})
	job.PageSize, job.BatchSize = 10, 10
	sink.deliver = func(feed.Batch) ([]feed.Rejection, error) {
		return nil, e.Store.PauseConnection(context.Background(), job.Sink.Connection.Name, "operator", "wrong numbers")
	}
	r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
	var halted *HaltedError
	if !errors.As(err, &halted) || r.State != state.Halted || sink.calls != 1 {
		t.Errorf("%s after %d calls, %v", r.State, sink.calls, err)
	}
	if doubts, err := e.Store.Doubts(t.Context()); len(doubts) > 0 || err != nil {
		t.Errorf("in doubt: %+v, %v", doubts, err)
	}
	sink.deliver = nil
	if _, err := e.Store.UnpauseConnection(t.Context(), job.Sink.Connection.Name, "operator", ""); err != nil {
		t.Fatal(err)
	}
	mustRun(t, e, job)
	sink.whole(t, 30)
}
