package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
)

func (a *app) slotsCommand() *cobra.Command {
	limit := 20
	cmd := &cobra.Command{
		Use:   "slots [JOB]",
		Short: "Show what became of the slots that were due, newest first",
		Long: `Show what was decided about every slot that was due, newest first: why a job ran at night, or why it did not.
milkrun next shows the coming ones.`,
		Args: arguments(cobra.MaximumNArgs(1)),
	}
	limitFlag(cmd, &limit, "decisions")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.slots(cmd.Context(), first(args), limit, *asJSON)
	}
	return cmd
}

func (a *app) slots(ctx context.Context, job string, limit int, asJSON bool) error {
	zones := a.zones()
	return listing[ofJob, state.Slot, decisionView]{
		job: job, limit: limit, view: viewDecision, asJSON: asJSON, none: "no slot was due yet",
		question: askSlots(), about: ofJob{job, limit},
		header: []any{"JOB", "SLOT", "DECISION", "RUN", "NOTE"},
		row: func(s state.Slot) []any {
			run := ""
			if s.RunID > 0 {
				run = fmt.Sprint(s.RunID)
			}
			return []any{s.Job, span(s, zones.of(s.Job)), s.Decision, run, s.Note}
		},
	}.print(ctx, a)
}

// span writes a slot, or the first and last of a row with their number.
func span(s state.Slot, zone *time.Location) string {
	if s.Count == 1 {
		return clock(s.At, zone)
	}
	return fmt.Sprintf("%s … %s (%s)", clock(s.At, zone), clock(s.Through, zone), count(s.Count, "slot"))
}
