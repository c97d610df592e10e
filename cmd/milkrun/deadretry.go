package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"milkrun/cmd/milkrun/control"
	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/config"
)

// lettersAtOnce bounds how many dead letters are held in memory.
const lettersAtOnce = 500

func (a *app) deadRetryCommand() *cobra.Command {
	var all, dryRun bool
	cmd := &cobra.Command{
		Use:   "retry JOB [ID…]",
		Short: "Deliver dead letters of a job again",
		Long: `Deliver the named dead letters of a job again, or with --all its open ones: their records are read again where they
came from, masked, and sent one by one. What the partner accepts is closed as delivered; the rest stays open, and the
exit code is 3. With --dry-run the signed requests are shown and nothing is sent: look at them first. The running daemon
does it, between two runs of the job; without one it is done here.`,
		Example: `  milkrun dead retry affairs 17 --dry-run
  milkrun dead retry affairs 17 18
  milkrun dead retry affairs --all`,
		Args: arguments(cobra.MinimumNArgs(1)),
	}
	cmd.Flags().BoolVar(&all, "all", false, "all open dead letters of the job")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show the requests and send nothing")
	cmd.RunE = a.stoppable(func(ctx context.Context, args []string) error {
		ids, err := letterIDs(args[1:])
		if err != nil {
			return err
		}
		if all == (len(ids) > 0) {
			return &exit{code: exitUsage, cause: fmt.Errorf("name dead letters of job %s, or all of them", args[0]),
				remedy: fmt.Sprintf("milkrun dead list %s shows them; milkrun dead retry %s --all takes all", args[0], args[0])}
		}
		out, err := a.ask(ctx, "redeliver", order{Name: args[0], Letters: ids, DryRun: dryRun})
		if errors.Is(err, control.ErrNoDaemon) {
			return a.retryLetters(ctx, args[0], ids, dryRun)
		}
		return errors.Join(err, failed(out.Fault))
	})
	return cmd
}

// failed is the error of what went wrong in the daemon after it had done something, nil when nothing did.
func failed(f *control.Fault) error {
	switch {
	case f == nil:
		return nil
	case f.Text == "": // the text has told it
		return &exit{code: f.Exit}
	}
	return &exit{code: cmp.Or(f.Exit, exitError), cause: f, remedy: f.Remedy}
}

// redeliver tries dead letters again for the caller.
func (d *daemon) redeliver(ctx context.Context, o *act) (out answer, err error) {
	job, err := findJob(o.conf, o.order.Name)
	if err != nil {
		return out, err
	}
	if err := d.started(ctx); err != nil { // until then a run would be taken for one that a kill has ended
		return out, err
	}
	r := &retry{app: o.app, engine: d.engine, store: d.store, job: job, dryRun: o.order.DryRun, who: o.who}
	var e *exit
	err = r.run(ctx, o.order.Letters)
	if errors.As(err, &e) && e.cause == nil {
		out.Fault = &control.Fault{Exit: e.code}
	} else if err != nil {
		out.Fault = fault(err)
	}
	if _, busy := errors.AsType[*sync.BusyError](err); busy {
		out.Fault.Remedy = "try again when the run has ended (milkrun status --watch), or end it at its next batch border: milkrun cancel " + job.Name
	}
	return out, nil
}

// retryLetters delivers dead letters again; without ids all open ones of the job.
func (a *app) retryLetters(ctx context.Context, name string, ids []int64, dryRun bool) error {
	s, end, err := a.beginOn(ctx, name, dryRun)
	defer end()
	if err != nil {
		return err
	}
	r := &retry{app: a, engine: s.engine, store: s.store, job: s.job, dryRun: dryRun, who: operator()}
	return r.run(ctx, ids)
}

// retry is one attempt at dead letters of a job.
type retry struct {
	*app
	engine          *sync.Engine
	store           *state.Store
	job             *config.Job
	dryRun          bool
	who             string
	delivered, left int
}

// run tries letters; without ids all open ones of the job.
func (r *retry) run(ctx context.Context, ids []int64) (err error) {
	if len(ids) > 0 {
		err = r.these(ctx, ids)
	} else {
		err = r.all(ctx)
	}
	return errors.Join(r.heldBack(err), r.outcome(err))
}

// heldBack says what to do about a job that is halted, or running.
func (r *retry) heldBack(err error) error {
	var busy *sync.BusyError
	if errors.As(err, &busy) {
		return &exit{code: exitError, cause: err, remedy: fmt.Sprintf("wait for its end (milkrun status), or end it: milkrun cancel %s", busy.Job)}
	}
	return heldBack(err, r.job.Location)
}

func (r *retry) these(ctx context.Context, ids []int64) error {
	letters, err := r.openLetters(ctx, r.store, ids)
	if err != nil {
		return err
	}
	for _, l := range letters {
		if l.Job != r.job.Name {
			return &exit{code: exitUsage, cause: fmt.Errorf("dead letter %d is of job %s, not of %s; nothing was sent", l.ID, l.Job, r.job.Name),
				remedy: fmt.Sprintf("milkrun dead retry %s %d", l.Job, l.ID)}
		}
	}
	return r.send(ctx, letters)
}

func (r *retry) all(ctx context.Context) error {
	filter := state.LetterFilter{Job: r.job.Name, State: state.LetterOpen, Limit: lettersAtOnce}
	for {
		letters, err := r.store.Letters(ctx, filter)
		if err != nil || len(letters) == 0 {
			return err
		}
		if err := r.send(ctx, letters); err != nil {
			return err
		}
		filter.After = letters[len(letters)-1].ID
	}
}

func (r *retry) send(ctx context.Context, letters []state.Letter) error {
	results, err := r.engine.Redeliver(ctx, r.job, letters, r.dryRun, r.who)
	for _, one := range results {
		switch {
		case one.Request != "":
			r.say("dead letter %d:", one.Letter)
			r.say("%s", r.request(one.Request))
		case one.Delivered:
			r.delivered++
			r.say("dead letter %d is delivered", one.Letter)
			continue
		default:
			r.say("dead letter %d stays open: %s", one.Letter, one.Reason)
		}
		r.left++
	}
	return err
}

// outcome says what came of it. Letters that stay open are the exit code 3.
func (r *retry) outcome(err error) error {
	switch {
	case err != nil && r.delivered+r.left == 0:
	case r.delivered+r.left == 0:
		r.say("job %s has no open dead letter", r.job.Name)
	case r.dryRun:
		r.say("nothing was sent; %s would be tried", count(r.left, "dead letter"))
	default:
		r.say("%d delivered, %d still open", r.delivered, r.left)
		if r.left > 0 && err == nil {
			return &exit{code: exitPart}
		}
	}
	return nil
}

// openLetters returns the letters of some ids, each once, or an error when one of them is not open.
func (a *app) openLetters(ctx context.Context, store *state.Store, ids []int64) ([]state.Letter, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	letters := make([]state.Letter, len(ids))
	for i, id := range ids {
		l, err := store.Letter(ctx, id)
		if err != nil {
			return nil, noLetter(err)
		}
		if l.State != state.LetterOpen {
			return nil, &exit{code: exitUsage, cause: fmt.Errorf("dead letter %d is %s since %s by %s%s; nothing was done",
				id, l.State, clock(l.SettledAt, a.zones().of(l.Job)), l.Who, reason(l.Why)), remedy: "leave it out; milkrun dead list shows the open ones"}
		}
		letters[i] = l
	}
	return letters, nil
}

// noLetter adds what to do when a letter is not there.
func noLetter(err error) error {
	return notThere(err, "milkrun dead list --only all shows all of them")
}

// notThere adds what to do when what was asked for is not in the state file.
func notThere(err error, remedy string) error {
	if errors.Is(err, state.ErrNotFound) {
		return &exit{code: exitUsage, cause: err, remedy: remedy}
	}
	return err
}
