package main

import (
	"context"
	"errors"
	"fmt"
	"os"

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
	store    *state.Store
	engine   *sync.Engine
	log      *logrus.Logger
	ends     []func()
}

// begin makes a session for a job, or for all when name is "", with the stand-ins when --sandbox is given. end gives
// everything back; it is never nil.
func (a *app) begin(ctx context.Context, name string) (s *session, end func(), err error) {
	s = &session{}
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
	if err := a.take(ctx, s); err != nil {
		return err
	}
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
	return nil
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

// take makes the session the one instance on its state.
func (a *app) take(ctx context.Context, s *session) error {
	if a.sandboxed {
		if err := os.MkdirAll(sandboxDir, 0o700); err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
	}
	store, release, err := a.own(ctx)
	if err != nil {
		return err
	}
	s.store = store
	s.ends = append(s.ends, release)
	return nil
}

// own opens the state as its one instance. release gives it back.
func (a *app) own(ctx context.Context) (store *state.Store, release func(), err error) {
	lock, err := state.TakeLock(a.stateFile())
	if err != nil {
		return nil, nil, err
	}
	if store, err = a.change(ctx); err != nil {
		lock.Release()
		return nil, nil, err
	}
	return store, func() { a.shut(store); lock.Release() }, nil
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
func (a *app) beginOn(ctx context.Context, name string) (*session, func(), error) {
	store, err := a.look(ctx) // a mistyped --state makes no new file
	if err != nil {
		return nil, func() {}, err
	}
	a.shut(store)
	s, end, err := a.begin(ctx, name)
	return s, end, whenLocked(err, "stop the daemon while dead letters are tried again (systemctl stop milkrun), and start it again afterwards")
}

// whenLocked says what to do when the state file is held by a daemon. Other errors stay as they are.
func whenLocked(err error, remedy string) error {
	if errors.Is(err, state.ErrLocked) {
		return &exit{code: exitLocked, cause: err, remedy: remedy}
	}
	return err
}
