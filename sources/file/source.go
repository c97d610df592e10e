package file

import (
	"context"
	"encoding/json"
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
	begin   place // of the first record
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
	if s.csv && l.columns == nil {
		return feed.Page{Done: true, Total: -1}, nil // no header yet
	}
	if at.offset < l.begin.offset {
		at = l.begin
	}
	scan, err := newScanner(f, s.csv, f.settled, at)
	if err != nil {
		return feed.Page{}, err
	}
	return fill(ctx, scan, l, limit)
}

// layout reads the CSV header, or the first JSON object that is one. Without either its columns are nil.
func (s *Source) layout(ctx context.Context, f *opened) (layout, error) {
	scan, err := newScanner(f, s.csv, f.settled, place{})
	if err != nil {
		return layout{}, err
	}
	for ctx.Err() == nil {
		record, wrong, err := scan.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errUnfinished) {
			return layout{}, nil
		}
		if err != nil {
			return layout{}, err
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
			l.decoder, l.columns, err = newCSVDecoder(record, s.columns)
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

// fill makes a page of the records behind the scanner.
func fill(ctx context.Context, scan *scanner, l layout, limit int) (feed.Page, error) {
	p := feed.Page{Total: -1, Rows: feed.Batch{Columns: l.columns}}
	from := scan.at
	for n := 0; ; n++ {
		full := n >= limit || scan.at.offset-from.offset >= maxPage
		record, wrong, err := scan.next()
		switch {
		case errors.Is(err, errUnfinished):
			note(&p, "last line not finished")
			fallthrough
		case errors.Is(err, io.EOF):
			p.Done = true
			return end(p, from, scan.at), nil
		case err == nil && n%256 == 0:
			err = ctx.Err()
		}
		if err != nil {
			return feed.Page{}, err
		}
		if full {
			return end(p, from, scan.start), nil
		}
		take(&p, l, n, scan.start, record, wrong)
	}
}

// take adds a record to the page's rows or to what it rejects.
func take(p *feed.Page, l layout, n int, at place, record []byte, wrong *bad) {
	if wrong == nil && !utf8.Valid(record) {
		wrong = &bad{"utf-8", "the line is not UTF-8"}
	}
	if wrong == nil && l.columns == nil {
		if _, _, wrong = newJSONDecoder(record, nil); wrong == nil { // somebody wrote over the file meanwhile
			wrong = &bad{"json", "no object before it tells the columns"}
		}
	}
	if wrong == nil {
		size := len(p.Rows.Values)
		p.Rows.Values = append(p.Rows.Values, make([]feed.Value, l.columns.Len())...)
		if wrong = l.decode(record, p.Rows.Values[size:], func(what string) { note(p, what) }); wrong == nil {
			return
		}
		p.Rows.Values = p.Rows.Values[:size]
	}
	p.Rejected = append(p.Rejected, feed.Rejection{
		Row: n, Code: wrong.code, Reason: fmt.Sprintf("line %d: %s", at.line+1, wrong.reason),
		Record: map[string]feed.Value{"line": at.line + 1, "offset": at.offset},
	})
}

func note(p *feed.Page, what string) {
	if p.Notes == nil {
		p.Notes = map[string]int{}
	}
	p.Notes[what]++
}

func end(p feed.Page, from, to place) feed.Page {
	p.Next, p.Bytes = to.cursor(), int(to.offset-from.offset)
	return p
}

type cursorJSON struct {
	Line   *int64 `json:"line"`
	Offset *int64 `json:"offset"`
}

func (p place) cursor() feed.Cursor {
	return feed.Cursor(fmt.Sprintf(`{"line":%d,"offset":%d}`, p.line, p.offset))
}

// CheckCursor returns a cursor in its normal form.
func (s *Source) CheckCursor(c feed.Cursor) (feed.Cursor, error) {
	if c == "" {
		return "", nil
	}
	at, err := parseCursor(c)
	if err != nil {
		return "", err
	}
	return at.cursor(), nil
}

func parseCursor(c feed.Cursor) (place, error) {
	if c == "" {
		return place{}, nil
	}
	var j cursorJSON
	d := json.NewDecoder(strings.NewReader(string(c)))
	d.DisallowUnknownFields()
	err := d.Decode(&j)
	if _, more := d.Token(); err != nil || !errors.Is(more, io.EOF) ||
		j.Line == nil || j.Offset == nil || *j.Line < 0 || *j.Offset < 0 {
		return place{}, feed.Errorf(feed.HaltJob, "cursor",
			`the cursor %q is none; write the lines and bytes that were read, as {"line":120,"offset":4096}`, c).
			WithRemedy("set the job's checkpoint, or reset it to read the file from its beginning")
	}
	return place{*j.Line, *j.Offset}, nil
}
