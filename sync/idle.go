package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
)

const (
	// quickGap is the least time between two slots at which each of them leaves rows of its own in the state file. A job
	// with a smaller one polls: looks that find nothing, and slots that come while it runs, share rows.
	quickGap = time.Minute
	// idleKept is how long looks that found nothing are known to this process alone. After a crash within that time their
	// slots are due again, and get their decision then.
	idleKept = time.Minute
	// idleRow is how long one row stands for all looks that found nothing.
	idleRow = time.Hour
	// passKept is how long slots of a poll that led to no run share a row: they came while it ran, or was paused or halted.
	passKept = 10 * time.Minute
	// peekTime bounds a look; one that takes longer becomes a run like any other.
	peekTime = 10 * time.Second
)

// idleError ends a run that would have found nothing, before anything is recorded.
type idleError struct {
	start        Start
	began, ended time.Time
}

// Error says so; nobody reads it.
func (e *idleError) Error() string { return "nothing is new" }

// Idler is an [Observer] that is told of looks that found nothing, some at a time; they are no runs to the others.
type Idler interface {
	Idled(job string, last time.Time)
}

// quick says that the slot of a job is followed by another one so soon that it is a poll.
func quick(job *config.Job, slot time.Time) bool {
	next := job.Schedule.Next(slot)
	return !next.IsZero() && next.Sub(slot) < quickGap
}

// nothingNew looks behind the checkpoint, in a source that tells what is new. When it cannot be sure that there is
// nothing, there is something: what is wrong then is the run's to find out, and to record.
func (r *run) nothingNew() bool {
	if r.openErr != nil || r.full || r.once() || r.lane != state.Forward {
		return false
	}
	if _, complete := r.source.(feed.Enumerator); complete {
		return false
	}
	from := r.checkpoint.Cursor
	if rewinder, ok := r.source.(feed.Rewinder); ok {
		defer func() { r.rewound = nil }() // the run itself begins anew
		var err error
		if from, err = r.rewind(rewinder, from); err != nil {
			return false
		}
	}
	ctx, cancel := context.WithTimeout(r.soft, peekTime)
	defer cancel()
	for {
		p, err := r.look(ctx, from)
		if err != nil || len(p.Rejected) > 0 || r.fresh(page{Page: p, after: from, at: -1}).Rows.Len() > 0 {
			return false
		}
		if p.Done {
			return r.rewound != nil || p.Next == r.checkpoint.Cursor
		}
		if p.Next == from {
			return false
		}
		from = p.Next
	}
}

// look fetches one page of a look. A pause ends it before the call.
func (r *run) look(ctx context.Context, from feed.Cursor) (feed.Page, error) {
	for _, connection := range r.job.Source.Connections() {
		if _, paused, err := r.engine.Store.PausedConnection(ctx, connection); paused || err != nil {
			return feed.Page{}, errors.Join(errStopped, err)
		}
	}
	call := r.asks(shownCursor(from))
	p, err := r.source.Fetch(call.under(ctx), from, r.job.PageSize)
	switch {
	case err != nil && ctx.Err() != nil: // it was cut off, which says nothing of the partner
		call.end(0, 0, err)
	case err != nil || len(call.made) > 0:
		r.looked = append(r.looked, looked{from, call, p, err})
	}
	return p, err
}

// looked is what a look was told by a partner, be it an error: a run that goes on from there does not ask for it again.
type looked struct {
	after feed.Cursor
	call  *contact
	page  feed.Page
	err   error
}

// asked fetches the page behind a place, or has what the look got there.
func (r *run) asked(ctx context.Context, source feed.Source, call *contact, after feed.Cursor, limit int) (feed.Page, error) {
	if l, ok := r.lookedAt(after); ok {
		call.made = l.call.made
		return l.page, l.err
	}
	return source.Fetch(call.under(ctx), after, limit)
}

func (r *run) lookedAt(after feed.Cursor) (l looked, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.looked, func(l looked) bool { return l.after == after })
	if i < 0 {
		return l, false
	}
	l = r.looked[i]
	r.looked = slices.Delete(r.looked, i, i+1)
	return l, true
}

// noteLooks notes the exchanges of looks that no run took up.
func (r *run) noteLooks() {
	for _, l := range r.looked {
		l.call.end(l.page.Rows.Len(), len(l.page.Rejected), l.err)
	}
	r.looked = nil
}

// idling are looks in a row that found nothing: as the state file has them, and those that are not there yet.
type idling struct {
	state.Idle
	next   time.Time // the slot behind them
	keptAt time.Time
	kept   int64 // of the slots
}

// idled takes up a look that found nothing. One that no slot asked for leaves no trace.
func (w *watch) idled(ctx context.Context, e *idleError) error {
	if len(e.start.Decisions) == 0 {
		return nil
	}
	slot := e.start.Decisions[0]
	if w.idle.Run == 0 || !w.idle.next.Equal(slot.At) || slot.At.Sub(w.idle.Slot.At) >= idleRow {
		if err := w.keepIdle(ctx); err != nil {
			return err
		}
		slot.Note = "nothing was new"
		w.idle = idling{Idle: state.Idle{Slot: slot}}
	}
	w.idle.Slot.Through, w.idle.Polls = slot.Through, w.idle.Polls+1
	w.idle.Slot.Count = w.idle.Polls
	w.idle.Started, w.idle.Ended = e.began, e.ended
	if w.job != nil {
		w.idle.next = w.job.Schedule.Next(slot.Through)
	}
	if w.idle.Run != 0 && e.ended.Sub(w.idle.keptAt) < idleKept {
		return nil
	}
	return w.keepIdle(ctx)
}

// keepIdle brings the state file up to date with the looks that found nothing.
func (w *watch) keepIdle(ctx context.Context) error {
	fresh := w.idle.Polls - w.idle.kept
	if fresh == 0 {
		return nil
	}
	id, err := w.engine.Store.KeepIdle(ctx, w.idle.Idle)
	if errors.Is(err, state.ErrDecided) { // the clock was set back
		w.engine.Log.WithField("job", w.name).Info("looks that found nothing are not recorded: " + err.Error())
		w.idle = idling{}
		return nil
	}
	if err != nil {
		return fmt.Errorf("polls of job %s: %w", w.name, err)
	}
	w.idle.Run, w.idle.kept, w.idle.keptAt = id, w.idle.Polls, w.idle.Ended
	told := w.idle.Slot
	told.Count, told.Decision, told.RunID = fresh, state.Ran, id
	w.engine.observe(func(o Observer) {
		o.Decided(told)
		if i, ok := o.(Idler); ok {
			i.Idled(w.name, w.idle.Ended)
		}
	})
	return nil
}

// passing are slots of a poll in a row that led to no run, for one reason, and have no record yet.
type passing struct {
	span
	decision, note string
}

// passOver takes up slots of a poll that lead to no run; those in a row share a record.
func (w *watch) passOver(ctx context.Context, all span, decision, note string) error {
	other := w.passed.decision != decision || w.passed.note != note
	if w.passed.count > 0 && (other || all.last.Sub(w.passed.first) >= passKept) {
		if err := w.keepPassed(ctx); err != nil {
			return err
		}
	}
	if w.passed.count == 0 {
		w.passed = passing{span{first: all.first}, decision, note}
	}
	w.passed.last, w.passed.count = all.last, w.passed.count+all.count
	w.decided(all.last)
	return nil
}

// keepPassed records the slots that were passed over.
func (w *watch) keepPassed(ctx context.Context) error {
	if w.passed.count == 0 {
		return nil
	}
	slot := w.passed.slot(w.name, w.passed.decision, w.passed.note)
	w.passed = passing{}
	return w.record(ctx, slot)
}
