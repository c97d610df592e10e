package sync

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"milkrun/sync/feed"
)

// keysOf tells the records of a batch apart by some columns, as a target that keeps one record a key does. A column that
// is not there is the sink's to complain about.
func keysOf(b feed.Batch, columns []string) []string {
	at := make([]int, 0, len(columns))
	for _, name := range columns {
		if i, ok := b.Columns.Index(name); ok {
			at = append(at, i)
		}
	}
	keys := make([]string, b.Len())
	parts := make([]string, len(at))
	for i := range keys {
		row := b.Row(i)
		for j, column := range at {
			parts[j] = fmt.Sprint(row[column])
		}
		keys[i] = strings.Join(parts, "\x00")
	}
	return keys
}

// turns keeps the batches of one run that share a key in the order in which they were read; others do not wait for each
// other. With it two revisions of one record never overtake each other, however many batches are in flight.
type turns struct {
	mu   sync.Mutex
	last map[string]chan struct{} // by key: closed when the newest batch with it is over
}

// take queues a batch. It is to be delivered when all channels of before are closed; over tells that it is. One goroutine
// calls it, in the order of the batches.
func (t *turns) take(keys map[string]struct{}) (before []chan struct{}, over func()) {
	if len(keys) == 0 {
		return nil, func() {}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[string]chan struct{}{}
	}
	mine, ahead := make(chan struct{}), map[chan struct{}]bool{}
	for key := range keys {
		if c, some := t.last[key]; some {
			ahead[c] = true
		}
		t.last[key] = mine
	}
	return slices.Collect(maps.Keys(ahead)), func() { t.give(keys, mine) }
}

func (t *turns) give(keys map[string]struct{}, mine chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key := range keys {
		if t.last[key] == mine {
			delete(t.last, key)
		}
	}
	close(mine)
}
