package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
)

func (a *app) runsCommand() *cobra.Command {
	filter := state.RunFilter{Limit: 20}
	cmd := &cobra.Command{
		Use:   "runs [JOB]",
		Short: "Show what ran, newest first",
		Args:  arguments(cobra.MaximumNArgs(1)),
	}
	limitFlag(cmd, &filter.Limit, "runs")
	states := []state.RunState{state.Done, state.Part, state.Failed, state.Halted, state.Interrupted, state.Cancelled, state.Running}
	cmd.Flags().Var(oneOf[state.RunState]{&filter.State, states}, "only", "done, part, failed, halted, interrupted, cancelled or running")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		filter.Job = first(args)
		return a.runs(cmd.Context(), filter, *asJSON)
	}
	cmd.AddCommand(a.runsShowCommand())
	return cmd
}

func (a *app) runs(ctx context.Context, filter state.RunFilter, asJSON bool) error {
	zones := a.zones()
	return listing[state.Run, runView]{
		job: filter.Job, limit: filter.Limit, view: viewRun, asJSON: asJSON, none: "no run yet",
		read:   func(s *state.Store) ([]state.Run, error) { return s.Runs(ctx, filter) },
		header: []any{"RUN", "JOB", "TRIGGER", "MODE", "STATE", "STARTED", "TOOK", "READ", "DELIVERED", "REJECTED", "RETRIES", "ERROR"},
		row: func(r state.Run) []any {
			c := r.Counts
			return []any{r.ID, r.Job, r.Trigger, r.Mode, r.State, clock(r.StartedAt, zones.of(r.Job)), took(r),
				grouped(c.Read), grouped(c.Delivered), grouped(c.Rejected), c.Retries, cut(r.Error, 60)}
		},
	}.print(ctx, a)
}

func took(r state.Run) string {
	end := r.FinishedAt
	if end.IsZero() {
		end = time.Now()
	}
	return shortly(end.Sub(r.StartedAt))
}

func (a *app) runsShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one run with everything that happened in it",
		Args:  arguments(cobra.ExactArgs(1)),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := numbered(args[0], "run", "milkrun runs")
		if err != nil {
			return err
		}
		return a.showRun(cmd.Context(), id, *asJSON)
	}
	return cmd
}

func (a *app) showRun(ctx context.Context, id int64, asJSON bool) error {
	store, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	run, err := store.Run(ctx, id)
	if err != nil {
		return err
	}
	events, err := store.Events(ctx, id)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(runDetail{viewRun(run), views(events, viewEvent)})
	}
	a.printRun(run, events, a.zones().of(run.Job))
	return nil
}

func (a *app) printRun(r state.Run, events []state.Event, zone *time.Location) {
	c := r.Counts
	a.field("run", "%d", r.ID)
	a.field("job", "%s", r.Job)
	a.field("state", "%s", r.State)
	a.field("trigger", "%s", r.Trigger)
	a.field("mode", "%s", r.Mode)
	a.field("slot", "%s", clock(r.Slot, zone))
	a.field("started", "%s", clock(r.StartedAt, zone))
	a.field("finished", "%s", clock(r.FinishedAt, zone))
	a.field("records", "%s read, %s delivered, %s rejected, %s left out", grouped(c.Read), grouped(c.Delivered), grouped(c.Rejected), grouped(c.Skipped))
	a.field("calls", "%s, %s, %s", count(c.Pages, "page"), count(c.Bytes, "byte"), count(c.Retries, "retry"))
	a.field("from", "%s", orDash(string(r.CursorFrom)))
	a.field("to", "%s", orDash(string(r.CursorTo)))
	if r.Summary != "" {
		a.field("summary", "%s", sumUp(r.Summary))
	}
	if r.Error != "" {
		a.field("error", "%s", r.Error)
		a.field("remedy", "%s", orDash(r.Remedy))
	}
	for _, e := range events {
		a.say("  %s  %-8s %s", clock(e.At, zone), e.Kind, e.Text)
	}
}
