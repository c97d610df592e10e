package metrics

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/state"
)

// still is a store in which nothing happens; with standing there is something of everything in it.
type still struct{ standing bool }

func (s still) Halts(context.Context) ([]state.Halt, error) {
	if !s.standing {
		return nil, nil
	}
	return []state.Halt{{Scope: state.JobScope, Name: "grades"}, {Scope: state.ConnectionScope, Name: "partner"},
		{Scope: state.JobScope, Name: "gone"}, {Scope: state.ConnectionScope, Name: "gone"}}, nil
}

func (s still) Paused(context.Context) (map[string]state.Pausing, error) {
	if !s.standing {
		return nil, nil
	}
	return map[string]state.Pausing{"affairs": {}, "gone": {}}, nil
}

func (s still) OpenLetters(context.Context) (map[string]int64, error) {
	if !s.standing {
		return nil, nil
	}
	return map[string]int64{"affairs": 8, "gone": 1}, nil
}

func (s still) Doubts(context.Context) ([]state.Intent, error) {
	if !s.standing {
		return nil, nil
	}
	return []state.Intent{{Job: "affairs"}, {Job: "affairs"}, {Job: "gone"}}, nil
}

func (s still) Checkpoints(context.Context) ([]state.Checkpoint, error) {
	if !s.standing {
		return nil, nil
	}
	return []state.Checkpoint{{Job: "affairs", Lane: state.Forward, UpdatedAt: time.Now().Add(-time.Minute)},
		{Job: "gone", Lane: state.Full, UpdatedAt: time.Now()}}, nil
}

func (s still) Timeliness(context.Context, time.Time, time.Time) ([]state.Timeliness, error) {
	if !s.standing {
		return nil, nil
	}
	day := state.Timeliness{Interface: "users", Version: 1, Job: "affairs", Day: "2026-11-22", Records: 3, Rejected: 1, Late: 1}
	for _, lag := range []time.Duration{time.Second, time.Hour, 30 * 24 * time.Hour} {
		day.Lag.Add(lag)
	}
	next := state.Timeliness{Interface: "users", Version: 2, Job: "affairs", Day: "2026-11-23", Records: 2}
	return []state.Timeliness{day, next}, nil
}

func (s still) Runs(_ context.Context, f state.RunFilter) ([]state.Run, error) {
	if !s.standing {
		return nil, nil
	}
	return []state.Run{{Job: f.Job, State: state.Interrupted, FinishedAt: time.Now()}, {Job: f.Job, State: state.Running},
		{Job: f.Job, State: state.Halted, FinishedAt: time.Now().Add(-time.Hour)},
		{Job: f.Job, State: state.Done, FinishedAt: time.Now().Add(-2 * time.Hour)}}, nil
}

// stuck is a store that answers Halts only when it is let go, or with an error.
type stuck struct {
	still
	calls *atomic.Int64
	free  chan struct{}
	heeds bool // the context
	err   error
}

func (s stuck) Halts(ctx context.Context) ([]state.Halt, error) {
	s.calls.Add(1)
	if s.err != nil {
		return nil, s.err
	}
	if s.heeds {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	<-s.free
	return nil, nil
}

// TestStateOutOfReach makes sure that a scrape neither waits for a state file that does not answer, nor fails, nor
// begins another reading while one hangs.
func TestStateOutOfReach(t *testing.T) {
	for name, s := range map[string]stuck{
		"locked": {heeds: true},
		"hangs":  {},
		"broken": {err: errors.New("disk I/O error")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s.calls, s.free = new(atomic.Int64), make(chan struct{})
				m := New(Options{Store: s, Live: busyOptions().Live})
				m.Configure(conf("grades"))
				for range 3 {
					began := time.Now()
					text := scrape(t, m)
					if took := time.Since(began); took > patience {
						t.Errorf("a scrape takes %v", took)
					}
					wants(t, text, "milkrun_state_read_success 0", `milkrun_rows_read_total{job_name="grades"} 0`)
					lacks(t, text, "milkrun_dead_letters_open{", "milkrun_job_halted{")
					if name == "hangs" && s.calls.Load() != 1 {
						t.Errorf("%d readings at a time", s.calls.Load())
					}
				}
				close(s.free)
				synctest.Wait()
				if name == "hangs" {
					wants(t, scrape(t, m), "milkrun_state_read_success 1", `milkrun_job_halted{job_name="grades"} 0`)
				}
			})
		})
	}
}

func newState(t *testing.T) *state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "milkrun.db"), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ran records a run that ended.
func ran(t *testing.T, s *state.Store, end state.RunState, at time.Time) {
	t.Helper()
	id, err := s.StartRun(t.Context(), state.Run{Job: "grades", Trigger: state.Manual, Mode: "full", StartedAt: at})
	if err == nil {
		err = s.FinishRun(t.Context(), state.Run{ID: id, Job: "grades", State: end, FinishedAt: at})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestLastRunsSurviveARestart makes sure that a new daemon knows how the last runs ended, also the last good one behind
// many that failed, and goes on from there.
func TestLastRunsSurviveARestart(t *testing.T) {
	store := newState(t)
	at := time.Unix(1_800_000_000, 0)
	ran(t, store, state.Part, at)
	for i := range 60 {
		ran(t, store, state.Failed, at.Add(time.Duration(i+1)*time.Minute))
	}
	ran(t, store, state.Interrupted, at.Add(2*time.Hour))
	m := New(Options{Store: store})
	m.Configure(conf("grades", "new"))
	text := scrape(t, m)
	wants(t, text, `milkrun_job_last_success_timestamp_seconds{job_name="grades"} 1.8e+09`,
		`milkrun_job_last_failure_timestamp_seconds{job_name="grades"} 1.8000036e+09`)
	lacks(t, text, `milkrun_job_last_success_timestamp_seconds{job_name="new"}`)
	m.Ended(state.Run{Job: "grades", State: state.Done, FinishedAt: at.Add(3 * time.Hour)})
	wants(t, scrape(t, m), `milkrun_job_last_success_timestamp_seconds{job_name="grades"} 1.8000108e+09`)
	for _, beside := range []state.Trigger{state.Backfilled, state.Repushed} { // they say nothing about what is new
		m.Ended(state.Run{Job: "grades", Trigger: beside, State: state.Done, FinishedAt: at.Add(9 * time.Hour)})
	}
	wants(t, scrape(t, m), `milkrun_job_last_success_timestamp_seconds{job_name="grades"} 1.8000108e+09`)
}

// TestChangesBesideTheDaemon makes sure that a scrape shows what an operator did on the state file.
func TestChangesBesideTheDaemon(t *testing.T) {
	store := newState(t)
	m := New(Options{Store: store})
	m.Configure(conf("grades"))
	wants(t, scrape(t, m), `milkrun_job_halted{job_name="grades"} 0`, `milkrun_job_paused{job_name="grades"} 0`)
	if err := errors.Join(store.Pause(t.Context(), "grades", "li", "tonight"),
		store.SetHalt(t.Context(), state.Halt{Scope: state.ConnectionScope, Name: "partner"})); err != nil {
		t.Fatal(err)
	}
	wants(t, scrape(t, m), `milkrun_job_paused{job_name="grades"} 1`, `milkrun_connection_halted{connection="partner"} 1`)
}
