package coupang

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/feedtest"
	"milkrun/sync/sandbox"
	"milkrun/sync/sandbox/faulty"
)

// TestConformance holds each way of paging, and each unit of a window, to the contracts. What should come is what a whole read
// brings, whose number of different records the case names.
func TestConformance(t *testing.T) {
	for name, c := range map[string]struct {
		every  time.Duration
		values map[string]any
		rows   int
		from   string // a range, and how many records are in it
		to     string
		within int
		// An answer that is gone through in parts is not asked for again, and a refused id is a dead letter.
		calm bool
	}{
		// Orders come every five days, so that none stands where windows overlap, but the windows have seams.
		"orders":           {every: 5 * day, values: map[string]any{"since": "2026-09-20"}, rows: 13, from: "2026-10-01", to: "2026-10-20", within: 4},
		"orders-by-minute": {every: 7 * time.Hour, values: map[string]any{"since": "2026-11-20", "items": asRows}, rows: 10, from: "2026-11-20", to: "2026-11-20", within: 4},
		"returns":          {every: 12 * time.Hour, values: map[string]any{"since": "2026-10-25"}, rows: 13, from: "2026-11-01T00:00:00+09:00", to: "2026-11-10", within: 5},
		"exchanges":        {every: 3 * time.Hour, values: map[string]any{"since": "2026-11-09"}, rows: 9, from: "2026-11-10", to: "", within: 8},
		"inquiries":        {every: 3 * time.Hour, values: map[string]any{"since": "2026-11-16"}, rows: 10, from: "2026-11-17", to: "2026-11-19", within: 5},
		"revenue":          {every: 40 * time.Hour, values: map[string]any{"since": "2026-11-01"}, rows: 13, from: "2026-11-10", to: "2026-11-12", within: 2},
		"settlements":      {values: map[string]any{"since": "2026-07-01"}, rows: 16, from: "2026-08-01", to: "2026-08-31", within: 4, calm: true},
		"rg-orders":        {every: 31 * time.Hour, values: map[string]any{"since": "2026-11-01"}, rows: 5, from: "2026-11-10", to: "2026-11-16", within: 2, calm: true},
		"return-centers":   {rows: 7},
		"products":         {rows: 30},
		"coupons":          {rows: 14},
		"categories":       {rows: 7, calm: true},
		"rg-inventory":     {rows: 45, calm: true},
		"product-details":  {values: map[string]any{"items": asRows, "ids": []any{"80240000", "80240007", "80240029"}}, rows: 6, calm: true},
		"coupon-items":     {values: map[string]any{"ids": []any{"68", "69"}}, rows: 6, calm: true},
		"category-status":  {rows: 7, calm: true},
	} {
		t.Run(name, func(t *testing.T) {
			gateway := shop(sandbox.CoupangOptions{Every: c.every})
			read := func(s feed.Source, after feed.Cursor) []map[string]feed.Value {
				rows, _, _ := all(t, s, after, 1000)
				return rows
			}
			want := read(open(t, sandbox.Transport(gateway), name, c.values), "")
			if len(want) != c.rows {
				t.Fatalf("%d records, want %d", len(want), c.rows)
			}
			partner := faulty.New(gateway)
			suite := feedtest.SourceCase{
				Open: func(t testing.TB) feed.Source { return open(t, partner, name, c.values) },
				Want: want, Secrets: []string{accessKey, secretKey}, Limit: 50,
				Faults: partner.Faults("coupang500", "coupang521", "coupang-error", "coupang-expired"), Stall: partner.Stall,
			}
			if c.calm {
				suite.Faults = nil
			}
			if c.from != "" {
				ranger := open(t, sandbox.Transport(gateway), name, c.values).(feed.Ranger)
				after, part, err := ranger.Range(c.from, c.to)
				if err != nil {
					t.Fatal(err)
				}
				suite.Range = &feedtest.Bounds{From: c.from, To: c.to, Want: read(part, after)}
				if n := len(suite.Range.Want); n != c.within {
					t.Errorf("%d records from %s to %s, want %d", n, c.from, c.to, c.within)
				}
			}
			feedtest.Source(t, suite)
		})
	}
}

// TestNothingIsPassedOver compares with what the stand-in has: everything, over seams, statuses and pages.
func TestNothingIsPassedOver(t *testing.T) {
	gateway := shop(sandbox.CoupangOptions{Every: 2 * time.Hour})
	for _, resource := range []string{"orders", "orders-by-minute"} {
		rows, _, pages := all(t, open(t, sandbox.Transport(gateway), resource, map[string]any{"since": "2026-10-10"}), "", 50)
		got := map[int64]int{}
		for _, r := range rows {
			id, _ := r["shipmentBoxId"].(int64)
			got[id]++
		}
		want := gateway.Boxes(time.Date(2026, 10, 10, 0, 0, 0, 0, seoul()), noon().Add(-5*time.Minute))
		for _, id := range want {
			if got[id] != 1 {
				t.Errorf("%s: box %d came %d times", resource, id, got[id])
			}
			delete(got, id)
		}
		if len(got) > 0 && resource != "orders" { // by the day the last five minutes come, too
			t.Errorf("%s: %d boxes too many", resource, len(got))
		}
		if len(want) < 500 || pages < 20 {
			t.Errorf("%s: %d boxes in %d pages: too few to prove anything", resource, len(want), pages)
		}
	}
}

// TestRereads: every run reads again what the lookback covers, and finds there what has changed.
func TestRereads(t *testing.T) {
	now := noon()
	clock := func() time.Time { return now }
	gateway := shop(sandbox.CoupangOptions{Every: 6 * time.Hour, Now: clock, Skew: 100 * 365 * day})
	rt := sandbox.Transport(gateway)
	read := func(after feed.Cursor, values map[string]any) (map[any]string, feed.Cursor) {
		status := map[any]string{}
		rows, end, _ := all(t, openAt(t, connect(t, nil), rt, clock, "orders", values), after, 50)
		for _, r := range rows {
			status[r["shipmentBoxId"]], _ = r["status"].(string)
		}
		return status, end
	}
	first, end := read("", map[string]any{"since": "2026-11-10"})
	now = now.Add(3 * day)
	again, later := read(end, map[string]any{"since": "2026-11-10"})
	if end == later {
		t.Errorf("the cursor stays at %s", end)
	}
	changed, fresh := 0, 0
	for id, status := range again {
		switch was, known := first[id]; {
		case !known:
			fresh++
		case was != status:
			changed++
		}
	}
	if changed < 8 || fresh < 12 {
		t.Errorf("%d changed, %d new", changed, fresh)
	}
	if _, err := openAt(t, connect(t, nil), rt, clock, "orders", nil).Fetch(t.Context(), later, 50); err != nil {
		t.Error(err)
	}
	brief, _ := read(end, map[string]any{"lookback": "0s"})
	if len(brief) >= len(again) || len(brief) < fresh {
		t.Errorf("without a lookback %d come again, with it %d; %d are new", len(brief), len(again), fresh)
	}
}

// TestOverlap: a record in the overlap of two windows comes once.
func TestOverlap(t *testing.T) {
	gateway := shop(sandbox.CoupangOptions{Every: time.Hour})
	rows, _, _ := all(t, open(t, sandbox.Transport(gateway), "rg-orders", map[string]any{"since": "2026-09-01"}), "", 500)
	var days []string
	seen := map[any]bool{}
	for _, r := range rows {
		if seen[r["orderId"]] {
			t.Errorf("order %v comes twice", r["orderId"])
		}
		seen[r["orderId"]] = true
		at, _ := r["paidAt"].(time.Time)
		if d := at.Format(time.DateOnly); !slices.Contains(days, d) {
			days = append(days, d)
		}
	}
	if len(days) != 83 || len(rows) != 83*8-4 {
		t.Errorf("%d rows of %d days", len(rows), len(days))
	}
}

// TestResumesElsewhere: an operator who changes page_size in the middle of a reading loses nothing.
func TestResumesElsewhere(t *testing.T) {
	gateway := shop(sandbox.CoupangOptions{Every: time.Hour})
	s := open(t, sandbox.Transport(gateway), "orders", map[string]any{"since": "2026-11-10"})
	p, err := s.Fetch(t.Context(), "", 7)
	for err == nil && p.Rows.Len() == 0 {
		p, err = s.Fetch(t.Context(), p.Next, 7)
	}
	if err != nil {
		t.Fatal(err)
	}
	rest, _, _ := all(t, open(t, sandbox.Transport(gateway), "orders", nil), p.Next, 50)
	whole, _, _ := all(t, open(t, sandbox.Transport(gateway), "orders", map[string]any{"since": "2026-11-10"}), "", 50)
	ids := map[string]bool{}
	for _, r := range rest {
		ids[fmt.Sprint(r["shipmentBoxId"])] = true
	}
	for i := range p.Rows.Len() {
		ids[fmt.Sprint(p.Rows.Get(i, "shipmentBoxId"))] = true
	}
	if len(ids) < len(whole)-2 { // INSTRUCT and ACCEPT came before, in pages that had rows
		t.Errorf("%d of %d", len(ids), len(whole))
	}
}
