package sync

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"milkrun/state"
	"milkrun/sync/feed"
)

// poster delivers to an opaque sink (invariant 3). Each call of the sink is an intent of its own, recorded before the first
// byte leaves; only what certainly never left is sent again. What nobody knows the outcome of is in doubt and halts the
// job, so that neither the engine nor a restart sends it again.
//
// A batch may take several calls: the partner refused it and it is halved, or only a part may leave today. What was taken
// before the batch is whole is marked record by record, and a run that reads the page again passes over it.
type poster struct {
	run  *run
	sink feed.Opaque
}

// post delivers one batch. Nothing else of the job is delivered or committed meanwhile.
func (p *poster) post(ctx context.Context, b *batch) (settled, error) {
	s := settled{cursor: b.after, counts: b.counts, letters: b.letters, forget: b.known}
	rejected := p.sink.Check(b.rows)
	if err := plausible(rejected, b.rows.Len()); err != nil {
		return s, p.run.sinkError("rejected records", err)
	}
	queue := parts{}.with(others(rejected, b.rows.Len()))
	var tried tries
	for len(queue) > 0 {
		if err := p.mayGoOn(tried, len(rejected)); err != nil {
			return s, err
		}
		rows, err := p.room(ctx, queue[0])
		if err != nil {
			return s, err
		}
		queue = append(parts{}.with(queue[0][len(rows):]), queue[1:]...)
		taken, err := p.send(ctx, state.Intent{Seq: int64(b.number), After: p.run.checkpoint.Cursor, Marks: pick(b.marks, rows)}, pickRows(b.rows, rows))
		switch {
		case err == nil:
			tried.accepted++
			if err := p.took(ctx, &s, b, rows, taken, len(queue) == 0); err != nil {
				return s, err
			}
		case feed.Judge(err).Verdict != feed.Refuse || p.run.soft.Err() != nil:
			return s, err
		case len(rows) == 1:
			tried.refused++
			rejected = append(rejected, feed.Rejection{Row: rows[0], Code: feed.Judge(err).Code, Reason: err.Error()})
		default:
			if tried.refused++; tried.refused == 1 {
				p.run.event("bisect", "batch %d of %s is refused as a whole, looking for the record: %v", b.shown(), records(len(rows)), err)
			}
			queue = append(queue, rows[:len(rows)/2], rows[len(rows)/2:])
		}
	}
	slices.SortFunc(rejected, func(a, b feed.Rejection) int { return cmp.Compare(a.Row, b.Row) })
	p.run.refusing(rejected)
	p.run.check.delivered(b.raw, rejected)
	s.counts.Rejected += int64(len(rejected))
	s.letters = append(s.letters, p.run.letters(b, rejected)...)
	p.mark(&s, pick(b.marks, badRows(rejected)))
	return s, nil
}

// took notes that the partner has taken rows of a batch: at once, unless they end the batch and the checkpoint follows.
func (p *poster) took(ctx context.Context, s *settled, b *batch, rows []int, taken state.Taken, last bool) error {
	if err := p.run.step("delivered"); err != nil {
		return err
	}
	if taken.Note != "" {
		p.run.event("receipt", "batch %s was taken: %s", taken.ID, taken.Note)
	}
	p.run.check.delivered(pickRows(b.raw, rows), nil)
	var part settled
	part.counts.Delivered, part.taken = int64(len(rows)), []state.Taken{taken}
	marks := pick(b.marks, rows)
	p.mark(&part, marks)
	if last {
		s.add(part)
		return nil
	}
	s.forget = append(s.forget, marks...)
	return p.run.advance(context.WithoutCancel(ctx), part)
}

// mark notes records as settled.
func (p *poster) mark(s *settled, marks []string) {
	s.marks = append(s.marks, marks...)
	if p.run.rewound != nil {
		s.delivered = append(s.delivered, marks...)
	}
}

// mayGoOn says whether another part of a batch is sent.
func (p *poster) mayGoOn(r tries, found int) error {
	if calls := r.accepted + r.refused; calls >= bisectBudget || r.accepted == 0 && r.refused > bisectBlind {
		return (&courier{run: p.run}).tooMany(calls, found)
	}
	if p.run.soft.Err() != nil {
		return stopCause(p.run.soft)
	}
	return nil
}

// room returns as many of the rows as the sink may send now.
func (p *poster) room(ctx context.Context, rows []int) ([]int, error) {
	ration, ok := p.sink.(feed.Rationed)
	if !ok {
		return rows, nil
	}
	n, err := ration.Room(ctx, len(rows))
	if err != nil {
		return nil, p.run.sinkError("sending", err)
	}
	return rows[:min(max(n, 1), len(rows))], nil
}

// send makes one call, under an id that is recorded first.
func (p *poster) send(ctx context.Context, i state.Intent, rows feed.Batch) (state.Taken, error) {
	store, connection := p.run.engine.Store, p.run.job.Sink.Connection.Name
	i.Job, i.RunID, i.Connection, i.Digest, i.Records, i.Instead = p.run.job.Name, p.run.id(), connection, fingerprint(rows), rows.Len(), p.run.resends
	id, err := store.AddIntent(ctx, i)
	if err != nil {
		return state.Taken{}, heardOf(err)
	}
	if err := p.run.step("recorded"); err != nil {
		return state.Taken{}, err
	}
	taken := state.Taken{ID: id}
	err = p.run.attempts(1, "batch "+id).do(p.run.soft, func() error {
		if err := p.run.paused(ctx, connection); err != nil {
			return err
		}
		if err := store.MarkIntent(ctx, id, state.IntentSent); err != nil {
			return feed.Errorf(feed.Fail, "state", "%w", heardOf(err))
		}
		if err := p.run.step("delivering"); err != nil {
			return err
		}
		call := p.run.gives(id)
		receipt, err := p.sink.DeliverOnce(call.under(ctx), id, rows)
		err = cutOff(ctx, err)
		call.end(rows.Len(), 0, err)
		taken.Ref, taken.Note = receipt.Ref, receipt.Note
		if err == nil {
			return nil
		}
		return p.known(ctx, &taken, err)
	})
	if err != nil {
		return taken, p.run.sinkError("batch "+id, err)
	}
	return taken, nil
}

// heardOf ends a run that would have sent again what a report has just named.
func heardOf(err error) error {
	if errors.Is(err, state.ErrReported) {
		return fmt.Errorf("%w: %w; the next run passes over its records", errStopped, err)
	}
	return err
}

// known passes on an error that tells what became of the batch: it never left, or the partner refused it. Any other puts
// the batch in doubt, unless the partner has reported on it already.
func (p *poster) known(ctx context.Context, taken *state.Taken, err error) error {
	ctx = context.WithoutCancel(ctx) // what is known is recorded, also when the delivery was cut off
	store, verdict := p.run.engine.Store, feed.Judge(err)
	if verdict.Unsent || verdict.Verdict != feed.Retry {
		as := state.IntentRecorded // it may be tried again
		if verdict.Verdict != feed.Retry {
			as = state.IntentSettled
		}
		if mark := store.MarkIntent(ctx, taken.ID, as); mark != nil {
			return feed.Errorf(feed.Fail, "state", "%w", mark)
		}
		return err
	}
	reported, mark := store.Doubt(ctx, taken.ID)
	switch {
	case mark != nil:
		return feed.Errorf(feed.Fail, "state", "%w", mark)
	case reported:
		taken.Settled = true
		return nil
	}
	return inDoubt(taken.ID, p.run.job.Name, feed.Errorf(feed.HaltJob, state.CodeDoubt, "nobody knows whether it was delivered: %w", err))
}

func inDoubt(batch, job string, err *feed.Error) error {
	return err.WithRemedy("ask the partner what became of it, then: milkrun doubt settle %s --as sent|resend --note …; it is not sent again by itself. "+
		"The last doubt that is settled ends the halt of job %s", batch, job)
}

// undoubted refuses to begin while a batch of the job is in doubt: what stands behind the checkpoint may hold it. Batches
// that were recorded and never left are no longer of interest. It learns what earlier runs have settled, and what an operator lets
// be sent again.
func (r *run) undoubted() error {
	if !r.once() {
		return nil
	}
	ctx := context.WithoutCancel(r.soft)
	open, err := r.engine.Store.OpenIntents(ctx, r.job.Name)
	if err != nil {
		return err
	}
	for _, i := range open {
		if i.State == state.IntentRecorded {
			if err := r.engine.Store.MarkIntent(ctx, i.ID, state.IntentSettled); err != nil {
				return err
			}
			continue
		}
		reported, err := r.engine.Store.Doubt(ctx, i.ID)
		if err != nil {
			return err
		}
		if !reported {
			return inDoubt(i.ID, r.job.Name, feed.Errorf(feed.HaltJob, state.CodeDoubt, "nobody knows whether batch %s of %s was delivered", i.ID, records(i.Records)))
		}
	}
	if r.resends, err = r.engine.Store.Resends(ctx, r.job.Name); err != nil { // before the marks: what is reported then is in both
		return err
	}
	r.known, err = r.engine.Store.Recent(ctx, r.job.Name)
	return err
}

// unsent takes out of a page the records that were delivered before, and marks the others.
func (r *run) unsent(p page) page {
	marks := r.marks(p.Rows)
	kept := feed.Batch{Columns: p.Rows.Columns}
	for i, mark := range marks {
		if _, known := r.known[mark]; known {
			p.skipped++
			p.more--
			p.known = append(p.known, mark)
			continue
		}
		kept.Values = append(kept.Values, p.Rows.Row(i)...)
		p.marks = append(p.marks, mark)
	}
	if r.rewound == nil {
		for _, mark := range p.known {
			delete(r.known, mark) // another page may hold an equal record
		}
	}
	p.Rows = kept
	return p
}

// marks are by what the records of a page are known again: where they stand, else what is in them. Equal ones are numbered.
func (r *run) marks(b feed.Batch) []string {
	finder, placed := r.source.(feed.Rereader)
	marks, seen := make([]string, b.Len()), map[string]int{}
	for i := range marks {
		if placed {
			marks[i] = string(finder.Locate(b, i))
		} else {
			marks[i] = "sha256 " + fingerprint(b.Slice(i, i+1))[:32]
		}
		if r.rewound != nil {
			continue // as its memory has them
		}
		if seen[marks[i]]++; seen[marks[i]] > 1 {
			marks[i] = fmt.Sprintf("%s (%d)", marks[i], seen[marks[i]])
		}
	}
	return marks
}

// fingerprint tells batches apart without keeping what is in them.
func fingerprint(b feed.Batch) string {
	h := sha256.New()
	for _, v := range b.Values {
		fmt.Fprintf(h, "%T %v\x00", v, v) // hash.Hash never returns an error
	}
	return hex.EncodeToString(h.Sum(nil))
}
