package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
)

// checkCursor asks the source of a job what it thinks of a cursor. It returns the normal form, and the lane a job of this
// kind reads in.
func checkCursor(ctx context.Context, store *state.Store, job *config.Job, c feed.Cursor) (normal feed.Cursor, lane state.Lane, err error) {
	source, shut, err := openSource(ctx, store, job)
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, shut()) }()
	lane = state.Forward
	_, complete := source.(feed.Enumerator)
	if whole, ok := job.Source.Settings.(kind.Whole); complete || ok && whole.Whole() {
		lane = state.Full
	}
	checker, ok := source.(feed.CursorChecker)
	if !ok {
		return "", "", &exit{code: exitUsage, cause: fmt.Errorf("nobody can check a cursor of job %s: its source has no means to", job.Name),
			remedy: "milkrun checkpoint reset begins at the beginning; milkrun checkpoint import takes a cursor that was exported"}
	}
	if normal, err = checker.CheckCursor(c); err != nil {
		return "", "", &exit{code: exitUsage, cause: err, remedy: "milkrun checkpoint show " + job.Name + " prints the present one; nothing was changed"}
	}
	return normal, lane, nil
}

// checkRange asks the source of a job whether it can be read from one bound to the other, before a run begins.
func checkRange(ctx context.Context, store *state.Store, job *config.Job, start sync.Start) (err error) {
	if start.From == "" && start.To == "" {
		return nil
	}
	source, shut, err := openSource(ctx, store, job)
	if err != nil {
		return nil // the run tries that again, and says what is wrong
	}
	defer func() { err = errors.Join(err, shut()) }()
	ranger, ok := source.(feed.Ranger)
	if !ok {
		return &exit{code: exitUsage, cause: fmt.Errorf("the source of job %s cannot be read from one place to another", job.Name), remedy: "leave out --from and --to"}
	}
	if _, _, err := ranger.Range(start.From, start.To); err != nil {
		return &exit{code: exitUsage, cause: err, remedy: cmp.Or(feed.Judge(err).Remedy, "correct --from and --to; nothing was run")}
	}
	return nil
}

// openSource opens the source of a job for a question that moves nothing; not while an operator has paused a connection that it
// calls on: opening it may ask there already.
func openSource(ctx context.Context, store *state.Store, job *config.Job) (source feed.Source, shut func() error, err error) {
	if err := sync.Paused(ctx, store, job); err != nil {
		return nil, nil, heldBack(err, job.Location)
	}
	source, err = job.Source.Settings.Open(ctx, kind.Env{Job: job.Name, Connection: job.Source.Connection.Name, Location: job.Location})
	if err != nil {
		return nil, nil, fmt.Errorf("opening the source of job %s: %w", job.Name, err)
	}
	shut = func() error { return nil }
	if closer, ok := source.(io.Closer); ok {
		shut = closer.Close
	}
	return source, shut, nil
}
