package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// holdLock is a child that takes the lock, says so and keeps it.
func holdLock(path string) error {
	lock, err := TakeLock(path)
	if err != nil {
		return err
	}
	defer lock.Release()
	fmt.Println("locked")
	select {}
}

func TestSecondInstance(t *testing.T) {
	path := newPath(t)
	if _, held := Holder(path); held {
		t.Fatal("held by nobody")
	}
	cmd, out := child(t, "lock", path)
	if !out.Scan() || out.Text() != "locked" {
		t.Fatalf("the child says %q", out.Text())
	}
	if pid, held := Holder(path); !held || pid != cmd.Process.Pid {
		t.Errorf("holder is %d %v, want %d", pid, held, cmd.Process.Pid)
	}
	_, err := TakeLock(path)
	wantFault(t, err, ErrLocked, path)
	if e, _ := errors.AsType[*Error](err); e.PID != cmd.Process.Pid {
		t.Errorf("the error names process %d, want %d", e.PID, cmd.Process.Pid)
	}
	kill(t, cmd)
	lock := must[*Lock](t)(TakeLock(path))
	if pid, held := Holder(path); !held || pid != os.Getpid() {
		t.Errorf("holder is %d %v, want this process", pid, held)
	}
	lock.Release()
	lock.Release()
	if _, held := Holder(path); held {
		t.Error("still held")
	}
}

func TestOneLockForAllNamesOfAFile(t *testing.T) {
	path := newPath(t)
	ok(t, mustOpen(t, path).Close())
	link := filepath.Join(t.TempDir(), "other.db")
	ok(t, os.Symlink(path, link))
	lock := must[*Lock](t)(TakeLock(link))
	defer lock.Release()
	_, err := TakeLock(path)
	wantErr(t, err, ErrLocked)
}

func TestLookingDoesNotKeepADaemonOut(t *testing.T) {
	path := newPath(t)
	stop := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				Holder(path)
			}
		}
	})
	for range 50 {
		must[*Lock](t)(TakeLock(path)).Release()
	}
	close(stop)
	looking.Wait()
}
