package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/words"
)

func (a *app) deadCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "dead",
		Short: "Look at dead letters, try them again, or drop them",
		Long: `A dead letter is a record that the partner, or a check of ours, refused. The job goes on without it, and it stays
open until it is delivered or dropped. Personal fields are masked in a letter; to deliver it, its record is read again
where it came from.`,
		Example: `  milkrun dead list affairs
  milkrun dead show 17
  milkrun dead retry affairs --all
  milkrun dead drop 17 --why "a test record of theirs"`,
	}, a.deadListCommand(), a.deadShowCommand(), a.deadRetryCommand(), a.deadDropCommand())
}

const allLetters = "all" // of any state

func (a *app) deadListCommand() *cobra.Command {
	filter := state.LetterFilter{State: state.LetterOpen, Limit: 50}
	cmd := &cobra.Command{
		Use:     "list [JOB]",
		Short:   "List dead letters, oldest first",
		Long:    "List the open dead letters of a job, or of all jobs, oldest first; with --only also those that are settled.",
		Example: "  milkrun dead list affairs --only all --json",
		Args:    arguments(cobra.MaximumNArgs(1)),
	}
	states := []string{state.LetterOpen, state.LetterDelivered, state.LetterDropped, allLetters}
	cmd.Flags().Var(oneOf[string]{&filter.State, states}, "only", "open, delivered, dropped or all")
	limitFlag(cmd, &filter.Limit, "letters")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		filter.Job = first(args)
		if filter.State == allLetters {
			filter.State = ""
		}
		return a.listLetters(cmd.Context(), filter, *asJSON)
	}
	return cmd
}

func (a *app) listLetters(ctx context.Context, filter state.LetterFilter, asJSON bool) error {
	return listing[state.LetterFilter, state.Letter, letterView]{
		job: filter.Job, limit: filter.Limit, view: viewLetter, asJSON: asJSON, none: "no dead letters",
		question: askLetters(), about: filter,
		header: []any{"ID", "JOB", "STATE", "CODE", "TRIES", "TRIED", "REASON"},
		row: func(l state.Letter) []any {
			return []any{l.ID, l.Job, l.State, l.Code, l.Tries, ago(l.TriedAt, time.Now()), cut(l.Reason, 80)}
		},
	}.print(ctx, a)
}

func (a *app) deadShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show a dead letter with its record",
		Long:    "Show a dead letter: why it was refused, where its record stands, and the record itself with personal fields masked.",
		Example: "  milkrun dead show 17",
		Args:    arguments(cobra.ExactArgs(1)),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ids, err := letterIDs(args)
		if err != nil {
			return err
		}
		return a.showLetter(cmd.Context(), ids[0], *asJSON)
	}
	return cmd
}

func letterIDs(args []string) (ids []int64, err error) {
	ids = make([]int64, len(args))
	for i, text := range args {
		if ids[i], err = numbered(text, "dead letter", "milkrun dead list"); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (a *app) showLetter(ctx context.Context, id int64, asJSON bool) error {
	l, err := askLetter().ask(ctx, a, id)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(viewLetter(l))
	}
	a.printLetter(l, a.zones().of(l.Job))
	return nil
}

func (a *app) printLetter(l state.Letter, zone *time.Location) {
	a.field("letter", "%d of job %s", l.ID, l.Job)
	a.field("state", "%s", l.State)
	a.field("code", "%s", l.Code)
	a.field("reason", "%s", l.Reason)
	a.field("place", "%s", orDash(string(l.Place)))
	if l.Key != "" {
		a.field("key", "%s", l.Key)
	}
	a.field("refused", "%s, by run %d last", clock(l.At, zone), l.RunID)
	a.field("tried", "%s, last %s", count(l.Tries, "time"), clock(l.TriedAt, zone))
	if l.LastError != "" {
		a.field("last error", "%s", l.LastError)
	}
	if l.State != state.LetterOpen {
		a.field("settled", "%s by %s%s", clock(l.SettledAt, zone), l.Who, reason(l.Why))
	}
	var record bytes.Buffer
	if json.Indent(&record, []byte(l.Record), "", "  ") != nil {
		record.WriteString(l.Record)
	}
	a.say("record, masked:\n%s", words.Verbatim(record.String()))
	if l.State == state.LetterOpen {
		a.say("")
		a.sayNext(fmt.Sprintf("milkrun dead retry %s %d, or milkrun dead drop %d --why …", l.Job, l.ID, l.ID))
	}
}

func (a *app) deadDropCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drop ID…",
		Short: "Close dead letters that shall never be delivered",
		Long: `Close dead letters that shall never be delivered, all of the named ones or none. They stay in the state file, with
who and why. It works beside a running daemon.`,
		Example: `  milkrun dead drop 17 18 --why "test records of theirs"`,
		Args:    arguments(cobra.MinimumNArgs(1)),
	}
	why := whyFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := mustSay(*why); err != nil {
			return err
		}
		ids, err := letterIDs(args)
		if err != nil {
			return err
		}
		return a.dropLetters(cmd.Context(), ids, *why)
	}
	return cmd
}

func (a *app) dropLetters(ctx context.Context, ids []int64, why string) error {
	store, err := a.amend(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	letters, err := a.openLetters(ctx, store, ids)
	if err != nil {
		return err
	}
	for _, l := range letters {
		if err := store.SettleLetter(ctx, l.ID, state.LetterDropped, operator(), why); err != nil {
			return err
		}
		a.say("dead letter %d of job %s is dropped", l.ID, l.Job)
	}
	return nil
}
