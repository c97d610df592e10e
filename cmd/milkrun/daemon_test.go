package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"milkrun/sync/sandbox"
)

// beside is the place of a managed daemon: command lines there are about it.
func (m *managed) beside() *place {
	dir := filepath.Dir(m.toml)
	return &place{t: m.t, dir: dir, config: m.toml, state: filepath.Join(dir, "milkrun.db")}
}

// end stops the daemon.
func (m *managed) end() {
	m.t.Helper()
	m.signal(syscall.SIGTERM)
	if err := m.cmd.Wait(); err != nil {
		m.t.Errorf("%v\n%s", err, m.stderr.String())
	}
}

// TestControl has a running daemon carry out everything an operator can ask of it.
func TestControl(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t, 500, 300, 10)
	m := manage(t, w.toml())
	m.hears("READY=1")
	p := m.beside()
	p.run("trigger", "affairs", "--wait", "--why", "they asked").exits(exitDone).says("run 1 of job affairs has begun", "300 records read")
	p.run("runs").exits(exitDone).says("affairs", "manual", "done", "300")
	p.run("trigger", "affiars").exits(exitUsage).says(`did you mean "affairs"?`)
	p.run("trigger", "affairs", "--from", "2026-01-02", "--to", "2026-01-01").exits(exitUsage).says("from")
	p.run("cancel", "affairs").exits(exitDone).says("nothing to cancel")
	p.run("pause", "grades", "--why", "they move").exits(exitDone).says("job grades is paused", "the daemon (process")
	p.run("status").exits(exitDone).says("grades is paused: by")
	p.run("resume", "grades").exits(exitDone).says("the pause of job grades is over")
	p.run("audit").exits(exitDone).says("trigger run 1", "they asked", "pause", "they move", "unpause")
	m.end()
	p.run("trigger", "affairs").exits(exitError).says("no daemon is running", "milkrun once affairs")
	p.run("cancel", "affairs").exits(exitError).says("no daemon is running")
	p.run("reload").exits(exitError).says("no daemon is running", "milkrun check")
	p.run("pause", "grades").exits(exitDone).says("job grades is paused", "no daemon is running now")
	if n := w.box.Busipush.Records(); n != 300 {
		t.Errorf("the partner has %d records", n)
	}
}

// TestTriggerTellsTheWayOut has a run that --wait waits for halt the connection: what ends the halt is said, as once says it.
func TestTriggerTellsTheWayOut(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t, 100, 10, 10)
	if err := w.box.Faults.Busipush.Set(sandbox.Fault{Kind: sandbox.State302}); err != nil {
		t.Fatal(err)
	}
	m := manage(t, w.toml())
	m.hears("READY=1")
	m.beside().run("trigger", "affairs", "--wait").exits(exitError).says("denies access with 302", "milkrun resume jinlaiban")
	m.end()
}

// TestCancelledByCommand ends a run in the middle of its work; the next one goes on from there.
func TestCancelledByCommand(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t, 100, 1000, 10)
	if err := w.box.Faults.Busipush.Set(sandbox.Fault{Kind: sandbox.Latency, DelayMS: 200}); err != nil {
		t.Fatal(err)
	}
	m := manage(t, w.toml())
	m.hears("READY=1")
	p := m.beside()
	p.run("trigger", "affairs").exits(exitDone)
	p.run("trigger", "affairs").exits(exitError).says("job affairs is running already (run 1)")
	p.run("cancel", "affairs", "--why", "not now").exits(exitDone).says("has ended at a batch border")
	p.run("runs", "show", "1").exits(exitDone).says("cancelled")
	if err := w.box.Faults.Busipush.Set(); err != nil {
		t.Fatal(err)
	}
	p.run("trigger", "affairs", "--wait").exits(exitDone).says("run 2")
	m.end()
	if s := w.box.Busipush.Stats(); w.box.Busipush.Records() != 1000 || s.Duplicates > 0 {
		t.Errorf("the partner has %d records, %d came twice", w.box.Busipush.Records(), s.Duplicates)
	}
}

const reloadTOML = `
[connections.files]
type = "file"
[jobs.first]
schedule = %q
source = { connection = "files", path = "in.jsonl" }
sink = { connection = "files", path = "out.jsonl" }
`

// TestReloadByCommand plans and takes up a good configuration, and refuses a bad one: the one before goes on.
func TestReloadByCommand(t *testing.T) {
	t.Parallel()
	m := manage(t, fmt.Sprintf(reloadTOML, "0 3 1 1 *"))
	m.hears("READY=1")
	p := m.beside()
	p.run("plan").exits(exitDone).says("nothing is another")
	m.write(fmt.Sprintf(reloadTOML, "0 4 1 1 *") + strings.ReplaceAll(fmt.Sprintf(reloadTOML, "manual"), "[jobs.first]", "[jobs.second]")[len("\n[connections.files]\ntype = \"file\""):])
	p.run("plan").exits(exitDone).says("first", "rescheduled", "0 3 1 1 * UTC → 0 4 1 1 * UTC", "second", "added")
	p.run("plan").exits(exitDone).says("rescheduled") // it changes nothing
	p.run("reload").exits(exitDone).says("first", "rescheduled", "second", "added")
	m.hears("RELOADING=1")
	m.hears("READY=1")
	p.run("reload").exits(exitDone).says("nothing is another")
	m.write("nonsense = 1")
	p.run("plan").exits(exitUsage).says("nonsense", "no such key", "mend it")
	p.run("reload").exits(exitUsage).says("nonsense", "the one before it goes on")
	m.write(fmt.Sprintf(reloadTOML, "0 4 1 1 *"))
	p.run("status").exits(exitDone).says("nonsense") // until it is taken up, it is said
	p.run("reload").exits(exitDone).says("second", "removed")
	p.run("status").exits(exitDone).hides("nonsense")
	m.end()
	if strings.Contains(m.stderr.String(), "panic") || !strings.Contains(m.stderr.String(), "nonsense") {
		t.Errorf("the log:\n%s", m.stderr.String())
	}
	if !strings.Contains(m.stderr.String(), `msg=removed`) {
		t.Errorf("a blank behind what was done:\n%s", m.stderr.String())
	}
}

// TestWatchConfig takes up a changed file by itself, and says why it does not take a bad one.
func TestWatchConfig(t *testing.T) {
	t.Parallel()
	m := manage(t, "watch_config = true\n"+fmt.Sprintf(quietTOML, "first"))
	m.hears("READY=1")
	replaced := m.toml + ".new" // as most editors write
	if err := os.WriteFile(replaced, []byte("watch_config = true\n"+fmt.Sprintf(quietTOML, "second")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(replaced, m.toml); err != nil {
		t.Fatal(err)
	}
	m.hears("RELOADING=1")
	if got := m.hears("READY=1"); !strings.Contains(got, "next is second") {
		t.Errorf("%q", got)
	}
	m.write("nonsense = 1")
	m.hears("RELOADING=1")
	if got := m.hears("READY=1"); !strings.Contains(got, "nonsense") || !strings.Contains(got, "next is second") {
		t.Errorf("%q", got)
	}
	m.end()
}
