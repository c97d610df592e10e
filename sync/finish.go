package sync

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"milkrun/state"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/mask"
)

// finish records how the run ended, and halts what the error says must be halted.
func (r *run) finish(err error) (state.Run, error) {
	ctx := context.WithoutCancel(r.soft)
	r.reading.Wait() // what is to come is counted beside the reading, which has been ended
	r.mu.Lock()
	r.rec.FinishedAt, r.rec.Counts, r.rec.CursorTo = r.engine.now(), r.live, r.checkpoint.Cursor
	r.rec.State = r.outcome(err)
	r.rec.Waiting = r.waiting(r.rec.State)
	r.mu.Unlock()
	if err != nil {
		verdict := feed.Judge(err)
		r.rec.Error, r.rec.Code, r.rec.Remedy = mask.Scrub(err.Error()), verdict.Code, verdict.Remedy
		if !verdict.Until.IsZero() {
			r.rec.Code = state.CodeWaiting
		}
		if r.rec.Remedy == "" {
			r.rec.Remedy = state.Remedy(err)
		}
	}
	r.logEnd(err)
	if r.rec.State == state.Halted {
		err = errors.Join(err, r.haltFor(ctx, err))
	}
	err = errors.Join(err, r.engine.Store.FinishRun(ctx, r.rec))
	r.check.keep(ctx)
	fresh := r.settled(state.Counts{})
	r.engine.observe(func(o Observer) { o.Moved(r.job.Name, fresh) })
	r.engine.observe(func(o Observer) { o.Ended(r.rec) })
	return r.rec, err
}

// outcome is the state a run ends in.
func (r *run) outcome(err error) state.RunState {
	var halted *HaltedError
	var cancelled *cancelledError
	switch {
	case err == nil && r.rec.Counts.Rejected > 0:
		return state.Part
	case err == nil:
		return state.Done
	case errors.As(err, &cancelled):
		return state.Cancelled
	case errors.As(err, &halted):
		return state.Halted
	case errors.Is(err, errStopped), !feed.Judge(err).Until.IsZero():
		return state.Interrupted
	}
	if v := feed.Judge(err).Verdict; v == feed.HaltJob || v == feed.HaltConnection {
		return state.Halted
	}
	return state.Failed
}

// haltFor halts the job or the connection for an error; one that is halted already stays as it is.
func (r *run) haltFor(ctx context.Context, err error) error {
	var halted *HaltedError
	if errors.As(err, &halted) {
		return nil
	}
	h := state.Halt{Scope: state.JobScope, Name: r.job.Name, At: r.engine.now(), Code: r.rec.Code, Reason: r.rec.Error, Remedy: r.rec.Remedy, RunID: r.rec.ID}
	if connection := guilty(err); connection != "" {
		h.Scope, h.Name = state.ConnectionScope, connection
	}
	err = r.engine.halt(ctx, h)
	if h.Code == state.CodeDoubt {
		err = errors.Join(err, r.engine.Store.EndDoubt(ctx, h.Name)) // a report may have settled it meanwhile
	}
	return err
}

// guilty is the connection that an error halts, "" when it halts none.
func guilty(err error) string {
	var inner *kind.InnerError
	var side *sideError
	switch {
	case feed.Judge(err).Verdict != feed.HaltConnection:
		return ""
	case errors.As(err, &inner):
		return inner.Connection
	case errors.As(err, &side):
		return side.connection
	}
	return ""
}

func (r *run) logEnd(err error) {
	c := r.rec.Counts
	log := r.log.WithFields(logrus.Fields{"state": r.rec.State, "read": c.Read, "delivered": c.Delivered, "rejected": c.Rejected,
		"took": r.rec.FinishedAt.Sub(r.rec.StartedAt).Round(time.Millisecond).String()})
	switch {
	case err == nil:
		log.Info("run ends")
	case r.rec.State == state.Interrupted || r.rec.State == state.Cancelled:
		log.Info("run ends early: " + r.rec.Error)
	default:
		log.WithField("remedy", r.rec.Remedy).Error("run ends: " + r.rec.Error)
	}
}
