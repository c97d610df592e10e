package sync

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"milkrun/sync/feed"
)

const (
	wholeRefusals = 5   // tries of a batch that the partner refuses as a whole, before it is halved
	halfRefusals  = 2   // tries of each part
	bisectBudget  = 200 // calls one batch may cost while its poison records are looked for
	// bisectRow is how many of them may be refused in a row: halving finds one record of 2000 with 22, so beyond 40 the
	// partner refuses everything, and the cause is no record.
	bisectRow = 40
)

// courier delivers batches to an idempotent sink: it tries again what may be mended by that, and finds the record that
// makes the partner refuse a whole batch.
type courier struct {
	run  *run
	sink feed.Sink
	// looking lets one batch at a time be bisected: when a partner refuses everything, one is enough to find that out.
	looking  sync.Mutex
	hopeless error // what ended the looking, and with it the run
}

// budget is what looking for the poison records of one batch may still cost.
type budget struct {
	calls int
	row   int // refused since something was accepted
}

func (c *courier) deliver(ctx context.Context, b *batch) ([]feed.Rejection, error) {
	rejected, err := c.send(ctx, b.rows, wholeRefusals)
	if err == nil || feed.Judge(err).Verdict != feed.Refuse || c.run.soft.Err() != nil {
		return rejected, err
	}
	c.looking.Lock()
	defer c.looking.Unlock()
	if c.hopeless != nil {
		return nil, c.hopeless
	}
	c.run.event("bisect", "batch %d of %s is refused as a whole, looking for the record: %v", b.number, records(b.rows.Len()), err)
	rejected, c.hopeless = c.bisect(ctx, b.rows, err, &budget{calls: bisectBudget})
	return rejected, c.hopeless
}

// send delivers rows, with the job's retries; a refusal is returned after so many tries.
func (c *courier) send(ctx context.Context, rows feed.Batch, refusals int) (rejected []feed.Rejection, err error) {
	what := "batch of " + records(rows.Len())
	ctx = c.run.engine.traced(ctx, c.run.job.Sink.Connection.Name)
	err = c.run.attempts(refusals, what).do(c.run.soft, func() (err error) {
		if err := c.run.step("delivering"); err != nil {
			return err
		}
		rejected, err = c.sink.Deliver(ctx, rows)
		return err
	})
	if err != nil {
		return nil, &sideError{connection: c.run.job.Sink.Connection.Name, err: fmt.Errorf("%s: %w", what, err)}
	}
	return rejected, nil
}

// bisect delivers the halves of refused rows, and theirs, down to single records, which are rejected with the refusal's
// code. The rest of the rows is delivered.
func (c *courier) bisect(ctx context.Context, rows feed.Batch, refusal error, left *budget) ([]feed.Rejection, error) {
	if rows.Len() == 1 {
		return []feed.Rejection{{Code: feed.Judge(refusal).Code, Reason: refusal.Error()}}, nil
	}
	middle := rows.Len() / 2
	rejected, err := c.half(ctx, rows.Slice(0, middle), left)
	if err != nil {
		return nil, err
	}
	behind, err := c.half(ctx, rows.Slice(middle, rows.Len()), left)
	if err != nil {
		return nil, err
	}
	for i := range behind {
		behind[i].Row += middle
	}
	return append(rejected, behind...), nil
}

func (c *courier) half(ctx context.Context, rows feed.Batch, left *budget) ([]feed.Rejection, error) {
	if left.calls < halfRefusals || left.row >= bisectRow {
		return nil, &sideError{connection: c.run.job.Sink.Connection.Name, err: feed.Errorf(feed.HaltJob, "refused",
			"the partner refuses so many parts of the batch that %d calls did not find all bad records", bisectBudget-left.calls).
			WithRemedy("look at the run's events, mend the records or ask the partner, then resume the job; nothing is lost, the batch is delivered again")}
	}
	left.calls -= halfRefusals
	rejected, err := c.send(ctx, rows, halfRefusals)
	if err != nil && feed.Judge(err).Verdict == feed.Refuse && c.run.soft.Err() == nil {
		left.row += halfRefusals
		return c.bisect(ctx, rows, err, left)
	}
	left.row = 0
	return rejected, err
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
