package sync

import "milkrun/sync/feed"

// refusals are the records that source or target refused: they are listed, so they must not be deleted.
type refusals struct {
	keys    feed.Batch // their keys
	unknown bool       // of some nobody knows the key
}

// source takes note of records that the source refused.
func (r *refusals) source(rejected []feed.Rejection, key []string) {
	for _, rej := range rejected {
		values := make([]feed.Value, len(key))
		for i, column := range key {
			values[i] = rej.Record[column]
			r.unknown = r.unknown || rej.NoKey || values[i] == nil
		}
		r.keep(values, key)
	}
}

// add takes note of a record that the target cannot hold.
func (r *refusals) add(b feed.Batch, row int, key []string) {
	values := make([]feed.Value, len(key))
	for i, column := range key {
		values[i] = b.Get(row, column)
	}
	r.keep(values, key)
}

func (r *refusals) keep(values []feed.Value, key []string) {
	if r.keys.Columns == nil {
		r.keys.Columns = feed.TextColumns(key...)
	}
	r.keys.Values = append(r.keys.Values, values...)
}
