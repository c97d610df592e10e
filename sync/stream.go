package sync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"milkrun/state"
	"milkrun/sync/audit"
	"milkrun/sync/feed"
)

// stream delivers what stands behind the lane's checkpoint, batch by batch.
func (r *run) stream() error {
	from := r.checkpoint.Cursor
	if r.once() && r.full {
		return feed.Errorf(feed.Fail, "full", "a complete pass would deliver every record once more, which this target cannot undo").
			WithRemedy("leave out --full and reconcile; to deliver from another place on, set the checkpoint")
	}
	if err := r.undoubted(); err != nil {
		return err
	}
	if err := r.renamed(); err != nil {
		return err
	}
	if rewinder, ok := r.source.(feed.Rewinder); ok && r.lane == state.Forward {
		var err error
		if from, err = r.rewind(rewinder, from); err != nil {
			return err
		}
	}
	err := r.deliverFrom(r.source, from)
	if err == nil && r.lane == state.Full {
		return r.endPass()
	}
	if err == nil && r.rewound == nil && len(r.known) > 0 {
		return r.engine.Store.ReplaceRecent(context.WithoutCancel(r.soft), r.job.Name, nil) // of records that are gone
	}
	return errors.Join(err, r.keepRecent())
}

// overRange delivers what stands between two bounds. No checkpoint moves.
func (r *run) overRange(from, to string) error {
	if r.once() {
		return feed.Errorf(feed.Fail, "range", "the records of the range would be delivered once more, which this target cannot undo").
			WithRemedy("leave out --from and --to; to deliver from another place on, once, set the checkpoint (milkrun checkpoint set)")
	}
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
	if r.once() {
		read.limit = min(r.job.PageSize, r.job.BatchSize)
	}
	pages := read.pages(reading, from)
	r.forecast(reading, src, from)
	first, err := r.first(pages)
	if err != nil {
		return err
	}
	c := &courier{run: r, sink: r.sink}
	f := &flow{run: r, size: r.job.BatchSize, inFlight: r.job.Concurrency, deliver: c.deliver, commit: r.advance}
	_, ordered := r.sink.(feed.Ordered)
	if keyed, ok := r.sink.(feed.Keyed); ok {
		f.key = keyed.OrderedBy()
		ordered = len(f.key) == 0
	}
	if ordered {
		f.inFlight, c.inOrder = 1, true
	}
	if sink, ok := r.sink.(feed.Opaque); ok {
		// One batch at a time, and whole pages: otherwise a batch could be acknowledged that the checkpoint cannot pass.
		f.paged, f.inFlight, f.key = true, 1, nil
		f.once = (&poster{run: r, sink: sink}).post
	}
	return f.move(first, pages)
}

// once says that delivering twice is harm.
func (r *run) once() bool {
	_, opaque := r.sink.(feed.Opaque)
	return opaque
}

// first waits for the first page.
func (r *run) first(pages <-chan page) (page, error) {
	p, ok := <-pages
	if !ok {
		return p, stopCause(r.soft)
	}
	return p, p.err
}

// meet looks at the columns of a page: the sink sees the first ones before a row moves, and in others, too, must be what
// is masked.
func (r *run) meet(c *feed.Columns) error {
	switch {
	case c == nil || c.Len() == 0 || r.columns != nil && r.columns.Equal(c):
		return nil
	case r.columns == nil:
		if err := r.vanished(c); err != nil {
			return err
		}
		r.mu.Lock()
		r.layout = layoutOf(c)
		r.mu.Unlock()
		return r.prepare(r.sink, c)
	}
	r.columns = c
	return r.maskable(c)
}

// layout is what the checkpoint of a stream remembers besides its cursor.
type layout struct {
	Columns []string `json:"columns"`
}

func layoutOf(c *feed.Columns) string {
	text, err := json.Marshal(layout{c.Names()})
	if err != nil {
		return "" // strings always marshal
	}
	return string(text)
}

func (r *run) knownLayout() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.layout
}

// vanished refuses records that lack a column which those of the run before had: the target would be left with what it
// holds of it. Resuming the job accepts that.
func (r *run) vanished(c *feed.Columns) error {
	var before layout
	if r.lane != state.Forward || r.checkpoint.Detail == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(r.checkpoint.Detail), &before); err != nil {
		return feed.Errorf(feed.Fail, "checkpoint", "the detail of the checkpoint is no JSON: %w", err).
			WithRemedy("set the checkpoint again: milkrun checkpoint set %s …", r.job.Name)
	}
	var gone []string
	for _, name := range before.Columns {
		if _, still := c.Index(name); !still {
			gone = append(gone, name)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	last, err := r.engine.Store.Runs(context.WithoutCancel(r.soft), state.RunFilter{Job: r.job.Name, Limit: 2})
	if err != nil {
		return err
	}
	if len(last) == 2 && last[1].Code == codeVanished {
		r.event("columns", "going on without %v", gone)
		return nil
	}
	return feed.Errorf(feed.HaltJob, codeVanished, "the records have no %v any more, which those of the run before had; they have %v", gone, c.Names()).
		WithRemedy("bring the column back; or resume the job to go on without it")
}

const codeVanished = "column vanished"

// maskable checks that what must be masked is there: a misspelt column would travel unmasked.
func (r *run) maskable(c *feed.Columns) error {
	for _, column := range slices.Sorted(maps.Keys(r.job.Mask)) {
		if _, ok := c.Index(column); !ok {
			return feed.Errorf(feed.HaltJob, "mask", "mask names the column %q, which the records do not have; they have %v", column, c.Names()).
				WithRemedy("correct the column's name in mask, then resume the job")
		}
	}
	return nil
}

// prepare lets the sink look at the columns, which must hold what is masked.
func (r *run) prepare(sink any, c *feed.Columns) error {
	if err := r.maskable(c); err != nil {
		return err
	}
	r.columns = c
	p, ok := sink.(feed.Preparer)
	if !ok {
		return nil
	}
	err := r.attempts(1, "columns").do(r.soft, func() error {
		call := r.gives("columns")
		err := p.Prepare(call.under(r.hard), c)
		call.end(0, 0, err)
		return err
	})
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
	if s.cursor != "" && r.rewound.passes(r.checkpoint.Cursor, s.cursor) {
		next.Cursor = s.cursor
	}
	next.Rows += s.counts.Delivered
	next.RunID = r.id()
	next.Lane = r.lane
	if columns := r.knownLayout(); columns != "" {
		next.Detail = columns
	}
	fresh := r.settled(s.counts)
	step := state.Progress{Checkpoint: next, Counts: fresh, Letters: s.letters, Settled: s.taken}
	if r.rewound != nil || s.cursor == "" {
		step.Recent = s.marks // also with lookback: keepRecent comes too late when a crash comes before it
	} else {
		step.Forget = s.forget
	}
	step.Receipts = proofs(s.proofs)
	r.again.into(&step, s)
	err := r.notes.written(func(list []audit.Row) error {
		step.Exchanges = list
		return r.engine.Store.Advance(ctx, step)
	})
	if err != nil {
		return err
	}
	r.checkpoint = next
	r.engine.observe(func(o Observer) { o.Moved(r.job.Name, fresh) })
	if r.rewound != nil {
		r.rewound.add(s.delivered, next.Cursor)
	}
	return r.step("checkpoint saved")
}

// endPass ends a complete pass of an incremental job: what is new is read from its end on from now on.
func (r *run) endPass() error {
	ctx := context.WithoutCancel(r.soft)
	if _, complete := r.source.(feed.Enumerator); !complete && r.checkpoint.Cursor != "" {
		forward := r.checkpoint
		forward.Lane = state.Forward
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
