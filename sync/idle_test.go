package sync

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
)

// pollingJob is a job that looks every two seconds.
func pollingJob(t *testing.T, source feed.Source, sink feed.Sink) *config.Job {
	t.Helper()
	job := newJob(t, "orders", source, sink)
	job.Schedule = schedules(t, "@every 2s", time.UTC)
	return job
}

// decidedOnce fails unless every slot of a job up to the last one has exactly one decision; it returns the rows.
func decidedOnce(t *testing.T, store *state.Store, job *config.Job, since time.Time) []state.Slot {
	t.Helper()
	rows, err := store.Slots(context.Background(), job.Name, 0)
	if err != nil {
		t.Fatal(err)
	}
	want, at := int64(0), since
	for i := len(rows) - 1; i >= 0; i-- {
		row := rows[i]
		for n := int64(0); n < row.Count; n++ {
			if at = job.Schedule.Next(at); n == 0 && !at.Equal(row.At) {
				t.Fatalf("the slot %s has no decision; then comes %+v", at, row)
			}
			want++
		}
		if !at.Equal(row.Through) {
			t.Fatalf("%d slots from %s end at %s, the row says %s", row.Count, row.At, at, row.Through)
		}
	}
	return rows
}

func allRuns(t *testing.T, store *state.Store) []state.Run {
	t.Helper()
	runs, err := store.Runs(context.Background(), state.RunFilter{})
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// TestPollsShareRows lets a job look every two seconds for more than an hour, in which something is new twice.
func TestPollsShareRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sink := &growing{}, newShelf()
		source.n.Store(5)
		job := pollingJob(t, source, sink)
		p := newPlant(t, job)
		d := p.start(false)
		pass(time.Hour + time.Minute)
		source.n.Store(7)
		pass(10 * time.Minute)
		source.n.Store(30)
		pass(10 * time.Minute)
		sink.whole(t, 30)
		d.end()
		e := p.engine()
		defer e.Store.Close()
		rows, runs := decidedOnce(t, e.Store, job, p.since), allRuns(t, e.Store)
		polls, slots, moved := int64(0), int64(0), 0
		for _, r := range runs {
			if polls += r.Polls; r.Polls == 0 {
				moved++
			}
			if r.State != state.Done {
				t.Errorf("run %d is %s", r.ID, r.State)
			}
		}
		for _, s := range rows {
			slots += s.Count
		}
		if moved != 3 || polls+3 != slots || slots < 2400 || len(rows) > 10 || len(runs) > 10 {
			t.Errorf("%d slots in %d rows, %d polls in %d runs, %d of which moved something", slots, len(rows), polls, len(runs), moved)
		}
		if last := runs[0]; last.Polls == 0 || p.clock.now().Sub(last.FinishedAt) > time.Minute || last.StartedAt.After(last.FinishedAt) {
			t.Errorf("the last row is %+v at %s", last, p.clock.now())
		}
	})
}

// TestPollsAreDecidedOnceAcrossAKill kills the daemon between two notes of what it looked at.
func TestPollsAreDecidedOnceAcrossAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sink := &list{n: 5}, newShelf()
		job := pollingJob(t, source, sink)
		p := newPlant(t, job)
		for range 5 {
			d := p.start(false)
			pass(3*time.Minute + 17*time.Second)
			d.kill()
		}
		d := p.start(false)
		pass(time.Minute)
		d.end()
		e := p.engine()
		defer e.Store.Close()
		decidedOnce(t, e.Store, job, p.since)
		sink.whole(t, 5)
	})
}

// TestSlotsOfABusyPollShareARow has a run take five minutes.
func TestSlotsOfABusyPollShareARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, sink := &list{n: 5}, newShelf()
		sink.deliver = func(feed.Batch) ([]feed.Rejection, error) {
			pass5 := time.NewTimer(5 * time.Minute)
			<-pass5.C
			return nil, nil
		}
		job := pollingJob(t, source, sink)
		p := newPlant(t, job)
		d := p.start(false)
		pass(10 * time.Minute)
		d.end()
		e := p.engine()
		defer e.Store.Close()
		rows := decidedOnce(t, e.Store, job, p.since)
		skipped := int64(0)
		for _, s := range rows {
			if s.Decision == state.Skipped {
				skipped += s.Count
			}
		}
		if skipped < 140 || skipped > 151 || len(rows) > 10 {
			t.Errorf("%d slots are skipped, %d rows: %+v", skipped, len(rows), rows)
		}
	})
}

// TestPollIsARunWhenInDoubt: what the look cannot be sure of is recorded.
func TestPollIsARunWhenInDoubt(t *testing.T) {
	for name, source := range map[string]feed.Source{
		"something new":  &list{n: 1},
		"an error":       &list{fetch: func(int) error { return feed.Errorf(feed.Fail, "x", "no") }},
		"stands still":   &list{n: 3, still: true},
		"an enumeration": newCrowd(0),
	} {
		e := newEngine(t)
		r, err := e.Run(t.Context(), newJob(t, "j", source, newShelf()), Start{Trigger: state.Schedule, poll: true})
		var idle *idleError
		if errors.As(err, &idle) || r.ID == 0 {
			t.Errorf("%s: %v, run %d", name, err, r.ID)
		}
	}
	e, job := newEngine(t), newJob(t, "j", &list{n: 2}, newShelf())
	mustRun(t, e, job)
	_, err := e.Run(t.Context(), job, Start{Trigger: state.Schedule, poll: true})
	var idle *idleError
	if !errors.As(err, &idle) || len(allRuns(t, e.Store)) > 1 {
		t.Errorf("nothing new: %v", err)
	}
}

// TestLookThatIsHaltedAsksOnce: a partner that blocks who goes on is not asked again to find out what is wrong.
func TestLookThatIsHaltedAsksOnce(t *testing.T) {
	calls := 0
	source := &list{fetch: func(int) error { calls++; return feed.Errorf(feed.HaltConnection, "HTTP 302", "blocked") }}
	e := newEngine(t)
	r, err := e.Run(t.Context(), newJob(t, "j", source, newShelf()), Start{Trigger: state.Schedule, poll: true})
	if err == nil || r.ID == 0 || r.State != state.Halted || calls != 1 {
		t.Errorf("%v, run %+v, %d calls", err, r, calls)
	}
}

// TestLooksAreAskedForOnceAndNoted: a run goes on with what its look was told, be it an error, and every request is noted once:
// those of a look that found nothing too.
func TestLooksAreAskedForOnceAndNoted(t *testing.T) {
	fail := func(v feed.Verdict, calls int) func(int) error {
		n := 0
		return func(int) error {
			if n++; n == calls {
				return feed.Errorf(v, "x", "no")
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		old, fresh int // records delivered before, and new ones
		fetch      func(int) error
		calls      int
		state      state.RunState // "" when no run is recorded
	}{
		"nothing new":            {old: 20, calls: 1},
		"something new":          {old: 20, fresh: 25, calls: 3, state: state.Done},
		"a passing error":        {fresh: 5, fetch: fail(feed.Retry, 1), calls: 2, state: state.Done},
		"one that ends the run":  {fresh: 5, fetch: fail(feed.Fail, 1), calls: 1, state: state.Failed},
		"one that halts the job": {fresh: 5, fetch: fail(feed.HaltJob, 1), calls: 1, state: state.Halted},
	} {
		t.Run(name, func(t *testing.T) {
			e, over, sink := newEngine(t), newCourierOver(c.old, always), newShelf()
			job := newJob(t, "j", over, sink)
			job.Source.Settings = fixedSource{fixed{source: over}}
			if c.old > 0 {
				mustRun(t, e, job)
			}
			before, asked := len(exchangesOf(t, e.Store)), over.calls
			over.n, over.list.fetch = c.old+c.fresh, c.fetch
			r, err := e.Run(t.Context(), job, Start{Trigger: state.Schedule, poll: true})
			var idle *idleError
			if errors.As(err, &idle) != (c.state == "") || r.State != c.state {
				t.Errorf("the run is %q: %v", r.State, err)
			}
			calls := 0
			for _, row := range exchangesOf(t, e.Store)[before:] {
				if row.Connection == "from-j" {
					calls++
				}
				if row.Trigger != string(state.Schedule) || row.RunID != r.ID {
					t.Errorf("noted as %+v", row)
				}
			}
			if n := over.calls - asked; n != c.calls || calls != n {
				t.Errorf("%d calls, want %d; %d are noted", n, c.calls, calls)
			}
		})
	}
}

// TestSlotsOfAPausedPollShareARow: a pause of an hour leaves a few rows, and every slot has its decision.
func TestSlotsOfAPausedPollShareARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job := pollingJob(t, &list{n: 5}, newShelf())
		p := newPlant(t, job)
		d := p.start(false)
		pass(time.Minute)
		if err := d.Store.Pause(context.Background(), job.Name, "me", "test"); err != nil {
			t.Fatal(err)
		}
		pass(time.Hour)
		if _, err := d.Store.Unpause(context.Background(), job.Name, "me", "test"); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		d.end()
		e := p.engine()
		defer e.Store.Close()
		paused := int64(0)
		rows := decidedOnce(t, e.Store, job, p.since)
		for _, s := range rows {
			if s.Decision == state.Paused {
				paused += s.Count
			}
		}
		if paused < 1795 || paused > 1805 || len(rows) > 14 {
			t.Errorf("%d slots paused, %d rows", paused, len(rows))
		}
	})
}
