package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

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
	seen, stop := p.watch()
	m.signal(syscall.SIGTERM)
	_ = m.cmd.Wait()
	p.run("status").exits(exitDone).says("no daemon is running")
	p.until("a look without a daemon", func() bool { return strings.Contains(seen(), "no daemon is running") })
	m.again(p)
	p.until("a look at the next one", func() bool {
		return strings.LastIndex(seen(), "runs as process") > strings.LastIndex(seen(), "no daemon is running")
	})
	stop()
	if strings.Contains(seen(), "\x1b") {
		t.Errorf("it draws where no terminal is: %q", seen())
	}
	m.end()
	p.run("status", "--watch", "--every", "1ms").exits(exitUsage).says("too often")
}

// watch watches the status, until stop ends it as Ctrl-C does.
func (p *place) watch() (seen func() string, stop func()) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	var out shared
	ended := make(chan int, 1)
	go func() {
		args := []string{"status", "--watch", "--every", "100ms", "--config", p.config, "--state", p.state}
		ended <- (&app{stdout: &out, stderr: &out}).execute(ctx, args)
	}()
	return out.String, func() {
		p.t.Helper()
		cancel()
		if code := <-ended; code != exitDone {
			p.t.Errorf("it ends with %d:\n%s", code, out.String())
		}
	}
}

// TestWatchSurvivesAMissingFile says why there is nothing to see.
func TestWatchSurvivesAMissingFile(t *testing.T) {
	t.Parallel()
	p, _ := affairsPlace(t)
	seen, stop := p.watch()
	p.until("a second look", func() bool {
		return strings.Count(seen(), "no state file") > 1 && strings.Contains(seen(), "made by the first run")
	})
	stop()
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
