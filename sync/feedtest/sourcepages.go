package feedtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"milkrun/sync/feed"
)

// wholeRead also sees a source that fills the same memory again: all pages are looked at after the last one is there.
func wholeRead(t testing.TB, c *SourceCase) {
	want := showRecords(c.Want)
	for _, size := range c.sizes() {
		steps := c.walk(t, c.Open(t), "", size)
		c.sameRecords(t, fmt.Sprintf("records in pages of %d", size), showSteps(steps), want)
		var codes []string
		for _, s := range steps {
			for _, r := range s.page.Rejected {
				codes = append(codes, r.Code)
			}
		}
		same(t, fmt.Sprintf("codes of rejected records in pages of %d", size), codes, c.Rejected)
	}
}

func pageShape(t testing.TB, c *SourceCase) {
	var columns *feed.Columns
	for _, s := range c.walk(t, c.Open(t), "", c.small()) {
		p := s.page
		if n := int64(len(c.Want) + len(c.Rejected)); p.Total != -1 && p.Total != n {
			t.Errorf("Total is %d; it should be -1 (not stated) or %d", p.Total, n)
		}
		if p.Bytes < 0 {
			t.Errorf("Bytes is %d", p.Bytes)
		}
		for _, r := range p.Rejected {
			if r.Code == "" || r.Reason == "" || r.Row < 0 {
				t.Errorf("the rejection %+v needs a row, a code and a reason", r)
			}
		}
		batchShape(t, p.Rows, c.small())
		if p.Rows.Columns == nil {
			continue
		}
		if columns != nil && !columns.Equal(p.Rows.Columns) {
			t.Errorf("the columns change from %v to %v", columns.List(), p.Rows.Columns.List())
		}
		columns = p.Rows.Columns
	}
}

func batchShape(t testing.TB, b feed.Batch, limit int) {
	t.Helper()
	if b.Columns == nil {
		if len(b.Values) > 0 {
			t.Errorf("%d values without columns", len(b.Values))
		}
		return
	}
	if len(b.Values) != b.Len()*b.Columns.Len() {
		t.Errorf("%d values do not fill rows of %d columns", len(b.Values), b.Columns.Len())
	}
	if b.Len() > limit {
		t.Errorf("a page of at most %d rows has %d", limit, b.Len())
	}
	for i, col := range b.Columns.List() {
		if at, _ := b.Columns.Index(col.Name); at != i || col.Name == "" {
			t.Errorf("column %d is named %q: a name must be there and only once", i, col.Name)
		}
	}
	for i := range b.Len() {
		for j, v := range b.Row(i) {
			if col := b.Columns.List()[j]; !fits(v, col.Type) {
				t.Errorf("column %s, row %d: %T does not fit the column's type %d", col.Name, i, v, col.Type)
			}
		}
	}
}

// fits says whether a value is of the allowed Go types, and of the one its column promises.
func fits(v feed.Value, typ feed.Type) bool {
	is := func(types ...feed.Type) bool { return typ == feed.Any || slices.Contains(types, typ) }
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return utf8.ValidString(v) && is(feed.Text, feed.Decimal)
	case int64:
		return is(feed.Integer)
	case float64:
		return is(feed.Real)
	case bool:
		return is(feed.Boolean)
	case []byte:
		return is(feed.Bytes)
	case time.Time:
		return is(feed.Time, feed.Date)
	default:
		return false
	}
}

func repeatable(t testing.TB, c *SourceCase) {
	s := c.Open(t)
	for _, st := range c.walk(t, s, "", c.small()) {
		want := c.showPage(st.page)
		same(t, fmt.Sprintf("second Fetch of %q", st.at), c.showPage(c.fetch(t, s, st.at, c.small())), want)
		same(t, fmt.Sprintf("Fetch of %q by a new source", st.at), c.showPage(c.fetch(t, c.Open(t), st.at, c.small())), want)
	}
}

func resumes(t testing.TB, c *SourceCase) {
	want := showRecords(c.Want)
	steps := c.walk(t, c.Open(t), "", c.small())
	for i, s := range steps[1:] {
		rest := c.walk(t, c.Open(t), s.at, c.small())
		got := append(showSteps(steps[:i+1]), showSteps(rest)...)
		c.sameRecords(t, fmt.Sprintf("records of a read interrupted at %q", s.at), got, want)
	}
}

// sizeChanges guards an operator who changes page_size while a checkpoint stands in the middle: the source goes on
// without a gap, or says that it cannot.
func sizeChanges(t testing.TB, c *SourceCase) {
	if c.Limit < 3 {
		return
	}
	want := showRecords(c.Want)
	steps := c.walk(t, c.Open(t), "", 2)
	for i, s := range steps[1:] {
		fresh := c.Open(t)
		if _, err := fresh.Fetch(t.Context(), s.at, 3); err != nil {
			wantRefused(t, c, fmt.Sprintf("the page size changed at %q", s.at), err)
			continue
		}
		got := append(showSteps(steps[:i+1]), showSteps(c.walk(t, fresh, s.at, 3))...)
		for _, gone := range lacking(got, want) {
			t.Errorf("with pages of 2 up to %q and of 3 from there, this record is skipped:\n\t%s", s.at, gone)
		}
	}
}

// wantRefused checks that an error is not one to try again.
func wantRefused(t testing.TB, c *SourceCase, what string, err error) {
	t.Helper()
	noSecret(t, c.Secrets, err)
	if v := feed.Judge(err).Verdict; v < feed.Fail {
		t.Errorf("%s: the verdict is %s, which tries again what cannot succeed: %v", what, v, err)
	}
}

func cursorsAreJSON(t testing.TB, c *SourceCase) {
	s := c.Open(t)
	checker, _ := s.(feed.CursorChecker)
	for _, st := range c.walk(t, s, "", c.small()) {
		next := st.page.Next
		if next == "" && st.page.Done && st.page.Rows.Len() == 0 {
			continue
		}
		noSecretText(t, c.Secrets, "the cursor", string(next))
		if !json.Valid([]byte(next)) {
			t.Fatalf("the cursor %q is not JSON", next)
		}
		if checker == nil {
			continue
		}
		var spaced bytes.Buffer
		if err := json.Indent(&spaced, []byte(next), " ", "  "); err != nil {
			t.Fatal(err)
		}
		for _, form := range []feed.Cursor{next, feed.Cursor(spaced.String())} {
			if got, err := checker.CheckCursor(form); err != nil || got != next {
				t.Errorf("CheckCursor(%q) = %q, %v; it should be %q", form, got, err, next)
			}
		}
	}
}

func behindTheEnd(t testing.TB, c *SourceCase) {
	s := c.Open(t)
	steps := c.walk(t, s, "", c.small())
	end := steps[len(steps)-1].page.Next
	if p := c.fetch(t, s, end, c.small()); p.Rows.Len()+len(p.Rejected) > 0 || !p.Done {
		t.Errorf("behind the end, at %q, are %d rows and Done is %v; it should be none and true", end, p.Rows.Len(), p.Done)
	}
}

func badCursors(t testing.TB, c *SourceCase) {
	s := c.Open(t)
	good := c.fetch(t, s, "", c.small()).Next
	bad := []feed.Cursor{"garbage", "{", "[]", "null", `{"surely no field of it":1}`, good + " x"}
	if good != "" && (good[0] == '{' || good[0] == '[') {
		bad = append(bad, good[:len(good)-1])
	}
	for _, b := range bad {
		if p, err := s.Fetch(t.Context(), b, c.small()); err == nil {
			t.Errorf("Fetch with the cursor %q returned %d rows and no error", b, p.Rows.Len())
		} else {
			wantRefused(t, c, fmt.Sprintf("Fetch with the cursor %q", b), err)
		}
		if checker, ok := s.(feed.CursorChecker); ok {
			refusesCursor(t, checker, b)
		}
	}
}

func refusesCursor(t testing.TB, checker feed.CursorChecker, bad feed.Cursor) {
	t.Helper()
	got, err := checker.CheckCursor(bad)
	if err == nil {
		t.Errorf("CheckCursor(%q) = %q and no error", bad, got)
	} else if !showsGoodCursor(checker, bad, err.Error()) {
		t.Errorf("CheckCursor(%q) says %q; it should show a cursor it would take", bad, err)
	}
}

// showsGoodCursor says whether an error text holds some JSON, other than the bad cursor, that the checker takes.
func showsGoodCursor(checker feed.CursorChecker, bad feed.Cursor, text string) bool {
	for i := range text {
		var raw json.RawMessage
		if json.NewDecoder(bytes.NewReader([]byte(text[i:]))).Decode(&raw) != nil || string(raw) == string(bad) {
			continue
		}
		if _, err := checker.CheckCursor(feed.Cursor(raw)); err == nil {
			return true
		}
	}
	return false
}

func cancelledFetch(t testing.TB, c *SourceCase) {
	s := c.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := prompt(t, "Fetch", func() error { _, err := s.Fetch(ctx, "", c.small()); return err })
	wantCancelled(t, c.Secrets, "Fetch", err)
}

func stalledFetch(t testing.TB, c *SourceCase) {
	if c.Stall == nil {
		return
	}
	s := c.Open(t)
	cancelMidway(t, c.Secrets, "Fetch", c.Stall(t), func(ctx context.Context) error {
		_, err := s.Fetch(ctx, "", c.small())
		return err
	})
}

func sourceFaults(t testing.TB, c *SourceCase) {
	for _, name := range slices.Sorted(maps.Keys(c.Faults)) {
		s := c.Open(t)
		first := c.fetch(t, s, "", c.small())
		want := c.showPage(c.fetch(t, s, first.Next, c.small()))
		c.Faults[name](t)
		page, err := s.Fetch(t.Context(), first.Next, c.small())
		if err != nil {
			noSecret(t, c.Secrets, err)
			page = c.fetch(t, s, first.Next, c.small())
		}
		same(t, fmt.Sprintf("page after the fault %q", name), c.showPage(page), want)
	}
}

func movesOn(t testing.TB, c *SourceCase) {
	if c.MoveOn == nil {
		return
	}
	steps := c.walk(t, c.Open(t), "", c.small())
	end := steps[len(steps)-1].page.Next
	want := showRecords(c.MoveOn(t))
	c.sameRecords(t, fmt.Sprintf("new records behind %q", end), showSteps(c.walk(t, c.Open(t), end, c.small())), want)
}
