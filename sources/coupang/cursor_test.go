package coupang

import (
	"strings"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/sandbox"
	"milkrun/sync/setting/settingtest"
	"milkrun/sync/transport"
)

func TestCursors(t *testing.T) {
	s := open(t, roundTrip(nil), "orders", nil).(feed.CursorChecker)
	for _, c := range [][2]feed.Cursor{
		{"", ""},
		{` {"through" : "2026-11-20T00:00:00+09:00"} `, `{"through":"2026-11-20T00:00:00+09:00"}`},
		{`{"end":"2026-11-20T00:00:00+09:00","from":"2026-11-01T00:00:00+09:00","to":"2026-11-20T00:00:00+09:00","sweep":"INSTRUCT","token":"1","page":1,"size":50}`,
			`{"end":"2026-11-20T00:00:00+09:00","from":"2026-11-01T00:00:00+09:00","to":"2026-11-20T00:00:00+09:00","sweep":"INSTRUCT","token":"1","page":1,"size":50}`},
	} {
		if got, err := s.CheckCursor(c[0]); got != c[1] || err != nil {
			t.Errorf("%s: %s, %v", c[0], got, err)
		}
	}
	for _, bad := range []feed.Cursor{"x", "{}", "[]", `{"through":"yesterday"}`, `{"through":"1066-10-14T00:00:00Z"}`, `{"sweep":"INSTRUCT"}`,
		`{"through":"2026-11-20T00:00:00Z","sweep":"INSTRUCT"}`, `{"end":"2026-11-20T00:00:00Z"}`,
		`{"end":"2026-11-20T00:00:00Z","from":"2026-11-20T00:00:00Z","to":"2026-11-01T00:00:00Z"}`,
		`{"end":"2026-11-20T00:00:00Z","from":"2026-11-01T00:00:00Z","to":"2026-11-20T00:00:00Z","sweep":"RU"}`,
		`{"end":"2026-11-20T00:00:00Z","from":"2026-11-01T00:00:00Z","to":"2026-11-20T00:00:00Z","skip":-1}`,
		`{"end":"2026-11-20T00:00:00Z","from":"2026-11-01T00:00:00Z","to":"2026-11-20T00:00:00Z","parent":{"end":"2026-11-20T00:00:00Z"}}`} {
		if got, err := s.CheckCursor(bad); err == nil || !strings.Contains(err.Error(), `{"through":"2026-11-20T00:00:00+09:00"}`) {
			t.Errorf("%s passes as %s (%v)", bad, got, err)
		}
	}
}

// FuzzCursor: whatever an operator writes, a source refuses it or goes on from it without a panic.
func FuzzCursor(f *testing.F) {
	for _, c := range []string{"", `{"through":"2026-11-20T00:00:00+09:00"}`,
		`{"end":"2026-11-22T11:55:00+09:00","from":"2026-11-20T00:00:00+09:00","to":"2026-11-23T00:00:00+09:00","sweep":"RU","token":"448537001","page":2,"size":9,"skip":3}`,
		`{"end":"2026-11-22T12:00:00+09:00","nth":1,"parent":{"end":"2026-11-22T12:00:00+09:00","token":"448537010","page":1,"size":10}}`} {
		for _, resource := range []string{"orders", "returns", "coupon-items", "inventories", "product-details", "settlements"} {
			f.Add(resource, c)
		}
	}
	gateway := sandbox.Transport(shop(sandbox.CoupangOptions{Every: 3 * time.Hour}))
	f.Fuzz(func(t *testing.T, resource, text string) {
		if find(resource) == nil || resource == "download-coupons" {
			return
		}
		s := open(t, gateway, resource, nil)
		c, err := s.(feed.CursorChecker).CheckCursor(feed.Cursor(text))
		if err != nil {
			if _, err := s.Fetch(t.Context(), feed.Cursor(text), 5); err == nil {
				t.Errorf("CheckCursor refuses %q, Fetch takes it", text)
			}
			return
		}
		if again, err := s.(feed.CursorChecker).CheckCursor(c); err != nil || again != c {
			t.Errorf("%q becomes %q and then %q (%v)", text, c, again, err)
		}
		p, err := s.Fetch(t.Context(), c, 5)
		if err == nil && p.Next == c && (!p.Done || p.Rows.Len() > 0) {
			t.Errorf("the cursor %s does not move", c)
		}
		if err == nil {
			if _, err := s.(feed.CursorChecker).CheckCursor(p.Next); err != nil {
				t.Errorf("the source's own cursor: %v", err)
			}
		}
	})
}

// FuzzAnswer: whatever Coupang answers, it is records or an error with a verdict.
func FuzzAnswer(f *testing.F) {
	for _, sample := range load(f).Samples {
		f.Add("orders", string(sample))
	}
	for _, e := range load(f).GatewayErrors {
		f.Add("settlements", string(e.Body))
	}
	f.Add("categories", `{"code":"SUCCESS","data":{"displayItemCategoryCode":0,"child":[{"displayItemCategoryCode":1,"child":[]}]}}`)
	f.Add("products", `{"code":"200","data":{"code":"SUCCESS","data":[{"sellerProductId":1e2}]}}`)
	f.Fuzz(func(t *testing.T, resource, body string) {
		st := find(resource)
		if st == nil {
			return
		}
		a, err := st.read(transport.Call{Op: "test"}, transport.Response{Body: []byte(body)})
		if err != nil {
			if feed.Judge(err).Remedy == "" {
				t.Errorf("%v has no remedy", err)
			}
			return
		}
		for _, personal := range []string{masked, dropped} {
			l := st.layoutOf(personal, asRows)
			for _, o := range a.records {
				l.tidy(o)
			}
			for _, e := range l.elements(a.records) {
				if row, _, err := l.row(e); err == nil && len(row) != l.columns.Len() {
					t.Errorf("%d values for %d columns", len(row), l.columns.Len())
				}
			}
		}
	})
}

// TestWindows: no call ever asks for more than the document allows, in whatever zone and season the clock is.
func TestWindows(t *testing.T) {
	most := map[unit]time.Duration{days: 31 * day, compactDays: 30 * day, minutes: day, seconds: 7 * day, months: 31 * day}
	for _, st := range streams() {
		if !st.windowed() {
			continue
		}
		for _, now := range []time.Time{noon(), time.Date(2026, 3, 1, 0, 0, 0, 0, seoul()), time.Date(2028, 2, 29, 23, 59, 59, 0, time.UTC)} {
			clock := func() time.Time { return now }
			s := openAt(t, connect(t, nil), roundTrip(nil), clock, st.name, map[string]any{"since": now.AddDate(0, 0, -3).Format(time.DateOnly)}).(*windowed).source
			c, some := s.begin(time.Time{})
			reached := c.From
			for n := 0; some; n++ {
				if c.To.Sub(c.From) > min(st.window.span, most[st.window.unit]) || !c.From.Before(c.To) || c.From.After(reached) || n > 2000 {
					t.Fatalf("%s: window from %v to %v after %v", st.name, c.From, c.To, reached)
				}
				reached = c.To
				c, some = s.after(c)
			}
			if reached.Before(s.end) {
				t.Errorf("%s: the reading ends at %v before %v", st.name, reached, s.end)
			}
		}
	}
}

func TestSettings(t *testing.T) {
	for name, c := range map[string]struct {
		values map[string]any
		key    string
	}{
		"version":         {map[string]any{"resource": "orders", "version": "v9"}, "version"},
		"since":           {map[string]any{"resource": "orders", "since": "2026-13-01"}, "since"},
		"long ago":        {map[string]any{"resource": "orders", "since": "0001-01-01"}, "since"},
		"since of lists":  {map[string]any{"resource": "products", "since": "2026-01-01"}, "since"},
		"ids":             {map[string]any{"resource": "orders", "ids": []any{"1"}}, "ids"},
		"no ids":          {map[string]any{"resource": "download-coupons"}, "ids"},
		"odd ids":         {map[string]any{"resource": "product-details", "ids": []any{"1/../2"}}, "ids"},
		"items":           {map[string]any{"resource": "products", "items": asRows}, "items"},
		"raw, no purpose": {map[string]any{"resource": "orders", "personal": raw}, "purpose"},
		"empty purpose":   {map[string]any{"resource": "orders", "personal": raw, "purpose": " "}, "purpose"},
	} {
		s := NewSource(connect(t, nil))
		settingtest.Fill(t, s, c.values)
		if p := s.Validate(); len(p) != 1 || p[0].Key != c.key || p[0].Text == "" || p[0].Remedy == "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
	for name, values := range map[string]map[string]any{
		"vendor_id": {"vendor_id": "A0/../1"}, "rate": {"rate": "11/s"}, "rg_rate": {"rg_rate": "51/m"}, "market": {"market": "kr"}, "url": {"url": "http://example.com"},
	} {
		c := NewConnection()
		settingtest.Fill(t, c, values)
		if p := c.Validate(); len(p) != 1 || p[0].Key != name || p[0].Remedy == "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if c := NewConnection().(*connection); c.URL() != gateway || len(c.Validate()) != 0 {
		t.Errorf("the defaults: %s, %v", c.URL(), c.Validate())
	}
}
