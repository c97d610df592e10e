package state

import (
	"fmt"
	"testing"
	"time"
)

// renamedFrom is the state of a job that stands behind a cursor with two marks, a settled batch and a dead letter.
func renamedFrom(t *testing.T) *Store {
	t.Helper()
	s := newStore(t)
	ctx := t.Context()
	ok(t, s.Wire(ctx, []Wiring{{Job: "old", Source: "a", Sink: "b", Route: "a to b"}}))
	id := startRun(t, s, "old")
	batch := must[string](t)(s.AddIntent(ctx, Intent{Job: "old", RunID: id, Digest: "d", Records: 2, Connection: "b"}))
	ok(t, s.MarkIntent(ctx, batch, IntentSent))
	ok(t, s.Advance(ctx, Progress{
		Checkpoint: Checkpoint{Job: "old", Lane: Forward, Cursor: "7", Rows: 2, Detail: `{"columns":["id"]}`, RunID: id, StartedAt: noon.Add(-time.Hour)},
		Counts:     Counts{Delivered: 2}, Recent: []string{"6", "7"}, Settled: []Taken{{ID: batch}},
		Letters: []Letter{{Code: "x", Place: "5", Record: "{}"}},
	}))
	finishRun(t, s, "old", id)
	again := must[string](t)(s.AddIntent(ctx, Intent{Job: "old", Letter: 1, Digest: "e", Records: 1, Connection: "b"}))
	ok(t, s.MarkIntent(ctx, again, IntentSettled))
	ok(t, s.SetLastFull(ctx, "old", noon))
	ok(t, s.Wire(ctx, nil))
	return s
}

func TestMoveCheckpoint(t *testing.T) {
	s := renamedFrom(t)
	ctx := t.Context()
	ok(t, s.MoveCheckpoint(ctx, "old", "new", "li", "renamed"))
	c, _, err := s.Checkpoint(ctx, "new", Forward)
	ok(t, err)
	if c.Cursor != "7" || c.Rows != 2 || c.Detail != `{"columns":["id"]}` || !c.StartedAt.Equal(noon.Add(-time.Hour)) || c.Who != "li" || c.Why != "renamed" || c.Version != 1 {
		t.Errorf("%+v", c)
	}
	if cursorOf(t, s, "old") != "-" || ops(t, s, "old") != "run ->7, reset 7>-" || ops(t, s, "new") != "set ->7" {
		t.Errorf("%s; %s", ops(t, s, "old"), ops(t, s, "new"))
	}
	if marks := must[map[string]struct{}](t)(s.Recent(ctx, "new")); len(marks) != 2 {
		t.Errorf("marks %v", marks)
	}
	if marks := must[map[string]struct{}](t)(s.Recent(ctx, "old")); len(marks) != 0 {
		t.Errorf("marks %v stay", marks)
	}
	if at, found, _ := s.LastFull(ctx, "new"); !found || !at.Equal(noon) {
		t.Errorf("last full %v", at)
	}
	if _, found, _ := s.LastFull(ctx, "old"); found {
		t.Error("the old name has a last complete pass")
	}
	if open := must[map[string]int64](t)(s.OpenLetters(ctx)); open["old"] != 1 || open["new"] != 0 {
		t.Errorf("dead letters %v", open)
	}
	if list := must[[]Sender](t)(s.Senders(ctx, "a to b")); len(list) != 1 || list[0].Job != "new" {
		t.Errorf("senders %+v", list)
	}
	if list := must[[]Intent](t)(s.SettledIntents(ctx, "old", 0)); len(list) != 1 || list[0].Letter == 0 {
		t.Errorf("batches %+v stay", list)
	}
	if list := must[[]Audit](t)(s.Operations(ctx, 1)); len(list) != 1 || list[0].What != "checkpoint move from old" || list[0].Job != "new" || list[0].Who != "li" {
		t.Errorf("%+v", list)
	}
	ok(t, s.MoveCheckpoint(ctx, "new", "old", "li", "back"))
	if cursorOf(t, s, "old") != "7" || cursorOf(t, s, "new") != "-" {
		t.Error("it is not moved back")
	}
	ok(t, s.MoveCheckpoint(ctx, "old", "new", "li", "again"))
}

// TestMoveOnlyMarks moves the place of a job whose first batch was delivered in part.
func TestMoveOnlyMarks(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	ok(t, s.ReplaceRecent(ctx, "old", []string{"1"}))
	ok(t, s.MoveCheckpoint(ctx, "old", "new", "li", "renamed"))
	if marks := must[map[string]struct{}](t)(s.Recent(ctx, "new")); len(marks) != 1 || cursorOf(t, s, "new") != "-" {
		t.Errorf("marks %v", marks)
	}
	ok(t, s.MoveCheckpoint(ctx, "new", "old", "li", "back"))
}

// TestMoveRefused refuses what would lose or repeat records, and changes nothing then.
func TestMoveRefused(t *testing.T) {
	for name, c := range map[string]struct {
		from  string
		given func(*testing.T, *Store)
		want  error
	}{
		"nothing to move": {from: "other", want: ErrNotFound},
		"only a complete pass": {from: "users", want: ErrNotFound, given: func(t *testing.T, s *Store) {
			ok(t, s.SetCheckpoint(t.Context(), "users", Full, "p1", "li", "x"))
		}},
		"the old one runs": {want: ErrRunning, given: func(t *testing.T, s *Store) { startRun(t, s, "old") }},
		"the new one runs": {want: ErrRunning, given: func(t *testing.T, s *Store) { startRun(t, s, "new") }},
		"in doubt": {want: ErrInDoubt, given: func(t *testing.T, s *Store) {
			id := must[string](t)(s.AddIntent(t.Context(), Intent{Job: "old", Digest: "d", Records: 1, Connection: "b"}))
			ok(t, s.MarkIntent(t.Context(), id, IntentSent))
		}},
		"a place of its own":       {want: ErrBegun, given: func(t *testing.T, s *Store) { runTo(t, s, "new", "1") }},
		"a pass of its own":        {want: ErrBegun, given: func(t *testing.T, s *Store) { ok(t, s.SetCheckpoint(t.Context(), "new", Full, "", "li", "x")) }},
		"marks of its own":         {want: ErrBegun, given: func(t *testing.T, s *Store) { ok(t, s.ReplaceRecent(t.Context(), "new", []string{"1"})) }},
		"it has delivered records": {want: ErrBegun, given: delivered},
	} {
		t.Run(name, func(t *testing.T) {
			s := renamedFrom(t)
			if c.given != nil {
				c.given(t, s)
			}
			before := fmt.Sprint(ops(t, s, "old"), ops(t, s, "new"))
			if c.from == "" {
				c.from = "old"
			}
			wantErr(t, s.MoveCheckpoint(t.Context(), c.from, "new", "li", "renamed"), c.want)
			if after := fmt.Sprint(ops(t, s, "old"), ops(t, s, "new")); after != before || cursorOf(t, s, "old") != "7" {
				t.Errorf("%s, before %s", after, before)
			}
			if marks := must[map[string]struct{}](t)(s.Recent(t.Context(), "old")); len(marks) != 2 {
				t.Errorf("marks %v", marks)
			}
		})
	}
}

// delivered has the new job deliver a range, which moves no checkpoint.
func delivered(t *testing.T, s *Store) {
	id := startRun(t, s, "new")
	ok(t, s.FinishRun(t.Context(), Run{ID: id, Job: "new", State: Done, Counts: Counts{Delivered: 3}}))
}
