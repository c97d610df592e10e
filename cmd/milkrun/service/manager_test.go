package service

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fakeManager listens where $NOTIFY_SOCKET says, as systemd does.
type fakeManager struct{ conn *net.UnixConn }

func listen(t *testing.T) fakeManager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "n")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return fakeManager{conn}
}

// next is the next message, "" when there is none. A datagram on a Unix socket is there as soon as it is sent.
func (f fakeManager) next(t *testing.T) string {
	t.Helper()
	text := make([]byte, 4096)
	if err := f.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	n, err := f.conn.Read(text)
	if os.IsTimeout(err) {
		return ""
	} else if err != nil {
		t.Fatal(err)
	}
	return string(text[:n])
}

func connect(t *testing.T) *Manager {
	t.Helper()
	m, err := Connect()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMessages(t *testing.T) {
	fake := listen(t)
	for _, c := range []struct {
		name string
		send func(m *Manager) error
		want string
	}{
		{"ready", func(m *Manager) error { return m.Ready("") }, "READY=1"},
		{"ready with a status", func(m *Manager) error { return m.Ready("2 jobs") }, "READY=1\nSTATUS=2 jobs"},
		{"status", func(m *Manager) error { return m.Status("晋来办 58 %") }, "STATUS=晋来办 58 %"},
		{"no status", func(m *Manager) error { return m.Status("") }, ""},
		{"stopping", func(m *Manager) error { return m.Stopping("draining") }, "STOPPING=1\nSTATUS=draining"},
		{"extend", func(m *Manager) error { return m.ExtendTimeout(90 * time.Second) }, "EXTEND_TIMEOUT_USEC=90000000"},
		{"alive", (*Manager).Alive, "WATCHDOG=1"},
		{"lines in a status", func(m *Manager) error { return m.Status("a\nSTOPPING=1\r\n\x00b") }, "STATUS=a; STOPPING=1; b"},
		{"broken UTF-8", func(m *Manager) error { return m.Status("a\xff\xfeb") }, "STATUS=a�b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.send(connect(t)); err != nil {
				t.Fatal(err)
			}
			if got := fake.next(t); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if more := fake.next(t); more != "" {
				t.Errorf("one message more: %q", more)
			}
		})
	}
}

func TestReloadCarriesTheMonotonicClock(t *testing.T) {
	fake := listen(t)
	before := monotonic(t)
	if err := connect(t).Reloading("reading jobs.toml"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(fake.next(t), "\n")
	if len(lines) != 3 || lines[0] != "RELOADING=1" || lines[2] != "STATUS=reading jobs.toml" {
		t.Fatalf("%q", lines)
	}
	text, ok := strings.CutPrefix(lines[1], "MONOTONIC_USEC=")
	usec, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || usec < before || usec > monotonic(t) {
		t.Errorf("%q is not the monotonic clock, which was %d", lines[1], before)
	}
}

func monotonic(t *testing.T) int64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano() / 1000
}

func TestTheSameStatusIsNotSentAgain(t *testing.T) {
	fake := listen(t)
	m := connect(t)
	for _, text := range []string{"a", "a", "b", "a"} {
		if err := m.Status(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Ready("a"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"STATUS=a", "STATUS=b", "STATUS=a", "READY=1\nSTATUS=a", ""} {
		if got := fake.next(t); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLongStatusIsCutBetweenLetters(t *testing.T) {
	for _, lead := range []string{"", "a", "ab"} {
		got := oneLine(lead + strings.Repeat("数", 2000))
		if len(got) > maxStatus+len("…") || !strings.HasSuffix(got, "数…") || strings.Contains(got, "�") {
			t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-12:])
		}
	}
}

func TestNobodyListens(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	m := connect(t)
	for name, call := range map[string]func() error{
		"ready":     func() error { return m.Ready("x") },
		"reloading": func() error { return m.Reloading("x") },
		"alive":     m.Alive,
		"extend":    func() error { return m.ExtendTimeout(time.Second) },
	} {
		if err := call(); err != nil {
			t.Errorf("%s without a service manager: %v", name, err)
		}
	}
}

func TestManagerThatIsGone(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	err := connect(t).Ready("")
	if err == nil || !strings.Contains(err.Error(), "telling the service manager READY: ") {
		t.Errorf("error %v", err)
	}
}

func TestWatchdogInterval(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
		says      string
	}{
		{"", "", 0, ""},
		{"3000000", "", 3 * time.Second, ""},
		{"3000000", self, 3 * time.Second, ""},
		{"3000000", "1", 0, ""}, // for the process that started this one
		{"soon", "", 0, "watchdog of the service manager: "},
		{"-1", "", 0, "watchdog of the service manager: "},
	} {
		t.Setenv("WATCHDOG_USEC", c.usec)
		t.Setenv("WATCHDOG_PID", c.pid)
		m, err := Connect()
		if m.WatchdogInterval() != c.want || !strings.HasPrefix(fmt.Sprint(err), c.says) || (err == nil) != (c.says == "") {
			t.Errorf("%+v: %s, %v", c, m.WatchdogInterval(), err)
		}
	}
}

// TestAManagerThatNeverReads does not keep the daemon from ending.
func TestAManagerThatNeverReads(t *testing.T) {
	listen(t)
	m := connect(t)
	begun := time.Now()
	err := m.Alive()
	for n := 0; err == nil && n < 100_000; n++ { // until its queue is full
		err = m.Alive()
	}
	if took := time.Since(begun); !errors.Is(err, os.ErrDeadlineExceeded) || took > 15*time.Second {
		t.Errorf("after %s: %v", took, err)
	}
}
