package standing_test

import (
	"testing"
	"time"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/feed"
)

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", -999: "-999", -1234567: "-1,234,567", 1700000: "1,700,000"} {
		if got := standing.Grouped(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
}

func TestCursor(t *testing.T) {
	for c, want := range map[feed.Cursor]string{
		`{"create_date":"2026-03-05 10:39:53","id":413840}`: "create_date 2026-03-05 10:39:53, id 413840", `[120000]`: "120000", `["a","b"]`: "a, b",
		"17": "17", `{"a":`: `{"a":`, `{"n":12345678901234567890}`: "n 12345678901234567890", "{}": "", "": "",
	} {
		if got := standing.Cursor(c); got != want {
			t.Errorf("%s is %q", c, got)
		}
	}
}

func TestMeter(t *testing.T) {
	began := time.Date(2026, 3, 5, 10, 0, 0, 0, time.UTC)
	p := func(read int64) []sync.Progress {
		return []sync.Progress{{Run: 1, StartedAt: began, Phase: "reading", Begun: 1000, Counts: state.Counts{Read: read, Total: 51_000}}}
	}
	var g standing.Gauges
	if got := g.Read(p(10_000), began.Add(10*time.Second))[0]; got.Speed != 1000 || got.Done() != 11_000 {
		t.Errorf("at first it is %v a second", got.Speed)
	}
	m := g.Read(p(10_900), began.Add(10*time.Second+100*time.Millisecond))[0]
	if left, known := m.Left(); m.Speed != 1000 || m.Done() != 11_900 || !known || left != 39*time.Second {
		t.Errorf("a look too soon makes it %v a second, %s left", m.Speed, left)
	}
	if got := g.Read(p(20_000), began.Add(15*time.Second))[0].Speed; got <= 1000 || got >= 2000 {
		t.Errorf("when it quickens it is %v", got)
	}
	if got := g.Read(p(100), began.Add(16*time.Second))[0].Speed; got > 100 {
		t.Errorf("read from the beginning again it is %v", got)
	}
	if got := g.Read(p(50_001), began.Add(17*time.Second))[0]; got.Done() <= 51_000 {
		t.Error("the test is wrong")
	} else if _, known := got.Share(); known {
		t.Error("a share of more than there is")
	}
	g.Read(nil, began.Add(18*time.Second))
	if got := g.Read(p(100), began.Add(100*time.Second))[0].Speed; got != 1 {
		t.Errorf("a run of before is remembered: %v", got)
	}
}

// TestLag tells how old what the target has is, by what the checkpoint is.
func TestLag(t *testing.T) {
	zone := time.FixedZone("", 8*3600)
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, zone)
	hour := func(h int) time.Time { return now.Add(-time.Duration(h) * time.Hour) }
	for _, c := range []struct {
		cursor feed.Cursor
		full   time.Time
		lag    int64
		of     string
	}{
		{`["2026-11-22 11:00:00",17]`, hour(2), 3600, "cursor"},
		{`["2026-11-22T11:59:30.5+08:00"]`, time.Time{}, 29, "cursor"},
		{`{"from":["2026-11-22"]}`, time.Time{}, 12 * 3600, "cursor"},
		{`["2026-11-23 11:00:00"]`, time.Time{}, 0, "cursor"},
		{`[17]`, hour(2), 3 * 3600, "update"},
		{`{"line":2}`, time.Time{}, 3 * 3600, "update"},
		{"", hour(2), 2 * 3600, "complete pass"},
		{"", time.Time{}, 0, ""},
	} {
		j := standing.Job{Location: zone, LastFull: c.full}
		if c.cursor != "" {
			j.Lanes = map[state.Lane]state.Checkpoint{state.Forward: {Cursor: c.cursor, UpdatedAt: hour(3)}}
		}
		if lag, of := j.Lag(now); int64(lag.Seconds()) != c.lag || of != c.of {
			t.Errorf("%s: %s of %q, want %d of %q", c.cursor, lag, of, c.lag, c.of)
		}
	}
}
