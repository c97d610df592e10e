package sync

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"

	"milkrun/sync/feed"
)

// page is a page of the source with where it was asked for. The last one carries the error that ended the reading.
type page struct {
	feed.Page
	after       feed.Cursor
	at          int64 // position of the first row in the enumeration, -1 when the source is none
	err         error
	fingerprint uint64 // of the keys of its rows in their order, of an enumeration
	// skipped counts rows taken out because they were delivered before; see rewound.
	skipped int64
	more    int64    // what it adds to the run's backlog
	marks   []string // of its rows, by which they are known again, for an opaque sink
	known   []string // of the rows taken out
}

// reader reads a source from a cursor on, ahead of whoever takes the pages.
type reader struct {
	run    *run
	source feed.Source
	limit  int // rows a page
	ahead  int // pages fetched ahead, 0 is none
	loop   cycle
}

// waiting is how many pages at most wait to be taken: enough that neither side waits for the other's gusts.
const waiting = 2

// pages sends the pages in order until one is Done, an error ends the reading, or ctx does. As many as are fetched at
// once are held, and those waiting.
func (r *reader) pages(ctx context.Context, from feed.Cursor) <-chan page {
	out := make(chan page, min(r.ahead, waiting))
	r.loop = cycle{}
	r.run.reading.Go(func() {
		defer close(out)
		if r.atOnce() == 1 {
			r.inTurn(ctx, from, out)
		} else {
			r.inParallel(ctx, from, out)
		}
	})
	return out
}

// atOnce is how many pages may be asked for at the same time.
func (r *reader) atOnce() int {
	if _, ok := r.source.(feed.Pager); !ok {
		return 1
	}
	return max(r.ahead, 1)
}

func (r *reader) inTurn(ctx context.Context, from feed.Cursor, out chan<- page) {
	for {
		p := r.fetch(ctx, from)
		if !r.pass(ctx, p, out) {
			return
		}
		from = p.Next
	}
}

// fetching is a page that is being fetched.
type fetching struct {
	after feed.Cursor
	page  chan page
}

// inParallel keeps up to ahead fetches under way. The first page goes alone: it states the total, and nothing is asked
// for beyond the total. A page that ends elsewhere than was foreseen makes it ask anew for what stands behind it.
func (r *reader) inParallel(ctx context.Context, from feed.Cursor, out chan<- page) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pager := r.source.(feed.Pager)
	var window []fetching
	next, total := from, int64(-1)
	for first := true; ; first = false {
		for len(window) == 0 || !first && len(window) < r.ahead && r.within(next, total) {
			window = append(window, r.fetchAside(ctx, next))
			next = pager.Following(next, r.limit)
		}
		p := <-window[0].page
		if window = window[1:]; !r.pass(ctx, p, out) {
			return
		}
		if total = p.Total; len(window) == 0 || window[0].after != p.Next {
			window, next = nil, p.Next
		}
	}
}

func (r *reader) fetchAside(ctx context.Context, after feed.Cursor) fetching {
	f := fetching{after, make(chan page, 1)}
	r.run.reading.Go(func() { f.page <- r.fetch(ctx, after) })
	return f
}

func (r *reader) within(c feed.Cursor, total int64) bool {
	e, ok := r.source.(feed.Enumerator)
	return !ok || total < 0 || e.Position(c) < total
}

// pass hands a page on and says whether to go on reading.
func (r *reader) pass(ctx context.Context, p page, out chan<- page) bool {
	if p.err == nil {
		p.err = r.moves(p)
	}
	select {
	case out <- p:
		return p.err == nil && !p.Done
	case <-ctx.Done():
		return false
	}
}

// moves keeps invariant 4.
func (r *reader) moves(p page) error {
	still := p.Next == p.after && (!p.Done || p.Rows.Len() > 0)
	if still || !p.Done && r.loop.seen(p.Next) {
		return feed.Errorf(feed.HaltJob, "cursor", "the cursor does not move: the page behind %s ends at %s", shownCursor(p.after), shownCursor(p.Next)).
			WithRemedy("the source returns the same place again; ask the partner, then resume the job")
	}
	return nil
}

// fetch gets one page, with the retries of the job.
func (r *reader) fetch(ctx context.Context, after feed.Cursor) page {
	p := page{after: after, at: -1}
	if e, ok := r.source.(feed.Enumerator); ok {
		p.at = e.Position(after)
	}
	p.err = r.run.attempts(1, "page behind "+shownCursor(after)).do(ctx, func() (err error) {
		if err := r.run.paused(ctx, r.run.job.Source.Connections()...); err != nil {
			return err
		}
		call := r.run.asks(shownCursor(after))
		p.Page, err = r.run.asked(ctx, r.source, call, after, r.limit)
		call.end(p.Rows.Len(), len(p.Rejected), err)
		return err
	})
	if p.err == nil {
		p.err = r.run.check.page(&p.Page)
	}
	if e, ok := r.source.(feed.Enumerator); ok && p.err == nil {
		p.fingerprint = fingerprintOf(p.Rows, e.Key())
	}
	if p.err != nil {
		p.err = &sideError{connection: r.run.job.Source.Connection.Name, err: fmt.Errorf("page behind %s: %w", shownCursor(after), p.err)}
	}
	return p
}

func shownCursor(c feed.Cursor) string {
	if c == "" {
		return "the beginning"
	}
	return string(c)
}

// cycle notices that a sequence of cursors runs in a circle, remembering one cursor only (Brent).
type cycle struct {
	mark         feed.Cursor
	steps, limit int
}

func (c *cycle) seen(next feed.Cursor) bool {
	if c.limit > 0 && next == c.mark {
		return true
	}
	if c.steps++; c.steps >= c.limit {
		c.mark, c.steps, c.limit = next, 0, 2*c.limit+1
	}
	return false
}

// fingerprintOf tells pages apart by the keys on them.
func fingerprintOf(b feed.Batch, key []string) uint64 {
	h := fnv.New64a()
	for _, column := range key {
		at, ok := b.Columns.Index(column)
		for i := 0; ok && i < b.Len(); i++ {
			if text, isText := b.Row(i)[at].(string); isText {
				_, _ = io.WriteString(h, text)
			} else {
				fmt.Fprint(h, b.Row(i)[at])
			}
		}
	}
	return h.Sum64()
}
