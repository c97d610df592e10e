package main

import (
	"context"
	"errors"

	"github.com/sirupsen/logrus"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/config"
)

// session is what a command works with that runs jobs: the configuration with its secrets, the state as its one
// instance, and an engine on both.
type session struct {
	conf   *config.Config
	store  *state.Store
	engine *sync.Engine
	log    *logrus.Logger
	ends   []func()
}

// begin makes a session, with the stand-ins when --sandbox is given. end gives everything back; it is never nil.
func (a *app) begin(ctx context.Context) (s *session, end func(), err error) {
	s = &session{}
	if err = a.fill(ctx, s); err != nil {
		s.end()
		return nil, func() {}, err
	}
	return s, s.end, nil
}

func (a *app) fill(ctx context.Context, s *session) (err error) {
	if s.log, err = a.logger(); err != nil {
		return err
	}
	if a.sandboxed {
		stop, err := a.startSandbox(ctx)
		if err != nil {
			return err
		}
		s.ends = append(s.ends, stop)
	}
	if s.conf, err = a.load(true); err != nil {
		return err
	}
	s.ends = append(s.ends, func() { a.shut(s.conf) })
	store, release, err := a.own(ctx)
	if err != nil {
		return err
	}
	s.store = store
	s.ends = append(s.ends, release)
	s.engine = a.engine(s.store, s.log)
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

// beginOn makes a session on a state file that is there already, and says what to do when a daemon holds it.
func (a *app) beginOn(ctx context.Context, what string) (*session, func(), error) {
	store, err := a.look(ctx) // a mistyped --state makes no new file
	if err != nil {
		return nil, func() {}, err
	}
	a.shut(store)
	s, end, err := a.begin(ctx)
	if errors.Is(err, state.ErrLocked) {
		err = &exit{code: exitLocked, cause: err,
			remedy: "stop the daemon while " + what + " (systemctl stop milkrun), and start it again afterwards"}
	}
	return s, end, err
}
