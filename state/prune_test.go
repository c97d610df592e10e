package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"milkrun/sync/feed"
)

// aged is a store whose clock stands where the test puts it.
func aged(t *testing.T) (*Store, *time.Time) {
	t.Helper()
	now := noon
	s, err := Open(t.Context(), newPath(t), Options{Now: func() time.Time { return now }})
	ok(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s, &now
}

func count(t *testing.T, s *Store, query string, args ...any) int64 {
	t.Helper()
	n, _, err := one(t.Context(), s.r, scanTo[int64], query, args...)
	ok(t, err)
	return n
}

// slotRun is a run for a slot that moves the checkpoint, with an event.
func slotRun(t *testing.T, s *Store, job string, at time.Time, cursor string) int64 {
	t.Helper()
	id := must[int64](t)(s.DecideAndStart(t.Context(), []Slot{{Job: job, At: at, Decision: Ran}}, Run{Job: job, Slot: at, Trigger: Schedule, Mode: "incremental"}))
	ok(t, s.AddEvent(t.Context(), Event{RunID: id, Kind: "retry", Text: "again"}))
	ok(t, s.Advance(t.Context(), Progress{Checkpoint: Checkpoint{Job: job, Lane: Forward, Cursor: feed.Cursor(cursor), RunID: id}}))
	finishRun(t, s, job, id)
	return id
}

// yearOf fills a store with a run a day, and returns their ids.
func yearOf(t *testing.T, s *Store, now *time.Time, job string, days int) (ids []int64) {
	t.Helper()
	for day := range days {
		*now = noon.AddDate(0, 0, day)
		ids = append(ids, slotRun(t, s, job, *now, fmt.Sprint(day)))
	}
	return ids
}

func TestPruneKeepsWhatIsRecent(t *testing.T) {
	s, now := aged(t)
	ids := yearOf(t, s, now, "grades", 200)
	before := now.AddDate(0, 0, -90) // noon of day 109, which is kept
	could := must[Pruned](t)(s.Prunable(t.Context(), before))
	p := must[Pruned](t)(s.Prune(t.Context(), before, "", ""))
	want := Pruned{Runs: 109, Slots: 109, Changes: 109}
	if p != want || could != want {
		t.Errorf("removed %+v, foretold %+v, want %+v", p, could, want)
	}
	if n := count(t, s, "SELECT min(id) FROM run"); n != ids[109] {
		t.Errorf("the oldest run is %d, want %d", n, ids[109])
	}
	for table, want := range map[string]int64{"run": 91, "run_event": 91, "slot": 91, "checkpoint_history": 91, "checkpoint": 1, "operation": 0} {
		if n := count(t, s, "SELECT count(*) FROM "+table); n != want {
			t.Errorf("%s has %d rows, want %d", table, n, want)
		}
	}
	if again := must[Pruned](t)(s.Prune(t.Context(), before, "", "")); again.Total() != 0 {
		t.Errorf("again: %+v", again)
	}
	ok(t, s.integrity(t.Context()))
}

func TestPruneOfEverythingKeepsWhatIsNeeded(t *testing.T) {
	s, now := aged(t)
	ctx := t.Context()
	ids := yearOf(t, s, now, "grades", 60)
	ok(t, s.EndLane(ctx, "grades", Full))
	ok(t, s.SetCheckpoint(ctx, "grades", Forward, "7", "li", "again"))
	for range 30 { // the change by an operator is not among the newest
		runTo(t, s, "grades", feed.Cursor(fmt.Sprint(now.Unix())))
		*now = now.Add(time.Hour)
	}
	failed := startRun(t, s, "grades")
	ok(t, s.FinishRun(ctx, Run{ID: failed, Job: "grades", State: Failed}))
	for range kept {
		finishRun(t, s, "grades", startRun(t, s, "grades"))
	}
	under := startRun(t, s, "grades")
	// Open things that name an old run.
	for i, id := range ids[:4] {
		switch i {
		case 0:
			ok(t, s.SetHalt(ctx, Halt{Scope: JobScope, Name: "grades", RunID: id}))
		case 1:
			must[string](t)(s.AddIntent(ctx, Intent{Job: "sms", RunID: id, State: IntentDoubt}))
		case 2:
			if _, err := s.w.ExecContext(ctx, "INSERT INTO letter (job, run_id, at, code, reason, place, key, record, tried_at) VALUES ('grades', ?, ?, '', '', '1', '', '{}', ?)",
				id, stamp(noon), stamp(noon)); err != nil {
				t.Fatal(err)
			}
		case 3:
			b := must[int64](t)(s.AddBackfill(ctx, Backfill{Job: "grades", Who: "li"}, []Unit{{}, {}}))
			ok(t, s.SettleUnit(ctx, b, Unit{N: 1, State: UnitDone, RunID: id}))
		}
	}
	status := views(t, s)
	*now = now.AddDate(10, 0, 0)
	p := must[Pruned](t)(s.Prune(ctx, *now, "wang", "space"))
	for _, id := range append(slices.Clone(ids[:4]), failed, under, count(t, s, "SELECT max(run_id) FROM slot")) {
		if _, err := s.Run(ctx, id); err != nil {
			t.Error(err)
		}
	}
	for query, want := range map[string]int64{
		"SELECT count(*) FROM slot":                                       1,
		"SELECT count(*) FROM letter":                                     1,
		"SELECT count(*) FROM intent":                                     1,
		"SELECT count(*) FROM backfill_unit":                              2,
		"SELECT count(*) FROM checkpoint_history WHERE lane='forward'":    kept + 1,
		"SELECT count(*) FROM checkpoint_history WHERE op = 'set'":        1,
		"SELECT count(*) FROM operation":                                  1, // what has just been done
		"SELECT count(*) FROM operation WHERE what LIKE 'prune of what%'": 1,
		"SELECT count(*) FROM job WHERE last_full IS NOT NULL":            1,
	} {
		if n := count(t, s, query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	if after := views(t, s); after != status {
		t.Errorf("before:\n%s\nafter:\n%s", status, after)
	}
	if p.Operations != 2 {
		t.Errorf("%+v", p)
	}
	// Everything goes on.
	finishRun(t, s, "grades", under)
	if at, found, err := s.LastSlot(ctx, "grades"); err != nil || !found || !at.Equal(noon.AddDate(0, 0, 59)) {
		t.Errorf("last slot %v %v %v", at, found, err)
	}
	c, err := s.UndoCheckpoint(ctx, "grades", Forward, "li", "back")
	ok(t, err)
	if c.Cursor != "59" {
		t.Errorf("undone to %s", c.Cursor)
	}
	wantErr(t, s.Decide(ctx, Slot{Job: "grades", At: noon.AddDate(0, 0, 59), Decision: Ran}), ErrDecided)
	ok(t, s.integrity(ctx))
}

// views is what the views of the state say that do not list the history.
func views(t *testing.T, s *Store) string {
	t.Helper()
	var b strings.Builder
	for _, view := range []string{"v_status", "v_letters", "v_checkpoints"} {
		width := count(t, s, "SELECT count(*) FROM pragma_table_info(?)", view)
		for _, row := range must[[][]any](t)(all(t.Context(), s.r, rowOf(int(width)), "SELECT * FROM "+view)) {
			fmt.Fprintln(&b, view, row)
		}
	}
	return b.String()
}

func TestPruneOfSettledThings(t *testing.T) {
	s, now := aged(t)
	ctx := t.Context()
	id := startRun(t, s, "sms")
	ok(t, s.Advance(ctx, Progress{Checkpoint: Checkpoint{Job: "sms", RunID: id}, Letters: []Letter{{Place: "1", Record: "{}"}, {Place: "2", Record: "{}"}, {Place: "3", Record: "{}"}}}))
	ok(t, s.SettleLetter(ctx, 1, LetterDropped, "li", "old"))
	var batches []string
	for n := range 3 {
		*now = now.Add(time.Second)
		batches = append(batches, must[string](t)(s.AddIntent(ctx, Intent{Job: "sms", RunID: id, Seq: int64(n)})))
	}
	ok(t, s.MarkIntent(ctx, batches[0], IntentDoubt))
	must[Settled](t)(s.SettleIntent(ctx, Settlement{ID: batches[0], Outcome: OutcomeSent, Who: "li", Why: "arrived"}))
	ok(t, s.MarkIntent(ctx, batches[2], IntentSettled))
	done := must[int64](t)(s.AddBackfill(ctx, Backfill{Job: "sms", Who: "li"}, []Unit{{}}))
	ok(t, s.SettleUnit(ctx, done, Unit{N: 1, State: UnitDone, RunID: id}))
	*now = now.AddDate(0, 3, 0)
	ok(t, s.SettleLetter(ctx, 2, LetterDelivered, "li", "new"))
	p := must[Pruned](t)(s.Prune(ctx, now.AddDate(0, 0, -1), "", ""))
	if want := (Pruned{Letters: 1, Batches: 1, Backfills: 1}); p != want { // the newest batch tells what the job is
		t.Errorf("removed %+v, want %+v", p, want)
	}
	if _, err := s.Letter(ctx, 1); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if n := count(t, s, "SELECT count(*) FROM backfill_unit"); n != 0 {
		t.Errorf("%d units", n)
	}
}

func TestPruneInALargeFileHoldsNobodyUp(t *testing.T) {
	s, now := aged(t)
	ctx := t.Context()
	_, err := s.w.ExecContext(ctx, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
		INSERT INTO run (job, "trigger", mode, state, started_at, finished_at) SELECT 'j' || (i % 3), 'schedule', 'full', 'done',
			'2025-01-01T00:00:00.000Z', '2025-01-01T00:00:01.000Z' FROM n`)
	ok(t, err)
	_, err = s.w.ExecContext(ctx, "INSERT INTO run_event (run_id, at, kind, text) SELECT id, started_at, 'note', hex(randomblob(50)) FROM run")
	ok(t, err)
	_, err = s.w.ExecContext(ctx, `INSERT INTO slot (job, at, through, count, decision, run_id, decided_at) SELECT job,
		strftime('%Y-%m-%dT%H:%M:%fZ', '2024-01-01', '+' || id || ' minutes'), strftime('%Y-%m-%dT%H:%M:%fZ', '2024-01-01', '+' || id || ' minutes'), 1, 'ran', id, started_at FROM run`)
	ok(t, err)
	_, err = s.w.ExecContext(ctx, `INSERT INTO checkpoint_history (job, lane, version, op, run_id, at) SELECT job, 'forward', id, 'run', id, started_at FROM run`)
	ok(t, err)
	// Another process writes meanwhile.
	other := mustOpen(t, s.Path())
	ended := make(chan error, 1)
	began := time.Now()
	go func() {
		_, err := s.Prune(ctx, *now, "", "")
		ended <- err
	}()
	longest, writes := time.Duration(0), 0
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for running := true; running; writes++ {
		select {
		case err := <-ended:
			ok(t, err)
			running = false
		case <-pace.C:
		}
		at := time.Now()
		ok(t, other.Beat(ctx))
		longest = max(longest, time.Since(at))
	}
	t.Logf("%v; %d writes beside it, the longest took %v", time.Since(began), writes, longest)
	if longest > 2*time.Second || writes < 10 {
		t.Errorf("%d writes, the longest took %v", writes, longest)
	}
	if n := count(t, s, "SELECT count(*) FROM run"); n != 3*kept {
		t.Errorf("%d runs are left", n)
	}
	ok(t, other.Close())
	free, size, err := s.Waste(ctx)
	ok(t, err)
	if free < size/2 {
		t.Errorf("%d of %d bytes are free", free, size)
	}
	ok(t, s.Compact(ctx))
	if info := must[os.FileInfo](t)(os.Stat(s.Path())); info.Size() > size-free {
		t.Errorf("it had %d bytes, %d of them free, and has %d", size, free, info.Size())
	}
	ok(t, s.integrity(ctx))
}

func TestPruneStopsWhenAsked(t *testing.T) {
	s, now := aged(t)
	yearOf(t, s, now, "grades", 60)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Prune(ctx, *now, "li", "")
	wantErr(t, err, context.Canceled)
	ok(t, s.integrity(t.Context()))
	only, err := Open(t.Context(), s.Path(), Options{ReadOnly: true})
	ok(t, err)
	defer only.Close()
	_, err = only.Prune(t.Context(), *now, "", "")
	wantErr(t, err, ErrReadOnly)
	wantErr(t, only.Compact(t.Context()), ErrReadOnly)
}
