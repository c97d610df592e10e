package sync

import (
	"context"
	"errors"
	"fmt"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

// Redelivery is what came of a dead letter that was tried again.
type Redelivery struct {
	Letter int64
	// Delivered is true when the target accepted the record. Otherwise Reason says why not; the letter stays open.
	Delivered bool
	// Missing is true when the record is no longer where it was read.
	Missing bool
	Reason  string
	// Request is what would be sent, in a preview.
	Request string
}

// Redeliver tries dead letters of a job again: their records are read again where they came from, masked, and delivered
// one by one. With preview nothing is sent and nothing is recorded.
func (e *Engine) Redeliver(ctx context.Context, job *config.Job, letters []state.Letter, preview bool, who string) ([]Redelivery, error) {
	if err := e.Blocked(ctx, job); err != nil {
		return nil, err
	}
	r, err := e.enter(ctx, job)
	if err != nil {
		return nil, err
	}
	defer e.leave(r)
	r.operator = who
	r.open(false)
	defer r.close()
	if r.openErr != nil {
		return nil, r.openErr
	}
	defer r.contexts()()
	if !preview {
		if err := r.undoubted(); err != nil {
			return nil, err
		}
	}
	finder, ok := r.source.(feed.Rereader)
	if !ok {
		return nil, feed.Errorf(feed.Fail, "reread", "single records of job %s cannot be read again", job.Name).
			WithRemedy("mend the records where they come from: a complete pass reads them again; or drop the letters (for a file, key = [\"…\"] of the source lets single records be found)")
	}
	var list []Redelivery
	for _, letter := range letters {
		one, err := r.redeliver(ctx, finder, letter, preview, who)
		list = append(list, one)
		if err != nil {
			return list, err
		}
	}
	return list, nil
}

// redeliver tries one letter. The error is one that the next letter would meet as well.
func (r *run) redeliver(ctx context.Context, finder feed.Rereader, letter state.Letter, preview bool, who string) (Redelivery, error) {
	result := Redelivery{Letter: letter.ID}
	rows, err := r.reread(finder, letter)
	if err != nil || rows.Len() == 0 {
		result.Missing, result.Reason = err == nil, "the record is no longer where it was read"
		if err != nil {
			result.Reason = mask.Scrub(err.Error())
		}
		if preview {
			return result, nil
		}
		return result, r.engine.Store.LetterTried(ctx, letter.ID, errors.New(result.Reason))
	}
	if preview {
		result.Request, err = r.preview(ctx, rows)
		return result, err
	}
	if err := r.meet(rows.Columns); err != nil {
		return result, err
	}
	return r.deliverLetter(context.WithoutCancel(ctx), letter, rows, who)
}

// deliverLetter delivers the record of a letter and keeps what came of it.
func (r *run) deliverLetter(ctx context.Context, letter state.Letter, rows feed.Batch, who string) (Redelivery, error) {
	if sink, ok := r.sink.(feed.Opaque); ok {
		return r.postLetter(ctx, &poster{run: r, sink: sink}, letter, rows, who)
	}
	c := &courier{run: r, sink: r.sink}
	rejected, err := c.send(r.hard, fmt.Sprintf("dead letter %d", letter.ID), rows, lastRefusals)
	if err == nil && len(rejected) == 0 {
		return Redelivery{Letter: letter.ID, Delivered: true}, r.engine.Store.SettleLetter(ctx, letter.ID, state.LetterDelivered, who, triedAgain)
	}
	return r.undelivered(ctx, letter, rejected, err)
}

const triedAgain = "tried again"

// postLetter is deliverLetter for an opaque sink: the batch of one record is settled together with the letter.
func (r *run) postLetter(ctx context.Context, p *poster, letter state.Letter, rows feed.Batch, who string) (Redelivery, error) {
	if rejected := p.sink.Check(rows); len(rejected) > 0 {
		return r.undelivered(ctx, letter, rejected, nil)
	}
	one := make([]int, rows.Len())
	if _, err := p.room(r.hard, one); err != nil {
		return r.undelivered(ctx, letter, nil, err)
	}
	taken, err := p.send(r.hard, state.Intent{After: letter.Place, Letter: letter.ID}, rows)
	if err != nil {
		return r.undelivered(ctx, letter, nil, err)
	}
	done := Redelivery{Letter: letter.ID, Delivered: true}
	if taken.Settled {
		return done, nil // and the letter with it
	}
	return done, r.engine.Store.AcknowledgeLetter(ctx, letter.ID, taken, who, triedAgain)
}

// undelivered keeps why a letter stays open. The error is one that the next letter would meet as well.
func (r *run) undelivered(ctx context.Context, letter state.Letter, rejected []feed.Rejection, err error) (Redelivery, error) {
	result := Redelivery{Letter: letter.ID}
	if err == nil {
		result.Reason = mask.Scrub(rejected[0].Reason)
	} else {
		result.Reason = mask.Scrub(err.Error())
		if feed.Judge(err).Verdict <= feed.Refuse && r.soft.Err() == nil {
			err = nil
		}
	}
	return result, errors.Join(err, r.engine.Store.LetterTried(ctx, letter.ID, errors.New(result.Reason)))
}

func (r *run) reread(finder feed.Rereader, letter state.Letter) (feed.Batch, error) {
	if letter.Place == "" {
		return feed.Batch{}, errors.New("the letter does not say where its record stands; the next run reads it again")
	}
	call := r.asks(string(letter.Place))
	rows, err := finder.Reread(call.under(r.hard), []feed.Cursor{letter.Place})
	call.end(rows.Len(), 0, err)
	if err == nil {
		err = r.check.record(rows)
	}
	return r.masked(rows), err
}

func (r *run) preview(ctx context.Context, rows feed.Batch) (string, error) {
	if err := r.maskable(rows.Columns); err != nil {
		return "", err
	}
	shower, ok := r.sink.(feed.Previewer)
	if !ok {
		return fmt.Sprintf("%d records with the columns %v", rows.Len(), rows.Columns.Names()), nil
	}
	return shower.Preview(ctx, rows)
}

// Preview reads the first batch that a run of the job would deliver and returns the request that would be sent, signed
// and without secrets. Nothing is sent, and no state is kept. The batch is empty when there is nothing to deliver.
func (e *Engine) Preview(ctx context.Context, job *config.Job, start Start) (request string, records int, err error) {
	r, err := e.enter(ctx, job)
	if err != nil {
		return "", 0, err
	}
	defer e.leave(r)
	if err := errors.Join(Paused(ctx, e.Store, job), r.choose(ctx, start)); err != nil {
		return "", 0, err
	}
	r.unnoted = true
	r.open(!start.ranged())
	defer r.close()
	if r.openErr != nil {
		return "", 0, r.openErr
	}
	if err := r.load(ctx, start); err != nil {
		return "", 0, err
	}
	source, from := r.source, r.checkpoint.Cursor
	if start.ranged() {
		if from, source, err = r.bounds(start.From, start.To); err != nil {
			return "", 0, err
		}
	}
	page, err := source.Fetch(ctx, from, min(r.job.PageSize, r.job.BatchSize))
	if err == nil {
		err = r.check.page(&page)
	}
	if err != nil || page.Rows.Len() == 0 {
		return "", 0, err
	}
	request, err = r.preview(ctx, r.masked(page.Rows))
	return request, page.Rows.Len(), err
}
