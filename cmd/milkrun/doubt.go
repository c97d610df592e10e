package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
)

func (a *app) doubtCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "doubt",
		Short: "Look at batches of unknown outcome, and say what became of them",
		Long: `A batch is in doubt when it left for a partner where sending twice is harm (an SMS), and nobody knows whether it
arrived: the answer was lost, or milkrun was killed in the middle. It is never sent again by itself, and its job is halted.
A status report of the partner that names it settles it; otherwise ask the partner, by its id (uid), and settle it yourself.
What was settled as resend is still settled as sent by such a report, as long as it was not sent again.`,
		Example: `  milkrun doubt list
  milkrun doubt show 4K7QZ2…
  milkrun doubt settle 4K7QZ2… --as sent --note "the platform lists the uid"`,
	}, a.doubtListCommand(), a.doubtShowCommand(), a.doubtSettleCommand())
}

// batchView is a recorded batch for programs.
type batchView struct {
	ID         string    `json:"id"`
	Job        string    `json:"job"`
	Connection string    `json:"connection"`
	State      string    `json:"state"` // doubt, sent (being sent), recorded or settled
	Outcome    string    `json:"outcome,omitempty"`
	Records    int       `json:"records"`
	Run        int64     `json:"run,omitempty"`
	Letter     int64     `json:"dead_letter,omitempty"`
	After      string    `json:"after"`
	Digest     string    `json:"digest"`
	Ref        string    `json:"ref,omitempty"`
	Note       string    `json:"note,omitempty"`
	At         time.Time `json:"at"`
	UpdatedAt  time.Time `json:"updated_at"`
	Who        string    `json:"who,omitempty"`
	Why        string    `json:"why,omitempty"`
	Waits      bool      `json:"to_be_sent_again,omitempty"` // settled as resend, and not sent again yet
	// Reported counts the messages that status reports name, with the first one's time by the partner's clock; only of one batch.
	Reported *reportedView `json:"reported,omitempty"`
}

type reportedView struct {
	Messages  int       `json:"messages"`
	Delivered int       `json:"delivered"`
	First     time.Time `json:"first"`
}

func viewBatch(i state.Intent) batchView {
	return batchView{ID: i.ID, Job: i.Job, Connection: i.Connection, State: i.State, Outcome: i.Outcome, Records: i.Records, Run: i.RunID,
		Letter: i.Letter, After: string(i.After), Digest: i.Digest, Ref: i.Ref, Note: i.Note, At: i.At, UpdatedAt: i.UpdatedAt, Who: i.Who, Why: i.Why, Waits: i.Waits()}
}

// batchesOf is a question about batches of a job.
type batchesOf struct {
	Job string `json:"job,omitempty"`
	All bool   `json:"all,omitempty"` // also those that are settled or under way
	Max int    `json:"most,omitempty"`
}

func askBatches() question[batchesOf, []state.Intent] {
	return question[batchesOf, []state.Intent]{"batches", func(ctx context.Context, _ *app, s *state.Store, q batchesOf) ([]state.Intent, error) {
		list, err := s.OpenIntents(ctx, q.Job)
		if err != nil {
			return nil, err
		}
		if q.All {
			settled, err := s.SettledIntents(ctx, q.Job, q.Max)
			return append(list, settled...), err
		}
		var doubts []state.Intent
		for _, i := range list {
			if i.State == state.IntentDoubt || i.State == state.IntentSent && !workedOn(s) {
				doubts = append(doubts, i)
			}
		}
		return doubts, nil
	}}
}

// workedOn says whether a process works on a state file: what is being sent is not in doubt then.
func workedOn(s *state.Store) bool {
	_, held := state.Holder(s.Path())
	return held
}

func (a *app) doubtListCommand() *cobra.Command {
	q := batchesOf{Max: 50}
	cmd := &cobra.Command{
		Use:     "list [JOB]",
		Short:   "List batches in doubt, oldest first",
		Long:    "List the batches in doubt of a job, or of all jobs, oldest first; with --all also those under way, and the settled ones with who and why.",
		Example: "  milkrun doubt list sms --json",
		Args:    arguments(cobra.MaximumNArgs(1)),
	}
	cmd.Flags().BoolVar(&q.All, "all", false, "also batches that are under way or settled")
	limitFlag(cmd, &q.Max, "settled batches")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q.Job = first(args)
		return listing[batchesOf, state.Intent, batchView]{
			job: q.Job, view: viewBatch, asJSON: *asJSON, none: "no batch is in doubt", question: askBatches(), about: q,
			header: []any{"ID", "JOB", "STATE", "RECORDS", "SENT", "WHO", "WHY"},
			row: func(i state.Intent) []any {
				return []any{i.ID, i.Job, batchState(i), i.Records, ago(i.At, time.Now()), orDash(i.Who), cut(i.Why, 60)}
			},
		}.print(cmd.Context(), a)
	}
	return cmd
}

// batchState is the state of a batch in a word.
func batchState(i state.Intent) string {
	if i.State == state.IntentSettled {
		return i.Outcome
	}
	return i.State
}

// batchTold is a batch with what was reported on it.
type batchTold struct {
	Batch    state.Intent
	Reported state.Reported
}

func askBatch() question[string, batchTold] {
	return question[string, batchTold]{"batch", func(ctx context.Context, _ *app, s *state.Store, id string) (b batchTold, err error) {
		if b.Batch, err = s.Intent(ctx, id); err != nil {
			return b, noBatch(ctx, s, id, err)
		}
		b.Reported, err = s.ReportedOn(ctx, b.Batch)
		return b, err
	}}
}

// noBatch adds what to do when a batch is not there: the near one that is open.
func noBatch(ctx context.Context, s *state.Store, id string, err error) error {
	if !errors.Is(err, state.ErrNotFound) {
		return err
	}
	open, listed := s.OpenIntents(ctx, "")
	if listed != nil {
		return errors.Join(err, listed)
	}
	if len(open) == 0 {
		return &exit{code: exitUsage, cause: err, remedy: "milkrun doubt list --all shows all of them"}
	}
	return unknown("batch in doubt", id, views(open, func(i state.Intent) string { return i.ID }))
}

func (a *app) doubtShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show a batch: when it was sent, where its records stand, what is known of its messages",
		Long:    "Show a batch that was sent to a partner where sending twice is harm: when, by which run, where its records stand, and what is known of its messages.",
		Example: "  milkrun doubt show 4K7QZ2…",
		Args:    arguments(cobra.ExactArgs(1)),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		b, err := askBatch().ask(cmd.Context(), a, args[0])
		if err != nil {
			return err
		}
		if *asJSON {
			v := viewBatch(b.Batch)
			if r := b.Reported; r.Messages > 0 {
				v.Reported = &reportedView{r.Messages, r.Delivered, r.First}
			}
			return a.printJSON(v)
		}
		a.printBatch(b)
		return nil
	}
	return cmd
}

func (a *app) printBatch(b batchTold) {
	i, zone := b.Batch, a.zones().of(b.Batch.Job)
	a.field("batch", "%s", i.ID)
	a.field("job", "%s", i.Job)
	a.field("connection", "%s", orDash(i.Connection))
	a.field("state", "%s", batchState(i))
	a.field("records", "%d", i.Records)
	if i.Letter > 0 {
		a.field("tried again", "dead letter %d", i.Letter)
	} else {
		a.field("behind", "%s", orDash(string(i.After)))
	}
	a.field("recorded", "%s, by run %d", clock(i.At, zone), i.RunID)
	a.field("changed", "%s", clock(i.UpdatedAt, zone))
	a.field("digest", "%s", i.Digest)
	if i.Ref != "" {
		a.field("their id", "%s", i.Ref)
	}
	if i.Note != "" {
		a.field("note", "%s", i.Note)
	}
	if i.Who != "" {
		a.field("settled", "by %s%s", i.Who, reason(i.Why))
	}
	a.printReported(b, zone)
	if i.State == state.IntentDoubt {
		a.say("")
		a.sayNext(fmt.Sprintf("milkrun messages list --batch %s", i.ID))
		a.sayNext(fmt.Sprintf("ask the partner, then: milkrun doubt settle %s --as sent|resend --note …", i.ID))
	}
}

// printReported says what was reported on a batch, and what that means for one that is, or was, to be sent again.
func (a *app) printReported(b batchTold, zone *time.Location) {
	i, r := b.Batch, b.Reported
	if r.Messages > 0 {
		a.field("reported", "%s, %d of them delivered; first at %s", count(r.Messages, "message"), r.Delivered, clock(r.First, zone))
	}
	switch {
	case i.Waits() && r.Messages > 0:
		a.say("\nit had arrived: the next run passes over what is not sent again by then")
	case i.Waits():
		a.say("\nthe next run sends its records again; a status report that names it before settles it as sent")
	case r.Messages > 0 && i.Outcome == state.OutcomeResend:
		a.say("\nit had arrived, and was sent again all the same: whoever it was for may have it twice")
		a.sayNext("milkrun messages list --batch " + i.ID)
	case r.Messages > 0 && i.Outcome == state.OutcomeUnsent:
		a.say("\nit counts as unsent, and yet the partner reports on it: its records may be sent twice; ask the partner")
		a.sayNext("milkrun messages list --batch " + i.ID)
	}
}

func (a *app) doubtSettleCommand() *cobra.Command {
	var as, note string
	cmd := &cobra.Command{
		Use:   "settle ID",
		Short: "Say what became of a batch in doubt: it was sent, or may be sent again",
		Long: `Say what became of a batch in doubt. As sent: the next run passes over its records. As resend: the next run sends them,
under a new id; do that only when the partner is sure not to have them. The last doubt of a job ends the halt that it was.
Who and why are kept. The running daemon does it; without one it is done on the state file.`,
		Example: `  milkrun doubt settle 4K7QZ2… --as sent --note "the platform lists the uid"
  milkrun doubt settle 4K7QZ2… --as resend --note "the platform has no such uid, ticket 4711"`,
		Args: arguments(cobra.ExactArgs(1)),
	}
	cmd.Flags().Var(oneOf[string]{&as, []string{state.OutcomeSent, state.OutcomeResend}}, "as", "sent or resend")
	cmd.Flags().Var((*reasonFlag)(&note), "note", "how you know, kept with the change")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if as == "" {
			return &exit{code: exitUsage, cause: errors.New("say what became of the batch"),
				remedy: "--as sent when the partner has it, --as resend when it is sure not to"}
		}
		if strings.TrimSpace(note) == "" {
			return &exit{code: exitUsage, cause: errors.New("this change needs a note"), remedy: `add --note "the platform lists the uid"; it is kept with the change`}
		}
		return a.carryOut(cmd.Context(), "settle", order{Name: args[0], As: as, Why: note}, a.amend, func(ctx context.Context, o *act) error { return o.settleHere(ctx) })
	}
	return cmd
}

// settleHere settles on the state file. What a milkrun was sending when it was killed is in doubt first.
func (o *act) settleHere(ctx context.Context) error {
	i, err := o.store.Intent(ctx, o.order.Name)
	if err == nil && i.State == state.IntentSent && !workedOn(o.store) {
		owned, release, err := o.own(ctx)
		if err != nil {
			return err
		}
		_, err = owned.Interrupt(ctx)
		release()
		if err != nil {
			return err
		}
	}
	return o.settle(ctx)
}

// settle settles a batch in doubt.
func (o *act) settle(ctx context.Context) error {
	done, err := o.store.SettleIntent(ctx, state.Settlement{ID: o.order.Name, Outcome: o.order.As, Who: o.who, Why: o.order.Why})
	switch {
	case errors.Is(err, state.ErrNoDoubt):
		return &exit{code: exitError, cause: fmt.Errorf("batch %s is not in doubt: it is being sent right now, or never left; nothing was changed", o.order.Name),
			remedy: "wait a moment (milkrun doubt list --all)"}
	case errors.Is(err, state.ErrSettled):
		return &exit{code: exitUsage, cause: fmt.Errorf("batch %s: %w; nothing was changed", o.order.Name, err), remedy: "milkrun doubt show " + o.order.Name + " says by whom and why"}
	case err != nil:
		return noBatch(ctx, o.store, o.order.Name, err)
	}
	o.saySettled(done)
	return nil
}

func (o *act) saySettled(done state.Settled) {
	o.say("batch %s of job %s (%s) is settled as %s", done.ID, done.Job, count(done.Records, "record"), o.order.As)
	switch {
	case o.order.As == state.OutcomeSent && done.Letter > 0:
		o.say("its dead letter %d is delivered", done.Letter)
	case o.order.As == state.OutcomeSent:
		o.say("the next run passes over its records and goes on behind them")
	case done.Letter > 0:
		o.say("its dead letter %d stays open: milkrun dead retry %s %d", done.Letter, done.Job, done.Letter)
	default:
		o.say("the next run sends its records again, once, under a new id, unless a status report names the batch before")
	}
	switch {
	case done.Left > 0:
		o.say("job %s still has %s in doubt and does not run", done.Job, count(done.Left, "batch"))
		o.sayNext("milkrun doubt list " + done.Job)
	case done.Resumed:
		o.say("job %s is resumed: it runs at its next slot", done.Job)
		o.sayNext("milkrun trigger " + done.Job)
	}
	o.sayWhen()
}
