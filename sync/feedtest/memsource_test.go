package feedtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"milkrun/sync/feed"
)

const password = "hush-hush"

// partner is what stands behind the sources and sinks of these tests. The next request may go wrong.
type partner struct {
	mu      sync.Mutex
	records [][]feed.Value
	fault   string
	stalled chan struct{}
}

func (p *partner) request(ctx context.Context) (fault string, err error) {
	p.mu.Lock()
	fault, stalled := p.fault, p.stalled
	p.fault, p.stalled = "", nil
	p.mu.Unlock()
	if stalled != nil {
		close(stalled)
		<-ctx.Done()
	}
	return fault, ctx.Err()
}

func (p *partner) faults() map[string]func(testing.TB) {
	list := map[string]func(testing.TB){}
	for _, name := range []string{"before", "after"} {
		list[name] = func(testing.TB) { p.mu.Lock(); p.fault = name; p.mu.Unlock() }
	}
	return list
}

func (p *partner) stall(testing.TB) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	arrived := make(chan struct{})
	p.stalled = arrived
	return arrived
}

func columns() *feed.Columns {
	return feed.NewColumns(feed.Column{Name: "id", Type: feed.Integer}, feed.Column{Name: "name", Type: feed.Text},
		feed.Column{Name: "since", Type: feed.Time}, feed.Column{Name: "raw", Type: feed.Bytes})
}

func record(i int64) []feed.Value {
	return []feed.Value{i, fmt.Sprintf("name %d", i), time.Unix(i*1000, 0), []byte{byte(i)}}
}

func named(row []feed.Value) map[string]feed.Value {
	return map[string]feed.Value{"id": row[0], "name": row[1], "since": row[2], "raw": row[3]}
}

// memSource is a source over a slice. It does everything right, except the one thing named by broken.
type memSource struct {
	*partner
	broken string
	end    int // records there are for this reader, 0 for all
	spare  []feed.Value
	last   string

	fetched map[feed.Cursor]int
}

var (
	_ feed.Pager         = (*memSource)(nil)
	_ feed.Enumerator    = (*memSource)(nil)
	_ feed.Counter       = (*memSource)(nil)
	_ feed.CursorChecker = (*memSource)(nil)
	_ feed.Ranger        = (*memSource)(nil)
	_ feed.Rewinder      = (*memSource)(nil)
	_ feed.Rereader      = (*memSource)(nil)
)

func (s *memSource) is(broken string) bool { return s.broken == broken }

func (s *memSource) list() [][]feed.Value {
	if s.end > 0 {
		return s.records[:s.end]
	}
	return s.records
}

type memCursor struct {
	At *int `json:"at"`
}

func cursor(at int) feed.Cursor { return feed.Cursor(fmt.Sprintf(`{"at":%d}`, at)) }

func (s *memSource) parse(c feed.Cursor) (int, error) {
	if c == "" {
		return 0, nil
	}
	var m memCursor
	d := json.NewDecoder(strings.NewReader(string(c)))
	d.DisallowUnknownFields()
	err := d.Decode(&m)
	if _, more := d.Token(); err != nil || m.At == nil || !errors.Is(more, io.EOF) {
		if s.is("starts over at a bad cursor") {
			return 0, nil
		}
		verdict := feed.HaltJob
		if s.is("retries a bad cursor") {
			verdict = feed.Retry
		}
		hint := `; a good one is {"at":3}`
		if s.is("does not show a good cursor") {
			hint = ""
		}
		return 0, feed.Errorf(verdict, "cursor", "the cursor %q is none%s", c, hint)
	}
	return *m.At, nil
}

func (s *memSource) CheckCursor(c feed.Cursor) (feed.Cursor, error) {
	at, err := s.parse(c)
	if s.is("takes any cursor") {
		return c, nil
	}
	return cursor(at), err
}

func (s *memSource) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	if s.is("ignores the context") && ctx.Err() != nil {
		ctx = context.Background()
	}
	if s.is("hangs on") && ctx.Err() == nil {
		ctx = context.WithoutCancel(ctx)
		s.mu.Lock()
		if s.stalled != nil {
			close(s.stalled)
			s.stalled = nil
			s.mu.Unlock()
			return feed.Page{}, errors.New("gave up for another reason")
		}
		s.mu.Unlock()
	}
	at, err := s.parse(after)
	if err != nil {
		return feed.Page{}, err
	}
	fault, err := s.request(ctx)
	if err != nil {
		return feed.Page{}, err
	}
	if fault != "" && !s.is("takes an error for an empty page") {
		if s.is("says the password") {
			fault = "?password=" + password
		}
		if !s.is("returns half a page") {
			return feed.Page{}, fmt.Errorf("fetching: %s", fault)
		}
		limit--
	} else if fault != "" {
		return feed.Page{Next: after, Done: true, Total: -1}, nil
	}
	return s.page(at, limit), nil
}

func (s *memSource) page(at, limit int) feed.Page {
	list := s.list()
	if s.is("repeats the last record") && at >= len(list) {
		at = len(list) - 1
	}
	if s.is("counts cursors in pages") && limit == 3 {
		at += 3 - at%3
	}
	to := min(at+limit, len(list))
	if s.is("skips a record") && at > 0 && at < len(list) {
		at++
	}
	at = min(at, to)
	p := feed.Page{Next: cursor(to), Done: to == len(list), Total: int64(len(s.records))}
	p.Rows.Columns = columns()
	for _, row := range list[at:to] {
		p.Rows.Values = append(p.Rows.Values, row...)
	}
	return s.spoil(p, at, limit)
}

func (s *memSource) spoil(p feed.Page, at, limit int) feed.Page {
	switch s.broken {
	case "loses a record on single-record pages":
		if limit == 1 && at == 2 {
			p.Rows.Values = nil
		}
	case "int values":
		for i := 0; i < len(p.Rows.Values); i += p.Rows.Columns.Len() {
			p.Rows.Values[i] = 1
		}
	case "wrong total":
		p.Total = 0
	case "stands still":
		p.Next = cursor(at)
	case "bare cursor":
		p.Next = feed.Cursor(strconv.Itoa(at) + " of many")
	case "second fetch differs":
		s.mu.Lock()
		if s.fetched[p.Next]++; s.fetched[p.Next] == 2 {
			p.Rows.Values = nil
		}
		s.mu.Unlock()
	case "remembers where it was":
		s.mu.Lock()
		if s.last == "" && at > 0 {
			p.Rows.Values = p.Rows.Values[:0]
		}
		s.last = "here"
		s.mu.Unlock()
	case "uses its memory again":
		s.mu.Lock()
		clear(s.spare)
		s.spare = p.Rows.Values
		s.mu.Unlock()
	case "third fetch differs":
		s.mu.Lock()
		if s.fetched[p.Next]++; s.fetched[p.Next] > 2 {
			p.Rows.Values = nil
		}
		s.mu.Unlock()
	}
	return p
}

func (s *memSource) Following(after feed.Cursor, limit int) feed.Cursor {
	at, _ := s.parse(after)
	if s.is("wrong following") {
		at++
	}
	return cursor(at + limit)
}

func (s *memSource) Key() []string {
	if s.is("key that is none") {
		return []string{"nothing"}
	}
	return []string{"id"}
}

func (s *memSource) Position(after feed.Cursor) int64 {
	at, _ := s.parse(after)
	return int64(at)
}

func (s *memSource) CursorAt(page int64, limit int) feed.Cursor {
	if s.is("counts pages from one") {
		page++
	}
	return cursor(int(page) * limit)
}

func (s *memSource) Count(_ context.Context, after feed.Cursor) (int64, error) {
	at, _ := s.parse(after)
	if s.is("counts everything") {
		at = 0
	}
	return int64(len(s.list()) - at), nil
}

func (s *memSource) Range(from, to string) (feed.Cursor, feed.Source, error) {
	low, err := strconv.Atoi(from)
	if err != nil {
		return "", nil, err
	}
	high, err := strconv.Atoi(to)
	if err != nil && !s.is("takes any bound") {
		return "", nil, err
	}
	if s.is("range ends early") {
		high--
	}
	return cursor(low), &memSource{partner: s.partner, broken: s.broken, end: high, fetched: s.fetched}, nil
}

func (s *memSource) Rewind(c feed.Cursor) feed.Cursor {
	at, _ := s.parse(c)
	if s.is("rewinds forward") {
		return cursor(at + 1)
	}
	return cursor(max(at-2, 0))
}

func (s *memSource) Rewound(place, c feed.Cursor) bool {
	from, _ := s.parse(s.Rewind(c))
	at, _ := s.parse(place)
	return at >= from && !s.is("forgets what it rewinds")
}

func (s *memSource) Locate(b feed.Batch, i int) feed.Cursor {
	at := slices.IndexFunc(s.records, func(r []feed.Value) bool { return r[0] == b.Get(i, "id") })
	if s.is("locates its neighbour") {
		at = max(at-1, 0)
	}
	return cursor(at)
}

func (s *memSource) Reread(_ context.Context, places []feed.Cursor) (feed.Batch, error) {
	b := feed.Batch{Columns: columns()}
	for _, c := range places {
		at, err := s.parse(c)
		if err != nil {
			return b, err
		}
		if at >= 0 {
			b.Values = append(b.Values, s.records[at]...)
		}
	}
	return b, nil
}
