package main

import (
	"errors"
	"fmt"
	"time"

	"milkrun/state"
	"milkrun/sync"
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
