package state

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Lock is the right to be the one daemon on a state file (invariant 5). The kernel gives it back when the process
// ends, however it ends.
type Lock struct{ file *os.File }

const (
	lockAttempts = 5
	lockPause    = 20 * time.Millisecond
)

// TakeLock takes the lock of the state file at path, which need not exist yet. When another process has it the error
// is an ErrLocked [*Error] with that process's id. The lock lies in a file beside the state file, path + ".lock", which
// stays there.
func TakeLock(path string) (*Lock, error) {
	full, err := resolve(path)
	if err != nil {
		return nil, explain(path, "locking it", err)
	}
	f, err := os.OpenFile(full+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, explain(full, "locking it", err)
	}
	yield(full)
	if err := seize(f, full); err != nil {
		return nil, explain(full, "locking it", errors.Join(err, f.Close()))
	}
	return &Lock{f}, nil
}

// yield gives a lock that root has made to the owner of the folder: the daemon must be able to open it. Where that cannot
// be done, the lock is as good for whoever takes it now.
func yield(path string) {
	if owner, err := os.Stat(filepath.Dir(path)); err == nil {
		_ = hand(owner, path+".lock")
	}
}

// seize tries a little longer than somebody in [Holder] takes to look.
func seize(f *os.File, path string) error {
	for attempt := 1; ; attempt++ {
		err := flock(f, syscall.LOCK_EX)
		if err == nil {
			return sign(f)
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		if attempt == lockAttempts {
			e := fault(ErrLocked, path, "", nil)
			e.PID = readPID(f)
			return e
		}
		time.Sleep(lockPause)
	}
}

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// sign writes who holds the lock.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}

func readPID(f *os.File) int {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}

// Release gives the lock back. A second call does nothing.
func (l *Lock) Release() {
	_ = l.file.Truncate(0) // fails only when released before
	_ = l.file.Close()
}

// Holder says whether a daemon holds the lock of the state file at path, and its process id, 0 when that cannot be read.
func Holder(path string) (pid int, held bool) {
	full, err := resolve(path)
	if err != nil {
		return 0, false
	}
	f, err := os.Open(full + ".lock")
	if err != nil {
		return 0, false
	}
	defer f.Close() //nolint:errcheck // only looked at; closing gives a lock taken here back
	if flock(f, syscall.LOCK_SH) == nil {
		return 0, false
	}
	return readPID(f), true
}
