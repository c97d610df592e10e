package sync

import (
	"context"
	"sort"

	"milkrun/state"
	"milkrun/sync/feed"
)

// backlog is what a run is to move and its target does not have. It is not the run's total when that begins a while before
// the checkpoint (lookback): then the total holds what earlier runs delivered, too.
type backlog struct {
	behind int64 // records behind the checkpoint, of a run that begins before it; -1: nobody knows
	more   int64 // records before the checkpoint that came late, less those behind it that the target has
}

// countBehind counts what stands behind the checkpoint, for a run that begins before it.
func (r *run) countBehind(ctx context.Context, counter feed.Counter) {
	if !r.rewound.early() {
		return
	}
	n, err := counter.Count(ctx, r.rewound.begun)
	if err != nil {
		r.log.WithError(err).Debug("counting what stands behind the checkpoint")
		n = -1
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.backlog.behind = n
}

// waiting is how many records a run that failed or was halted was to move and did not, -1 when nobody can tell; r.mu is held.
func (r *run) waiting(ended state.RunState) int64 {
	behind := r.live.Total
	if r.rewound.early() {
		behind = r.backlog.behind
	}
	if behind < 0 || ended != state.Failed && ended != state.Halted {
		return -1
	}
	return max(0, behind+r.backlog.more-r.live.Delivered-r.live.Rejected)
}

// owes takes up what a page tells of the backlog.
func (r *run) owes(p page) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.backlog.more += p.more
}

// early says whether the run begins before its checkpoint.
func (w *rewound) early() bool { return w != nil && w.begun != "" }

// before is how many records of a page do not stand behind the checkpoint at which the run began.
func (w *rewound) before(p page) (n int64) {
	if !w.early() || p.after == w.begun || w.behind(p.after) {
		return 0
	}
	for _, r := range p.Rejected {
		if r.Place != "" && !w.behind(r.Place) {
			n++
		}
	}
	if !w.behind(p.Next) {
		return n + int64(p.Rows.Len())
	}
	return n + int64(sort.Search(p.Rows.Len(), func(i int) bool { return w.behind(w.source.Locate(p.Rows, i)) }))
}

// behind says whether a place lies behind the checkpoint at which the run began. A source that cannot compare places tells
// their times apart only.
func (w *rewound) behind(place feed.Cursor) bool {
	if c, ok := w.source.(feed.Comparer); ok {
		if order, ok := c.Compare(place, w.begun); ok {
			return order > 0
		}
	}
	return w.passes(w.begun, place)
}
