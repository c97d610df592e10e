package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// draft is a file that is made under a name of its own in the folder where it is to be, so that its real name never
// stands for half a file. It is locked while its maker lives.
type draft struct{ file *os.File }

// draftNames is what drafts are called; SQLite's files beside them begin likewise.
const draftNames = ".milkrun-*.part"

// newDraft makes an empty draft with mode 0600, and removes those whose maker was killed.
func newDraft(folder string) (*draft, error) {
	abandoned, _ := filepath.Glob(filepath.Join(folder, draftNames)) // the pattern is good
	for _, path := range abandoned {
		sweep(path)
	}
	f, err := os.CreateTemp(folder, draftNames)
	if err != nil {
		return nil, err
	}
	d := &draft{f}
	if err := flock(f, syscall.LOCK_EX); err != nil && !errors.Is(err, syscall.ENOTSUP) {
		return nil, errors.Join(err, d.discard())
	}
	return d, nil
}

// sweep removes a draft that nobody holds. What cannot be removed is left to whoever can.
func sweep(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close() //nolint:errcheck // only looked at
	if flock(f, syscall.LOCK_EX) == nil {
		_ = remove(beside(path)...)
	}
}

func (d *draft) path() string { return d.file.Name() }

// publish gives the finished draft its name, unless a file has it already.
func (d *draft) publish(name string) error {
	if err := d.file.Sync(); err != nil {
		return err
	}
	err := os.Link(d.path(), name)
	if err != nil && !errors.Is(err, fs.ErrExist) { // a file system without links
		if _, taken := os.Lstat(name); errors.Is(taken, fs.ErrNotExist) {
			err = os.Rename(d.path(), name)
		}
	}
	if err != nil {
		return err
	}
	return errors.Join(d.discard(), syncFolder(filepath.Dir(name)))
}

// discard ends the draft. What was published stays.
func (d *draft) discard() error {
	err := d.file.Close()
	if errors.Is(err, os.ErrClosed) {
		err = nil
	}
	return errors.Join(err, remove(beside(d.path())...))
}

// beside returns the names of a database and of the files that SQLite puts beside it.
func beside(path string) []string {
	return []string{path, path + "-wal", path + "-shm", path + "-journal"}
}

// remove removes files, of which any may be missing.
func remove(paths ...string) error {
	var errs []error
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// hand gives files to a user and a group, when that is root's to do: what root makes for a daemon must be the daemon's.
func hand(owner fs.FileInfo, paths ...string) error {
	stat, known := owner.Sys().(*syscall.Stat_t)
	if !known || os.Geteuid() != 0 {
		return nil
	}
	for _, path := range paths {
		if info, err := os.Lstat(path); err == nil && sameOwner(info, stat) {
			continue
		}
		if err := os.Lchown(path, int(stat.Uid), int(stat.Gid)); err != nil {
			return fmt.Errorf("giving %s to the owner of the state: %w", path, err)
		}
	}
	return nil
}

func sameOwner(info fs.FileInfo, as *syscall.Stat_t) bool {
	stat, known := info.Sys().(*syscall.Stat_t)
	return known && stat.Uid == as.Uid && stat.Gid == as.Gid
}
