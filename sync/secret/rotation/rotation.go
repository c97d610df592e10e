// Package rotation changes a secret that lives in a file so that, whatever happens on the way, one of the files holds the
// secret that the partner takes. The steps, each durable before the next:
//
//  1. PATH.new holds the new secret; PATH still the old one.       Prepare
//  2. The partner is told. It now takes one of the two.
//  3. PATH.old holds the old secret, PATH the new one.             Promote
//  4. The new secret has been used with success; PATH.old goes.    Finish
//
// Killed in between, Candidates lists the secrets there are; whoever can ask the partner finds the one it takes, and Keep puts
// it into PATH. All files have mode 0600.
package rotation

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"milkrun/sync/secret"
)

// File is the file of a secret.
type File struct{ Path string }

// Of returns the file a secret was read from, and whether it was read from one.
func Of(s secret.Secret) (File, bool) {
	path, ok := strings.CutPrefix(s.Origin(), "file:")
	return File{path}, ok
}

func (f File) next() string     { return f.Path + ".new" }
func (f File) previous() string { return f.Path + ".old" }

// ErrUnfinished says that an earlier change was interrupted.
var ErrUnfinished = errors.New("an earlier change was interrupted")

// Prepare makes the new secret durable beside the old one.
func (f File) Prepare(value string) error {
	if left := f.Unfinished(); left != "" {
		return fmt.Errorf("%w: %s is there", ErrUnfinished, left)
	}
	file, err := os.OpenFile(f.next(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("keeping the new secret: %w", err)
	}
	_, err = file.WriteString(value + "\n")
	if err = errors.Join(err, f.own(file), file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("keeping the new secret: %w", errors.Join(err, os.Remove(f.next())))
	}
	return f.flush()
}

// own gives the new file the owner of the old one: a command of root must not take the secret away from the daemon.
func (f File) own(file *os.File) error {
	info, err := os.Stat(f.Path)
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		return file.Chown(int(s.Uid), int(s.Gid))
	}
	return nil
}

// Promote puts the new secret into PATH, atomically, after a second name for the old one.
func (f File) Promote() error {
	err := os.Link(f.Path, f.previous())
	if err == nil || errors.Is(err, fs.ErrExist) {
		err = os.Rename(f.next(), f.Path)
	}
	if err != nil {
		return fmt.Errorf("putting the new secret in place: %w", err)
	}
	return f.flush()
}

// Finish drops what is beside PATH.
func (f File) Finish() error {
	for _, path := range []string{f.next(), f.previous()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("dropping the other secret: %w", err)
		}
	}
	return f.flush()
}

// flush makes the names in the folder durable.
func (f File) flush() error {
	dir, err := os.Open(filepath.Dir(f.Path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Unfinished is the file that an interrupted change has left, "" when there is none.
func (f File) Unfinished() string {
	for _, path := range []string{f.next(), f.previous()} {
		if _, err := os.Lstat(path); err == nil {
			return path
		}
	}
	return ""
}

// Candidate is a secret the partner may take, and the file it is in.
type Candidate struct {
	Path   string
	Secret secret.Secret
}

// Candidates are the secrets there are, that of PATH first. Files that cannot be read are left out.
func (f File) Candidates() []Candidate {
	var list []Candidate
	for _, path := range []string{f.Path, f.next(), f.previous()} {
		text, err := os.ReadFile(path)
		if value := strings.TrimRight(string(text), "\r\n"); err == nil && value != "" {
			list = append(list, Candidate{path, secret.New(value).From("file:" + f.Path)})
		}
	}
	return list
}

// Keep puts the secret of one of the files into PATH, and drops the others.
func (f File) Keep(c Candidate) error {
	if c.Path != f.Path {
		if err := os.Rename(c.Path, f.Path); err != nil {
			return fmt.Errorf("putting the secret in place: %w", err)
		}
		if err := f.flush(); err != nil {
			return err
		}
	}
	return f.Finish()
}

// letters are without those that look alike.
const (
	lower   = "abcdefghijkmnpqrstuvwxyz"
	upper   = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	numbers = "23456789"
	marks   = "@#%_-"
)

// Generate returns a random secret of at least the length given and of at least 20 characters, with small and capital
// letters, digits and marks in it.
func Generate(length int) string {
	all := lower + upper + numbers + marks
	for {
		text := make([]byte, max(length, 20))
		for i := range text {
			text[i] = all[below(len(all))]
		}
		if s := string(text); strings.ContainsAny(s, lower) && strings.ContainsAny(s, upper) &&
			strings.ContainsAny(s, numbers) && strings.ContainsAny(s, marks) {
			return s
		}
	}
}

// below returns a random number below n, each equally likely.
func below(n int) int {
	for {
		var b [1]byte
		_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
		if limit := 256 - 256%n; int(b[0]) < limit {
			return int(b[0]) % n
		}
	}
}
