package sync

import (
	"errors"
	"strings"
	"testing"

	"milkrun/state"
	"milkrun/sync/config"
)

type onceSink struct{ fixedSink }

func (onceSink) Once() {}

// TestRenamed gives a job that sends messages another name. Nothing is sent before an operator has accepted that.
func TestRenamed(t *testing.T) {
	for name, c := range map[string]struct {
		lost   bool   // the last batch of the old one is in doubt, although it arrived
		route  string // the new one reads from there
		moved  bool   // the operator gives it the old place
		halts  bool
		remedy string
		sent   int // by both
	}{
		"resumed as it is":   {halts: true, remedy: "milkrun checkpoint move old new --yes", sent: 60},
		"with the old place": {halts: true, moved: true, remedy: "milkrun checkpoint move old new --yes", sent: 30},
		"with a doubt":       {lost: true, halts: true, remedy: "milkrun doubt list old", sent: 60},
		"a doubt settled":    {lost: true, halts: true, moved: true, remedy: "milkrun doubt list old", sent: 30},
		"another source":     {route: "elsewhere", sent: 60},
	} {
		t.Run(name, func(t *testing.T) {
			sink, e := newShelf(), newEngine(t)
			sent := func() (n int) {
				for _, times := range sink.got {
					n += times
				}
				return n
			}
			old, fresh := newJob(t, "old", &list{n: 30}, nil), newJob(t, "new", &list{n: 30}, nil)
			fresh.Source.Connection, fresh.Sink.Connection = old.Source.Connection, old.Sink.Connection
			fresh.Source.Interface = c.route
			old.Sink.Settings = onceSink{fixedSink{fixed{sink: opaqueShelf{sink}}}}
			fresh.Sink.Settings = old.Sink.Settings
			wire := func(jobs ...state.Wiring) {
				if err := e.Store.Wire(t.Context(), jobs); err != nil {
					t.Fatal(err)
				}
			}
			wire(state.Wiring{Job: "old", Source: "s", Sink: "t", Route: old.Route()})
			sink.lost = func(calls int) error {
				if c.lost && calls == 3 {
					return errLost
				}
				return nil
			}
			if _, err := e.Run(t.Context(), old, Start{Trigger: state.Manual}); (err != nil) != c.lost {
				t.Fatal(err)
			}
			wire(state.Wiring{Job: "new", Source: "s", Sink: "t", Route: fresh.Route()})
			if c.halts {
				r := halted(t, e, fresh, codeRenamed)
				if sent() != 30 || !strings.Contains(r.Remedy, c.remedy) {
					t.Fatalf("%d records are sent, %s", sent(), r.Remedy)
				}
				if c.moved {
					settleAsSent(t, e)
					if err := e.Store.MoveCheckpoint(t.Context(), "old", "new", "li", "renamed"); err != nil {
						t.Fatal(err)
					}
				}
				resume(t, e, "new")
			}
			mustRun(t, e, fresh)
			if sent() != c.sent {
				t.Errorf("%d records are sent, want %d", sent(), c.sent)
			}
		})
	}
}

// settleAsSent settles all doubts: what is lost is the answer, the batch arrived.
func settleAsSent(t *testing.T, e *Engine) {
	t.Helper()
	list, err := e.Store.Doubts(t.Context())
	for _, i := range list {
		_, settled := e.Store.SettleIntent(t.Context(), state.Settlement{ID: i.ID, Outcome: state.OutcomeSent, Who: "li", Why: "asked"})
		err = errors.Join(err, settled)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRenamedTwice gives a job its old name back, and then the new one once more: what was accepted the first time counts no more.
func TestRenamedTwice(t *testing.T) {
	sink, e := newShelf(), newEngine(t)
	a, b := newJob(t, "a", &list{n: 30}, nil), newJob(t, "b", &list{n: 30}, nil)
	b.Source.Connection, b.Sink.Connection = a.Source.Connection, a.Sink.Connection
	a.Sink.Settings = onceSink{fixedSink{fixed{sink: opaqueShelf{sink}}}}
	b.Sink.Settings = a.Sink.Settings
	named := func(job *config.Job) {
		t.Helper()
		if err := e.Store.Wire(t.Context(), []state.Wiring{{Job: job.Name, Source: "s", Sink: "t", Route: job.Route()}}); err != nil {
			t.Fatal(err)
		}
	}
	named(a)
	mustRun(t, e, a)
	for _, step := range []struct{ from, to *config.Job }{{a, b}, {b, a}, {a, b}} {
		named(step.to)
		halted(t, e, step.to, codeRenamed)
		if err := e.Store.MoveCheckpoint(t.Context(), step.from.Name, step.to.Name, "li", "renamed"); err != nil {
			t.Fatal(err)
		}
		resume(t, e, step.to.Name)
		if step.to == b {
			continue // it never runs under this name
		}
		mustRun(t, e, step.to)
	}
	mustRun(t, e, b)
	sink.whole(t, 30)
}
