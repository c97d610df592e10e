package sync

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"milkrun/sync/audit"
	"milkrun/sync/feed"
	"milkrun/sync/mask"
	"milkrun/sync/transport"
)

// notes are the exchanges of a run that the state file does not have yet. They become durable with the checkpoint: an exchange
// is noted before what it brought is handed on, so that a checkpoint never covers one that the audit lacks. What stands
// before no checkpoint (calls that fail, pages that are read again) is written in small groups.
type notes struct {
	writing sync.Mutex // one write at a time: a checkpoint must not overtake rows that are being written
	mu      sync.Mutex
	list    []audit.Row
}

// maxNotes is how many exchanges wait at most for a checkpoint to take them along.
const maxNotes = 500

func (n *notes) add(rows ...audit.Row) (many bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, rows...)
	return len(n.list) >= maxNotes
}

// written hands the waiting rows to a write. Those that it does not write go on waiting.
func (n *notes) written(write func([]audit.Row) error) error {
	n.writing.Lock()
	defer n.writing.Unlock()
	n.mu.Lock()
	list := n.list
	n.list = nil
	n.mu.Unlock()
	err := write(list)
	if err != nil {
		n.mu.Lock()
		n.list = append(list, n.list...)
		n.mu.Unlock()
	}
	return err
}

// keepNotes writes the exchanges that no checkpoint has taken along.
func (r *run) keepNotes() error {
	return r.notes.written(func(list []audit.Row) error {
		return r.engine.Store.AddExchanges(context.WithoutCancel(r.soft), list)
	})
}

// contact is one try of something that is asked of a source or a sink, and the requests it made.
type contact struct {
	run   *run
	row   audit.Row // what all of them have in common
	began time.Time
	mu    sync.Mutex
	made  []transport.Exchange
}

// asks begins one on the source's connection, for what stands behind a place.
func (r *run) asks(batch string) *contact {
	return r.contact(audit.In, r.job.Source.Connection.Name, r.job.Source.Interface, batch)
}

// gives begins one on the sink's connection.
func (r *run) gives(batch string) *contact {
	return r.contact(audit.Out, r.job.Sink.Connection.Name, r.job.Sink.Interface, batch)
}

func (r *run) contact(direction, connection, name, batch string) *contact {
	r.mu.Lock()
	trigger := string(r.rec.Trigger)
	r.mu.Unlock()
	return &contact{run: r, began: r.engine.now(), row: audit.Row{Job: r.job.Name, RunID: r.id(), Trigger: cmp.Or(trigger, deadLetter), Operator: r.operator,
		Connection: connection, Interface: name, Purpose: r.job.Purpose, Direction: direction, Batch: mask.Scrub(batch)}}
}

// deadLetter is the trigger of calls that are made for dead letters, which have no run.
const deadLetter = "dead letter"

// under has the requests made under the context belong to the call, and the observers told of them.
func (c *contact) under(ctx context.Context) context.Context {
	return transport.WithExchanges(c.run.engine.traced(ctx, c.row.Connection), c.note)
}

// note takes up a request of the call.
func (c *contact) note(x transport.Exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made = append(c.made, x)
}

// end notes what came of a call: its last request had the outcome, those before only prepared it. Without any request it
// was one to a database or a file, which counts when records moved. Failures are written at once: they come
// slowly, and people look for them.
func (c *contact) end(records, rejected int, err error) {
	c.mu.Lock()
	made := c.made
	c.made = nil
	c.mu.Unlock()
	c.row.RunID = c.run.id() // a look, or what it asks for, may come before it
	rows := make([]audit.Row, 0, len(made)+1)
	for _, x := range made {
		rows = append(rows, c.request(x))
	}
	switch last := len(rows) - 1; {
	case last >= 0 && err != nil:
		rows[last].Code = cmp.Or(mask.Scrub(feed.Judge(err).Code), "error")
	case last >= 0:
		rows[last].Records, rows[last].Rejected = int64(records), int64(rejected)
	case err == nil && records+rejected > 0:
		rows = append(rows, c.batch(records, rejected))
	}
	if many := c.run.notes.add(rows...); many || err != nil && len(rows) > 0 {
		_ = c.run.keepNotes() // what cannot be written now is written with the next checkpoint, or fails there
	}
}

// request is the row of one request. One that was refused by itself says why.
func (c *contact) request(x transport.Exchange) audit.Row {
	row := c.row
	row.Kind, row.At, row.Took, row.Status, row.Key = audit.Call, x.Begun, x.Took, cmp.Or(x.Status, "unsent"), x.Key
	body := x.Sent
	if row.Direction == audit.In {
		body = x.Received
	}
	row.Bytes, row.Digest = body.Bytes, body.Sum
	if !strings.HasPrefix(row.Status, "HTTP 2") {
		row.Code = row.Status
	}
	return row
}

func (c *contact) batch(records, rejected int) audit.Row {
	row := c.row
	row.Kind, row.At, row.Took = audit.Batch, c.began, c.run.engine.now().Sub(c.began)
	row.Records, row.Rejected = int64(records), int64(rejected)
	return row
}

// numberOf is what the audit calls a batch of a run.
func (r *run) numberOf(b *batch) string { return fmt.Sprintf("%d/%d", r.id(), b.shown()) }
