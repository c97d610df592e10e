package state

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// install puts a finished draft in the place of the state file, whose files keep standing under their names aside.
//
// A log belongs to its file and would be taken for the other one's, so the log in place has to go before the draft comes,
// and the file it belongs to before that: without its log it would be an older state than it is. In between there is a
// log and no file, which Open refuses; a log of which SQLite reads nothing holds that place.
func (r *restorer) install(d *draft) error {
	owner, err := r.owner()
	if err != nil {
		return err
	}
	if err := hand(owner, d.path()); err != nil {
		return err
	}
	if err := r.keep(); err != nil {
		return errors.Join(err, r.unkeep())
	}
	r.step("kept")
	if err := r.change(d); err != nil {
		return errors.Join(err, r.unkeep())
	}
	r.step("replaced")
	if text, err := head(r.path+"-wal", len(holder)); err == nil && text == holder {
		if err := remove(r.path + "-wal"); err != nil {
			return err
		}
	}
	return syncFolder(filepath.Dir(r.path))
}

// change makes the draft the state file.
func (r *restorer) change(d *draft) error {
	if logged(r.path) {
		if err := r.unlog(d); err != nil {
			return err
		}
	}
	if err := r.clear(); err != nil {
		return err
	}
	return os.Rename(d.path(), r.path)
}

// clear removes what belonged to the old file and holds nothing of it any more.
func (r *restorer) clear() error {
	if !logged(r.path) {
		return remove(r.path+"-wal", r.path+"-shm", r.path+"-journal")
	}
	return remove(r.path+"-shm", r.path+"-journal")
}

// owner is whose the state file is, or is to be.
func (r *restorer) owner() (fs.FileInfo, error) {
	info, err := os.Stat(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return os.Stat(filepath.Dir(r.path))
	}
	return info, err
}

// asideMark stands in the names of files that a restoration has replaced.
const asideMark = ".replaced-"

// keep gives the files in place second names, durably: the file itself last, so that none stands there without its log.
// What a killed restoration kept, and what it left to hold the place of a log, needs none.
func (r *restorer) keep() error {
	if err := r.unkeep(); err != nil {
		return err
	}
	files, names := beside(r.path), beside(r.aside)
	if !logged(r.path) {
		files = files[:1]
	}
	for i, path := range slices.Backward(files) {
		if text, err := head(path, len(holder)); err == nil && text == holder {
			continue
		}
		name, err := r.second(path)
		if err == nil && name == "" {
			name, err = names[i], os.Link(path, names[i])
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		r.done.Aside = slices.Insert(r.done.Aside, 0, name)
	}
	return syncFolder(filepath.Dir(r.path))
}

// second returns the second name of a file in place, "" when it has none.
func (r *restorer) second(path string) (string, error) {
	names, err := filepath.Glob(literally(r.path) + asideMark + "*")
	for _, name := range names {
		if same(name, path) {
			return name, err
		}
	}
	return "", err
}

// unkeep takes second names away from files that are all in place still: those of this restoration when it has come to
// nothing, and those of one that was killed.
func (r *restorer) unkeep() error {
	if _, err := os.Lstat(r.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	r.done.Aside = nil
	for _, path := range beside(r.path) {
		name, err := r.second(path)
		for ; err == nil && name != ""; name, err = r.second(path) {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// literally is a path as a pattern.
func literally(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// holder holds the place of a log.
const holder = "a state is being restored\n"

// unlog takes the file in place away, and then its log.
func (r *restorer) unlog(d *draft) error {
	empty := d.path() + "-wal"
	if err := os.WriteFile(empty, []byte(holder), 0o600); err != nil {
		return err
	}
	if err := remove(r.path); err != nil {
		return err
	}
	r.step("removed")
	if err := os.Rename(empty, r.path+"-wal"); err != nil {
		return err
	}
	r.step("held")
	return nil
}

// head returns the beginning of a file.
func head(path string, n int) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(n)))
	return string(text), errors.Join(err, f.Close())
}
