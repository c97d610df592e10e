package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"milkrun/sync/feed"
)

func TestModeWhateverTheUmask(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := newPath(t)
	s := mustOpen(t, path)
	runTo(t, s, "grades", "1")
	lock := must[*Lock](t)(TakeLock(path))
	defer lock.Release()
	for _, file := range []string{path, path + "-wal", path + "-shm", path + ".lock"} {
		info, err := os.Stat(file)
		ok(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", file, info.Mode())
		}
	}
}

func TestOptionsAreReadBack(t *testing.T) {
	s := newStore(t)
	ok(t, s.readBack(t.Context()))
	if _, err := s.w.ExecContext(t.Context(), "PRAGMA synchronous = NORMAL"); err != nil {
		t.Fatal(err)
	}
	wantFault(t, s.readBack(t.Context()), ErrOptions, s.Path())
}

func TestReopenKeepsWhatWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a?b#c%20 d.db")
	s := mustOpen(t, path)
	runTo(t, s, "grades", `{"page":17}`)
	ok(t, s.Close())
	again := mustOpen(t, path)
	if c := cursorOf(t, again, "grades"); c != `{"page":17}` {
		t.Errorf("cursor is %s", c)
	}
	names := must[[]os.DirEntry](t)(os.ReadDir(filepath.Dir(path)))
	if len(names) != 3 { // the file, -wal and -shm
		t.Errorf("the directory holds %v", names)
	}
}

func TestForReadingOnly(t *testing.T) {
	path := newPath(t)
	ctx := t.Context()
	_, err := Open(ctx, path, Options{ReadOnly: true})
	wantFault(t, err, ErrMissing, path)
	if _, err := os.Stat(path); err == nil {
		t.Error("opening for reading made the file")
	}
	w := mustOpen(t, path)
	runTo(t, w, "grades", "1")
	r := must[*Store](t)(Open(ctx, path, Options{ReadOnly: true}))
	defer r.Close()
	runTo(t, w, "grades", "2")
	if c := cursorOf(t, r, "grades"); c != "2" {
		t.Errorf("a reader beside the writer sees %s", c)
	}
	wantFault(t, r.SetCheckpoint(ctx, "grades", Forward, "3", "", ""), ErrReadOnly, path)
	ok(t, r.integrity(ctx))
}

func TestWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	ok(t, syscall.Mkfifo(pipe, 0o600))
	for _, path := range []string{dir, pipe} {
		_, err := Open(t.Context(), path, Options{})
		wantFault(t, err, ErrNoFile, path)
		_, err = TakeLock(path)
		wantFault(t, err, ErrNoFile, path)
		if _, err := os.Stat(path + ".lock"); err == nil {
			t.Errorf("%s got a lock", path)
		}
	}
}

func TestAFileThatOthersCanOpenIsTakenAway(t *testing.T) {
	path := newPath(t)
	s := mustOpen(t, path)
	runTo(t, s, "grades", "1")
	files := []string{path, path + "-wal", path + "-shm"}
	for _, file := range files {
		ok(t, os.Chmod(file, 0o666))
	}
	var said []string
	note := func(text string) { said = append(said, text) }
	for range 2 { // the second time there is nothing to say
		again := must[*Store](t)(Open(t.Context(), path, Options{Note: note}))
		for _, file := range files {
			if info := must[os.FileInfo](t)(os.Stat(file)); info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", file, info.Mode())
			}
		}
		ok(t, again.Close())
	}
	if want := path + " had mode 0666, so that other users could open it; it has 0600 now"; len(said) != 1 || said[0] != want {
		t.Errorf("said %q", said)
	}
	ok(t, os.Chmod(path, 0o644))
	r := must[*Store](t)(Open(t.Context(), path, Options{ReadOnly: true}))
	ok(t, r.Close())
	if info := must[os.FileInfo](t)(os.Stat(path)); info.Mode().Perm() != 0o644 {
		t.Error("opening for reading changed the mode")
	}
}

func TestMissingDirectory(t *testing.T) {
	_, err := Open(t.Context(), filepath.Join(t.TempDir(), "no", "milkrun.db"), Options{})
	wantFault(t, err, ErrMissing, "milkrun.db")
	_, err = TakeLock(filepath.Join(t.TempDir(), "no", "milkrun.db"))
	wantFault(t, err, ErrMissing, "milkrun.db")
}

// filled returns a closed state file with some hundred runs in it.
func filled(t *testing.T) string {
	t.Helper()
	path := newPath(t)
	s := mustOpen(t, path)
	for i := range 200 {
		id := startRun(t, s, "grades")
		ok(t, s.Advance(t.Context(), Progress{
			Checkpoint: Checkpoint{Job: "grades", Lane: Forward, Cursor: feed.Cursor(fmt.Sprint(i)), RunID: id},
			Letters:    []Letter{{Key: fmt.Sprint(i), Record: strings.Repeat("x", 500)}},
		}))
		finishRun(t, s, "grades", id)
	}
	ok(t, s.Close())
	return path
}

func TestDamage(t *testing.T) {
	sound := must[[]byte](t)(os.ReadFile(filled(t)))
	for name, damage := range map[string]func([]byte) []byte{
		"text":          func([]byte) []byte { return []byte(strings.Repeat("this is no database\n", 500)) },
		"cut in half":   func(b []byte) []byte { return b[:len(b)/2] },
		"header":        func(b []byte) []byte { return append(make([]byte, 100), b[100:]...) },
		"schema page":   func(b []byte) []byte { return slices.Concat(b[:100], bytes.Repeat([]byte{0xff}, 3996), b[4096:]) },
		"all but first": func(b []byte) []byte { return append(b[:4096:4096], bytes.Repeat([]byte{0xa5}, len(b)-4096)...) },
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			bad := damage(slices.Clone(sound))
			ok(t, os.WriteFile(path, bad, 0o600))
			for _, readOnly := range []bool{false, true} {
				_, err := Open(t.Context(), path, Options{ReadOnly: readOnly})
				if name == "header" { // looks empty or foreign
					if err == nil {
						t.Fatal("opened")
					}
					continue
				}
				wantFault(t, err, ErrCorrupt, path)
			}
			if got := must[[]byte](t)(os.ReadFile(path)); !bytes.Equal(got, bad) {
				t.Error("the damaged file was changed")
			}
		})
	}
}

// Damage deep in the file is met later, and explained then.
func TestDamageFoundOnTheWay(t *testing.T) {
	path := filled(t)
	b := must[[]byte](t)(os.ReadFile(path))
	s := mustOpen(t, path)
	root, _, err := one(t.Context(), s.r, scanTo[int], "SELECT rootpage FROM sqlite_schema WHERE name = 'letter'")
	ok(t, err)
	ok(t, s.Close())
	copy(b[(root-1)*4096:root*4096], bytes.Repeat([]byte{0xa5}, 4096))
	ok(t, os.WriteFile(path, b, 0o600))
	s = mustOpen(t, path)
	_, err = s.Letters(t.Context(), LetterFilter{})
	wantFault(t, err, ErrCorrupt, path)
	wantFault(t, s.integrity(t.Context()), ErrCorrupt, path)
}

func TestIntegrityFindsAWrongIndex(t *testing.T) {
	s := newStore(t)
	runTo(t, s, "grades", "1")
	ok(t, s.integrity(t.Context()))
	s.w.SetMaxOpenConns(1)
	for _, text := range []string{
		"PRAGMA foreign_keys = OFF",
		"INSERT INTO halt VALUES ('job', 'x', '', '', '', '', 4711)",
	} {
		if _, err := s.w.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	wantFault(t, s.integrity(t.Context()), ErrCorrupt, s.Path())
}

// SQLite would delete the log of a file that is gone, and begin anew in silence.
func TestLogWithoutItsFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "milkrun.db")
	s := mustOpen(t, path)
	runTo(t, s, "grades", "1")
	wal := must[[]byte](t)(os.ReadFile(path + "-wal"))
	other := filepath.Join(t.TempDir(), "milkrun.db")
	ok(t, os.WriteFile(other+"-wal", wal, 0o600))
	_, err := Open(t.Context(), other, Options{})
	wantFault(t, err, ErrCorrupt, other)
	ok(t, os.WriteFile(other, nil, 0o600))
	_, err = Open(t.Context(), other, Options{})
	wantFault(t, err, ErrCorrupt, other)
	if info, err := os.Stat(other + "-wal"); err != nil || info.Size() != int64(len(wal)) {
		t.Error("the log is gone")
	}
}

func TestDiskFull(t *testing.T) {
	ctx := t.Context()
	path := newPath(t)
	s := mustOpen(t, path)
	runTo(t, s, "grades", "0")
	pages, _, err := one(ctx, s.w, scanTo[int], "PRAGMA page_count")
	ok(t, err)
	if _, err := s.w.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages+4)); err != nil {
		t.Fatal(err)
	}
	id := startRun(t, s, "grades")
	var done int
	for err = nil; err == nil && done < 1000; done++ {
		err = s.Advance(ctx, step(id, done))
	}
	wantFault(t, err, ErrFull, path)
	last := done - 2 // of the steps that succeeded
	if c := cursorOf(t, s, "grades"); c != feed.Cursor(fmt.Sprint(last)) {
		t.Errorf("cursor is %s after %d good steps", c, last+1)
	}
	if _, err := s.w.ExecContext(ctx, "PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	ok(t, s.Advance(ctx, step(id, done-1)))
	checkSteps(t, s, id)
}

func TestErrnoBecomesAKind(t *testing.T) {
	for errno, kind := range map[syscall.Errno]error{
		syscall.ENOSPC: ErrFull, syscall.EDQUOT: ErrFull, syscall.EROFS: ErrReadOnly, syscall.EACCES: ErrReadOnly,
		syscall.EPERM: ErrReadOnly, syscall.ENOENT: ErrMissing,
	} {
		err := explain("/x/milkrun.db", "doing", &os.PathError{Op: "open", Path: "/x", Err: errno})
		wantFault(t, err, kind, "/x/milkrun.db")
		wantErr(t, err, errno)
	}
	if err := explain("p", "doing", errors.New("other")); Remedy(err) != "" || err.Error() != "doing: other" {
		t.Errorf("another error became %v", err)
	}
}

func TestCancelledContext(t *testing.T) {
	s := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantErr(t, s.Pause(ctx, "grades", "", ""), context.Canceled)
	_, err := s.Checkpoints(ctx)
	wantErr(t, err, context.Canceled)
}

func TestBusy(t *testing.T) {
	s := newStore(t)
	if _, err := s.w.ExecContext(t.Context(), "PRAGMA busy_timeout = 1"); err != nil {
		t.Fatal(err)
	}
	other := mustOpen(t, s.Path())
	begun, err := other.w.BeginTx(t.Context(), nil)
	ok(t, err)
	defer begun.Rollback()
	wantFault(t, s.Pause(t.Context(), "grades", "", ""), ErrBusy, s.Path())
}

// openAsNobody is a child without root's powers: it says of each try how it ended.
func openAsNobody(path string) error {
	if os.Getuid() == 0 {
		if err := syscall.Setuid(65534); err != nil {
			return err
		}
	}
	_, err := Open(context.Background(), path, Options{})
	var lock *Lock
	if err == nil {
		lock, err = TakeLock(path)
	}
	var e *Error
	switch {
	case err == nil:
		lock.Release()
		fmt.Println("opened")
	case errors.As(err, &e) && errors.Is(err, ErrReadOnly) && e.Remedy != "":
		fmt.Println("explained")
	default:
		fmt.Println("unexplained:", err)
	}
	return nil
}

func TestReadOnlyPlaces(t *testing.T) {
	owner := os.Getuid()
	if owner == 0 {
		owner = 65534
	}
	prepare := func(t *testing.T) (dir, path string) {
		dir = filepath.Join(t.TempDir(), "state")
		ok(t, os.Mkdir(dir, 0o700))
		for d := dir; strings.HasPrefix(d, os.TempDir()+"/"); d = filepath.Dir(d) {
			ok(t, os.Chmod(d, 0o755))
		}
		path = filepath.Join(dir, "milkrun.db")
		s := mustOpen(t, path)
		runTo(t, s, "grades", "1")
		ok(t, s.Close())
		ok(t, os.Chown(path, owner, -1))
		ok(t, os.Chown(dir, owner, -1))
		return dir, path
	}
	for name, c := range map[string]struct {
		change func(dir, path string) error
		want   string
	}{
		"as it should be": {func(string, string) error { return nil }, "opened"},
		"file":            {func(_, path string) error { return os.Chmod(path, 0o400) }, "explained"},
		"directory":       {func(dir, _ string) error { return os.Chmod(dir, 0o500) }, "explained"},
		"both":            {func(dir, path string) error { return errors.Join(os.Chmod(path, 0o400), os.Chmod(dir, 0o500)) }, "explained"},
		"not readable":    {func(_, path string) error { return os.Chmod(path, 0) }, "explained"},
		"new in a read-only directory": {func(dir, path string) error {
			return errors.Join(os.Remove(path), os.Chmod(dir, 0o500))
		}, "explained"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, path := prepare(t)
			ok(t, c.change(dir, path))
			t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
			_, out := child(t, "nobody", path)
			out.Scan()
			if out.Text() != c.want {
				t.Errorf("the child says %q, want %q", out.Text(), c.want)
			}
		})
	}
}
