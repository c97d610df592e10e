package sync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"milkrun/state"
	"milkrun/sync/feed"
)

// deliverOnce delivers a batch to an opaque sink (invariant 3): it is recorded before the first byte leaves. Only what
// certainly never left is sent again. When nobody can know what became of it, it is in doubt and the job halts, so that
// neither the engine nor a restart sends it again.
func (c *courier) deliverOnce(ctx context.Context, b *batch) ([]feed.Rejection, error) {
	store := c.run.engine.Store
	id, err := store.AddIntent(ctx, state.Intent{Job: c.run.job.Name, RunID: c.run.id(), Seq: int64(b.number), After: b.after,
		Digest: fingerprint(b.rows), Records: b.rows.Len()})
	if err != nil {
		return nil, err
	}
	b.intent = id
	ctx = c.run.engine.traced(ctx, c.run.job.Sink.Connection.Name)
	var rejected []feed.Rejection
	err = c.run.attempts(1, fmt.Sprintf("batch %s", id)).do(c.run.soft, func() error {
		if err := store.MarkIntent(ctx, id, state.IntentSent); err != nil {
			return feed.Errorf(feed.Fail, "state", "%w", err)
		}
		if err := c.run.step("delivering"); err != nil {
			return err
		}
		var err error
		if rejected, err = c.sink.Deliver(ctx, b.rows); err == nil {
			return nil
		}
		return c.known(ctx, id, err)
	})
	if err != nil {
		return nil, c.run.sinkError("batch "+id, err)
	}
	return rejected, nil
}

// undoubted refuses to begin while a batch of the job is in doubt: what stands behind the checkpoint may hold it. Batches
// that were recorded and never left are no longer of interest.
func (r *run) undoubted() error {
	if _, once := r.sink.(feed.Opaque); !once {
		return nil
	}
	ctx := context.WithoutCancel(r.soft)
	open, err := r.engine.Store.OpenIntents(ctx, r.job.Name)
	if err != nil {
		return err
	}
	for _, i := range open {
		if i.State != state.IntentRecorded {
			return feed.Errorf(feed.HaltJob, "doubt", "nobody knows whether batch %s of %d records was delivered", i.ID, i.Records).
				WithRemedy("ask the partner what became of it; it is not sent again by itself")
		}
		if err := r.engine.Store.MarkIntent(ctx, i.ID, state.IntentSettled); err != nil {
			return err
		}
	}
	return nil
}

// known passes on an error that tells what became of the batch: it never left, or the partner refused it. Any other
// puts the batch in doubt.
func (c *courier) known(ctx context.Context, id string, err error) error {
	ctx = context.WithoutCancel(ctx) // what is known is recorded, also when the delivery was cut off
	verdict := feed.Judge(err)
	if verdict.Unsent || verdict.Verdict != feed.Retry {
		if mark := c.run.engine.Store.MarkIntent(ctx, id, state.IntentRecorded); mark != nil {
			return feed.Errorf(feed.Fail, "state", "%w", mark)
		}
		return err
	}
	if mark := c.run.engine.Store.MarkIntent(ctx, id, state.IntentDoubt); mark != nil {
		return feed.Errorf(feed.Fail, "state", "%w", mark)
	}
	return feed.Errorf(feed.HaltJob, "doubt", "nobody knows whether batch %s was delivered: %w", id, err).
		WithRemedy("ask the partner what became of it; it is not sent again by itself")
}

// fingerprint tells batches apart without keeping what is in them.
func fingerprint(b feed.Batch) string {
	h := sha256.New()
	for _, v := range b.Values {
		fmt.Fprintf(h, "%T %v\x00", v, v) // hash.Hash never returns an error
	}
	return hex.EncodeToString(h.Sum(nil))
}
