package sync

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	stdsync "sync"
	"testing"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
)

var errCrash = errors.New("the process is gone")

// crash ends a process at a step boundary: the state file is closed there and then, and the sink takes nothing any more.
type crash struct {
	mu    stdsync.Mutex
	wake  *stdsync.Cond
	at    int // the boundary to end at, counted from 1; 0: never
	steps []string
	saved int // checkpoints saved
	sent  int // batches handed to the sink
	gone  bool
	store *state.Store
	check func() // looks at checkpoint and sink, at every boundary
}

func newCrash(at int) *crash {
	c := &crash{at: at}
	c.wake = stdsync.NewCond(&c.mu)
	return c
}

func (c *crash) step(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return errCrash
	}
	c.check()
	c.steps = append(c.steps, name)
	if name == "checkpoint saved" {
		c.saved++
	}
	if len(c.steps) == c.at {
		c.gone = true
		_ = c.store.Close()
	}
	c.wake.Broadcast()
	if c.gone {
		return errCrash
	}
	return nil
}

// enter lets a batch in when the one before it is committed, so that every run has the same boundaries.
func (c *crash) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.gone && c.saved < c.sent {
		c.wake.Wait()
	}
	c.sent++
	if c.gone {
		return feed.Errorf(feed.Fail, "", "%w", errCrash)
	}
	return nil
}

// dying is a shelf whose process may be gone.
type dying struct {
	*shelf
	*crash
	orderly bool
}

func (d *dying) Prepare(context.Context, *feed.Columns) error { return nil }

func (d *dying) Deliver(ctx context.Context, b feed.Batch) ([]feed.Rejection, error) {
	if d.orderly {
		if err := d.enter(); err != nil {
			return nil, err
		}
	}
	return d.shelf.Deliver(ctx, b)
}

// crashOnce runs a job until it ends at boundary at, and says whether it did.
func crashOnce(t *testing.T, path string, c *crash, job *config.Job, check func(e *Engine)) bool {
	t.Helper()
	e := engineOn(t, path)
	e.Step, c.store, c.check = c.step, e.Store, func() { check(e) }
	_, err := e.Run(t.Context(), job, Start{Trigger: state.Schedule})
	if c.gone != (err != nil) {
		t.Fatalf("gone is %v, the error %v", c.gone, err)
	}
	return c.gone
}

// goOn is a new process on the same state file.
func goOn(t *testing.T, path string, job *config.Job) *Engine {
	t.Helper()
	e := engineOn(t, path)
	if _, err := e.Store.Interrupt(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustRun(t, e, job)
	return e
}

// streamBoundaries are the steps of a stream of five batches, each committed before the next.
const streamBoundaries = 2 + 5*4

// TestStreamCrashesAtEveryBoundary ends a stream at each boundary in turn. The checkpoint is never ahead of the sink,
// the next run completes it, and repeats one batch at most.
func TestStreamCrashesAtEveryBoundary(t *testing.T) {
	t.Parallel()
	seen := 0
	for at := 1; ; at++ {
		c, sink, path := newCrash(at), newShelf(), filepath.Join(t.TempDir(), "state.db")
		source := &list{n: 47}
		job := newJob(t, "j", source, &dying{sink, c, true})
		if !crashOnce(t, path, c, job, func(e *Engine) { behind(t, e, sink) }) {
			seen = len(c.steps)
			break
		}
		job = newJob(t, "j", source, sink)
		e := goOn(t, path, job)
		if twice := complete(t, sink, 47); twice > 10 {
			t.Errorf("ended at %d (%s): %d records came twice", at, c.steps[at-1], twice)
		}
		if got := checkpoint(t, e, "j"); got != "47" {
			t.Errorf("the checkpoint is at %q", got)
		}
	}
	if seen != streamBoundaries {
		t.Errorf("%d boundaries, want %d", seen, streamBoundaries)
	}
}

// TestBusyStreamCrashesAtEveryBoundary does the same with several batches in flight and pages of another size.
func TestBusyStreamCrashesAtEveryBoundary(t *testing.T) {
	t.Parallel()
	for at := 1; ; at++ {
		c, sink, path := newCrash(at), newShelf(), filepath.Join(t.TempDir(), "state.db")
		job := newJob(t, "j", pagedList{&list{n: 62}}, &dying{sink, c, false})
		job.Concurrency, job.BatchSize = 4, 7
		if !crashOnce(t, path, c, job, func(e *Engine) { behind(t, e, sink) }) {
			break
		}
		goOn(t, path, job2(t, sink, job))
		if twice := complete(t, sink, 62); twice > 2*4*7+10 {
			t.Errorf("ended at %d (%s): %d records came twice", at, c.steps[at-1], twice)
		}
	}
}

// job2 is a job with another sink.
func job2(t *testing.T, sink feed.Sink, job *config.Job) *config.Job {
	t.Helper()
	other := *job
	other.Sink.Settings = fixedSink{fixed{sink: sink}}
	return &other
}

// behind fails when the checkpoint passes a record that the sink does not hold.
func behind(t *testing.T, e *Engine, sink *shelf) {
	t.Helper()
	upTo := number(checkpoint(t, e, "j"))
	sink.mu.Lock()
	defer sink.mu.Unlock()
	for id := 1; id <= upTo; id++ {
		if sink.got[fmt.Sprint(id)] == 0 {
			t.Errorf("the checkpoint is at %d, record %d is not delivered", upTo, id)
		}
	}
}

// complete fails unless records 1 to n are there, and returns how many came more than once.
func complete(t *testing.T, sink *shelf, n int) (twice int) {
	t.Helper()
	for id := 1; id <= n; id++ {
		got := sink.got[fmt.Sprint(id)]
		if got == 0 {
			t.Fatalf("record %d is missing", id)
		}
		twice += got - 1
	}
	if len(sink.got) != n {
		t.Fatalf("%d different records, want %d", len(sink.got), n)
	}
	return twice
}

// dyingMemory is a memory whose process may be gone.
type dyingMemory struct {
	*memory
	*crash
}

func (d *dyingMemory) Prepare(context.Context, *feed.Columns) error { return nil }

func (d *dyingMemory) Begin(ctx context.Context, c *feed.Columns, key []string, resume int64) (feed.Generation, error) {
	g, err := d.memory.Begin(ctx, c, key, resume)
	if err != nil {
		return nil, err
	}
	return &dyingGen{g.(*memGen), d.crash}, nil
}

type dyingGen struct {
	*memGen
	*crash
}

func (g *dyingGen) Append(ctx context.Context, at int64, b feed.Batch) ([]feed.Rejection, error) {
	if err := g.enter(); err != nil {
		return nil, err
	}
	g.mu.Lock() // the check looks at the staged rows
	defer g.mu.Unlock()
	return g.memGen.Append(ctx, at, b)
}

// passBoundaries are the steps of an enumeration of five batches: begun, prepared and staging open; staging, delivered,
// committing and checkpoint saved for each; swapping, swapped and pass ended.
const passBoundaries = 3 + 5*4 + 3

// TestEnumerationCrashesAtEveryBoundary ends a complete pass at each boundary in turn: the target holds the old
// generation or the new one, the checkpoint is never ahead of what is staged, and the next run completes it.
func TestEnumerationCrashesAtEveryBoundary(t *testing.T) {
	t.Parallel()
	seen := 0
	for at := 1; ; at++ {
		old := map[string]bool{"k00000": true, "k00001": true}
		c, sink, path := newCrash(at), &memory{live: old}, filepath.Join(t.TempDir(), "state.db")
		source := newCrowd(50)
		job := newJob(t, "j", source, &dyingMemory{sink, c})
		job.Prefetch = 1
		crashed := crashOnce(t, path, c, job, func(e *Engine) { behindStaged(t, e, sink, source) })
		if !crashed {
			seen = len(c.steps)
			break
		}
		if swapped := slices.Contains(c.steps, "swapped"); swapped != (len(sink.live) == 50) || !swapped && len(sink.live) != 2 {
			t.Errorf("ended at %d (%s): the target holds %d records", at, c.steps[at-1], len(sink.live))
		}
		e := goOn(t, path, job2(t, sink, job))
		same(t, source, sink)
		if _, under, err := e.Store.Checkpoint(t.Context(), "j", state.Full); under || err != nil {
			t.Errorf("the pass is still under way: %v", err)
		}
	}
	if seen != passBoundaries {
		t.Errorf("%d boundaries, want %d", seen, passBoundaries)
	}
}

func behindStaged(t *testing.T, e *Engine, sink *memory, source *crowd) {
	t.Helper()
	cp, _, err := e.Store.Checkpoint(t.Context(), "j", state.Full)
	if err != nil {
		t.Fatal(err)
	}
	if sink.staged == nil {
		return // swapped, or not begun
	}
	for at := range min(source.Position(cp.Cursor), 50) {
		if sink.staged.rows[at] != source.keys[at] {
			t.Errorf("the checkpoint is at %q, row %d is not staged", cp.Cursor, at)
		}
	}
}

// TestCrashesAgainAndAgain ends the same stream and the same pass over and over before they may end.
func TestCrashesAgainAndAgain(t *testing.T) {
	t.Parallel()
	sink, path := newShelf(), filepath.Join(t.TempDir(), "state.db")
	job := newJob(t, "j", &list{n: 200}, sink)
	mem, crowd := &memory{}, newCrowd(200)
	pass := newJob(t, "pass", crowd, mem)
	for at := 1; at < 30; at += 3 {
		c := newCrash(at)
		crashOnce(t, path, c, job2(t, &dying{sink, c, true}, job), func(e *Engine) { behind(t, e, sink) })
		interrupted(t, path)
		c = newCrash(at)
		crashOnce(t, path, c, job2(t, &dyingMemory{mem, c}, pass), func(*Engine) {})
		interrupted(t, path)
	}
	goOn(t, path, job)
	goOn(t, path, pass)
	complete(t, sink, 200)
	same(t, crowd, mem)
}

// TestStepEndsTheRun checks that a step that ends the run is not tried again.
func TestStepEndsTheRun(t *testing.T) {
	for _, at := range []string{"begun", "delivering", "delivered", "committing", "checkpoint saved"} {
		e, sink, times := newEngine(t), newShelf(), 0
		e.Step = func(name string) error {
			if name == at {
				times++
				return errCrash
			}
			return nil
		}
		_, err := e.Run(t.Context(), newJob(t, "j", &list{n: 10}, sink), Start{Trigger: state.Manual})
		if !errors.Is(err, errCrash) || times != 1 {
			t.Errorf("%s: %d times, %v", at, times, err)
		}
	}
}

func interrupted(t *testing.T, path string) {
	t.Helper()
	if _, err := engineOn(t, path).Store.Interrupt(t.Context()); err != nil {
		t.Fatal(err)
	}
}
