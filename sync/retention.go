package sync

import (
	"context"
	"fmt"
	"io"
	"time"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
)

// housekeeper is who is named where the engine deletes by itself what an operator's configuration says.
const housekeeper = "milkrun"

// Expire deletes what a job delivered longer ago than its retention. The daemon calls it daily, also for jobs that do not run:
// what may be kept for 90 days does not stay longer because a job is paused. While the connection of the sink is halted or
// paused nothing is done, and the error is a *HaltedError.
func (e *Engine) Expire(ctx context.Context, job *config.Job) error {
	if job.Retention == 0 {
		return nil
	}
	name := job.Sink.Connection.Name
	halts, err := e.Store.Halts(ctx)
	if err != nil {
		return err
	}
	for _, h := range halts {
		if h.Scope == state.ConnectionScope && h.Name == name {
			return fmt.Errorf("retention of job %s: %w", job.Name, &HaltedError{Halt: h})
		}
	}
	sink, err := job.Sink.Settings.Open(ctx, kind.Env{Job: job.Name, Connection: name, Location: job.Location, RoundTripper: e.RoundTripper, Retention: job.Retention})
	if err != nil {
		return fmt.Errorf("retention of job %s: %w", job.Name, err)
	}
	if c, ok := sink.(io.Closer); ok {
		defer func() { _ = c.Close() }()
	}
	if x, ok := sink.(feed.Expirer); ok {
		return e.expire(ctx, job, x)
	}
	return nil
}

func (e *Engine) expire(ctx context.Context, job *config.Job, sink feed.Expirer) error {
	before := e.expiry(job)
	err := sink.Expire(ctx, before, func(gone int64) error {
		what := fmt.Sprintf("retention: %s deleted, delivered before %s", records(gone), before.Format(time.RFC3339))
		e.Log.WithField("job", job.Name).Info(what)
		return e.Store.Audit(ctx, housekeeper, what, job.Name, "")
	})
	if err != nil {
		return fmt.Errorf("retention of job %s: %w", job.Name, err)
	}
	e.expired.Store(job.Name, before)
	return nil
}

// expiry is the moment before which nothing of a job is kept, cut to the hour as what records are stamped with.
func (e *Engine) expiry(job *config.Job) time.Time {
	return e.now().Add(-job.Retention).UTC().Truncate(time.Hour)
}

// expire deletes after a good run what is older than the job's retention, once an hour: a job that runs every other second does
// not look through its table each time. What goes wrong there does not make the run a bad one: it is noted, and tried again
// with the next run, and daily. When ctx ends it is given up, which takes nothing away.
func (r *run) expire(ctx context.Context) {
	sink, ok := r.sink.(feed.Expirer)
	if r.job.Retention == 0 || !ok {
		return
	}
	if last, ever := r.engine.expired.Load(r.job.Name); ever && last == r.engine.expiry(r.job) {
		return
	}
	if err := r.engine.expire(ctx, r.job, sink); err != nil && ctx.Err() == nil {
		r.event("retention", "%v", err)
	}
}
