package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"milkrun/sync/exchange"
	"milkrun/sync/feed"
	"milkrun/sync/transport/pageno"
)

// byCursor goes on where the partner's cursor stands.
type byCursor struct{ *reader }

var _ interface {
	feed.Source
	feed.CursorChecker
	feed.Ranger
} = (*byCursor)(nil)

// mark is a cursor: Cursor is the partner's own. Seen is there when the records behind it have been read, but the partner
// gave no cursor behind them: a digest of them. The next run asks for them again and leaves them out when they are still
// the same; otherwise all of them are delivered again, since nobody can tell which are new.
type mark struct {
	Cursor string `json:"cursor"`
	Seen   string `json:"seen,omitempty"`
}

const markExample = `a cursor is for example {"cursor":"abc"}, with the partner's own cursor; "" is the beginning`

func (m mark) cursor() feed.Cursor {
	if m == (mark{}) {
		return ""
	}
	text, _ := json.Marshal(m) // two texts always can be
	return feed.Cursor(text)
}

func parseMark(c feed.Cursor) (m mark, err error) {
	if c == "" {
		return m, nil
	}
	if err = pageno.Decode(c, &m); err == nil && m == (mark{}) {
		err = errors.New("there is no cursor in it")
	}
	if err != nil {
		return mark{}, fmt.Errorf("cursor %.200q: %w; %s", c, err, markExample)
	}
	return m, nil
}

// CheckCursor implements [feed.CursorChecker].
func (*byCursor) CheckCursor(c feed.Cursor) (feed.Cursor, error) {
	m, err := parseMark(c)
	return m.cursor(), err
}

// Range implements [feed.Ranger]. It begins behind a cursor and ends at the end of the feed: the partner's cursors have no
// order by which a page could be told to stand behind another.
func (s *byCursor) Range(from, to string) (feed.Cursor, feed.Source, error) {
	m, err := parseMark(feed.Cursor(from))
	if err != nil {
		return "", nil, fmt.Errorf("from: %w", err)
	}
	if to != "" {
		return "", nil, errors.New(`to: the partner's cursors have no order, so there is no place to end at; leave it out, or read with paging = "page" if the partner can`)
	}
	return m.cursor(), s, nil
}

// Fetch implements [feed.Source].
func (s *byCursor) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	m, err := parseMark(after)
	if err != nil {
		return feed.Page{}, feed.Errorf(feed.HaltJob, "cursor", "%s: %w", s.label, err).
			WithRemedy("set or reset the job's checkpoint, then resume it")
	}
	op := s.label + " from its beginning"
	if m.Cursor != "" {
		op = fmt.Sprintf("%s behind %q", s.label, s.connection.Said(m.Cursor))
	}
	a, records, err := s.ask(ctx, op, map[string]any{"cursor": m.Cursor, "limit": limit}, limit)
	if err != nil {
		return feed.Page{}, err
	}
	next, done, err := s.next(op, a, m, records)
	if err != nil {
		return feed.Page{}, err
	}
	skip := 0
	if m.Seen != "" && m.Seen == digest(records) {
		skip = len(records)
	}
	page, err := s.decode(op, records, skip)
	if err != nil {
		return feed.Page{}, err
	}
	page.Next, page.Done, page.Bytes = next.cursor(), done, a.Size
	page.Total, err = total(op, a)
	return page, err
}

// next returns where the page ends, and whether it is the last.
func (s *byCursor) next(op string, a exchange.Answer, m mark, records [][]byte) (next mark, done bool, err error) {
	var more bool
	if raw := a.Field("has_more"); raw == nil || json.Unmarshal(raw, &more) != nil {
		return next, false, exchange.Ambiguous(op, "has_more is neither true nor false")
	}
	if raw := a.Field("next_cursor"); raw != nil {
		if next.Cursor, err = exchange.Text(raw); err != nil {
			return next, false, exchange.Ambiguous(op, "next_cursor is no text")
		}
	}
	moved := next.Cursor != "" && next.Cursor != m.Cursor
	switch {
	case moved:
		return next, !more, nil
	case more:
		return next, false, feed.Errorf(feed.HaltJob, "cursor", "%s: there is more, but next_cursor is %q: the cursor does not move", op, s.connection.Said(next.Cursor)).
			WithRemedy("ask the partner, then resume the job")
	case len(records) == 0:
		return m, true, nil
	}
	return mark{m.Cursor, digest(records)}, true, nil
}

// digest tells lists of records apart.
func digest(records [][]byte) string {
	h := sha256.New()
	for _, r := range records {
		_, _ = fmt.Fprintf(h, "%d:%s", len(r), r)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
