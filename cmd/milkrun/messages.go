package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
)

func (a *app) messagesCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "messages",
		Short: "Look at single messages and what was reported about them",
		Long: `Messages are what batches to an SMS platform are made of. Each is kept with what the platform's status reports said of
it, never with its number: only a masked one, and a digest that tells two numbers apart.`,
		Example: `  milkrun messages list --only failed
  milkrun messages export --csv > messages.csv`,
	}, a.messagesListCommand(), a.messagesExportCommand(), a.messagesOrphansCommand())
}

// messageView is a message for programs.
type messageView struct {
	Job        string    `json:"job"`
	Connection string    `json:"connection"`
	Batch      string    `json:"batch"`
	Ref        string    `json:"ref,omitempty"` // the partner's id of the batch
	Phone      string    `json:"phone"`         // masked
	Person     string    `json:"person"`        // a digest: equal for equal numbers
	Copies     int       `json:"copies"`
	State      string    `json:"state"` // sending, unknown, unsent, accepted, unclear, delivered, failed
	Code       string    `json:"code,omitempty"`
	ReportedAt time.Time `json:"reported_at,omitzero"`
	At         time.Time `json:"at"`
}

func viewMessage(m state.Message) messageView {
	return messageView{Job: m.Job, Connection: m.Connection, Batch: m.Batch, Ref: m.Ref, Phone: m.Shown, Person: m.Person, Copies: m.Copies,
		State: m.State, Code: m.Code, ReportedAt: m.ReportedAt, At: m.At}
}

func askMessages() question[state.MessageFilter, []state.Message] {
	return question[state.MessageFilter, []state.Message]{"messages", func(ctx context.Context, _ *app, s *state.Store, f state.MessageFilter) ([]state.Message, error) {
		return s.Messages(ctx, f)
	}}
}

func askOrphans() question[int, []state.Report] {
	return question[int, []state.Report]{"orphans", func(ctx context.Context, _ *app, s *state.Store, most int) ([]state.Report, error) {
		return s.Orphans(ctx, most)
	}}
}

// messageFlags are the flags by which messages are chosen.
func messageFlags(cmd *cobra.Command, f *state.MessageFilter) (since *time.Duration) {
	states := []string{state.MessageSending, state.MessageUnknown, state.MessageUnsent, state.MessageAccepted, state.MessageUnclear,
		state.MessageDelivered, state.MessageFailed}
	cmd.Flags().Var(oneOf[string]{&f.State, states}, "only", "sending, unknown, unsent, accepted, unclear, delivered or failed")
	cmd.Flags().StringVar(&f.Batch, "batch", "", "of one batch, by its id")
	return cmd.Flags().Duration("since", 0, "of batches not older than this, as 24h")
}

func picked(f state.MessageFilter, args []string, since time.Duration) state.MessageFilter {
	f.Job = first(args)
	if since > 0 {
		f.Since = time.Now().Add(-since)
	}
	return f
}

func (a *app) messagesListCommand() *cobra.Command {
	f := state.MessageFilter{Limit: 50}
	cmd := &cobra.Command{
		Use:   "list [JOB]",
		Short: "List messages, oldest first",
		Long: `List the messages of a job, or of all jobs. A message is delivered or failed as it was reported last; accepted when the
platform took it and has not reported yet, unclear when the platform did not take every one of its batch, unknown when its
batch is in doubt, unsent when its batch never left or was refused.`,
		Example: "  milkrun messages list sms --only failed --since 24h",
		Args:    arguments(cobra.MaximumNArgs(1)),
	}
	since := messageFlags(cmd, &f)
	limitFlag(cmd, &f.Limit, "messages")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f := picked(f, args, *since)
		zones := a.zones()
		return listing[state.MessageFilter, state.Message, messageView]{
			job: f.Job, limit: f.Limit, view: viewMessage, asJSON: *asJSON, none: "no messages", question: askMessages(), about: f,
			header: []any{"SENT", "JOB", "BATCH", "PHONE", "STATE", "CODE", "REPORTED"},
			row: func(m state.Message) []any {
				reported := "–"
				if !m.ReportedAt.IsZero() {
					reported = clock(m.ReportedAt, zones.of(m.Job))
				}
				return []any{clock(m.At, zones.of(m.Job)), m.Job, m.Batch, m.Shown, m.State, m.Code, reported}
			},
		}.print(cmd.Context(), a)
	}
	return cmd
}

// messagesAtOnce bounds how many messages an export holds in memory.
const messagesAtOnce = 5000

func (a *app) messagesExportCommand() *cobra.Command {
	var f state.MessageFilter
	var asJSON, asCSV bool
	cmd := &cobra.Command{
		Use:     "export [JOB]",
		Short:   "Write messages with what was reported about them, as CSV or JSON lines",
		Long:    "Write all messages of a job, or of all jobs, to the standard output: as CSV, or as a JSON object on each line. Numbers are masked.",
		Example: "  milkrun messages export sms --csv --since 720h > messages.csv",
		Args:    arguments(cobra.MaximumNArgs(1)),
	}
	since := messageFlags(cmd, &f)
	cmd.Flags().BoolVar(&asCSV, "csv", false, "write CSV (the default)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON, an object on each line")
	cmd.MarkFlagsMutuallyExclusive("csv", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		write, flush := a.csvMessages()
		if asJSON {
			write, flush = a.jsonMessages(), func() error { return nil }
		}
		if err := a.exportMessages(cmd.Context(), picked(f, args, *since), write); err != nil {
			return err
		}
		return flush()
	}
	return cmd
}

func (a *app) exportMessages(ctx context.Context, f state.MessageFilter, write func(state.Message) error) error {
	f.Limit = messagesAtOnce
	for {
		list, err := askMessages().ask(ctx, a, f)
		if err != nil {
			return err
		}
		for _, m := range list {
			if err := write(m); err != nil {
				return fmt.Errorf("writing the messages: %w", err)
			}
		}
		if len(list) < f.Limit {
			return nil
		}
		f.After = &list[len(list)-1]
	}
}

func (a *app) jsonMessages() func(state.Message) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	return func(m state.Message) error { return enc.Encode(viewMessage(m)) }
}

// csvMessages writes a header, and then messages.
func (a *app) csvMessages() (write func(state.Message) error, flush func() error) {
	w := csv.NewWriter(a.stdout)
	headed := false
	head := func() error {
		if headed {
			return nil
		}
		headed = true
		return w.Write([]string{"sent_at", "job", "connection", "batch", "ref", "phone", "person", "copies", "state", "code", "reported_at"})
	}
	write = func(m state.Message) error {
		if err := head(); err != nil {
			return err
		}
		return w.Write([]string{m.At.Format(time.RFC3339), m.Job, m.Connection, m.Batch, m.Ref, m.Shown, m.Person, strconv.Itoa(m.Copies), m.State, m.Code, instant(m.ReportedAt)})
	}
	return write, func() error {
		if err := head(); err != nil {
			return err
		}
		w.Flush()
		return w.Error()
	}
}

// instant is a time for programs, "" for none.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// orphanView is a report without a message for programs.
type orphanView struct {
	Connection string    `json:"connection"`
	Ref        string    `json:"ref,omitempty"`
	Batch      string    `json:"batch,omitempty"`
	Phone      string    `json:"phone"` // masked
	Status     string    `json:"status"`
	Code       string    `json:"code,omitempty"`
	ReportedAt time.Time `json:"reported_at"`
	ReceivedAt time.Time `json:"received_at"`
}

func (a *app) messagesOrphansCommand() *cobra.Command {
	limit := 50
	cmd := &cobra.Command{
		Use:   "orphans",
		Short: "List status reports about messages that nobody here has sent",
		Long: `List status reports about messages that this state file does not know, newest first. There are some when the account is
used by others too, when the state was restored, or when the token was changed between a message and its report.`,
		Example: "  milkrun messages orphans --json",
		Args:    arguments(cobra.NoArgs),
	}
	limitFlag(cmd, &limit, "reports")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		zone := a.zones().of("")
		return listing[int, state.Report, orphanView]{
			limit: limit, asJSON: *asJSON, none: "no report without its message", question: askOrphans(), about: limit,
			view: func(r state.Report) orphanView {
				return orphanView{r.Connection, r.Ref, r.Batch, r.Shown, r.Status, r.Code, r.ReportedAt, r.ReceivedAt}
			},
			header: []any{"RECEIVED", "CONNECTION", "BATCH", "PHONE", "STATUS", "CODE"},
			row: func(r state.Report) []any {
				return []any{clock(r.ReceivedAt, zone), r.Connection, orDash(r.Batch), r.Shown, r.Status, r.Code}
			},
		}.print(cmd.Context(), a)
	}
	return cmd
}
