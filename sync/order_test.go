package sync

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strconv"
	stdsync "sync"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/feed"
)

var revisionColumns = feed.NewColumns(feed.Column{Name: "id", Type: feed.Text}, feed.Column{Name: "revision", Type: feed.Integer})

// events is a source of revisions of some keys, in the order in which they were made.
type events struct {
	keys []string
	revs []int64
}

// newEvents draws n revisions of so many keys.
func newEvents(n, keys int, seed uint64) *events {
	e, last := &events{}, map[string]int64{}
	r := rand.New(rand.NewPCG(seed, 1))
	for range n {
		key := "k" + strconv.Itoa(r.IntN(keys))
		last[key]++
		e.keys, e.revs = append(e.keys, key), append(e.revs, last[key])
	}
	return e
}

func (e *events) Fetch(_ context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	from := number(after)
	to := min(from+limit, len(e.keys))
	p := feed.Page{Rows: feed.Batch{Columns: revisionColumns}, Next: feed.Cursor(strconv.Itoa(to)), Done: to == len(e.keys), Total: -1}
	for i := from; i < to; i++ {
		p.Rows.Values = append(p.Rows.Values, e.keys[i], e.revs[i])
	}
	return p, nil
}

// ledgerSink keeps the newest revision of every key, as a partner does who knows revisions, and counts those that came for
// the first time after a newer one.
type ledgerSink struct {
	mu        stdsync.Mutex
	kept      map[string]int64
	seen      map[string]bool
	overtaken []string
	atOnce    int // batches under way
	most      int
	fail      func(b feed.Batch) error // before anything is kept
}

func newLedger() *ledgerSink { return &ledgerSink{kept: map[string]int64{}, seen: map[string]bool{}} }

func (l *ledgerSink) Deliver(_ context.Context, b feed.Batch) ([]feed.Rejection, error) {
	l.mu.Lock()
	l.atOnce++
	l.most = max(l.most, l.atOnce)
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.atOnce--
		l.mu.Unlock()
	}()
	for range rand.IntN(300) { // so that batches end in another order than they began
		runtime.Gosched()
	}
	if l.fail != nil {
		if err := l.fail(b); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range b.Len() {
		key, rev := b.Get(i, "id").(string), b.Get(i, "revision").(int64)
		mark := fmt.Sprintf("%s@%d", key, rev)
		if rev < l.kept[key] && !l.seen[mark] {
			l.overtaken = append(l.overtaken, fmt.Sprintf("%s after %d", mark, l.kept[key]))
		}
		l.seen[mark] = true
		l.kept[key] = max(l.kept[key], rev)
	}
	return nil, nil
}

// whole fails unless every revision arrived and none was overtaken, except the missing ones.
func (l *ledgerSink) whole(t *testing.T, e *events, missing ...string) {
	t.Helper()
	if len(l.overtaken) > 0 {
		t.Errorf("%d revisions were overtaken: %v", len(l.overtaken), l.overtaken[:min(5, len(l.overtaken))])
	}
	gone := map[string]bool{}
	for _, m := range missing {
		gone[m] = true
	}
	for i, key := range e.keys {
		if mark := fmt.Sprintf("%s@%d", key, e.revs[i]); l.seen[mark] == gone[mark] {
			t.Fatalf("revision %s: arrived %v", mark, l.seen[mark])
		}
	}
}

// keyedLedger names its key, orderedLedger does not know it.
type keyedLedger struct{ *ledgerSink }

func (keyedLedger) OrderedBy() []string { return []string{"id"} }

type orderedLedger struct{ *ledgerSink }

func (orderedLedger) OrderedBy() []string { return nil }

// TestRevisionsKeepTheirOrder delivers revisions with eight batches in flight, a partner that fails and takes its time, and
// keys that come often and seldom.
func TestRevisionsKeepTheirOrder(t *testing.T) {
	for _, keys := range []int{1, 7, 200, 5000} {
		for name, with := range map[string]func(*ledgerSink) feed.Sink{
			"keyed": func(l *ledgerSink) feed.Sink { return keyedLedger{l} }, "ordered": func(l *ledgerSink) feed.Sink { return orderedLedger{l} },
		} {
			t.Run(fmt.Sprintf("%s, %d keys", name, keys), func(t *testing.T) {
				n := min(1500, 150*keys)
				source, sink := newEvents(n, keys, uint64(keys)), newLedger()
				sink.fail = func(feed.Batch) error {
					if rand.IntN(4) == 0 {
						return errLost
					}
					return nil
				}
				job := newJob(t, "j", source, with(sink))
				job.PageSize, job.BatchSize, job.Concurrency = 64, 20, 8
				job.Retry.GiveUpAfter = time.Minute
				mustRun(t, newEngine(t), job)
				sink.whole(t, source)
				if parallel := sink.most > 1; parallel != (name == "keyed" && keys > 100) && keys != 7 {
					t.Errorf("%d batches at once", sink.most)
				}
			})
		}
	}
}

// TestRevisionsKeepTheirOrderWhenHalved has a record refused, so that batches are halved.
func TestRevisionsKeepTheirOrderWhenHalved(t *testing.T) {
	for name, with := range map[string]func(*ledgerSink) feed.Sink{
		"keyed": func(l *ledgerSink) feed.Sink { return keyedLedger{l} }, "ordered": func(l *ledgerSink) feed.Sink { return orderedLedger{l} },
	} {
		t.Run(name, func(t *testing.T) {
			source, sink := newEvents(400, 9, 3), newLedger()
			sink.fail = func(b feed.Batch) error {
				for i := range b.Len() {
					if b.Get(i, "id") == "k3" && b.Get(i, "revision") == int64(4) {
						return feed.Errorf(feed.Refuse, "300", "no")
					}
				}
				return nil
			}
			job := newJob(t, "j", source, with(sink))
			job.PageSize, job.BatchSize, job.Concurrency = 64, 32, 4
			if r := mustRun(t, newEngine(t), job); r.Counts.Rejected != 1 {
				t.Errorf("%d rejected", r.Counts.Rejected)
			}
			sink.whole(t, source, "k3@4")
		})
	}
}

// TestRevisionsKeepTheirOrderAcrossCrashes ends a run at one step after the other, and lets the next one go on.
func TestRevisionsKeepTheirOrderAcrossCrashes(t *testing.T) {
	for at := 1; ; at += 3 {
		source, sink := newEvents(60, 4, 5), newLedger()
		path := filepath.Join(t.TempDir(), "state.db")
		e := engineOn(t, path)
		var mu stdsync.Mutex
		steps := 0
		e.Step = func(string) error {
			mu.Lock()
			defer mu.Unlock()
			if steps++; steps >= at {
				return errCrash
			}
			return nil
		}
		job := newJob(t, "j", source, keyedLedger{sink})
		job.PageSize, job.BatchSize, job.Concurrency = 16, 8, 4
		_, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
		if !errors.Is(err, errCrash) {
			if err != nil {
				t.Fatal(err)
			}
			if sink.whole(t, source); at < 20 {
				t.Errorf("only %d steps", at)
			}
			return
		}
		next := engineOn(t, path)
		if _, err := next.Store.Interrupt(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustRun(t, next, job)
		sink.whole(t, source)
		if t.Failed() {
			t.Fatalf("killed at step %d", at)
		}
	}
}

// TestBatchHoldsAKeyOnce looks at what the sink gets.
func TestBatchHoldsAKeyOnce(t *testing.T) {
	source, sink := newEvents(300, 12, 8), newLedger()
	batches := 0
	sink.fail = func(b feed.Batch) error {
		seen := map[any]bool{}
		batches++
		for i := range b.Len() {
			if seen[b.Get(i, "id")] {
				t.Errorf("batch %d has the key %v twice", batches, b.Get(i, "id"))
			}
			seen[b.Get(i, "id")] = true
		}
		return nil
	}
	job := newJob(t, "j", source, keyedLedger{sink})
	job.PageSize, job.BatchSize = 100, 50
	mustRun(t, newEngine(t), job)
	sink.whole(t, source)
}
