package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
)

// backfillView is a backfill.
type backfillView struct {
	ID        int64     `json:"id"`
	Job       string    `json:"job"`
	From      string    `json:"from"`
	To        string    `json:"to"`
	Units     int64     `json:"units"`
	DoneUnits int64     `json:"done_units"`
	CreatedAt time.Time `json:"created_at"`
	EndedAt   time.Time `json:"ended_at,omitzero"` // left out while units are open
	Who       string    `json:"who"`
	Why       string    `json:"why,omitempty"`
}

func viewBackfill(b state.Backfill) backfillView {
	return backfillView{ID: b.ID, Job: b.Job, From: b.From, To: b.To, Units: b.Units, DoneUnits: b.DoneUnits, CreatedAt: b.CreatedAt,
		EndedAt: b.EndedAt, Who: b.Who, Why: b.Why}
}

func (a *app) backfillListCommand() *cobra.Command {
	limit := 20
	cmd := &cobra.Command{
		Use:   "list [JOB]",
		Short: "List the backfills, newest first, with how many of their units are done",
		Args:  arguments(cobra.MaximumNArgs(1)),
	}
	limitFlag(cmd, &limit, "backfills")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.listBackfills(cmd.Context(), first(args), limit, *asJSON)
	}
	return cmd
}

func (a *app) listBackfills(ctx context.Context, job string, limit int, asJSON bool) error {
	zones := a.zones()
	return listing[ofJob, state.Backfill, backfillView]{
		job: job, limit: limit, view: viewBackfill, asJSON: asJSON, none: "no backfill yet",
		question: askBackfills(), about: ofJob{job, limit},
		header: []any{"ID", "JOB", "FROM", "TO", "DONE", "OF", "BEGUN", "ENDED", "WHO", "WHY"},
		row: func(b state.Backfill) []any {
			return []any{b.ID, b.Job, b.From, b.To, b.DoneUnits, b.Units, clock(b.CreatedAt, zones.of(b.Job)), clock(b.EndedAt, zones.of(b.Job)), b.Who, b.Why}
		},
	}.print(ctx, a)
}
