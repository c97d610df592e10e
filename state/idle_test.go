package state

import (
	"errors"
	"testing"
	"time"
)

// TestKeepIdle brings one row of runs and one of slots up to date, and lets no slot be decided twice.
func TestKeepIdle(t *testing.T) {
	s := newStore(t)
	look := func(n int64, run int64) Idle {
		at := noon.Add(time.Duration(2*(n-1)) * time.Second)
		return Idle{Run: run, Slot: Slot{Job: "orders", At: noon, Through: at, Count: n, Note: "nothing was new"}, Started: at, Ended: at.Add(time.Millisecond), Polls: n}
	}
	id := must[int64](t)(s.KeepIdle(t.Context(), look(1, 0)))
	if again := must[int64](t)(s.KeepIdle(t.Context(), look(30, id))); again != id {
		t.Errorf("another row: %d", again)
	}
	runs := must[[]Run](t)(s.Runs(t.Context(), RunFilter{}))
	if len(runs) != 1 || runs[0].Polls != 30 || runs[0].State != Done || !runs[0].StartedAt.Equal(noon.Add(58*time.Second)) || !runs[0].Slot.Equal(runs[0].StartedAt) {
		t.Errorf("%+v", runs)
	}
	slots := must[[]Slot](t)(s.Slots(t.Context(), "orders", 0))
	if len(slots) != 1 || slots[0].Count != 30 || slots[0].RunID != id || slots[0].Decision != Ran || slots[0].Note != "nothing was new" {
		t.Errorf("%+v", slots)
	}
	if err := s.Decide(t.Context(), Slot{Job: "orders", At: noon.Add(20 * time.Second), Decision: Missed}); !errors.Is(err, ErrDecided) {
		t.Errorf("a slot among them: %v", err)
	}
	ok(t, s.Decide(t.Context(), Slot{Job: "orders", At: noon.Add(60 * time.Second), Decision: Paused}))
	if _, err := s.KeepIdle(t.Context(), look(35, id)); !errors.Is(err, ErrDecided) {
		t.Errorf("past another decision: %v", err)
	}
	if _, err := s.KeepIdle(t.Context(), Idle{Slot: Slot{Job: "orders", At: noon, Through: noon}, Started: noon, Ended: noon, Polls: 1}); !errors.Is(err, ErrDecided) {
		t.Errorf("begun anew: %v", err)
	}
	if runs := must[[]Run](t)(s.Runs(t.Context(), RunFilter{})); len(runs) != 1 || runs[0].Polls != 30 {
		t.Errorf("after what was refused: %+v", runs)
	}
}
