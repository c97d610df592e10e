package state

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// What can be wrong with the file or where it lies. All of them stop the daemon in an orderly way.
var (
	ErrCorrupt  = errors.New("damaged state file")
	ErrNoFile   = errors.New("not a file")
	ErrForeign  = errors.New("not a state file of milkrun")
	ErrNewer    = errors.New("state file of a newer milkrun")
	ErrOlder    = errors.New("state file of an older milkrun")
	ErrMissing  = errors.New("no state file")
	ErrReadOnly = errors.New("state file cannot be written")
	ErrFull     = errors.New("disk full")
	ErrBusy     = errors.New("state file busy")
	ErrLocked   = errors.New("state file in use by another milkrun")
	ErrOptions  = errors.New("state file cannot be used safely here")
)

// What a call can ask for that the state does not allow. They are returned wrapped with the place.
var (
	ErrNotFound   = errors.New("not found")
	ErrDecided    = errors.New("slot already decided")
	ErrRunning    = errors.New("job is running")
	ErrNotRunning = errors.New("run is over")
	ErrSettled    = errors.New("already settled")
	ErrNoUndo     = errors.New("nothing to undo")
)

// Error is something wrong with the state file. Its text names the file and what was being done; what to do next is in
// Remedy.
type Error struct {
	Kind   error // ErrCorrupt … ErrOptions
	Path   string
	Doing  string // "opening it", "moving the checkpoint of job grades"
	Remedy string
	PID    int // of the holder, with ErrLocked, 0 when unknown
	Err    error
}

// Error returns the text without the remedy.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %v", e.Path, e.Kind)
	if e.PID > 0 {
		text += fmt.Sprintf(" (process %d)", e.PID)
	}
	if e.Doing != "" {
		text += ", " + e.Doing
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// Remedy returns what to do about an error of this package, "" when there is nothing to say.
func Remedy(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Remedy
	}
	return ""
}

// fault returns an [Error] of a kind with the remedy of that kind.
func fault(kind error, path, doing string, cause error) *Error {
	return &Error{Kind: kind, Path: path, Doing: doing, Remedy: remedy(kind, path), Err: cause}
}

// remedy returns what to do about a kind of error.
func remedy(kind error, path string) string {
	return map[error]string{
		ErrCorrupt: fmt.Sprintf("stop milkrun, copy %[1]s, %[1]s-wal and %[1]s-shm aside, then put a backup in their place or salvage the copy with: "+
			`sqlite3 COPY ".recover" | sqlite3 NEW; a job without its checkpoint starts from the beginning`, path),
		ErrNoFile:  "--state names the file itself, such as DIRECTORY/milkrun.db",
		ErrForeign: "--state names the file of another program; nothing was changed in it. Give a path of its own for milkrun's state",
		ErrNewer:   "install the milkrun that wrote it, or a newer one; there is no way back to an older layout but a backup",
		ErrOlder:   "start `milkrun run` once: it brings the file to its own layout",
		ErrMissing: "it is made by the first run (milkrun run, milkrun once), in a directory that exists; is --state, or --sandbox, the same as the daemon's?",
		ErrReadOnly: "the user milkrun runs as must own the file and be able to create files beside it; check owner, mode, " +
			"a read-only mount, and ReadWritePaths or StateDirectory of the unit",
		ErrFull:    "free space (or quota) on the file system of the state file, then start again; nothing that was confirmed is lost",
		ErrBusy:    "something holds a write transaction on it, a sqlite3 shell perhaps; end that (COMMIT or .quit) and try again",
		ErrLocked:  "only one may work on a state file: stop the other one (systemctl stop milkrun), or give this one another --state",
		ErrOptions: "put the state file on a local disk: the write-ahead log does not work on network file systems",
	}[kind]
}

// explain gives an error of SQLite or the file system its kind. Others are wrapped with what was being done.
func explain(path, doing string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if kind := kindOf(err); kind != nil {
		return fault(kind, path, doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func kindOf(err error) error {
	lite, ok := errors.AsType[sqlite3.Error](err)
	if !ok {
		return kindOfErrno(err)
	}
	if kind := kindOfErrno(lite.SystemErrno); kind != nil && !errors.Is(kind, ErrMissing) {
		return kind // the file itself has been seen to be there: what is missing is one beside it that cannot be made
	}
	switch lite.Code {
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return ErrCorrupt
	case sqlite3.ErrFull:
		return ErrFull
	case sqlite3.ErrReadonly, sqlite3.ErrCantOpen, sqlite3.ErrPerm:
		return ErrReadOnly
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return ErrBusy
	}
	return nil
}

func kindOfErrno(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ErrFull
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return ErrReadOnly
	case errors.Is(err, fs.ErrNotExist):
		return ErrMissing
	}
	return nil
}
