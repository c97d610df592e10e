package state

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"
)

func encode(t testing.TB, v any) []byte {
	t.Helper()
	return must[[]byte](t)(json.Marshal(v))
}

func TestRunFromStartToFinish(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	runTo(t, s, "grades", "0")
	began := Run{Job: "grades", Slot: noon, Trigger: Schedule, Mode: "full", CursorFrom: "0", Counts: Counts{Total: -1}}
	id := must[int64](t)(s.StartRun(ctx, began))
	r := must[Run](t)(s.Run(ctx, id))
	if r.State != Running || !r.Slot.Equal(noon) || !r.FinishedAt.IsZero() || r.CursorTo != "0" || r.Counts.Total != -1 {
		t.Errorf("started: %+v", r)
	}
	for range 2 {
		ok(t, s.Advance(ctx, Progress{
			Checkpoint: Checkpoint{Job: "grades", Lane: Forward, Cursor: "7", RunID: id},
			Counts:     Counts{1, 2, 3, 4, 5, 6, 7, 8},
		}))
	}
	ok(t, s.Advance(ctx, Progress{Checkpoint: Checkpoint{Job: "grades", RunID: id}, Letters: []Letter{{Key: "k"}}}))
	r = must[Run](t)(s.Run(ctx, id))
	if want := (Counts{2, 4, 6, 8, 10, 12, 14, 8}); r.Counts != want || r.CursorTo != "7" {
		t.Errorf("under way: %+v", r)
	}
	end := Run{ID: id, Job: "grades", State: Part, Counts: Counts{9, 9, 9, 9, 9, 9, 9, 9}, Error: "e", Remedy: "r", Code: "302", Summary: "{}"}
	ok(t, s.FinishRun(ctx, end))
	r = must[Run](t)(s.Run(ctx, id))
	if r.State != Part || r.FinishedAt.IsZero() || r.Counts != end.Counts || r.Error != "e" || r.Remedy != "r" || r.Code != "302" ||
		r.Summary != "{}" || r.CursorTo != "7" || r.Trigger != Schedule || r.Mode != "full" {
		t.Errorf("finished: %+v", r)
	}
	wantErr(t, s.FinishRun(ctx, end), ErrNotRunning)
	wantErr(t, s.Advance(ctx, Progress{Checkpoint: Checkpoint{Job: "grades", Lane: Forward, Cursor: "99", RunID: id}}), ErrNotRunning)
	if c := cursorOf(t, s, "grades"); c != "7" {
		t.Errorf("a run that is over moved the checkpoint to %s", c)
	}
	_, err := s.Run(ctx, 4711)
	wantErr(t, err, ErrNotFound)
	if err := s.FinishRun(ctx, Run{ID: id, State: Running}); err == nil {
		t.Error("finished as running")
	}
}

func TestOneRunPerJob(t *testing.T) {
	s := newStore(t)
	id := startRun(t, s, "a")
	_, err := s.StartRun(t.Context(), Run{Job: "a", Trigger: Manual, Mode: "full"})
	wantErr(t, err, ErrRunning)
	startRun(t, s, "b")
	finishRun(t, s, "a", id)
	startRun(t, s, "a")
}

func TestRunsAreFiltered(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	for i := range 6 {
		job := []string{"a", "b"}[i%2]
		id := startRun(t, s, job)
		ok(t, s.FinishRun(ctx, Run{ID: id, Job: job, State: []RunState{Done, Done, Failed}[i%3]}))
	}
	for filter, want := range map[RunFilter][]int64{
		{}:                        {6, 5, 4, 3, 2, 1},
		{Limit: 2}:                {6, 5},
		{Job: "a"}:                {5, 3, 1},
		{State: Failed}:           {6, 3},
		{Job: "b", State: Failed}: {6},
		{Job: "c"}:                nil,
		{Before: 5, Limit: 2}:     {4, 3},
		{Before: 1}:               nil,
	} {
		var got []int64
		for _, r := range must[[]Run](t)(s.Runs(ctx, filter)) {
			got = append(got, r.ID)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%+v: %v, want %v", filter, got, want)
		}
	}
}

func TestInterrupt(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	runTo(t, s, "done", "1")
	a, b := startRun(t, s, "a"), startRun(t, s, "b")
	ok(t, s.Advance(ctx, Progress{Checkpoint: Checkpoint{Job: "a", Lane: Forward, Cursor: "4", RunID: a}}))
	sent := must[string](t)(s.AddIntent(ctx, Intent{Job: "b", RunID: b, State: IntentSent}))
	must[string](t)(s.AddIntent(ctx, Intent{Job: "b", RunID: b, Seq: 1}))
	left := must[[]Run](t)(s.Interrupt(ctx))
	if len(left) != 2 || left[0].ID != a || left[0].CursorTo != "4" || left[0].State != Interrupted {
		t.Errorf("left running: %+v", left)
	}
	if again := must[[]Run](t)(s.Interrupt(ctx)); len(again) != 0 {
		t.Errorf("again: %+v", again)
	}
	if h := ops(t, s, "a"); h != "run ->4" {
		t.Errorf("history %s", h)
	}
	doubts := must[[]Intent](t)(s.Doubts(ctx))
	if len(doubts) != 1 || doubts[0].ID != sent {
		t.Errorf("doubts %+v", doubts)
	}
}

func TestEvents(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	id := startRun(t, s, "a")
	ok(t, s.AddEvent(ctx, Event{RunID: id, Kind: "retry", Text: "page 3: HTTP 503"}))
	ok(t, s.AddEvent(ctx, Event{RunID: id, At: noon, Kind: "drift", Text: "total fell"}))
	got := must[[]Event](t)(s.Events(ctx, id))
	if len(got) != 2 || got[0].Kind != "retry" || got[0].At.IsZero() || !got[1].At.Equal(noon) || got[1].Text != "total fell" {
		t.Errorf("events %+v", got)
	}
	if err := s.AddEvent(ctx, Event{RunID: 99}); err == nil {
		t.Error("an event of a run that there is not")
	}
}

// Many jobs at once, with readers beside them.
func TestManyAtOnce(t *testing.T) {
	path := newPath(t)
	s := must[*Store](t)(Open(t.Context(), path, Options{}))
	defer s.Close()
	ctx := t.Context()
	var group sync.WaitGroup
	for j := range 6 {
		job := fmt.Sprintf("job%d", j)
		group.Go(func() {
			id, err := s.StartRun(ctx, Run{Job: job, Trigger: Schedule, Mode: "incremental"})
			if err != nil {
				t.Error(err)
				return
			}
			for n := range 40 {
				p := step(id, n)
				p.Checkpoint.Job = job
				err := s.Advance(ctx, p)
				if c, _, readErr := s.Checkpoint(ctx, job, Forward); err != nil || readErr != nil || c.Cursor != p.Checkpoint.Cursor {
					t.Errorf("%s: %v, %v, read back %s", job, err, readErr, c.Cursor)
				}
				if err := s.AddEvent(ctx, Event{RunID: id, Kind: "note"}); err != nil {
					t.Error(err)
				}
			}
			if err := s.FinishRun(ctx, Run{ID: id, Job: job, State: Done}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Go(func() {
		for range 40 {
			if _, err := s.Runs(ctx, RunFilter{}); err != nil {
				t.Error(err)
			}
			if _, err := s.Letters(ctx, LetterFilter{}); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
	if n := len(must[[]Letter](t)(s.Letters(ctx, LetterFilter{}))); n != 6*14 {
		t.Errorf("%d letters", n)
	}
}

func TestTimesAreText(t *testing.T) {
	s := newStore(t)
	id := startRun(t, s, "a")
	zone := time.FixedZone("+8", 8*3600)
	ok(t, s.AddEvent(t.Context(), Event{RunID: id, At: time.Date(2026, 3, 1, 9, 30, 0, 123456789, zone)}))
	text, _, err := one(t.Context(), s.r, scanTo[string], "SELECT at FROM run_event")
	ok(t, err)
	if text != "2026-03-01T01:30:00.123Z" {
		t.Errorf("stored as %s", text)
	}
	if _, err := s.w.ExecContext(t.Context(), "UPDATE run_event SET at = 'yesterday'"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Events(t.Context(), id); err == nil {
		t.Error("read a time that is none")
	}
}
