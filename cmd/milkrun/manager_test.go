package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/sandbox"
)

// managed is a daemon that a fake service manager has started.
type managed struct {
	t      *testing.T
	told   chan string // what the manager was told; it reads at once, as systemd does
	cmd    *exec.Cmd
	toml   string
	stderr strings.Builder
}

func manage(t *testing.T, toml string) *managed {
	t.Helper()
	dir, err := os.MkdirTemp("", "") // the path of a socket has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	m := &managed{t: t, toml: filepath.Join(dir, "jobs.toml")}
	notify := m.listen(dir)
	m.write(toml)
	m.cmd = milkrun(t, "run", "--config", m.toml)
	m.cmd.Env = append(m.cmd.Env, notify, "WATCHDOG_USEC=400000", "STATE_DIRECTORY="+dir)
	m.cmd.Stderr = &m.stderr
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *managed) write(toml string) {
	m.t.Helper()
	if err := os.WriteFile(m.toml, []byte(toml), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// listen is the manager's side, which reads at once, as systemd does. It returns where, for the environment of the daemon.
func (m *managed) listen(dir string) (variable string) {
	m.t.Helper()
	path := filepath.Join(dir, "n")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = manager.Close() })
	m.told = make(chan string, 10_000)
	go func() {
		text := make([]byte, 4096)
		for {
			n, err := manager.Read(text)
			if err != nil {
				return // it is closed at the end of the test
			}
			m.told <- string(text[:n])
		}
	}()
	return "NOTIFY_SOCKET=" + path
}

// hears waits for a message that begins so, and returns it. Those in between are none of those listed.
func (m *managed) hears(begin string, not ...string) string {
	m.t.Helper()
	late := time.After(2 * time.Minute)
	for {
		var message string
		select {
		case message = <-m.told:
		case <-late:
			m.t.Fatalf("%s never comes\n%s", begin, m.stderr.String())
		}
		for _, bad := range not {
			if strings.HasPrefix(message, bad) {
				m.t.Errorf("%q comes before %s", message, begin)
			}
		}
		if strings.HasPrefix(message, begin) {
			return message
		}
	}
}

func (m *managed) signal(s os.Signal) {
	m.t.Helper()
	if err := m.cmd.Process.Signal(s); err != nil {
		m.t.Fatal(err)
	}
}

const quietTOML = `
[connections.files]
type = "file"
[jobs.%s]
schedule = "0 3 1 1 *"
source = { connection = "files", path = "in.jsonl" }
sink = { connection = "files", path = "out.jsonl" }
`

// TestServiceManagerIsTold drives the daemon through its life, and reads every message.
func TestServiceManagerIsTold(t *testing.T) {
	t.Parallel()
	m := manage(t, fmt.Sprintf(quietTOML, "first"))
	if got := m.hears("READY=1", "WATCHDOG", "STOPPING"); !strings.Contains(got, "STATUS=idle; next is first at ") {
		t.Errorf("%q", got)
	}
	m.hears("WATCHDOG=1")
	m.write(fmt.Sprintf(quietTOML, "second"))
	m.signal(syscall.SIGHUP)
	if got := m.hears("RELOADING=1", "READY", "STOPPING"); !strings.Contains(got, "\nMONOTONIC_USEC=") {
		t.Errorf("%q", got)
	}
	if got := m.hears("READY=1"); !strings.Contains(got, "STATUS=idle; next is second at ") {
		t.Errorf("%q", got)
	}
	m.write("nonsense = 1")
	m.signal(syscall.SIGHUP)
	m.hears("RELOADING=1", "READY", "STOPPING")
	if got := m.hears("READY=1"); !strings.Contains(got, "jobs.toml has ") || !strings.Contains(got, "next is second at ") {
		t.Errorf("after a bad reload: %q", got)
	}
	m.hears("WATCHDOG=1")
	m.signal(syscall.SIGTERM)
	m.hears("STOPPING=1")
	if err := m.cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, m.stderr.String())
	}
	if !strings.Contains(m.stderr.String(), "nonsense") {
		t.Errorf("the log does not say what is wrong:\n%s", m.stderr.String())
	}
}

// TestNotReadyWithABadConfiguration: READY comes when everything is good, or never.
func TestNotReadyWithABadConfiguration(t *testing.T) {
	t.Parallel()
	m := manage(t, "nonsense = 1")
	if err := m.cmd.Wait(); m.cmd.ProcessState.ExitCode() != exitUsage {
		t.Errorf("it ends with %v", err)
	}
	select {
	case message := <-m.told:
		t.Errorf("it sent %q", message)
	case <-time.After(20 * time.Millisecond):
	}
}

// TestDrainAsksForTime: while the partner takes its time with an answer, the daemon asks for more.
func TestDrainAsksForTime(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t, 100, 2000, 10) // a run of a quarter of a minute: the status is told every two seconds
	if err := w.box.Faults.Busipush.Set(sandbox.Fault{Kind: sandbox.Latency, DelayMS: 3000}); err != nil {
		t.Fatal(err)
	}
	m := manage(t, strings.ReplaceAll(w.toml(), "\nbatch_size = 100", "\nschedule = \"@every 1s\"\nbatch_size = 100"))
	m.hears("STATUS=affairs ")
	m.signal(syscall.SIGTERM)
	m.hears("STOPPING=1")
	m.hears("EXTEND_TIMEOUT_USEC=30000000")
	if err := m.cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, m.stderr.String())
	}
}

func TestRunningLine(t *testing.T) {
	for want, runs := range map[string][]sync.Progress{
		"": nil,
		"affairs 1,200 records (trying again), grades 25 %": {
			{Job: "grades", Counts: state.Counts{Read: 300, Total: 1200}}, {Job: "affairs", Counts: state.Counts{Read: 1200, Total: -1}, Trouble: "x"},
		},
	} {
		if got := runningLine(runs); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// toml is the configuration of a world whose stand-ins listen, for a process of its own.
func (w *world) toml() string {
	text := worldTOML
	for kind, settings := range w.box.Settings() {
		for key, value := range settings {
			text = replaceSetting(text, kind, key, value)
		}
	}
	return strings.ReplaceAll(text, `dsn = "business.db"`, fmt.Sprintf("dsn = %q", filepath.Join(w.dir, "business.db")))
}
