package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/config"
)

// holds is all that keeps jobs from running.
type holds struct {
	halts  []state.Halt
	paused map[string]state.Pausing
}

func heldNow(ctx context.Context, store *state.Store) (h holds, err error) {
	if h.halts, err = store.Halts(ctx); err == nil {
		h.paused, err = store.Paused(ctx)
	}
	return h, err
}

// halting are the halts that a job is under: its own, and those of its connections.
func (h holds) halting(job *config.Job) (list []state.Halt) {
	for _, halt := range h.halts {
		own := halt.Scope == state.JobScope && halt.Name == job.Name
		if own || halt.Scope == state.ConnectionScope && (halt.Name == job.Source.Connection.Name || halt.Name == job.Sink.Connection.Name) {
			list = append(list, halt)
		}
	}
	return list
}

// how says how a job is held: halted, which counts more, or paused; "" when it is not.
func (h holds) how(job *config.Job) string {
	if len(h.halting(job)) > 0 {
		return string(state.Halted)
	}
	if _, paused := h.paused[job.Name]; paused {
		return "paused"
	}
	return ""
}

// names are the names that can be resumed: those of the configuration, and what is held under a name it had before.
func (h holds) names(conf *config.Config) []string {
	set := map[string]bool{}
	for _, job := range conf.Jobs {
		set[job.Name] = true
	}
	for name := range conf.Connections {
		set[name] = true
	}
	for _, halt := range h.halts {
		set[halt.Name] = true
	}
	for name := range h.paused {
		set[name] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// cure is what ends a halt, a line each: what to mend, and the command.
func cure(h state.Halt) string { return h.Remedy + "\n" + resuming(h.Name) }

func resuming(name string) string { return "milkrun resume " + name }

// heldBack gives the error of a job that may not run the way to end its halt. Other errors stay as they are.
func heldBack(err error, loc *time.Location) error {
	var halted *sync.HaltedError
	if !errors.As(err, &halted) {
		return err
	}
	return &exit{code: exitError, remedy: cure(halted.Halt),
		cause: fmt.Errorf("%s %s is halted since %s: %s", halted.Scope, halted.Name, clock(halted.At, loc), halted.Reason)}
}
