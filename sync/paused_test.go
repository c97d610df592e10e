package sync

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/audit"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
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

// asking is the settings of a source that takes values from another connection when it is opened.
type asking struct {
	fixedSource
	values kind.Values
}

func (a *asking) Open(ctx context.Context, env kind.Env) (feed.Source, error) {
	return a.source, a.values.Each(ctx, env, func(string) error { return nil })
}

// askingJob is a job whose source takes its values from 50 records of the connection "codes", ten at a time.
func askingJob(t *testing.T, codes *list, source feed.Source, sink feed.Sink) *config.Job {
	t.Helper()
	settings := &asking{fixedSource: fixedSource{fixed{source: source}}}
	set := kind.ValuesField("codes", &settings.values, "", "").Set
	if err := set(kind.Inner{Connection: "codes", Column: "id", Source: tens{fixedSource{fixed{source: codes}}}}); err != nil {
		t.Fatal(err)
	}
	job := newJob(t, "j", source, sink)
	job.Source.Settings, job.Source.Inner = settings, []*config.Connection{{Name: "codes"}}
	return job
}

type tens struct{ fixedSource }

func (tens) Limits() kind.Limits { return kind.Limits{Default: 10} }

// TestInnerConnection: a job calls on the connection that its source takes values from, so that a pause or a halt of that one
// keeps it, stops it at its next call, and what it asks for there is noted.
func TestInnerConnection(t *testing.T) {
	pause := func(e *Engine, at int) func(int) error {
		return func(after int) error {
			if after != at {
				return nil
			}
			return e.Store.PauseConnection(context.Background(), "codes", "operator", "a leak")
		}
	}
	t.Run("while values are taken", func(t *testing.T) {
		e, codes, source := newEngine(t), &list{n: 50}, &list{n: 50}
		codes.fetch = pause(e, 20)
		asked := 0
		source.fetch = func(int) error { asked++; return nil }
		job := askingJob(t, codes, source, newShelf())
		r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
		var halted *HaltedError
		if !errors.As(err, &halted) || r.State != state.Halted || halted.Name != "codes" || asked > 0 {
			t.Errorf("%s, %v; %d pages asked for", r.State, err, asked)
		}
		if _, err := e.Run(t.Context(), job, Start{Trigger: state.Manual}); !errors.As(err, &halted) || !halted.fresh {
			t.Errorf("it begins: %v", err)
		}
		if _, _, err := e.Preview(t.Context(), job, Start{}); !errors.As(err, &halted) || halted.Name != "codes" || asked > 0 {
			t.Errorf("it is looked at: %v", err)
		}
		if h := e.StopCalls(state.Halt{Scope: state.ConnectionScope, Name: "codes"}); h != 0 {
			t.Errorf("%d runs are stopped", h)
		}
	})
	t.Run("while it reads", func(t *testing.T) {
		e, source, sink := newEngine(t), &list{n: 100}, newShelf()
		source.fetch = pause(e, 50)
		r, err := e.Run(t.Context(), askingJob(t, &list{n: 50}, source, sink), Start{Trigger: state.Manual})
		var halted *HaltedError
		if !errors.As(err, &halted) || r.State != state.Halted || len(sink.got) > 60 {
			t.Errorf("%s, %v; %d records kept", r.State, err, len(sink.got))
		}
	})
	t.Run("a halt", func(t *testing.T) {
		e, source, sink := newEngine(t), &list{n: 100}, newShelf()
		source.fetch = func(after int) error {
			if after != 50 {
				return nil
			}
			return e.halt(context.Background(), state.Halt{Scope: state.ConnectionScope, Name: "codes", At: time.Now(), Code: "x", Reason: "no"})
		}
		r, err := e.Run(t.Context(), askingJob(t, &list{n: 50}, source, sink), Start{Trigger: state.Manual})
		var halted *HaltedError
		if !errors.As(err, &halted) || r.State != state.Halted || len(sink.got) > 60 {
			t.Errorf("%s, %v; %d records kept", r.State, err, len(sink.got))
		}
	})
	t.Run("what is wrong there", func(t *testing.T) {
		e, codes := newEngine(t), &list{n: 50}
		codes.fetch = func(int) error { return feed.Errorf(feed.HaltConnection, "HTTP 302", "codes: blocked") }
		r, err := e.Run(t.Context(), askingJob(t, codes, &list{n: 10}, newShelf()), Start{Trigger: state.Manual})
		halts, failed := e.Store.Halts(t.Context())
		if err == nil || failed != nil || r.State != state.Halted || len(halts) != 1 || halts[0].Scope != state.ConnectionScope || halts[0].Name != "codes" {
			t.Errorf("%v; halts: %+v, %v", err, halts, failed)
		}
	})
	t.Run("noted", func(t *testing.T) {
		e := newEngine(t)
		if _, n, err := e.Preview(t.Context(), askingJob(t, &list{n: 50}, &list{n: 10}, newShelf()), Start{}); n != 10 || err != nil {
			t.Errorf("%d records, %v", n, err)
		}
		if rows := exchangesOf(t, e.Store); len(rows) > 0 {
			t.Errorf("a dry run is noted: %+v", rows)
		}
		r := mustRun(t, e, askingJob(t, &list{n: 50}, &list{n: 10}, newShelf()))
		n := 0
		for _, row := range exchangesOf(t, e.Store) {
			if row.Connection == "codes" {
				n += int(row.Records)
				if row.RunID != r.ID || row.Direction != audit.In || row.Trigger != string(r.Trigger) {
					t.Errorf("noted as %+v", row)
				}
			}
		}
		if n != 50 {
			t.Errorf("%d values are noted, want 50", n)
		}
	})
}
