package sync

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"milkrun/state"
	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

// rowsOf is a batch of records with these numbers.
func rowsOf(c *feed.Columns, from, to int) feed.Batch {
	b := feed.Batch{Columns: c}
	for i := from; i < to; i++ {
		b.Values = append(b.Values, strconv.Itoa(i), "13800000000")
	}
	return b
}

// gathered makes batches of pages of these sizes; an enumeration when at is true. A batch is shown as its rows, its
// cursor and its position.
func gathered(size int, at bool, pages ...int) []string {
	var list []string
	g := &gatherer{size: size, mask: func(b feed.Batch) feed.Batch { return b }, note: func(page) []state.Letter { return nil },
		emit: func(b *batch) { list = append(list, shownBatch(b)) }}
	row := 0
	for i, n := range pages {
		p := page{at: -1, Page: feed.Page{Rows: rowsOf(cols, row, row+n), Next: feed.Cursor("p" + strconv.Itoa(i+1))}}
		if at {
			p.at = int64(row)
		}
		row += n
		g.add(p)
	}
	g.flush()
	return list
}

func shownBatch(b *batch) string {
	rows := "-"
	if n := b.rows.Len(); n > 0 {
		rows = fmt.Sprintf("%v-%v", b.rows.Get(0, "id"), b.rows.Get(n-1, "id"))
	}
	return fmt.Sprintf("%d: %s after %s at %d", b.number, rows, b.after, b.at)
}

func TestGatherer(t *testing.T) {
	cases := map[string]struct {
		size  int
		at    bool
		pages []int
		want  []string
	}{
		"page = batch":             {3, false, []int{3, 3}, []string{"0: 0-2 after p1 at -1", "1: 3-5 after p2 at -1"}},
		"page < batch":             {5, false, []int{2, 2, 2}, []string{"0: 0-4 after p2 at -1", "1: 5-5 after p3 at -1"}},
		"page > batch":             {2, false, []int{5}, []string{"0: 0-1 after  at -1", "1: 2-3 after  at -1", "2: 4-4 after p1 at -1"}},
		"page of several batches":  {2, false, []int{4, 1}, []string{"0: 0-1 after  at -1", "1: 2-3 after p1 at -1", "2: 4-4 after p2 at -1"}},
		"short and empty pages":    {4, false, []int{1, 0, 2, 0}, []string{"0: 0-2 after p4 at -1"}},
		"an empty page alone":      {4, false, []int{0}, []string{"0: - after p1 at -1"}},
		"an empty page behind":     {2, false, []int{2, 0}, []string{"0: 0-1 after p1 at -1", "1: - after p2 at -1"}},
		"ends in the second page":  {3, false, []int{2, 2, 2}, []string{"0: 0-2 after p1 at -1", "1: 3-5 after p3 at -1"}},
		"positions":                {3, true, []int{2, 2, 2}, []string{"0: 0-2 after p1 at 0", "1: 3-5 after p3 at 3"}},
		"positions in a long page": {2, true, []int{5, 1}, []string{"0: 0-1 after  at 0", "1: 2-3 after  at 2", "2: 4-5 after p2 at 4"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := gathered(c.size, c.at, c.pages...); !slices.Equal(got, c.want) {
				t.Errorf("got\n %q, want\n %q", got, c.want)
			}
		})
	}
}

// TestGathererCuts looks at what may not share a batch: rows that do not follow each other, and other columns.
func TestGathererCuts(t *testing.T) {
	other := feed.TextColumns("id", "mail")
	cases := map[string]struct {
		second page
		want   int
	}{
		"in line":       {page{at: 2, Page: feed.Page{Rows: rowsOf(cols, 2, 4)}}, 1},
		"a gap":         {page{at: 7, Page: feed.Page{Rows: rowsOf(cols, 7, 9)}}, 2},
		"other columns": {page{at: 2, Page: feed.Page{Rows: rowsOf(other, 2, 4)}}, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var list []*batch
			g := &gatherer{size: 10, mask: func(b feed.Batch) feed.Batch { return b }, note: func(page) []state.Letter { return nil },
				emit: func(b *batch) { list = append(list, b) }}
			g.add(page{at: 0, Page: feed.Page{Rows: rowsOf(cols, 0, 2)}})
			g.add(c.second)
			g.flush()
			if len(list) != c.want || list[len(list)-1].at != c.second.at*int64(c.want-1) {
				t.Errorf("%d batches, the last at %d, want %d", len(list), list[len(list)-1].at, c.want)
			}
		})
	}
}

// TestGathererMasks checks that the rows as read are kept beside the masked ones, and the page's own values untouched.
func TestGathererMasks(t *testing.T) {
	job := newJob(t, "m", nil, nil)
	rule, err := mask.Parse("phone")
	if err != nil {
		t.Fatal(err)
	}
	job.Mask = map[string]mask.Rule{"phone": rule}
	r := &run{job: job}
	var got *batch
	g := &gatherer{size: 3, mask: r.masked, note: func(page) []state.Letter { return nil }, emit: func(b *batch) { got = b }}
	first := rowsOf(cols, 0, 2)
	g.add(page{at: -1, Page: feed.Page{Rows: first}})
	g.add(page{at: -1, Page: feed.Page{Rows: rowsOf(cols, 2, 3)}})
	for i := range 3 {
		if got.rows.Get(i, "phone") == "13800000000" || got.raw.Get(i, "phone") != "13800000000" || got.raw.Get(i, "id") != got.rows.Get(i, "id") {
			t.Errorf("row %d goes out as %v, was read as %v", i, got.rows.Row(i), got.raw.Row(i))
		}
	}
	if first.Get(0, "phone") != "13800000000" {
		t.Error("the page itself was changed")
	}
}
