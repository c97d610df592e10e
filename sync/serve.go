package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/schedule"
)

// lookAgain is the longest the scheduler sleeps: timers do not notice that the wall clock was set or the machine slept.
const lookAgain = 20 * time.Second

// Serve runs the jobs of a configuration by their schedules until ctx ends, and then drains. First it goes on with the
// runs that were interrupted when the last daemon ended. With atOnce every job also runs once now. The error is one of
// the state file: without it no slot can be decided, so the daemon must not go on.
func (e *Engine) Serve(ctx context.Context, conf *config.Config, atOnce bool) error {
	if _, err := e.Store.Interrupt(ctx); err != nil {
		return err
	}
	workers, ctx := errgroup.WithContext(ctx)
	for _, job := range conf.Jobs {
		if !job.Enabled {
			continue
		}
		w := &watch{engine: e, job: job, since: e.now(), done: make(chan error, 1)}
		workers.Go(func() error { return w.serve(ctx, atOnce) })
	}
	return workers.Wait()
}

// watch looks after the slots of one job.
type watch struct {
	engine *Engine
	job    *config.Job
	since  time.Time // slots up to it are decided, or were never due
	any    bool      // since is a decided slot
	back   bool      // the clock shows a time before since
	busy   bool
	queued time.Time  // with overlap = "queue": the slot that waits for the run to end
	done   chan error // a run has ended; an error when the state file is at fault
	runs   errgroup.Group
}

func (w *watch) serve(ctx context.Context, atOnce bool) error {
	defer w.runs.Wait() //nolint:errcheck // runs report their errors themselves
	first, err := w.engine.Store.JobSince(ctx, w.job.Name)
	if err != nil {
		return err
	}
	last, ever, err := w.engine.Store.LastSlot(ctx, w.job.Name)
	switch {
	case err != nil:
		return err
	case ever:
		w.decided(last)
	case first.Before(w.since):
		w.since = first
	}
	if err := w.beginAtOnce(ctx, atOnce); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("slots of job %s: %w", w.job.Name, err)
		}
		if err := w.sleep(ctx); err != nil {
			return err
		}
	}
	return nil
}

// beginAtOnce goes on with a run that was interrupted, by a kill or a stop, or runs the job because it was asked to. Runs
// by hand are not taken up again: whoever started them decides. A paused job goes on with the first slot after its pause.
func (w *watch) beginAtOnce(ctx context.Context, asked bool) error {
	paused, err := w.engine.Store.Paused(ctx)
	if err != nil {
		return err
	}
	if _, off := paused[w.job.Name]; off {
		return nil
	}
	last, err := w.engine.Store.Runs(ctx, state.RunFilter{Job: w.job.Name, Limit: 1})
	if err != nil {
		return err
	}
	if len(last) > 0 && last[0].State == state.Interrupted && last[0].Trigger != state.Manual {
		w.begin(ctx, Start{Trigger: state.Resume, Slot: last[0].Slot})
	} else if asked {
		w.begin(ctx, Start{Trigger: state.Manual})
	}
	return nil
}

// sleep waits for the next slot, for the end of a run, or for the next look at the clock.
func (w *watch) sleep(ctx context.Context) error {
	now := w.engine.now()
	wait := lookAgain
	if next := w.job.Schedule.Next(w.since); !next.IsZero() {
		until := next.Add(schedule.Jitter(w.job.Name, next, w.job.Jitter)).Sub(now)
		if until > 0 || !w.busy { // one that is due already waits for the run to end
			wait = max(min(wait, until), time.Millisecond)
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case err := <-w.done:
		w.busy = false
		return err
	case <-ctx.Done():
	}
	return nil
}

// look decides about the slots that are due now.
func (w *watch) look(ctx context.Context) error {
	now := w.engine.now()
	w.notice(now)
	due := findDue(w.job, w.since, now)
	if w.busy {
		return w.overlap(ctx, due)
	}
	if !w.queued.IsZero() {
		return w.runQueued(ctx, due)
	}
	if due.all().count == 0 {
		return nil
	}
	if held, err := w.held(ctx, due); held || err != nil {
		return err
	}
	p := decide(w.job, due)
	if err := w.record(ctx, p.decide...); err != nil {
		return err
	}
	if !p.run {
		w.decided(due.all().last)
		return nil
	}
	w.decided(latest(p.start.Decisions))
	w.begin(ctx, p.start)
	return nil
}

// decided notes that every slot up to at has its decision.
func (w *watch) decided(at time.Time) { w.since, w.any = at, true }

// notice notices that the clock was set back. Slots that are decided are not due again; the job waits until the clock
// has passed them.
func (w *watch) notice(now time.Time) {
	back := now.Before(w.since.Add(-late))
	if back && !w.back {
		w.engine.Log.WithField("job", w.job.Name).Warnf("the clock was set back to %s; slots up to %s are decided already",
			now.Format(time.RFC3339), w.since.Format(time.RFC3339))
	}
	if w.back = back; back && !w.any {
		w.since = now
	}
}

// held records that nothing runs because an operator paused the job, or the engine halted it.
func (w *watch) held(ctx context.Context, due overdue) (bool, error) {
	decision, note := "", ""
	paused, err := w.engine.Store.Paused(ctx)
	if err != nil {
		return false, err
	}
	if p, ok := paused[w.job.Name]; ok {
		decision, note = state.Paused, "by "+p.Who
	}
	var halted *HaltedError
	if err := w.engine.Blocked(ctx, w.job); errors.As(err, &halted) {
		decision, note = state.Paused, halted.Error()
	} else if err != nil {
		return false, err
	}
	if decision == "" {
		return false, nil
	}
	all := due.all()
	w.decided(all.last)
	return true, w.record(ctx, all.slot(w.job.Name, decision, note))
}

// overlap decides about slots that come due while the job runs.
func (w *watch) overlap(ctx context.Context, due overdue) error {
	if due.current.IsZero() || due.missed.count > 0 && w.job.CatchUp != "none" {
		return nil // slots that came while nobody was looking are made up for when the run is over
	}
	var decisions []state.Slot
	if !w.queued.IsZero() {
		decisions = append(decisions, one(w.queued).slot(w.job.Name, state.Coalesced, "several waited for the run before them; the last one runs"))
	}
	decisions = append(decisions, decide(w.job, overdue{gone: due.gone, missed: due.missed}).decide...)
	if w.job.Overlap == "queue" {
		w.queued = due.current
	} else {
		decisions = append(decisions, one(due.current).slot(w.job.Name, state.Skipped, "the run before it is still under way"))
	}
	w.decided(due.current)
	return w.record(ctx, decisions...)
}

// runQueued begins the run that waited for the one before it.
func (w *watch) runQueued(ctx context.Context, due overdue) error {
	slot := w.queued
	w.queued = time.Time{}
	if held, err := w.held(ctx, overdue{missed: one(slot)}); held || err != nil {
		return err
	}
	decisions := []state.Slot{one(slot).slot(w.job.Name, state.Ran, "waited for the run before it")}
	if all := due.all(); all.count > 0 && w.job.CatchUp != "all" {
		w.decided(all.last)
		decisions = append(decisions, all.slot(w.job.Name, state.Coalesced, "made up for by the run that begins now"))
	}
	w.begin(ctx, Start{Trigger: state.Schedule, Slot: slot, Decisions: decisions})
	return nil
}

// record keeps decisions. Slots that are decided already, because the clock was set back, stay as they are.
func (w *watch) record(ctx context.Context, slots ...state.Slot) error {
	for _, s := range slots {
		if err := w.engine.Store.Decide(ctx, s); err != nil && !errors.Is(err, state.ErrDecided) {
			return err
		}
		w.engine.Log.WithField("job", s.Job).Infof("%d slots from %s: %s %s", s.Count, s.At.Format(time.RFC3339), s.Decision, s.Note)
	}
	return nil
}

// begin runs the job in the background.
func (w *watch) begin(ctx context.Context, s Start) {
	w.busy = true
	w.runs.Go(func() error {
		w.done <- w.run(ctx, s)
		return nil
	})
}

// run runs the job. What goes wrong in the run is the run's affair; the error is the state file's.
func (w *watch) run(ctx context.Context, s Start) error {
	r, err := w.engine.Run(ctx, w.job, s)
	var halted *HaltedError
	var busy *BusyError
	var broken *state.Error
	switch {
	case errors.As(err, &halted) && halted.fresh:
		return w.record(context.WithoutCancel(ctx), redecided(s.Decisions, state.Paused, halted.Error())...)
	case errors.As(err, &busy), errors.Is(err, state.ErrRunning):
		return w.record(context.WithoutCancel(ctx), redecided(s.Decisions, state.Skipped, err.Error())...)
	case errors.Is(err, state.ErrDecided):
		w.engine.Log.WithField("job", w.job.Name).Info("no run begins: " + err.Error())
		return nil
	case errors.As(err, &broken), err != nil && r.ID == 0 && ctx.Err() == nil: // its slots are not decided
		return err
	}
	return nil
}

// redecided is what becomes of slots whose run could not begin.
func redecided(slots []state.Slot, decision, note string) []state.Slot {
	out := slices.Clone(slots)
	for i := range out {
		out[i].Decision, out[i].Note = decision, note
	}
	return out
}

func latest(slots []state.Slot) time.Time {
	last := slots[0].Through
	for _, s := range slots {
		if s.Through.After(last) {
			last = s.Through
		}
	}
	return last
}
