package coupang

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/sandbox"
	"milkrun/sync/secret"
	"milkrun/sync/setting/settingtest"
	"milkrun/sync/transport/budget"
)

const (
	accessKey = "11111111-2222-3333-4444-555555555555"
	secretKey = "0123456789abcdef0123456789abcdef01234567"
)

// noon is a day on which the stand-in has more than ten months of orders.
func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, seoul()) }

// shop is a stand-in whose clock is fixed and whose limits are off.
func shop(o sandbox.CoupangOptions) *sandbox.Coupang {
	o.Rate = -1
	if o.Now == nil {
		o.Now = noon
		o.Skew = 100 * 365 * 24 * time.Hour // requests are signed by the real clock
	}
	return sandbox.NewCoupang(o)
}

// connect returns a connection of vendor A00012345 with settings laid over it.
func connect(t testing.TB, values map[string]any) *connection {
	t.Helper()
	c := NewConnection()
	settingtest.Fill(t, c, map[string]any{"url": "http://127.0.0.1", "vendor_id": "A00012345",
		"access_key": secret.New(accessKey), "secret_key": secret.New(secretKey)})
	settingtest.Valid(t, c, values)
	t.Cleanup(func() { _ = c.Close() })
	own, _ := c.(*connection)
	own.rate, own.rocket, own.shared = 1e6, 1e6, 1e6 // tests of what is read need not wait
	return own
}

// open returns a source at noon whose requests go to rt.
func open(t testing.TB, rt http.RoundTripper, resource string, values map[string]any) feed.Source {
	t.Helper()
	return openAt(t, connect(t, nil), rt, noon, resource, values)
}

func openAt(t testing.TB, c *connection, rt http.RoundTripper, now func() time.Time, resource string, values map[string]any) feed.Source {
	t.Helper()
	return openWith(t, c, kind.Env{Job: "j", Connection: "coupang", RoundTripper: rt}, now, resource, values)
}

func openWith(t testing.TB, c *connection, env kind.Env, now func() time.Time, resource string, values map[string]any) feed.Source {
	t.Helper()
	s := NewSource(c)
	own, _ := s.(*settings)
	own.now = now
	settingtest.Fill(t, s, map[string]any{"resource": resource})
	settingtest.Valid(t, s, values)
	opened, err := s.Open(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// all reads a source to its end.
func all(t testing.TB, s feed.Source, after feed.Cursor, limit int) (rows []map[string]feed.Value, end feed.Cursor, pages int) {
	t.Helper()
	for range 20_000 {
		p, err := s.Fetch(t.Context(), after, limit)
		if err != nil {
			t.Fatalf("behind %s: %v", after, err)
		}
		for _, r := range p.Rejected {
			t.Errorf("rejected: %+v", r)
		}
		pages++
		for i := range p.Rows.Len() {
			row := map[string]feed.Value{}
			for j, name := range p.Rows.Columns.Names() {
				row[name] = p.Rows.Row(i)[j]
			}
			rows = append(rows, row)
		}
		if after = p.Next; p.Done {
			return rows, after, pages
		}
	}
	t.Fatal("it does not end")
	return nil, "", 0
}

// own is a book of its own for a test.
func own() *budget.Book { return new(budget.Book) }

func holds(text string, words ...string) string {
	for _, w := range words {
		if strings.Contains(text, w) {
			return w
		}
	}
	return ""
}
