package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
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

func (a *app) deadListCommand() *cobra.Command {
	filter := state.LetterFilter{State: state.LetterOpen, Limit: 50}
	cmd := &cobra.Command{
		Use:     "list [JOB]",
		Short:   "List dead letters, oldest first",
		Long:    "List the open dead letters of a job, or of all jobs, oldest first; with --only also those that are settled.",
		Example: "  milkrun dead list affairs --only all --json",
		Args:    arguments(cobra.MaximumNArgs(1)),
	}
	cmd.Flags().StringVar(&filter.State, "only", filter.State, "open, delivered, dropped or all")
	cmd.Flags().IntVarP(&filter.Limit, "limit", "n", filter.Limit, "how many letters; 0 is all")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			filter.Job = args[0]
		}
		switch filter.State {
		case state.LetterOpen, state.LetterDelivered, state.LetterDropped:
		case "all":
			filter.State = ""
		default:
			return usage("--only: %q is not open, delivered, dropped or all", filter.State)
		}
		return a.listLetters(cmd.Context(), filter, *asJSON)
	}
	return cmd
}

func (a *app) listLetters(ctx context.Context, filter state.LetterFilter, asJSON bool) error {
	store, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	list, err := store.Letters(ctx, filter)
	if err != nil {
		return err
	}
	if len(list) == 0 && filter.Job != "" {
		if err := a.known(ctx, store, filter.Job); err != nil {
			return err
		}
	}
	if asJSON {
		return a.printJSON(views(list, viewLetter))
	}
	rows := make([][]any, len(list))
	for i, l := range list {
		rows[i] = []any{l.ID, l.Job, l.State, l.Code, l.Tries, ago(l.TriedAt, time.Now()), cut(l.Reason, 80)}
	}
	a.printTable([]any{"ID", "JOB", "STATE", "CODE", "TRIES", "TRIED", "REASON"}, rows, "no dead letters")
	if filter.Limit > 0 && len(list) == filter.Limit {
		a.say("\nthere may be more: --limit 0 lists all")
	}
	return nil
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

func letterIDs(args []string) ([]int64, error) {
	ids := make([]int64, len(args))
	for i, text := range args {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id < 1 {
			return nil, &exit{code: exitUsage, cause: fmt.Errorf("%q is no dead letter's number", text), remedy: "milkrun dead list shows them"}
		}
		ids[i] = id
	}
	return ids, nil
}

func (a *app) showLetter(ctx context.Context, id int64, asJSON bool) error {
	store, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	l, err := store.Letter(ctx, id)
	if err != nil {
		return noLetter(err)
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
	a.say("record, masked:\n%s", record.String())
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
