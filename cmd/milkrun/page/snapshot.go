package page

import (
	"context"
	"maps"
	"slices"
	stdsync "sync"
	"time"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/config"
)

// sparkRuns is how many runs of a job the small diagram shows.
const sparkRuns = 30

// snapshot is how everything stands at a moment.
type snapshot struct {
	conf  *config.Config
	halts []state.Halt
	jobs  []*jobState // of the configuration, by name, and those that still run but are not in it any more
	// refused tells of a newer configuration that the daemon does not take up, nil when there is none.
	refused *state.Daemon
}

// jobState is how one job stands.
type jobState struct {
	name     string
	job      *config.Job // nil: the configuration has it no more
	zone     *time.Location
	runs     []state.Run // newest first
	lanes    map[state.Lane]state.Checkpoint
	lastFull time.Time
	letters  int64 // open ones
	doubts   int64 // batches of unknown outcome
	halts    []state.Halt
	pause    *state.Pausing
	progress *sync.Progress // nil: it does not run
}

// cache lets the streams share a snapshot: each looks once in a while, and all see about the same.
type cache struct {
	mu   stdsync.Mutex
	at   time.Time
	last *snapshot
}

// look returns how everything stands, the same to all parts of a page.
func (v *visit) look() (s *snapshot, err error) {
	if v.seen == nil {
		v.seen, err = v.shared()
	}
	return v.seen, err
}

func (v *visit) shared() (*snapshot, error) {
	c := &v.page.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if !v.fresh && c.last != nil && time.Since(c.at) < v.pace*9/10 {
		return c.last, nil
	}
	s, err := v.page.snapshot(v.Context())
	if err == nil {
		c.at, c.last = time.Now(), s
	}
	return s, err
}

func (p *page) snapshot(ctx context.Context) (*snapshot, error) {
	common, err := p.common(ctx)
	if err != nil {
		return nil, err
	}
	s := &snapshot{conf: common.conf, halts: common.halts}
	if d, found, err := p.Store.Daemon(ctx); err != nil {
		return nil, err
	} else if found && !d.RefusedAt.IsZero() {
		s.refused = &d
	}
	for _, name := range common.names() {
		j, err := p.jobState(ctx, common, name, sparkRuns+1)
		if err != nil {
			return nil, err
		}
		s.jobs = append(s.jobs, j)
	}
	return s, nil
}

// common is what is read once for all jobs.
type common struct {
	conf        *config.Config
	running     map[string]sync.Progress
	halts       []state.Halt
	paused      map[string]state.Pausing
	letters     map[string]int64
	doubts      map[string]int64
	checkpoints []state.Checkpoint
}

// names are the jobs of the configuration, and what runs without being in it any more.
func (c common) names() (list []string) {
	for _, job := range c.conf.Jobs {
		list = append(list, job.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.running)) {
		if c.conf.Job(name) == nil {
			list = append(list, name)
		}
	}
	return list
}

func (p *page) common(ctx context.Context) (c common, err error) {
	c = common{conf: p.Config(), running: map[string]sync.Progress{}, doubts: map[string]int64{}}
	for _, one := range p.Running() {
		if one.Run > 0 { // else it is about to begin, or dead letters are tried again
			c.running[one.Job] = one
		}
	}
	if c.halts, err = p.Store.Halts(ctx); err != nil {
		return c, err
	}
	if c.paused, err = p.Store.Paused(ctx); err != nil {
		return c, err
	}
	if c.letters, err = p.Store.OpenLetters(ctx); err != nil {
		return c, err
	}
	doubts, err := p.Store.Doubts(ctx)
	for _, one := range doubts {
		c.doubts[one.Job]++
	}
	if err != nil {
		return c, err
	}
	c.checkpoints, err = p.Store.Checkpoints(ctx)
	return c, err
}

// jobState reads how a job stands, with its newest runs.
func (p *page) jobState(ctx context.Context, c common, name string, runs int) (j *jobState, err error) {
	j = &jobState{name: name, job: c.conf.Job(name), zone: zoneOf(c.conf, name), lanes: map[state.Lane]state.Checkpoint{},
		letters: c.letters[name], doubts: c.doubts[name]}
	for _, one := range c.checkpoints {
		if one.Job == name {
			j.lanes[one.Lane] = one
		}
	}
	for _, h := range c.halts {
		if h.Scope == state.JobScope && h.Name == name || h.Scope == state.ConnectionScope && uses(j.job, h.Name) {
			j.halts = append(j.halts, h)
		}
	}
	if pause, paused := c.paused[name]; paused {
		j.pause = &pause
	}
	if progress, runs := c.running[name]; runs {
		j.progress = &progress
	}
	if j.runs, err = p.Store.Runs(ctx, state.RunFilter{Job: name, Limit: runs}); err != nil {
		return nil, err
	}
	j.lastFull, _, err = p.Store.LastFull(ctx, name)
	return j, err
}

func uses(job *config.Job, connection string) bool {
	return job != nil && (job.Source.Connection.Name == connection || job.Sink.Connection.Name == connection)
}

// zoneOf is the time zone of a job, also of one that is not configured any more.
func zoneOf(conf *config.Config, job string) *time.Location {
	if j := conf.Job(job); j != nil {
		return j.Location
	}
	return conf.Location
}

// find reads how one job stands; it is errNoJob when neither the configuration nor the state has it.
func (v *visit) find(name string) (*jobState, error) {
	c, err := v.common(v.Context())
	if err != nil {
		return nil, err
	}
	j, err := v.jobState(v.Context(), c, name, sparkRuns+1)
	if err == nil && j.job == nil && len(j.runs) == 0 && len(j.lanes) == 0 {
		err = errNoJob
	}
	return j, err
}

// knownName says whether something of that name can be acted on: a job, a connection, or what is held under a name of
// before.
func (v *visit) knownName(name string) bool {
	for _, known := range v.names() {
		if name == known {
			return true
		}
	}
	return false
}

func (v *visit) names() (list []string) {
	conf := v.Config()
	for _, job := range conf.Jobs {
		list = append(list, job.Name)
	}
	for name := range conf.Connections {
		list = append(list, name)
	}
	halts, _ := v.Store.Halts(v.Context()) // without them only names of before are missing
	for _, h := range halts {
		list = append(list, h.Name)
	}
	paused, _ := v.Store.Paused(v.Context())
	for name := range paused {
		list = append(list, name)
	}
	checkpoints, _ := v.Store.Checkpoints(v.Context())
	for _, c := range checkpoints {
		list = append(list, c.Job)
	}
	return list
}

// near says that there is no such name, and which one may be meant.
func (v *visit) near(name string) string {
	name = cut(name, 80)
	if like := config.Near(name, v.names()); like != "" {
		return v.say("err.near", name, like)
	}
	return v.say("err.noname", name)
}
