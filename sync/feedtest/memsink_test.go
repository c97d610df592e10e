package feedtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"milkrun/sync/feed"
)

// memTarget is a table in memory: the text of each record by its key.
type memTarget struct {
	*partner
	rows   map[string]string
	sent   []string // everything that came, for an opaque sink
	staged *memGeneration
}

// memSink does everything right, except the one thing named by broken.
type memSink struct {
	*memTarget
	broken string
	kept   []feed.Batch
}

// opaqueSink is a memSink for which sending twice is harm, without the abilities of a keyed target.
type opaqueSink struct{ sink *memSink }

func (s opaqueSink) Check(b feed.Batch) (list []feed.Rejection) {
	if s.sink.is("sends when it checks") {
		s.sink.put(b)
	}
	for i := range b.Len() {
		if name, _ := b.Get(i, "name").(string); name == "" {
			list = append(list, s.sink.reject(i))
		}
	}
	return list
}

func (s opaqueSink) DeliverOnce(ctx context.Context, _ string, b feed.Batch) (feed.Receipt, error) {
	_, err := s.sink.Deliver(ctx, b)
	if err != nil && s.sink.is("promises too much") {
		err = feed.Errorf(feed.Fail, "", "%w", err)
	}
	return feed.Receipt{}, err
}

func (s opaqueSink) Deliver(ctx context.Context, b feed.Batch) ([]feed.Rejection, error) {
	return s.sink.Deliver(ctx, b)
}

var (
	_ feed.Preparer    = (*memSink)(nil)
	_ feed.Previewer   = (*memSink)(nil)
	_ feed.Snapshotter = (*memSink)(nil)
)

func (s *memSink) is(broken string) bool { return s.broken == broken }

func (s *memSink) Prepare(_ context.Context, c *feed.Columns) error {
	if _, ok := c.Index("id"); !ok && !s.is("does without a key") {
		verdict := feed.HaltJob
		if s.is("retries a missing column") {
			verdict = feed.Retry
		}
		return feed.Errorf(verdict, "columns", "the column id is missing")
	}
	return nil
}

func (s *memSink) Preview(_ context.Context, b feed.Batch) (string, error) {
	if s.is("sends a preview") {
		s.put(b)
	}
	if s.is("shows the password") {
		return "POST ?password=" + password, nil
	}
	return fmt.Sprintf("POST %d rows", b.Len()), nil
}

func (s *memSink) Deliver(ctx context.Context, b feed.Batch) ([]feed.Rejection, error) {
	if b.Len() == 0 && !s.is("refuses empty batches") {
		return nil, nil
	}
	if b.Len() == 0 {
		return nil, errors.New("nothing to do")
	}
	if s.is("ignores the context") && ctx.Err() != nil {
		ctx = context.Background()
	}
	fault, err := s.request(ctx)
	if err != nil {
		if s.is("hides the context's error") && ctx.Err() != nil {
			return nil, errors.New("something went wrong")
		}
		return nil, err
	}
	if fault == "" || fault == "after" || s.is("takes an error for success") {
		rejected := s.put(b)
		if fault == "" || s.is("takes an error for success") {
			return rejected, nil
		}
	}
	if s.is("says the password") {
		fault = "?password=" + password
	}
	return nil, fmt.Errorf("delivering: %s", fault)
}

func (s *memSink) put(b feed.Batch) []feed.Rejection {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is("keeps the batch") {
		s.kept = append(s.kept, b)
		b = s.kept[0]
	}
	var rejected []feed.Rejection
	for i := range b.Len() {
		name, _ := b.Get(i, "name").(string)
		if name == "" {
			rejected = append(rejected, s.reject(i))
			if s.is("stops at a bad row") {
				break
			}
			continue
		}
		s.sent = append(s.sent, showRow(b, i))
		s.rows[s.key(b, i)] = showRow(b, i)
	}
	if s.is("modifies the batch") && b.Len() > 0 {
		b.Values[1] = "changed"
	}
	return rejected
}

func (s *memSink) reject(i int) feed.Rejection {
	r := feed.Rejection{Row: i, Code: "name", Reason: "no name"}
	switch s.broken {
	case "wrong index":
		r.Row = max(i-1, 0)
	case "no code":
		r.Code = ""
	case "password in the reason":
		r.Reason = password
	}
	return r
}

func (s *memSink) key(b feed.Batch, i int) string {
	key := fmt.Sprint(b.Get(i, "id"))
	if s.is("appends always") {
		key += fmt.Sprint(len(s.rows))
	}
	if s.is("takes the record for its key") {
		key = showRow(b, i)
	}
	if s.is("knows its own rows only") {
		key += fmt.Sprintf("%p", s)
	}
	return key
}

func (s *memSink) Begin(_ context.Context, _ *feed.Columns, _ []string, resume int64) (feed.Generation, error) {
	old := s.staged
	if resume > 0 && old == nil && !s.is("resumes nothing") {
		return nil, errors.New("there is nothing to resume")
	}
	g := &memGeneration{sink: s}
	if old != nil && (resume > 0 || s.is("begins with leftovers")) {
		for _, row := range old.rows {
			if row.at < resume || s.is("does not cut back") || resume == 0 {
				g.rows = append(g.rows, row)
			}
		}
	}
	s.staged = g
	return g, nil
}

// memRow is a staged row; at is -1 for an added one.
type memRow struct {
	at        int64
	key, text string
	seen      bool
}

type memGeneration struct {
	sink *memSink
	rows []memRow
}

var (
	_ feed.Repairer = (*memGeneration)(nil)
	_ feed.Keeper   = (*memGeneration)(nil)
)

func (g *memGeneration) Append(_ context.Context, at int64, b feed.Batch) ([]feed.Rejection, error) {
	for i := range b.Len() {
		g.rows = append(g.rows, memRow{at: at + int64(i), key: g.sink.key(b, i), text: showRow(b, i)})
		if g.sink.is("shows staged rows") {
			g.sink.rows[g.sink.key(b, i)] = showRow(b, i)
		}
	}
	if g.sink.is("stages and spoils") {
		b.Values[1] = "changed"
	}
	return nil, nil
}

func (g *memGeneration) Swap(_ context.Context, terms feed.SwapTerms) (feed.Changes, error) {
	next, old := map[string]string{}, g.sink.rows
	for _, r := range g.rows {
		next[r.key] = r.text
	}
	var c feed.Changes
	for k, text := range next {
		switch before, there := old[k]; {
		case !there:
			c.Inserted++
		case before == text:
			c.Unchanged++
		default:
			c.Updated++
		}
	}
	c.Deleted = int64(len(old)) - c.Updated - c.Unchanged
	distinct := int64(len(next))
	if g.sink.is("counts rows for keys") {
		distinct = int64(len(g.rows))
	}
	if terms.Expect >= 0 && distinct != terms.Expect {
		return feed.Changes{}, &feed.CountError{Distinct: distinct, Expected: terms.Expect}
	}
	if allowed := terms.MaxDelete(int64(len(old))); c.Deleted > allowed && !g.sink.is("shrinks") {
		return feed.Changes{}, &feed.ShrinkError{Old: int64(len(old)), New: distinct, Deleted: c.Deleted, Allowed: allowed}
	}
	if g.sink.is("counts updates as inserts") {
		c.Inserted, c.Updated = c.Inserted+c.Updated, 0
	}
	if g.sink.is("never deletes") {
		maps.Copy(old, next)
		next = old
	}
	g.sink.rows = next
	g.sink.staged = nil
	return c, nil
}

func (g *memGeneration) Close() error {
	if g.sink.is("swaps on close") {
		for _, r := range g.rows {
			g.sink.rows[r.key] = r.text
		}
	}
	return nil
}

func (g *memGeneration) Count(_ context.Context, limit int) (feed.Staged, error) {
	first := map[string]int64{}
	s := feed.Staged{Rows: int64(len(g.rows))}
	for i := range g.rows {
		r := &g.rows[i]
		if !g.sink.is("keeps marks") {
			r.seen = false
		}
		if _, twice := first[r.key]; twice && len(s.Duplicates) < limit && !g.sink.is("finds no duplicates") {
			s.Duplicates = append(s.Duplicates, r.at)
		}
		first[r.key] = r.at
	}
	s.Distinct = int64(len(first))
	return s, nil
}

func (g *memGeneration) Probe(_ context.Context, b feed.Batch) ([]int64, error) {
	places := make([]int64, b.Len())
	for i := range b.Len() {
		key := g.sink.key(b, i)
		j := slices.IndexFunc(g.rows, func(r memRow) bool { return r.key == key })
		if j < 0 {
			j = len(g.rows)
			at := int64(-1)
			if g.sink.is("adds at a position") {
				at = int64(j)
			}
			g.rows = append(g.rows, memRow{at: at, key: key})
		}
		g.rows[j].text, g.rows[j].seen = showRow(b, i), true
		places[i] = g.rows[j].at
	}
	return places, nil
}

func (g *memGeneration) Forget(_ context.Context, from, to int64) error {
	g.rows = slices.DeleteFunc(g.rows, func(r memRow) bool {
		inside := r.at >= from && r.at < to || r.at < 0 && to > 1<<60
		return inside && (!r.seen || g.sink.is("forgets what was seen"))
	})
	return nil
}

func (g *memGeneration) Keep(_ context.Context, keys *feed.Batch) (int64, error) {
	asked := map[string]bool{}
	for i := 0; keys != nil && i < keys.Len(); i++ {
		asked[g.sink.key(*keys, i)] = true
	}
	before := len(g.rows)
	for key, text := range g.sink.rows {
		staged := slices.ContainsFunc(g.rows[:before], func(r memRow) bool { return r.key == key })
		if !staged && (keys == nil || asked[key] || g.sink.is("keeps without being asked")) {
			g.rows = append(g.rows, memRow{at: -1, key: key, text: text})
		}
	}
	if g.sink.is("counts the keys it was asked for") {
		return int64(len(asked)), nil
	}
	return int64(len(g.rows) - before), nil
}

func sinkCase(broken string, opaque bool) SinkCase {
	b := feed.Batch{Columns: columns()}
	changed := feed.Batch{Columns: columns()}
	for i := range int64(8) {
		b.Values = append(b.Values, record(i)...)
		changed.Values = append(changed.Values, i, fmt.Sprintf("other %d", i), nil, nil)
	}
	nameless := append(record(9)[:1:1], nil, nil, nil)
	return SinkCase{
		Rows: b, Want: showBatch(b), Changed: changed, WantChanged: showBatch(changed),
		Bad: []BadRow{{nameless, "name"}, {nameless, "name"}}, Missing: "id", Key: []string{"id"}, Secrets: []string{password},
		Target: func(testing.TB) Target { return target(broken, opaque) },
	}
}

func target(broken string, opaque bool) Target {
	m := &memTarget{partner: &partner{}, rows: map[string]string{}}
	return Target{
		Faults: m.faults(), Stall: m.stall,
		Open: func(testing.TB) feed.Sink {
			s := &memSink{memTarget: m, broken: broken}
			if opaque {
				return opaqueSink{s}
			}
			return s
		},
		Stored: func(testing.TB) []string {
			m.mu.Lock()
			defer m.mu.Unlock()
			if opaque {
				return m.sent
			}
			return slices.Collect(maps.Values(m.rows))
		},
	}
}
