package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/feed"
)

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		from, to, step string
		like           feed.Cursor
		want           []string // "FROM TO", or what is refused
	}{
		{"a", "b", "", "", []string{"a b"}},
		{"2026-11-01", "2026-11-03", "1d", "", []string{"2026-11-01 2026-11-01", "2026-11-02 2026-11-02", "2026-11-03 2026-11-03"}},
		{"2026-11-01", "2026-11-03", "2d", "", []string{"2026-11-01 2026-11-02", "2026-11-03 2026-11-03"}},
		{"2026-11-01", "2026-11-01", "12h", "", []string{"2026-11-01 <2026-11-01 12:00:00", "2026-11-01 12:00:00 2026-11-01"}},
		{"2026-11-01", "2026-11-01", "12h", `["2026-11-01T09:00:00",1]`, []string{"2026-11-01 <2026-11-01T12:00:00", "2026-11-01T12:00:00 2026-11-01"}},
		{"2026-11-01T00:00:00Z", "2026-11-01T02:00:00Z", "1h", "", []string{"2026-11-01T00:00:00Z <2026-11-01T01:00:00Z", "2026-11-01T01:00:00Z 2026-11-01T02:00:00Z"}},
		{"2026-11-01 10:00", "2026-11-01 11:00", "30m", "", []string{"2026-11-01 10:00 <2026-11-01 10:30:00", "2026-11-01 10:30:00 2026-11-01 11:00"}},
		{"2026-03-28", "2026-03-30", "1d", "", []string{"2026-03-28 2026-03-28", "2026-03-29 2026-03-29", "2026-03-30 2026-03-30"}}, // the clock changes
		{"1", "5", "2", "", []string{"1 2", "3 4", "5 5"}},
		{"7", "7", "100", "", []string{"7 7"}},
		{"5", "1", "2", "", []string{"must not stand behind"}},
		{"2026-11-03", "2026-11-01", "1d", "", []string{"must not stand behind"}},
		{"2026-11-01", "2027-11-01", "1s", "", []string{"10,000 units"}},
		{"1", "1000000", "1", "", []string{"10,000 units"}},
		{"1", "5", "1d", "", []string{"--step 1d does not split whole numbers"}},
		{"1", "5", "0", "", []string{"does not split"}},
		{"2026-11-01", "2026-11-03", "1", "", []string{"--step 1 does not split times"}},
		{`["2026-11-01",7]`, "2026-11-03", "1d", "", []string{"is neither"}},
		{"2026-11-01", "7", "1d", "", []string{"is neither"}},
	} {
		zone, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		units, err := stretch{from: c.from, to: c.to, step: c.step, zone: zone, like: c.like}.units()
		if err != nil {
			if len(c.want) != 1 || !strings.Contains(err.Error(), c.want[0]) {
				t.Errorf("%s to %s by %s: %v", c.from, c.to, c.step, err)
			}
			continue
		}
		got := views(units, func(u state.Unit) string { return u.From + " " + u.To })
		if !slices.Equal(got, c.want) || units[len(units)-1].N != int64(len(units)) {
			t.Errorf("%s to %s by %s:\n %q, want\n %q", c.from, c.to, c.step, got, c.want)
		}
	}
}

type opaqueSink struct {
	feed.Sink
	feed.Opaque
}

// TestNoBackfillWhereTwiceIsHarm refuses targets that cannot tell a record that comes again.
func TestNoBackfillWhereTwiceIsHarm(t *testing.T) {
	if err := twice("sms", opaqueSink{}); err == nil || !strings.Contains(err.Error(), "sms") {
		t.Errorf("an opaque one: %v", err)
	}
	if err := twice("affairs", struct{ feed.Sink }{}); err != nil {
		t.Errorf("another: %v", err)
	}
}
