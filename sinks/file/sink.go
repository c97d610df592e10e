package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"milkrun/sync/feed"
)

// Sink appends to one file. See the package's documentation.
type Sink struct {
	dir, path string
	csv       bool
	key       []string
	seed      maphash.Seed

	mu     sync.Mutex
	form   *form
	recent *recent // nil until the file has been read
	size   int64   // of the file when recent is not nil
}

var (
	_ feed.Sink        = (*Sink)(nil)
	_ feed.Preparer    = (*Sink)(nil)
	_ feed.Previewer   = (*Sink)(nil)
	_ feed.Snapshotter = (*Sink)(nil)
	_ feed.Ordered     = (*Sink)(nil)
)

// Prepare wants the key among the columns, and a CSV file that is there to have the header of these columns.
func (s *Sink) Prepare(_ context.Context, c *feed.Columns) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.use(c); err != nil {
		return err
	}
	root, err := s.root()
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is written through it
	f, err := root.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return s.failed("opening", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	found, err := records(f, s.csv, func(int64, []byte) error { return io.EOF })
	if err != nil && !errors.Is(err, io.EOF) {
		return s.failed("reading", err)
	}
	return s.fits(found.header)
}

// use makes the form of the columns; they stay the same during a run.
func (s *Sink) use(c *feed.Columns) error {
	if s.form != nil && s.form.columns.Equal(c) {
		return nil
	}
	f, err := newForm(s.csv, c, s.key)
	if err != nil {
		return err
	}
	s.form, s.recent = f, nil
	return nil
}

func (s *Sink) fits(header []byte) error {
	trim := func(b []byte) string { return string(bytes.TrimPrefix(bytes.TrimRight(b, "\r\n"), []byte("\ufeff"))) }
	if want := s.form.header(); len(header) > 0 && trim(header) != trim(want) {
		return feed.Errorf(feed.HaltJob, "columns", "%s has the columns %s, the records have %s", s.path, trim(header), trim(want)).
			WithRemedy("move the file away, or correct the columns of the job's source; then resume the job")
	}
	return nil
}

// Deliver appends the records that are not among the last lines already. A value that cannot be written (no UTF-8, not
// a number) rejects its record, with the column as code.
func (s *Sink) Deliver(ctx context.Context, b feed.Batch) ([]feed.Rejection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil || b.Len() == 0 {
		return nil, err
	}
	if err := s.use(b.Columns); err != nil {
		return nil, err
	}
	f, err := s.open()
	if err != nil {
		return nil, err
	}
	text, rejected := s.news(b)
	if err := s.write(f, text); err != nil {
		s.recent = nil // what the file holds is no longer known
		_ = f.Close()  // the other error says more
		return nil, s.failed("writing", err)
	}
	return rejected, f.Close()
}

// Ordered implements [feed.Ordered]: of the lines with one key the last counts.
func (s *Sink) Ordered() {}

func (s *Sink) root() (*os.Root, error) {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, feed.Errorf(feed.Fail, "file", "opening the directory of %s: %w", s.path, err).
			WithRemedy("make the directory, or correct dir of the connection")
	}
	return root, nil
}

// failed is an error about the sink's file.
func (s *Sink) failed(doing string, err error) error {
	return fmt.Errorf("%s %s in %s: %w", doing, s.path, s.dir, err)
}

// open opens the file to write to, and reads it when it is not the one this sink left.
func (s *Sink) open() (*os.File, error) {
	root, err := s.root()
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // nothing is written through it
	f, err := root.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, s.failed("opening", err)
	}
	info, err := f.Stat()
	if err == nil && (s.recent == nil || info.Size() != s.size) {
		if err = s.recover(f); err == nil {
			err = syncDir(root, s.path)
		}
	}
	if err != nil {
		_ = f.Close() // the other error says more
		return nil, s.failed("reading", err)
	}
	return f, nil
}

// recover cuts off or ends a torn last line, writes the header of a new file, and remembers the last lines.
func (s *Sink) recover(f *os.File) error {
	s.recent = nil
	found, err := records(f, s.csv, func(int64, []byte) error { return nil })
	if err != nil {
		return err
	}
	if err := s.fits(found.header); err != nil {
		return err
	}
	if s.csv && bytes.IndexByte(found.torn, '\n') >= 0 {
		return feed.Errorf(feed.HaltJob, "torn", "%s ends within quotes, which were opened behind byte %d", s.path, found.end).
			WithRemedy("mend the quotes if the file was edited; if a crash tore its last record, cut that off with `truncate -s %d`; then resume the job", found.end)
	}
	s.size = found.end
	if !s.csv && whole(found.torn) {
		s.size += int64(len(found.torn))
		err = s.write(f, []byte{'\n'})
	} else {
		err = f.Truncate(s.size)
	}
	if err == nil && s.size == 0 {
		err = s.write(f, s.form.header())
	}
	if err != nil {
		return err
	}
	r := &recent{}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := r.recall(f, s.form, s.seed, found); err != nil {
		return err
	}
	s.recent = r
	return nil
}

// news returns the lines that are not in the file yet, and remembers them.
func (s *Sink) news(b feed.Batch) ([]byte, []feed.Rejection) {
	var text []byte
	var rejected []feed.Rejection
	for i := range b.Len() {
		from := len(text)
		line, wrong := s.form.line(text, b.Row(i))
		if wrong != nil {
			wrong.Row = i
			rejected = append(rejected, *wrong)
			continue
		}
		if m := s.form.mark(s.seed, line[from:]); s.recent.has(m) {
			line = line[:from]
		} else {
			s.recent.add(m)
		}
		text = line
	}
	return text, rejected
}

// write puts text behind the end of the file; on nil it is durable.
func (s *Sink) write(f *os.File, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if _, err := f.WriteAt(text, s.size); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	s.size += int64(len(text))
	return nil
}

// syncDir makes the directory entry of a file durable.
func syncDir(root *os.Root, path string) error {
	d, err := root.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		_ = d.Close() // the other error says more
		return err
	}
	return d.Close()
}

// Preview shows the lines of a batch.
func (s *Sink) Preview(_ context.Context, b feed.Batch) (string, error) {
	if b.Len() == 0 {
		return "nothing to append to " + s.path, nil
	}
	f, err := newForm(s.csv, b.Columns, s.key)
	if err != nil {
		return "", err
	}
	text := fmt.Appendf(nil, "append to %s:\n", filepath.Join(s.dir, s.path))
	for i := range b.Len() {
		line, wrong := f.line(text, b.Row(i))
		if text = line; wrong != nil {
			text = fmt.Appendf(text, "(record %d is rejected: %s)\n", i, wrong.Reason)
		}
	}
	return string(text), nil
}
