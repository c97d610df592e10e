package sync

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"milkrun/sync/feed"
)

const (
	wholeRefusals = 5   // tries of a batch that the partner refuses as a whole, before it is halved
	lastRefusals  = 2   // tries of a single record, before it is rejected
	bisectBudget  = 500 // calls one batch may cost while its poison records are looked for: some forty of 2000
	// bisectBlind is how many parts may be refused before one is accepted: then the partner refuses everything, and the
	// cause is no record.
	bisectBlind = 63
)

// courier delivers batches to an idempotent sink: it tries again what may be mended by that, and finds the record that
// makes the partner refuse a whole batch.
type courier struct {
	run     *run
	sink    feed.Sink
	inOrder bool // of two records of a batch the later must not be delivered first, also when it is halved
	// looking lets one batch at a time be bisected: when a partner refuses everything, one is enough to find that out.
	looking  sync.Mutex
	hopeless error // what ended the looking, and with it the run
}

func (c *courier) deliver(ctx context.Context, b *batch) ([]feed.Rejection, error) {
	rejected, err := c.send(ctx, c.run.numberOf(b), b.rows, wholeRefusals)
	if err == nil || feed.Judge(err).Verdict != feed.Refuse || c.run.soft.Err() != nil {
		return rejected, err
	}
	c.looking.Lock()
	defer c.looking.Unlock()
	if c.hopeless != nil {
		return nil, c.hopeless
	}
	c.run.event("bisect", "batch %d of %s is refused as a whole, looking for the record: %v", b.shown(), records(b.rows.Len()), err)
	rejected, c.hopeless = c.bisect(ctx, b)
	return rejected, c.hopeless
}

// send delivers rows, with the job's retries; a refusal is returned after so many tries. batch is what the audit calls them.
func (c *courier) send(ctx context.Context, batch string, rows feed.Batch, refusals int) (rejected []feed.Rejection, err error) {
	what := "batch of " + records(rows.Len())
	err = c.run.attempts(refusals, what).do(c.run.soft, func() (err error) {
		if err := c.run.step("delivering"); err != nil {
			return err
		}
		if err := c.run.paused(ctx, c.run.job.Sink.Connection.Name); err != nil {
			return err
		}
		call := c.run.gives(batch)
		rejected, err = c.sink.Deliver(call.under(ctx), rows)
		err = cutOff(ctx, err)
		call.end(rows.Len()-len(rejected), len(rejected), err)
		return err
	})
	if err != nil {
		return nil, &sideError{connection: c.run.job.Sink.Connection.Name, err: fmt.Errorf("%s: %w", what, err)}
	}
	return rejected, nil
}

// part is a piece of a refused batch.
type part struct{ from, to int }

// bisect delivers the halves of a refused batch, and theirs, down to single records, which are rejected with the refusal's
// code. It goes level by level, so that it soon meets something the partner accepts, if there is anything; or from the first
// record to the last where their order counts.
func (c *courier) bisect(ctx context.Context, b *batch) (rejected []feed.Rejection, err error) {
	parts := halves(part{0, b.rows.Len()})
	accepted, refused := 0, 1
	for calls := 0; len(parts) > 0; calls++ {
		if calls >= bisectBudget || accepted == 0 && refused >= bisectBlind {
			return nil, c.tooMany(calls, len(rejected))
		}
		p := parts[0]
		parts = parts[1:]
		tries := 1
		if p.to-p.from == 1 {
			tries = lastRefusals
		}
		more, err := c.send(ctx, fmt.Sprintf("%s[%d:%d]", c.run.numberOf(b), p.from, p.to), b.rows.Slice(p.from, p.to), tries)
		switch {
		case err == nil:
			accepted++
			rejected = append(rejected, shifted(more, p.from)...)
		case feed.Judge(err).Verdict != feed.Refuse || c.run.soft.Err() != nil:
			return nil, err
		case p.to-p.from == 1:
			refused++
			rejected = append(rejected, c.poison(b, p.from, err))
		case c.inOrder:
			refused++
			parts = append(halves(p), parts...)
		default:
			refused++
			parts = append(parts, halves(p)...)
		}
	}
	slices.SortFunc(rejected, func(a, b feed.Rejection) int { return cmp.Compare(a.Row, b.Row) })
	return rejected, nil
}

func halves(p part) []part {
	if p.to-p.from == 1 {
		return []part{p}
	}
	middle := (p.from + p.to) / 2
	return []part{{p.from, middle}, {middle, p.to}}
}

// shifted are rejections of a part, as those of its batch.
func shifted(rejected []feed.Rejection, from int) []feed.Rejection {
	for i := range rejected {
		rejected[i].Row += from
	}
	return rejected
}

// poison rejects a single record, and says which it is: should the looking come to nothing, it has no dead letter.
func (c *courier) poison(b *batch, row int, refusal error) feed.Rejection {
	place := fmt.Sprintf("record %d of batch %d", row+1, b.shown())
	if finder, ok := c.run.source.(feed.Rereader); ok {
		place += " at " + shownCursor(finder.Locate(b.raw, row))
	}
	c.run.event("poison", "%s is refused alone: %v", place, refusal)
	return feed.Rejection{Row: row, Code: feed.Judge(refusal).Code, Reason: refusal.Error()}
}

func (c *courier) tooMany(calls, found int) error {
	why := feed.Errorf(feed.HaltJob, "refused", "the partner refuses everything: %d parts of the batch, and accepts none", calls)
	why.Remedy = "ask the partner; then resume the job. Nothing is lost, the batch is delivered again"
	if calls >= bisectBudget {
		why = feed.Errorf(feed.HaltJob, "refused", "the partner refuses so many records of one batch that %d calls did not find all; found: %d", calls, found)
		why.Remedy = "the run's events name those that were found (milkrun runs show); mend them, then resume the job. Nothing is lost, the batch is delivered again"
	}
	return &sideError{connection: c.run.job.Sink.Connection.Name, err: why}
}

// sideError says on which connection something went wrong, so that the right one is halted.
type sideError struct {
	connection string
	err        error
}

// Error names the connection, once: partners name it themselves.
func (e *sideError) Error() string {
	text := e.err.Error()
	if strings.Contains(text, e.connection+": ") {
		return text
	}
	return e.connection + ": " + text
}

func (e *sideError) Unwrap() error { return e.err }

// records counts them in words.
func records[N int | int64](n N) string {
	if n == 1 {
		return "1 record"
	}
	return fmt.Sprintf("%d records", n)
}
