package state

import (
	"testing"
	"time"
)

// TestBackfill takes a range through its units; it ends with the last one.
func TestBackfill(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	id := must[int64](t)(s.AddBackfill(ctx, Backfill{Job: "affairs", From: "2026-05-01", To: "2026-05-03", Who: "an operator", Why: "May again"},
		[]Unit{{From: "2026-05-01", To: "2026-05-02"}, {From: "2026-05-02", To: "2026-05-03"}}))
	run := must[int64](t)(s.StartRun(ctx, Run{Job: "affairs", Trigger: Backfilled, Mode: "incremental"}))
	ok(t, s.SettleUnit(ctx, id, Unit{N: 2, State: UnitPart, RunID: run}))
	units := must[[]Unit](t)(s.Units(ctx, id))
	if len(units) != 2 || units[0] != (Unit{1, "2026-05-01", "2026-05-02", UnitOpen, 0}) || units[1].State != UnitPart || units[1].RunID != run {
		t.Errorf("units %+v", units)
	}
	list := must[[]Backfill](t)(s.Backfills(ctx, "affairs", 0))
	if len(list) != 1 || list[0].Units != 2 || list[0].DoneUnits != 1 || !list[0].EndedAt.IsZero() || list[0].Why != "May again" {
		t.Errorf("under way: %+v", list)
	}
	ok(t, s.SettleUnit(ctx, id, Unit{N: 1, State: UnitDone, RunID: run}))
	if list = must[[]Backfill](t)(s.Backfills(ctx, "", 1)); list[0].DoneUnits != 2 || list[0].EndedAt.IsZero() {
		t.Errorf("at its end: %+v", list)
	}
	if others := must[[]Backfill](t)(s.Backfills(ctx, "grades", 0)); len(others) != 0 {
		t.Errorf("of another job: %+v", others)
	}
	if audit := must[[]Audit](t)(s.Operations(ctx, 0)); len(audit) != 1 || audit[0].Who != "an operator" {
		t.Errorf("audit %+v", audit)
	}
}

// TestDaemon keeps which daemon runs on which configuration, and why a newer one was refused.
func TestDaemon(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	daemon := func() Daemon {
		d, found, err := s.Daemon(ctx)
		if err != nil || !found {
			t.Fatalf("found %v: %v", found, err)
		}
		return d
	}
	if _, found, err := s.Daemon(ctx); found || err != nil {
		t.Fatalf("before any: %v, %v", found, err)
	}
	ok(t, s.Enlist(ctx, Daemon{PID: 7, Version: "1", Config: "jobs.toml", Digest: "aa"}))
	first := daemon()
	if first.PID != 7 || first.Digest != "aa" || first.StartedAt.IsZero() || !first.SeenAt.Equal(first.StartedAt) {
		t.Errorf("%+v", first)
	}
	ok(t, s.Refused(ctx, "line 3: no such key"))
	if d := daemon(); d.Refusal != "line 3: no such key" || d.RefusedAt.IsZero() || d.Digest != "aa" {
		t.Errorf("refused: %+v", d)
	}
	ok(t, s.Loaded(ctx, "bb"))
	if d := daemon(); d.Refusal != "" || !d.RefusedAt.IsZero() || d.Digest != "bb" || !d.LoadedAt.After(first.LoadedAt) {
		t.Errorf("loaded: %+v", d)
	}
	ok(t, s.Beat(ctx))
	if d := daemon(); !d.SeenAt.After(first.SeenAt) || d.SeenAt.Sub(first.SeenAt) > time.Hour {
		t.Errorf("seen %v, then %v", first.SeenAt, d.SeenAt)
	}
	ok(t, s.NoteUnopened(ctx, []Unopened{{What: "no page", Remedy: "another address"}}))
	if d := daemon(); len(d.Unopened) != 1 || d.Unopened[0] != (Unopened{What: "no page", Remedy: "another address"}) {
		t.Errorf("unopened: %+v", d)
	}
	ok(t, s.Enlist(ctx, Daemon{PID: 8}))
	if d := daemon(); d.PID != 8 || d.Config != "" || len(d.Unopened) != 0 {
		t.Errorf("the next one: %+v", d)
	}
}
