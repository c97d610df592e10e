package sync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/schedule"
)

// clock is the wall clock of a bubble: the time there, moved by an operator or by a time server.
type clock struct {
	moved atomic.Int64
	looks atomic.Int64
}

func (c *clock) now() time.Time {
	c.looks.Add(1)
	return time.Now().Add(time.Duration(c.moved.Load())).UTC()
}

func (c *clock) move(by time.Duration) { c.moved.Add(int64(by)) }

// set puts the clock to a time.
func (c *clock) set(t *testing.T, text string) {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	c.move(at.Sub(c.now()))
}

// plant is a daemon that can be stopped, killed and started again, on one state file.
type plant struct {
	t     *testing.T
	path  string
	clock *clock
	jobs  []*config.Job
	since time.Time // when it was first started

	observers []Observer
}

func newPlant(t *testing.T, jobs ...*config.Job) *plant {
	t.Helper()
	p := &plant{t: t, path: filepath.Join(t.TempDir(), "state.db"), clock: &clock{}, jobs: jobs}
	p.clock.set(t, "2030-05-06T10:00:00Z")
	return p
}

// daemon is a running one.
type daemon struct {
	*Engine
	plant *plant
	stop  context.CancelFunc
	ended chan error
}

func (p *plant) start(atOnce bool) *daemon {
	p.t.Helper()
	if p.since.IsZero() {
		p.since = p.clock.now()
	}
	e := p.engine()
	ctx, stop := context.WithCancel(context.Background())
	d := &daemon{e, p, stop, make(chan error, 1)}
	go func() { d.ended <- e.Serve(ctx, &config.Config{Jobs: p.jobs}, atOnce) }()
	synctest.Wait()
	return d
}

func (p *plant) engine() *Engine {
	p.t.Helper()
	store, err := state.Open(context.Background(), p.path, state.Options{Now: p.clock.now})
	if err != nil {
		p.t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	return New(Options{Store: store, Log: log, Now: p.clock.now, Drain: time.Minute, Observers: p.observers})
}

// end stops the daemon and closes its state file.
func (d *daemon) end() {
	d.plant.t.Helper()
	d.stop()
	if err := <-d.ended; err != nil {
		d.plant.t.Errorf("serve: %v", err)
	}
	if err := d.Store.Close(); err != nil {
		d.plant.t.Error(err)
	}
}

// kill ends the daemon without a word in the state file.
func (d *daemon) kill() {
	_ = d.Store.Close()
	d.stop()
	<-d.ended
}

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// story is what the state file says of a job: its runs, and the decisions about its slots, both oldest first.
func (p *plant) story(job string) (runs []state.Run, slots []state.Slot) {
	p.t.Helper()
	e := p.engine()
	defer func() { _ = e.Store.Close() }()
	runs, err := e.Store.Runs(context.Background(), state.RunFilter{Job: job})
	slots, err2 := e.Store.Slots(context.Background(), job, 0)
	if err := errors.Join(err, err2); err != nil {
		p.t.Fatal(err)
	}
	slices.Reverse(runs)
	slices.Reverse(slots)
	return runs, slots
}

// told fails unless the decisions about a job are these.
func (p *plant) told(job string, want ...string) {
	p.t.Helper()
	_, slots := p.story(job)
	if got := shownSlots(slots); !slices.Equal(got, want) {
		p.t.Errorf("the decisions about %s are\n %q, want\n %q", job, got, want)
	}
}

// ran fails unless the runs of a job are these: trigger, slot and state.
func (p *plant) ran(job string, want ...string) {
	p.t.Helper()
	runs, _ := p.story(job)
	var got []string
	for _, r := range runs {
		text := fmt.Sprintf("%s %s %s", r.Trigger, r.Slot.Format("15:04"), r.State)
		if r.Slot.IsZero() {
			text = fmt.Sprintf("%s %s", r.Trigger, r.State)
		}
		got = append(got, text)
	}
	if !slices.Equal(got, want) {
		p.t.Errorf("the runs of %s are\n %q, want\n %q", job, got, want)
	}
}

// settled is invariant 6: every slot from the first start to until is in exactly one row, rows do not overlap, and a row
// counts the slots it covers.
func (p *plant) settled(until time.Time) {
	p.t.Helper()
	for _, job := range p.jobs {
		_, slots := p.story(job.Name)
		for at := job.Schedule.Next(p.since); !at.IsZero() && !at.After(until); at = job.Schedule.Next(at) {
			rows := 0
			for _, s := range slots {
				if !s.At.After(at) && !s.Through.Before(at) {
					rows++
				}
			}
			if rows != 1 {
				p.t.Errorf("%d decisions about slot %s of %s: %q", rows, at, job.Name, shownSlots(slots))
			}
		}
		for i, s := range slots {
			if i > 0 && !slots[i-1].Through.Before(s.At) {
				p.t.Errorf("decisions overlap: %q", shownSlots(slots))
			}
			n := int64(0)
			for at := job.Schedule.Next(s.At.Add(-1)); !at.IsZero() && !at.After(s.Through); at = job.Schedule.Next(at) {
				n++
			}
			if n != s.Count {
				p.t.Errorf("%q counts %d slots, there are %d", shownSlots([]state.Slot{s}), s.Count, n)
			}
		}
	}
}

// slow is a source that takes its time.
type slow struct {
	takes atomic.Int64 // a duration
	begun atomic.Int64
}

func (s *slow) Fetch(ctx context.Context, after feed.Cursor, _ int) (feed.Page, error) {
	s.begun.Add(1)
	select {
	case <-time.After(time.Duration(s.takes.Load())):
	case <-ctx.Done():
		return feed.Page{}, ctx.Err()
	}
	n := number(after)
	return feed.Page{Rows: rowsOf(cols, n, n+1), Next: feed.Cursor(fmt.Sprint(n + 1)), Done: true, Total: -1}, nil
}

// timed is a job named j whose runs take a while.
func timed(t *testing.T, spec string, takes time.Duration) (*config.Job, *slow) {
	t.Helper()
	source := &slow{}
	source.takes.Store(int64(takes))
	job := newJob(t, "j", source, newShelf())
	job.Schedule = schedules(t, spec, time.UTC)
	return job, source
}

// scene runs a scenario in a bubble, and then looks at invariant 6.
func scene(t *testing.T, play func(t *testing.T) *plant) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := play(t)
		p.settled(p.clock.now().Add(-2 * late))
	})
}

func TestSlotsRunInTime(t *testing.T) {
	scene(t, func(t *testing.T) *plant {
		job, _ := timed(t, "*/20 * * * *", time.Second)
		p := newPlant(t, job)
		d := p.start(false)
		pass(time.Hour + time.Second)
		d.end()
		p.told("j", "ran 10:20-10:20 ×1", "ran 10:40-10:40 ×1", "ran 11:00-11:00 ×1")
		p.ran("j", "schedule 10:20 done", "schedule 10:40 done", "schedule 11:00 done")
		runs, slots := p.story("j")
		for i, r := range runs {
			if wait := r.StartedAt.Sub(r.Slot); wait < 0 || wait > 10*time.Millisecond || slots[i].RunID != r.ID {
				t.Errorf("slot %s began %s later, as run %d", r.Slot, wait, r.ID)
			}
		}
		return p
	})
}

func TestJitterPutsRunsOff(t *testing.T) {
	scene(t, func(t *testing.T) *plant {
		job, _ := timed(t, "0 * * * *", time.Second)
		job.Jitter = 30 * time.Minute
		p := newPlant(t, job)
		d := p.start(false)
		pass(4 * time.Hour)
		d.end()
		d = p.start(false)
		pass(4 * time.Hour)
		d.end()
		runs, _ := p.story("j")
		if len(runs) < 7 {
			t.Errorf("%d runs", len(runs))
		}
		for _, r := range runs {
			put := schedule.Jitter("j", r.Slot, job.Jitter)
			if off := r.StartedAt.Sub(r.Slot) - put; off < -time.Millisecond || off > 10*time.Millisecond {
				t.Errorf("slot %s began %s after it, the jitter is %s", r.Slot, r.StartedAt.Sub(r.Slot), put)
			}
		}
		p.settled(p.clock.now().Add(-job.Jitter - time.Hour))
		return p
	})
}

// TestCatchUp stops the daemon for a while, and starts it twice again: what was missed is decided about once.
func TestCatchUp(t *testing.T) {
	cases := map[string]struct {
		catchUp string
		slots   []string
		runs    []string
	}{
		"none":   {"none", []string{"missed 10:20-12:00 ×6", "missed 12:20-13:00 ×3"}, nil},
		"latest": {"latest", []string{"missed 10:20-12:00 ×6", "coalesced 12:20-12:40 ×2", "caught up 13:00-13:00 ×1"}, []string{"catch-up 13:00 done"}},
		"all": {"all", []string{"missed 10:20-12:00 ×6", "caught up 12:20-12:20 ×1", "caught up 12:40-12:40 ×1", "caught up 13:00-13:00 ×1"},
			[]string{"catch-up 12:20 done", "catch-up 12:40 done", "catch-up 13:00 done"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			scene(t, func(t *testing.T) *plant {
				job, _ := timed(t, "*/20 * * * *", 30*time.Second)
				job.CatchUp, job.Grace = c.catchUp, time.Hour
				p := newPlant(t, job)
				p.start(false).end()
				pass(3*time.Hour + 5*time.Minute)
				d := p.start(false)
				pass(10 * time.Minute)
				d.end()
				p.told("j", c.slots...)
				p.ran("j", c.runs...)
				d = p.start(false)
				pass(time.Minute)
				d.end()
				p.told("j", c.slots...)
				p.ran("j", c.runs...)
				return p
			})
		})
	}
}

// TestCatchUpAllGoesOn catches up slots whose runs take so long that others come due: each has its turn, in order, and
// the scheduler does not spin meanwhile.
func TestCatchUpAllGoesOn(t *testing.T) {
	scene(t, func(t *testing.T) *plant {
		job, _ := timed(t, "*/20 * * * *", 12*time.Minute)
		job.CatchUp, job.Grace = "all", 10*time.Hour
		p := newPlant(t, job)
		p.start(false).end()
		pass(time.Hour + 5*time.Minute)
		d := p.start(false)
		looks := p.clock.looks.Load()
		pass(2 * time.Hour)
		if n := p.clock.looks.Load() - looks; n > 5*3*2*60 {
			t.Errorf("the scheduler looked at the clock %d times in two hours", n)
		}
		d.end()
		p.told("j", "caught up 10:20-10:20 ×1", "caught up 10:40-10:40 ×1", "caught up 11:00-11:00 ×1", "caught up 11:20-11:20 ×1",
			"caught up 11:40-11:40 ×1", "skipped 12:00-12:00 ×1", "ran 12:20-12:20 ×1", "ran 12:40-12:40 ×1", "ran 13:00-13:00 ×1")
		return p
	})
}

func TestOverlap(t *testing.T) {
	cases := map[string][]string{
		"skip": {"ran 10:20-10:20 ×1", "skipped 10:40-10:40 ×1", "skipped 11:00-11:00 ×1", "ran 11:20-11:20 ×1",
			"skipped 11:40-11:40 ×1", "skipped 12:00-12:00 ×1"},
		"queue": {"ran 10:20-10:20 ×1", "coalesced 10:40-10:40 ×1", "ran 11:00-11:00 ×1", "coalesced 11:20-11:20 ×1", "coalesced 11:40-11:40 ×1",
			"ran 12:00-12:00 ×1"},
	}
	for overlap, want := range cases {
		t.Run(overlap, func(t *testing.T) {
			scene(t, func(t *testing.T) *plant {
				job, source := timed(t, "*/20 * * * *", 50*time.Minute)
				job.Overlap = overlap
				p := newPlant(t, job)
				d := p.start(false)
				pass(2*time.Hour + 5*time.Minute)
				d.end()
				p.told("j", want...)
				d = p.start(false)
				pass(45 * time.Minute) // with overlap = "queue" a slot waits when the daemon ends
				d.end()
				source.takes.Store(int64(time.Second))
				return p.restarted(time.Hour)
			})
		})
	}
}

// restarted starts the daemon once more for a while.
func (p *plant) restarted(d time.Duration) *plant {
	p.t.Helper()
	next := p.start(false)
	pass(d)
	next.end()
	return p
}

func TestPausedAndHalted(t *testing.T) {
	for _, how := range []string{"paused", "halted"} {
		t.Run(how, func(t *testing.T) {
			scene(t, func(t *testing.T) *plant {
				job, _ := timed(t, "*/20 * * * *", time.Second)
				p := newPlant(t, job)
				d := p.start(false)
				pass(25 * time.Minute)
				hold(t, d.Engine, how, true)
				pass(40 * time.Minute)
				hold(t, d.Engine, how, false)
				pass(20 * time.Minute)
				d.end()
				p.told("j", "ran 10:20-10:20 ×1", how+" 10:40-10:40 ×1", how+" 11:00-11:00 ×1", "ran 11:20-11:20 ×1")
				_, slots := p.story("j")
				if note := slots[1].Note; !strings.Contains(note, "an operator") && !strings.Contains(note, "the key is void") {
					t.Errorf("the note is %q", note)
				}
				return p
			})
		})
	}
}

func hold(t *testing.T, e *Engine, how string, on bool) {
	t.Helper()
	var err error
	switch ctx := context.Background(); {
	case how == "paused" && on:
		err = e.Store.Pause(ctx, "j", "an operator", "")
	case how == "paused":
		_, err = e.Store.Unpause(ctx, "j", "an operator", "")
	case on:
		err = e.Store.SetHalt(ctx, state.Halt{Scope: state.ConnectionScope, Name: "to-j", Reason: "the key is void"})
	default:
		_, err = e.Store.ClearHalt(ctx, state.ConnectionScope, "to-j", "an operator", "")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRunThatHalts goes on deciding after a run halted its job.
func TestRunThatHalts(t *testing.T) {
	scene(t, func(t *testing.T) *plant {
		job, _ := timed(t, "*/20 * * * *", time.Second)
		sink := newShelf()
		sink.deliver = func(feed.Batch) ([]feed.Rejection, error) { return nil, feed.Errorf(feed.HaltJob, "302", "no") }
		job.Sink.Settings = fixedSink{fixed{sink: sink}}
		p := newPlant(t, job)
		d := p.start(false)
		pass(61 * time.Minute)
		d.end()
		p.told("j", "ran 10:20-10:20 ×1", "halted 10:40-10:40 ×1", "halted 11:00-11:00 ×1")
		p.ran("j", "schedule 10:20 halted")
		return p
	})
}

// TestClockJumps sets the clock forth and back under a running daemon, and under one that is down: no slot is decided
// about twice, none is left out, and none of it makes many runs.
func TestClockJumps(t *testing.T) {
	jumps := []time.Duration{3 * time.Hour, -2 * time.Hour, -30 * time.Minute, 50 * time.Second, -50 * time.Second, 26 * time.Hour, -time.Hour, 90 * time.Minute}
	for _, catchUp := range []string{"none", "latest"} {
		for _, down := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/down %v", catchUp, down), func(t *testing.T) {
				scene(t, func(t *testing.T) *plant {
					job, source := timed(t, "*/20 * * * *", time.Second)
					job.CatchUp, job.Grace = catchUp, 24*time.Hour
					p := newPlant(t, job)
					d := p.start(false)
					for _, by := range jumps {
						pass(25 * time.Minute)
						if down {
							d.end()
						}
						p.clock.move(by)
						if down {
							d = p.start(false)
						}
					}
					pass(3 * time.Hour)
					d.end()
					if n := source.begun.Load(); n < 8 || n > 25 {
						t.Errorf("%d runs", n)
					}
					return p
				})
			})
		}
	}
}

// TestClockSetBackBeforeAnySlot was started with a clock that was years ahead: the job does not wait until then.
func TestClockSetBackBeforeAnySlot(t *testing.T) {
	for _, down := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			job, _ := timed(t, "0 * * * *", time.Second)
			p := newPlant(t, job)
			p.clock.set(t, "2036-01-01T00:10:00Z")
			d := p.start(false)
			pass(10 * time.Minute)
			if down {
				d.end()
			}
			p.clock.set(t, "2030-05-06T10:00:00Z")
			if down {
				d = p.start(false)
			}
			pass(2*time.Hour + time.Minute)
			d.end()
			p.told("j", "ran 11:00-11:00 ×1", "ran 12:00-12:00 ×1")
		})
	}
}

// TestInterruptedRunGoesOn ends the daemon in the middle of a run, by a signal or a kill: the next one goes on with it
// first, and makes up for what was missed afterwards.
func TestInterruptedRunGoesOn(t *testing.T) {
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprintf("killed %v", killed), func(t *testing.T) {
			scene(t, func(t *testing.T) *plant {
				job, source := timed(t, "*/20 * * * *", 10*time.Minute)
				p := newPlant(t, job)
				d := p.start(false)
				pass(25 * time.Minute)
				if killed {
					d.kill()
				} else {
					d.end()
				}
				pass(30 * time.Minute)
				d = p.start(false)
				pass(15 * time.Minute)
				source.takes.Store(int64(time.Second))
				pass(15 * time.Minute)
				d.end()
				p.ran("j", "schedule 10:20 interrupted", "resume 10:20 done", "catch-up 11:00 done", "schedule 11:20 done")
				p.told("j", "ran 10:20-10:20 ×1", "coalesced 10:40-10:40 ×1", "caught up 11:00-11:00 ×1", "ran 11:20-11:20 ×1")
				return p
			})
		})
	}
}

func TestRunsByHandAreNotTakenUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, source := timed(t, "manual", 10*time.Minute)
		p := newPlant(t, job)
		d := p.start(true)
		pass(5 * time.Minute)
		d.end()
		d = p.start(false)
		pass(time.Hour)
		d.end()
		p.ran("j", "manual interrupted")
		if source.begun.Load() != 1 {
			t.Errorf("%d fetches", source.begun.Load())
		}
	})
}

// TestPausedRunIsNotTakenUpAgain pauses a job while the daemon is down.
func TestPausedRunIsNotTakenUpAgain(t *testing.T) {
	scene(t, func(t *testing.T) *plant {
		job, _ := timed(t, "*/20 * * * *", 10*time.Minute)
		p := newPlant(t, job)
		d := p.start(false)
		pass(25 * time.Minute)
		hold(t, d.Engine, "paused", true)
		d.end()
		p.restarted(20 * time.Minute)
		p.ran("j", "schedule 10:20 interrupted")
		p.told("j", "ran 10:20-10:20 ×1", "paused 10:40-10:40 ×1")
		return p
	})
}

// TestKilledAnywhere kills the daemon at many instants of a busy day, and starts it again: every slot has one decision.
func TestKilledAnywhere(t *testing.T) {
	for _, catchUp := range []string{"none", "latest", "all"} {
		for _, overlap := range []string{"skip", "queue"} {
			t.Run(catchUp+"/"+overlap, func(t *testing.T) {
				scene(t, func(t *testing.T) *plant {
					job, source := timed(t, "*/5 * * * *", 0)
					job.CatchUp, job.Overlap, job.Grace = catchUp, overlap, 30*time.Minute
					p := newPlant(t, job)
					for i := range 12 {
						source.takes.Store(int64(time.Duration(i%4) * 5 * time.Minute))
						d := p.start(false)
						pass(time.Duration(7*i*i%29)*time.Minute + time.Duration(i)*time.Second)
						d.kill()
						pass(time.Duration(11*i%60) * time.Minute)
					}
					source.takes.Store(int64(time.Second))
					return p.restarted(time.Hour)
				})
			})
		}
	}
}

// TestSummerTime runs through both changes of the clock: a slot inside the gap right after it, a slot inside the repeated
// hour once.
func TestSummerTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		start string
		want  []string // in UTC
	}{
		"gap":           {"2030-03-30T12:00:00Z", []string{"03-31 01:00", "04-01 00:30"}},
		"repeated hour": {"2030-10-26T12:00:00Z", []string{"10-27 00:30", "10-28 01:30"}},
	} {
		t.Run(name, func(t *testing.T) {
			scene(t, func(t *testing.T) *plant {
				job, _ := timed(t, "30 2 * * *", time.Second)
				job.Schedule = schedules(t, "30 2 * * *", berlin)
				p := newPlant(t, job)
				p.clock.set(t, c.start)
				d := p.start(false)
				pass(40 * time.Hour)
				d.end()
				runs, _ := p.story("j")
				var got []string
				for _, r := range runs {
					got = append(got, r.StartedAt.UTC().Format("01-02 15:04"))
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("it ran at %q, want %q", got, c.want)
				}
				return p
			})
		})
	}
}

// TestSeveralJobs runs jobs side by side, one of them disabled.
func TestSeveralJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := timed(t, "*/20 * * * *", 30*time.Minute)
		b := newJob(t, "b", &slow{}, newShelf())
		b.Schedule = schedules(t, "*/30 * * * *", time.UTC)
		off := newJob(t, "off", &list{n: 5}, newShelf())
		off.Schedule, off.Enabled = b.Schedule, false
		p := newPlant(t, a, b, off)
		d := p.start(false)
		pass(time.Hour + time.Minute)
		d.end()
		p.told("j", "ran 10:20-10:20 ×1", "skipped 10:40-10:40 ×1", "ran 11:00-11:00 ×1")
		p.told("b", "ran 10:30-10:30 ×1", "ran 11:00-11:00 ×1")
		p.told("off")
	})
}

// TestServeEndsWithoutItsStateFile takes the state file away: without it no slot can be decided.
func TestServeEndsWithoutItsStateFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, _ := timed(t, "*/20 * * * *", time.Second)
		p := newPlant(t, job)
		d := p.start(false)
		if err := d.Store.Close(); err != nil {
			t.Fatal(err)
		}
		pass(21 * time.Minute)
		select {
		case err := <-d.ended:
			if err == nil {
				t.Error("it ended without a word")
			}
		default:
			t.Error("it goes on")
		}
		d.stop()
	})
}

// TestStartedKnowsEveryJob: whoever waits until the daemon has started may trigger any job, the last one too.
func TestStartedKnowsEveryJob(t *testing.T) {
	var jobs []*config.Job
	for i := range 50 {
		jobs = append(jobs, newJob(t, fmt.Sprintf("j%02d", i), &slow{}, newShelf()))
	}
	p := newPlant(t, jobs...)
	e := p.engine()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Serve(ctx, &config.Config{Jobs: jobs}, false) }()
	<-e.Started()
	if _, err := e.Trigger(ctx, "j49", Start{Trigger: state.Manual}); err != nil {
		t.Error(err)
	}
	stop()
	if err := errors.Join(<-ended, e.Store.Close()); err != nil {
		t.Error(err)
	}
}
