package file

import (
	"context"
	"encoding/json"
	"fmt"

	"milkrun/sync/feed"
)

// Keyed is a source whose records are told apart by key columns, so that they can be found again.
type Keyed struct{ *Source }

var _ feed.Rereader = (*Keyed)(nil)

// Locate returns the key of a row, as {"key":["a",1]}.
func (k *Keyed) Locate(b feed.Batch, i int) feed.Cursor {
	key := make([]feed.Value, len(k.key))
	for j, name := range k.key {
		key[j] = b.Get(i, name)
	}
	text, err := json.Marshal(map[string]any{"key": key})
	if err != nil {
		return "" // texts, whole numbers, true, false and nil always marshal
	}
	return feed.Cursor(text)
}

// Reread looks for the records in the whole file.
func (k *Keyed) Reread(ctx context.Context, at []feed.Cursor) (feed.Batch, error) {
	wanted := make(map[feed.Cursor][]feed.Value, len(at))
	for _, c := range at {
		wanted[c] = nil
	}
	var columns *feed.Columns
	next, done := feed.Cursor(""), len(at) == 0
	for !done {
		p, err := k.Fetch(ctx, next, 1000)
		if err != nil {
			return feed.Batch{}, fmt.Errorf("reading records again: %w", err)
		}
		for i := range p.Rows.Len() {
			c := k.Locate(p.Rows, i)
			if _, ok := wanted[c]; ok {
				wanted[c] = p.Rows.Row(i)
			}
		}
		if p.Rows.Columns != nil {
			columns = p.Rows.Columns
		}
		next, done = p.Next, p.Done
	}
	b := feed.Batch{Columns: columns}
	for _, row := range wanted {
		b.Values = append(b.Values, row...)
	}
	return b, nil
}
