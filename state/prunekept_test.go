package state

import (
	"testing"

	"milkrun/sync/alert"
)

// TestPruneFollowsPartners: re-pushes, incidents and figures of timeliness go when they are old, never what is open, what a run that is
// kept carries out, or the newest, whose number would be given again.
func TestPruneFollowsPartners(t *testing.T) {
	s, now := aged(t)
	ctx := t.Context()
	repush := func(run bool) (id int64) {
		id = must[int64](t)(s.AddRepush(ctx, Repush{Job: "orders", Selection: "ids 1", Who: "li", Why: "corrected"}))
		if run {
			r := must[int64](t)(s.StartRepush(ctx, id, Run{Job: "orders", Trigger: Repushed, Mode: "incremental"}))
			ok(t, s.Advance(ctx, Progress{Checkpoint: Checkpoint{Job: "orders", RunID: r}, Repush: id, Who: "li", Origins: []Origin{{Run: 0, Records: 1}}}))
			finishRun(t, s, "orders", r)
		}
		return id
	}
	incident := func(ended bool) int64 {
		i := alert.Incident{Job: "orders", Interface: "orders", Kind: alert.Failed, Since: *now, Impact: -1}
		if !ended {
			i.Job = "other" // one open incident a job
		} else {
			i.EndedAt = *now
		}
		return must[int64](t)(s.SaveIncident(ctx, i))
	}
	gone, unsent := repush(true), repush(false)
	over, open := incident(true), incident(false)
	ok(t, s.AddTimeliness(ctx, []Timeliness{{Interface: "orders", Version: 1, Job: "orders", Day: now.Format(dayLayout)}}))
	*now = now.AddDate(0, 0, 30)
	before := *now
	ok(t, s.AddTimeliness(ctx, []Timeliness{{Interface: "orders", Version: 1, Job: "orders", Day: before.Format(dayLayout)}}))
	for range kept + 1 {
		repush(true)
	}
	last, newest := repush(false), incident(true)
	*now = now.AddDate(1, 0, 0)
	want := Pruned{Runs: 1, Repushes: 2, Incidents: 1, Timeliness: 1}
	could := must[Pruned](t)(s.Prunable(ctx, before))
	if p := must[Pruned](t)(s.Prune(ctx, before, "", "")); p != want || could != want {
		t.Errorf("removed %+v, foretold %+v, want %+v", p, could, want)
	}
	for _, id := range []int64{gone, unsent} {
		if _, err := s.Repush(ctx, id); err == nil {
			t.Errorf("re-push %d is there", id)
		}
	}
	if _, err := s.Incident(ctx, over); err == nil {
		t.Error("the incident that is over is there")
	}
	if n := count(t, s, "SELECT count(*) FROM repush_origin WHERE repush_id = ?", gone); n != 0 {
		t.Errorf("%d origins of nothing", n)
	}
	if p := must[Pruned](t)(s.Prune(ctx, now.AddDate(1, 0, 0), "", "")); p.Incidents != 0 || p.Timeliness != 1 || p.Repushes != 1 {
		t.Errorf("of what is all old: %+v", p) // the runs of the others are the newest 20
	}
	for id, read := range map[int64]func(int64) error{
		last:   func(id int64) error { _, err := s.Repush(ctx, id); return err },
		open:   func(id int64) error { _, err := s.Incident(ctx, id); return err },
		newest: func(id int64) error { _, err := s.Incident(ctx, id); return err },
	} {
		if err := read(id); err != nil {
			t.Error(err)
		}
	}
}
