package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/sirupsen/logrus"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/config"
)

// session is what a command works with that runs jobs: the configuration with its secrets, the state as its one
// instance, and an engine on both.
type session struct {
	conf     *config.Config
	warnings config.Problems // about the configuration
	job      *config.Job     // the one that was asked for, nil for all
	dry      bool            // nothing is moved, and nothing kept
	store    *state.Store
	engine   *sync.Engine
	log      *logrus.Logger
	ends     []func()
}

// begin makes a session for a job, or for all when name is "", with the stand-ins when --sandbox is given. end gives
// everything back; it is never nil. A dry one only looks at the state: it needs no file of its own, and none at all.
func (a *app) begin(ctx context.Context, name string, dry bool) (s *session, end func(), err error) {
	s = &session{dry: dry}
	if err = a.fill(ctx, s, name); err != nil {
		s.end()
		return nil, func() {}, err
	}
	return s, s.end, nil
}

// fill looks first whether everything is in order, so that nothing is started or made for a mistyped name.
func (a *app) fill(ctx context.Context, s *session, name string) (err error) {
	if s.log, err = a.logger(); err != nil {
		return err
	}
	if err := a.configure(s, name); err != nil {
		return err
	}
	take := a.own
	if s.dry {
		take = a.borrow
	}
	store, release, err := take(ctx)
	if err != nil {
		return err
	}
	s.store = store
	s.ends = append(s.ends, release)
	if a.sandboxed {
		stop, err := a.startSandbox(ctx)
		if err != nil {
			return err
		}
		s.ends = append(s.ends, stop)
		if err := a.configure(s, name); err != nil { // again: now the addresses of the stand-ins are known
			return err
		}
	}
	s.engine = a.engine(s.store, s.log)
	if s.dry {
		return nil
	}
	return s.store.Wire(ctx, wiring(s.conf))
}

// wiring is which connections the jobs use.
func wiring(conf *config.Config) []state.Wiring {
	return views(conf.Jobs, func(job *config.Job) state.Wiring {
		return state.Wiring{Job: job.Name, Source: job.Source.Connection.Name, Sink: job.Sink.Connection.Name, Route: job.Route(), Asks: job.Source.Connections()[1:]}
	})
}

// configure reads the configuration into a session, and finds its job.
func (a *app) configure(s *session, name string) (err error) {
	conf, problems := a.read(true)
	if err := a.judge(conf, problems); err != nil {
		return err
	}
	s.conf, s.warnings = conf, only(config.Warning, problems)
	s.ends = append(s.ends, func() { a.shut(conf) })
	if name != "" {
		s.job, err = findJob(conf, name)
	}
	return err
}

// own opens the state as its one instance. release gives it back.
func (a *app) own(ctx context.Context) (store *state.Store, release func(), err error) {
	if a.sandboxed {
		if err := makeSandboxDir(a.playDir()); err != nil {
			return nil, nil, err
		}
	}
	lock, err := state.TakeLock(a.stateFile())
	if err != nil {
		return nil, nil, err
	}
	if err = a.forgetReplay(); err == nil {
		store, err = a.change(ctx)
	}
	if err == nil {
		err = a.beginReplay(ctx, store)
	}
	if err != nil {
		lock.Release()
		return nil, nil, err
	}
	return store, func() { a.shut(store); lock.Release() }, nil
}

// borrow opens the state for reading, beside a daemon too. Where there is none it is an empty one that release throws
// away.
func (a *app) borrow(ctx context.Context) (store *state.Store, release func(), err error) {
	if store, err = a.look(ctx); err == nil {
		return store, func() { a.shut(store) }, nil
	} else if !errors.Is(err, state.ErrMissing) {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "milkrun-dry-run-")
	if err != nil {
		return nil, nil, err
	}
	clear := func() { a.warn(os.RemoveAll(dir)) }
	if store, err = state.Open(ctx, filepath.Join(dir, "milkrun.db"), state.Options{Now: time.Now}); err != nil {
		clear()
		return nil, nil, err
	}
	return store, func() { a.shut(store); clear() }, nil
}

// end gives back in the opposite order.
func (s *session) end() {
	for len(s.ends) > 0 {
		last := len(s.ends) - 1
		s.ends[last]()
		s.ends = s.ends[:last]
	}
}

// beginOn makes a session for the dead letters of a job, on a state file that is there already.
func (a *app) beginOn(ctx context.Context, name string, dry bool) (*session, func(), error) {
	store, err := a.look(ctx) // a mistyped --state makes no new file
	if err != nil {
		return nil, func() {}, err
	}
	a.shut(store)
	s, end, err := a.begin(ctx, name, dry)
	return s, end, whenLocked(err, "stop the daemon while dead letters are tried again (systemctl stop milkrun), and start it again afterwards")
}

// whenLocked says what to do when the state file is held by a daemon. Other errors stay as they are.
func whenLocked(err error, remedy string) error {
	if errors.Is(err, state.ErrLocked) {
		return &exit{code: exitLocked, cause: err, remedy: remedy}
	}
	return err
}
