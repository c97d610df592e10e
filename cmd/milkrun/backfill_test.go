package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"milkrun/cmd/milkrun/control"
	"milkrun/state"
	"milkrun/sync/sandbox"
)

// days are the days of the affairs.
func (w *world) days(t *testing.T) (first, last string) {
	t.Helper()
	if err := w.open(t).QueryRow("SELECT date(min(create_date)), date(max(create_date)) FROM user_affairs").Scan(&first, &last); err != nil {
		t.Fatal(err)
	}
	return first, last
}

func (p *place) ledger() (v []backfillView) {
	p.t.Helper()
	p.run("backfill", "list", "--json").exits(exitDone).json(&v)
	return v
}

// TestBackfillHere does the work without a daemon, from a failure on, and leaves the checkpoint alone.
func TestBackfillHere(t *testing.T) {
	w := newLiveWorld(t, 100, 600, 10)
	p := newPlace(t, w.toml())
	first, last := w.days(t)
	p.run("once", "affairs").exits(exitDone)
	before := p.cursor("affairs")
	line := []string{"backfill", "affairs", "--from", first, "--to", last}
	p.run(append(line, "--step", "5d", "--dry-run")...).exits(exitDone).says(first, last, "nothing was recorded or moved")
	if l := p.ledger(); len(l) != 0 {
		t.Errorf("a dry run recorded %+v", l)
	}
	p.run("backfill", "affairs", "--from", first).exits(exitUsage).says("--to")
	p.run(append(line, "--step", "x")...).exits(exitUsage).says("--step x")
	p.run("backfill", "affiars", "--from", "1", "--to", "2").exits(exitUsage).says(`did you mean "affairs"?`)
	p.run("backfill", "affairs", "--from", "x", "--to", "y").exits(exitUsage).says("x")

	if err := w.box.Faults.Busipush.Set(sandbox.Fault{Kind: "state302", Every: 3}); err != nil {
		t.Fatal(err)
	}
	p.run(append(line, "--step", "5d", "--why", "they lost it")...).exits(exitError).says("unit 1 of", "unit 3 of", "302", "goes on with this unit", "milkrun runs show")
	if l := p.ledger(); len(l) != 1 || l[0].DoneUnits != 2 || !l[0].EndedAt.IsZero() || l[0].Why != "they lost it" {
		t.Errorf("after the failure: %+v", l)
	}
	p.run("status").exits(exitDone).says("affairs: 2 of ", "of backfill 1 are done", "milkrun backfill affairs --from")
	if err := w.box.Faults.Busipush.Set(); err != nil {
		t.Fatal(err)
	}
	p.run(line...).exits(exitError).says("is halted", "milkrun resume jinlaiban")
	p.run("resume", "jinlaiban").exits(exitDone)
	p.run(line...).exits(exitDone).says("backfill 1 of job affairs goes on: 2 of", "unit 3 of", "backfill 1 of job affairs is done").hides("unit 2 of")
	if l := p.ledger(); len(l) != 1 || l[0].DoneUnits != l[0].Units || l[0].EndedAt.IsZero() {
		t.Errorf("at the end: %+v", l)
	}
	for id := 1; id <= 600; id++ {
		if n := w.box.Busipush.Received(fmt.Sprint(id)); n != 2 {
			t.Fatalf("affair %d arrived %d times", id, n)
		}
	}
	if after := p.cursor("affairs"); *after != *before {
		t.Errorf("the checkpoint moved from %s to %s", *before, *after)
	}
	p.run("runs", "show", "2").exits(exitDone).says("backfill", "unit         1 of")
	p.run(line...).exits(exitDone).says("backfill 2 of job affairs:") // a range that is done is moved again when asked
}

// TestBackfillOfPages goes by page numbers, and keeps the forward lane without one.
func TestBackfillOfPages(t *testing.T) {
	w := newLiveWorld(t, 1000, 10, 10)
	p := newPlace(t, w.toml())
	p.run("backfill", "grades", "--from", "3", "--to", "6", "--step", "2").exits(exitDone).says("unit 2 of 2, 5 to 6: 200 records delivered")
	p.run("checkpoint", "show", "grades").exits(exitDone).says("no checkpoint")
}

// TestBackfillWithoutRanges says why there is none.
func TestBackfillWithoutRanges(t *testing.T) {
	p, _ := affairsPlace(t)
	p.run("backfill", "affairs", "--from", "1", "--to", "2").exits(exitUsage).says("cannot be read from one place to another")
	p.empty()
	p.run("backfill", "list").exits(exitDone).says("no backfill yet")
}

// TestBackfillSurvivesAKill kills the daemon in the middle of a unit. The next daemon begins nothing by itself, the same
// command goes on, and every affair has arrived.
func TestBackfillSurvivesAKill(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t, 100, 2000, 10)
	first, last := w.days(t)
	if err := w.box.Faults.Busipush.Set(sandbox.Fault{Kind: sandbox.Latency, DelayMS: 20}); err != nil {
		t.Fatal(err)
	}
	m := manage(t, w.toml())
	p := m.alone()
	line := []string{"backfill", "affairs", "--from", first, "--to", last, "--step", "4d"}
	ended := make(chan outcome, 1)
	go func() { ended <- p.run(line...) }()
	p.until("the second unit", func() bool { l := p.ledger(); return len(l) == 1 && l[0].DoneUnits >= 1 })
	m.signal(syscall.SIGKILL)
	_ = m.cmd.Wait()
	(<-ended).exits(exitError).says("goes on with this unit")
	done := p.ledger()[0].DoneUnits
	if err := w.box.Faults.Busipush.Set(); err != nil {
		t.Fatal(err)
	}
	m.again(p)
	p.run(line...).exits(exitDone).says(fmt.Sprintf("goes on: %d of", done), "is done")
	if n := w.box.Busipush.Records(); n != 2000 {
		t.Errorf("the partner has %d affairs", n)
	}
	// A batch of 100 is a page; four may be in flight when the daemon dies.
	if s := w.box.Busipush.Stats(); s.Duplicates > 800 {
		t.Errorf("%d came twice", s.Duplicates)
	}
	if c := p.cursor("affairs"); c != nil {
		t.Errorf("the checkpoint is %s", *c)
	}
	var runs []runView
	p.run("runs", "affairs", "--json", "-n", "0").exits(exitDone).json(&runs)
	for _, r := range runs {
		if r.Trigger != state.Backfilled {
			t.Errorf("run %d is by %s", r.ID, r.Trigger)
		}
	}
	m.end()
}

// TestSlotsGoFirst lets a slot that comes due in the middle of a unit run before the next one, though overlap is "skip".
func TestSlotsGoFirst(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t, 100, 1000, 10)
	first, last := w.days(t)
	if err := w.box.Faults.Busipush.Set(sandbox.Fault{Kind: sandbox.Latency, DelayMS: 150}); err != nil {
		t.Fatal(err)
	}
	m := manage(t, strings.ReplaceAll(w.toml(), "[jobs.affairs]", "[jobs.affairs]\nschedule = \"@every 1s\""))
	p := m.alone()
	p.run("backfill", "affairs", "--from", first, "--to", last, "--step", "3d").exits(exitDone)
	m.end()
	var runs []runView
	p.run("runs", "affairs", "--json", "-n", "0").exits(exitDone).json(&runs)
	units, between := 0, 0
	for _, r := range runs {
		if r.Trigger == state.Backfilled {
			units++
		} else if units > 0 && r.Trigger == state.Schedule {
			between++
		}
	}
	if units < 5 || between == 0 {
		t.Errorf("%d units and %d slots", units, between)
	}
	if n := w.box.Busipush.Records(); n != 1000 {
		t.Errorf("the partner has %d affairs", n)
	}
}

// TestBackfillIsStopped ends the unit under way when the command is ended; it is open again.
func TestBackfillIsStopped(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t, 100, 2000, 10)
	first, last := w.days(t)
	if err := w.box.Faults.Busipush.Set(sandbox.Fault{Kind: sandbox.Latency, DelayMS: 100}); err != nil {
		t.Fatal(err)
	}
	m := manage(t, w.toml())
	p := m.alone()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan outcome, 1)
	go func() { ended <- p.runUntil(ctx, "backfill", "affairs", "--from", first, "--to", last) }()
	p.until("a batch of the unit", func() bool { return w.box.Busipush.Records() > 0 })
	cancel()
	(<-ended).exits(exitInterrupted).says("was stopped in unit 1 of 1", "goes on with this unit")
	if l := p.ledger(); len(l) != 1 || l[0].DoneUnits != 0 {
		t.Errorf("%+v", l)
	}
	p.run("runs", "show", "1").exits(exitDone).says("cancelled")
	m.end()
}

// until waits until something is so.
func (p *place) until(what string, so func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s never came", what)
		}
		<-tick.C
	}
}

// alone is for a test that does not look at what the service manager hears. It returns when the daemon serves.
func (m *managed) alone() *place {
	m.t.Helper()
	p := m.beside()
	m.serves(p)
	return p
}

// serves waits until the daemon looks after its jobs.
func (m *managed) serves(p *place) {
	m.t.Helper()
	p.until("the daemon", func() bool {
		var out answer
		return control.Call(m.t.Context(), filepath.Join(p.dir, "milkrun.db.sock"), "", "plan", order{}, &out) == nil
	})
}

// again starts the daemon once more, where it was.
func (m *managed) again(p *place) {
	m.t.Helper()
	next := exec.CommandContext(m.t.Context(), m.cmd.Path, m.cmd.Args[1:]...)
	next.Env, next.Stderr = m.cmd.Env, m.cmd.Stderr
	m.cmd = next
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.serves(p)
}
