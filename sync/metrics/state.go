package metrics

import (
	"context"
	"errors"
	"time"

	"milkrun/state"
)

// patience is how long a scrape waits for the state file; Prometheus itself waits ten seconds for the scrape.
const patience = 2 * time.Second

// Store is what is read of the state file. *state.Store is one.
type Store interface {
	Halts(context.Context) ([]state.Halt, error)
	Paused(context.Context) (map[string]state.Pausing, error)
	OpenLetters(context.Context) (map[string]int64, error)
	Doubts(context.Context) ([]state.Intent, error)
	Checkpoints(context.Context) ([]state.Checkpoint, error)
	Runs(context.Context, state.RunFilter) ([]state.Run, error)
	Timeliness(ctx context.Context, from, to time.Time) ([]state.Timeliness, error)
}

// standing is how things stand in the state file, by job and by connection.
type standing struct {
	jobs, connections map[string]bool // that are halted
	paused            map[string]state.Pausing
	letters, doubts   map[string]int64
	checkpoints       map[string][]state.Checkpoint
	timeliness        []state.Timeliness // of all days
}

// stand reads the state file, and gives up when that takes too long, even when the store does not. There is one reading
// at a time: scrapes that come while one hangs wait for that one.
func (m *Metrics) stand() (*standing, error) {
	read := m.reading.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return m.read(ctx)
	})
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case r := <-read:
		s, _ := r.Val.(*standing)
		return s, r.Err
	case <-timer.C:
		return nil, context.DeadlineExceeded
	}
}

func (m *Metrics) read(ctx context.Context) (*standing, error) {
	s := &standing{jobs: map[string]bool{}, connections: map[string]bool{}, doubts: map[string]int64{}, checkpoints: map[string][]state.Checkpoint{}}
	halts, err1 := m.opt.Store.Halts(ctx)
	for _, h := range halts {
		if h.Who != "" {
			continue // a person's pause is no halt
		}
		if h.Scope == state.ConnectionScope {
			s.connections[h.Name] = true
		} else {
			s.jobs[h.Name] = true
		}
	}
	doubts, err2 := m.opt.Store.Doubts(ctx)
	for _, d := range doubts {
		s.doubts[d.Job]++
	}
	checkpoints, err3 := m.opt.Store.Checkpoints(ctx)
	for _, c := range checkpoints {
		s.checkpoints[c.Job] = append(s.checkpoints[c.Job], c)
	}
	var err4, err5, err6 error
	s.paused, err4 = m.opt.Store.Paused(ctx)
	s.letters, err5 = m.opt.Store.OpenLetters(ctx)
	s.timeliness, err6 = m.opt.Store.Timeliness(ctx, time.Time{}, time.Time{})
	return s, errors.Join(err1, err2, err3, err4, err5, err6, m.seed(ctx))
}

// seed reads how the last runs of each job ended, once; from then on the engine tells.
func (m *Metrics) seed(ctx context.Context) error {
	for _, j := range m.known().jobs {
		if j.seeded {
			continue
		}
		runs, err := m.lastRuns(ctx, j.name)
		if err != nil {
			return err
		}
		m.about(j.name, func(j *job) {
			j.seeded = true
			for _, r := range runs {
				j.note(r)
			}
		})
	}
	return nil
}

// lastRuns returns the newest runs of a job, and its last good ones when they are older than those.
func (m *Metrics) lastRuns(ctx context.Context, name string) ([]state.Run, error) {
	const some = 50
	runs, err := m.opt.Store.Runs(ctx, state.RunFilter{Job: name, Limit: some, Forward: true})
	if err != nil || len(runs) < some {
		return runs, err
	}
	for _, good := range []state.RunState{state.Done, state.Part} {
		last, err := m.opt.Store.Runs(ctx, state.RunFilter{Job: name, State: good, Limit: 1, Forward: true})
		if err != nil {
			return nil, err
		}
		runs = append(runs, last...)
	}
	return runs, nil
}
