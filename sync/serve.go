package sync

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"milkrun/sync/config"
	"milkrun/sync/config/near"
)

// server is what the engine has while it serves.
type server struct {
	engine  *Engine
	ctx     context.Context // ends when the daemon is asked to stop
	workers *errgroup.Group
	mu      sync.Mutex
	watches map[string]*watch // by job, also of jobs that the configuration has no more
}

// errNotServing answers what only a daemon can do.
var errNotServing = errors.New("no job is looked after: the daemon is not running")

// Serve runs the jobs of a configuration by their schedules until ctx ends, and then drains. First it goes on with the
// runs that were interrupted when the last daemon ended. With atOnce every job also runs once now. The error is one of
// the state file: without it no slot can be decided, so the daemon must not go on.
func (e *Engine) Serve(ctx context.Context, conf *config.Config, atOnce bool) error {
	if _, err := e.Store.Interrupt(ctx); err != nil {
		return err
	}
	workers, ctx := errgroup.WithContext(ctx)
	s := &server{engine: e, ctx: ctx, workers: workers, watches: map[string]*watch{}}
	workers.Go(func() error { <-ctx.Done(); return nil }) // also without any job the daemon goes on until it is stopped
	err := s.apply(conf, func(ctx context.Context, w *watch) error { return w.beginAtOnce(ctx, atOnce) })
	switch {
	case err == nil: // only now is every job known to whoever triggers one
		e.serving.Store(s)
		defer e.serving.Store(nil)
		close(e.started)
	case ctx.Err() == nil:
		workers.Go(func() error { return err })
	}
	return workers.Wait()
}

// Reload makes the daemon go on with another configuration. Runs under way finish with what they began with; a job whose
// schedule is another one is due from now on, not for what it would have been due before.
func (e *Engine) Reload(conf *config.Config) error {
	s := e.serving.Load()
	if s == nil {
		return errNotServing
	}
	return s.apply(conf, func(context.Context, *watch) error { return nil })
}

// apply hands every job to its watch. What one job's watch cannot do is its own affair: it ends the daemon.
func (s *server) apply(conf *config.Config, also func(context.Context, *watch) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := map[string]*config.Job{}
	for _, job := range conf.Jobs {
		wanted[job.Name] = job
		if s.watches[job.Name] == nil {
			w := newWatch(s.engine, job.Name)
			s.watches[job.Name] = w
			s.workers.Go(func() error { return w.serve(s.ctx) })
		}
	}
	for name, w := range s.watches {
		err := w.do(s.ctx, func(ctx context.Context) error {
			return errors.Join(w.adopt(ctx, wanted[name]), also(ctx, w))
		})
		if err != nil {
			return fmt.Errorf("job %s: %w", name, err)
		}
	}
	return nil
}

// Trigger begins a run of a job now, and returns once the run is recorded or is known not to begin; the error is what
// Run would return then.
func (e *Engine) Trigger(ctx context.Context, job string, start Start) (run int64, err error) {
	s := e.serving.Load()
	if s == nil {
		return 0, errNotServing
	}
	w, err := s.watchOf(job)
	if err != nil {
		return 0, err
	}
	told := make(chan error, 1)
	start.begun = func(id int64, err error) { run = id; told <- err }
	if err := w.do(ctx, func(ctx context.Context) error { return w.trigger(ctx, start) }); err != nil {
		return 0, err
	}
	return run, <-told
}

func (s *server) watchOf(job string) (*watch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.watches[job]; w != nil {
		return w, nil
	}
	names := slices.Sorted(maps.Keys(s.watches))
	if like := near.Near(job, names); like != "" {
		return nil, fmt.Errorf("there is no job %q; did you mean %q?", job, like)
	}
	return nil, fmt.Errorf("there is no job %q; there are %v", job, names)
}

// Alive returns nil when the scheduler of every job turns and the state file can be written: it asks them.
func (e *Engine) Alive(ctx context.Context) error {
	s := e.serving.Load()
	if s == nil {
		return errNotServing
	}
	s.mu.Lock()
	watches := slices.Collect(maps.Values(s.watches))
	s.mu.Unlock()
	for _, w := range watches {
		if err := w.do(ctx, func(context.Context) error { return nil }); err != nil {
			return fmt.Errorf("the scheduler of job %s does not turn: %w", w.name, err)
		}
	}
	return e.Store.Beat(ctx)
}
