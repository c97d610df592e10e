package feedtest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"milkrun/sync/feed"
)

func pager(t testing.TB, c *SourceCase) {
	for _, size := range c.sizes() {
		s := c.Open(t)
		p, ok := s.(feed.Pager)
		if !ok {
			return
		}
		for _, st := range c.walk(t, s, "", size) {
			if next := p.Following(st.at, size); st.full(size) && next != st.page.Next {
				t.Errorf("Following(%q, %d) = %q, but the full page's Next is %q", st.at, size, next, st.page.Next)
			}
		}
	}
}

func pagerConcurrently(t testing.TB, c *SourceCase) {
	s := c.Open(t)
	if _, ok := s.(feed.Pager); !ok {
		return
	}
	steps := c.walk(t, s, "", c.small())
	pages := make([]feed.Page, 2*len(steps))
	errs := make([]error, len(pages))
	var wg sync.WaitGroup
	for i := range pages {
		wg.Go(func() { pages[i], errs[i] = s.Fetch(t.Context(), steps[i/2].at, c.small()) })
	}
	wg.Wait()
	for i, p := range pages {
		if errs[i] != nil {
			t.Fatalf("Fetch(%q) among others: %v", steps[i/2].at, errs[i])
		}
		same(t, fmt.Sprintf("page at %q fetched among others", steps[i/2].at), c.showPage(p), c.showPage(steps[i/2].page))
	}
}

func enumerator(t testing.TB, c *SourceCase) {
	s := c.Open(t)
	e, ok := s.(feed.Enumerator)
	if !ok {
		return
	}
	keysAreUnique(t, c, e.Key())
	for _, size := range c.sizes() {
		position := int64(0)
		for n, st := range c.walk(t, s, "", size) {
			if got := e.Position(st.at); got != position {
				t.Errorf("Position(%q) = %d; %d records stand before it", st.at, got, position)
			}
			position += int64(st.page.Rows.Len() + len(st.page.Rejected))
			at := e.CursorAt(int64(n), size)
			if got, want := e.Position(at), int64(n)*int64(size); got != want {
				t.Errorf("Position(CursorAt(%d, %d)) = %d; it should be %d", n, size, got, want)
			}
			same(t, fmt.Sprintf("page at CursorAt(%d, %d)", n, size), c.showPage(c.fetch(t, s, at, size)), c.showPage(st.page))
		}
	}
}

func keysAreUnique(t testing.TB, c *SourceCase, key []string) {
	t.Helper()
	if len(key) == 0 {
		t.Errorf("an enumerator's Key names at least one column")
	}
	seen := make(map[string]bool)
	for _, r := range c.Want {
		k := make(map[string]feed.Value, len(key))
		for _, name := range key {
			v, there := r[name]
			if !there {
				t.Errorf("the key column %q is not in the records", name)
			}
			k[name] = v
		}
		if text := showRecord(k); seen[text] {
			t.Errorf("two records have the key %s", text)
		} else {
			seen[text] = true
		}
	}
}

func counter(t testing.TB, c *SourceCase) {
	s := c.Open(t)
	n, ok := s.(feed.Counter)
	if !ok {
		return
	}
	left := int64(len(c.Want) + len(c.Rejected))
	for _, st := range c.walk(t, s, "", c.small()) {
		if got, err := n.Count(t.Context(), st.at); err != nil || got != left {
			t.Errorf("Count(%q) = %d, %v; %d records stand behind it", st.at, got, err, left)
		}
		left -= int64(st.page.Rows.Len() + len(st.page.Rejected))
	}
}

func rereader(t testing.TB, c *SourceCase) {
	s := c.Open(t)
	r, ok := s.(feed.Rereader)
	if !ok {
		return
	}
	var all []feed.Cursor
	for _, st := range c.walk(t, s, "", c.small()) {
		for i := range st.page.Rows.Len() {
			at := r.Locate(st.page.Rows, i)
			noSecretText(t, c.Secrets, "the place of a row", string(at))
			// A new source: a dead letter is retried long after the run that wrote it.
			got, err := c.Open(t).(feed.Rereader).Reread(t.Context(), []feed.Cursor{at})
			if err != nil {
				t.Fatalf("Reread(%q): %v", at, err)
			}
			same(t, fmt.Sprintf("records at %q", at), showBatch(got), []string{showRow(st.page.Rows, i)})
			all = append(all, at)
		}
	}
	slices.Reverse(all)
	got, err := r.Reread(t.Context(), all)
	if err != nil {
		t.Fatalf("Reread of %d places: %v", len(all), err)
	}
	same(t, "records read again", sorted(showBatch(got)), sorted(showRecords(c.Want)))
	if got, err = r.Reread(t.Context(), nil); err != nil || got.Len() > 0 {
		t.Errorf("Reread of no place returned %d records, %v", got.Len(), err)
	}
}

func ranger(t testing.TB, c *SourceCase) {
	r, ok := c.Open(t).(feed.Ranger)
	if !ok {
		return
	}
	if c.Range == nil {
		t.Fatalf("the source is a Ranger; the case needs Range")
	}
	after, bounded, err := r.Range(c.Range.From, c.Range.To)
	if err != nil {
		t.Fatalf("Range(%q, %q): %v", c.Range.From, c.Range.To, err)
	}
	for _, size := range c.sizes() {
		got := showSteps(c.walk(t, bounded, after, size))
		c.sameRecords(t, fmt.Sprintf("records in the range, pages of %d", size), got, showRecords(c.Range.Want))
	}
	if _, _, err := r.Range("}garbage", c.Range.To); err == nil {
		t.Errorf("Range took garbage as from")
	}
	if _, _, err := r.Range(c.Range.From, "}garbage"); err == nil {
		t.Errorf("Range took garbage as to")
	}
}

// rewinder checks that from a rewound cursor everything behind the cursor comes again, perhaps with more before it, and
// that the source knows of what was read already that it comes again.
func rewinder(t testing.TB, c *SourceCase) {
	s := c.Open(t)
	r, ok := s.(feed.Rewinder)
	if !ok {
		return
	}
	steps := c.walk(t, s, "", c.small())
	for n, st := range steps {
		at := st.page.Next
		got := showSteps(c.walk(t, s, r.Rewind(at), c.small()))
		for _, gone := range lacking(got, showSteps(steps[n+1:])) {
			t.Errorf("from Rewind(%q) this record does not come any more:\n\t%s", at, gone)
		}
		for _, extra := range lacking(showRecords(c.Want), got) {
			t.Errorf("from Rewind(%q) this record is none of the feed's:\n\t%s", at, extra)
		}
		for _, earlier := range steps[:n+1] {
			knowsRewound(t, r, earlier.page.Rows, at, got)
		}
	}
}

// knowsRewound checks rows that were read before the cursor against those that come again.
func knowsRewound(t testing.TB, r feed.Rewinder, b feed.Batch, at feed.Cursor, again []string) {
	t.Helper()
	for i := range b.Len() {
		if place := r.Locate(b, i); slices.Contains(again, showRow(b, i)) && !r.Rewound(place, at) {
			t.Errorf("Rewound(%q, %q) is false, but from Rewind(%q) the record there comes again", place, at, at)
		}
	}
}
