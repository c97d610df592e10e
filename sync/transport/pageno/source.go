// Package pageno reads a partner that counts its pages: page 1, page 2 and so on, of a size that the caller chooses. It
// has the cursor, which remembers the size, and everything that follows from page numbers: reading ahead, a complete
// enumeration, a range of pages. A partner's package only asks for one page.
package pageno

import (
	"context"
	"fmt"

	"milkrun/sync/feed"
)

// Page is one page as the partner gave it.
type Page struct {
	// Page holds the records whose places in the partner's list were asked for, rejected ones included, and the total.
	// Next and Done are not set.
	feed.Page
	// Listed is how many records the list has.
	Listed int
}

// Source is the enumeration of all records of a partner. It is safe for concurrent use when Ask is.
type Source struct {
	// Ask returns page number, counted from 1 in pages of size records. Of its list only the places [from, to) become
	// records. An answer that is not this page is an error.
	Ask        func(ctx context.Context, number int64, size, from, to int) (Page, error)
	Label      string   // what is read from where, for error texts
	Columns    []string // the key
	Usual, Max int64    // records of a page when a cursor does not say, and at most
}

var _ interface {
	feed.Source
	feed.Pager
	feed.Enumerator
	feed.CursorChecker
	feed.Ranger
} = (*Source)(nil)

// Fetch implements [feed.Source]. Behind a place that is no border of pages of limit records, the page it stands in is
// read and its beginning left out.
func (s *Source) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	p, err := s.parse(after, s.Usual)
	if err != nil {
		return feed.Page{}, s.badCursor(err)
	}
	return s.read(ctx, p, place{Page: maxNumber}, limit)
}

func (s *Source) badCursor(err error) *feed.Error {
	return feed.Errorf(feed.HaltJob, "cursor", "%s: %w", s.Label, err).
		WithRemedy("set or reset the job's checkpoint, then resume it")
}

// CheckCursor implements [feed.CursorChecker].
func (s *Source) CheckCursor(c feed.Cursor) (feed.Cursor, error) {
	p, err := s.parse(c, s.Usual)
	return p.cursor(), err
}

// Following implements [feed.Pager].
func (s *Source) Following(after feed.Cursor, limit int) feed.Cursor {
	p, _ := s.parse(after, s.Usual) // Fetch refuses a bad one
	return p.following(limit).cursor()
}

// Key implements [feed.Enumerator].
func (s *Source) Key() []string { return s.Columns }

// Position implements [feed.Enumerator].
func (s *Source) Position(after feed.Cursor) int64 {
	p, _ := s.parse(after, s.Usual)
	return p.before(0)
}

// CursorAt implements [feed.Enumerator].
func (s *Source) CursorAt(page int64, limit int) feed.Cursor {
	return place{page, int64(limit)}.cursor()
}

// Range implements [feed.Ranger]. A bound is a page number, counted from 1 in pages of the job's page_size, or a cursor.
// Both are included; "" is the beginning or the end.
func (s *Source) Range(from, to string) (feed.Cursor, feed.Source, error) {
	first, err := s.bound(from, -1)
	if err != nil {
		return "", nil, fmt.Errorf("from: %w", err)
	}
	last, err := s.bound(to, 0)
	if err != nil {
		return "", nil, fmt.Errorf("to: %w", err)
	}
	if to == "" {
		last = place{maxNumber, 0}
	}
	if alike := (first.Size == 0) == (last.Size == 0); alike && first.before(1) >= last.before(1) {
		return "", nil, fmt.Errorf("from %s to %s is nothing: from must not stand behind to", from, to)
	}
	return first.cursor(), &part{s, last}, nil
}

// part is a part of the enumeration, which ends at a place. It is no [feed.Enumerator]: it is not everything there is.
type part struct {
	whole *Source
	to    place
}

var _ interface {
	feed.Source
	feed.Pager
	feed.CursorChecker
} = (*part)(nil)

// Fetch implements [feed.Source].
func (s *part) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	p, err := s.whole.parse(after, 0)
	if err != nil {
		return feed.Page{}, s.whole.badCursor(err)
	}
	return s.whole.read(ctx, p, s.to, limit)
}

// Following implements [feed.Pager].
func (s *part) Following(after feed.Cursor, limit int) feed.Cursor {
	p, _ := s.whole.parse(after, 0)
	return p.following(limit).cursor()
}

// CheckCursor implements [feed.CursorChecker].
func (s *part) CheckCursor(c feed.Cursor) (feed.Cursor, error) {
	p, err := s.whole.parse(c, 0)
	return p.cursor(), err
}

// read gets the page of limit records that the place from stands in, and returns its records between from and to.
func (s *Source) read(ctx context.Context, from, to place, limit int) (feed.Page, error) {
	if limit < 1 || int64(limit) > s.Max {
		return feed.Page{}, feed.Errorf(feed.Fail, "", "%s: a page of %d records was asked for; 1 to %d are possible", s.Label, limit, s.Max)
	}
	start, stop := from.before(limit), to.before(limit)
	if start >= stop {
		return feed.Page{Next: from.cursor(), Done: true, Total: -1}, nil
	}
	next := from.following(limit)
	end := next.before(limit) // of the page, which begins limit records earlier
	first := end - int64(limit)
	got, err := s.Ask(ctx, next.Page, limit, int(start-first), int(min(end, stop)-first))
	if err != nil {
		return feed.Page{}, err
	}
	page := got.Page
	switch {
	case got.Listed == 0:
		page.Next, page.Done = from.cursor(), true
	case end > stop:
		page.Next, page.Done = to.cursor(), true
	default:
		page.Next, page.Done = next.cursor(), end == stop || last(got, end, limit)
	}
	return page, nil
}

// last says whether a page that ends at end is the last: by the partner's total, without one by being short.
func last(p Page, end int64, limit int) bool {
	if p.Total < 0 {
		return p.Listed < limit
	}
	return end >= p.Total
}
