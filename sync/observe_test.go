package sync

import (
	"context"
	"fmt"
	"slices"
	stdsync "sync"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/feed"
)

// diary is an observer that writes down what it is told.
type diary struct {
	mu    stdsync.Mutex
	lines []string
	moved state.Counts
	asked map[string]int
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) Decided(s state.Slot) { d.note("slot %s %s", s.At.Format("15:04"), s.Decision) }
func (d *diary) Began(r state.Run)    { d.note("began %s %s", r.Job, r.Trigger) }
func (d *diary) Ended(r state.Run)    { d.note("ended %s %s", r.Job, r.State) }
func (d *diary) Halted(h state.Halt)  { d.note("halted %s %s %s", h.Scope, h.Name, h.Code) }
func (d *diary) Retried(job, code string) {
	d.note("retried %s %s", job, code)
}

func (d *diary) Moved(_ string, fresh state.Counts) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.moved.Read += fresh.Read
	d.moved.Delivered += fresh.Delivered
	d.moved.Rejected += fresh.Rejected
	d.moved.Retries += fresh.Retries
}

func (d *diary) Asked(connection, code string, _ time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asked == nil {
		d.asked = map[string]int{}
	}
	d.asked[connection+" "+code]++
}

// TestObservers tells of slots, runs, what they moved, and halts, in the order in which they happen.
func TestObservers(t *testing.T) {
	d := &diary{}
	scene(t, func(t *testing.T) *plant {
		job, _ := timed(t, "0 * * * *", time.Second)
		sink, calls := newShelf(), 0
		sink.deliver = func(feed.Batch) ([]feed.Rejection, error) {
			switch calls++; calls {
			case 1:
				return nil, feed.Errorf(feed.Retry, "HTTP 503", "not now")
			case 2:
				return nil, nil
			}
			return nil, feed.Errorf(feed.HaltJob, "302", "no")
		}
		job.Sink.Settings = fixedSink{fixed{sink: sink}}
		p := newPlant(t, job)
		p.observers = []Observer{d}
		running := p.start(false)
		pass(3*time.Hour + time.Minute)
		running.end()
		return p
	})
	want := []string{
		"slot 11:00 ran", "began j schedule", "retried j HTTP 503", "ended j done",
		"slot 12:00 ran", "began j schedule", "halted job j 302", "ended j halted",
		"slot 13:00 halted",
	}
	if !slices.Equal(d.lines, want) {
		t.Errorf("told\n %q, want\n %q", d.lines, want)
	}
	if d.moved.Read != 2 || d.moved.Delivered != 1 || d.moved.Retries != 1 {
		t.Errorf("moved %+v", d.moved)
	}
}

// TestObserversSeeASwap are told of what a swap made current, though it is no batch.
func TestObserversSeeASwap(t *testing.T) {
	d, e := &diary{}, newEngine(t)
	e.Observers = []Observer{d}
	c := newCrowd(100)
	if _, err := e.Run(context.Background(), newJob(t, "j", c, &memory{}), Start{Trigger: state.Manual}); err != nil {
		t.Fatal(err)
	}
	if d.moved.Read != 100 || d.moved.Delivered != 100 {
		t.Errorf("moved %+v", d.moved)
	}
}
