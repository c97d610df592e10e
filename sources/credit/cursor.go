package credit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"milkrun/sync/feed"
)

// maxPageNumber keeps every product of a page number and a page size far from overflowing.
const maxPageNumber = math.MaxInt32

// place is what a cursor says: pages 1 to Page, of Size records each, have been read. The size is part of it so that a
// checkpoint still means the same records after page_size was changed.
type place struct {
	Page int64 `json:"page"`
	// Size 0 stands for the size of the pages that are asked for; only an operator's page number has it.
	Size int64 `json:"size,omitempty"`
}

const cursorExample = `a cursor is for example {"page":812,"size":1000}: pages 1 to 812, of 1000 records each, have been read; "" is the beginning`

// before returns how many records stand before the place, if pages of limit are asked for.
func (p place) before(limit int) int64 {
	if p.Size == 0 {
		return p.Page * int64(limit)
	}
	return p.Page * p.Size
}

// following returns the place behind the page of limit records that p stands in.
func (p place) following(limit int) place {
	return place{p.before(limit)/int64(limit) + 1, int64(limit)}
}

func (p place) cursor() feed.Cursor {
	if p.Page == 0 {
		return ""
	}
	text, _ := json.Marshal(p) // two numbers always can be
	return feed.Cursor(text)
}

// parse reads a cursor. One without a size, written by hand, means pages of the size given, 0 for those asked for.
func parse(c feed.Cursor, size int64) (place, error) {
	if c == "" {
		return place{}, nil
	}
	p := place{Size: size}
	d := json.NewDecoder(strings.NewReader(string(c)))
	d.DisallowUnknownFields()
	err := d.Decode(&p)
	if err == nil {
		if _, rest := d.Token(); !errors.Is(rest, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	if err == nil && (p.Page < 1 || p.Page > maxPageNumber) {
		err = fmt.Errorf("page must be 1 to %d", maxPageNumber)
	}
	if err == nil && (p.Size < min(size, 1) || p.Size > MaxPage) {
		err = fmt.Errorf("size must be 1 to %d", MaxPage)
	}
	if err != nil {
		return place{}, fmt.Errorf("cursor %q: %w; %s", c, err, cursorExample)
	}
	return p, nil
}

// CheckCursor implements [feed.CursorChecker].
func (*grades) CheckCursor(c feed.Cursor) (feed.Cursor, error) {
	p, err := parse(c, MaxPage)
	return p.cursor(), err
}

// Following implements [feed.Pager].
func (*grades) Following(after feed.Cursor, limit int) feed.Cursor {
	p, _ := parse(after, MaxPage) // Fetch refuses a bad one
	return p.following(limit).cursor()
}

// Key implements [feed.Enumerator].
func (*grades) Key() []string { return []string{codeName} }

// Position implements [feed.Enumerator].
func (*grades) Position(after feed.Cursor) int64 {
	p, _ := parse(after, MaxPage)
	return p.before(MaxPage)
}

// CursorAt implements [feed.Enumerator].
func (*grades) CursorAt(page int64, limit int) feed.Cursor {
	return place{page, int64(limit)}.cursor()
}

// Range implements [feed.Ranger]. A bound is a page number, counted from 1 in pages of the job's page_size, or a cursor.
// Both are included; "" is the beginning or the end.
func (s *grades) Range(from, to string) (feed.Cursor, feed.Source, error) {
	first, err := bound(from, -1)
	if err != nil {
		return "", nil, fmt.Errorf("from: %w", err)
	}
	last, err := bound(to, 0)
	if err != nil {
		return "", nil, fmt.Errorf("to: %w", err)
	}
	if to == "" {
		last = place{maxPageNumber, 0}
	}
	if alike := (first.Size == 0) == (last.Size == 0); alike && first.before(MaxPage) >= last.before(MaxPage) {
		return "", nil, fmt.Errorf("from %s to %s is nothing: from must not stand behind to", from, to)
	}
	return first.cursor(), &pages{s, last}, nil
}

// bound reads a page number, and returns the place behind the page that stands shift pages from there; a cursor is the
// place itself.
func bound(text string, shift int64) (place, error) {
	if text == "" || strings.HasPrefix(text, "{") {
		return parse(feed.Cursor(text), MaxPage)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > maxPageNumber {
		return place{}, fmt.Errorf("%q is no page number from 1 on; or %s", text, cursorExample)
	}
	return place{n + shift, 0}, nil
}
