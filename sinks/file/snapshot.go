package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"milkrun/sync/feed"
)

// generation is a file that will take the place of another.
type generation struct {
	sink    *Sink
	form    *form
	root    *os.Root
	file    *os.File
	size    int64
	rows    int64
	swapped bool
}

func (s *Sink) partial() string { return s.path + ".partial" }

// Begin makes PATH.partial. There is never anything to resume.
func (s *Sink) Begin(_ context.Context, c *feed.Columns, key []string, resume int64) (feed.Generation, error) {
	if resume > 0 {
		return nil, errors.New("a file is not resumed; the enumeration starts over")
	}
	f, err := newForm(s.csv, c, key)
	if err != nil {
		return nil, err
	}
	root, err := s.root()
	if err != nil {
		return nil, err
	}
	file, err := root.OpenFile(s.partial(), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		_ = root.Close() // the other error says more
		return nil, s.failed("staging", err)
	}
	g := &generation{sink: s, form: f, root: root, file: file}
	if err := g.write(f.header()); err != nil {
		_ = g.Close() // the other error says more
		return nil, err
	}
	return g, nil
}

// Append writes rows behind those that are there. A row that cannot be written fails the run.
func (g *generation) Append(ctx context.Context, _ int64, b feed.Batch) ([]feed.Rejection, error) {
	if err := ctx.Err(); err != nil || b.Len() == 0 {
		return nil, err
	}
	var text []byte
	var rejected []feed.Rejection
	for i := range b.Len() {
		line, wrong := g.form.line(text, b.Row(i))
		if wrong != nil {
			rejected = append(rejected, feed.Rejection{Row: i, Code: wrong.Code, Reason: wrong.Reason})
			continue
		}
		text = line
	}
	if err := g.write(text); err != nil {
		return nil, err
	}
	g.rows += int64(b.Len() - len(rejected))
	return rejected, nil
}

// write puts text behind what is staged; after an error the same place is written again.
func (g *generation) write(text []byte) error {
	_, err := g.file.WriteAt(text, g.size)
	if err == nil {
		err = g.file.Sync()
	}
	if err != nil {
		return g.sink.failed("staging", err)
	}
	g.size += int64(len(text))
	return nil
}

// Swap renames PATH.partial to PATH.
func (g *generation) Swap(ctx context.Context, terms feed.SwapTerms) (feed.Changes, error) {
	g.sink.mu.Lock()
	defer g.sink.mu.Unlock()
	if err := g.file.Truncate(g.size); err != nil { // the rest of an append that was not whole
		return feed.Changes{}, g.sink.failed("staging", err)
	}
	c, err := g.compare(ctx, maxMarks)
	if err != nil {
		return feed.Changes{}, g.sink.failed("comparing the staged records with", err)
	}
	distinct, old := c.Inserted+c.Updated+c.Unchanged, c.Updated+c.Unchanged+c.Deleted
	if terms.Expect >= 0 && distinct != terms.Expect {
		return feed.Changes{}, &feed.CountError{Distinct: distinct, Expected: terms.Expect}
	}
	if allowed := terms.MaxDelete(old); c.Deleted > allowed {
		return feed.Changes{}, &feed.ShrinkError{Old: old, New: distinct, Deleted: c.Deleted, Allowed: allowed}
	}
	if err := g.rename(); err != nil {
		return feed.Changes{}, g.sink.failed("swapping", err)
	}
	return c, nil
}

func (g *generation) rename() error {
	if err := g.file.Sync(); err != nil {
		return err
	}
	if err := g.root.Rename(g.sink.partial(), g.sink.path); err != nil {
		return err
	}
	g.swapped, g.sink.recent = true, nil
	return syncDir(g.root, g.sink.path)
}

// Close removes what is staged, unless it has become the file.
func (g *generation) Close() error {
	err := g.file.Close()
	if !g.swapped {
		err = errors.Join(err, g.root.Remove(g.sink.partial()))
	}
	return errors.Join(err, g.root.Close())
}

// maxMarks is how many keys of each file are compared at a time; they take 16 bytes each.
const maxMarks = 1 << 20

// compare says what the swap changes, reading both files as often as it takes with about so many keys at a time.
func (g *generation) compare(ctx context.Context, keys int64) (total feed.Changes, err error) {
	old, err := g.root.Open(g.sink.path)
	if errors.Is(err, fs.ErrNotExist) {
		old, err = nil, nil
	}
	if err != nil {
		return total, err
	}
	lines := g.rows
	if old != nil {
		defer old.Close() //nolint:errcheck // it was only read
		found, err := records(old, g.form.csv, func(int64, []byte) error { return ctx.Err() })
		if err != nil {
			return total, err
		}
		lines = max(lines, found.lines)
	}
	parts := uint64(lines/keys + 1)
	for part := range parts {
		before, err := g.marks(ctx, old, part, parts)
		if err != nil {
			return total, err
		}
		after, err := g.marks(ctx, g.file, part, parts)
		if err != nil {
			return total, err
		}
		count(&total, before, after)
	}
	return total, nil
}

// marks reads the lines whose keys fall into one part; of equal keys the last line counts. They are sorted by key.
func (g *generation) marks(ctx context.Context, f *os.File, part, parts uint64) ([]mark, error) {
	if f == nil {
		return nil, nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	var list []mark
	_, err := records(f, g.form.csv, func(_ int64, record []byte) error {
		if m := g.form.mark(g.sink.seed, record); m.key%parts == part {
			list = append(list, m)
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	slices.Reverse(list)
	slices.SortStableFunc(list, func(a, b mark) int { return cmp.Compare(a.key, b.key) })
	return slices.CompactFunc(list, func(a, b mark) bool { return a.key == b.key }), nil
}

// count adds the differences of two lists of marks.
func count(c *feed.Changes, before, after []mark) {
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(before) == 0 || len(after) > 0 && after[0].key < before[0].key:
			c.Inserted++
			after = after[1:]
		case len(after) == 0 || before[0].key < after[0].key:
			c.Deleted++
			before = before[1:]
		default:
			if before[0].content == after[0].content {
				c.Unchanged++
			} else {
				c.Updated++
			}
			before, after = before[1:], after[1:]
		}
	}
}
