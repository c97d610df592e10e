package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"milkrun/cmd/milkrun/control"
	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

func (a *app) repushCommand() *cobra.Command {
	var o order
	var sel feed.Selection
	cmd := &cobra.Command{
		Use:   "repush JOB",
		Short: "Send some records of a job again, after they were corrected",
		Long: `Send some records of a job again, after they were corrected or when the partner lost them: they are read from the source
as they are now, masked and checked like all others, and delivered in a run of their own. No checkpoint moves. Open dead
letters of records that the partner takes now are closed. It is kept who sent them and why, which runs had them before as
far as that is known, and what the partner gave as receipt for each batch (milkrun repush show).

Records are chosen by --ids, the values of the last column of the source's cursor, or by --where, a condition in the
database's own SQL on the columns of the table, read where nothing can be changed and for a minute a query at most; --since
leaves out what stands before a place of the cursor. With --dry-run they are counted and the first request is shown, and nothing is sent.

The running daemon does it, after the run that is under way; without one it is done here. A target for which delivering
twice is harm has no re-push.`,
		Example: `  milkrun repush orders --ids A20261101001,A20261101002 --why "wrong price, corrected" --dry-run
  milkrun repush orders --where "status = '已发货'" --since 2026-11-01 --why "the partner lost a day"
  milkrun repush list orders
  milkrun repush show 3`,
		Args: arguments(cobra.ExactArgs(1)),
	}
	f := cmd.Flags()
	f.StringSliceVar(&sel.IDs, "ids", nil, "the ids of the records, with commas")
	f.StringVar(&sel.Where, "where", "", "a condition of SQL that the records meet")
	f.StringVar(&sel.Since, "since", "", "only records from this time, number or cursor on")
	f.BoolVar(&o.DryRun, "dry-run", false, "count them, show the first request, and send nothing")
	why := whyFlag(cmd)
	cmd.RunE = a.stoppable(func(ctx context.Context, args []string) error {
		o.Name, o.Why, o.Selection = args[0], *why, &sel
		if err := o.choosing(); err != nil {
			return err
		}
		return a.runRepush(ctx, o)
	})
	cmd.AddCommand(a.repushListCommand(), a.repushShowCommand())
	return cmd
}

// choosing checks what was given to choose records by, and brings the ids in order.
func (o order) choosing() error {
	ids := o.Selection.IDs[:0]
	for _, id := range o.Selection.IDs {
		if id = strings.TrimSpace(id); id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	o.Selection.IDs = ids
	if (len(ids) > 0) == (strings.TrimSpace(o.Selection.Where) != "") {
		return &exit{code: exitUsage, cause: errors.New("a re-push names its records by --ids or by --where, and not by both"), remedy: "milkrun repush --help shows examples"}
	}
	if o.DryRun {
		return nil
	}
	return mustSay(o.Why)
}

func (a *app) runRepush(ctx context.Context, o order) error {
	out, err := a.ask(ctx, "repush", o)
	switch {
	case errors.Is(err, control.ErrNoDaemon):
		return a.repushHere(ctx, o)
	case err != nil && ctx.Err() != nil:
		return &exit{code: exitInterrupted, cause: errors.New("not waited for any longer; the daemon goes on with the re-push"),
			remedy: "milkrun cancel " + o.Name + " ends it at its next batch border; milkrun repush list shows what came of it"}
	case err != nil || o.DryRun:
		return err
	case out.Ended == nil:
		return errors.New("the daemon answered without a run")
	}
	return a.repushed(o, out.Repush, *out.Ended)
}

// repushHere does it in this process, on a state file that is there already.
func (a *app) repushHere(ctx context.Context, o order) error {
	s, end, err := a.begin(ctx, o.Name, o.DryRun)
	defer end()
	if err != nil {
		return whenLocked(err, "a daemon that cannot be talked to holds it, or a milkrun once: stop that first (systemctl stop milkrun)")
	}
	r := resend{app: a, engine: s.engine, store: s.store, job: s.job, order: o, who: operator()}
	if o.DryRun {
		return r.preview(ctx)
	}
	if _, err := s.store.Interrupt(ctx); err != nil {
		return err
	}
	id, err := r.record(ctx)
	if err != nil {
		return err
	}
	run, err := s.engine.Run(ctx, s.job, r.start(id))
	if run.ID == 0 || standing.Succeeded(run) && err != nil { // the latter is the state file's
		return heldBack(err, s.job.Location)
	}
	return a.repushed(o, id, run)
}

// repush sends records again for the caller, after the run of the job that is under way. It goes on to its end when the
// caller goes away.
func (d *daemon) repush(ctx context.Context, o *act) (out answer, err error) {
	job, err := findJob(o.conf, o.order.Name)
	if err != nil {
		return out, err
	}
	if o.order.Selection == nil {
		return out, errors.New("no records are chosen")
	}
	r := resend{app: o.app, engine: d.engine, store: d.store, job: job, order: o.order, who: o.who}
	if o.order.DryRun {
		return out, r.preview(ctx)
	}
	kept := context.WithoutCancel(ctx)
	if out.Repush, err = r.record(kept); err != nil {
		return out, err
	}
	run, err := d.beginAfter(kept, job.Name, r.start(out.Repush))
	if err != nil {
		return out, heldBack(err, job.Location)
	}
	ended, err := d.awaitRun(kept, job.Name, run)
	out.Ended = &ended
	return out, err
}

// resend is one re-push, in the daemon or here.
type resend struct {
	*app
	engine *sync.Engine
	store  *state.Store
	job    *config.Job
	order  order
	who    string
}

func (r resend) start(id int64) sync.Start {
	return sync.Start{Trigger: state.Repushed, Who: r.who, Repush: &sync.Repush{ID: id, Selection: *r.order.Selection, Who: r.who}}
}

// record notes the order, when it is one that can be carried out.
func (r resend) record(ctx context.Context) (int64, error) {
	if err := r.engine.Blocked(ctx, r.job); err != nil {
		return 0, heldBack(err, r.job.Location)
	}
	if err := r.engine.CheckRepush(ctx, r.job, *r.order.Selection); err != nil {
		return 0, unsendable(err)
	}
	text, err := json.Marshal(r.order.Selection)
	if err != nil {
		return 0, fmt.Errorf("writing down the selection: %w", err)
	}
	digest := sha256.Sum256(text)
	return r.store.AddRepush(ctx, state.Repush{Job: r.job.Name, Selection: chosen(*r.order.Selection), Digest: hex.EncodeToString(digest[:]),
		Who: r.who, Why: r.order.Why})
}

// unsendable says what is wrong with a selection.
func unsendable(err error) error {
	judged := feed.Judge(err)
	if judged.Verdict == feed.Retry {
		return &exit{code: exitError, cause: err, remedy: judged.Remedy}
	}
	return &exit{code: exitUsage, cause: err, remedy: judged.Remedy}
}

// chosen is a selection as it is kept and shown: without personal data, and of many ids the first.
func chosen(s feed.Selection) string {
	const some = 20
	text := "where " + s.Where
	if len(s.IDs) > 0 {
		text = "ids " + strings.Join(s.IDs[:min(some, len(s.IDs))], ", ")
	}
	if more := len(s.IDs) - some; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if s.Since != "" {
		text += ", since " + s.Since
	}
	return mask.Scrub(text)
}

// preview shows what would be sent.
func (r resend) preview(ctx context.Context) error {
	request, n, err := r.engine.PreviewRepush(ctx, r.job, *r.order.Selection)
	switch {
	case err != nil:
		return unsendable(err)
	case n == 0:
		r.say("no record of job %s is chosen; nothing would be sent", r.job.Name)
		return nil
	}
	r.say("%s of job %s would be sent, %s at once; the first request:\n%s", count(n, "record"), r.job.Name, grouped(int64(r.job.BatchSize)), r.request(request))
	if named := len(r.order.Selection.IDs); int64(named) > n {
		r.say("%d of the %d ids are not there", int64(named)-n, named)
	}
	return nil
}

// repushed says what came of it.
func (a *app) repushed(o order, id int64, run state.Run) error {
	show := fmt.Sprintf("milkrun repush show %d", id)
	if !standing.Succeeded(run) {
		code := exitError
		if run.State == state.Cancelled || run.State == state.Interrupted {
			code = exitInterrupted
		}
		return &exit{code: code, cause: fmt.Errorf("re-push %d of job %s did not come to its end (run %d): %s", id, o.Name, run.ID, run.Error),
			remedy: strings.TrimSpace(run.Remedy + "\n" + fmt.Sprintf("the same command sends the records again, those that arrived too; %s tells what arrived", show))}
	}
	if run.Counts.Read == 0 {
		a.say("re-push %d of job %s: no record is chosen, nothing was sent (run %d)", id, o.Name, run.ID)
		return nil
	}
	a.say("re-push %d of job %s: %s delivered, %s rejected (run %d)", id, o.Name, count(run.Counts.Delivered, "record"), grouped(run.Counts.Rejected), run.ID)
	a.sayNext(show)
	if run.Counts.Rejected > 0 {
		a.sayNext("milkrun dead list " + o.Name)
		return &exit{code: exitPart}
	}
	return nil
}
