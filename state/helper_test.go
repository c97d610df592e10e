package state

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"milkrun/sync/feed"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// ticking is a clock that moves on by a second at every look.
type ticking struct{ seconds atomic.Int64 }

func (c *ticking) now() time.Time {
	return noon.Add(time.Duration(c.seconds.Add(1)) * time.Second)
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "milkrun.db") }

func mustOpen(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, Options{Now: new(ticking).now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func newStore(t testing.TB) *Store {
	t.Helper()
	return mustOpen(t, newPath(t))
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want one that is %q", err, want)
	}
}

// wantFault checks an error of the file: its kind, that it names the file, and that it says what to do.
func wantFault(t testing.TB, err, kind error, path string) {
	t.Helper()
	wantErr(t, err, kind)
	if Remedy(err) == "" {
		t.Errorf("%v has no remedy", err)
	}
	if !strings.Contains(err.Error(), path) {
		t.Errorf("%v does not name %s", err, path)
	}
}

func startRun(t testing.TB, s *Store, job string) int64 {
	t.Helper()
	return must[int64](t)(s.StartRun(t.Context(), Run{Job: job, Trigger: Manual, Mode: "incremental", Counts: Counts{Total: -1}}))
}

func finishRun(t testing.TB, s *Store, job string, id int64) {
	t.Helper()
	ok(t, s.FinishRun(t.Context(), Run{ID: id, Job: job, State: Done}))
}

// runTo moves the forward checkpoint of a job to a cursor within a run of its own.
func runTo(t testing.TB, s *Store, job string, cursor feed.Cursor) {
	t.Helper()
	id := startRun(t, s, job)
	ok(t, s.Advance(t.Context(), Progress{Checkpoint: Checkpoint{Job: job, Lane: Forward, Cursor: cursor, RunID: id}}))
	finishRun(t, s, job, id)
}

// cursorOf returns the forward cursor, "-" when there is no checkpoint.
func cursorOf(t testing.TB, s *Store, job string) feed.Cursor {
	t.Helper()
	c, found, err := s.Checkpoint(t.Context(), job, Forward)
	ok(t, err)
	if !found {
		return "-"
	}
	return c.Cursor
}

// integrity is a thorough [Store.Check].
func (s *Store) integrity(ctx context.Context) error { return s.Check(ctx, false) }

const childVariable = "MILKRUN_STATE_TEST_CHILD"

// TestMain makes the test binary a child that does what the variable names.
func TestMain(m *testing.M) {
	mode, path, _ := strings.Cut(os.Getenv(childVariable), ":")
	children := map[string]func(path string) error{"advance": advanceForever, "lock": holdLock, "nobody": openAsNobody, "restore": restoreUntil, "backup": backupForever}
	run, is := children[mode]
	if !is {
		os.Exit(m.Run())
	}
	if err := run(path); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// child starts the test binary as a child; it is killed when the test ends.
func child(t *testing.T, mode, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+mode+":"+path)
	pipe, err := cmd.StdoutPipe()
	ok(t, err)
	cmd.Stderr = os.Stderr
	ok(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, bufio.NewScanner(pipe)
}

func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	ok(t, cmd.Process.Kill())
	_ = cmd.Wait() // says "killed"
}
