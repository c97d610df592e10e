package sync

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"milkrun/state"
	"milkrun/sync/feed"
)

// numbered is what came of batch n when a page ends in every other batch.
func numbered(n int) settled {
	s := settled{counts: state.Counts{Delivered: 1}, letters: []state.Letter{{Code: strconv.Itoa(n)}}, forget: []string{strconv.Itoa(n)}}
	if n%2 == 0 {
		s.cursor = feed.Cursor(strconv.Itoa(n))
	}
	return s
}

func TestWatermark(t *testing.T) {
	cases := []struct {
		order []int
		takes []string // after each settled batch: the batches given out, and the cursor
	}{
		{[]int{0, 1, 2}, []string{"[0] 0", "[1] ", "[2] 2"}},
		{[]int{2, 1, 0}, []string{"", "", "[0 1 2] 2"}},
		{[]int{1, 0, 3, 2}, []string{"", "[0 1] 0", "", "[2 3] 2"}},
		{[]int{0, 2, 3, 1}, []string{"[0] 0", "", "", "[1 2 3] 2"}},
	}
	for _, c := range cases {
		w := newWatermark()
		for i, n := range c.order {
			w.settle(n, numbered(n))
			if got := shownTake(w); got != c.takes[i] {
				t.Errorf("%v: after batch %d it gives %q, want %q", c.order, n, got, c.takes[i])
			}
		}
	}
}

func shownTake(w *watermark) string {
	s, some := w.take()
	if !some {
		return ""
	}
	return fmt.Sprintf("%v %s", codes(s), s.cursor)
}

func codes(s settled) []string {
	var list []string
	for _, l := range s.letters {
		list = append(list, l.Code)
	}
	return list
}

// FuzzWatermark settles batches in any order, takes at any time, and leaves some out: what is given out is always a row
// of batches from the first one on, each once.
func FuzzWatermark(f *testing.F) {
	f.Add(uint64(1), uint8(10), uint8(3))
	f.Add(uint64(2), uint8(40), uint8(255))
	f.Fuzz(func(t *testing.T, seed uint64, n, missing uint8) {
		checkWatermark(t, rand.New(rand.NewPCG(seed, 0)), int(n), int(missing))
	})
}

func TestWatermarkAtRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for range 500 {
		checkWatermark(t, rnd, rnd.IntN(60), rnd.IntN(80))
	}
}

func checkWatermark(t *testing.T, rnd *rand.Rand, n, missing int) {
	t.Helper()
	w := newWatermark()
	var given []string
	cursor := feed.Cursor("")
	take := func() {
		s, some := w.take()
		if !some {
			return
		}
		given = append(given, codes(s)...)
		if s.batches != len(s.letters) || s.counts.Delivered != int64(len(s.letters)) || !slices.Equal(s.forget, codes(s)) {
			t.Fatalf("%d batches and %d records for the batches %v", s.batches, s.counts.Delivered, codes(s))
		}
		if s.cursor != "" {
			cursor = s.cursor
		}
	}
	for _, b := range rnd.Perm(n) {
		if b != missing {
			w.settle(b, numbered(b))
		}
		if rnd.IntN(3) == 0 {
			take()
		}
	}
	take()
	want := []string(nil)
	last := feed.Cursor("")
	for i := range min(n, missing) {
		want = append(want, strconv.Itoa(i))
		if i%2 == 0 {
			last = feed.Cursor(strconv.Itoa(i))
		}
	}
	if !slices.Equal(given, want) || cursor != last {
		t.Fatalf("of %d batches without batch %d it gave %v and cursor %q, want %v and %q", n, missing, given, cursor, want, last)
	}
}
