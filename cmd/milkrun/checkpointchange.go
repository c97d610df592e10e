package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/feed"
)

// change is what an operator wants of the checkpoint of a job.
type change struct {
	job, why string
	lane     state.Lane
	cursor   feed.Cursor
	yes      bool
}

// changeFlags adds the flags that all changes have, and checks them before f is called.
func changeFlags(cmd *cobra.Command, c *change, f func(*cobra.Command) error) *cobra.Command {
	laneFlag(cmd, &c.lane)
	cmd.Flags().BoolVar(&c.yes, "yes", false, "do not ask")
	why := whyFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := mustSay(*why); err != nil {
			return err
		}
		c.job, c.why = args[0], *why
		if len(args) > 1 {
			c.cursor = feed.Cursor(args[1])
		}
		return f(cmd)
	}
	return cmd
}

// lastOperated is the lane that an operator changed last, "" when none ever did. After a reset no checkpoint tells it.
func lastOperated(ctx context.Context, store *state.Store, job string) (lane state.Lane, err error) {
	changes, err := store.History(ctx, job, 0)
	for _, c := range changes {
		if c.Who != "" {
			return c.Lane, err
		}
	}
	return "", err
}

// operate makes a change to the checkpoint of a job that does not run, and says what it was before and how to undo it.
// Lane none is taken when neither the operator nor a checkpoint says which.
func (a *app) operate(ctx context.Context, store *state.Store, c change, none state.Lane, f func(state.Lane) error) error {
	lane, err := chooseLane(ctx, store, c.job, c.lane, none)
	if err != nil {
		return err
	}
	if err := a.idle(ctx, store, c.job); err != nil {
		return err
	}
	before, err := cursorNow(ctx, store, c.job, lane)
	if err != nil {
		return err
	}
	if err := a.mayRepeat(ctx, store, c); err != nil {
		return err
	}
	if err := f(lane); err != nil {
		return err
	}
	after, err := cursorNow(ctx, store, c.job, lane)
	if err != nil {
		return err
	}
	a.say("job %s, lane %s: %s → %s", c.job, string(lane), inWords(before), inWords(after))
	a.say("to take it back: milkrun checkpoint undo %s --lane %s --why …", c.job, string(lane))
	a.sayWhen()
	return nil
}

// cursorNow is the cursor of a checkpoint, nil when there is none.
func cursorNow(ctx context.Context, store *state.Store, job string, lane state.Lane) (*feed.Cursor, error) {
	c, found, err := store.Checkpoint(ctx, job, lane)
	if !found {
		return nil, err
	}
	return &c.Cursor, err
}

// idle refuses to go on while a job runs. A run that a milkrun left open when it was killed is closed first, as the next
// daemon would.
func (a *app) idle(ctx context.Context, store *state.Store, job string) error {
	id, err := running(ctx, store, job)
	if err != nil || id == 0 {
		return err
	}
	if pid, held := state.Holder(a.stateFile()); held {
		return &exit{code: exitError, cause: fmt.Errorf("run %d of job %s is under way in process %d; nothing was changed", id, job, pid),
			remedy: fmt.Sprintf("milkrun pause %s keeps the next run from beginning; wait until this one has ended (milkrun runs %s), or stop the daemon "+
				"(systemctl stop milkrun); then try again", job, job)}
	}
	owned, release, err := a.own(ctx)
	if err != nil {
		return err
	}
	defer release()
	closed, err := owned.Interrupt(ctx)
	for _, r := range closed {
		a.say("run %d of job %s was left open by a milkrun that was killed; it counts as interrupted now", r.ID, r.Job)
	}
	return err
}

// mayRepeat refuses to move the checkpoint of a job whose target must get nothing twice, unless the operator says that this is
// meant. What the target is tells the configuration, or the batches of the job.
func (a *app) mayRepeat(ctx context.Context, store *state.Store, c change) error {
	if c.yes {
		return nil
	}
	sent, err := store.SettledIntents(ctx, c.job, 1)
	if err != nil {
		return err
	}
	if len(sent) == 0 && !slices.Contains(a.opaqueJobs(), c.job) {
		return nil
	}
	return &exit{code: exitUsage, cause: fmt.Errorf("job %s delivers to a target where sending twice is harm: all that stands behind the new checkpoint "+
		"would be sent, also what was sent before; nothing was changed", c.job), remedy: "if that is what you want, add --yes"}
}
