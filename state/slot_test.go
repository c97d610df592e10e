package state

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func at(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }

func TestEverySlotIsDecidedOnce(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	ok(t, s.Decide(ctx,
		Slot{Job: "a", At: at(10), Decision: Ran},
		Slot{Job: "a", At: at(20), Through: at(50), Count: 4, Decision: Missed, Note: "down"},
		Slot{Job: "b", At: at(10), Decision: Skipped},
		Slot{Job: "b", At: at(20), Decision: Held}))
	for name, d := range map[string]Slot{
		"the same":       {Job: "a", At: at(10)},
		"begin of row":   {Job: "a", At: at(20)},
		"middle of row":  {Job: "a", At: at(30)},
		"end of row":     {Job: "a", At: at(50)},
		"row over all":   {Job: "a", At: at(0), Through: at(60)},
		"row over begin": {Job: "a", At: at(15), Through: at(20)},
		"row over end":   {Job: "a", At: at(50), Through: at(60)},
		"row within":     {Job: "a", At: at(30), Through: at(40)},
	} {
		t.Run(name, func(t *testing.T) {
			d.Decision = CaughtUp
			wantErr(t, s.Decide(ctx, Slot{Job: "c", At: at(1), Decision: Ran}, d), ErrDecided)
		})
	}
	if list := must[[]Slot](t)(s.Slots(ctx, "c", 0)); len(list) != 0 {
		t.Errorf("half of the decisions stayed: %+v", list)
	}
	ok(t, s.Decide(ctx, Slot{Job: "a", At: at(60), Decision: Coalesced}, Slot{Job: "a", At: at(15), Decision: Missed}))
	if last, found, _ := s.LastSlot(ctx, "a"); !found || !last.Equal(at(60)) {
		t.Errorf("last slot %v", last)
	}
	list := must[[]Slot](t)(s.Slots(ctx, "a", 2))
	if len(list) != 2 || list[0].Decision != Coalesced || list[1].Count != 4 || list[1].Note != "down" || !list[1].Through.Equal(at(50)) || list[1].DecidedAt.IsZero() {
		t.Errorf("slots %+v", list)
	}
	for name, d := range map[string]Slot{
		"no time":       {Job: "a", Decision: Ran},
		"no decision":   {Job: "a", At: at(70)},
		"ends too soon": {Job: "a", At: at(90), Through: at(80), Decision: Ran},
	} {
		if err := s.Decide(ctx, d); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestDecideAndStart(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	if _, found, err := s.LastSlot(ctx, "a"); found || err != nil {
		t.Errorf("a last slot before the first: %v", err)
	}
	r := Run{Job: "a", Slot: at(30), Trigger: CatchUp, Mode: "incremental"}
	id := must[int64](t)(s.DecideAndStart(ctx, []Slot{
		{Job: "a", At: at(10), Decision: Missed},
		{Job: "a", At: at(20), Decision: Coalesced},
		{Job: "a", At: at(30), Decision: CaughtUp},
	}, r))
	list := must[[]Slot](t)(s.Slots(ctx, "a", 0))
	if len(list) != 3 || list[0].RunID != id || list[1].RunID != id || list[2].RunID != 0 {
		t.Errorf("slots %+v", list)
	}
	_, err := s.DecideAndStart(ctx, []Slot{{Job: "a", At: at(40), Decision: Ran}}, r)
	wantErr(t, err, ErrRunning)
	if n := len(must[[]Slot](t)(s.Slots(ctx, "a", 0))); n != 3 {
		t.Errorf("%d decisions: one without a run", n)
	}
	finishRun(t, s, "a", id)
	_, err = s.DecideAndStart(ctx, []Slot{{Job: "a", At: at(30), Decision: Ran}}, r)
	wantErr(t, err, ErrDecided)
	if n := len(must[[]Run](t)(s.Runs(ctx, RunFilter{}))); n != 1 {
		t.Errorf("%d runs: one began without a decision", n)
	}
}

func TestSlotsFromManySides(t *testing.T) {
	s := newStore(t)
	other := mustOpen(t, s.Path())
	var won atomic.Int64
	var group sync.WaitGroup
	for i := range 40 {
		store := []*Store{s, other}[i%2]
		group.Go(func() {
			if store.Decide(t.Context(), Slot{Job: "a", At: at(i % 10), Decision: Ran}) == nil {
				won.Add(1)
			}
		})
	}
	group.Wait()
	if won.Load() != 10 || len(must[[]Slot](t)(s.Slots(t.Context(), "", 0))) != 10 {
		t.Errorf("%d decisions for 10 slots", won.Load())
	}
}

func TestJobSince(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	runTo(t, s, "a", "1") // by hand, before any daemon
	first := must[time.Time](t)(s.JobSince(ctx, "a", "at one"))
	if first.Before(noon) || first.Nanosecond()%1e6 != 0 {
		t.Errorf("since %v", first)
	}
	if again := must[time.Time](t)(s.JobSince(ctx, "a", "at one")); !again.Equal(first) {
		t.Errorf("since %v, then %v", first, again)
	}
	r := must[*Store](t)(Open(ctx, s.Path(), Options{ReadOnly: true}))
	defer r.Close()
	if again := must[time.Time](t)(r.JobSince(ctx, "a", "at one")); !again.Equal(first) {
		t.Errorf("since %v for a reader", again)
	}
	for _, unknown := range []string{"b", "a"} { // what a reader sees for the first time is new at that moment
		if at := must[time.Time](t)(r.JobSince(ctx, unknown, "at two")); at.Before(first) || at.Equal(first) {
			t.Errorf("%s since %v for a reader", unknown, at)
		}
	}
	later := must[time.Time](t)(s.JobSince(ctx, "a", "at two"))
	if !later.After(first) {
		t.Errorf("another plan is known since %v, the one before since %v", later, first)
	}
	if back := must[time.Time](t)(s.JobSince(ctx, "a", "at one")); !back.After(later) {
		t.Errorf("the first plan is back since %v", back)
	}
}
