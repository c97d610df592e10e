package sync

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"milkrun/state"
	"milkrun/sync/feed"
)

// mover changes a crowd while it is read.
type mover struct {
	*crowd
	fresh int
}

func (m *mover) insert(at int) {
	m.fresh++
	m.keys = slices.Insert(m.keys, min(at, len(m.keys)), fmt.Sprintf("new%04d", m.fresh))
}

func (m *mover) remove(at int) {
	m.keys = slices.Delete(m.keys, min(at, len(m.keys)-1), min(at, len(m.keys)-1)+1)
}

func (m *mover) move(from, to int) {
	from = min(from, len(m.keys)-1)
	key := m.keys[from]
	m.keys = slices.Delete(m.keys, from, from+1)
	m.keys = slices.Insert(m.keys, min(to, len(m.keys)), key)
}

func same(t *testing.T, c *crowd, m *memory) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range c.keys {
		if !m.live[key] {
			t.Errorf("record %s is missing", key)
		}
	}
	if len(m.live) != len(c.keys) {
		t.Errorf("%d records, want %d", len(m.live), len(c.keys))
	}
}

func TestDriftIsMended(t *testing.T) {
	const rows = 3000 // 300 pages
	cases := map[string]struct {
		at     map[int]func(m *mover) // by call
		budget int                    // calls that the whole run may take
	}{
		"quiet":                             {nil, 320},
		"insert before what is read":        {map[int]func(*mover){150: func(m *mover) { m.insert(0) }}, 330},
		"insert in what is read":            {map[int]func(*mover){150: func(m *mover) { m.insert(777) }}, 340},
		"insert behind":                     {map[int]func(*mover){150: func(m *mover) { m.insert(2500) }}, 340},
		"insert at the end":                 {map[int]func(*mover){290: func(m *mover) { m.insert(1 << 30) }}, 340},
		"remove from what is read":          {map[int]func(*mover){150: func(m *mover) { m.remove(3) }}, 340},
		"remove behind":                     {map[int]func(*mover){150: func(m *mover) { m.remove(2900) }}, 340},
		"insert and remove":                 {map[int]func(*mover){100: func(m *mover) { m.insert(50) }, 200: func(m *mover) { m.remove(1500) }}, 640},
		"move forward unseen":               {map[int]func(*mover){150: func(m *mover) { m.move(2200, 100) }}, 680},
		"move back, seen twice":             {map[int]func(*mover){150: func(m *mover) { m.move(100, 2200) }}, 680},
		"while it is mended":                {map[int]func(*mover){150: func(m *mover) { m.insert(10) }, 305: func(m *mover) { m.insert(500) }, 325: func(m *mover) { m.insert(2000) }}, 420},
		"removed while it is mended":        {map[int]func(*mover){150: func(m *mover) { m.insert(10) }, 305: func(m *mover) { m.remove(500) }}, 660},
		"inserts every 40 pages":            {inserts(40), 1000},
		"both, every 20 pages, for a while": {every(20, 500), 2000},
		"many at once":                      {map[int]func(*mover){150: func(m *mover) { repeat(40, func(i int) { m.insert(i * 61) }) }}, 1000},
		"as many removed as inserted":       {map[int]func(*mover){150: func(m *mover) { repeat(30, func(int) { m.remove(0) }); repeat(30, func(i int) { m.insert(2800 + i) }) }}, 680},
		"a whole page removed":              {map[int]func(*mover){200: func(m *mover) { repeat(10, func(int) { m.remove(500) }) }}, 500},
	}
	for name, c := range cases {
		for _, prefetch := range []int{1, 8} {
			t.Run(fmt.Sprintf("%s/prefetch %d", name, prefetch), func(t *testing.T) {
				t.Parallel()
				m := &mover{crowd: newCrowd(rows)}
				m.hook = func(call int) {
					if act := c.at[call]; act != nil {
						act(m)
					}
				}
				sink := &memory{}
				job := newJob(t, "crowd", m.crowd, sink)
				job.Prefetch = prefetch
				e := newEngine(t)
				r := mustRun(t, e, job)
				same(t, m.crowd, sink)
				if name == "quiet" && !strings.Contains(r.Summary, `"reread":0`) {
					t.Errorf("pages looked at again to be sure are none that were mended: %s", r.Summary)
				}
				budget := c.budget
				if prefetch > 1 { // a removal between two pages read out of turn lists a row twice; then all is read once more
					budget = max(budget, 2*rows/crowdPage+80)
				}
				if m.calls > budget {
					t.Errorf("%d calls, at most %d should do", m.calls, budget)
				}
				if t.Failed() {
					showEvents(t, e, r)
				}
			})
		}
	}
}

// inserts inserts a row every n calls.
func inserts(n int) map[int]func(*mover) {
	acts := map[int]func(*mover){}
	for call := n; call <= 2000; call += n {
		at := call * 7919 % 3000
		acts[call] = func(m *mover) { m.insert(at) }
	}
	return acts
}

// every inserts and removes in turn, each n calls, up to the last one.
func every(n, last int) map[int]func(*mover) {
	acts := map[int]func(*mover){}
	for call := n; call <= last; call += n {
		at := call * 7919 % 3000
		acts[call] = func(m *mover) { m.insert(at) }
		if call/n%2 == 0 {
			acts[call] = func(m *mover) { m.remove(at) }
		}
	}
	return acts
}

func repeat(n int, act func(i int)) {
	for i := range n {
		act(i)
	}
}

func showEvents(t *testing.T, e *Engine, r state.Run) {
	t.Helper()
	events, err := e.Store.Events(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range events {
		t.Log(ev.Kind, ev.Text)
	}
}

// TestDriftAtRandom moves rows at random while they are read. Whatever happens, the result is the truth or a plain no.
func TestDriftAtRandom(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 1))
			m := &mover{crowd: newCrowd(200 + rnd.IntN(2000))}
			left := rnd.IntN(30)
			m.hook = func(int) {
				if left == 0 || rnd.IntN(8) > 0 {
					return
				}
				left--
				switch n := len(m.keys); rnd.IntN(3) {
				case 0:
					m.insert(rnd.IntN(n))
				case 1:
					m.remove(rnd.IntN(n))
				default:
					m.move(rnd.IntN(n), rnd.IntN(n))
				}
			}
			sink := &memory{}
			job := newJob(t, "crowd", m.crowd, sink)
			e := newEngine(t)
			for range 6 { // rows come to rest some time, and then a run must succeed
				before := left
				r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
				if err != nil && !errors.Is(err, errNotWhole) {
					t.Fatal(err)
				}
				if err != nil || before > 0 && left > 0 {
					continue // rows moved up to the end: there is no one truth to compare with
				}
				same(t, m.crowd, sink)
				if t.Failed() {
					showEvents(t, e, r)
				}
				return
			}
			t.Fatal("no run succeeded")
		})
	}
}

func TestDriftThatNeverEndsIsSaid(t *testing.T) {
	m := &mover{crowd: newCrowd(500)}
	m.hook = func(call int) { m.insert(call * 31 % 400) }
	sink := &memory{live: map[string]bool{"old": true}}
	e := newEngine(t)
	_, err := e.Run(t.Context(), newJob(t, "crowd", m.crowd, sink), Start{Trigger: state.Manual})
	var said *feed.Error
	if !errors.As(err, &said) || said.Code != "drift" || said.Verdict != feed.Fail {
		t.Fatalf("want a plain word that the enumeration is not whole, got %v", err)
	}
	if !sink.live["old"] || len(sink.live) != 1 {
		t.Error("the old generation should have stayed")
	}
}

// miscounted is a partner that states a wrong total, always the same.
type miscounted struct{ *crowd }

func (m miscounted) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	p, err := m.crowd.Fetch(ctx, after, limit)
	p.Total += 7
	return p, err
}

// TestWrongTotal: that nothing moves is told apart from rows that do.
func TestWrongTotal(t *testing.T) {
	_, err := newEngine(t).Run(t.Context(), newJob(t, "crowd", miscounted{newCrowd(500)}, &memory{}), Start{Trigger: state.Manual})
	if err == nil || !strings.Contains(err.Error(), "the partner states 507 records and lists 500") {
		t.Errorf("%v", err)
	}
}

// stale is a partner whose total is too small by whole pages.
type stale struct {
	*crowd
	total int64
}

func (s stale) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	p, err := s.crowd.Fetch(ctx, after, limit)
	p.Total, p.Done = s.total, s.Position(after)+int64(limit) >= s.total
	return p, err
}

// TestTotalTooSmallByPages: what stands behind the last page that the total tells of is neither passed over nor deleted.
func TestTotalTooSmallByPages(t *testing.T) {
	sink := &memory{}
	mustRun(t, newEngine(t), newJob(t, "crowd", newCrowd(500), sink))
	_, err := newEngine(t).Run(t.Context(), newJob(t, "crowd", stale{newCrowd(500), 490}, sink), Start{Trigger: state.Manual})
	if err == nil || !strings.Contains(err.Error(), "the partner states 490 records, and lists more behind them") || len(sink.live) != 500 {
		t.Errorf("%d records, %v", len(sink.live), err)
	}
}

// TestTotalTooSmallWithoutGenerations: the advice is not to choose another hour.
func TestTotalTooSmallWithoutGenerations(t *testing.T) {
	_, err := newEngine(t).Run(t.Context(), newJob(t, "crowd", stale{newCrowd(500), 490}, newShelf()), Start{Trigger: state.Manual})
	if remedy := feed.Judge(err).Remedy; !strings.Contains(remedy, "may be missing") || !strings.Contains(remedy, "ask the partner") {
		t.Errorf("%v → %s", err, remedy)
	}
}

// clamping is a partner that answers its last page, or its first one, in the place of one that it does not have.
type clamping struct {
	*crowd
	last int64
}

func (c clamping) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	if int64(len(c.keys)) > c.Position(after) {
		return c.crowd.Fetch(ctx, after, limit)
	}
	return c.crowd.Fetch(ctx, c.CursorAt(c.last, limit), limit)
}

func TestAPageInThePlaceOfNone(t *testing.T) {
	for _, last := range []int64{49, 0} {
		sink := &memory{}
		mustRun(t, newEngine(t), newJob(t, "crowd", clamping{newCrowd(500), last}, sink))
		if len(sink.live) != 500 {
			t.Errorf("page %d: %d records", last, len(sink.live))
		}
	}
}

// swelling is a partner whose records become more while it is asked for the page behind the last one.
type swelling struct{ stale }

func (g swelling) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	p, err := g.stale.Fetch(ctx, after, limit)
	if g.Position(after) >= g.total {
		p.Total = 500
	}
	return p, err
}

// TestGrownBehindTheLastPage: that the total was right once is no reason to ask the partner about it.
func TestGrownBehindTheLastPage(t *testing.T) {
	_, err := newEngine(t).Run(t.Context(), newJob(t, "crowd", swelling{stale{newCrowd(500), 490}}, &memory{}), Start{Trigger: state.Manual})
	if !errors.Is(err, errNotWhole) || !strings.Contains(err.Error(), "records were added while it was read") {
		t.Error(err)
	}
}

// hung is a partner that is asked for the page behind its last one when the request to stop comes.
type hung struct {
	stale
	stop context.CancelFunc
}

func (h hung) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	if h.Position(after) < h.total {
		return h.stale.Fetch(ctx, after, limit)
	}
	h.stop()
	return feed.Page{}, errors.New("the connection is closed")
}

// TestErrorBehindTheLastPage: what a partner answers there when nothing is left is its own affair.
func TestErrorBehindTheLastPage(t *testing.T) {
	sink := &memory{}
	mustRun(t, newEngine(t), newJob(t, "crowd", hung{stale{newCrowd(500), 500}, func() {}}, sink))
	if len(sink.live) != 500 {
		t.Errorf("%d records", len(sink.live))
	}
}

// TestStopBehindTheLastPage: such a run is interrupted like any other, and has not failed.
func TestStopBehindTheLastPage(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r, err := newEngine(t).Run(ctx, newJob(t, "crowd", hung{stale{newCrowd(500), 500}, stop}, &memory{}), Start{Trigger: state.Manual})
	if !errors.Is(err, errStopped) || r.State != state.Interrupted {
		t.Errorf("%s, %v", r.State, err)
	}
}

func TestAKeyListedTwiceIsNotDrift(t *testing.T) {
	c := newCrowd(1000)
	c.keys[700] = c.keys[20]
	sink := &memory{}
	mustRun(t, newEngine(t), newJob(t, "crowd", c, sink))
	if len(sink.live) != 999 {
		t.Errorf("%d records, want 999", len(sink.live))
	}
	if c.calls > 130 {
		t.Errorf("%d calls for 100 pages", c.calls)
	}
}

func TestShrinkGuardHalts(t *testing.T) {
	sink := &memory{live: map[string]bool{}}
	for i := range 200 {
		sink.live[fmt.Sprintf("old%d", i)] = true
	}
	e := newEngine(t)
	job := newJob(t, "crowd", newCrowd(100), sink)
	r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
	var shrink *feed.ShrinkError
	if !errors.As(err, &shrink) || r.State != state.Halted || len(sink.live) != 200 {
		t.Fatalf("state %s, %d records, %v", r.State, len(sink.live), err)
	}
	var halted *HaltedError
	if _, err := e.Run(t.Context(), job, Start{Trigger: state.Manual}); !errors.As(err, &halted) {
		t.Errorf("a halted job ran: %v", err)
	}
}
