package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
)

func (a *app) checkpointCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "checkpoint",
		Short: "Show, move, export and import how far jobs have read",
		Long: `A checkpoint says how far a job has read: everything up to it is delivered or a dead letter. It has two lanes:
forward is what is new, full is a complete pass that is under way.

set, move, reset, undo and import change it while the job does not run; a daemon need not be stopped for that. Each change is
kept with who and why (milkrun checkpoint history JOB) and can be taken back (milkrun checkpoint undo JOB).`,
		Example: `  milkrun checkpoint list
  milkrun checkpoint show affairs
  milkrun checkpoint reset affairs --yes --why "the partner lost its database"
  milkrun checkpoint undo affairs --why "they had a backup after all"`,
	}, a.checkpointListCommand(), a.checkpointShowCommand(), a.checkpointHistoryCommand(), a.checkpointSetCommand(),
		a.checkpointMoveCommand(), a.checkpointResetCommand(), a.checkpointUndoCommand(), a.checkpointExportCommand(), a.checkpointImportCommand())
}

// movedBy says who moved a checkpoint: a run, or an operator.
func movedBy(run int64, who, why string) string {
	if who == "" {
		return fmt.Sprintf("run %d", run)
	}
	return who + reason(why)
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
	return listing[struct{}, state.Checkpoint, checkpointView]{
		view: viewCheckpoint, asJSON: asJSON, none: "no checkpoint yet: every job begins at the beginning",
		question: askCheckpoints(), about: struct{}{},
		header: []any{"JOB", "LANE", "READ UP TO", "DELIVERED", "MOVED", "BY"},
		row: func(c state.Checkpoint) []any {
			return []any{c.Job, c.Lane, cut(inWords(&c.Cursor), 70), grouped(c.Rows), ago(c.UpdatedAt, time.Now()), cut(movedBy(c.RunID, c.Who, c.Why), 40)}
		},
	}.print(ctx, a)
}

func (a *app) checkpointShowCommand() *cobra.Command {
	var lane state.Lane
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

func (a *app) showCheckpoint(ctx context.Context, job string, asked state.Lane, asJSON bool) error {
	p, err := askCheckpoint().ask(ctx, a, position{job, asked})
	if err != nil {
		return err
	}
	if asJSON {
		view := checkpointView{Job: job, Lane: p.Lane}
		if p.Found {
			view = viewCheckpoint(p.Checkpoint)
		}
		return a.printJSON(view)
	}
	zone := a.zones().of(job)
	if !p.Found {
		a.say("job %s has no checkpoint in lane %s: it begins at the beginning", job, string(p.Lane))
	} else {
		a.printCheckpoint(p.Checkpoint, zone)
	}
	a.sayAround(job, p, zone)
	return nil
}

func (a *app) printCheckpoint(c state.Checkpoint, zone *time.Location) {
	a.field("job", "%s", c.Job)
	a.field("lane", "%s (%s)", string(c.Lane), map[state.Lane]string{state.Forward: "what is new", state.Full: "a complete pass that is under way"}[c.Lane])
	a.field("read up to", "%s", inWords(&c.Cursor))
	a.field("cursor", "%s", orDash(string(c.Cursor)))
	a.field("delivered", "%s since %s", count(c.Rows, "record"), clock(c.StartedAt, zone))
	a.field("moved", "%s (%s) by %s", clock(c.UpdatedAt, zone), ago(c.UpdatedAt, time.Now()), movedBy(c.RunID, c.Who, c.Why))
	a.field("version", "%d", c.Version)
}

// position is what is asked about: a job in a lane, or in the one it has a checkpoint in.
type position struct {
	Job  string     `json:"job"`
	Lane state.Lane `json:"lane,omitempty"`
}

// placed is how far a job has read in a lane, and what else there is to know about it.
type placed struct {
	Lane       state.Lane       `json:"lane"`
	Found      bool             `json:"found"`
	Checkpoint state.Checkpoint `json:"checkpoint"`
	Run        int64            `json:"run,omitempty"`      // one that is under way
	LastFull   time.Time        `json:"last_full,omitzero"` // when the last complete pass ended
	Also       bool             `json:"also,omitempty"`     // there is one in the other lane, too
}

func askCheckpoint() question[position, placed] {
	return question[position, placed]{"checkpoint", func(ctx context.Context, a *app, s *state.Store, q position) (p placed, err error) {
		if p.Lane, err = chooseLane(ctx, s, q.Job, q.Lane, state.Forward); err != nil {
			return p, err
		}
		if p.Checkpoint, p.Found, err = s.Checkpoint(ctx, q.Job, p.Lane); err != nil {
			return p, err
		}
		if !p.Found {
			if err := a.known(ctx, s, q.Job); err != nil {
				return p, err
			}
		}
		if p.Run, err = runAlive(ctx, s, q.Job); err != nil {
			return p, err
		}
		if p.LastFull, _, err = s.LastFull(ctx, q.Job); err != nil {
			return p, err
		}
		_, p.Also, err = s.Checkpoint(ctx, q.Job, otherLane(p.Lane))
		return p, err
	}}
}

// sayAround says what else there is to know about how far a job has read.
func (a *app) sayAround(job string, p placed, zone *time.Location) {
	if p.Run > 0 {
		a.say("run %d is under way", p.Run)
	}
	if !p.LastFull.IsZero() {
		a.say("the last complete pass ended %s", clock(p.LastFull, zone))
	}
	if other := otherLane(p.Lane); p.Also {
		a.say("there is one in lane %s too: milkrun checkpoint show %s --lane %s", string(other), job, string(other))
	}
}

func otherLane(lane state.Lane) state.Lane {
	if lane == state.Full {
		return state.Forward
	}
	return state.Full
}

func laneFlag(cmd *cobra.Command, lane *state.Lane) {
	cmd.Flags().Var(oneOf[state.Lane]{lane, lanes()}, "lane", "forward (what is new) or full (a complete pass that is under way)")
}

func lanes() []state.Lane { return []state.Lane{state.Forward, state.Full} }

// chooseLane is the lane that was asked for, else the one there is a checkpoint in, forward before full; without any, it
// is none.
func chooseLane(ctx context.Context, store *state.Store, job string, asked, none state.Lane) (state.Lane, error) {
	if asked != "" {
		return asked, nil
	}
	for _, lane := range lanes() {
		if _, found, err := store.Checkpoint(ctx, job, lane); found || err != nil {
			return lane, err
		}
	}
	return none, nil
}
