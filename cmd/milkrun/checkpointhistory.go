package main

import (
	"context"

	"github.com/spf13/cobra"

	"milkrun/state"
)

func (a *app) checkpointHistoryCommand() *cobra.Command {
	limit := 20
	cmd := &cobra.Command{
		Use:   "history JOB",
		Short: "Show who and what moved the checkpoint of a job, newest first",
		Long:  "Show what runs came to and what operators changed, in both lanes, newest first, with who and why.",
		Example: `  milkrun checkpoint history affairs
  milkrun checkpoint history affairs --limit 0 --json`,
		Args: arguments(cobra.ExactArgs(1)),
	}
	limitFlag(cmd, &limit, "changes")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.checkpointHistory(cmd.Context(), args[0], limit, *asJSON)
	}
	return cmd
}

func (a *app) checkpointHistory(ctx context.Context, job string, limit int, asJSON bool) error {
	zone := a.zones().of(job)
	return listing[ofJob, state.Change, changeView]{
		job: job, limit: limit, view: viewChange, asJSON: asJSON, none: "nothing has moved the checkpoint of job " + job + " yet",
		question: askHistory(), about: ofJob{job, limit},
		header: []any{"AT", "LANE", "VERSION", "WHAT", "FROM", "TO", "BY"},
		row: func(c state.Change) []any {
			return []any{clock(c.At, zone), c.Lane, c.Version, c.Op, cut(inWords(c.From), 50), cut(inWords(c.To), 50), movedBy(c.RunID, c.Who, c.Why)}
		},
	}.print(ctx, a)
}
