package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"milkrun/sync/feed"
)

// fill makes a page of the records behind the scanner.
func (s *Source) fill(ctx context.Context, scan *scanner, l layout, limit int) (feed.Page, error) {
	p := feed.Page{Total: -1, Rows: feed.Batch{Columns: l.columns}}
	from := scan.at
	for n := 0; ; n++ {
		full := n >= limit || scan.at.offset-from.offset >= maxPage
		record, wrong, err := scan.next()
		switch {
		case errors.Is(err, errTorn):
			s.torn(&p, scan.at)
			fallthrough
		case errors.Is(err, io.EOF):
			p.Done = true
			return end(p, from, scan.at), nil
		case errors.Is(err, errOpen) && n > 0:
			return end(p, from, scan.start), nil // the next page says so
		case err == nil && n%256 == 0:
			err = ctx.Err()
		}
		if err != nil {
			return feed.Page{}, unreadable(scan, err)
		}
		if full {
			return end(p, from, scan.start), nil
		}
		s.take(&p, l, n, scan.start, record, wrong)
	}
}

// torn notes that the line at a place waits for its end.
func (s *Source) torn(p *feed.Page, at place) {
	note(p, fmt.Sprintf("%s: line %d has no line end and may be still being written; it is read again next time", s.path, at.line+1))
}

// take adds a record to the page's rows or to what it rejects.
func (s *Source) take(p *feed.Page, l layout, n int, at place, record []byte, wrong *bad) {
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
		Row: n, Code: wrong.code, Reason: fmt.Sprintf("%s: line %d: %s", s.path, at.line+1, wrong.reason),
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

// unreadable is an error of a scanner. A field that is still open is tried again: a writer closes it soon, and of a file
// that nobody writes to the scanner gives the line up.
func unreadable(scan *scanner, err error) error {
	if !errors.Is(err, errOpen) {
		return err
	}
	return feed.Errorf(feed.Retry, "quote", "line %d: %w; it begins in line %d", scan.start.line+1, err, scan.opened).
		WithRemedy("wait when somebody is writing to the file; else close the quote in that line. A minute after the last change the line is refused, and the ones behind it are read")
}
