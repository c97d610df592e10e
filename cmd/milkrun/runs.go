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
	return listing[state.RunFilter, state.Run, runView]{
		job: filter.Job, limit: filter.Limit, view: viewRun, asJSON: asJSON, none: "no run yet",
		question: askRuns(), about: filter,
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
	recorded, err := askRun().ask(ctx, a, id)
	if err != nil {
		return err
	}
	run := recorded.Run
	d := runDetail{Run: viewRun(run), Range: recorded.Unit, Events: views(recorded.Events, viewEvent)}
	if recorded.Repush != nil {
		v := viewRepush(*recorded.Repush)
		d.Repush = &v
	}
	d.Proofs = views(recorded.Receipts, viewProof)
	if !run.Slot.IsZero() {
		late := int64(run.StartedAt.Sub(run.Slot).Seconds())
		d.Late = &late
	}
	if run.State == state.Running {
		d.Live = a.liveNow(ctx, id)
	}
	if asJSON {
		return a.printJSON(d)
	}
	a.printRun(run, d, a.zones().of(run.Job))
	return nil
}

// liveNow asks the daemon for a run under way; nil where it does not tell.
func (a *app) liveNow(ctx context.Context, id int64) *liveRun {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	out, err := a.ask(ctx, "live", order{})
	for _, live := range out.Running {
		if err == nil && live.Run == id {
			return &live
		}
	}
	return nil
}

// unitOfRun finds the unit of a backfill that a run moved, nil when there is none.
func unitOfRun(ctx context.Context, store *state.Store, run state.Run) (*unitView, error) {
	if run.Trigger != state.Backfilled {
		return nil, nil
	}
	list, err := store.Backfills(ctx, run.Job, 0)
	if err != nil {
		return nil, err
	}
	for _, b := range list {
		units, err := store.Units(ctx, b.ID)
		if err != nil {
			return nil, err
		}
		for _, u := range units {
			if u.RunID == run.ID {
				return &unitView{Backfill: b.ID, Unit: u.N, Units: len(units), From: u.From, To: u.To}, nil
			}
		}
	}
	return nil, nil
}

func (a *app) printRun(r state.Run, d runDetail, zone *time.Location) {
	c := r.Counts
	a.field("run", "%d", r.ID)
	a.field("job", "%s", r.Job)
	a.field("state", "%s", r.State)
	a.field("trigger", "%s", r.Trigger)
	a.field("mode", "%s", r.Mode)
	if u := d.Range; u != nil {
		a.field("unit", "%d of %d of backfill %d: %s to %s", u.Unit, u.Units, u.Backfill, u.From, u.To)
	}
	if d.Repush != nil {
		a.field("re-push", "%d: %s", d.Repush.ID, d.Repush.Selection)
	}
	if r.Polls > 0 {
		a.field("polls", "%s in a row found nothing; this is the last one", grouped(r.Polls))
	}
	if d.Late == nil {
		a.field("slot", "%s", clock(r.Slot, zone))
	} else {
		a.field("slot", "%s, begun %s later", clock(r.Slot, zone), shortly(r.StartedAt.Sub(r.Slot)))
	}
	a.field("started", "%s", clock(r.StartedAt, zone))
	a.field("finished", "%s", clock(r.FinishedAt, zone))
	a.field("took", "%s", took(r))
	if d.Live != nil {
		a.field("now", "%s", d.Live.Text)
		if d.Live.Trouble != "" {
			a.field("trouble", "trying again after: %s", d.Live.Trouble)
			a.field("gives up", "%s", clock(d.Live.GiveUpAt, zone))
		}
	}
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
	if c.Rejected > 0 {
		a.sayNext("milkrun dead list " + r.Job)
	}
	a.printProofs(d.Proofs, zone)
	for _, e := range d.Events {
		a.say("  %s  %-8s %s", clock(e.At, zone), e.Kind, e.Text)
	}
}
