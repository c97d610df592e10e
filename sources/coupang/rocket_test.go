package coupang

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"milkrun/sync/feed"
)

// paid says whether an order is paid at a time: every ten minutes of the hours beside midnight.
func paid(at time.Time) bool { return at.Hour() == 23 || at.Hour() == 0 }

// rocketGateway answers rg-orders with the orders that were paid before now. The upper bound is a day inside, or outside,
// whichever way the document is read.
func rocketGateway(t *testing.T, inside bool, now func() time.Time) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		q := r.URL.Query()
		from, err1 := time.ParseInLocation("20060102", q.Get("paidDateFrom"), seoul())
		to, err2 := time.ParseInLocation("20060102", q.Get("paidDateTo"), seoul())
		if err1 != nil || err2 != nil || to.Sub(from) >= 30*day || !from.Before(to) {
			t.Errorf("asked for %s", r.URL.RawQuery)
		}
		if inside {
			to = to.Add(day)
		}
		list := []map[string]any{}
		for at := from; at.Before(to) && !at.After(now()); at = at.Add(10 * time.Minute) {
			if !paid(at) {
				continue
			}
			list = append(list, map[string]any{"orderId": at.Unix(), "paidAt": strconv.FormatInt(at.UnixMilli(), 10), "orderItems": []any{}})
		}
		body, err := json.Marshal(map[string]any{"code": 200, "message": "SUCCESS", "data": list, "nextToken": ""})
		if err != nil {
			t.Error(err)
		}
		return reply(200, string(body))(r)
	}
}

// TestRocketAtMidnight: around midnight in Seoul, and far from it elsewhere, an order of today comes with the first reading behind it
// and once in every reading, on whichever side the upper bound is open (C5).
func TestRocketAtMidnight(t *testing.T) {
	midnight := time.Date(2026, 11, 23, 0, 0, 0, 0, seoul())
	for _, inside := range []bool{true, false} {
		now := midnight.Add(-15 * time.Minute).UTC()
		clock := func() time.Time { return now }
		after, have := feed.Cursor(""), map[int64]bool{}
		for _, step := range []time.Duration{0, 10 * time.Minute, 5 * time.Minute, 4 * time.Minute, time.Minute, time.Minute, 19 * time.Minute, 23 * time.Hour, 40 * day} {
			now = now.Add(step)
			name := fmt.Sprintf("inside %v, at %s", inside, now.In(seoul()).Format(time.RFC3339))
			rows, end, _ := all(t, openAt(t, connect(t, nil), rocketGateway(t, inside, clock), clock, "rg-orders", map[string]any{"since": "2026-11-01"}), after, 500)
			came := map[int64]bool{}
			for _, r := range rows {
				id, _ := r["orderId"].(int64)
				if came[id] {
					t.Errorf("%s: the order paid at %v comes twice", name, r["paidAt"])
				}
				came[id], have[id] = true, true
			}
			missing := 0
			for at := time.Date(2026, 11, 1, 0, 0, 0, 0, seoul()); at.Before(now.Add(-5 * time.Minute)); at = at.Add(10 * time.Minute) {
				if paid(at) && !have[at.Unix()] {
					missing++
				}
			}
			if missing > 0 || end == after && step > time.Minute {
				t.Errorf("%s: %d orders are missing behind %s", name, missing, end)
			}
			after = end
		}
	}
}
