package sync

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/schedule"
)

// lookAgain is the longest the scheduler sleeps: timers do not notice that the wall clock was set or the machine slept.
const lookAgain = 20 * time.Second

// watch looks after the slots of one job. All of it but do belongs to the goroutine of serve.
type watch struct {
	engine *Engine
	name   string
	job    *config.Job // as configured now, nil when the configuration has it no more
	plan   *string     // when it is due, as text; nil before the first configuration
	since  time.Time   // slots up to it are decided, or were never due
	any    bool        // since is a decided slot
	back   bool        // the clock shows a time before since
	busy   bool
	aside  bool       // what runs is a unit of a backfill, after which a slot has its turn whatever overlap says
	queued time.Time  // with overlap = "queue": the slot that waits for the run to end
	done   chan error // a run has ended; an error when the state file is at fault
	runs   errgroup.Group
	calls  chan call
	left   chan struct{} // closed when nobody serves any more

	idle   idling        // looks in a row that found nothing
	passed passing       // slots of a poll that led to no run, without a record yet
	woken  chan struct{} // the change feed says that something is new
	deaf   func()        // stops listening to it; nil: there is none
	news   bool          // something is new and no run has begun since
	newsAt time.Time     // when the budget of runs that news begin is full again
}

// call is something that is done between two looks.
type call struct {
	do     func(context.Context) error
	answer chan error
}

func newWatch(e *Engine, job string) *watch {
	return &watch{engine: e, name: job, done: make(chan error, 1), calls: make(chan call), left: make(chan struct{}),
		woken: make(chan struct{}, 1)}
}

// do has something done by the goroutine of serve, and returns its error.
func (w *watch) do(ctx context.Context, what func(context.Context) error) error {
	c := call{what, make(chan error, 1)}
	select {
	case w.calls <- c:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.left:
		return errNotServing
	}
	select {
	case err := <-c.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-w.left:
		return errNotServing
	}
}

func (w *watch) serve(ctx context.Context) error {
	defer w.runs.Wait() //nolint:errcheck // runs report their errors themselves
	defer close(w.left)
	defer w.unfollow()
	for ctx.Err() == nil {
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("slots of job %s: %w", w.name, err)
		}
		if err := w.sleep(ctx); err != nil {
			return err
		}
	}
	kept := context.WithoutCancel(ctx)
	return errors.Join(w.keepIdle(kept), w.keepPassed(kept))
}

// adopt goes on with the job as it is configured now, nil when it is not any more.
func (w *watch) adopt(ctx context.Context, job *config.Job) error {
	plan := ""
	if w.job = job; w.due() {
		plan = job.Plan()
	}
	w.follow(ctx)
	if w.plan != nil && *w.plan == plan {
		return nil
	}
	w.plan = &plan
	if err := errors.Join(w.keepIdle(ctx), w.keepPassed(ctx)); err != nil {
		return err
	}
	if plan == "" && !w.queued.IsZero() {
		slot := one(w.queued).slot(w.name, state.Missed, "the job has no schedule any more")
		w.queued = time.Time{}
		if err := w.record(ctx, slot); err != nil {
			return err
		}
	}
	first, err := w.engine.Store.JobSince(ctx, w.name, plan)
	if err != nil {
		return err
	}
	last, ever, err := w.engine.Store.LastSlot(ctx, w.name)
	if now := w.engine.now(); first.After(now) {
		first = now // the clock was ahead then
	}
	if w.since, w.any = first, false; ever && !last.Before(first) {
		w.decided(last)
	}
	return err
}

// due says whether slots of the job are due at all.
func (w *watch) due() bool { return w.job != nil && w.job.Enabled }

// trigger begins a run by hand.
func (w *watch) trigger(ctx context.Context, start Start) error {
	switch {
	case w.job == nil:
		return fmt.Errorf("there is no job %q any more", w.name)
	case w.busy:
		return w.engine.busy(w.name)
	}
	w.begin(ctx, start)
	return nil
}

// beginAtOnce goes on with a run that was interrupted, by a kill or a stop, or runs the job because it was asked to. Runs
// by hand are not taken up again: whoever started them decides. A paused job goes on with the first slot after its pause.
func (w *watch) beginAtOnce(ctx context.Context, asked bool) error {
	if !w.due() {
		return nil
	}
	paused, err := w.engine.Store.Paused(ctx)
	if err != nil {
		return err
	}
	if _, off := paused[w.name]; off {
		return nil
	}
	last, err := w.engine.Store.Runs(ctx, state.RunFilter{Job: w.name, Limit: 1})
	if err != nil {
		return err
	}
	byHand := len(last) > 0 && (last[0].Trigger == state.Manual || !last[0].Trigger.Forward())
	if len(last) > 0 && last[0].State == state.Interrupted && !byHand {
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
	if next := w.next(); !next.IsZero() {
		until := next.Add(schedule.Jitter(w.name, next, w.job.Jitter)).Sub(now)
		if until > 0 || !w.busy { // one that is due already waits for the run to end
			wait = max(min(wait, until), time.Millisecond)
		}
	}
	if w.news && !w.busy {
		wait = max(min(wait, w.newsIn(now)), time.Millisecond)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case err := <-w.done:
		w.busy = false
		var idle *idleError
		if errors.As(err, &idle) {
			return w.idled(context.WithoutCancel(ctx), idle)
		}
		return err
	case <-w.woken:
		w.news = true
	case c := <-w.calls:
		c.answer <- c.do(ctx)
	case <-ctx.Done():
	}
	return nil
}

// next is the next slot without a decision, zero when there is none.
func (w *watch) next() time.Time {
	if !w.due() {
		return time.Time{}
	}
	return w.job.Schedule.Next(w.since)
}

// look decides about the slots that are due now.
func (w *watch) look(ctx context.Context) error {
	if !w.due() {
		return nil
	}
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
		return w.readNews(ctx, now)
	}
	if held, err := w.held(ctx, due); held || err != nil {
		return err
	}
	if err := w.keepPassed(ctx); err != nil {
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
	p.start.poll = p.start.Trigger == state.Schedule && len(p.start.Decisions) == 1 && quick(w.job, p.start.Slot)
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
		w.engine.Log.WithField("job", w.name).Warnf("the clock was set back to %s; slots up to %s are decided already",
			now.Format(time.RFC3339), w.since.Format(time.RFC3339))
	}
	if w.back = back; back && !w.any {
		w.since = now
	}
}

// held records that nothing runs because an operator paused the job, or the engine halted it.
func (w *watch) held(ctx context.Context, due overdue) (bool, error) {
	decision, note, err := w.stopped(ctx)
	if decision == "" || err != nil {
		return false, err
	}
	all := due.all()
	if quick(w.job, all.last) {
		return true, w.passOver(ctx, all, decision, note)
	}
	w.decided(all.last)
	return true, w.record(ctx, all.slot(w.name, decision, note))
}

// stopped says why nothing may run: paused by an operator, or halted by the engine; "" when it may.
func (w *watch) stopped(ctx context.Context) (decision, note string, err error) {
	paused, err := w.engine.Store.Paused(ctx)
	if err != nil {
		return "", "", err
	}
	if p, ok := paused[w.name]; ok {
		decision, note = state.Paused, "by "+p.Who
	}
	var halted *HaltedError
	if err := w.engine.Blocked(ctx, w.job); errors.As(err, &halted) {
		if decision, note = state.Held, halted.Error(); halted.Who != "" {
			decision = state.Paused
		}
	} else if err != nil {
		return "", "", err
	}
	return decision, note, nil
}

// overlap decides about slots that come due while the job runs.
func (w *watch) overlap(ctx context.Context, due overdue) error {
	if due.current.IsZero() || due.missed.count > 0 && w.job.CatchUp != "none" {
		return nil // slots that came while nobody was looking are made up for when the run is over
	}
	if w.job.Overlap == "skip" && !w.aside && w.queued.IsZero() && due.gone.count == 0 && quick(w.job, due.current) {
		return w.passOver(ctx, due.all(), state.Skipped, "the run before it is still under way")
	}
	var decisions []state.Slot
	if !w.queued.IsZero() {
		decisions = append(decisions, one(w.queued).slot(w.name, state.Coalesced, "several waited for the run before them; the last one runs"))
	}
	decisions = append(decisions, decide(w.job, overdue{gone: due.gone, missed: due.missed}).decide...)
	if w.job.Overlap == "queue" || w.aside {
		w.queued = due.current
	} else {
		decisions = append(decisions, one(due.current).slot(w.name, state.Skipped, "the run before it is still under way"))
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
	decisions := []state.Slot{one(slot).slot(w.name, state.Ran, "waited for the run before it")}
	if all := due.all(); all.count > 0 && w.job.CatchUp != "all" {
		w.decided(all.last)
		decisions = append(decisions, all.slot(w.name, state.Coalesced, "made up for by the run that begins now"))
	}
	w.begin(ctx, Start{Trigger: state.Schedule, Slot: slot, Decisions: decisions})
	return nil
}

// record keeps decisions. Slots that are decided already, because the clock was set back, stay as they are.
func (w *watch) record(ctx context.Context, slots ...state.Slot) error {
	for _, s := range slots {
		err := w.engine.Store.Decide(ctx, s)
		if errors.Is(err, state.ErrDecided) {
			continue
		}
		if err != nil {
			return err
		}
		w.engine.observe(func(o Observer) { o.Decided(s) })
		w.engine.Log.WithFields(logrus.Fields{"job": s.Job, "slot": s.At.Format(time.RFC3339), "slots": s.Count}).
			Info(strings.TrimSpace("slot " + s.Decision + " " + s.Note))
	}
	return nil
}

// begin runs the job in the background.
func (w *watch) begin(ctx context.Context, s Start) {
	w.busy, w.aside = true, !s.Trigger.Forward()
	w.news = w.news && s.ranged()
	job := w.job // a run finishes with what it began with
	w.runs.Go(func() error {
		w.done <- w.run(ctx, job, s)
		return nil
	})
}

// run runs the job. What goes wrong in the run is the run's affair; the error is the state file's.
func (w *watch) run(ctx context.Context, job *config.Job, s Start) error {
	r, err := w.engine.Run(ctx, job, s)
	var halted *HaltedError
	var busy *BusyError
	var broken *state.Error
	var idle *idleError
	switch {
	case errors.As(err, &idle):
		return idle
	case errors.As(err, &halted) && halted.fresh:
		return w.record(context.WithoutCancel(ctx), redecided(s.Decisions, state.Held, halted.Error())...)
	case errors.As(err, &busy), errors.Is(err, state.ErrRunning):
		return w.record(context.WithoutCancel(ctx), redecided(s.Decisions, state.Skipped, err.Error())...)
	case errors.Is(err, state.ErrDecided):
		w.engine.Log.WithField("job", w.name).Info("no run begins: " + err.Error())
		return nil
	case errors.As(err, &broken), err != nil && r.ID == 0 && ctx.Err() == nil: // its slots are not decided
		return err
	}
	return nil
}
