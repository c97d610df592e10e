package sync

import (
	"context"
	"errors"
	"maps"
	"slices"

	"milkrun/sync/feed"
)

// memory is a sink that holds generations in memory, for drift and crash tests without a database.
type memory struct {
	live   map[string]bool
	staged *memGen
	refuse map[string]bool // keys that cannot be held
}

func (m *memory) Deliver(context.Context, feed.Batch) ([]feed.Rejection, error) {
	return nil, errors.New("a generation is expected")
}

func (m *memory) Begin(_ context.Context, _ *feed.Columns, _ []string, resume int64) (feed.Generation, error) {
	if resume > 0 {
		if m.staged == nil {
			return nil, errors.New("nothing is staged")
		}
		maps.DeleteFunc(m.staged.rows, func(at int64, _ string) bool { return at >= resume })
		return m.staged, nil
	}
	m.staged = &memGen{sink: m, rows: map[int64]string{}, seen: map[int64]bool{}, extra: 1 << 40}
	return m.staged, nil
}

type memGen struct {
	sink  *memory
	rows  map[int64]string // position → key
	seen  map[int64]bool
	extra int64
}

func (g *memGen) Append(_ context.Context, at int64, b feed.Batch) ([]feed.Rejection, error) {
	var rejected []feed.Rejection
	for i := range b.Len() {
		if key := b.Get(i, "id").(string); g.sink.refuse[key] {
			rejected = append(rejected, feed.Rejection{Row: i, Code: "value", Reason: "too long"})
		} else {
			g.rows[at+int64(i)] = key
		}
	}
	return rejected, nil
}

func (g *memGen) Close() error { return nil }

func (g *memGen) Count(_ context.Context, limit int) (feed.Staged, error) {
	clear(g.seen)
	keys := map[string]int{}
	s := feed.Staged{Rows: int64(len(g.rows))}
	for _, key := range g.rows {
		keys[key]++
	}
	for _, at := range slices.Sorted(maps.Keys(g.rows)) {
		if keys[g.rows[at]] > 1 && len(s.Duplicates) < limit {
			s.Duplicates = append(s.Duplicates, at)
		}
	}
	s.Distinct = int64(len(keys))
	return s, nil
}

func (g *memGen) Probe(_ context.Context, b feed.Batch) ([]int64, error) {
	where := map[string]int64{}
	for at, key := range g.rows {
		if old, twice := where[key]; !twice || at > old {
			where[key] = at
		}
	}
	places := make([]int64, b.Len())
	for i := range places {
		at, known := where[b.Get(i, "id").(string)]
		places[i] = at
		if !known || at >= 1<<40 {
			places[i] = -1
		}
		if !known {
			g.extra++
			at = g.extra
			g.rows[at] = b.Get(i, "id").(string)
		}
		g.seen[at] = true
	}
	return places, nil
}

func (g *memGen) Forget(_ context.Context, from, to int64) error {
	maps.DeleteFunc(g.rows, func(at int64, _ string) bool { return at >= from && at < to && !g.seen[at] })
	return nil
}

func (g *memGen) Missing(_ context.Context, each func(key []feed.Value) error) error {
	staged := map[string]bool{}
	for _, key := range g.rows {
		staged[key] = true
	}
	for key := range g.sink.live {
		if !staged[key] {
			if err := each([]feed.Value{key}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *memGen) Keep(_ context.Context, keys *feed.Batch) (kept int64, err error) {
	wanted, staged := g.sink.live, map[string]bool{}
	if keys != nil {
		wanted = map[string]bool{}
		for i := range keys.Len() {
			wanted[keys.Get(i, "id").(string)] = true
		}
	}
	for _, key := range g.rows {
		staged[key] = true
	}
	for key := range wanted {
		if g.sink.live[key] && !staged[key] {
			g.extra++
			g.rows[g.extra] = key
			kept++
		}
	}
	return kept, nil
}

func (g *memGen) Swap(_ context.Context, terms feed.SwapTerms) (feed.Changes, error) {
	next := map[string]bool{}
	for _, key := range g.rows {
		next[key] = true
	}
	if terms.Expect >= 0 && int64(len(next)) != terms.Expect {
		return feed.Changes{}, &feed.CountError{Distinct: int64(len(next)), Expected: terms.Expect}
	}
	var c feed.Changes
	for key := range next {
		if g.sink.live[key] {
			c.Unchanged++
		} else {
			c.Inserted++
		}
	}
	for key := range g.sink.live {
		if !next[key] {
			c.Deleted++
		}
	}
	if old := int64(len(g.sink.live)); c.Deleted > terms.MaxDelete(old) {
		return c, &feed.ShrinkError{Old: old, New: int64(len(next)), Deleted: c.Deleted, Allowed: terms.MaxDelete(old)}
	}
	g.sink.live, g.sink.staged = next, nil
	return c, nil
}
