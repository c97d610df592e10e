package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/config"
)

func (a *app) checkpointMoveCommand() *cobra.Command {
	m := &move{}
	cmd := &cobra.Command{
		Use:   "move OLD NEW",
		Short: "Give a renamed job the place of its old name",
		Long: `Give a job that has another name in the configuration the place of its old name: how far it has read, which records it
delivered lately, its batches, and when its last complete pass ended. It goes on from there, and nothing is sent twice or left out.
Dead letters and runs stay with the old name, and a complete pass under way starts over. The new name must not have
delivered anything yet. To take it back, give the job its old name again and move the place back.

Beside a daemon: pause the job, give it the new name in the configuration, move, reload.`,
		Example: `  milkrun checkpoint move sms notices --yes --why renamed`,
		Args:    arguments(cobra.ExactArgs(2)),
	}
	cmd.Flags().BoolVar(&m.yes, "yes", false, "do not ask")
	why := whyFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := mustSay(*why); err != nil {
			return err
		}
		m.from, m.to, m.why = args[0], args[1], *why
		return a.movePlace(cmd.Context(), *m, cmd.InOrStdin())
	}
	return cmd
}

// move is a renamed job whose place is wanted under its new name.
type move struct {
	from, to, why string
	yes           bool
}

func (a *app) movePlace(ctx context.Context, m move, in io.Reader) error {
	conf, err := a.load(false)
	if err != nil {
		return err
	}
	defer a.shut(conf)
	store, err := a.amend(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	if err := a.isRenamed(ctx, store, conf, m); err != nil {
		return err
	}
	for _, job := range []string{m.from, m.to} {
		if err := a.idle(ctx, store, job); err != nil {
			return err
		}
	}
	if !m.yes {
		if err := a.confirm(in, fmt.Sprintf("job %s will go on from the place of job %s, which has none then", m.to, m.from)); err != nil {
			return err
		}
	}
	if err := store.MoveCheckpoint(ctx, m.from, m.to, operator(), m.why); err != nil {
		return m.refused(err)
	}
	return a.sayPlaced(ctx, store, m)
}

// isRenamed checks that the configuration has the new name and not the old one, and that the old one is known at all.
func (a *app) isRenamed(ctx context.Context, store *state.Store, conf *config.Config, m move) error {
	if conf.Job(m.from) != nil {
		return &exit{code: exitUsage, cause: fmt.Errorf("job %s is in %s, and goes on from its own place; nothing was changed", m.from, a.configFile()),
			remedy: "give it its new name there first"}
	}
	if _, err := findJob(conf, m.to); err != nil {
		return err
	}
	if err := a.letGo(ctx, store, m.from); err != nil {
		return err
	}
	return a.left(ctx, store, conf, m.from)
}

// letGo refuses to take its place from a job that the daemon still has and may run.
func (a *app) letGo(ctx context.Context, store *state.Store, job string) error {
	wired, err := store.Wired(ctx, job)
	if _, held := state.Holder(a.stateFile()); err != nil || !wired || !held {
		return err
	}
	paused, err := store.Paused(ctx)
	if _, rests := paused[job]; err != nil || rests {
		return err
	}
	return &exit{code: exitError, cause: fmt.Errorf("the daemon still has job %s, and would begin at the beginning with it; nothing was changed", job),
		remedy: fmt.Sprintf("milkrun pause %s, then try again, and milkrun reload last", job)}
}

// left is an error when the state file has never heard of a job; it names those that are gone from the configuration.
func (a *app) left(ctx context.Context, store *state.Store, conf *config.Config, job string) error {
	if runs, err := store.Runs(ctx, state.RunFilter{Job: job, Limit: 1}); err != nil || len(runs) > 0 {
		return err
	}
	if changes, err := store.History(ctx, job, 1); err != nil || len(changes) > 0 {
		return err
	}
	list, err := store.Checkpoints(ctx)
	if err != nil {
		return err
	}
	var gone []string
	for _, c := range list {
		if c.Lane == state.Forward && conf.Job(c.Job) == nil {
			gone = append(gone, c.Job)
		}
	}
	return unknown("job", job, gone)
}

// refused says what to do about a place that cannot be moved.
func (m move) refused(err error) error {
	e := &exit{code: exitError}
	switch {
	case errors.Is(err, state.ErrInDoubt):
		e.cause = fmt.Errorf("nobody knows what became of a batch of job %s; nothing was changed", m.from)
		e.remedy = fmt.Sprintf("settle it first: milkrun doubt list %s", m.from)
	case errors.Is(err, state.ErrNotFound):
		e.cause = fmt.Errorf("job %s has no place that could be moved: it has no checkpoint, and delivered nothing lately; nothing was changed", m.from)
		e.remedy = fmt.Sprintf("milkrun checkpoint history %s tells what became of it; job %s begins at the beginning", m.from, m.to)
	case errors.Is(err, state.ErrBegun):
		e.cause = fmt.Errorf("job %s has a place of its own, or has delivered records; nothing was changed", m.to)
		e.remedy = fmt.Sprintf("it goes on from there: milkrun checkpoint show %s; to have it go on from another place: milkrun checkpoint set %[1]s CURSOR", m.to)
	default:
		return err
	}
	return e
}

func (a *app) sayPlaced(ctx context.Context, store *state.Store, m move) error {
	cursor, err := cursorNow(ctx, store, m.to, state.Forward)
	if err != nil {
		return err
	}
	a.say("job %s goes on from the place of job %s: %s", m.to, m.from, inWords(cursor))
	a.say("dead letters and runs stay with job %s", m.from)
	a.say("to take it back: give the job its old name again, then milkrun checkpoint move %s %s --yes --why …", m.to, m.from)
	_, halted, err := store.HaltOf(ctx, state.JobScope, m.to)
	if err == nil && halted {
		a.sayNext("milkrun resume " + m.to)
	}
	a.sayWhen()
	return err
}
