package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inbox is a channel that keeps what it is sent, or refuses it.
type inbox struct {
	mu       sync.Mutex
	titles   []string
	messages []Message
	attempts int
	refuse   func(attempt int) error
}

func (b *inbox) Send(ctx context.Context, m Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.attempts++
	if b.refuse != nil {
		if err := b.refuse(b.attempts); err != nil {
			return err
		}
	}
	b.titles = append(b.titles, strings.TrimPrefix(m.Title, "milkrun etl-1: "))
	b.messages = append(b.messages, m)
	return ctx.Err()
}

// take returns the titles that came since it was called last.
func (b *inbox) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() { b.titles = nil }()
	return b.titles
}

func (b *inbox) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.attempts
}

// book keeps log lines.
type book struct {
	mu    sync.Mutex
	lines []string
}

func (b *book) Infof(format string, args ...any) { b.add("info ", format, args) }
func (b *book) Warnf(format string, args ...any) { b.add("warn ", format, args) }

func (b *book) add(level, format string, args []any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, level+fmt.Sprintf(format, args...))
}

// office is a desk in a synctest bubble, with a world that a test changes between looks.
type office struct {
	t      *testing.T
	desk   *Desk
	world  World
	broken error
	memory *Volatile
	log    *book
	stop   context.CancelFunc
	ended  chan error
}

func newOffice(t *testing.T, routes ...Route) *office {
	return &office{t: t, memory: &Volatile{}, log: &book{}, world: World{Jobs: []Job{grades(t)}}, desk: New(Options{Routes: routes})}
}

// open starts a desk on the office's memory, as after a restart.
func (o *office) open() {
	ctx, cancel := context.WithCancel(o.t.Context())
	o.stop, o.ended = cancel, make(chan error, 1)
	o.desk = New(Options{Settings: NewSettings(), Memory: o.memory, Routes: o.desk.Routes, Instance: "etl-1", Now: time.Now, Log: o.log,
		World: func(context.Context) (World, error) { return o.world, o.broken }})
	go func() { o.ended <- o.desk.Run(ctx) }()
	synctest.Wait()
}

func (o *office) shut() {
	o.t.Helper()
	o.stop()
	if err := <-o.ended; err != nil {
		o.t.Error(err)
	}
}

// last sets the last run of the job, which ended now, and wakes the desk.
func (o *office) last(id int64, state string) {
	r := Run{ID: id, State: state, Slot: time.Now(), StartedAt: time.Now(), FinishedAt: time.Now(), Error: "HTTP 503"}
	o.world.Jobs = slices.Clone(o.world.Jobs)
	o.world.Jobs[0].Last = r
	if state == "done" {
		o.world.Jobs[0].Success = r
	}
	o.desk.Wake()
	time.Sleep(gather)
	synctest.Wait()
}

func (o *office) expect(b *inbox, want ...string) {
	o.t.Helper()
	synctest.Wait()
	if got := b.take(); !slices.Equal(got, want) {
		o.t.Errorf("%s: came %q, want %q", time.Now().Format(time.DateTime), got, want)
	}
}

func all(name string, c Channel) Route { return Route{Name: name, On: Kinds(), Channel: c} }

// quietJob is a world with a job that promises nothing, so that only what a test does counts.
func (o *office) quietJob() *office {
	o.world.Jobs[0].Watch = Watch{}
	return o
}

func TestDesk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &inbox{}
		o := newOffice(t, all("ops", b)).quietJob()
		o.open()
		o.last(1, "failed")
		o.expect(b, "job grades failed")
		o.last(2, "failed")
		o.expect(b)
		time.Sleep(time.Hour)
		o.expect(b, "job grades failed")
		if m := b.messages[1]; !strings.Contains(m.Body, "(2 failed runs)") || m.Events[0].Run != 2 {
			t.Errorf("%+v", m)
		}
		o.last(3, "done")
		o.expect(b, "job grades has recovered")
		time.Sleep(48 * time.Hour)
		o.expect(b)
		if left, _ := o.memory.Alerts(t.Context()); len(left) != 0 {
			t.Errorf("still remembered: %+v", left)
		}
		o.shut()
	})
}

// The clocks of done_by and stale_after tick although nothing runs and nobody wakes the desk.
func TestDeskTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the bubble begins on 1 January 2000, 08:00 in Shanghai
		b := &inbox{}
		o := newOffice(t, all("ops", b))
		o.world.Jobs[0].Known = time.Now()
		o.open()
		o.last(1, "done")
		time.Sleep(22*time.Hour + 59*time.Minute)
		o.expect(b)
		time.Sleep(time.Minute) // 07:00
		o.expect(b, "job grades is late")
		time.Sleep(3*time.Hour + time.Minute)
		o.expect(b, "job grades has had no success for 26h")
		o.last(2, "done")
		o.expect(b, "2 recoveries")
		o.shut()
	})
}

func TestDeskAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &inbox{}
		o := newOffice(t, all("ops", b)).quietJob()
		o.open()
		o.last(1, "failed")
		o.expect(b, "job grades failed")
		o.shut()

		o.open() // nothing new
		time.Sleep(5 * time.Minute)
		o.expect(b)
		o.last(2, "failed") // within the cool-down
		o.expect(b)
		o.shut()

		o.open()
		o.last(3, "done")
		o.expect(b, "job grades has recovered")
		o.shut()

		o.open()
		time.Sleep(time.Hour)
		o.expect(b)
		o.shut()
	})
}

// What nobody has taken when the daemon ends is said by the next one.
func TestDeskKilledBeforeSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &inbox{refuse: func(int) error { return errors.New("no network") }}
		o := newOffice(t, all("ops", b)).quietJob()
		o.open()
		o.last(1, "failed")
		o.expect(b)
		o.shut()
		b.refuse = nil
		o.open()
		o.expect(b, "job grades failed")
		o.shut()
	})
}

func TestDeskGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := &inbox{}, &inbox{}
		o := newOffice(t, all("ops", b), Route{Name: "pager", On: []Kind{Halted}, Channel: c}).quietJob()
		second := o.world.Jobs[0]
		second.Name = "affairs"
		o.world.Jobs = append(o.world.Jobs, second)
		o.open()
		o.world.Halts = []Halt{{Scope: ConnectionScope, Name: "credit", At: time.Now(), Reason: "HTTP 401"}}
		o.world.Jobs[1].Last = Run{ID: 9, State: "failed", FinishedAt: time.Now()}
		o.last(8, "failed")
		o.expect(b, "3 alerts")
		o.expect(c, "connection credit is halted")
		o.world.Halts = nil
		o.last(10, "done")
		o.expect(b, "2 recoveries")
		o.expect(c) // it does not take recoveries
		o.shut()
	})
}

func TestStateFileAtFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &inbox{}
		o := newOffice(t, all("ops", b)).quietJob()
		o.broken = errors.New("disk full")
		o.open()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		o.broken = nil
		o.last(1, "failed")
		o.expect(b, "job grades failed")
		o.shut()
		if want := []string{"warn alerts: looking for trouble: disk full; it is tried again", "info alerts are watched again"}; !slices.Equal(o.log.lines, want) {
			t.Errorf("logged %q", o.log.lines)
		}
	})
}

// forgetful is a memory that fails.
type forgetful struct {
	Volatile
	err error
}

func (f *forgetful) Alerts(ctx context.Context) ([]Entry, error) {
	list, _ := f.Volatile.Alerts(ctx)
	return list, f.err
}

func TestMemoryAtFault(t *testing.T) {
	d := New(Options{Memory: &forgetful{err: errors.New("malformed")}})
	if err := d.Run(t.Context()); err == nil || err.Error() != "reading which alerts were sent: malformed" {
		t.Error(err)
	}
}

func TestEventID(t *testing.T) {
	e := Event{Subject: Subject{Failed, JobScope, "grades"}, Occurrence: "run 1", Since: clock(t, "2026-03-02 01:30")}
	same := e
	same.Since, same.Text = same.Since.UTC(), "in other words"
	other, over := e, e
	other.Occurrence, over.Over = "run 2", true
	if e.ID() != same.ID() || e.ID() == other.ID() || e.ID() == over.ID() || len(e.ID()) != 32 {
		t.Error(e.ID(), same.ID(), other.ID(), over.ID())
	}
}
