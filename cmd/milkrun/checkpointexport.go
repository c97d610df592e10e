package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/feed"
)

func (a *app) checkpointExportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "export",
		Short: "Write all checkpoints as JSON, to be kept or moved",
		Long: `Write the checkpoints of all jobs as JSON to the standard output. A daemon may run meanwhile. milkrun checkpoint import
reads it, also into another state file.`,
		Example: "  milkrun checkpoint export > checkpoints.json",
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := askDocument().ask(cmd.Context(), a, struct{}{})
			if err != nil {
				return err
			}
			if d.Checkpoints == nil {
				d.Checkpoints = []state.ExportCheckpoint{}
			}
			return a.printJSON(d)
		},
	}
}

func (a *app) checkpointImportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Set the checkpoints that an export holds",
		Long: `Set the checkpoints that milkrun checkpoint export wrote: all of them, or none when one of the jobs is running.
Checkpoints that are not in the file stay as they are. FILE - is the standard input.`,
		Example: `  milkrun checkpoint import checkpoints.json --why "moved to the new machine"`,
		Args:    arguments(cobra.ExactArgs(1)),
	}
	why := whyFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := mustSay(*why); err != nil {
			return err
		}
		text, err := readInput(cmd.InOrStdin(), args[0])
		if err != nil {
			return &exit{code: exitUsage, cause: fmt.Errorf("import: %w", err)}
		}
		d, err := state.ParseDocument(text)
		if err != nil {
			return &exit{code: exitUsage, cause: fmt.Errorf("%s: %w", args[0], err), remedy: "nothing was changed; milkrun checkpoint export writes such a file"}
		}
		return a.importCheckpoints(cmd.Context(), d, *why)
	}
	return cmd
}

func (a *app) importCheckpoints(ctx context.Context, d state.Document, why string) error {
	store, err := a.change(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	before := make([]*feed.Cursor, len(d.Checkpoints))
	for i, c := range d.Checkpoints {
		if err := a.idle(ctx, store, c.Job); err != nil {
			return err
		}
		if before[i], err = cursorNow(ctx, store, c.Job, c.Lane); err != nil {
			return err
		}
	}
	if err := store.Import(ctx, d, operator(), why); err != nil {
		return err
	}
	conf, _ := a.read(false)
	for i, c := range d.Checkpoints {
		a.say("job %s, lane %s: %s → %s", c.Job, string(c.Lane), inWords(before[i]), inWords(&c.Cursor))
		if slices.Contains(a.opaqueJobs(), c.Job) {
			a.note("sending twice is harm at the target of job " + c.Job + ": before it runs, make sure that nothing behind this checkpoint was sent before")
		}
		if conf != nil && conf.Job(c.Job) == nil {
			a.note(fmt.Sprintf("there is no job %q in %s, so nothing reads this checkpoint", c.Job, a.configFile()))
		}
	}
	a.say("%s set; to take one back: milkrun checkpoint undo JOB --lane LANE --why …", count(len(d.Checkpoints), "checkpoint"))
	a.sayWhen()
	return nil
}
