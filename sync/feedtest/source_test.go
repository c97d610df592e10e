package feedtest

import (
	"testing"

	"milkrun/sync/feed"
)

func sourceCase(broken string) SourceCase {
	p := &partner{}
	c := SourceCase{Limit: 4, Secrets: []string{password}, Faults: p.faults(), Stall: p.stall}
	for i := range int64(7) {
		p.records = append(p.records, record(i))
		c.Want = append(c.Want, named(record(i)))
	}
	c.Range = &Bounds{From: "1", To: "5", Want: c.Want[1:5]}
	c.Open = func(testing.TB) feed.Source {
		return &memSource{partner: p, broken: broken, fetched: map[feed.Cursor]int{}}
	}
	c.MoveOn = func(testing.TB) []map[string]feed.Value {
		p.records = append(p.records, record(7))
		if broken == "does not move on" {
			return []map[string]feed.Value{named(record(8))}
		}
		return []map[string]feed.Value{named(record(7))}
	}
	return c
}

func TestGoodSource(t *testing.T) {
	Source(t, sourceCase(""))
	unordered := sourceCase("")
	unordered.Unordered = true
	unordered.Want[0], unordered.Want[6] = unordered.Want[6], unordered.Want[0]
	t.Run("unordered", func(t *testing.T) { wholeRead(t, &unordered) })
}

func TestBrokenSources(t *testing.T) {
	testBroken(t, []breakage{
		{"skips a record", "whole read"},
		{"loses a record on single-record pages", "whole read"},
		{"stands still", "whole read"},
		{"int values", "page shape"},
		{"wrong total", "page shape"},
		{"second fetch differs", "fetch is repeatable"},
		{"remembers where it was", "resumes from every cursor"},
		{"counts cursors in pages", "page size changes midway"},
		{"bare cursor", "cursors are JSON"},
		{"takes any cursor", "bad cursors are refused"},
		{"starts over at a bad cursor", "bad cursors are refused"},
		{"retries a bad cursor", "bad cursors are refused"},
		{"does not show a good cursor", "bad cursors are refused"},
		{"repeats the last record", "nothing behind the end"},
		{"uses its memory again", "whole read"},
		{"wrong following", "pager"},
		{"third fetch differs", "pager concurrently"},
		{"key that is none", "enumerator"},
		{"counts pages from one", "enumerator"},
		{"counts everything", "counter"},
		{"locates its neighbour", "rereader"},
		{"range ends early", "ranger"},
		{"takes any bound", "ranger"},
		{"rewinds forward", "rewinder"},
		{"forgets what it rewinds", "rewinder"},
		{"ignores the context", "cancelled"},
		{"hangs on", "cancelled midway"},
		{"takes an error for an empty page", "faults"},
		{"returns half a page", "faults"},
		{"says the password", "faults"},
		{"does not move on", "moves on"},
	}, sourceChecks(), func(broken string) *SourceCase { c := sourceCase(broken); return &c })
}
