package sync

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"milkrun/state"
	"milkrun/sync/feed"
)

// maxPasses is how often an enumeration is read from the beginning when it does not become whole.
const maxPasses = 3

// enumeration is a complete reading of a source into a staging area that then becomes the target's current generation.
type enumeration struct {
	run    *run
	source feed.Source
	enum   feed.Enumerator
	sink   feed.Snapshotter
	reader *reader
	gen    feed.Generation
	drift  *sharedDrift
	reread int64 // pages read again to mend drift
	// confirmed says that this is the second reading, because the first one would have deleted records: the missing ones.
	confirmed bool
	missing   map[keySum]struct{}
	mu        sync.Mutex
	refused   refusals
}

func (r *run) enumerate(src feed.Source, enum feed.Enumerator, sink feed.Snapshotter) error {
	e := &enumeration{run: r, source: src, enum: enum, sink: sink,
		reader: &reader{run: r, source: src, limit: r.job.PageSize, ahead: r.job.Prefetch}}
	from := e.resume()
	r.mu.Lock()
	r.staging = true
	r.mu.Unlock()
	for pass := 1; ; pass++ {
		err := e.pass(from)
		again := errors.Is(err, errStartOver) || errors.Is(err, errToConfirm) || errors.Is(err, errNotWhole) && pass < maxPasses
		if !again {
			return err
		}
		r.event("pass", "reading from the beginning: %v", err)
		r.startOver()
		r.checkpoint = state.Checkpoint{Job: r.job.Name, Lane: state.Full}
		from, e.drift = "", &sharedDrift{drift: newDrift(r.job.PageSize, r.job.Prefetch)}
		e.confirmed = e.confirmed || errors.Is(err, errToConfirm)
		e.refused = refusals{}
	}
}

// enumerateInto delivers everything a source lists to a target that holds no generations. Rows that move while the pages
// are read hide records there too: then everything is read and delivered again, which an idempotent target does not mind.
// It always begins at the beginning: what moved since an interrupted reading nobody could tell.
func (r *run) enumerateInto(enum feed.Enumerator) error {
	e := &enumeration{run: r, source: r.source, enum: enum,
		reader: &reader{run: r, source: r.source, limit: r.job.PageSize, ahead: r.job.Prefetch}}
	for pass := 1; ; pass++ {
		r.checkpoint = state.Checkpoint{Job: r.job.Name, Lane: r.lane}
		e.drift = &sharedDrift{drift: newDrift(r.job.PageSize, r.job.Prefetch)}
		r.onPage = e.see
		if err := r.deliverFrom(r.source, ""); err != nil {
			return err
		}
		err := e.still()
		switch {
		case err == nil:
			return r.endPass()
		case !errors.Is(err, errNotWhole):
			return err
		case pass == maxPasses:
			return mayMiss(err)
		}
		r.event("pass", "reading from the beginning: %v", err)
		r.startOver()
	}
}

// still is nil when nothing hints at a row that moved.
func (e *enumeration) still() error {
	if e.drift.quiet() {
		if err := e.lookAgain(); err != nil {
			return err
		}
	}
	if !e.drift.quiet() {
		return notWhole(errors.New("rows moved while it was read"))
	}
	return e.beyond()
}

// resume is where an interrupted reading goes on, with what its earlier part saw of drift.
func (e *enumeration) resume() feed.Cursor {
	d, ok := driftFrom(e.run.checkpoint.Detail, e.run.job.PageSize, e.run.job.Prefetch)
	if !ok || e.run.checkpoint.Cursor == "" {
		e.drift = &sharedDrift{drift: newDrift(e.run.job.PageSize, e.run.job.Prefetch)}
		return ""
	}
	// Whatever happened while nobody was reading shows at this page, if anywhere.
	d.border(e.enum.Position(e.run.checkpoint.Cursor) / d.Size)
	e.refused.unknown = len(d.Refused) > 0 // by the earlier run, which knew their keys
	e.drift = &sharedDrift{drift: d}
	e.run.event("resume", "going on behind %s", shownCursor(e.run.checkpoint.Cursor))
	return e.run.checkpoint.Cursor
}

// pass reads everything behind from, mends what moved meanwhile, and swaps.
func (e *enumeration) pass(from feed.Cursor) error {
	reading, cancel := context.WithCancel(e.run.soft)
	defer cancel()
	pages := e.reader.pages(reading, from)
	first, err := e.run.first(pages)
	if err != nil {
		return err
	}
	if err := e.begin(first.Rows.Columns, e.enum.Position(from)); err != nil {
		return err
	}
	defer e.run.closing("staging area", e.gen)
	e.run.onPage = e.see
	stage := &flow{run: e.run, size: e.run.job.BatchSize, inFlight: 1, deliver: e.stage, rejected: e.rejected, commit: e.commit}
	if err := stage.move(first, pages); err != nil {
		return err
	}
	return e.finish()
}

var (
	errStartOver = errors.New("the staging area of the interrupted run is gone")
	errNotWhole  = errors.New("the enumeration is not whole")
	errTotal     = fmt.Errorf("%w", errNotWhole) // where the stated total is wrong, and no row moved
	errToConfirm = errors.New("records of the target are not listed any more")
)

// begin opens the staging area; errStartOver when the one of an interrupted run cannot be continued.
func (e *enumeration) begin(c *feed.Columns, resume int64) error {
	if c == nil {
		return feed.Errorf(feed.Fail, "empty", "the source returned no record and no columns; an empty enumeration replaces nothing")
	}
	if err := e.run.prepare(e.sink, c); err != nil {
		return err
	}
	err := e.run.attempts(1, "staging area").do(e.run.soft, func() (err error) {
		e.gen, err = e.sink.Begin(e.run.hard, c, e.enum.Key(), resume)
		if err != nil && resume > 0 {
			return feed.Errorf(feed.Fail, "staging", "%w: %w", errStartOver, err)
		}
		return err
	})
	if err != nil {
		return e.run.sinkError("staging area", err)
	}
	if _, mends := e.gen.(feed.Repairer); resume > 0 && !mends {
		e.run.closing("staging area", e.gen) // rows may have moved meanwhile, and nobody could tell
		return errStartOver
	}
	return e.run.step("staging open")
}

func (e *enumeration) stage(ctx context.Context, b *batch) ([]feed.Rejection, error) {
	what := fmt.Sprintf("staging %d records at %d", b.rows.Len(), b.at)
	var rejected []feed.Rejection
	err := e.run.attempts(1, what).do(e.run.soft, func() (err error) {
		if err := e.run.step("staging"); err != nil {
			return err
		}
		call := e.run.gives(e.run.numberOf(b))
		rejected, err = e.gen.Append(call.under(ctx), b.at, b.rows)
		call.end(b.rows.Len()-len(rejected), len(rejected), err)
		return err
	})
	if err != nil {
		return nil, e.run.sinkError(what, err)
	}
	return rejected, nil
}

// rejected takes note of records that the target cannot hold: they are in the total, and must not be deleted.
func (e *enumeration) rejected(b *batch, rejected []feed.Rejection) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range rejected {
		e.drift.refused((b.at+int64(r.Row))/int64(e.run.job.PageSize), 1)
		e.refused.add(b.rows, r.Row, e.enum.Key())
	}
}

// see looks at a page in the order of the enumeration.
func (e *enumeration) see(p page) {
	e.drift.see(p)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refused.source(p.Rejected, e.enum.Key())
}

func (e *enumeration) commit(ctx context.Context, s settled) error {
	e.run.checkpoint.Detail = e.drift.detailAt()
	return e.run.advance(ctx, s)
}

// finish makes the staged generation the current one: checked, mended when something hints at rows that moved, and with
// the current records of refused ones kept.
func (e *enumeration) finish() error {
	if e.drift.quiet() {
		if err := e.lookAgain(); err != nil {
			return err
		}
	}
	expect, mended := e.drift.expected(), !e.drift.quiet()
	var err error
	if mended {
		if expect, err = e.mend(); err != nil {
			return err
		}
	}
	if err := e.beyond(); err != nil {
		return err
	}
	changes, err := e.swap(expect)
	var wrong *feed.CountError
	if errors.As(err, &wrong) && !mended {
		e.run.event("drift", "%v", wrong)
		if expect, err = e.mend(); err != nil {
			return err
		}
		changes, err = e.swap(expect)
	}
	if err != nil {
		return e.swapError(err)
	}
	e.run.swapped(changes, e.drift.kept, e.reread)
	if err := e.run.step("swapped"); err != nil {
		return err
	}
	began := e.run.rec.StartedAt
	if at := e.run.checkpoint.StartedAt; !at.IsZero() && at.Before(began) {
		began = at
	}
	if _, err := e.run.engine.Store.SupersedeLetters(context.WithoutCancel(e.run.soft), e.run.job.Name, began); err != nil {
		return err
	}
	return e.run.endLane()
}

// swap replaces the current generation. Deletes need more than one reading that does not list a record: the first one
// that would delete is repeated.
func (e *enumeration) swap(expect int64) (changes feed.Changes, err error) {
	kept, err := e.keepRefused()
	if err != nil {
		return changes, err
	}
	unconfirmed, err := e.keepUnconfirmed()
	if err != nil {
		return changes, err
	}
	kept += unconfirmed
	if err := e.run.step("swapping"); err != nil {
		return changes, err
	}
	e.run.setPhase("merging")
	e.drift.kept += kept
	if expect >= 0 {
		expect += kept
	}
	terms := feed.SwapTerms{At: e.run.engine.now(), Expect: expect, MaxDelete: e.mayDelete}
	if !e.confirmed {
		terms.MaxDelete = func(int64) int64 { return 0 }
	}
	err = e.run.attempts(1, "swap of the generations").do(e.run.soft, func() (err error) {
		changes, err = e.gen.Swap(e.run.hard, terms)
		return final(err)
	})
	var shrink *feed.ShrinkError
	if errors.As(err, &shrink) && !e.confirmed && shrink.Deleted <= e.mayDelete(shrink.Old) {
		if err := e.noteMissing(); err != nil {
			return changes, err
		}
		return changes, fmt.Errorf("%w: %d of %d", errToConfirm, shrink.Deleted, shrink.Old)
	}
	return changes, err
}

// final keeps an answer of a swap from being tried again.
func final(err error) error {
	var shrink *feed.ShrinkError
	var wrong *feed.CountError
	if errors.As(err, &shrink) || errors.As(err, &wrong) {
		return feed.Errorf(feed.Fail, "", "%w", err)
	}
	return err
}

// keepRefused stages the current records of the refused ones; when nobody can tell which those are, all current records.
func (e *enumeration) keepRefused() (int64, error) {
	keeper, ok := e.gen.(feed.Keeper)
	if !ok || e.refused.keys.Len() == 0 && !e.refused.unknown {
		return 0, nil
	}
	keys := &e.refused.keys
	if e.refused.unknown {
		keys = nil
	}
	kept, err := keeper.Keep(e.run.hard, keys)
	if err != nil {
		return 0, e.run.sinkError("keeping the records of refused ones", err)
	}
	if kept > 0 {
		e.run.event("keep", "%d current records stay as they are, because records were refused that may be theirs", kept)
	}
	return kept, nil
}

// mayDelete is the shrink guard: how many of the old records a new generation may leave out.
func (e *enumeration) mayDelete(old int64) int64 { return int64(float64(old) * e.run.job.ShrinkLimit) }

func (e *enumeration) swapError(err error) error {
	var shrink *feed.ShrinkError
	var wrong *feed.CountError
	switch {
	case errors.As(err, &shrink):
		return feed.Errorf(feed.HaltJob, "shrink", "%w", err).
			WithRemedy("ask the partner whether so many records are really gone; then raise shrink_limit for the job and resume it")
	case errors.As(err, &wrong):
		return notWhole(err)
	case errors.Is(err, errToConfirm):
		return err
	}
	return e.run.sinkError("swap of the generations", err)
}

// mend reads again what is needed until the staged enumeration is whole, and returns how many different keys it then has.
func (e *enumeration) mend() (int64, error) {
	mender, ok := e.gen.(feed.Repairer)
	if !ok {
		return 0, notWhole(errors.New("rows moved while it was read, and this kind of sink cannot be mended"))
	}
	e.run.setPhase("mending")
	m := &repair{run: e.run, reader: e.reader, enum: e.enum, gen: mender, drift: &e.drift.drift}
	distinct, err := m.mend(e.run.hard)
	e.reread += m.read
	return distinct, err
}
