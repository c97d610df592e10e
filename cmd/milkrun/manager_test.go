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
	t       *testing.T
	manager *net.UnixConn
	cmd     *exec.Cmd
	toml    string
	stderr  strings.Builder
}

func manage(t *testing.T, toml string) *managed {
	t.Helper()
	dir, err := os.MkdirTemp("", "") // the path of a socket has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	m := &managed{t: t, toml: filepath.Join(dir, "jobs.toml")}
	if m.manager, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "n"), Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.manager.Close() })
	m.write(toml)
	m.cmd = exec.CommandContext(t.Context(), build(t), "run", "--config", m.toml)
	m.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(dir, "n"), "WATCHDOG_USEC=400000", "STATE_DIRECTORY="+dir)
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

// hears waits for a message that begins so, and returns it. Those in between are none of those listed.
func (m *managed) hears(begin string, not ...string) string {
	m.t.Helper()
	if err := m.manager.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		m.t.Fatal(err)
	}
	text := make([]byte, 4096)
	for {
		n, err := m.manager.Read(text)
		if err != nil {
			m.t.Fatalf("waiting for %s: %v\n%s", begin, err, m.stderr.String())
		}
		message := string(text[:n])
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
	m := manage(t, "nonsense = 1")
	if err := m.cmd.Wait(); m.cmd.ProcessState.ExitCode() != exitUsage {
		t.Errorf("it ends with %v", err)
	}
	if err := m.manager.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := m.manager.Read(make([]byte, 100)); err == nil {
		t.Errorf("it sent %d bytes", n)
	}
}

// TestDrainAsksForTime: while the partner takes its time with an answer, the daemon asks for more.
func TestDrainAsksForTime(t *testing.T) {
	w := newLiveWorld(t, 100, 100, 10)
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
