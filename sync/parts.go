package sync

import (
	"slices"

	"milkrun/sync/feed"
)

// parts are pieces of a batch that are still to be sent: rows by their number.
type parts [][]int

// with adds a piece, unless it is empty.
func (p parts) with(rows []int) parts {
	if len(rows) == 0 {
		return p
	}
	return append(p, rows)
}

// tries counts what came of the parts of one batch.
type tries struct{ accepted, refused int }

// badRows are the rows that are rejected.
func badRows(rejected []feed.Rejection) []int {
	rows := make([]int, len(rejected))
	for i, r := range rejected {
		rows[i] = r.Row
	}
	return rows
}

// others are the rows of a batch of n that are not rejected.
func others(rejected []feed.Rejection, n int) []int {
	bad, rows := badRows(rejected), make([]int, 0, n)
	slices.Sort(bad)
	for i := range n {
		if _, found := slices.BinarySearch(bad, i); !found {
			rows = append(rows, i)
		}
	}
	return rows
}

// pick returns the elements with these numbers.
func pick[T any](list []T, rows []int) []T {
	picked := make([]T, len(rows))
	for i, row := range rows {
		picked[i] = list[row]
	}
	return picked
}

// pickRows is pick for the rows of a batch.
func pickRows(b feed.Batch, rows []int) feed.Batch {
	if len(rows) == b.Len() {
		return b
	}
	picked := feed.Batch{Columns: b.Columns, Values: make([]feed.Value, 0, len(rows)*b.Columns.Len())}
	for _, row := range rows {
		picked.Values = append(picked.Values, b.Row(row)...)
	}
	return picked
}
