package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"milkrun/cmd/milkrun/standing"
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
numbers for a paged partner, and values of the first cursor column for a table.

A job with enabled = false, and a paused one, run as well: both keep the daemon off, not a person. A halted one does not.
With --dry-run nothing is sent, written or kept, and a daemon may run beside it.`,
		Example: `  milkrun once grades
  milkrun once affairs --dry-run
  milkrun once affairs --from "2026-11-01" --to "2026-11-02"`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: a.stoppable(func(ctx context.Context, args []string) error {
			start.Trigger, start.Who = state.Manual, operator()
			return a.once(ctx, args[0], start, dryRun)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&start.From, "from", "", "move only what begins here")
	f.StringVar(&start.To, "to", "", "move only what ends here")
	f.BoolVar(&start.Full, "full", false, "read everything, not only what is new")
	f.BoolVar(&dryRun, "dry-run", false, "show the signed request for the first batch and send nothing")
	return cmd
}

func (a *app) once(ctx context.Context, name string, start sync.Start, dryRun bool) error {
	s, end, err := a.begin(ctx, name, dryRun)
	defer end()
	if err != nil {
		return whenLocked(err, "wait for its slot (milkrun next "+name+"), or stop the daemon meanwhile (systemctl stop milkrun)")
	}
	s.warnings.Print(a.stderr, a.lang)
	if err := a.readable(ctx, s.job); err != nil {
		return err
	}
	if err := checkRange(ctx, s.store, s.job, start); err != nil {
		return err
	}
	if dryRun {
		return heldBack(a.dryRun(ctx, s.engine, s.job, start), s.job.Location)
	}
	if _, err := s.store.Interrupt(ctx); err != nil {
		return err
	}
	if err := a.noteWhatIsPassed(ctx, s); err != nil {
		return err
	}
	return a.runOnce(ctx, s, start)
}

// noteWhatIsPassed says that the daemon would not run the job: a person may.
func (a *app) noteWhatIsPassed(ctx context.Context, s *session) error {
	held, err := standing.Held(ctx, s.store)
	if err != nil || len(held.Of(s.job.Name, s.job)) > 0 {
		return err
	}
	if p, paused := held.Paused[s.job.Name]; paused {
		a.note(a.lang.Sprintf("job %s is paused by %s%s; it runs now because you say so, and stays paused", s.job.Name, p.Who, reason(p.Why)))
	}
	if !s.job.Enabled {
		a.note(fmt.Sprintf("job %s has enabled = false: the daemon never runs it; it runs now because you say so", s.job.Name))
	}
	return nil
}

func (a *app) runOnce(ctx context.Context, s *session, start sync.Start) error {
	asBar := terminal(a.stderr) && s.log.GetLevel() == logrus.InfoLevel
	if asBar {
		s.log.SetLevel(logrus.FatalLevel) // the bar, the summary and the error say the same
	}
	defer context.AfterFunc(ctx, func() {
		if asBar {
			redraw(a.stderr, "")
		}
		a.note(stopping)
	})()
	stop := a.showProgress(s.engine, asBar)
	run, err := s.engine.Run(ctx, s.job, start)
	stop()
	if run.ID == 0 {
		return heldBack(err, s.job.Location)
	}
	a.summarise(run)
	return a.misfit(s.job, run, s.outcome(context.WithoutCancel(ctx), run, err))
}

// summarise says in a few lines what a run did.
func (a *app) summarise(r state.Run) {
	c := r.Counts
	took := r.FinishedAt.Sub(r.StartedAt)
	a.say("run %d of %s: %s in %s", r.ID, r.Job, r.State, shortly(took))
	text := fmt.Sprintf("%s read on %s, %s delivered, %s rejected, %s", count(c.Read, "record"), count(c.Pages, "page"),
		grouped(c.Delivered), grouped(c.Rejected), count(c.Retries, "retry"))
	if took >= time.Second && c.Read > 0 {
		text += fmt.Sprintf(", %s a second", count(int64(float64(c.Read)/took.Seconds()), "record"))
	}
	a.say("  %s", text)
	if r.Summary != "" {
		a.say("  %s", sumUp(r.Summary))
	}
	if c.Rejected > 0 {
		a.sayNext("milkrun dead list " + r.Job)
	}
}

// outcome is how the command ends after a run, with what to do next.
func (s *session) outcome(ctx context.Context, run state.Run, err error) error {
	switch {
	case err == nil && run.State == state.Part:
		return &exit{code: exitPart}
	case err == nil:
		return nil
	case run.State == state.Interrupted && run.Code == state.CodeWaiting:
		return &exit{code: exitPart, cause: err, remedy: run.Remedy}
	case run.State == state.Interrupted || run.State == state.Cancelled:
		return &exit{code: exitInterrupted, cause: err, remedy: "the next run goes on from the checkpoint"}
	case run.State == state.Halted || run.State == state.Failed:
		return &exit{code: exitError, cause: err, remedy: advice(ctx, s.store, s.job, run)}
	}
	return err
}

// where is what a run reads.
func where(start sync.Start) string {
	if start.From != "" || start.To != "" {
		return "between --from and --to"
	}
	return "behind the checkpoint"
}

func (a *app) dryRun(ctx context.Context, engine *sync.Engine, job *config.Job, start sync.Start) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	request, records, err := engine.Preview(ctx, job, start)
	if err != nil {
		return err
	}
	if records == 0 {
		a.say("nothing to deliver: the source has no record %s", where(start))
		return nil
	}
	a.say("%s would be the first batch; nothing was sent:\n\n%s", count(records, "record"), a.request(request))
	return nil
}
