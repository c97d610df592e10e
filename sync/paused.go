package sync

import (
	"context"

	"milkrun/state"
	"milkrun/sync/audit"
	"milkrun/sync/config"
	"milkrun/sync/feed"
)

// paused looks before a call whether an operator has paused one of its connections, be it in another process, and then ends
// the run.
func (r *run) paused(ctx context.Context, connections ...string) error {
	for _, connection := range connections {
		h, paused, err := r.engine.Store.PausedConnection(context.WithoutCancel(ctx), connection)
		if err != nil {
			return err
		}
		if paused {
			h.At = h.At.In(r.job.Location)
			halted := &HaltedError{Halt: h}
			r.cancel(halted)
			return feed.Errorf(feed.Fail, h.Code, "%w", halted)
		}
	}
	return nil
}

// Paused returns a *HaltedError when an operator has paused a connection that the job's source calls on: what only looks, and
// moves nothing, may not call there either. A halt does not keep it, as somebody may look whether it is mended.
func Paused(ctx context.Context, store *state.Store, job *config.Job) error {
	for _, connection := range job.Source.Connections() {
		h, paused, err := store.PausedConnection(ctx, connection)
		if err != nil {
			return err
		}
		if paused {
			h.At = h.At.In(job.Location)
			return &HaltedError{Halt: h, fresh: true}
		}
	}
	return nil
}

// inner begins a call for the values that a source asks about, on another connection than its own: not when that one is
// paused, and noted like every exchange.
func (r *run) inner(ctx context.Context, connection, place string) (context.Context, func(records int, err error), error) {
	if err := r.paused(ctx, connection); err != nil {
		return nil, nil, err
	}
	if r.unnoted {
		return ctx, func(int, error) {}, nil
	}
	call := r.contact(audit.In, connection, "", shownCursor(feed.Cursor(place)))
	return call.under(ctx), func(records int, err error) {
		r.prelude = append(r.prelude, func() { call.end(records, 0, err) })
	}, nil
}

// notePrelude notes what was asked for before the run had its number.
func (r *run) notePrelude() {
	for _, note := range r.prelude {
		note()
	}
	r.prelude = nil
}
