package sync

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"

	"milkrun/state"
	"milkrun/sync/feed"
)

// countedJournal is a journal that tells how many events stand behind a place.
type countedJournal struct{ *journal }

func (j countedJournal) Count(_ context.Context, after feed.Cursor) (n int64, err error) {
	for _, e := range j.events {
		if place(e) > padded(after) {
			n++
		}
	}
	return n, nil
}

// Compare implements [feed.Comparer].
func (j countedJournal) Compare(a, b feed.Cursor) (int, bool) {
	return cmp.Compare(padded(a), padded(b)), true
}

// move has an event stand at another time, as a record does that is changed.
func (j *journal) move(id, to int) {
	j.events = slices.DeleteFunc(j.events, func(e event) bool { return e.id == id })
	j.events = append(j.events, event{to, id})
	j.add()
}

// TestWaitingLeavesOutWhatIsThere fails a run that begins a while before its checkpoint: what its target has from earlier runs
// does not wait.
func TestWaitingLeavesOutWhatIsThere(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*journal)
		want   int64
	}{
		"new ones":           {func(j *journal) { j.add(51, 52, 53) }, 3},
		"changed ones":       {func(j *journal) { j.move(45, 51); j.move(46, 52) }, 2},
		"late ones":          {func(j *journal) { j.add(44, 45) }, 2},
		"late and new ones":  {func(j *journal) { j.add(44, 45, 60) }, 3},
		"some behind others": {func(j *journal) { j.add(44); j.move(47, 55) }, 2},
	} {
		for _, size := range []int{4, 100} {
			t.Run(fmt.Sprint(name, size), func(t *testing.T) {
				source, sink, e := countedJournal{&journal{}}, newShelf(), newEngine(t)
				job := newJob(t, "j", source, sink)
				job.PageSize, job.BatchSize = size, 100
				source.add(upTo(50)...)
				if r := mustRun(t, e, job); r.Waiting != -1 {
					t.Errorf("%d wait after a good run", r.Waiting)
				}
				c.change(source.journal)
				sink.deliver = func(feed.Batch) ([]feed.Rejection, error) { return nil, feed.Errorf(feed.Fail, "503", "down") }
				r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
				if err == nil || r.Waiting != c.want {
					t.Errorf("%d wait, want %d (%d expected, %v)", r.Waiting, c.want, r.Counts.Total, err)
				}
				kept, err := e.Store.Run(t.Context(), r.ID)
				if err != nil || kept.Waiting != c.want {
					t.Errorf("%d are kept, %v", kept.Waiting, err)
				}
			})
		}
	}
}
