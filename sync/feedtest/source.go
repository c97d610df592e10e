package feedtest

import (
	"testing"

	"milkrun/sync/feed"
)

// SourceCase is a source with records behind it. At least five records are needed, so that pages of two have neighbours.
type SourceCase struct {
	// Open returns a new source on the same records. It is called many times.
	Open func(t testing.TB) feed.Source
	// Want holds the records of the whole feed in order, by column name; columns that are nil may be left out.
	Want []map[string]feed.Value
	// Unordered says that the order of the records in Want means nothing.
	Unordered bool
	// Rejected holds the codes of the records that the source itself refuses, in order; they are not in Want.
	Rejected []string
	// Limit is the largest page the source can be asked for; 0 means 1000.
	Limit int
	// Secrets are texts that must be in no error and no cursor.
	Secrets []string
	// Faults, by name ("connection drop", "truncated body", "HTTP 500", "HTML with status 200"), make the next request of
	// a source that is open go wrong, once.
	Faults map[string]func(t testing.TB)
	// Stall makes the next request hang until its caller goes away; the channel is closed when it has arrived.
	Stall func(t testing.TB) (arrived <-chan struct{})
	// Range is needed for a feed.Ranger.
	Range *Bounds
	// MoveOn adds records behind the end of the feed and returns them. It is called once, after everything else.
	MoveOn func(t testing.TB) []map[string]feed.Value
}

// Bounds are what an operator types for a bounded read, and the records between them.
type Bounds struct {
	From, To string
	Want     []map[string]feed.Value
}

// check is one promise.
type check[C any] struct {
	name string
	run  func(testing.TB, *C)
}

// Source holds a source to the contracts of package feed.
func Source(t *testing.T, c SourceCase) {
	t.Helper()
	c.prepare(t)
	for _, k := range sourceChecks() {
		t.Run(k.name, func(t *testing.T) { k.run(t, &c) })
	}
}

func (c *SourceCase) prepare(t testing.TB) {
	t.Helper()
	if c.Limit == 0 {
		c.Limit = 1000
	}
	if c.Open == nil || len(c.Want) < 5 {
		t.Fatalf("a SourceCase needs Open and at least five records in Want")
	}
}

// sourceChecks lists the promises; "moves on" changes the records and stays last.
func sourceChecks() []check[SourceCase] {
	return []check[SourceCase]{
		{"whole read", wholeRead},
		{"page shape", pageShape},
		{"fetch is repeatable", repeatable},
		{"resumes from every cursor", resumes},
		{"page size changes midway", sizeChanges},
		{"cursors are JSON", cursorsAreJSON},
		{"nothing behind the end", behindTheEnd},
		{"bad cursors are refused", badCursors},
		{"pager", pager},
		{"pager concurrently", pagerConcurrently},
		{"enumerator", enumerator},
		{"counter", counter},
		{"rereader", rereader},
		{"ranger", ranger},
		{"rewinder", rewinder},
		{"cancelled", cancelledFetch},
		{"cancelled midway", stalledFetch},
		{"faults", sourceFaults},
		{"moves on", movesOn},
	}
}

// step is one page of a read, with the cursor it was asked with.
type step struct {
	at   feed.Cursor
	page feed.Page
}

// full says whether the page holds as many records as were asked for.
func (s step) full(limit int) bool { return s.page.Rows.Len()+len(s.page.Rejected) == limit }

// walk reads from a cursor to the end. It stops the check at an error and at a cursor that does not move.
func (c *SourceCase) walk(t testing.TB, s feed.Source, after feed.Cursor, limit int) []step {
	t.Helper()
	var steps []step
	for range 10*(len(c.Want)+len(c.Rejected)) + 100 {
		page := c.fetch(t, s, after, limit)
		steps = append(steps, step{after, page})
		if page.Next == after && (!page.Done || page.Rows.Len() > 0) {
			t.Fatalf("the cursor %q does not move with a page of %d rows, Done %v", after, page.Rows.Len(), page.Done)
		}
		if page.Done {
			return steps
		}
		after = page.Next
	}
	t.Fatalf("the read with pages of %d does not end", limit)
	return nil
}

func (c *SourceCase) fetch(t testing.TB, s feed.Source, after feed.Cursor, limit int) feed.Page {
	t.Helper()
	page, err := s.Fetch(t.Context(), after, limit)
	if err != nil {
		noSecret(t, c.Secrets, err)
		t.Fatalf("Fetch(%q, %d): %v", after, limit, err)
	}
	return page
}

func (c *SourceCase) sizes() []int {
	sizes := []int{1}
	if c.Limit > 2 {
		sizes = append(sizes, 2)
	}
	if c.Limit > 1 {
		sizes = append(sizes, c.Limit)
	}
	return sizes
}

// small is the page size of most checks: two, if the source can.
func (c *SourceCase) small() int { return min(2, c.Limit) }

// sameRecords compares with Want or a part of it, in order unless the case says that there is none.
func (c *SourceCase) sameRecords(t testing.TB, what string, got, want []string) {
	t.Helper()
	if c.Unordered {
		got, want = sorted(got), sorted(want)
	}
	same(t, what, got, want)
}
