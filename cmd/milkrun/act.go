package main

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"milkrun/cmd/milkrun/control"
	"milkrun/state"
	"milkrun/sync/config"
)

// act is an operator's order being carried out: by the daemon, or on the state file when none runs.
type act struct {
	*app
	conf  *config.Config
	store *state.Store
	who   string
	order order
}

// ask has the daemon carry out an order, and says what came of it. Without a daemon, it is control.ErrNoDaemon.
func (a *app) ask(ctx context.Context, method string, o order) (answer, error) {
	var out answer
	err := a.call(ctx, method, o, &out)
	if err == nil {
		a.relay(out.Text)
	}
	return out, err
}

// call calls a method of the daemon; a refusal of its is an error of this command.
func (a *app) call(ctx context.Context, method string, in, out any) error {
	err := control.Call(ctx, a.socket(), operator(), method, in, out)
	var fault *control.Fault
	if errors.As(err, &fault) {
		return &exit{code: cmp.Or(fault.Exit, exitError), cause: fault, remedy: fault.Remedy}
	}
	return err
}

// relay says what the daemon answered, which is English.
func (a *app) relay(text string) {
	for line := range strings.Lines(text) {
		if next, ok := strings.CutPrefix(line, arrow); ok {
			a.sayNext(next)
			continue
		}
		a.say("%s", strings.TrimSuffix(line, "\n"))
	}
}

// carryOut has an order carried out by the daemon, and without one on the state file, as open opens it.
func (a *app) carryOut(ctx context.Context, method string, o order, open func(context.Context) (*state.Store, error),
	here func(context.Context, *act) error,
) error {
	if _, err := a.ask(ctx, method, o); !errors.Is(err, control.ErrNoDaemon) {
		return err
	}
	conf, err := a.load(false)
	if err != nil {
		return err
	}
	store, err := open(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	return here(ctx, &act{app: a, conf: conf, store: store, who: operator(), order: o})
}

// noDaemon says what to do instead of what only a daemon can.
func noDaemon(err error, remedy string) error {
	if errors.Is(err, control.ErrNoDaemon) {
		return &exit{code: exitError, cause: err, remedy: remedy}
	}
	return err
}
