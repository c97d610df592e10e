package page

import (
	"context"
	stdsync "sync"
	"time"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync/config"
)

// sparkRuns is how many runs of a job the small diagram shows.
const sparkRuns = 30

// snapshot is how everything stands at a moment.
type snapshot struct {
	*standing.Board
	// refused tells of a newer configuration that the daemon does not take up, nil when there is none.
	refused  *state.Daemon
	unopened []state.Unopened
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

func (p *page) snapshot(ctx context.Context) (s *snapshot, err error) {
	s = &snapshot{}
	if s.Board, err = standing.Look(ctx, p.Store, p.Config(), p.Running(), p.Now()); err != nil {
		return nil, err
	}
	d, found, err := p.Store.Daemon(ctx)
	if found && !d.RefusedAt.IsZero() {
		s.refused = &d
	}
	s.unopened = d.Unopened
	return s, err
}

// find reads how one job stands; it is errNoJob when neither the configuration nor the state has it.
func (v *visit) find(name string) (*standing.Job, error) {
	j, known, err := standing.LookAt(v.Context(), v.Store, v.Config(), v.Running(), v.now, name)
	if err == nil && !known {
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
	held, _ := standing.Held(v.Context(), v.Store) // without it only names of before are missing
	list = held.Names(v.Config())
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
