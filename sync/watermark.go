package sync

import (
	"sync"

	"milkrun/state"
	"milkrun/sync/feed"
)

// settled is what has come of one batch, or of several in a row: every record of it is delivered or a dead letter.
type settled struct {
	cursor    feed.Cursor // the checkpoint behind it; "" when it ends inside a page
	batches   int
	counts    state.Counts
	letters   []state.Letter
	delivered []string      // marks of what is settled here, for sources that are rewound
	marks     []string      // of the records that are settled here, for an opaque sink
	forget    []string      // marks that the checkpoint passes
	taken     []state.Taken // what an opaque sink has acknowledged
	proofs    []feed.Proof  // that batches arrived at another one

	origins  []state.Origin // of a re-push: the runs that had the records before
	resolved []int64        // of a re-push: the dead letters of its records
}

func (s *settled) add(o settled) {
	if o.cursor != "" {
		s.cursor = o.cursor
	}
	s.counts = addCounts(s.counts, o.counts)
	s.letters = append(s.letters, o.letters...)
	s.delivered = append(s.delivered, o.delivered...)
	s.marks = append(s.marks, o.marks...)
	s.forget = append(s.forget, o.forget...)
	s.taken = append(s.taken, o.taken...)
	s.proofs = append(s.proofs, o.proofs...)
	s.origins = append(s.origins, o.origins...)
	s.resolved = append(s.resolved, o.resolved...)
}

// watermark keeps invariant 1: batches are settled in any order, but what it gives out to be committed never reaches
// past the first batch that is not settled yet.
type watermark struct {
	mu     sync.Mutex
	next   int             // the number of the first batch not settled
	ahead  map[int]settled // settled batches behind it
	ready  settled         // settled and in order, not committed
	some   bool            // ready holds something
	signal chan struct{}
}

func newWatermark() *watermark {
	return &watermark{ahead: map[int]settled{}, signal: make(chan struct{}, 1)}
}

// settle notes that batch number n is settled.
func (w *watermark) settle(n int, s settled) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead[n] = s
	for {
		s, ok := w.ahead[w.next]
		if !ok {
			return
		}
		delete(w.ahead, w.next)
		w.next++
		w.ready.add(s)
		w.ready.batches++
		w.some = true
		select {
		case w.signal <- struct{}{}:
		default:
		}
	}
}

// take returns what can be committed, and whether there is anything.
func (w *watermark) take() (settled, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, some := w.ready, w.some
	w.ready, w.some = settled{}, false
	return s, some
}

// addCounts adds what is counted a batch.
func addCounts(a, b state.Counts) state.Counts {
	a.Delivered += b.Delivered
	a.Rejected += b.Rejected
	a.Skipped += b.Skipped
	return a
}
