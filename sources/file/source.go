package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"milkrun/sync/feed"
)

// quiet is how long a file must have been left alone for its last line to be finished.
const quiet = time.Minute

// Source reads one file. See the package's documentation.
type Source struct {
	dir, path, job string
	csv            bool
	columns, key   []string
}

var (
	_ feed.Source        = (*Source)(nil)
	_ feed.CursorChecker = (*Source)(nil)
)

// decoder turns a record into a row of nils.
type decoder interface {
	decode(record []byte, row []feed.Value, note func(string)) *bad
}

// layout is what the head of a file says about its records.
type layout struct {
	decoder
	columns *feed.Columns
	fields  int   // of a CSV record
	begin   place // of the first record, or of a header that is torn
	torn    bool
}

// Fetch reads up to limit lines, bad ones included, and 32 MiB. Its errors: a file that is not there or whose header
// does not fit fails the run; a file that was replaced halts the job.
func (s *Source) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	if err := ctx.Err(); err != nil {
		return feed.Page{}, err
	}
	at, err := parseCursor(after)
	if err != nil {
		return feed.Page{}, err
	}
	f, err := s.open()
	if err != nil {
		return feed.Page{}, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	page, err := s.read(ctx, f, at, limit)
	if err != nil {
		return feed.Page{}, fmt.Errorf("%s: %w", s.path, err)
	}
	if page.Next == "" {
		page.Next = after
	}
	return page, nil
}

// opened is a file as it was when it was opened: what is written to it meanwhile is for the next page.
type opened struct {
	*io.SectionReader
	io.Closer
	settled bool
}

func (s *Source) open() (*opened, error) {
	f, err := os.OpenInRoot(s.dir, s.path)
	if err != nil {
		return nil, feed.Errorf(feed.Fail, "file", "opening %s in %s: %w", s.path, s.dir, err).
			WithRemedy("put the file there and make it readable, or correct dir and path")
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = feed.Errorf(feed.Fail, "file", "%s is not a file", s.path)
	}
	if err != nil {
		_ = f.Close() // the other error says more
		return nil, err
	}
	return &opened{io.NewSectionReader(f, 0, info.Size()), f, time.Since(info.ModTime()) > quiet}, nil
}

func (s *Source) read(ctx context.Context, f *opened, at place, limit int) (feed.Page, error) {
	l, err := s.layout(ctx, f)
	if err != nil {
		return feed.Page{}, err
	}
	if err := s.stillThere(f, at); err != nil {
		return feed.Page{}, err
	}
	if s.csv && l.columns == nil { // no header yet
		p := feed.Page{Done: true, Total: -1}
		if l.torn {
			s.torn(&p, l.begin)
		}
		return p, nil
	}
	if at.offset < l.begin.offset {
		at = l.begin
	}
	scan, err := newScanner(f, s.csv, f.settled, at)
	if err != nil {
		return feed.Page{}, err
	}
	scan.fields = l.fields
	return s.fill(ctx, scan, l, limit)
}

// layout reads the CSV header, or the first JSON object that is one. Without either its columns are nil.
func (s *Source) layout(ctx context.Context, f *opened) (layout, error) {
	scan, err := newScanner(f, s.csv, f.settled, place{})
	if err != nil {
		return layout{}, err
	}
	for ctx.Err() == nil {
		record, wrong, err := scan.next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errTorn):
			return layout{begin: scan.at, torn: !errors.Is(err, io.EOF)}, nil
		case err != nil:
			return layout{}, unreadable(scan, err)
		}
		l, err := s.head(scan, record, wrong)
		if l.columns != nil || err != nil {
			return l, err
		}
	}
	return layout{}, ctx.Err()
}

// head tries one record as the head of the file. No columns and no error: the next one may do.
func (s *Source) head(scan *scanner, record []byte, wrong *bad) (l layout, err error) {
	if wrong == nil && !utf8.Valid(record) {
		wrong = &bad{"utf-8", "it is not UTF-8"}
	}
	if s.csv {
		if wrong != nil {
			err = errors.New("the header: " + wrong.reason)
		} else {
			l, err = csvLayout(record, s.columns)
		}
		l.begin = scan.at
	} else if wrong == nil {
		l.decoder, l.columns, _ = newJSONDecoder(record, s.columns)
	}
	for _, k := range s.key {
		if l.columns != nil {
			if _, ok := l.columns.Index(k); !ok {
				err = fmt.Errorf("the key column %q is not among the columns %s", k, strings.Join(l.columns.Names(), ", "))
			}
		}
	}
	if err != nil {
		return layout{}, feed.Errorf(feed.Fail, "columns", "line %d: %w", scan.start.line+1, err).
			WithRemedy("mend the file, or correct columns and key in the job's source")
	}
	return l, nil
}

func csvLayout(header []byte, columns []string) (layout, error) {
	d, c, err := newCSVDecoder(header, columns)
	if err != nil {
		return layout{}, err
	}
	return layout{decoder: d, columns: c, fields: d.fields}, nil
}

// stillThere checks that a place is still one between two lines.
func (s *Source) stillThere(f *opened, at place) error {
	if at.offset > f.Size() {
		return s.replaced("it has %d bytes, of which %d were read already", f.Size(), at.offset)
	}
	if at.offset == 0 || at.offset == f.Size() {
		return nil
	}
	around := make([]byte, 2)
	if _, err := f.ReadAt(around, at.offset-1); err != nil {
		return err
	}
	if around[0] != '\n' && around[1] != '\n' && around[1] != '\r' {
		return s.replaced("byte %d, up to which it was read, is in the middle of a line", at.offset)
	}
	return nil
}

func (s *Source) replaced(format string, args ...any) error {
	return feed.Errorf(feed.HaltJob, "replaced", "it is another file than the one that was read: "+format, args...).
		WithRemedy("`milkrun checkpoint reset %s` reads the new file from its beginning; then resume the job", s.job)
}
