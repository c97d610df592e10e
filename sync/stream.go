package sync

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"milkrun/state"
	"milkrun/sync/feed"
)

// stream delivers what stands behind the lane's checkpoint, batch by batch.
func (r *run) stream() error {
	from := r.checkpoint.Cursor
	if err := r.undoubted(); err != nil {
		return err
	}
	if rewinder, ok := r.source.(feed.Rewinder); ok && r.lane == state.Forward {
		var err error
		if from, err = r.rewind(rewinder, from); err != nil {
			return err
		}
	}
	if err := r.deliverFrom(r.source, from); err != nil {
		return err
	}
	if r.lane == state.Full {
		return r.endPass()
	}
	return r.keepRecent()
}

// overRange delivers what stands between two bounds. No checkpoint moves.
func (r *run) overRange(from, to string) error {
	after, bounded, err := r.bounds(from, to)
	if err != nil {
		return err
	}
	return r.deliverFrom(bounded, after)
}

func (r *run) bounds(from, to string) (feed.Cursor, feed.Source, error) {
	ranger, ok := r.source.(feed.Ranger)
	if !ok {
		return "", nil, feed.Errorf(feed.Fail, "range", "the source of job %s cannot be read from one place to another; leave out --from and --to", r.job.Name)
	}
	after, bounded, err := ranger.Range(from, to)
	if err != nil {
		return "", nil, feed.Errorf(feed.Fail, "range", "%w", err)
	}
	return after, bounded, nil
}

func (r *run) deliverFrom(src feed.Source, from feed.Cursor) error {
	reading, cancel := context.WithCancel(r.soft)
	defer cancel()
	read := &reader{run: r, source: src, limit: r.job.PageSize, ahead: r.job.Prefetch}
	pages := read.pages(reading, from)
	first, err := r.first(pages)
	if err != nil {
		return err
	}
	if first.Rows.Columns != nil {
		if err := r.prepare(r.sink, first.Rows.Columns); err != nil {
			return err
		}
	}
	f := &flow{run: r, size: r.job.BatchSize, inFlight: r.job.Concurrency, deliver: r.courier(), commit: r.advance}
	return f.move(first, pages)
}

// courier delivers batches in the way that suits the sink.
func (r *run) courier() func(context.Context, *batch) ([]feed.Rejection, error) {
	c := &courier{run: r, sink: r.sink}
	if _, once := r.sink.(feed.Opaque); once {
		return c.deliverOnce
	}
	return c.deliver
}

// first waits for the first page.
func (r *run) first(pages <-chan page) (page, error) {
	p, ok := <-pages
	if !ok {
		return p, stopCause(r.soft)
	}
	return p, p.err
}

// prepare lets the sink look at the columns, and checks that what must be masked is there: a misspelt column would
// travel unmasked.
func (r *run) prepare(sink any, c *feed.Columns) error {
	for _, column := range slices.Sorted(maps.Keys(r.job.Mask)) {
		if _, ok := c.Index(column); !ok {
			return feed.Errorf(feed.HaltJob, "mask", "mask names the column %q, which the records do not have; they have %v", column, c.Names()).
				WithRemedy("correct the column's name in mask, then resume the job")
		}
	}
	p, ok := sink.(feed.Preparer)
	if !ok {
		return nil
	}
	err := r.attempts(1, "columns").do(r.soft, func() error { return p.Prepare(r.hard, c) })
	if err != nil {
		return r.sinkError("columns", err)
	}
	return r.step("prepared")
}

func (r *run) sinkError(doing string, err error) error {
	return &sideError{connection: r.job.Sink.Connection.Name, err: fmt.Errorf("%s: %w", doing, err)}
}

// advance saves the checkpoint behind what is settled, together with its dead letters. It is the only place at which a
// checkpoint moves forward.
func (r *run) advance(ctx context.Context, s settled) error {
	if err := r.step("committing"); err != nil {
		return err
	}
	next := r.checkpoint
	if s.cursor != "" {
		next.Cursor = s.cursor
	}
	next.Rows += s.counts.Delivered
	next.RunID = r.id()
	next.Lane = r.lane
	err := r.engine.Store.Advance(ctx, state.Progress{Checkpoint: next, Counts: r.settled(s.counts), Letters: s.letters, Settled: s.intents})
	if err != nil {
		return err
	}
	r.checkpoint = next
	if r.rewound != nil {
		r.rewound.add(s.places, next.Cursor)
	}
	return r.step("checkpoint saved")
}

// endPass ends a complete pass of an incremental job: what is new is read from its end on from now on.
func (r *run) endPass() error {
	ctx := context.WithoutCancel(r.soft)
	if _, complete := r.source.(feed.Enumerator); !complete && r.checkpoint.Cursor != "" {
		forward := r.checkpoint
		forward.Lane, forward.Detail = state.Forward, ""
		if err := r.engine.Store.Advance(ctx, state.Progress{Checkpoint: forward}); err != nil {
			return err
		}
		if err := r.step("pass joined"); err != nil {
			return err
		}
	}
	return r.endLane()
}

// endLane forgets the progress of a complete pass and remembers when it was done.
func (r *run) endLane() error {
	ctx := context.WithoutCancel(r.soft)
	return errors.Join(
		r.engine.Store.SetLastFull(ctx, r.job.Name, r.engine.now()),
		r.engine.Store.EndLane(ctx, r.job.Name, state.Full),
		r.step("pass ended"))
}
