package state

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"
)

// Options say how a state file is opened. The zero value opens it for writing.
type Options struct {
	// ReadOnly opens an existing file and leaves it as it is; every write is then an [ErrReadOnly].
	ReadOnly bool
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Note is told, in a sentence, when Open takes an existing file away from other users; nil is nobody.
	Note func(text string)
}

const (
	busyTimeout = 5 * time.Second
	readers     = 4
)

// Open opens the state file at path, which is made with mode 0600 when there is none, and brings it to the layout of
// this program. An existing file that other users may open is taken away from them. The daemon takes the file's [Lock]
// first; single commands of an operator may open it beside the daemon.
//
// What is wrong with the file or its place is an [*Error]: ErrNoFile, ErrCorrupt, ErrForeign, ErrNewer, ErrOlder (when
// opened read-only), ErrMissing, ErrReadOnly, ErrFull, ErrBusy or ErrOptions.
func Open(ctx context.Context, path string, opt Options) (*Store, error) {
	full, err := resolve(path)
	if err != nil {
		return nil, explain(path, "opening it", err)
	}
	layouts, err := scripts(embedded)
	if err != nil {
		return nil, err
	}
	return openWith(ctx, full, opt, layouts)
}

func openWith(ctx context.Context, path string, opt Options, scripts []string) (*Store, error) {
	s := &Store{path: path, now: opt.Now, scripts: scripts}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.open(ctx, opt); err != nil {
		return nil, explain(path, "opening it", errors.Join(err, s.abandon()))
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, opt Options) error {
	if err := s.provide(opt.ReadOnly); err != nil {
		return err
	}
	s.r = connect(s.path, true)
	if err := s.belongs(ctx); err != nil { // before anything is changed
		return err
	}
	if !opt.ReadOnly {
		if err := s.tighten(opt.Note); err != nil {
			return err
		}
		if err := s.openWriter(ctx); err != nil { // sets WAL mode
			return err
		}
	}
	return s.look(ctx)
}

func (s *Store) openWriter(ctx context.Context) error {
	s.w = connect(s.path, false)
	err := s.readBack(ctx)
	// Of several that set the WAL mode of a new file at once SQLite turns some away without letting them wait.
	for began := time.Now(); errors.Is(kindOf(err), ErrBusy) && time.Since(began) < busyTimeout; err = s.readBack(ctx) {
		time.Sleep(lockPause)
	}
	if err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	return s.hot.prepare(ctx, s.w)
}

// abandon closes what a failed open has opened.
func (s *Store) abandon() error {
	var err error
	for _, db := range []*sql.DB{s.r, s.w} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}

// resolve returns path without symbolic links, so that one file has one lock whatever it is called. The file itself
// need not exist; what is there must be a file.
func resolve(path string) (string, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(full); err == nil {
		return real, isFile(real)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(full))
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(full)), nil
}

// isFile refuses a directory, device or pipe, before a lock file is made beside it.
func isFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return fault(ErrNoFile, path, "", errors.New("it is a directory"))
	case !info.Mode().IsRegular():
		return fault(ErrNoFile, path, "", errors.New("it is a device or a pipe"))
	}
	return nil
}

// provide makes sure that the file is there and can be used: SQLite itself would silently fall back to reading, and
// would throw away a write-ahead log whose file is gone.
func (s *Store) provide(readOnly bool) error {
	wal, walErr := os.Stat(s.path + "-wal") // first: somebody who makes the file just now writes it before its log
	info, err := os.Stat(s.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if missing := err != nil; missing || info.Size() == 0 {
		if walErr == nil && wal.Size() > 0 {
			return fault(ErrCorrupt, s.path, "opening it", errors.New("the file is gone or empty, but its write-ahead log is there"))
		}
		if readOnly {
			return fault(ErrMissing, s.path, "", nil)
		}
	}
	if err != nil {
		return create(s.path)
	}
	mode := uint32(canRead)
	if !readOnly {
		mode |= canWrite
	}
	// Not by opening it: closing it again would drop the locks that this process has on it through another Store.
	return syscall.Access(s.path, mode)
}

// tighten takes a file away from other users, with its log.
func (s *Store) tighten(note func(string)) error {
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	mode, own := info.Mode().Perm(), info.Mode().Perm()&^0o077
	if own == mode {
		return nil
	}
	for _, path := range []string{s.path, s.path + "-wal", s.path + "-shm"} {
		if err := os.Chmod(path, own); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if note != nil {
		note(fmt.Sprintf("%s had mode %04o, so that other users could open it; it has %04o now", s.path, mode, own))
	}
	return nil
}

// The modes of access(2).
const (
	canWrite = 2
	canRead  = 4
)

// create makes an empty file with mode 0600, which SQLite then gives to the files beside it.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) { // somebody was quicker
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// connector opens connections with fixed options.
type connector struct{ dsn string }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	return (&sqlite3.SQLiteDriver{}).Open(c.dsn)
}

func (connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

// connect returns the one writing connection, or the pool of reading ones.
func connect(path string, readOnly bool) *sql.DB {
	q := url.Values{
		"_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())},
		"_foreign_keys": {"1"},
	}
	size := readers
	if readOnly {
		q.Set("mode", "ro")
	} else {
		q.Set("mode", "rw")
		q.Set("_journal_mode", "WAL")
		q.Set("_synchronous", "FULL")
		q.Set("_txlock", "immediate")
		size = 1
	}
	db := sql.OpenDB(connector{(&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()})
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db
}

// readBack makes sure that the options took: a misspelt one would be ignored in silence, and a file system without
// shared memory does not let WAL mode be set.
func (s *Store) readBack(ctx context.Context) error {
	want := []struct{ pragma, value string }{
		{"journal_mode", "wal"},
		{"synchronous", "2"},
		{"foreign_keys", "1"},
		{"busy_timeout", fmt.Sprint(busyTimeout.Milliseconds())},
	}
	for _, o := range want {
		got, _, err := one(ctx, s.w, scanTo[string], "PRAGMA "+o.pragma)
		if err != nil {
			return err
		}
		if got != o.value {
			return fault(ErrOptions, s.path, "opening it", fmt.Errorf("%s is %s instead of %s", o.pragma, got, o.value))
		}
	}
	return nil
}

// look reads a little of what matters most, so that most damage is found now and not in the middle of a run.
func (s *Store) look(ctx context.Context) error {
	version, err := userVersion(ctx, s.r)
	if err != nil {
		return err
	}
	if version != len(s.scripts) {
		return s.mismatch(version)
	}
	if _, err := s.Checkpoints(ctx); err != nil {
		return err
	}
	if _, err := s.Halts(ctx); err != nil {
		return err
	}
	_, err = s.Runs(ctx, RunFilter{Limit: 100})
	return err
}
