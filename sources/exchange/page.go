package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"milkrun/sync/exchange"
	"milkrun/sync/feed"
)

// byPage reads pages by number: an enumeration.
type byPage struct{ *reader }

var _ interface {
	feed.Source
	feed.Pager
	feed.Enumerator
	feed.CursorChecker
} = (*byPage)(nil)

// place is a cursor: pages 1 to Page, of Size records each, have been read. The size is part of it so that a checkpoint
// means the same records after page_size was changed.
type place struct {
	Page int64 `json:"page"`
	Size int64 `json:"size"`
}

const placeExample = `a cursor is for example {"page":12,"size":500}: pages 1 to 12, of 500 records each, have been read; "" is the beginning`

func (p place) cursor() feed.Cursor {
	if p.Page == 0 {
		return ""
	}
	return feed.Cursor(fmt.Sprintf(`{"page":%d,"size":%d}`, p.Page, p.Size))
}

// following is the place behind the page of limit records that p stands in.
func (p place) following(limit int) place {
	return place{p.Page*p.Size/int64(limit) + 1, int64(limit)}
}

func parsePlace(c feed.Cursor) (p place, err error) {
	if c == "" {
		return p, nil
	}
	if err = strict(c, &p); err == nil && (p.Page < 1 || p.Page > math.MaxInt32 || p.Size < 1 || p.Size > math.MaxInt32) {
		err = fmt.Errorf("page and size must be 1 to %d", math.MaxInt32)
	}
	if err != nil {
		return place{}, fmt.Errorf("cursor %q: %w; %s", c, err, placeExample)
	}
	return p, nil
}

// strict decodes one JSON value, with no field that is unknown and nothing behind it.
func strict(c feed.Cursor, to any) error {
	d := json.NewDecoder(strings.NewReader(string(c)))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("something follows the object")
	}
	return nil
}

func (r *reader) badCursor(err error) error {
	return feed.Errorf(feed.HaltJob, "cursor", "%s: %w", r.Resource, err).
		WithRemedy("set or reset the job's checkpoint, then resume it")
}

// Fetch implements [feed.Source]. Behind a place that is no border of pages of limit records, the page it stands in is
// read and its beginning left out.
func (s *byPage) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	p, err := parsePlace(after)
	if err != nil {
		return feed.Page{}, s.badCursor(err)
	}
	next := p.following(limit)
	op := fmt.Sprintf("%s page %d", s.Resource, next.Page)
	a, records, err := s.ask(ctx, op, map[string]int64{"page": next.Page, "page_size": next.Size}, limit)
	if err != nil {
		return feed.Page{}, err
	}
	page, err := s.decode(op, records, int(p.Page*p.Size-(next.Page-1)*next.Size))
	if err != nil {
		return feed.Page{}, err
	}
	page.Next, page.Bytes = next.cursor(), a.Size
	if page.Total, err = total(op, a); err != nil {
		return feed.Page{}, err
	}
	if page.Total >= 0 {
		page.Done = next.Page*next.Size >= page.Total
	} else {
		page.Done = len(records) < limit
	}
	if len(records) == 0 {
		page.Next, page.Done = after, true
	}
	return page, nil
}

// total is the number of records the partner states, -1 when it does not.
func total(op string, a exchange.Answer) (int64, error) {
	if a.Field("total") == nil {
		return -1, nil
	}
	n, ok := a.Int("total")
	if !ok {
		return 0, exchange.Ambiguous(op, "total is no number")
	}
	return n, nil
}

// CheckCursor implements [feed.CursorChecker].
func (*byPage) CheckCursor(c feed.Cursor) (feed.Cursor, error) {
	p, err := parsePlace(c)
	return p.cursor(), err
}

// Following implements [feed.Pager].
func (*byPage) Following(after feed.Cursor, limit int) feed.Cursor {
	p, _ := parsePlace(after) // Fetch refuses a bad one
	return p.following(limit).cursor()
}

// Key implements [feed.Enumerator].
func (s *byPage) Key() []string { return s.settings.Key }

// Position implements [feed.Enumerator].
func (*byPage) Position(after feed.Cursor) int64 {
	p, _ := parsePlace(after)
	return p.Page * p.Size
}

// CursorAt implements [feed.Enumerator].
func (*byPage) CursorAt(page int64, limit int) feed.Cursor {
	return place{page, int64(limit)}.cursor()
}
