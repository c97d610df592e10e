package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/config"
)

// cure is what ends a halt, a line each: what to mend, and the command.
func cure(h state.Halt) string {
	if h.Code == state.CodeDoubt {
		return h.Remedy // settling the doubt ends it
	}
	return h.Remedy + "\n" + resuming(h.Name)
}

func resuming(name string) string { return "milkrun resume " + name }

// heldBack gives the error of a job that may not run the way to end its halt. Other errors stay as they are.
func heldBack(err error, loc *time.Location) error {
	var halted *sync.HaltedError
	if !errors.As(err, &halted) {
		return err
	}
	if halted.Who != "" {
		return &exit{code: exitError, remedy: cure(halted.Halt), cause: err}
	}
	return &exit{code: exitError, remedy: cure(halted.Halt),
		cause: fmt.Errorf("%s %s is halted since %s: %s", halted.Scope, halted.Name, clock(halted.At, loc), halted.Reason)}
}

// advice is what to do after a run of a job that halted or failed, a line each: what ends the halts the job is under since
// then, or what happens by itself.
func advice(ctx context.Context, store *state.Store, job *config.Job, run state.Run) string {
	if run.State == state.Failed {
		return standing.AfterFailure(job, run)
	}
	held, err := standing.Held(ctx, store)
	if err != nil {
		return run.Remedy // the error of the run counts more than this one
	}
	var lines []string
	for _, h := range held.Of(job.Name, job) {
		lines = append(lines, cure(h))
	}
	return strings.Join(lines, "\n")
}
