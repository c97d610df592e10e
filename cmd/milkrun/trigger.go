package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/config"
)

func (a *app) triggerCommand() *cobra.Command {
	var o order
	var wait bool
	cmd := &cobra.Command{
		Use:   "trigger JOB",
		Short: "Have the daemon run a job now",
		Long: `Have the running daemon run a job now, beside its schedule. The command returns when the run has begun; with --wait when
it has ended, with the exit code of milkrun once. A paused job runs as well, a halted one does not. Without a daemon,
milkrun once runs it in the foreground.`,
		Example: `  milkrun trigger grades --wait --why "the partner has published again"
  milkrun trigger affairs --from "2026-11-01" --to "2026-11-02"`,
		Args: arguments(cobra.ExactArgs(1)),
	}
	f := cmd.Flags()
	f.StringVar(&o.From, "from", "", "move only what begins here")
	f.StringVar(&o.To, "to", "", "move only what ends here")
	f.BoolVar(&o.Full, "full", false, "read everything, not only what is new")
	f.BoolVar(&wait, "wait", false, "return when the run has ended")
	why := whyFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.Name, o.Why = args[0], *why
		out, err := a.ask(cmd.Context(), "trigger", o)
		if err == nil && wait {
			err = a.awaitEnd(cmd.Context(), order{Name: o.Name, Run: out.Run})
		}
		return noDaemon(err, fmt.Sprintf("milkrun once %s runs it here; milkrun run starts the daemon", o.Name))
	}
	return cmd
}

// awaitEnd waits for the end of a run, and says what it did.
func (a *app) awaitEnd(ctx context.Context, o order) error {
	out, err := a.ask(ctx, "wait", o)
	if err != nil || out.Ended == nil {
		return err
	}
	run := *out.Ended
	a.summarise(run)
	switch run.State {
	case state.Done:
		return nil
	case state.Part:
		return &exit{code: exitPart}
	case state.Interrupted, state.Cancelled:
		if run.Code == state.CodeWaiting {
			return &exit{code: exitPart, cause: errors.New(run.Error), remedy: run.Remedy}
		}
		return &exit{code: exitInterrupted, cause: errors.New(run.Error), remedy: "the next run goes on from the checkpoint"}
	}
	return &exit{code: exitError, cause: errors.New(run.Error), remedy: run.Remedy}
}

func (a *app) cancelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cancel JOB",
		Short: "Have the daemon end the run of a job at its next batch border",
		Long: `Have the running daemon end the run of a job at its next batch border. What was delivered stays; the next run goes on
from the checkpoint. To keep it from running, pause it.`,
		Example: `  milkrun cancel grades --why "the partner asks us to stop"`,
		Args:    arguments(cobra.ExactArgs(1)),
	}
	why := whyFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		_, err := a.ask(cmd.Context(), "cancel", order{Name: args[0], Why: *why})
		return noDaemon(err, "so nothing is under way; a milkrun once in the foreground is ended with Ctrl-C")
	}
	return cmd
}

func (a *app) reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Have the daemon take up the changed configuration",
		Long: `Have the running daemon read its configuration again. A good one is taken up: runs under way finish with what they
began with, a job whose schedule is another one is due by it from now on, and the checkpoint of a removed job is kept. A
bad one changes nothing, and every problem is told. milkrun plan shows beforehand what would change.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.changes(cmd.Context(), "reload") },
	}
}

func (a *app) planCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "plan",
		Short: "Show what a reload would change, and change nothing",
		Args:  arguments(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.changes(cmd.Context(), "plan") },
	}
}

// changes asks for what a reload changes, and shows it.
func (a *app) changes(ctx context.Context, method string) error {
	out, err := a.ask(ctx, method, order{})
	if err != nil {
		return noDaemon(err, "the next start takes the file as it is then; milkrun check looks at it now")
	}
	rows := make([][]any, len(out.Changes))
	for i, c := range out.Changes {
		rows[i] = []any{c.Job, c.What, consequence(c)}
	}
	a.printTable([]any{"JOB", "CHANGE", "WHAT IT MEANS"}, rows, "nothing is another for any job")
	return nil
}

// consequence says what a change means for a job.
func consequence(c config.Change) string {
	switch c.What {
	case config.Added, config.Enabled:
		return "due from its next slot on; nothing is made up for"
	case config.Removed:
		return "not due any more; its checkpoint and history are kept"
	case config.Disabled:
		return "not due any more, until it is enabled"
	case config.Rescheduled:
		return "due by the new schedule from now on: " + c.Detail
	case config.Restart:
		return "taken up when the daemon is restarted"
	}
	return "the next run goes by it: " + c.Detail
}
