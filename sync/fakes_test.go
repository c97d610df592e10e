package sync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	stdsync "sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/schedule"
	"milkrun/sync/setting"
)

var cols = feed.NewColumns(feed.Column{Name: "id", Type: feed.Text}, feed.Column{Name: "phone", Type: feed.Text})

// list is a source that streams records numbered from 1; its cursor is the number of the last one read.
type list struct {
	n     int
	fetch func(after int) error // fails a call; nil: never
	still bool                  // the cursor does not move
}

func (l *list) Fetch(_ context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	from := number(after)
	if l.fetch != nil {
		if err := l.fetch(from); err != nil {
			return feed.Page{}, err
		}
	}
	p := feed.Page{Rows: feed.Batch{Columns: cols}, Total: int64(l.n)}
	to := min(from+limit, l.n)
	for i := from + 1; i <= to; i++ {
		p.Rows.Values = append(p.Rows.Values, strconv.Itoa(i), "13800000000")
	}
	p.Next, p.Done = feed.Cursor(strconv.Itoa(to)), to == l.n
	if l.still {
		p.Next, p.Done = after, false
	}
	return p, nil
}

func (l *list) Locate(b feed.Batch, i int) feed.Cursor { return feed.Cursor(b.Get(i, "id").(string)) }

func (l *list) Reread(_ context.Context, at []feed.Cursor) (feed.Batch, error) {
	b := feed.Batch{Columns: cols}
	for _, c := range at {
		b.Values = append(b.Values, string(c), "13800000000")
	}
	return b, nil
}

func number(c feed.Cursor) int {
	n, err := strconv.Atoi(string(c))
	if err != nil {
		return 0
	}
	return n
}

// shelf is a sink that keeps how often it got each id.
type shelf struct {
	mu      stdsync.Mutex
	got     map[string]int
	phones  map[string]bool
	calls   int
	deliver func(b feed.Batch) ([]feed.Rejection, error) // before anything is kept; nil: accept
	lost    func(calls int) error                        // after everything is kept; nil: answer
	bad     []string                                     // ids that an opaque one refuses to send
}

func newShelf() *shelf { return &shelf{got: map[string]int{}, phones: map[string]bool{}} }

func (s *shelf) Deliver(_ context.Context, b feed.Batch) ([]feed.Rejection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	var rejected []feed.Rejection
	if s.deliver != nil {
		var err error
		if rejected, err = s.deliver(b); err != nil {
			return nil, err
		}
	}
	bad := map[int]bool{}
	for _, r := range rejected {
		bad[r.Row] = true
	}
	for i := range b.Len() {
		if !bad[i] {
			s.got[b.Get(i, "id").(string)]++
			s.phones[b.Get(i, "phone").(string)] = true
		}
	}
	if s.lost != nil {
		return rejected, s.lost(s.calls)
	}
	return rejected, nil
}

// whole fails unless ids 1 to n are there, each once, apart from the missing ones.
func (s *shelf) whole(t *testing.T, n int, missing ...int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := map[int]bool{}
	for _, m := range missing {
		gone[m] = true
	}
	for i := 1; i <= n; i++ {
		want := 1
		if gone[i] {
			want = 0
		}
		if got := s.got[strconv.Itoa(i)]; got != want {
			t.Fatalf("record %d was kept %d times, want %d", i, got, want)
		}
	}
	if len(s.got) != n-len(missing) {
		t.Fatalf("%d different records were kept, want %d", len(s.got), n-len(missing))
	}
}

// opaqueShelf is a shelf for which keeping twice is harm.
type opaqueShelf struct{ *shelf }

func (s opaqueShelf) Check(b feed.Batch) []feed.Rejection { return s.check(b) }

func (s opaqueShelf) DeliverOnce(ctx context.Context, id string, b feed.Batch) (feed.Receipt, error) {
	_, err := s.Deliver(ctx, b)
	return feed.Receipt{Ref: "ref " + id}, err
}

func (s *shelf) check(b feed.Batch) (list []feed.Rejection) {
	for i := range b.Len() {
		if slices.Contains(s.bad, b.Get(i, "id").(string)) {
			list = append(list, feed.Rejection{Row: i, Code: "phone", Reason: "13812345678 is no phone"})
		}
	}
	return list
}

// fixed is the settings of a source or sink that is there already.
type fixed struct {
	source feed.Source
	sink   feed.Sink
	err    error
}

func (fixed) Fields() []setting.Field     { return nil }
func (fixed) Validate() []setting.Problem { return nil }
func (fixed) Limits() kind.Limits         { return kind.Limits{} }
func (fixed) Close() error                { return nil }

type fixedSource struct{ fixed }

func (f fixedSource) Open(context.Context, kind.Env) (feed.Source, error) { return f.source, f.err }

type fixedSink struct{ fixed }

func (f fixedSink) Open(context.Context, kind.Env) (feed.Sink, error) { return f.sink, f.err }

// newJob is a job of small pages and batches over a source and a sink.
func newJob(t *testing.T, name string, source feed.Source, sink feed.Sink) *config.Job {
	t.Helper()
	never, err := schedule.Parse("manual", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return &config.Job{
		Name: name, Enabled: true, Schedule: never, Location: time.UTC, CatchUp: "latest", Grace: time.Hour, Overlap: "skip",
		Source:   config.Source{Connection: &config.Connection{Name: "from-" + name}, Settings: fixedSource{fixed{source: source}}},
		Sink:     config.Sink{Connection: &config.Connection{Name: "to-" + name}, Settings: fixedSink{fixed{sink: sink}}},
		PageSize: 10, BatchSize: 10, Concurrency: 1, Prefetch: 4,
		Retry:       config.Retry{Initial: time.Millisecond, Max: 4 * time.Millisecond, GiveUpAfter: time.Second},
		OnBadRecord: "dead-letter", MaxBad: 100, ShrinkLimit: 0.1,
	}
}

// newEngine is an engine on a new state file.
func newEngine(t *testing.T) *Engine {
	t.Helper()
	return engineOn(t, filepath.Join(t.TempDir(), "state.db"))
}

func engineOn(t *testing.T, path string) *Engine {
	t.Helper()
	store, err := state.Open(t.Context(), path, state.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	log := logrus.New()
	log.SetOutput(io.Discard)
	return New(Options{Store: store, Log: log, Now: time.Now, Drain: time.Second})
}

func mustRun(t *testing.T, e *Engine, job *config.Job) state.Run {
	t.Helper()
	r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	return r
}

func checkpoint(t *testing.T, e *Engine, job string) feed.Cursor {
	t.Helper()
	cp, _, err := e.Store.Checkpoint(t.Context(), job, state.Forward)
	if err != nil {
		t.Fatal(err)
	}
	return cp.Cursor
}

var errLost = errors.New("the answer was lost")

// crowd is an enumerating source whose rows can be moved while it is read.
type crowd struct {
	mu    stdsync.Mutex
	keys  []string
	calls int
	hook  func(call int) // before each fetch
}

func newCrowd(n int) *crowd {
	c := &crowd{}
	for i := range n {
		c.keys = append(c.keys, fmt.Sprintf("k%05d", i))
	}
	return c
}

type pageCursor struct {
	Page int64 `json:"page"`
}

func pageOf(c feed.Cursor) int64 {
	var p pageCursor
	if c != "" {
		_ = json.Unmarshal([]byte(c), &p)
	}
	return p.Page
}

func cursorOf(page int64) feed.Cursor {
	if page == 0 {
		return ""
	}
	return feed.Cursor(fmt.Sprintf(`{"page":%d}`, page))
}

const crowdPage = 10

func (c *crowd) Key() []string                                  { return []string{"id"} }
func (c *crowd) Position(after feed.Cursor) int64               { return pageOf(after) * crowdPage }
func (c *crowd) CursorAt(page int64, _ int) feed.Cursor         { return cursorOf(page) }
func (c *crowd) Following(after feed.Cursor, _ int) feed.Cursor { return cursorOf(pageOf(after) + 1) }

func (c *crowd) Fetch(_ context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if c.hook != nil {
		c.hook(c.calls)
	}
	from := min(int(pageOf(after))*limit, len(c.keys))
	to := min(from+limit, len(c.keys))
	p := feed.Page{Rows: feed.Batch{Columns: cols}, Next: cursorOf(pageOf(after) + 1), Total: int64(len(c.keys)), Done: to == len(c.keys)}
	for _, key := range c.keys[from:to] {
		p.Rows.Values = append(p.Rows.Values, key, "13800000000")
	}
	return p, nil
}
