package sync

import (
	"context"
	"errors"
	"fmt"

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
}

func (r *run) enumerate(src feed.Source, enum feed.Enumerator, sink feed.Snapshotter) error {
	e := &enumeration{run: r, source: src, enum: enum, sink: sink,
		reader: &reader{run: r, source: src, limit: r.job.PageSize, ahead: r.job.Prefetch}}
	from := e.resume()
	for pass := 1; ; pass++ {
		err := e.pass(from)
		if errors.Is(err, errStartOver) || errors.Is(err, errNotWhole) && pass < maxPasses {
			r.event("pass", "starting over: %v", err)
			r.checkpoint = state.Checkpoint{Job: r.job.Name, Lane: state.Full}
			from, e.drift = "", &sharedDrift{drift: newDrift(r.job.PageSize, r.job.Prefetch)}
			continue
		}
		return err
	}
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
	e.run.onPage = e.drift.see
	stage := &flow{run: e.run, size: e.run.job.BatchSize, inFlight: 1, deliver: e.stage, commit: e.commit}
	if err := stage.move(first, pages); err != nil {
		return err
	}
	return e.finish()
}

var (
	errStartOver = errors.New("the staging area of the interrupted run is gone")
	errNotWhole  = errors.New("the enumeration is not whole")
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
	err := e.run.attempts(1, what).do(e.run.soft, func() error {
		if err := e.run.step("staging"); err != nil {
			return err
		}
		return e.gen.Append(ctx, b.at, b.rows)
	})
	if err != nil {
		return nil, e.run.sinkError(what, err)
	}
	return nil, nil
}

func (e *enumeration) commit(ctx context.Context, s settled) error {
	e.run.checkpoint.Detail = e.drift.detailAt()
	return e.run.advance(ctx, s)
}

// finish makes the staged generation the current one, mended first when something hints at rows that moved, or when it
// turns out that the number of different keys is not what the partner states.
func (e *enumeration) finish() error {
	expect, mended := e.drift.expected(), false
	if !e.drift.quiet() {
		var err error
		if expect, err = e.mend(); err != nil {
			return err
		}
		mended = true
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
	e.run.summary(changes, e.reread)
	if err := e.run.step("swapped"); err != nil {
		return err
	}
	return e.run.endLane()
}

func (e *enumeration) swap(expect int64) (feed.Changes, error) {
	if err := e.run.step("swapping"); err != nil {
		return feed.Changes{}, err
	}
	e.run.setPhase("merging")
	return e.gen.Swap(e.run.hard, feed.SwapTerms{At: e.run.engine.now(), Expect: expect, MaxDelete: e.mayDelete})
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

// notWhole is the plain word that an enumeration is not whole; it is read again from the beginning a few times.
func notWhole(why error) error {
	return feed.Errorf(feed.Fail, "drift", "%w: %w", errNotWhole, why).
		WithRemedy("the old generation stays in place; choose a quieter hour for the schedule")
}
