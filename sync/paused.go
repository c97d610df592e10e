package sync

import (
	"context"

	"milkrun/sync/feed"
)

// paused looks before a call whether an operator has paused its connection, be it in another process, and then ends the run.
func (r *run) paused(ctx context.Context, connection string) error {
	h, paused, err := r.engine.Store.PausedConnection(context.WithoutCancel(ctx), connection)
	if err != nil || !paused {
		return err
	}
	h.At = h.At.In(r.job.Location)
	halted := &HaltedError{Halt: h}
	r.cancel(halted)
	return feed.Errorf(feed.Fail, h.Code, "%w", halted)
}
