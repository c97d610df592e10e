package sync

import (
	"milkrun/state"
	"milkrun/sync/feed"
)

// batch is what one call of the sink gets, with what the checkpoint needs to know of it.
type batch struct {
	number  int
	rows    feed.Batch  // as delivered: masked
	raw     feed.Batch  // as read; the same as rows when nothing is masked
	at      int64       // position of the first row in the enumeration, -1 when there is none
	after   feed.Cursor // behind the last page that ends in this batch; "" when none does
	counts  state.Counts
	letters []state.Letter // of records that the source refused
	marks   []string       // of its rows, for an opaque sink
	known   []string       // of rows of its page that were delivered before
	keys    map[string]struct{}
}

// shown is its number as people count.
func (b *batch) shown() int { return b.number + 1 }

// gatherer makes batches of at most size rows out of pages of any size. Rows of several pages share a batch while their
// positions are contiguous. With a key no batch holds two records of it: the second one begins the next batch, so that a
// batch may be halved and its parts delivered in any order.
type gatherer struct {
	size  int
	key   []string // columns
	mask  func(feed.Batch) feed.Batch
	note  func(page) []state.Letter
	emit  func(*batch)
	count int
	cur   *batch
}

// add takes the rows of a page, emitting every batch that is full.
func (g *gatherer) add(p page) {
	letters := g.note(p)
	rows, masked, at, marks := p.Rows, g.mask(p.Rows), p.at, p.marks
	for g.cur != nil && !g.fits(rows, at) {
		g.flush()
	}
	for done := false; !done; {
		b := g.open(rows, at)
		n := g.distinct(b, masked.Slice(0, min(g.size-b.rows.Len(), rows.Len())))
		g.append(b, rows.Slice(0, n), masked.Slice(0, n))
		b.marks, marks = append(b.marks, marks[:min(n, len(marks))]...), marks[min(n, len(marks)):]
		rows, masked, done = rows.Slice(n, rows.Len()), masked.Slice(n, rows.Len()), n == rows.Len()
		if at >= 0 {
			at += int64(n)
		}
		if done {
			b.after = p.Next
			b.letters = append(b.letters, letters...)
			b.known = append(b.known, p.known...)
			b.counts = addCounts(b.counts, state.Counts{Rejected: int64(len(p.Rejected)), Skipped: p.skipped})
		}
		if b.rows.Len() == g.size || !done {
			g.flush()
		}
	}
}

// distinct is how many of the rows can come into a batch before one whose key is in it already.
func (g *gatherer) distinct(b *batch, rows feed.Batch) int {
	if len(g.key) == 0 || rows.Len() == 0 {
		return rows.Len()
	}
	if b.keys == nil {
		b.keys = make(map[string]struct{}, rows.Len())
	}
	for i, key := range keysOf(rows, g.key) {
		if _, twice := b.keys[key]; twice {
			return i
		}
		b.keys[key] = struct{}{}
	}
	return rows.Len()
}

// flush emits what is gathered, if anything.
func (g *gatherer) flush() {
	if g.cur == nil {
		return
	}
	b := g.cur
	g.cur = nil
	g.emit(b)
}

func (g *gatherer) fits(rows feed.Batch, at int64) bool {
	if g.cur.rows.Len() == 0 || rows.Len() == 0 {
		return true
	}
	return g.cur.rows.Columns.Equal(rows.Columns) && (at < 0 || at == g.cur.at+int64(g.cur.rows.Len()))
}

func (g *gatherer) open(rows feed.Batch, at int64) *batch {
	if g.cur == nil {
		g.cur = &batch{number: g.count, at: at}
		g.count++
	}
	if g.cur.rows.Len() == 0 {
		g.cur.at = at
	}
	return g.cur
}

// append adds rows to a batch. A page that fills a batch alone is not copied.
func (g *gatherer) append(b *batch, rows, masked feed.Batch) {
	if rows.Len() == 0 {
		return
	}
	same := &masked.Values[0] == &rows.Values[0]
	b.rows = joined(b.rows, masked, g.size)
	if same {
		b.raw = b.rows
	} else {
		b.raw = joined(b.raw, rows, g.size)
	}
}

func joined(a, b feed.Batch, size int) feed.Batch {
	if a.Len() == 0 {
		return b
	}
	if cap(a.Values) < len(a.Values)+len(b.Values) {
		grown := make([]feed.Value, len(a.Values), size*a.Columns.Len())
		copy(grown, a.Values)
		a.Values = grown
	}
	a.Values = append(a.Values, b.Values...)
	return a
}
