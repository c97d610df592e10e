package sandbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

// span is n slots one after the other.
type span struct{ from, n int }

// ledger is the list of enterprises at one moment: which slot stands at which position, and how often which enterprises
// were regraded. It is never changed; an edit makes another one. Its size is that of the edits, not of the list.
type ledger struct {
	spans    []span
	count    int
	nextSlot int
	regrades []int // each n moves the grade of every n-th enterprise on by one
}

func newLedger(n int) *ledger {
	return &ledger{spans: []span{{0, n}}, count: n, nextSlot: n}
}

// cut divides a list of spans at a position; both parts are new slices.
func cut(spans []span, at int) (left, right []span) {
	for i, s := range spans {
		if at < s.n {
			left = slices.Clone(spans[:i])
			if at > 0 {
				left = append(left, span{s.from, at})
			}
			return left, append([]span{{s.from + at, s.n - at}}, spans[i+1:]...)
		}
		at -= s.n
	}
	return slices.Clone(spans), nil
}

func (l ledger) insert(at, n int) *ledger {
	at, n = clamp(at, l.count), max(0, n)
	left, right := cut(l.spans, at)
	l.spans = slices.Concat(left, []span{{l.nextSlot, n}}, right)
	l.nextSlot += n
	l.count += n
	return &l
}

func (l ledger) delete(at, n int) *ledger {
	at = clamp(at, l.count)
	n = clamp(n, l.count-at)
	left, rest := cut(l.spans, at)
	_, right := cut(rest, n)
	l.spans = append(left, right...)
	l.count -= n
	return &l
}

func (l ledger) move(from, to int) *ledger {
	if l.count == 0 {
		return &l
	}
	from, to = clamp(from, l.count-1), clamp(to, l.count-1)
	left, rest := cut(l.spans, from)
	row, right := cut(rest, 1)
	left, right = cut(append(left, right...), to)
	l.spans = slices.Concat(left, row, right)
	return &l
}

func (l ledger) regrade(n int) *ledger {
	l.regrades = append(slices.Clone(l.regrades), max(1, n))
	return &l
}

// shift is by how many places the grade of an enterprise was moved.
func (l *ledger) shift(number int) int {
	k := 0
	for _, n := range l.regrades {
		if number%n == 0 {
			k++
		}
	}
	return k
}

// holds says whether a slot is in the list.
func (l *ledger) holds(slot int) bool {
	for _, s := range l.spans {
		if slot >= s.from && slot < s.from+s.n {
			return true
		}
	}
	return false
}

// each calls yield for the slots at the positions [from, from+n), in order, until it returns false.
func (l *ledger) each(from, n int, yield func(slot int) bool) {
	for _, s := range l.spans {
		if from >= s.n {
			from -= s.n
			continue
		}
		for slot := s.from + from; slot < s.from+s.n && n > 0; slot++ {
			if n--; !yield(slot) {
				return
			}
		}
		if from = 0; n == 0 {
			return
		}
	}
}

func clamp(x, most int) int { return min(max(x, 0), most) }

// Drift is a script of changes that happen while pages are read: after every Every page requests one change, taken
// from Ops in turn, at a position drawn from Seed.
type Drift struct {
	Every int `json:"every"`
	// Ops are "insert", "delete", "move" and "regrade"; the first three in turn when empty.
	Ops []string `json:"ops,omitempty"`
	// Max ends the script after so many changes; 0 means no end.
	Max  int    `json:"max,omitempty"`
	Seed uint64 `json:"seed,omitempty"`
	// Done is the number of changes made so far. It is told, not set.
	Done int `json:"done,omitempty"`
}

func (d Drift) check() error {
	if d.Every < 0 || d.Max < 0 {
		return fmt.Errorf("drift: every and max count from 0, not %d and %d", d.Every, d.Max)
	}
	for _, op := range d.Ops {
		if !slices.Contains(driftOps(), op) {
			return fmt.Errorf("drift: unknown op %q; the ops are %q", op, driftOps())
		}
	}
	return nil
}

func driftOps() []string { return []string{"insert", "delete", "move", "regrade"} }

// script runs a Drift.
type script struct {
	Drift
	seen int
	rand *rand.Rand
}

func newScript(d Drift) *script {
	d.Done = 0
	if len(d.Ops) == 0 {
		d.Ops = driftOps()[:3]
	}
	return &script{Drift: d, rand: rand.New(rand.NewPCG(d.Seed, 0))}
}

// step counts one page request and returns the list as it is after it.
func (s *script) step(l *ledger) *ledger {
	if s.Every == 0 || s.Max > 0 && s.Done >= s.Max {
		return l
	}
	if s.seen++; s.seen%s.Every != 0 {
		return l
	}
	op := s.Ops[s.Done%len(s.Ops)]
	s.Done++
	at, to := s.rand.IntN(max(1, l.count)), s.rand.IntN(max(1, l.count))
	switch op {
	case "insert":
		return l.insert(at, 1)
	case "delete":
		return l.delete(at, 1)
	case "move":
		return l.move(at, to)
	}
	return l.regrade(at + 1)
}
