package main

import (
	"context"
	"fmt"
	"strconv"
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
	cmd.Flags().IntVarP(&filter.Limit, "limit", "n", filter.Limit, "how many runs")
	cmd.Flags().StringVar((*string)(&filter.State), "only", "", "only runs that ended so: done, part, failed, halted, interrupted, cancelled, running")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			filter.Job = args[0]
		}
		return a.runs(cmd.Context(), filter, *asJSON)
	}
	cmd.AddCommand(a.runsShowCommand())
	return cmd
}

func (a *app) runs(ctx context.Context, filter state.RunFilter, asJSON bool) error {
	store, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer func() { a.warn(store.Close()) }()
	list, err := store.Runs(ctx, filter)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(list)
	}
	rows := make([][]any, 0, len(list))
	for _, r := range list {
		c := r.Counts
		rows = append(rows, []any{r.ID, r.Job, r.Trigger, r.Mode, r.State, clock(r.StartedAt, time.Local), took(r),
			grouped(c.Read), grouped(c.Delivered), grouped(c.Rejected), c.Retries, cut(r.Error, 60)})
	}
	a.printTable([]any{"RUN", "JOB", "TRIGGER", "MODE", "STATE", "STARTED", "TOOK", "READ", "DELIVERED", "REJECTED", "RETRIES", "ERROR"},
		rows, "no run yet")
	return nil
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
		id, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return usage("%q is no run's number; milkrun runs lists them", args[0])
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
	defer func() { a.warn(store.Close()) }()
	run, err := store.Run(ctx, id)
	if err != nil {
		return err
	}
	events, err := store.Events(ctx, id)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(struct {
			Run    state.Run     `json:"run"`
			Events []state.Event `json:"events"`
		}{run, events})
	}
	a.printRun(run, events)
	return nil
}

func (a *app) printRun(r state.Run, events []state.Event) {
	c := r.Counts
	line := func(name string, value any) { fmt.Fprintf(a.stdout, "%-12s %v\n", name, value) }
	line("run", r.ID)
	line("job", r.Job)
	line("state", r.State)
	line("trigger", r.Trigger)
	line("mode", r.Mode)
	line("slot", clock(r.Slot, time.Local))
	line("started", clock(r.StartedAt, time.Local))
	line("finished", clock(r.FinishedAt, time.Local))
	line("records", fmt.Sprintf("%s read, %s delivered, %s rejected, %s left out", grouped(c.Read), grouped(c.Delivered), grouped(c.Rejected), grouped(c.Skipped)))
	line("calls", fmt.Sprintf("%s pages, %s bytes, %s retries", grouped(c.Pages), grouped(c.Bytes), grouped(c.Retries)))
	line("from", orDash(string(r.CursorFrom)))
	line("to", orDash(string(r.CursorTo)))
	if r.Summary != "" {
		line("summary", r.Summary)
	}
	if r.Error != "" {
		line("error", r.Error)
		line("remedy", r.Remedy)
	}
	for _, e := range events {
		fmt.Fprintf(a.stdout, "  %s  %-8s %s\n", e.At.Local().Format("15:04:05.000"), e.Kind, e.Text)
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
