package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/feed"
)

func (a *app) checkpointCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "checkpoint",
		Short: "Show, move, export and import how far jobs have read",
		Long: `A checkpoint says how far a job has read: everything up to it is delivered or a dead letter. It has two lanes:
forward is what is new, full is a complete pass that is under way.

set, reset, undo and import change it while the job does not run; a daemon need not be stopped for that. Each change is
kept with who and why (milkrun checkpoint history JOB) and can be taken back (milkrun checkpoint undo JOB).`,
		Example: `  milkrun checkpoint list
  milkrun checkpoint show affairs
  milkrun checkpoint reset affairs --yes --why "the partner lost its database"
  milkrun checkpoint undo affairs --why "they had a backup after all"`,
	}, a.checkpointListCommand(), a.checkpointShowCommand(), a.checkpointHistoryCommand(), a.checkpointSetCommand(),
		a.checkpointResetCommand(), a.checkpointUndoCommand(), a.checkpointExportCommand(), a.checkpointImportCommand())
}

// checkpointView is a checkpoint for programs. A null cursor says that there is none.
type checkpointView struct {
	Job       string       `json:"job"`
	Lane      state.Lane   `json:"lane"`
	Version   int64        `json:"version,omitempty"`
	Cursor    *feed.Cursor `json:"cursor"`
	Delivered int64        `json:"delivered"` // records since the lane began
	Run       int64        `json:"run,omitempty"`
	StartedAt time.Time    `json:"started_at,omitzero"`
	UpdatedAt time.Time    `json:"updated_at,omitzero"`
	Who       string       `json:"who,omitempty"`
	Why       string       `json:"why,omitempty"`
}

func viewCheckpoint(c state.Checkpoint) checkpointView {
	return checkpointView{Job: c.Job, Lane: c.Lane, Version: c.Version, Cursor: &c.Cursor, Delivered: c.Rows, Run: c.RunID,
		StartedAt: c.StartedAt, UpdatedAt: c.UpdatedAt, Who: c.Who, Why: c.Why}
}

// movedBy says who moved a checkpoint last: a run, or an operator.
func (v checkpointView) movedBy() string {
	if v.Who == "" {
		return fmt.Sprintf("run %d", v.Run)
	}
	return v.Who + reason(v.Why)
}

func (a *app) checkpointListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List all checkpoints",
		Long:    "List the checkpoints of all jobs, and who moved them last. A job without one begins at the beginning.",
		Example: "  milkrun checkpoint list --json",
		Args:    arguments(cobra.NoArgs),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.listCheckpoints(cmd.Context(), *asJSON) }
	return cmd
}

func (a *app) listCheckpoints(ctx context.Context, asJSON bool) error {
	store, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	list, err := store.Checkpoints(ctx)
	if err != nil {
		return err
	}
	views := make([]checkpointView, len(list))
	rows := make([][]any, len(list))
	for i, c := range list {
		v := viewCheckpoint(c)
		views[i] = v
		rows[i] = []any{c.Job, c.Lane, cut(inWords(&c.Cursor), 70), grouped(c.Rows), ago(c.UpdatedAt, time.Now()), cut(v.movedBy(), 40)}
	}
	if asJSON {
		return a.printJSON(views)
	}
	a.printTable([]any{"JOB", "LANE", "READ UP TO", "DELIVERED", "MOVED", "BY"}, rows, "no checkpoint yet: every job begins at the beginning")
	return nil
}

func (a *app) checkpointShowCommand() *cobra.Command {
	var lane string
	cmd := &cobra.Command{
		Use:   "show JOB",
		Short: "Show the checkpoint of a job",
		Long: `Show how far a job has read, in words and as the cursor itself, which milkrun checkpoint set takes. Without --lane
it is the forward one, unless there is only a complete pass under way.`,
		Example: "  milkrun checkpoint show grades --lane full",
		Args:    arguments(cobra.ExactArgs(1)),
	}
	laneFlag(cmd, &lane)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.showCheckpoint(cmd.Context(), args[0], lane, *asJSON)
	}
	return cmd
}

func (a *app) showCheckpoint(ctx context.Context, job, asked string, asJSON bool) error {
	store, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	lane, err := chooseLane(ctx, store, job, asked, state.Forward)
	if err != nil {
		return err
	}
	c, found, err := store.Checkpoint(ctx, job, lane)
	if err != nil {
		return err
	}
	if !found {
		if err := a.known(ctx, store, job); err != nil {
			return err
		}
	}
	if asJSON {
		view := checkpointView{Job: job, Lane: lane}
		if found {
			view = viewCheckpoint(c)
		}
		return a.printJSON(view)
	}
	if !found {
		a.say("job %s has no checkpoint in lane %s: it begins at the beginning", job, lane)
	} else {
		a.printCheckpoint(viewCheckpoint(c))
	}
	return a.sayAround(ctx, store, job, lane)
}

func (a *app) printCheckpoint(v checkpointView) {
	line := func(name, format string, args ...any) { a.say("%-12s "+format, append([]any{name}, args...)...) }
	line("job", "%s", v.Job)
	line("lane", "%s (%s)", v.Lane, map[state.Lane]string{state.Forward: "what is new", state.Full: "a complete pass that is under way"}[v.Lane])
	line("read up to", "%s", inWords(v.Cursor))
	line("cursor", "%s", orDash(string(*v.Cursor)))
	line("delivered", "%s records since %s", grouped(v.Delivered), clock(v.StartedAt, time.Local))
	line("moved", "%s (%s) by %s", clock(v.UpdatedAt, time.Local), ago(v.UpdatedAt, time.Now()), v.movedBy())
	line("version", "%d", v.Version)
}

// sayAround says what else there is to know about how far a job has read.
func (a *app) sayAround(ctx context.Context, store *state.Store, job string, lane state.Lane) error {
	if id, err := running(ctx, store, job); err != nil {
		return err
	} else if id > 0 {
		a.say("run %d is under way", id)
	}
	if last, ever, err := store.LastFull(ctx, job); err != nil {
		return err
	} else if ever {
		a.say("the last complete pass ended %s", clock(last, time.Local))
	}
	other := map[state.Lane]state.Lane{state.Forward: state.Full, state.Full: state.Forward}[lane]
	_, also, err := store.Checkpoint(ctx, job, other)
	if also {
		a.say("there is one in lane %s too: milkrun checkpoint show %s --lane %s", other, job, other)
	}
	return err
}

func laneFlag(cmd *cobra.Command, lane *string) {
	cmd.Flags().StringVar(lane, "lane", "", "forward (what is new) or full (a complete pass that is under way)")
}

// chooseLane is the lane that was asked for, else the one there is a checkpoint in, forward before full; without any, it
// is none.
func chooseLane(ctx context.Context, store *state.Store, job, asked string, none state.Lane) (state.Lane, error) {
	switch lane := state.Lane(asked); lane {
	case state.Forward, state.Full:
		return lane, nil
	case "":
	default:
		return "", usage("--lane: %q is not forward or full", asked)
	}
	for _, lane := range []state.Lane{state.Forward, state.Full} {
		if _, found, err := store.Checkpoint(ctx, job, lane); found || err != nil {
			return lane, err
		}
	}
	return none, nil
}

// known is an error when neither the state file nor the configuration has heard of a job.
func (a *app) known(ctx context.Context, store *state.Store, job string) error {
	changes, err := store.History(ctx, job, 1)
	if err != nil || len(changes) > 0 {
		return err
	}
	if runs, err := store.Runs(ctx, state.RunFilter{Job: job, Limit: 1}); err != nil || len(runs) > 0 {
		return err
	}
	a.planSandbox()
	conf, err := a.load(false)
	if err == nil {
		_, err = findJob(conf, job)
	}
	return err
}

// inWords writes a cursor for people: the members of a JSON object as "name value". Nil is no checkpoint.
func inWords(c *feed.Cursor) string {
	if c == nil || *c == "" {
		return "the beginning"
	}
	d := json.NewDecoder(strings.NewReader(string(*c)))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return string(*c)
	}
	var parts []string
	for d.More() {
		var value json.RawMessage
		name, err := d.Token()
		if err != nil || d.Decode(&value) != nil {
			return string(*c)
		}
		parts = append(parts, fmt.Sprintf("%v %s", name, strings.Trim(string(value), `"`)))
	}
	return strings.Join(parts, ", ")
}
