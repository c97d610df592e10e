package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	stdsync "sync"
	"syscall"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/sandbox"
)

// childEnv makes the test binary run one job and nothing else; see [crashOrder].
const childEnv = "MILKRUN_CRASH_CHILD"

// crashOrder tells the child what to run, and at which step boundary to kill itself the hard way; 0 is never.
type crashOrder struct {
	Dir, Job string
	KillAt   int
	Settings map[string]map[string]string
	TOML     string // another configuration than the world's
}

func crashChild(text string) int {
	var o crashOrder
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitUsage
	}
	if err := o.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitError
	}
	return exitDone
}

func (o crashOrder) run(ctx context.Context) error {
	conf, err := parseWorld(cmp.Or(o.TOML, worldTOML), o.Dir, o.Settings)
	if err != nil {
		return err
	}
	steps, err := os.OpenFile(filepath.Join(o.Dir, "steps"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	var mu stdsync.Mutex
	n := 0
	step := func(name string) error {
		mu.Lock()
		defer mu.Unlock()
		n++
		if n == o.KillAt {
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		_, err := fmt.Fprintln(steps, name)
		return err
	}
	e, done, err := worldEngine(ctx, o.Dir, nil, io.Discard, step)
	if err != nil {
		return err
	}
	defer done()
	if _, err := e.Store.Interrupt(ctx); err != nil {
		return err
	}
	_, err = e.Run(ctx, conf.Job(o.Job), sync.Start{Trigger: state.Manual})
	return err
}

// child runs a job in a process of its own and says whether it was killed.
func (w *world) child(t *testing.T, job string, killAt int) (killed bool) {
	t.Helper()
	order, err := json.Marshal(crashOrder{Dir: w.dir, Job: job, KillAt: killAt, Settings: w.box.Settings()})
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childEnv+"="+string(order))
	out, err := cmd.CombinedOutput()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		w.kills++
		return true
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", job, err, out)
	}
	return false
}

// boundaries are the steps at which each flow can be cut in two. A new one must be added here, so that it is known that
// the crash test stops there.
var boundaries = map[string][]string{
	"grades": {"begun", "checkpoint saved", "committing", "delivered", "pass ended", "prepared", "probed", "staging", "staging open",
		"swapped", "swapping"},
	"affairs":   {"begun", "checkpoint saved", "committing", "delivered", "delivering", "prepared"},
	"user-info": {"begun", "checkpoint saved", "committing", "delivered", "delivering", "pass ended", "pass joined", "prepared"},
}

// TestKilledAtEveryBoundary kills a process at each step boundary of a flow, the hard way, and lets another one go on:
// nothing may be missing, and what is doubled is bounded by what was in flight.
func TestKilledAtEveryBoundary(t *testing.T) {
	for job, want := range boundaries {
		t.Run(job, func(t *testing.T) {
			t.Parallel()
			seen := map[string]bool{}
			for killAt := 1; ; killAt++ {
				w := newLiveWorld(t, 600, 450, 350)
				killed := w.child(t, job, killAt)
				if killed && w.child(t, job, 0) {
					t.Fatal("killed without being asked to")
				}
				w.checkFlow(t, job)
				w.addSteps(t, seen)
				if !killed {
					break
				}
			}
			var got []string
			for name := range seen {
				got = append(got, name)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("boundaries\n %q, want\n %q", got, want)
			}
		})
	}
}

// TestKilledAgainAndAgain kills the same flow many times before it may end.
func TestKilledAgainAndAgain(t *testing.T) {
	for job := range boundaries {
		t.Run(job, func(t *testing.T) {
			t.Parallel()
			w := newLiveWorld(t, 3000, 1500, 1000)
			for killAt := 3; killAt < 40; killAt += 4 {
				if !w.child(t, job, killAt) {
					break
				}
			}
			w.child(t, job, 0)
			w.checkFlow(t, job)
		})
	}
}

// newLiveWorld is a world whose stand-ins listen on loopback, for processes of their own.
func newLiveWorld(t *testing.T, enterprises, affairs, users int) *world {
	t.Helper()
	box, err := sandbox.Start(t.Context(), "127.0.0.1:0", sandbox.Options{Credit: sandbox.CreditOptions{Count: enterprises}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	w := &world{dir: t.TempDir(), box: box}
	w.seed(t, affairs, users)
	return w
}

func (w *world) checkFlow(t *testing.T, job string) {
	t.Helper()
	defer w.checkAudit(t, job)
	var rows int
	switch job {
	case "grades":
		w.checkGrades(t)
	case "affairs":
		if err := w.open(t).QueryRow("SELECT count(*) FROM user_affairs").Scan(&rows); err != nil {
			t.Fatal(err)
		}
		// Four batches of 100 may be in flight when a process dies, and four more settled but not in the checkpoint.
		if twice := w.checkAffairs(t, rows); twice > 800*w.kills {
			t.Errorf("%d affairs came twice after %d kills", twice, w.kills)
		}
	default:
		if err := w.open(t).QueryRow("SELECT count(*) FROM user_info").Scan(&rows); err != nil {
			t.Fatal(err)
		}
		w.checkUsers(t, rows)
	}
}

func (w *world) addSteps(t *testing.T, seen map[string]bool) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "steps"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(strings.ReplaceAll(string(text), " ", "_")) {
		seen[strings.ReplaceAll(name, "_", " ")] = true
	}
}

// TestKilledAtAnyInstant kills the daemon itself, at instants that have nothing to do with its steps.
func TestKilledAtAnyInstant(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t, 20_000, 10_000, 5_000)
	toml := filepath.Join(w.dir, "jobs.toml")
	text := worldTOML
	for kind, settings := range w.box.Settings() {
		for key, value := range settings {
			text = replaceSetting(text, kind, key, value)
		}
	}
	text = strings.ReplaceAll(text, `dsn = "business.db"`, fmt.Sprintf("dsn = %q", filepath.Join(w.dir, "business.db")))
	text = strings.ReplaceAll(text, "\npage_size = 100", "\nschedule = \"@every 1s\"\ncatch_up = \"latest\"\npage_size = 100")
	text = strings.ReplaceAll(text, "\nbatch_size = 100", "\nschedule = \"@every 1s\"\nbatch_size = 100")
	if err := os.WriteFile(toml, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		w.daemon(t, toml, time.Duration(700+i*370)*time.Millisecond, syscall.SIGKILL)
	}
	for job := range boundaries {
		w.once(t, toml, job)
		w.checkFlow(t, job)
	}
}

func replaceSetting(text, kind, key, value string) string {
	head := fmt.Sprintf("type = %q", kind)
	before, after, ok := strings.Cut(text, head)
	if !ok {
		return text
	}
	section, rest, more := strings.Cut(after, "\n[")
	lines := strings.Split(section, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, key+" = ") {
			lines[i] = fmt.Sprintf("%s = %q", key, value)
		}
	}
	if more {
		rest = "\n[" + rest
	}
	return before + head + strings.Join(lines, "\n") + rest
}

// milkrun is the command itself, in a process of its own: the test binary, which needs no linking for every test.
func milkrun(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), commandEnv+"=plain")
	return cmd
}

// daemon starts the daemon and ends it with a signal after a while.
func (w *world) daemon(t *testing.T, toml string, life time.Duration, end os.Signal) {
	t.Helper()
	cmd := milkrun(t, "run", "--config", toml, "--state", filepath.Join(w.dir, "state.db"))
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(life, func() { _ = cmd.Process.Signal(end) })
	defer timer.Stop()
	_ = cmd.Wait()
	w.kills++
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Fatalf("the daemon ended by itself: %s\n%s", cmd.ProcessState, log.String())
	}
}

func (w *world) once(t *testing.T, toml, job string) {
	t.Helper()
	cmd := milkrun(t, "once", job, "--config", toml, "--state", filepath.Join(w.dir, "state.db"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("once %s: %v\n%s", job, err, out)
	}
}
