package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

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
exit code is 3. The daemon must not run meanwhile. With --dry-run the signed requests are shown, nothing is sent, and the
daemon may run.`,
		Example: `  milkrun dead retry affairs 17 18
  milkrun dead retry affairs --all
  milkrun dead retry affairs 17 --dry-run`,
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
		return a.retryLetters(ctx, args[0], ids, dryRun)
	})
	return cmd
}

// retryLetters delivers dead letters again; without ids all open ones of the job.
func (a *app) retryLetters(ctx context.Context, name string, ids []int64, dryRun bool) error {
	s, end, err := a.beginOn(ctx, name, dryRun)
	defer end()
	if err != nil {
		return err
	}
	r := &retry{app: a, engine: s.engine, store: s.store, job: s.job, dryRun: dryRun}
	if len(ids) > 0 {
		err = r.these(ctx, ids)
	} else {
		err = r.all(ctx)
	}
	return errors.Join(heldBack(err, s.job.Location), r.outcome(err))
}

// retry is one attempt at dead letters of a job.
type retry struct {
	*app
	engine          *sync.Engine
	store           *state.Store
	job             *config.Job
	dryRun          bool
	delivered, left int
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
	results, err := r.engine.Redeliver(ctx, r.job, letters, r.dryRun, operator())
	for _, one := range results {
		switch {
		case one.Request != "":
			r.say("dead letter %d:\n%s", one.Letter, one.Request)
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
	if errors.Is(err, state.ErrNotFound) {
		return &exit{code: exitUsage, cause: err, remedy: "milkrun dead list --only all shows all of them"}
	}
	return err
}
