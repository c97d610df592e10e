package sync

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	stdsync "sync"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
)

// pagedList is a list whose pages can be fetched ahead.
type pagedList struct{ *list }

func (pagedList) Following(after feed.Cursor, limit int) feed.Cursor {
	return feed.Cursor(strconv.Itoa(number(after) + limit))
}

// shortPages is a list whose pages hold fewer rows than asked for, so that they end elsewhere than foreseen.
type shortPages struct{ pagedList }

func (l shortPages) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	return l.pagedList.Fetch(ctx, after, 1+(limit+number(after))%limit)
}

func TestStreamDeliversEverythingOnce(t *testing.T) {
	for _, n := range []int{0, 1, 9, 10, 11, 95, 100} {
		for _, sizes := range [][3]int{{10, 10, 1}, {10, 7, 4}, {3, 10, 4}, {100, 9, 3}} { // page, batch, in flight
			for name, source := range map[string]feed.Source{"in turn": &list{n: n}, "ahead": pagedList{&list{n: n}}, "short pages": shortPages{pagedList{&list{n: n}}}} {
				t.Run(fmt.Sprintf("%d/%v/%s", n, sizes, name), func(t *testing.T) {
					sink := newShelf()
					job := newJob(t, "j", source, sink)
					job.PageSize, job.BatchSize, job.Concurrency = sizes[0], sizes[1], sizes[2]
					e := newEngine(t)
					r := mustRun(t, e, job)
					sink.whole(t, n)
					if r.State != state.Done || r.Counts.Read != int64(n) || r.Counts.Delivered != int64(n) {
						t.Errorf("state %s, %d read, %d delivered", r.State, r.Counts.Read, r.Counts.Delivered)
					}
					if got := number(checkpoint(t, e, "j")); got != n {
						t.Errorf("the checkpoint is at %d, want %d", got, n)
					}
					if stored, err := e.Store.Run(t.Context(), r.ID); err != nil || stored.Counts != r.Counts {
						t.Errorf("the state file counts %+v, want %+v (%v)", stored.Counts, r.Counts, err)
					}
					if mustRun(t, e, job); sink.calls > 0 {
						sink.whole(t, n)
					}
				})
			}
		}
	}
}

// TestStreamAppends checks that the next run takes what came since.
func TestStreamAppends(t *testing.T) {
	source, sink, e := &list{n: 25}, newShelf(), newEngine(t)
	job := newJob(t, "j", source, sink)
	mustRun(t, e, job)
	source.n = 61
	r := mustRun(t, e, job)
	sink.whole(t, 61)
	if r.CursorFrom != "25" || r.CursorTo != "61" || r.Counts.Read != 36 {
		t.Errorf("read %d from %s to %s", r.Counts.Read, r.CursorFrom, r.CursorTo)
	}
}

// gate is a sink whose calls wait until they are let go on.
type gate struct {
	*shelf
	arrived chan string // the first id of a batch
	mu      stdsync.Mutex
	doors   map[string]chan error // by first id; calls without one do not wait
}

func newGate(ids ...string) *gate {
	g := &gate{shelf: newShelf(), arrived: make(chan string, 1000), doors: map[string]chan error{}}
	for _, id := range ids {
		g.doors[id] = make(chan error, 1)
	}
	return g
}

func (g *gate) Deliver(ctx context.Context, b feed.Batch) ([]feed.Rejection, error) {
	id := b.Get(0, "id").(string)
	g.arrived <- id
	g.mu.Lock()
	door := g.doors[id]
	g.mu.Unlock()
	if door != nil {
		select {
		case err := <-door:
			if err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return g.shelf.Deliver(ctx, b)
}

// TestSeveralInFlight holds three batches at the sink at once and lets them end backwards: the checkpoint stays before
// the first until it is delivered.
func TestSeveralInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newGate("1", "11", "21")
		job := newJob(t, "j", &list{n: 30}, sink)
		job.Concurrency = 3
		e := newEngine(t)
		ended := inBackground(t, e, job)
		synctest.Wait()
		if len(sink.arrived) != 3 {
			t.Fatalf("%d batches are under way, want 3", len(sink.arrived))
		}
		for i, id := range []string{"21", "11"} {
			sink.doors[id] <- nil
			synctest.Wait()
			if got := checkpoint(t, e, "j"); got != "" || len(sink.got) != 10*(i+1) {
				t.Errorf("the checkpoint is at %q with %d records delivered and the first batch under way", got, len(sink.got))
			}
		}
		sink.doors["1"] <- nil
		if end := <-ended; end.err != nil {
			t.Fatal(end.err)
		}
		sink.whole(t, 30)
		if got := checkpoint(t, e, "j"); got != "30" {
			t.Errorf("the checkpoint is at %q", got)
		}
	})
}

// ending is how a run ended.
type ending struct {
	run state.Run
	err error
}

func inBackground(t *testing.T, e *Engine, job *config.Job) <-chan ending {
	t.Helper()
	return runWith(t.Context(), e, job)
}

func runWith(ctx context.Context, e *Engine, job *config.Job) <-chan ending {
	ended := make(chan ending, 1)
	go func() {
		r, err := e.Run(ctx, job, Start{Trigger: state.Manual})
		ended <- ending{r, err}
	}()
	return ended
}

// TestFailureInTheMiddle fails the second of five batches: later ones may be delivered, the checkpoint stays before it,
// and the next run delivers the rest.
func TestFailureInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newGate("11")
		job := newJob(t, "j", &list{n: 50}, sink)
		job.Concurrency = 2
		e := newEngine(t)
		ended := inBackground(t, e, job)
		synctest.Wait()
		sink.doors["11"] <- feed.Errorf(feed.Fail, "401", "no")
		end := <-ended
		if end.err == nil || end.run.State != state.Failed || end.run.Code != "401" {
			t.Fatalf("state %s, code %s, %v", end.run.State, end.run.Code, end.err)
		}
		if got := checkpoint(t, e, "j"); got != "10" {
			t.Errorf("the checkpoint is at %q, want 10", got)
		}
		if len(sink.got) < 20 {
			t.Errorf("%d records were delivered; batches behind the failed one should have been", len(sink.got))
		}
		sink.doors["11"] <- nil
		mustRun(t, e, job)
		for id := 1; id <= 50; id++ {
			if got := sink.got[strconv.Itoa(id)]; got == 0 || id <= 20 && got > 1 {
				t.Errorf("record %d was delivered %d times", id, got)
			}
		}
		if got := checkpoint(t, e, "j"); got != "50" {
			t.Errorf("the checkpoint is at %q", got)
		}
	})
}

// TestAFailureEndsTheOthers checks that a batch that fails for good does not wait for another one's backoff: other jobs
// would go on calling a connection that is to be halted.
func TestAFailureEndsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newGate("1", "11")
		sink.doors["1"] <- errors.New("no route")
		job := newJob(t, "j", &list{n: 20}, sink)
		job.Concurrency = 2
		job.Retry.Initial, job.Retry.Max, job.Retry.GiveUpAfter = time.Hour, time.Hour, 20*time.Hour
		e := newEngine(t)
		begun := time.Now()
		ended := inBackground(t, e, job)
		synctest.Wait()
		sink.doors["11"] <- feed.Errorf(feed.HaltConnection, "302", "the key is void")
		end := <-ended
		if end.run.State != state.Halted || time.Since(begun) > time.Second {
			t.Errorf("state %s after %s: %v", end.run.State, time.Since(begun), end.err)
		}
	})
}

// TestACommitThatFailsIsTheLast checks that nothing is committed behind a commit that failed, even when the state file
// is well again: the dead letters of the failed one would be passed.
func TestACommitThatFailsIsTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, e := newGate("1", "11"), newEngine(t)
		sink.deliver = func(feed.Batch) ([]feed.Rejection, error) {
			return []feed.Rejection{{Row: 0, Code: "bad", Reason: "bad"}}, nil
		}
		commits := 0
		e.Step = func(name string) error {
			if name != "committing" {
				return nil
			}
			if commits++; commits == 1 {
				return errors.New("the disk is away for a moment")
			}
			return nil
		}
		job := newJob(t, "j", &list{n: 40}, sink)
		job.Concurrency = 2
		ended := inBackground(t, e, job)
		for _, id := range []string{"1", "11"} { // the second batch ends when the first could not be committed
			synctest.Wait()
			sink.doors[id] <- nil
		}
		if end := <-ended; end.err == nil || end.run.State != state.Failed {
			t.Fatalf("state %s, %v", end.run.State, end.err)
		}
		if got := checkpoint(t, e, "j"); got != "" || commits != 1 || sink.calls < 2 {
			t.Errorf("the checkpoint is at %q after %d commits", got, commits)
		}
		sink.doors["1"] <- nil
		sink.doors["11"] <- nil
		if mustRun(t, e, job).State != state.Part {
			t.Error("the second run should have ended with dead letters")
		}
		if open := letters(t, e, "j"); len(open) != 4 {
			t.Errorf("%d dead letters, want 4", len(open))
		}
	})
}

// TestPagesThatStop closes the pages before the last one: that is never taken for the end of the feed.
func TestPagesThatStop(t *testing.T) {
	for _, done := range []bool{false, true} {
		r := newRun(t.Context(), newEngine(t), newJob(t, "j", &list{}, newShelf()))
		stop := r.contexts()
		f := &flow{run: r, size: 10, inFlight: 1, commit: func(context.Context, settled) error { return nil },
			deliver: func(context.Context, *batch) ([]feed.Rejection, error) { return nil, nil }}
		pages := make(chan page)
		close(pages)
		err := f.move(page{at: -1, Page: feed.Page{Rows: rowsOf(cols, 0, 3), Next: "3", Done: done}}, pages)
		if stop(); errors.Is(err, errStopped) == done {
			t.Errorf("done %v: %v", done, err)
		}
	}
}

func letters(t *testing.T, e *Engine, job string) []state.Letter {
	t.Helper()
	list, err := e.Store.Letters(t.Context(), state.LetterFilter{Job: job, State: state.LetterOpen})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestAgedBatch checks that rows do not wait for ever for their batch to fill.
func TestAgedBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newShelf()
		slow := &list{n: 20, fetch: func(after int) error {
			if after == 10 {
				time.Sleep(time.Minute)
			}
			return nil
		}}
		job := newJob(t, "j", slow, sink)
		job.BatchSize = 100
		e := newEngine(t)
		ended := inBackground(t, e, job)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		sink.whole(t, 10)
		if got := checkpoint(t, e, "j"); got != "10" {
			t.Errorf("the checkpoint is at %q", got)
		}
		<-ended
		sink.whole(t, 20)
	})
}

// lateColumns is a source whose first page is empty and tells no columns.
type lateColumns struct{ *list }

func (l lateColumns) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	if after == "" {
		return feed.Page{Next: "0", Total: -1}, nil
	}
	return l.list.Fetch(ctx, after, limit)
}

// preparing is a shelf that looks at the columns.
type preparing struct {
	*shelf
	prepared int
	err      error
}

func (p *preparing) Prepare(context.Context, *feed.Columns) error {
	p.prepared++
	return p.err
}

func TestSinkIsPreparedOnce(t *testing.T) {
	for name, source := range map[string]feed.Source{"first page": &list{n: 30}, "empty first page": lateColumns{&list{n: 30}}} {
		t.Run(name, func(t *testing.T) {
			sink := &preparing{shelf: newShelf()}
			mustRun(t, newEngine(t), newJob(t, "j", source, sink))
			sink.whole(t, 30)
			if sink.prepared != 1 {
				t.Errorf("prepared %d times", sink.prepared)
			}
		})
	}
}

func TestNothingMovesUnprepared(t *testing.T) {
	sink := &preparing{shelf: newShelf(), err: feed.Errorf(feed.HaltJob, "columns", "the table has no column phone")}
	r, err := newEngine(t).Run(t.Context(), newJob(t, "j", &list{n: 30}, sink), Start{Trigger: state.Manual})
	if err == nil || r.State != state.Halted || r.Code != "columns" || sink.calls > 0 {
		t.Errorf("state %s, code %s, %d calls: %v", r.State, r.Code, sink.calls, err)
	}
}

// closing notes when it is closed, and whether it is still used then.
type closing struct {
	pagedList
	mu     stdsync.Mutex
	busy   int
	closed bool
	early  bool
}

func (c *closing) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	c.mu.Lock()
	c.busy++
	c.mu.Unlock()
	p, err := c.pagedList.Fetch(ctx, after, limit)
	if number(after) > c.n { // fetched ahead for nothing
		<-ctx.Done()
		time.Sleep(time.Second) // a source takes its time to notice
	}
	c.mu.Lock()
	c.busy--
	c.early = c.early || c.closed
	c.mu.Unlock()
	return p, err
}

func (c *closing) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.early = c.early || c.busy > 0
	return nil
}

func TestSourceIsClosedAfterItsLastCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &closing{pagedList: pagedList{&list{n: 35}}}
		mustRun(t, newEngine(t), newJob(t, "j", source, newShelf()))
		if !source.closed || source.early {
			t.Errorf("closed %v, while a page was being fetched: %v", source.closed, source.early)
		}
	})
}

// TestClosedWhenNoRunBegins checks the way out of a start that is refused.
func TestClosedWhenNoRunBegins(t *testing.T) {
	source, e := &closing{pagedList: pagedList{&list{n: 5}}}, newEngine(t)
	slot := state.Slot{Job: "j", At: time.Unix(1_000_000, 0), Decision: state.Missed}
	if err := e.Store.Decide(t.Context(), slot); err != nil {
		t.Fatal(err)
	}
	slot.Decision = state.Ran
	_, err := e.Run(t.Context(), newJob(t, "j", source, newShelf()), Start{Trigger: state.Schedule, Slot: slot.At, Decisions: []state.Slot{slot}})
	if !errors.Is(err, state.ErrDecided) || !source.closed {
		t.Errorf("closed %v: %v", source.closed, err)
	}
}

func TestRunsOverARangeMoveNoCheckpoint(t *testing.T) {
	source, sink, e := rangedList{&list{n: 100}}, newShelf(), newEngine(t)
	job := newJob(t, "j", source, sink)
	r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual, From: "20", To: "45"})
	if err != nil || r.Counts.Delivered != 25 || len(sink.got) != 25 {
		t.Fatalf("%d delivered, %d there: %v", r.Counts.Delivered, len(sink.got), err)
	}
	if _, there, err := e.Store.Checkpoint(t.Context(), "j", state.Forward); there || err != nil {
		t.Errorf("a checkpoint is there: %v, %v", there, err)
	}
	if _, err := e.Run(t.Context(), newJob(t, "k", &list{n: 5}, sink), Start{Trigger: state.Manual, From: "1"}); err == nil {
		t.Error("a source without ranges should have been refused")
	}
}

// rangedList is a list that can be read from one number to another.
type rangedList struct{ *list }

func (l rangedList) Range(from, to string) (feed.Cursor, feed.Source, error) {
	end, err := strconv.Atoi(to)
	return feed.Cursor(from), &list{n: end}, err
}

func TestFullPassJoinsTheForwardLane(t *testing.T) {
	source, sink, e := &list{n: 30}, newShelf(), newEngine(t)
	job := newJob(t, "j", source, sink)
	job.Reconcile = 24 * time.Hour
	if r := mustRun(t, e, job); r.Mode != "full" {
		t.Errorf("the first run is %s", r.Mode)
	}
	source.n = 40
	if r := mustRun(t, e, job); r.Mode != "incremental" || r.Counts.Read != 10 {
		t.Errorf("the second run is %s and read %d", r.Mode, r.Counts.Read)
	}
	r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual, Full: true})
	if err != nil || r.Mode != "full" || r.Counts.Read != 40 {
		t.Errorf("the full run is %s and read %d: %v", r.Mode, r.Counts.Read, err)
	}
	if _, under, err := e.Store.Checkpoint(t.Context(), "j", state.Full); under || err != nil {
		t.Errorf("a pass is still under way: %v, %v", under, err)
	}
	if got := checkpoint(t, e, "j"); got != "40" {
		t.Errorf("the checkpoint is at %q", got)
	}
}

func TestOneRunPerJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newGate("1")
		job := newJob(t, "j", &list{n: 10}, sink)
		e := newEngine(t)
		ended := inBackground(t, e, job)
		synctest.Wait()
		var busy *BusyError
		if _, err := e.Run(t.Context(), job, Start{Trigger: state.Manual}); !errors.As(err, &busy) || busy.Run == 0 {
			t.Errorf("a second run: %v", err)
		}
		if list := e.Running(); len(list) != 1 || list[0].Job != "j" || list[0].Run != busy.Run || list[0].Counts.Read != 10 {
			t.Errorf("running: %+v", list)
		}
		sink.doors["1"] <- nil
		if end := <-ended; end.err != nil {
			t.Error(end.err)
		}
		if len(e.Running()) != 0 {
			t.Error("it is still running")
		}
	})
}

// TestProgressWhileItRuns asks for the progress all the while, from before a run begins until it is over.
func TestProgressWhileItRuns(t *testing.T) {
	e, done := newEngine(t), make(chan struct{})
	go func() {
		defer close(done)
		for range 20 {
			sink := &memory{}
			if _, err := e.Run(t.Context(), newJob(t, "j", newCrowd(50), sink), Start{Trigger: state.Manual}); err != nil {
				t.Error(err)
			}
		}
	}()
	for {
		select {
		case <-done:
			return
		default:
		}
		for _, p := range e.Running() {
			if p.Job != "j" || p.Counts.Read > 50 || p.Begun != 0 {
				t.Errorf("progress %+v", p)
			}
		}
	}
}
