package main

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"milkrun/state"
)

// asNobody runs f with the rights that a user nobody knows has on files. Other goroutines, the one that opens a socket
// among them, keep theirs.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can have fewer rights for a while")
	}
	const nobody = 65534
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // the thread ends with the goroutine
		if _, err := unix.SetfsuidRetUid(nobody); err != nil {
			t.Error(err)
			return
		}
		f()
	}()
	<-done
}

// TestReadingThroughTheDaemon has every reading command answer the same where the state file may not be opened.
func TestReadingThroughTheDaemon(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t, 100, 20, 10)
	if _, err := w.open(t).Exec("UPDATE user_affairs SET busi_item = '' WHERE id IN (SELECT id FROM user_affairs LIMIT 2)"); err != nil {
		t.Fatal(err)
	}
	m := manage(t, w.toml())
	m.hears("READY=1")
	p := m.beside()
	p.run("trigger", "affairs", "--wait")
	p.run("trigger", "user-info", "--wait").exits(exitDone)
	p.run("backfill", "user-info", "--from", "2020-01-01", "--to", "2039-01-01").exits(exitDone)
	p.run("pause", "grades", "--why", "they move").exits(exitDone)
	lines := []string{"runs", "runs affairs", "runs grades", "runs show 1", "runs show 3", "slots", "dead show 1", "dead list", "dead list --only all", "backfill list",
		"checkpoint list", "checkpoint show user-info", "checkpoint show grades --lane full", "checkpoint history user-info", "audit"}
	for _, line := range lines {
		args := append(strings.Fields(line), "--json")
		want := p.run(args...).exits(exitDone)
		asNobody(t, func() {
			if got := p.run(args...); got.code != want.code || stable(got.out) != stable(want.out) || got.err != "" {
				t.Errorf("%s: exit code %d\n%s%s\nwant\n%s", line, got.code, got.out, got.err, want.out)
			}
		})
	}
	asNobody(t, func() {
		p.run("runs", "affiars").exits(exitUsage).says(`there is no job "affiars"`, "affairs")
		p.run("runs", "show", "99").exits(exitUsage).says("run 99", "milkrun runs lists")
		p.run("dead", "show", "99").exits(exitUsage).says("dead letter 99", "milkrun dead list --only all")
		p.run("checkpoint", "show", "gradse").exits(exitUsage).says(`there is no job "gradse"`)
		p.run("checkpoint", "export").exits(exitDone).says("user-info")
		p.run("status").exits(exitDone).says("grades is paused").hides("not asked")
	})
	m.end()
	asNobody(t, func() {
		p.run("runs").exits(exitError).says("permission denied", "with sudo", "without a running daemon")
	})
}

// stable is an answer without what is another one a moment later.
func stable(text string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.Contains(line, `"begins"`) }), "\n")
}

// TestQuestionsHaveNames finds two questions that the daemon could not tell apart.
func TestQuestionsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, q := range questions() {
		name, _ := q.method(&daemon{session: &session{store: &state.Store{}}})
		if seen[name] || !strings.HasPrefix(name, "read-") {
			t.Errorf("the name %q is used twice, or none", name)
		}
		seen[name] = true
	}
}
