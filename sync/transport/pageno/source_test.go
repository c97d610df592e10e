package pageno

import (
	"context"
	"strings"
	"testing"

	"milkrun/sync/feed"
)

// source counts from 0 to records-1.
func source(records int, asks *int) *Source {
	columns := feed.NewColumns(feed.Column{Name: "n", Type: feed.Integer})
	ask := func(_ context.Context, number int64, size, from, to int) (Page, error) {
		*asks++
		first := int(number-1) * size
		p := Page{Listed: max(0, min(size, records-first)), Page: feed.Page{Rows: feed.Batch{Columns: columns}, Total: int64(records)}}
		for i := from; i < min(to, p.Listed); i++ {
			p.Rows.Values = append(p.Rows.Values, int64(first+i))
		}
		return p, nil
	}
	return &Source{Ask: ask, Label: "partner: grades", Columns: []string{"n"}, Usual: 1000, Max: 1000}
}

// TestPages reads everything, also from places that are no borders of the pages asked for.
func TestPages(t *testing.T) {
	s := source(25, new(int))
	for _, after := range []feed.Cursor{"", `{"page":3,"size":4}`, `{"page":1,"size":25}`} {
		next := s.Position(after)
		for c, done := after, false; !done; {
			p, err := s.Fetch(t.Context(), c, 10)
			if err != nil {
				t.Fatal(err)
			}
			for i := range p.Rows.Len() {
				if got := p.Rows.Get(i, "n"); got != next {
					t.Fatalf("behind %s: %v where %d is due", c, got, next)
				}
				next++
			}
			c, done = p.Next, p.Done
		}
		if next != 25 {
			t.Errorf("from %s on the records end at %d", after, next)
		}
	}
	_, err := s.Fetch(t.Context(), `{"page":1,"size":9999}`, 10)
	if e := feed.Judge(err); e.Verdict != feed.HaltJob || e.Remedy == "" || !strings.HasPrefix(err.Error(), "partner: grades: cursor ") {
		t.Errorf("a bad cursor: %v", err)
	}
}

// TestWithoutTotal ends at a page that is short.
func TestWithoutTotal(t *testing.T) {
	for listed, done := range map[int]bool{10: false, 9: true, 0: true} {
		s := &Source{Max: 10, Ask: func(context.Context, int64, int, int, int) (Page, error) {
			return Page{Listed: listed, Page: feed.Page{Total: -1}}, nil
		}}
		if p, err := s.Fetch(t.Context(), "", 10); err != nil || p.Done != done {
			t.Errorf("%d of 10 records: done %v, %v", listed, p.Done, err)
		}
	}
}

func TestRange(t *testing.T) {
	asks := 0
	s := source(25, &asks)
	for _, c := range []struct {
		from, to  string
		rows, ask int
		next      feed.Cursor
	}{
		{"", "", 25, 3, `{"page":3,"size":10}`},
		{"2", "", 15, 2, `{"page":3,"size":10}`},
		{"", "2", 20, 2, `{"page":2,"size":10}`},
		{"2", "2", 10, 1, `{"page":2,"size":10}`},
		{"3", "9", 5, 1, `{"page":3,"size":10}`},
		{"9", "9", 0, 1, `{"page":8}`},
		{`{"page":1,"size":4}`, `{"page":3,"size":5}`, 11, 2, `{"page":3,"size":5}`},
	} {
		asks = 0
		after, bounded, err := s.Range(c.from, c.to)
		if err != nil {
			t.Fatal(err)
		}
		if _, enumerates := bounded.(feed.Enumerator); enumerates {
			t.Error("a part passes for the whole")
		}
		rows := 0
		for done := false; !done; {
			p, err := bounded.Fetch(t.Context(), after, 10)
			if err != nil {
				t.Fatal(err)
			}
			if next := bounded.(feed.Pager).Following(after, 10); p.Rows.Len() == 10 && next != p.Next {
				t.Errorf("Following(%s) is %s, not %s", after, next, p.Next)
			}
			rows, after, done = rows+p.Rows.Len(), p.Next, p.Done
		}
		if rows != c.rows || after != c.next || asks != c.ask {
			t.Errorf("%s to %s: %d rows in %d pages, ending at %s", c.from, c.to, rows, asks, after)
		}
		if p, err := bounded.Fetch(t.Context(), `{"page":9,"size":1000}`, 10); c.to != "" && (err != nil || !p.Done || p.Rows.Len() > 0) {
			t.Errorf("behind the range: %+v, %v", p, err)
		}
	}
	for _, bad := range [][2]string{{"0", ""}, {"x", ""}, {"", "-1"}, {"5", "4"}, {"", "99999999999"}, {`{"page":0}`, ""}, {`{"page":2}`, `{"page":2}`}} {
		if _, _, err := s.Range(bad[0], bad[1]); err == nil {
			t.Errorf("range %q is taken", bad)
		}
	}
}

func TestCursors(t *testing.T) {
	s := source(0, new(int))
	for _, c := range [][2]feed.Cursor{
		{"", ""}, {`{"page":812,"size":500}`, `{"page":812,"size":500}`}, {` { "page" : 812 } `, `{"page":812,"size":1000}`},
	} {
		if got, err := s.CheckCursor(c[0]); got != c[1] || err != nil {
			t.Errorf("%s: %s, %v", c[0], got, err)
		}
	}
	for _, bad := range []feed.Cursor{"812", "null", `{}`, `{"page":0}`, `{"page":-1}`, `{"page":1,"size":0}`, `{"page":1,"size":1001}`,
		`{"page":99999999999}`, `{"page":1.5}`, `{"page":"1"}`, `{"page":1,"x":1}`, `{"page":1}{}`} {
		if got, err := s.CheckCursor(bad); err == nil {
			t.Errorf("%s passes as %s", bad, got)
		}
	}
	if got := s.Position(`{"page":812,"size":500}`); got != 406_000 {
		t.Errorf("position %d", got)
	}
	if _, err := s.Fetch(t.Context(), "", 1000+1); feed.Judge(err).Verdict != feed.Fail {
		t.Errorf("a page of %d: %v", 1000+1, err)
	}
}
