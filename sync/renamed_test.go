package sync

import (
	"strings"
	"testing"

	"milkrun/state"
	"milkrun/sync/feed"
)

type onceSink struct{ fixedSink }

func (onceSink) Once() {}

// TestRenamed gives a job that sends messages another name. Nothing is sent before an operator has accepted that.
func TestRenamed(t *testing.T) {
	for name, c := range map[string]struct {
		lost   bool        // the last batch of the old one is in doubt
		route  string      // the new one reads from there
		place  feed.Cursor // where the operator lets it begin
		halts  bool
		remedy string
		sent   int // by both
	}{
		"resumed as it is":   {halts: true, remedy: "milkrun checkpoint set new '30' --yes", sent: 60},
		"with the old place": {halts: true, place: "30", remedy: "milkrun checkpoint set new '30' --yes", sent: 30},
		"with a doubt":       {lost: true, halts: true, remedy: "milkrun doubt list old", sent: 60},
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
				if c.place != "" {
					if err := e.Store.SetCheckpoint(t.Context(), "new", state.Forward, c.place, "li", "renamed"); err != nil {
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
