package pageno

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

// maxNumber keeps every product of a page number and a page size far from overflowing.
const maxNumber = math.MaxInt32

// place is what a cursor says: pages 1 to Page, of Size records each, have been read. The size is part of it so that a
// checkpoint still means the same records after page_size was changed.
type place struct {
	Page int64 `json:"page"`
	// Size 0 stands for the size of the pages that are asked for; only an operator's page number has it.
	Size int64 `json:"size,omitempty"`
}

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
func (s *Source) parse(c feed.Cursor, size int64) (place, error) {
	if c == "" {
		return place{}, nil
	}
	p := place{Size: size}
	err := Decode(c, &p)
	if err == nil && (p.Page < 1 || p.Page > maxNumber) {
		err = fmt.Errorf("page must be 1 to %d", maxNumber)
	}
	if err == nil && (p.Size < min(size, 1) || p.Size > s.Max) {
		err = fmt.Errorf("size must be 1 to %d", s.Max)
	}
	if err != nil {
		return place{}, fmt.Errorf("cursor %.200q: %w; %s", c, err, s.example())
	}
	return p, nil
}

// Decode reads a cursor that is one JSON object, without keys that to does not have.
func Decode(c feed.Cursor, to any) error {
	d := json.NewDecoder(strings.NewReader(string(c)))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return nil
}

func (s *Source) example() string {
	return fmt.Sprintf(`a cursor is for example {"page":812,"size":%[1]d}: pages 1 to 812, of %[1]d records each, have been read; "" is the beginning`, s.Usual)
}

// bound reads a page number, and returns the place behind the page that stands shift pages from there; a cursor is the
// place itself.
func (s *Source) bound(text string, shift int64) (place, error) {
	if text == "" || strings.HasPrefix(text, "{") {
		return s.parse(feed.Cursor(text), s.Usual)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > maxNumber {
		return place{}, fmt.Errorf("%q is no page number from 1 on; or %s", text, s.example())
	}
	return place{n + shift, 0}, nil
}
