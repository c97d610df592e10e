package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync/config"
)

func (a *app) pauseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pause JOB | --connection NAME",
		Short: "Let the slots of a job pass without a run, or stop all calls on a connection, until it is resumed",
		Long: `Let the slots of a job pass without a run, until milkrun resume. They are recorded as paused and not made up for.
A run under way goes on to its end. It works beside a running daemon, which need not be stopped.

With --connection, no job calls on the connection any more: none of its jobs begins, and their runs under way stop at their
next call, with what is settled in their checkpoints.

A pause is an operator's; a halt is the engine's own, after an error that needs a person. milkrun resume ends both.`,
		Example: `  milkrun pause affairs --why "the partner moves its servers tonight"
  milkrun pause --connection coupang --why "the key may have leaked"`,
		Args: arguments(cobra.MaximumNArgs(1)),
	}
	why := whyFlag(cmd)
	connection := connectionFlag(cmd, "the connection to pause")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name, err := either(args, *connection)
		switch {
		case err != nil:
			return err
		case *connection != "":
			return a.pauseConnection(cmd.Context(), name, *why)
		}
		return a.pause(cmd.Context(), name, *why)
	}
	return cmd
}

func (a *app) pause(ctx context.Context, name, why string) error {
	return a.carryOut(ctx, "pause", order{Name: name, Why: why}, a.change, func(ctx context.Context, o *act) error { return o.pause(ctx) })
}

func (o *act) pause(ctx context.Context) error {
	name := o.order.Name
	job, err := findJob(o.conf, name)
	if err != nil && o.conf.Connections[name] != nil {
		return &exit{code: exitUsage, cause: fmt.Errorf("%s is a connection, and no job", name), remedy: fmt.Sprintf("milkrun pause --connection %s --why …", name)}
	}
	if err != nil {
		return err
	}
	paused, err := o.store.Paused(ctx)
	if err != nil {
		return err
	}
	if p, ok := paused[name]; ok {
		o.say("job %s is paused already, since %s by %s%s", name, clock(p.At, job.Location), p.Who, reason(p.Why))
		return nil
	}
	if err := o.store.Pause(ctx, name, o.who, o.order.Why); err != nil {
		return err
	}
	o.say("job %s is paused: its slots pass without a run until %s", name, resuming(name))
	if id, err := runAlive(ctx, o.store, name); err != nil {
		return err
	} else if id > 0 {
		o.say("run %d, which is under way, goes on to its end", id)
	}
	o.sayWhen()
	return nil
}

// runAlive returns the run of a job that is under way, 0 when there is none. What a killed milkrun left open is not.
func runAlive(ctx context.Context, store *state.Store, job string) (int64, error) {
	if _, held := state.Holder(store.Path()); !held {
		return 0, nil
	}
	return running(ctx, store, job)
}

// running returns the run of a job that the state file says is under way, 0 when there is none.
func running(ctx context.Context, store *state.Store, job string) (int64, error) {
	runs, err := store.Runs(ctx, state.RunFilter{Job: job, State: state.Running, Limit: 1})
	if err != nil || len(runs) == 0 {
		return 0, err
	}
	return runs[0].ID, nil
}

func (a *app) resumeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume JOB|CONNECTION",
		Short: "End the halt or the pause of a job or connection",
		Long: `End the halt of a job or of a connection, and the pause of a job, and say which it was. Mend the cause of a halt
first (milkrun status names it): otherwise the next run halts again. A connection halts with all its jobs, and is
resumed by its own name. The job then runs at its next slot. It works beside a running daemon. A reason (--why) is kept
with it, and may be left out.`,
		Example: `  milkrun resume jinlaiban --why "the platform opened our appcode"
  milkrun resume affairs
  milkrun resume --connection coupang --why "the key was renewed"`,
		Args: arguments(cobra.MaximumNArgs(1)),
	}
	why := whyFlag(cmd)
	connection := connectionFlag(cmd, "resume the connection of this name, and no job of the same name")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name, err := either(args, *connection)
		if err != nil {
			return err
		}
		return a.resume(cmd.Context(), order{Name: name, Why: *why, Connection: *connection != ""})
	}
	return cmd
}

func (a *app) resume(ctx context.Context, what order) error {
	return a.carryOut(ctx, "resume", what, a.amend, func(ctx context.Context, o *act) error { return o.resume(ctx) })
}

func (o *act) resume(ctx context.Context) error {
	name := o.order.Name
	held, err := standing.Held(ctx, o.store)
	if err != nil {
		return err
	}
	if names := held.Names(o.conf); !slices.Contains(names, name) {
		return unknown("job or connection", name, names)
	}
	ended, err := o.release(ctx, held, standing.Zone(o.conf, name))
	if err != nil {
		return err
	}
	if !ended {
		o.say("nothing to resume: %s is neither halted nor paused", name)
	}
	o.sayStillHeld(o.conf.Job(name), held)
	if ended {
		o.sayWhen()
	}
	return nil
}

// release ends what holds a name, and says whether there was anything.
func (o *act) release(ctx context.Context, held standing.Holds, zone *time.Location) (ended bool, err error) {
	name := o.order.Name
	for _, h := range held.Halts {
		if h.Name != name || o.order.Connection && h.Scope != state.ConnectionScope {
			continue
		}
		if h.Who != "" {
			if err := o.unpauseConnection(ctx, h, zone); err != nil {
				return ended, err
			}
			ended = true
			continue
		}
		if _, err := o.store.ClearHalt(ctx, h.Scope, name, o.who, o.order.Why); err != nil {
			return ended, err
		}
		ended = true
		o.say("%s is resumed; it was halted since %s: %s", h.Scope+" "+name, clock(h.At, zone), h.Reason)
	}
	p, paused := held.Paused[name]
	if !paused || o.order.Connection {
		return ended, nil
	}
	if _, err := o.store.Unpause(ctx, name, o.who, o.order.Why); err != nil {
		return ended, err
	}
	o.say("the pause of job %s is over; it was paused since %s by %s%s", name, clock(p.At, zone), p.Who, reason(p.Why))
	return true, nil
}

// sayStillHeld says that a job still does not run because a connection of it is halted.
func (a *app) sayStillHeld(job *config.Job, held standing.Holds) {
	if job == nil {
		return
	}
	for _, h := range held.Of(job.Name, job) {
		if h.Name == job.Name {
			continue // just ended
		}
		if h.Who != "" {
			a.say("job %s still does not run: its connection %s is %s", job.Name, h.Name, h.Reason)
			a.sayNext(resuming(h.Name))
			continue
		}
		a.say("job %s still does not run: its connection %s is halted: %s", job.Name, h.Name, h.Reason)
		a.sayNext(cure(h))
	}
}
