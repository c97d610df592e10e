package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
)

// repushView is a re-push.
type repushView struct {
	ID        int64          `json:"id"`
	Job       string         `json:"job"`
	Selection string         `json:"selection"`
	Digest    string         `json:"selection_sha256"`
	Who       string         `json:"who"`
	Why       string         `json:"why"`
	CreatedAt time.Time      `json:"created_at"`
	Run       int64          `json:"run,omitempty"`
	Origins   []state.Origin `json:"origins,omitempty"` // the runs that had the records before; 0: nobody knows which
}

func viewRepush(r state.Repush) repushView {
	return repushView{ID: r.ID, Job: r.Job, Selection: r.Selection, Digest: r.Digest, Who: r.Who, Why: r.Why, CreatedAt: r.CreatedAt,
		Run: r.RunID, Origins: r.Origins}
}

// proofView is what a partner gave for a batch.
type proofView struct {
	At       time.Time `json:"at"`
	BatchID  string    `json:"batch_id"`
	Number   string    `json:"number,omitempty"`
	Records  int64     `json:"records"`
	Rejected int64     `json:"rejected"`
}

func viewProof(r state.Receipt) proofView {
	return proofView{At: r.At, BatchID: r.BatchID, Number: r.Number, Records: r.Records, Rejected: r.Rejected}
}

// repushDetail is a re-push with what came of it.
type repushDetail struct {
	Repush repushView  `json:"repush"`
	Run    *runView    `json:"run,omitempty"`
	Proofs []proofView `json:"receipts"`
}

func (a *app) repushListCommand() *cobra.Command {
	limit := 20
	cmd := &cobra.Command{
		Use:   "list [JOB]",
		Short: "List what was sent again, newest first",
		Args:  arguments(cobra.MaximumNArgs(1)),
	}
	limitFlag(cmd, &limit, "re-pushes")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		zones, job := a.zones(), first(args)
		return listing[ofJob, state.Repush, repushView]{
			job: job, limit: limit, view: viewRepush, asJSON: *asJSON, none: "nothing was sent again yet",
			question: askRepushes(), about: ofJob{job, limit},
			header: []any{"ID", "JOB", "RECORDS", "AT", "RUN", "WHO", "WHY"},
			row: func(r state.Repush) []any {
				return []any{r.ID, r.Job, cut(r.Selection, 60), clock(r.CreatedAt, zones.of(r.Job)), r.RunID, r.Who, cut(r.Why, 60)}
			},
		}.print(cmd.Context(), a)
	}
	return cmd
}

func (a *app) repushShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show a re-push: which runs had the records before, and the partner's receipts",
		Args:  arguments(cobra.ExactArgs(1)),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := numbered(args[0], "re-push", "milkrun repush list")
		if err != nil {
			return err
		}
		return a.showRepush(cmd.Context(), id, *asJSON)
	}
	return cmd
}

// recordedRepush is a re-push with its run, as the state file has them.
type recordedRepush struct {
	Repush   state.Repush    `json:"repush"`
	Run      *state.Run      `json:"run"`
	Receipts []state.Receipt `json:"receipts"`
}

func (a *app) showRepush(ctx context.Context, id int64, asJSON bool) error {
	r, err := askRepush().ask(ctx, a, id)
	if err != nil {
		return err
	}
	d := repushDetail{Repush: viewRepush(r.Repush), Proofs: views(r.Receipts, viewProof)}
	if r.Run != nil {
		v := viewRun(*r.Run)
		d.Run = &v
	}
	if asJSON {
		return a.printJSON(d)
	}
	zone := a.zones().of(r.Repush.Job)
	a.field("re-push", "%d", r.Repush.ID)
	a.field("job", "%s", r.Repush.Job)
	a.field("records", "%s", r.Repush.Selection)
	a.field("at", "%s", clock(r.Repush.CreatedAt, zone))
	a.field("who", "%s", r.Repush.Who)
	a.field("why", "%s", r.Repush.Why)
	a.printOrigins(r.Repush.Origins)
	if r.Run == nil {
		a.field("run", "%s", orDash(""))
		return nil
	}
	a.field("run", "%d", r.Run.ID)
	a.field("state", "%s", r.Run.State)
	a.field("result", "%s delivered, %s rejected", count(r.Run.Counts.Delivered, "record"), grouped(r.Run.Counts.Rejected))
	a.printProofs(d.Proofs, zone)
	a.sayNext(fmt.Sprintf("milkrun runs show %d", r.Run.ID))
	return nil
}

// printOrigins prints which runs had the records before.
func (a *app) printOrigins(list []state.Origin) {
	for _, o := range list {
		if o.Run == 0 {
			a.field("before", "%s in no known run", count(o.Records, "record"))
			continue
		}
		a.field("before", "%s in run %d", count(o.Records, "record"), o.Run)
	}
}

func (a *app) printProofs(list []proofView, zone *time.Location) {
	for _, p := range list {
		number := p.Number
		if number == "" {
			number = "-"
		}
		a.say("  %s  receipt %s for batch %s: %s, %s rejected", clock(p.At, zone), number, p.BatchID, count(p.Records, "record"), grouped(p.Rejected))
	}
}

// shownProofs bounds how many receipts of a run are read.
const shownProofs = 100

// proofs reads what the partner gave for a run, and the order it carries out.
func (r *recordedRun) proofs(ctx context.Context, s *state.Store) (err error) {
	if r.Receipts, err = s.Receipts(ctx, r.Run.ID, shownProofs); err != nil || r.Run.Trigger != state.Repushed {
		return err
	}
	order, err := s.RepushOf(ctx, r.Run.ID)
	if err == nil {
		r.Repush = &order
	}
	if errors.Is(err, state.ErrNotFound) {
		return nil
	}
	return err
}

func askRepushes() question[ofJob, []state.Repush] {
	return question[ofJob, []state.Repush]{"repushes", func(ctx context.Context, _ *app, s *state.Store, q ofJob) ([]state.Repush, error) {
		return s.Repushes(ctx, q.Job, q.Most)
	}}
}

func askRepush() question[int64, recordedRepush] {
	return question[int64, recordedRepush]{"repush", func(ctx context.Context, _ *app, s *state.Store, id int64) (r recordedRepush, err error) {
		if r.Repush, err = s.Repush(ctx, id); err != nil {
			return r, notThere(err, "milkrun repush list shows those that are kept")
		}
		if r.Repush.RunID == 0 {
			return r, nil
		}
		run, err := s.Run(ctx, r.Repush.RunID)
		if err != nil {
			return r, err
		}
		r.Run = &run
		r.Receipts, err = s.Receipts(ctx, run.ID, shownProofs)
		return r, err
	}}
}
