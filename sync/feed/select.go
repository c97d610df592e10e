package feed

import "context"

// Selection is which records an operator wants: those with these ids, or those that a condition in the source's own
// language holds for; of them the ones that do not stand before Since, a bound as [Ranger] takes it. Exactly one of IDs and
// Where is given.
type Selection struct {
	IDs   []string
	Where string
	Since string
}

// Selector is a source of which some records can be read again. Select returns a source of the chosen records as they are
// now, in the order of their cursors, from the empty cursor on; it reads nothing but may ask whether the condition is one.
// Its errors fail a run and never halt a job: what is wrong is the selection.
// Identify returns what IDs calls the record at a place, "" for a place that is none.
type Selector interface {
	Select(ctx context.Context, s Selection) (Source, error)
	Identify(place Cursor) string
}

// Comparer is a source that can tell which of two cursors stands first; ok is false when it cannot.
type Comparer interface {
	Compare(a, b Cursor) (order int, ok bool)
}
