package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Copy is a backup that was written.
type Copy struct {
	Path   string    // absolute
	Size   int64     // bytes
	Layout int       // of the file
	At     time.Time // the latest moment it knows of; zero when it knows none
}

// Backup copies the state file at path, which a daemon may be writing to, into a new file. The copy is one moment of the
// state, stands alone (it has no log beside it), has mode 0600 and has been read and found whole; it appears under its
// name when all that is done, and never in the place of another file: that is fs.ErrExist. A file of an older layout is
// copied as it is.
//
// It is made by VACUUM INTO: one statement, in one reading transaction, so writers are not held up and do not make it
// start over, as they would with SQLite's page-by-page backup; it leaves out free pages, and comes without a log.
func Backup(ctx context.Context, path, name string) (Copy, error) {
	full, err := existing(path)
	if err != nil {
		return Copy{}, explain(path, "backing it up", err)
	}
	if name, err = filepath.Abs(name); err != nil {
		return Copy{}, err
	}
	if _, err := os.Lstat(name); err == nil {
		return Copy{}, &fs.PathError{Op: "backup", Path: name, Err: fs.ErrExist}
	}
	d, err := newDraft(filepath.Dir(name))
	if err != nil {
		return Copy{}, misplaced(name, "writing the backup", err)
	}
	c, err := copyInto(ctx, full, d, connect(full, true))
	err = renamed(err, d.path(), name)
	if err == nil {
		c.Path, err = name, misplaced(name, "writing the backup", d.publish(name))
	}
	return c, errors.Join(err, d.discard())
}

// existing is resolve for a file that must be there already.
func existing(path string) (string, error) {
	full, err := resolve(path)
	if err != nil {
		return "", err
	}
	return full, (&Store{path: full}).provide(true)
}

// misplaced is an error of the place that something is written to, with what to do there.
func misplaced(name, doing string, err error) error {
	e, is := errors.AsType[*Error](explain(name, doing, err))
	if !is {
		return explain(name, doing, err)
	}
	switch {
	case errors.Is(e.Kind, ErrFull):
		e.Remedy = "make room there, or name another folder; the state file is as it was"
	case errors.Is(e.Kind, ErrReadOnly):
		e.Remedy = "name a folder that you may write to; the state file is as it was"
	case errors.Is(e.Kind, ErrMissing):
		e.Kind, e.Remedy = fs.ErrNotExist, "make the folder first, or name another one"
	}
	return e
}

// renamed is an error of a draft as one of the file it was to be.
func renamed(err error, draft, name string) error {
	if e, is := errors.AsType[*Error](err); is && e.Path == draft {
		e.Path = name
	}
	return err
}

// copyInto copies a database of ours, open in from, into a draft, closes it, and checks the copy.
func copyInto(ctx context.Context, path string, d *draft, from *sql.DB) (Copy, error) {
	err := (&Store{path: path, r: from}).belongs(ctx)
	if err == nil {
		_, err = from.ExecContext(ctx, "VACUUM INTO ?", d.path())
	}
	if err := errors.Join(err, from.Close()); err != nil {
		if kind := kindOf(err); errors.Is(kind, ErrFull) || errors.Is(kind, ErrReadOnly) {
			return Copy{}, misplaced(d.path(), "writing the copy", err) // only the copy is written to
		}
		return Copy{}, explain(path, "copying it", ended(ctx, err))
	}
	return d.look(ctx)
}

// ended is an error that came of the end of a context.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%w (%w)", cause, err)
	}
	return err
}

// look reads the whole draft.
func (d *draft) look(ctx context.Context) (c Copy, err error) {
	db := still(d.path())
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := examine(ctx, db, d.path(), false); err != nil {
		return c, explain(d.path(), "checking the copy", ended(ctx, err))
	}
	if c.Layout, err = userVersion(ctx, db); err != nil {
		return c, err
	}
	if c.At, err = newest(ctx, db); err != nil {
		return c, err
	}
	info, err := d.file.Stat()
	if err == nil {
		c.Size = info.Size()
	}
	return c, err
}

// backupTime is the moment in the name of a backup, in UTC.
const backupTime = "20060102T150405Z"

// BackupName is what a backup made at a moment is called when nobody gives it a name: milkrun-20260301T120000Z.db.
func BackupName(at time.Time) string { return "milkrun-" + at.UTC().Format(backupTime) + ".db" }

// Thin removes all but the newest backups in a folder, and returns the names of those it removed. It knows them by their
// names, see [BackupName], and touches nothing else.
func Thin(folder string, keep int) (removed []string, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if isBackup(e) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names) // which is by time
	for _, name := range names[:max(0, len(names)-keep)] {
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			return removed, err
		}
		removed = append(removed, name)
	}
	return removed, nil
}

func isBackup(e fs.DirEntry) bool {
	at, err := time.Parse("milkrun-"+backupTime+".db", e.Name())
	return err == nil && e.Type().IsRegular() && BackupName(at) == e.Name()
}
