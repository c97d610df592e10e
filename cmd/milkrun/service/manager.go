// Package service speaks with the service manager (systemd) that started the daemon: readiness, reloads, a line of
// status, the watchdog, the end; sockets it opened; and the journal. Started by anybody else, all of it does nothing.
//
// The protocol is sd_notify(3): datagrams of VARIABLE=value lines to the socket that $NOTIFY_SOCKET names.
package service

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Manager is the service manager. Its methods may be called by several goroutines at once. An error says that a message
// did not leave; the daemon goes on without, and logs it at most.
type Manager struct {
	send     func(message string) error
	watchdog time.Duration

	mu     sync.Mutex
	status string // the last one that was sent
}

// Connect returns the service manager of this process, as the environment names it. The error is that of a
// $WATCHDOG_USEC that is no number; the manager then works without a watchdog.
func Connect() (*Manager, error) {
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		watchdog, err = 0, fmt.Errorf("watchdog of the service manager: %w", err)
	}
	return &Manager{send: notify, watchdog: watchdog}, err
}

// patience is how long a message waits for a manager that does not read. Its queue holds hundreds of them; one that is
// full must not keep the daemon from stopping.
const patience = time.Second

// notify sends a message to the socket that $NOTIFY_SOCKET names, if it names one.
func notify(message string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	err := sendTo(path, message)
	if err != nil {
		name, _, _ := strings.Cut(message, "=")
		return fmt.Errorf("telling the service manager %s: %w", name, err)
	}
	return nil
}

func sendTo(path, message string) (err error) {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(message))
	return err
}

// Ready says that the start, or a reload, is over. Units ordered after the daemon start now.
func (m *Manager) Ready(status string) error { return m.tell(daemon.SdNotifyReady, status) }

// Reloading says that a reload has begun. [Manager.Ready] must follow, also when the reload comes to nothing. The
// message carries the monotonic clock, which Type=notify-reload needs to tell this reload from one before it.
func (m *Manager) Reloading(status string) error {
	return m.tell(daemon.SdNotifyReloading+"\n"+strings.TrimSuffix(daemon.SdNotifyMonotonicUsec(), "\n"), status)
}

// Stopping says that the daemon ends now.
func (m *Manager) Stopping(status string) error { return m.tell(daemon.SdNotifyStopping, status) }

// Status shows a line in "systemctl status". The same line again is not sent.
func (m *Manager) Status(text string) error { return m.tell("", text) }

// ExtendTimeout asks for at least d more, from now, before the manager gives up on the start, reload or stop under way.
func (m *Manager) ExtendTimeout(d time.Duration) error {
	return m.send(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds()))
}

// WatchdogInterval is how often the manager wants to hear [Manager.Alive] at least, before it kills the daemon; 0 when
// it has no watchdog.
func (m *Manager) WatchdogInterval() time.Duration { return m.watchdog }

// Alive feeds the watchdog.
func (m *Manager) Alive() error { return m.send(daemon.SdNotifyWatchdog) }

// tell sends a message with a status, or a status alone; an empty status leaves the last one as it is.
func (m *Manager) tell(message, status string) error {
	status = oneLine(status)
	m.mu.Lock()
	defer m.mu.Unlock()
	if message == "" && status == m.status {
		return nil
	}
	lines := make([]string, 0, 2)
	if message != "" {
		lines = append(lines, message)
	}
	if status != "" {
		lines = append(lines, "STATUS="+status)
	}
	if len(lines) == 0 {
		return nil
	}
	if err := m.send(strings.Join(lines, "\n")); err != nil {
		return err
	}
	if status != "" {
		m.status = status
	}
	return nil
}

// maxStatus keeps a message far below the 4096 bytes that systemd reads of one.
const maxStatus = 1000

// oneLine makes a status of any text. A line break would begin another variable: an answer of a partner that is quoted
// in a status could say STOPPING=1. systemd drops a status that is not UTF-8.
func oneLine(text string) string {
	text = strings.ToValidUTF8(strings.Join(strings.FieldsFunc(text, isBreak), "; "), "�")
	if len(text) <= maxStatus {
		return text
	}
	end := maxStatus
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

func isBreak(r rune) bool { return r < ' ' || r == 0x7f }
