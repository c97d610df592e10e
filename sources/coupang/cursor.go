package coupang

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/transport/pageno"
)

// cursor says how far a stream has been read: everything that was created before Through at least once, and while a
// reading is under way (End is set), where in it. A person can read and write it:
//
//	{"through":"2026-11-20T00:00:00+09:00"}
//	{"through":"…","end":"…","from":"…","to":"…","sweep":"INSTRUCT","token":"448537989","size":50}
//
// The second: a reading that ends at end is in the window from … to; the statuses before INSTRUCT are done with, and the
// page behind the token is next.
type cursor struct {
	Through time.Time `json:"through,omitzero"`
	End     time.Time `json:"end,omitzero"`
	From    time.Time `json:"from,omitzero"`
	To      time.Time `json:"to,omitzero"`
	Parent  *cursor   `json:"parent,omitempty"` // the page of the list whose ids are asked for one by one
	Nth     int       `json:"nth,omitempty"`    // how many of those ids are done with
	Sweep   string    `json:"sweep,omitempty"`
	place
}

// place is where in a list: the page, its size, and how many of its rows were returned already.
type place struct {
	Token string `json:"token,omitempty"`
	Page  int    `json:"page,omitempty"` // pages done with
	Size  int    `json:"size,omitempty"`
	Skip  int    `json:"skip,omitempty"`
}

func (c cursor) text() feed.Cursor {
	b, err := json.Marshal(c)
	if err != nil || string(b) == "{}" {
		return "" // times of the years 0 to 9999 always can be written
	}
	return feed.Cursor(b)
}

// parse reads a cursor of the stream.
func (s *source) parse(text feed.Cursor) (cursor, error) {
	var c cursor
	if text == "" {
		return c, nil
	}
	err := pageno.Decode(text, &c)
	if err == nil {
		err = s.sound(c)
	}
	if err != nil {
		return cursor{}, fmt.Errorf("cursor %.300q: %w; %s", string(text), err, s.example())
	}
	return c, nil
}

// sound says what is wrong with a cursor.
func (s *source) sound(c cursor) error {
	under := !c.End.IsZero()
	inside := c.Sweep != "" || c.place != place{} || c.Nth != 0 || c.Parent != nil || !c.From.IsZero() || !c.To.IsZero()
	switch {
	case !under && c.Through.IsZero():
		return errors.New("it says nothing; the beginning is the empty cursor")
	case !under && inside:
		return errors.New("it is inside a reading, but has no end")
	case c.Page < 0 || c.Size < 0 || c.Skip < 0 || c.Nth < 0 || c.Size > 1000 || c.Page > 10_000_000 || c.Skip > 100_000_000:
		return errors.New("a number in it is out of bounds")
	case !plausible(c.Through) || !plausible(c.End) || !plausible(c.From) || !plausible(c.To):
		return errors.New("its times must be from 2010 to 2100")
	case c.Sweep != "" && !slices.ContainsFunc(s.stream.sweeps, func(w sweep) bool { return w.name == c.Sweep }):
		return fmt.Errorf("%s has no sweep %q", s.stream.name, c.Sweep)
	case under && s.stream.windowed() == c.From.IsZero(), c.From.IsZero() != c.To.IsZero():
		return errors.New("from and to must be there for a window, and only then")
	case under && s.stream.windowed() && !c.From.Before(c.To):
		return errors.New("from must be before to")
	case under && (s.parent != nil) != (c.Parent != nil):
		return errors.New("parent must be there for ids that are listed by another resource, and only then")
	case c.Parent != nil:
		return s.parent.sound(*c.Parent)
	}
	return nil
}

// plausible bounds a time that somebody may have mistyped: a window is read for each of its days.
func plausible(t time.Time) bool { return t.IsZero() || t.Year() >= 2010 && t.Year() < 2100 }

func (s *source) example() string {
	return `a cursor is for example {"through":"2026-11-20T00:00:00+09:00"}: everything up to then has been read; "" is the beginning`
}

// CheckCursor implements [feed.CursorChecker].
func (s *source) CheckCursor(text feed.Cursor) (feed.Cursor, error) {
	c, err := s.parse(text)
	return c.text(), err
}
