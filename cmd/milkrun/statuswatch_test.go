package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/sandbox"
)

// TestStatusOfTheDaemon asks a daemon in the middle of a run, whatever its file says by now.
func TestStatusOfTheDaemon(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t, 100, 3000, 10)
	if err := w.box.Faults.Busipush.Set(sandbox.Fault{Kind: "500", Every: 1}); err != nil {
		t.Fatal(err)
	}
	m := manage(t, w.toml())
	p := m.alone()
	p.until("a trigger", func() bool { return p.run("trigger", "affairs").code == exitDone })
	look := func() (v statusView) {
		p.run("status", "--json").exits(exitDone).json(&v)
		return v
	}
	p.until("a retry", func() bool { v := look(); return v.Jobs[0].Live != nil && v.Jobs[0].Live.Trouble != "" })
	p.run("status").exits(exitDone).says("runs as process", "running", "affairs, run 1: reading", "trying again after:", "it gives up in 1")
	p.run("runs", "show", "1").exits(exitDone).says("now ", "trying again after:", "gives up")
	p.run("runs", "show", "1", "--json").exits(exitDone).says(`"gives_up_at"`)
	if v := look(); v.PID != m.cmd.Process.Pid || v.Since.IsZero() || v.LoadedAt.IsZero() || v.Changed || v.Version == "" {
		t.Errorf("%+v", v)
	}
	if err := w.box.Faults.Busipush.Set(); err != nil {
		t.Fatal(err)
	}
	p.until("the end of the run", func() bool { v := look(); return v.Jobs[0].State == "done" && !v.Jobs[0].LastSuccess.IsZero() })

	m.write("broken = ")
	p.run("status").exits(exitDone).says("jobs.toml has 1 error as it is now; the daemon goes on with what it had", "affairs", "done")
	p.run("reload").exits(exitUsage)
	p.run("status").exits(exitDone).says("the daemon goes on with the configuration it had:", "milkrun reload")
	m.write(strings.Replace(w.toml(), "[jobs.affairs]", "[jobs.affairs]\nmax_bad = 7", 1))
	p.run("status").exits(exitDone).says("was changed since", "milkrun plan")
	m.end()
}

// TestStatusThroughTheSocket needs neither the state file nor the configuration.
func TestStatusThroughTheSocket(t *testing.T) {
	t.Parallel()
	m := manage(t, strings.ReplaceAll(quietTOML, "%s", "first"))
	p := m.alone()
	socket := socketIn(t, p.dir)
	far := *p
	far.config, far.state = filepath.Join(p.dir, "none.toml"), filepath.Join(p.dir, "none.db")
	far.run("status", "--socket", socket).exits(exitDone).says("first", "never ran", "configuration of")
	m.end()
	far.run("status", "--socket", socket).exits(exitError).says("no state file")
}

// socketIn is the socket of the daemon in a folder.
func socketIn(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.sock"))
	if err != nil || len(found) != 1 {
		t.Fatalf("sockets %v: %v", found, err)
	}
	return found[0]
}

// TestWatch goes on while the daemon is started again, and ends well when it is asked to.
func TestWatch(t *testing.T) {
	t.Parallel()
	m := manage(t, strings.ReplaceAll(quietTOML, "%s", "first"))
	p := m.alone()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan outcome, 1)
	go func() { ended <- p.runUntil(ctx, "status", "--watch", "--every", "100ms") }()
	m.signal(syscall.SIGTERM)
	_ = m.cmd.Wait()
	p.run("status").exits(exitDone).says("no daemon is running")
	p.until("a look without a daemon", elapsed(300*time.Millisecond))
	m.again(p)
	p.until("a look at the next one", elapsed(300*time.Millisecond))
	cancel()
	out := (<-ended).exits(exitDone).says("no daemon is running").hides("\x1b").out
	if first, last := strings.Index(out, "no daemon"), strings.LastIndex(out, "runs as process"); last < first {
		t.Errorf("the next daemon is not seen:\n%s", out)
	}
	m.end()
	p.run("status", "--watch", "--every", "1ms").exits(exitUsage).says("too often")
}

func elapsed(d time.Duration) func() bool {
	end := time.Now().Add(d)
	return func() bool { return time.Now().After(end) }
}

// TestWatchSurvivesAMissingFile says why there is nothing to see.
func TestWatchSurvivesAMissingFile(t *testing.T) {
	t.Parallel()
	p, _ := affairsPlace(t)
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	p.runUntil(ctx, "status", "--watch", "--every", "100ms").exits(exitDone).says("no state file", "made by the first run")
}

// TestScreen draws within the terminal, and clears what stood there.
func TestScreen(t *testing.T) {
	out := screen("业务数据推送\n"+strings.Repeat("x ", 30)+"\nlast\n", 24, 20)
	if !strings.HasPrefix(out, home+"业务数据推送"+clearLine) || !strings.HasSuffix(out, "last"+clearLine+clearBelow) {
		t.Errorf("%q", out)
	}
	if n := strings.Count(screen(strings.Repeat("line\n", 50), 10, 80), "\n"); n != 9 {
		t.Errorf("%d line feeds on 10 rows", n)
	}
}

func TestColour(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	if got := (statusLook{color: colorAuto}).paint(os.Stderr); bool(got) && !terminal(os.Stderr) {
		t.Error("a colour where no terminal is")
	}
	if got := (statusLook{color: colorAlways}).paint(os.Stderr).state("failed", "失败"); got != "\x1b[31m失败\x1b[0m" {
		t.Errorf("%q", got)
	}
	if got := paint(true).state("unheard of", "x"); got != "x" {
		t.Errorf("%q", got)
	}
}

// TestRetryThroughTheDaemon has the daemon deliver dead letters again, with the same words and exit codes.
func TestRetryThroughTheDaemon(t *testing.T) {
	t.Parallel()
	p, partner := affairsPlace(t)
	m := manage(t, strings.ReplaceAll(p.read("jobs.toml"), `"file:`, `"file:`+p.dir+"/"))
	d := m.alone()
	partner.Poison("a-2", "a-3")
	p.until("a run", func() bool { return d.run("trigger", "affairs", "--wait").code == exitPart })
	d.run("dead", "retry", "affairs", "1", "--dry-run").exits(exitDone).says("a-2", "string to sign", "nothing was sent").hides("sandbox-appsecret")
	d.wantLetter(1, state.LetterOpen)
	partner.Poison("a-3")
	d.run("dead", "retry", "affairs", "--all").exits(exitPart).says("dead letter 1 is delivered", "dead letter 2 stays open", "1 delivered, 1 still open")
	if v := d.wantLetter(1, state.LetterDelivered); v.Who != operator() {
		t.Errorf("by %q", v.Who)
	}
	d.run("dead", "retry", "affiars", "--all").exits(exitUsage).says(`did you mean "affairs"?`)
	d.run("dead", "retry", "affairs", "1").exits(exitUsage).says("dead letter 1 is delivered since")
	d.halted(state.ConnectionScope, "jinlaiban")
	d.run("dead", "retry", "affairs", "--all").exits(exitError).says("connection jinlaiban is halted", "milkrun resume jinlaiban")
	d.run("resume", "jinlaiban").exits(exitDone)
	partner.Poison()
	p.fails("500")
	d.run("trigger", "affairs", "--from", "x").exits(exitUsage)
	p.fails()
	d.run("dead", "retry", "affairs", "2").exits(exitDone).says("1 delivered, 0 still open")
	d.run("dead", "retry", "affairs", "--all").exits(exitDone).says("job affairs has no open dead letter")
	m.end()
}
