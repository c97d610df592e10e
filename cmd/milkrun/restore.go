package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/kind"
)

func (a *app) restoreCommand() *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a copy in the place of the state file",
		Long: `Put a copy that milkrun backup wrote in the place of the state file. The daemon must be stopped. The copy is read
completely first; what was in place is kept beside it, under the name milkrun.db.replaced-20261122T183000Z.

The state is older then than what has happened: what was delivered since the copy was made is read and delivered again,
which is harmless where the target keeps one record a key. Where sending twice is harm, the job is halted, and its batches
that were not settled are in doubt, until somebody has found out what was sent. Runs under way count as interrupted. That
the state was restored, by whom and why, is in milkrun audit.`,
		Example: `  milkrun restore /srv/backups/milkrun-20261122T183000Z.db --why "the disk was replaced"`,
		Args:    arguments(cobra.ExactArgs(1)),
	}
	why := whyFlag(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := mustSay(*why); err != nil {
			return err
		}
		if pid, held := state.Holder(a.stateFile()); held {
			return &exit{code: exitLocked, cause: fmt.Errorf("process %d works on %s; nothing was changed", pid, a.stateFile()),
				remedy: "stop it first (systemctl stop milkrun), and start it again afterwards"}
		}
		if !yes {
			warning := "what was delivered since the copy was made will be delivered again"
			if err := a.confirm(cmd.InOrStdin(), warning); err != nil {
				return err
			}
		}
		return a.restore(cmd.Context(), args[0], *why)
	}
	return cmd
}

func (a *app) restore(ctx context.Context, from, why string) error {
	if a.sandboxed {
		if err := makeSandboxDir(a.playDir()); err != nil {
			return err
		}
	}
	done, err := state.Restore(ctx, a.stateFile(), state.Restoration{From: from, Who: operator(), Why: why, Opaque: a.opaqueJobs(), Now: time.Now})
	if err != nil {
		return err
	}
	if done.At.IsZero() {
		a.say("%s is restored; the copy knows of nothing that happened", done.Path)
	} else {
		a.say("%s is as it was at %s; nothing later is known to it", done.Path, clock(done.At, a.zones().of("")))
	}
	for _, path := range done.Aside {
		a.say("what was in place is kept as %s", path)
	}
	for _, r := range done.Interrupted {
		a.say("run %d of job %s was under way; it counts as interrupted now", r.ID, r.Job)
	}
	a.sayMoved(done)
	a.sayHalted(done)
	a.say("start the daemon again when this is what you want; to take it back, restore what was in place")
	return nil
}

// sayMoved says where the jobs begin now.
func (a *app) sayMoved(done state.Restored) {
	again := false
	for _, m := range done.Moved {
		switch {
		case m.Is == nil:
			a.say("job %s, lane %s: %s → no checkpoint, it begins at the beginning", m.Job, m.Lane, inWords(m.Was))
		case m.Was == nil:
			a.say("job %s, lane %s: %s", m.Job, m.Lane, inWords(m.Is))
		default:
			a.say("job %s, lane %s: %s → %s", m.Job, m.Lane, inWords(m.Was), inWords(m.Is))
		}
		again = true
	}
	if again {
		a.say("what stands behind these places is read and delivered again")
	}
}

// sayHalted says what does not go on by itself.
func (a *app) sayHalted(done state.Restored) {
	if done.Doubts > 0 {
		a.say("%s in doubt: nobody knows whether they were sent after the copy was made", count(done.Doubts, "batch"))
	}
	if len(done.Halted) > 0 {
		a.say("halted, so that nothing is sent twice: %s", strings.Join(done.Halted, ", "))
		a.sayNext("milkrun status says what to do about each")
	}
}

// opaqueJobs are the jobs of the configuration whose target must get nothing twice, as far as their sinks tell.
func (a *app) opaqueJobs() (names []string) {
	conf, _ := a.read(false)
	if conf == nil {
		return nil
	}
	for _, job := range conf.Jobs {
		if _, once := job.Sink.Settings.(kind.Once); once {
			names = append(names, job.Name)
		}
	}
	return names
}
