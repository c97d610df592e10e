package state

import (
	"testing"
	"time"
)

func TestTimelinessAddsUpByDay(t *testing.T) {
	s := newStore(t)
	var slow, quick Lags
	slow.Add(2 * time.Hour)
	slow.Add(3 * time.Second)
	quick.Add(10 * time.Millisecond)
	first := Timeliness{Interface: "orders", Version: 2, Job: "push", Day: "2026-03-01", Connection: "partner", Runs: 1,
		FirstDone: at(5), LastDone: at(5), Records: 2, Rejected: 1, Late: 1, Lag: slow}
	second := Timeliness{Interface: "orders", Version: 2, Job: "push", Day: "2026-03-01", Connection: "partner", Runs: 1,
		FirstDone: at(1), LastDone: at(1), Records: 1, Lag: quick}
	failed := Timeliness{Interface: "orders", Version: 2, Job: "push", Day: "2026-03-01", Connection: "partner", Rejected: 4}
	other := Timeliness{Interface: "orders", Version: 3, Job: "push", Day: "2026-03-02", Connection: "partner", Records: 7}
	ok(t, s.AddTimeliness(t.Context(), []Timeliness{first, other}))
	ok(t, s.AddTimeliness(t.Context(), []Timeliness{second}))
	ok(t, s.AddTimeliness(t.Context(), []Timeliness{failed}))
	ok(t, s.AddTimeliness(t.Context(), nil))

	list := must[[]Timeliness](t)(s.Timeliness(t.Context(), noon, noon.AddDate(0, 0, 1)))
	if len(list) != 1 {
		t.Fatalf("of one day: %+v", list)
	}
	want := first
	want.Runs, want.FirstDone, want.Records, want.Rejected, want.Lag = 2, at(1), 3, 5, slow
	want.Lag.Merge(quick)
	if list[0] != want {
		t.Errorf("got  %+v\nwant %+v", list[0], want)
	}
	if all := must[[]Timeliness](t)(s.Timeliness(t.Context(), time.Time{}, time.Time{})); len(all) != 2 || all[1] != other {
		t.Errorf("of all days: %+v", all)
	}
	none := must[[]Timeliness](t)(s.Timeliness(t.Context(), time.Time{}, noon))
	if len(none) != 0 {
		t.Errorf("the day of the upper bound is not part of the range: %+v", none)
	}
}

func TestLags(t *testing.T) {
	var l Lags
	if l.Quantile(0.5) != 0 || l.Average() != 0 {
		t.Errorf("of no record: %v, %v", l.Quantile(0.5), l.Average())
	}
	for range 90 {
		l.Add(500 * time.Millisecond)
	}
	for range 9 {
		l.Add(2 * time.Minute)
	}
	l.Add(30 * 24 * time.Hour)
	l.Add(-time.Minute)
	if l.Count != 101 || l.Max != 30*24*time.Hour || l.Buckets[0] != 91 || l.Buckets[len(l.Buckets)-1] != 1 {
		t.Errorf("%+v", l)
	}
	for _, c := range []struct {
		share     float64
		low, high time.Duration
	}{{0.5, time.Millisecond, time.Second}, {0.95, time.Minute, 5 * time.Minute}, {1, l.Max, l.Max}} {
		if got := l.Quantile(c.share); got < c.low || got > c.high {
			t.Errorf("quantile %v is %v, not within %v and %v", c.share, got, c.low, c.high)
		}
	}
	var years Lags
	for range 100_000 {
		years.Add(365 * 24 * time.Hour)
	}
	if years.Average() != 365*24*time.Hour {
		t.Errorf("the average is %v: the sum is more than a Duration can hold", years.Average())
	}
	var one Lags
	one.Add(2 * time.Second)
	if got := one.Quantile(0.95); got > one.Max {
		t.Errorf("a quantile of %v is above the maximum %v", got, one.Max)
	}
}

func TestLagsAreRefusedWhenTheyAreNone(t *testing.T) {
	for _, text := range []string{"", "{}", "[1,2,3,4,5,6,7,8,9,10,11,12,13]"} {
		if err := new(Lags).decode(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
