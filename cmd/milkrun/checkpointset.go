package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"milkrun/state"
)

func (a *app) checkpointSetCommand() *cobra.Command {
	c := &change{}
	return changeFlags(&cobra.Command{
		Use:   "set JOB CURSOR",
		Short: "Move the checkpoint of a job to a cursor",
		Long: `Move the checkpoint of a job that does not run. The next run reads what stands behind the cursor: records behind it
are delivered again, records before it are not read any more. The job's source checks the cursor; an error shows what a
good one looks like, and milkrun checkpoint show prints the present one.`,
		Example: `  milkrun checkpoint set affairs '["2026-11-20 08:15:00",4711]' --why "the partner asks for them again"
  milkrun checkpoint set affairs '{"from":["2026-11-20"]}' --why "the partner asks for Friday again"`,
		Args: arguments(cobra.ExactArgs(2)),
	}, c, func(cmd *cobra.Command) error { return a.setCheckpoint(cmd.Context(), *c) })
}

func (a *app) setCheckpoint(ctx context.Context, c change) error {
	conf, err := a.load(true)
	if err != nil {
		return err
	}
	defer a.shut(conf)
	job, err := findJob(conf, c.job)
	if err != nil {
		return err
	}
	store, err := a.change(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	cursor, none, err := checkCursor(ctx, store, job, c.cursor)
	if err != nil {
		return err
	}
	err = a.operate(ctx, store, c, none, func(lane state.Lane) error {
		return store.SetCheckpoint(ctx, c.job, lane, cursor, operator(), c.why)
	})
	if err == nil && none == state.Full {
		a.say("the source of job %s is read completely every time: a target that is replaced as a whole is read for from the beginning", c.job)
	}
	return err
}

func (a *app) checkpointResetCommand() *cobra.Command {
	c := &change{}
	cmd := changeFlags(&cobra.Command{
		Use:   "reset JOB",
		Short: "Remove the checkpoint of a job, so that it begins at the beginning",
		Long: `Remove the checkpoint of a job that does not run. In lane forward the next run delivers again every record the source
still has, and asks first; in lane full the complete pass starts over.`,
		Example: `  milkrun checkpoint reset affairs --yes --why "the partner lost its database"
  milkrun checkpoint reset grades --lane full --why "start tonight's pass over"`,
		Args: arguments(cobra.ExactArgs(1)),
	}, c, func(cmd *cobra.Command) error { return a.resetCheckpoint(cmd, *c) })
	return cmd
}

func (a *app) resetCheckpoint(cmd *cobra.Command, c change) error {
	ctx := cmd.Context()
	store, err := a.amend(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	lane, err := chooseLane(ctx, store, c.job, c.lane, state.Forward)
	if err != nil {
		return err
	}
	if _, found, err := store.Checkpoint(ctx, c.job, lane); err != nil {
		return err
	} else if !found {
		if err := a.known(ctx, store, c.job); err != nil {
			return err
		}
		a.say("nothing to reset: job %s has no checkpoint in lane %s and begins at the beginning anyway", c.job, string(lane))
		return nil
	}
	return a.operate(ctx, store, c, lane, func(lane state.Lane) error {
		if lane == state.Forward && !c.yes {
			if err := a.confirm(cmd.InOrStdin(), "job "+c.job+" will deliver again every record its source still has"); err != nil {
				return err
			}
		}
		return store.ResetCheckpoint(ctx, c.job, lane, operator(), c.why)
	})
}

// confirm asks an operator on a terminal. Anybody else has to say --yes.
func (a *app) confirm(in io.Reader, warning string) error {
	if w, ok := in.(io.Writer); !ok || !terminal(w) {
		return &exit{code: exitUsage, cause: fmt.Errorf("%s; nothing was changed", warning), remedy: "if that is what you want, add --yes"}
	}
	fmt.Fprint(a.stderr, a.lang.Sprintf("%s. Go on? [y/N] ", warning))
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return &exit{code: exitError, cause: errors.New("not confirmed; nothing was changed")}
}

func (a *app) checkpointUndoCommand() *cobra.Command {
	c := &change{}
	return changeFlags(&cobra.Command{
		Use:   "undo JOB",
		Short: "Take back the last change to a checkpoint by an operator",
		Long: `Bring back the checkpoint as it was before the last set, reset, import or undo, whatever runs have done since. Records
behind it are delivered again. A second undo takes the first one back.`,
		Example: `  milkrun checkpoint undo affairs --why "it was the other job"`,
		Args:    arguments(cobra.ExactArgs(1)),
	}, c, func(cmd *cobra.Command) error { return a.undoCheckpoint(cmd.Context(), *c) })
}

func (a *app) undoCheckpoint(ctx context.Context, c change) error {
	store, err := a.amend(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	if err := a.known(ctx, store, c.job); err != nil {
		return err
	}
	if c.lane == "" {
		if c.lane, err = lastOperated(ctx, store, c.job); err != nil {
			return err
		}
	}
	err = a.operate(ctx, store, c, state.Forward, func(lane state.Lane) error {
		_, err := store.UndoCheckpoint(ctx, c.job, lane, operator(), c.why)
		return err
	})
	if errors.Is(err, state.ErrNoUndo) {
		return &exit{code: exitError, cause: err, remedy: "milkrun checkpoint history " + c.job + " lists what changed; set moves it anywhere"}
	}
	return err
}
