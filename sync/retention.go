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
	before := e.now().Add(-job.Retention)
	gone, err := sink.Expire(ctx, before)
	if err != nil {
		return fmt.Errorf("retention of job %s: %w", job.Name, err)
	}
	if gone == 0 {
		return nil
	}
	what := fmt.Sprintf("retention: %s deleted, delivered before %s", records(gone), before.UTC().Format(time.RFC3339))
	e.Log.WithField("job", job.Name).Info(what)
	return e.Store.Audit(ctx, housekeeper, what, job.Name, "")
}

// expire deletes after a good run what is older than the job's retention. What goes wrong there does not make the run a bad
// one: it is noted, and tried again with the next run, and daily.
func (r *run) expire() {
	sink, ok := r.sink.(feed.Expirer)
	if r.job.Retention == 0 || !ok {
		return
	}
	if err := r.engine.expire(context.WithoutCancel(r.soft), r.job, sink); err != nil {
		r.event("retention", "%v", err)
	}
}
