package sync

import (
	"fmt"
	"hash/fnv"

	"milkrun/sync/feed"
)

// keySum stands for a key: a complete reading may miss many records of a large table.
type keySum [16]byte

func sumOf(key []feed.Value) (sum keySum) {
	h := fnv.New128a()
	for _, v := range key {
		fmt.Fprintf(h, "%T %v\x00", v, v) // hash.Hash never returns an error
	}
	h.Sum(sum[:0])
	return sum
}

// noteMissing remembers which records the first reading would delete.
func (e *enumeration) noteMissing() error {
	e.missing = nil
	confirmer, ok := e.gen.(feed.Confirmer)
	if !ok {
		return nil
	}
	e.missing = map[keySum]struct{}{}
	err := confirmer.Missing(e.run.hard, func(key []feed.Value) error {
		e.missing[sumOf(key)] = struct{}{}
		return nil
	})
	return e.confirming(err)
}

// keepUnconfirmed stages the current records that only the second reading does not list: rows that moved while it was
// read hide records, and what one reading misses is no proof.
func (e *enumeration) keepUnconfirmed() (int64, error) {
	confirmer, ok := e.gen.(feed.Confirmer)
	if !ok || !e.confirmed || e.missing == nil {
		return 0, nil
	}
	keys := feed.Batch{Columns: feed.TextColumns(e.enum.Key()...)}
	err := confirmer.Missing(e.run.hard, func(key []feed.Value) error {
		if _, confirmed := e.missing[sumOf(key)]; !confirmed {
			keys.Values = append(keys.Values, key...)
		}
		return nil
	})
	if err != nil || keys.Len() == 0 {
		return 0, e.confirming(err)
	}
	kept, err := confirmer.Keep(e.run.hard, &keys)
	if err == nil {
		e.run.event("keep", "%s stay as they are: only the second reading does not list them; a later one tells", records(kept))
	}
	return kept, e.confirming(err)
}

func (e *enumeration) confirming(err error) error {
	if err != nil {
		return e.run.sinkError("records that are not listed any more", err)
	}
	return nil
}
