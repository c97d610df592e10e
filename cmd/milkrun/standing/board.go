package standing

import (
	"context"
	"maps"
	"slices"
	"time"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/alert"
	"milkrun/sync/config"
)

// NewestRuns is how many runs of a job are read.
const NewestRuns = 50

// Board is how everything stands at a moment.
type Board struct {
	Config *config.Config
	At     time.Time
	Holds
	// Jobs are those of the configuration in its order, and behind them those that run without being in it any more.
	Jobs []*Job

	letters     map[string]int64
	doubts      map[string]int64
	checkpoints []state.Checkpoint
	running     map[string]Meter
	overdue     map[string][]Overdue
}

// Job is how one job stands.
type Job struct {
	Name        string
	Config      *config.Job // nil: the configuration has it no more
	Location    *time.Location
	Runs        []state.Run // newest first
	Lanes       map[state.Lane]state.Checkpoint
	LastFull    time.Time // the end of the last complete pass
	LastSuccess time.Time // the end of the last run that was done, or done in part
	Letters     int64     // open ones
	Doubts      int64     // batches of unknown outcome
	Halts       []state.Halt
	Pause       *state.Pausing
	Backfill    *state.Backfill // one with open units, nil: none
	Meter       *Meter          // of the run under way, as its process knows it
	Overdue     []Overdue
}

// Look reads how everything stands now. Running are the runs under way, where they are known.
func Look(ctx context.Context, store *state.Store, conf *config.Config, running []Meter, now time.Time) (*Board, error) {
	b, err := common(ctx, store, conf, running, now)
	if err != nil {
		return nil, err
	}
	for _, name := range b.names() {
		j, err := b.job(ctx, store, name)
		if err != nil {
			return nil, err
		}
		b.Jobs = append(b.Jobs, j)
	}
	return b, nil
}

// LookAt reads how one job stands. Known is false when neither the configuration nor the state file has heard of it.
func LookAt(ctx context.Context, store *state.Store, conf *config.Config, running []Meter, now time.Time, name string) (j *Job, known bool, err error) {
	b, err := common(ctx, store, conf, running, now)
	if err != nil {
		return nil, false, err
	}
	if j, err = b.job(ctx, store, name); err != nil {
		return nil, false, err
	}
	return j, j.Config != nil || len(j.Runs) > 0 || len(j.Lanes) > 0, nil
}

// common reads what is read once for all jobs.
func common(ctx context.Context, store *state.Store, conf *config.Config, running []Meter, now time.Time) (b *Board, err error) {
	b = &Board{Config: conf, At: now, doubts: map[string]int64{}, running: map[string]Meter{}, overdue: map[string][]Overdue{}}
	for _, m := range running {
		if m.Run > 0 { // else it is about to begin, or dead letters are tried again
			b.running[m.Job] = m
		}
	}
	if b.Holds, err = Held(ctx, store); err != nil {
		return nil, err
	}
	if b.letters, err = store.OpenLetters(ctx); err != nil {
		return nil, err
	}
	doubts, err := store.Doubts(ctx)
	if err != nil {
		return nil, err
	}
	for _, one := range doubts {
		b.doubts[one.Job]++
	}
	if b.checkpoints, err = store.Checkpoints(ctx); err != nil {
		return nil, err
	}
	world, err := sync.World(ctx, store, conf)
	if err != nil {
		return nil, err
	}
	for _, e := range alert.Overdue(world, now) {
		b.overdue[e.Name] = append(b.overdue[e.Name], overdue(e))
	}
	return b, nil
}

// names are the jobs of the configuration, and what runs without being in it any more.
func (b *Board) names() (list []string) {
	for _, job := range b.Config.Jobs {
		list = append(list, job.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(b.running)) {
		if b.Config.Job(name) == nil {
			list = append(list, name)
		}
	}
	return list
}

// job reads how a job stands.
func (b *Board) job(ctx context.Context, store *state.Store, name string) (j *Job, err error) {
	j = &Job{Name: name, Config: b.Config.Job(name), Location: Zone(b.Config, name), Lanes: map[state.Lane]state.Checkpoint{},
		Letters: b.letters[name], Doubts: b.doubts[name], Overdue: b.overdue[name]}
	for _, one := range b.checkpoints {
		if one.Job == name {
			j.Lanes[one.Lane] = one
		}
	}
	j.Halts = b.Of(name, j.Config)
	if pause, paused := b.Paused[name]; paused {
		j.Pause = &pause
	}
	if m, runs := b.running[name]; runs {
		j.Meter = &m
	}
	if j.Runs, err = store.Runs(ctx, state.RunFilter{Job: name, Limit: NewestRuns}); err != nil {
		return nil, err
	}
	if err := j.readForward(ctx, store); err != nil {
		return nil, err
	}
	if j.LastSuccess, err = lastSuccess(ctx, store, name, j.Runs); err != nil {
		return nil, err
	}
	backfills, err := store.Backfills(ctx, name, 1)
	if err != nil {
		return nil, err
	}
	if len(backfills) > 0 && backfills[0].EndedAt.IsZero() {
		j.Backfill = &backfills[0]
	}
	j.LastFull, _, err = store.LastFull(ctx, name)
	return j, err
}

// readForward adds the newest run of the forward lane where all of the newest are beside it, units of a long backfill: it
// tells how the job stands.
func (j *Job) readForward(ctx context.Context, store *state.Store) error {
	if len(j.Runs) < NewestRuns || slices.ContainsFunc(j.Runs, func(r state.Run) bool { return r.Trigger.Forward() }) {
		return nil
	}
	last, err := store.Runs(ctx, state.RunFilter{Job: j.Name, Limit: 1, Forward: true})
	j.Runs = append(j.Runs, last...)
	return err
}

// lastSuccess is when the last run ended that was done, or done in part; zero when none was. Those beside the forward lane say
// nothing about what is new. Newest are the job's newest runs: only when they tell nothing, all are searched.
func lastSuccess(ctx context.Context, store *state.Store, job string, newest []state.Run) (at time.Time, err error) {
	for _, r := range newest {
		if Succeeded(r) && r.Trigger.Forward() {
			return r.FinishedAt, nil
		}
	}
	for _, s := range []state.RunState{state.Done, state.Part} {
		runs, err := store.Runs(ctx, state.RunFilter{Job: job, State: s, Limit: 1, Forward: true})
		if err != nil {
			return at, err
		}
		if len(runs) > 0 && runs[0].FinishedAt.After(at) {
			at = runs[0].FinishedAt
		}
	}
	return at, nil
}

// Succeeded says whether a run came to its end, with dead letters or without.
func Succeeded(r state.Run) bool { return r.State == state.Done || r.State == state.Part }

// Zone is the time zone of a job, also of one that is not configured any more.
func Zone(conf *config.Config, job string) *time.Location {
	if j := conf.Job(job); j != nil {
		return j.Location
	}
	if conf.Location != nil {
		return conf.Location
	}
	return time.Local
}
