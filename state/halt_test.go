package state

import (
	"slices"
	"testing"
)

func TestHalts(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	id := startRun(t, s, "a")
	ok(t, s.SetHalt(ctx, Halt{Scope: JobScope, Name: "x", Code: "cursor", Reason: "does not move", Remedy: "look", RunID: id}))
	ok(t, s.SetHalt(ctx, Halt{Scope: ConnectionScope, Name: "x", Code: "302", At: noon}))
	ok(t, s.SetHalt(ctx, Halt{Scope: ConnectionScope, Name: "x", Code: "303"}))
	list := must[[]Halt](t)(s.Halts(ctx))
	if len(list) != 2 || list[0].Code != "303" || list[0].RunID != 0 || list[1].Remedy != "look" || list[1].RunID != id {
		t.Errorf("halts %+v", list)
	}
	h, halted, err := s.HaltOf(ctx, JobScope, "x")
	if !halted || err != nil || h.Reason != "does not move" || h.At.IsZero() {
		t.Errorf("halt %+v %v", h, err)
	}
	for _, want := range []bool{true, false} {
		if got := must[bool](t)(s.ClearHalt(ctx, JobScope, "x", "operator", "looked")); got != want {
			t.Errorf("cleared %v, want %v", got, want)
		}
	}
	if _, halted, _ := s.HaltOf(ctx, JobScope, "x"); halted {
		t.Error("still halted")
	}
	if _, halted, _ := s.HaltOf(ctx, ConnectionScope, "x"); !halted {
		t.Error("the connection was resumed too")
	}
	if err := s.SetHalt(ctx, Halt{Scope: "planet", Name: "x"}); err == nil {
		t.Error("halted a planet")
	}
	if did := must[[]Audit](t)(s.Operations(ctx, 0)); len(did) != 1 || did[0].What != "resume job" || did[0].Why != "looked" {
		t.Errorf("operations %+v", did)
	}
}

func TestPauses(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	ok(t, s.Pause(ctx, "a", "operator", "partner rebuilds"))
	ok(t, s.Pause(ctx, "a", "colleague", "again"))
	paused := must[map[string]Pausing](t)(s.Paused(ctx))
	if p := paused["a"]; len(paused) != 1 || p.Who != "operator" || p.Why != "partner rebuilds" || p.At.IsZero() {
		t.Errorf("paused %+v", paused)
	}
	for _, want := range []bool{true, false} {
		if got := must[bool](t)(s.Unpause(ctx, "a", "operator", "")); got != want {
			t.Errorf("ended %v, want %v", got, want)
		}
	}
	if did := must[[]Audit](t)(s.Operations(ctx, 0)); len(did) != 2 || did[0].What != "unpause" || did[1].What != "pause" {
		t.Errorf("operations %+v", did)
	}
}

func TestIntents(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	run := startRun(t, s, "sms")
	add := func(seq int64) string {
		t.Helper()
		return must[string](t)(s.AddIntent(ctx, Intent{Job: "sms", RunID: run, Seq: seq, After: "7", Digest: "d", Records: 2, Marks: []string{"x", "y"}}))
	}
	a, b, c := add(1), add(2), add(3)
	if a == b || a == "" {
		t.Fatalf("ids %q %q", a, b)
	}
	ok(t, s.MarkIntent(ctx, a, IntentSent))
	ok(t, s.MarkIntent(ctx, b, IntentDoubt))
	list := must[[]Intent](t)(s.OpenIntents(ctx, "sms"))
	if len(list) != 3 || list[0].ID != a || list[0].State != IntentSent || list[2].State != IntentRecorded ||
		!slices.Equal(list[0].Marks, []string{"x", "y"}) || list[0].Records != 2 || list[0].After != "7" || list[0].Digest != "d" {
		t.Errorf("open %+v", list)
	}
	done := Progress{Checkpoint: Checkpoint{Job: "sms", Lane: Forward, Cursor: "9", RunID: run}, Settled: []Taken{{ID: a, Ref: "m-1"}}}
	ok(t, s.Advance(ctx, done))
	done.Checkpoint.Cursor = "11"
	wantErr(t, s.Advance(ctx, done), ErrSettled)
	if c := cursorOf(t, s, "sms"); c != "9" {
		t.Errorf("the checkpoint moved to %s without its intent", c)
	}
	wantErr(t, s.MarkIntent(ctx, a, IntentDoubt), ErrSettled)
	wantErr(t, s.MarkIntent(ctx, "none", IntentSent), ErrNotFound)
	if doubts := must[[]Intent](t)(s.Doubts(ctx)); len(doubts) != 1 || doubts[0].ID != b {
		t.Errorf("doubts %+v", doubts)
	}
	settle := func(id, outcome string) error {
		_, err := s.SettleIntent(ctx, Settlement{ID: id, Outcome: outcome, Who: "operator", Why: "the target has it"})
		return err
	}
	wantErr(t, settle(c, OutcomeSent), ErrNoDoubt)
	ok(t, settle(b, OutcomeSent))
	wantErr(t, settle(b, OutcomeResend), ErrSettled)
	if recent := must[map[string]struct{}](t)(s.Recent(ctx, "sms")); len(recent) != 2 {
		t.Errorf("%d records are known as sent, want 2", len(recent))
	}
	ok(t, s.MarkIntent(ctx, c, IntentSettled))
	if list = must[[]Intent](t)(s.OpenIntents(ctx, "sms")); len(list) != 0 {
		t.Errorf("open %+v", list)
	}
	kept, _, err := one(ctx, s.r, scanTo[int], "SELECT count(*) FROM intent WHERE payload IS NOT NULL")
	if err != nil || kept != 0 {
		t.Errorf("%d payloads kept: %v", kept, err)
	}
	_, err = s.AddIntent(ctx, Intent{ID: a, Job: "sms"})
	if err == nil {
		t.Error("an id was used twice")
	}
}
