package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"milkrun/state"
)

// history makes a run a day, the last one now.
func (p *place) history(job string, days int) {
	p.t.Helper()
	now := time.Now()
	s, err := state.Open(p.t.Context(), p.state, state.Options{Now: func() time.Time { return now }})
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	last := now
	for day := range days {
		now = last.AddDate(0, 0, day+1-days)
		id, err := s.DecideAndStart(p.t.Context(), []state.Slot{{Job: job, At: now, Decision: state.Ran}}, state.Run{Job: job, Slot: now, Trigger: state.Schedule, Mode: "full"})
		if err == nil {
			err = s.FinishRun(p.t.Context(), state.Run{ID: id, Job: job, State: state.Done})
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

func TestPrune(t *testing.T) {
	p, _ := affairsPlace(t)
	p.history("affairs", 130)
	var would, did state.Pruned
	p.run("prune", "--dry-run", "--json").exits(exitDone).json(&would)
	if would.Runs < 39 || would.Runs > 41 || would.Runs != would.Slots {
		t.Errorf("%+v", would)
	}
	p.run("prune", "--dry-run").exits(exitDone).says("would be removed, ended before", fmt.Sprintf("%d runs", would.Runs))
	p.run("runs", "affairs", "--limit", "0", "--json").exits(exitDone).json(new([]runView))
	stop := p.daemon()
	p.run("prune", "--older", "30d", "--json", "--why", "space").exits(exitDone).json(&did)
	stop()
	if did.Runs < 99 || did.Runs > 101 {
		t.Errorf("%+v", did)
	}
	p.run("audit").exits(exitDone).says("prune of what ended before", "space")
	p.run("prune").exits(exitDone).says("nothing that ended before", "is there to be removed")
	p.run("status").exits(exitDone).says("affairs", "done")
	p.run("prune", "--older", "1h").exits(exitUsage).says("less than a day")
	p.run("prune", "--older", "soon").exits(exitUsage).says("no duration")
}

func TestPruneGivesSpaceBackWithoutADaemon(t *testing.T) {
	p, _ := affairsPlace(t)
	p.history("affairs", 100)
	p.with(func(ctx context.Context, s *state.Store) error {
		for range 60 {
			if err := s.AddEvent(ctx, state.Event{RunID: 1, Kind: "note", Text: fmt.Sprintf("%050000d", 1)}); err != nil {
				return err
			}
		}
		return nil
	})
	stop := p.daemon()
	p.run("prune", "--older", "300d").exits(exitDone).hides("and had")
	stop()
	p.run("prune", "--older", "60d").exits(exitDone).says("removed, ended before", "MiB")
	p.run("doctor").exits(exitDone).says("no damage")
}
