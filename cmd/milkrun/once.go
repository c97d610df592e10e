package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/config"
)

func (a *app) onceCommand() *cobra.Command {
	var start sync.Start
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "once JOB",
		Short: "Run one job now, in the foreground",
		Long: `Run one job now, from its checkpoint on, and show how far it is. Ctrl-C stops at the next batch border; the next
run goes on from there. With --from or --to only that range is moved, and no checkpoint changes: the bounds are page
numbers for a paged partner, and values of the first cursor column for a table.`,
		Example: `  milkrun once grades
  milkrun once affairs --dry-run
  milkrun once affairs --from "2026-11-01" --to "2026-11-02"`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			start.Trigger = state.Manual
			return a.once(cmd.Context(), args[0], start, dryRun)
		},
	}
	f := cmd.Flags()
	f.StringVar(&start.From, "from", "", "move only what begins here")
	f.StringVar(&start.To, "to", "", "move only what ends here")
	f.BoolVar(&start.Full, "full", false, "read everything, not only what is new")
	f.BoolVar(&dryRun, "dry-run", false, "show the signed request for the first batch and send nothing")
	return cmd
}

func (a *app) once(ctx context.Context, name string, start sync.Start, dryRun bool) error {
	s, end, err := a.begin(ctx)
	defer end()
	if err != nil {
		return err
	}
	job, err := findJob(s.conf, name)
	if err != nil {
		return err
	}
	if dryRun {
		return a.dryRun(ctx, s.engine, job, start)
	}
	if _, err := s.store.Interrupt(ctx); err != nil {
		return err
	}
	if terminal(a.stderr) && s.log.GetLevel() == logrus.InfoLevel {
		s.log.SetLevel(logrus.ErrorLevel) // the bar shows the rest
	}
	return a.runOnce(ctx, s.engine, job, start)
}

func (a *app) runOnce(ctx context.Context, engine *sync.Engine, job *config.Job, start sync.Start) error {
	showing, done := context.WithCancel(context.WithoutCancel(ctx))
	wait := showProgress(showing, a.stderr, engine)
	run, err := engine.Run(ctx, job, start)
	done()
	wait()
	if run.ID != 0 {
		a.summarise(run)
	}
	return onceError(run, err)
}

// summarise says in a few lines what a run did.
func (a *app) summarise(r state.Run) {
	c := r.Counts
	took := r.FinishedAt.Sub(r.StartedAt)
	fmt.Fprintf(a.stdout, "run %d of %s: %s in %s\n", r.ID, r.Job, r.State, shortly(took))
	fmt.Fprintf(a.stdout, "  %s read on %s pages, %s delivered, %s rejected, %s retries", grouped(c.Read), grouped(c.Pages),
		grouped(c.Delivered), grouped(c.Rejected), grouped(c.Retries))
	if seconds := took.Seconds(); seconds > 0 && c.Read > 0 {
		fmt.Fprintf(a.stdout, ", %s records a second", grouped(int64(float64(c.Read)/seconds)))
	}
	fmt.Fprintln(a.stdout)
	if r.Summary != "" {
		fmt.Fprintln(a.stdout, "  "+r.Summary)
	}
	if c.Rejected > 0 {
		fmt.Fprintf(a.stdout, "  → milkrun dead list %s\n", r.Job)
	}
}

func onceError(run state.Run, err error) error {
	switch {
	case err == nil && run.State == state.Part:
		return &exit{code: exitPart}
	case err == nil:
		return nil
	case run.State == state.Interrupted || run.State == state.Cancelled:
		return &exit{code: exitInterrupted, cause: err, remedy: "the next run goes on from the checkpoint"}
	case run.State == state.Halted:
		return &exit{code: exitError, cause: err, remedy: run.Remedy + "; then: milkrun resume " + run.Job}
	case run.Remedy != "":
		return &exit{code: exitError, cause: err, remedy: run.Remedy}
	}
	return err
}

func (a *app) dryRun(ctx context.Context, engine *sync.Engine, job *config.Job, start sync.Start) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	request, records, err := engine.Preview(ctx, job, start)
	if err != nil {
		return errors.Join(err)
	}
	if records == 0 {
		fmt.Fprintln(a.stdout, "nothing to deliver: the source has no record behind the checkpoint")
		return nil
	}
	fmt.Fprintf(a.stdout, "%d records would be the first batch; nothing was sent:\n\n%s\n", records, request)
	return nil
}
