package coupang

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
)

// reply answers every request alike.
func reply(status int, body string, header ...string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{"Content-Type": {"application/json"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

// counted counts the requests that reach a network.
func counted(rt http.RoundTripper) (roundTrip, *int) {
	n := 0
	return func(r *http.Request) (*http.Response, error) { n++; return rt.RoundTrip(r) }, &n
}

func ask(t *testing.T, c *connection, env kind.Env, rt http.RoundTripper) error {
	t.Helper()
	env.Job, env.Connection, env.RoundTripper = "j", "coupang", rt
	_, err := openWith(t, c, env, noon, "orders", map[string]any{"since": "2026-11-20"}).Fetch(t.Context(), "", 50)
	return err
}

// TestGatewayErrors holds each error of the vectors to its class.
func TestGatewayErrors(t *testing.T) {
	verdicts := map[string]feed.Verdict{
		"auth_clock": feed.HaltConnection, "auth": feed.HaltConnection, "config_ip": feed.HaltConnection, "blocked": feed.HaltConnection,
		"throttled": feed.Retry, "server_or_input": feed.Retry, "timeout": feed.Retry, "permanent": feed.HaltJob,
	}
	for _, v := range load(t).GatewayErrors {
		synctest.Test(t, func(t *testing.T) {
			want := verdicts[v.Class]
			switch {
			case v.Class == "config" && v.HTTP == 404:
				want = feed.HaltConnection
			case v.Class == "config":
				want = feed.HaltJob // of this version
			case v.HTTP == 200:
				want = feed.Fail
			}
			body := string(v.Body)
			rt, calls := counted(reply(v.HTTP, strings.Trim(body, `"`)))
			err := ask(t, connect(t, nil), kind.Env{Budgets: own()}, rt)
			e := feed.Judge(err)
			if err == nil || e.Verdict != want || e.Remedy == "" || !strings.HasPrefix(err.Error(), "coupang: orders") {
				t.Errorf("HTTP %d %s: %v, %v, want %v", v.HTTP, body, e.Verdict, err, want)
			}
			if tries := 1 + map[string]int{"auth_clock": 1}[v.Class]; *calls != tries {
				t.Errorf("HTTP %d %s: %d calls", v.HTTP, body, *calls)
			}
		})
	}
}

// TestBlockedByAkamai: nothing is sent for ten minutes, by no vendor at the gateway.
func TestBlockedByAkamai(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := kind.Env{Budgets: own()}
		bad, calls := counted(reply(403, "<H1>Access Denied</H1> Reference #18.1234"))
		a, b := connect(t, nil), connect(t, map[string]any{"vendor_id": "A00099999"})
		if e := feed.Judge(ask(t, a, env, bad)); e.Verdict != feed.Retry || e.RetryAfter != 10*time.Minute {
			t.Errorf("%+v", e)
		}
		good, more := counted(reply(200, `{"code":200,"data":[]}`))
		time.Sleep(10*time.Minute - time.Second)
		for _, c := range []*connection{a, b, connect(t, nil)} { // the third: the connection of a reloaded configuration
			e := feed.Judge(ask(t, c, env, good))
			if e.Code != "circuit" || e.RetryAfter != time.Second || !e.Unsent || e.Verdict != feed.Retry {
				t.Errorf("%+v", e)
			}
		}
		if *calls != 1 || *more != 0 {
			t.Errorf("%d calls, %d while blocked", *calls, *more)
		}
		time.Sleep(time.Second)
		if err := ask(t, b, env, good); err != nil || *more != 1 {
			t.Errorf("afterwards: %v, %d calls", err, *more)
		}
	})
}

// TestThrottled: 429 rests the vendor, longer each time, and no other one; Retry-After is heeded, and success forgets.
func TestThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := kind.Env{Budgets: own()}
		// A connection keeps the network it was first used with; the budgets are the vendor's.
		a, b := map[string]any{}, map[string]any{"vendor_id": "A00099999"}
		ask := func(t *testing.T, values map[string]any, env kind.Env, rt http.RoundTripper) error {
			return ask(t, connect(t, values), env, rt)
		}
		busy := reply(429, `{"code":"TOO_MANY_REQUESTS","message":"Too Many Requests"}`)
		good := reply(200, `{"code":200,"data":[]}`)
		for _, want := range []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute, 30 * time.Minute} {
			e := feed.Judge(ask(t, a, env, busy))
			if e.Code != "HTTP 429" || e.RetryAfter != want {
				t.Errorf("rests %v (%s), want %v", e.RetryAfter, e.Code, want)
			}
			if e := feed.Judge(ask(t, a, env, good)); e.Code != "circuit" {
				t.Errorf("called again at once: %+v", e)
			}
			if err := ask(t, b, env, good); err != nil {
				t.Errorf("another vendor: %v", err)
			}
			time.Sleep(want)
		}
		if err := ask(t, a, env, good); err != nil {
			t.Error(err)
		}
		if e := feed.Judge(ask(t, a, env, reply(429, "", "Retry-After", "90"))); e.RetryAfter != 90*time.Second {
			t.Errorf("Retry-After: %v", e.RetryAfter)
		}
	})
}

// TestVerdictIsShared: what halts the connection is asked for once, however many jobs wait for their turn or begin before the
// halt is recorded, which is when the source that met it is closed.
func TestVerdictIsShared(t *testing.T) {
	const expired = `{"code":"ERROR","message":"Specified signature is expired."}`
	for name, c := range map[string]struct {
		status int
		body   string
		skew   time.Duration
		calls  int
		code   string
	}{
		"blocked": {302, "", 0, 1, "HTTP 302"}, "key": {401, "", 0, 1, "HTTP 401"}, "expired": {401, expired, 0, 2, "HTTP 401 expired"},
		"clock": {401, expired, time.Hour, 1, "clock"}, "address": {403, "Not allowed IP", 0, 1, "HTTP 403 IP"}, "path": {404, "", 0, 1, "HTTP 404"},
	} {
		synctest.Test(t, func(t *testing.T) {
			rt, calls := counted(roundTrip(func(r *http.Request) (*http.Response, error) {
				time.Sleep(time.Second)
				return reply(c.status, c.body, "Date", time.Now().Add(-c.skew).UTC().Format(http.TimeFormat))(r)
			}))
			on, env := connect(t, nil), kind.Env{Connection: "coupang", Budgets: own(), RoundTripper: rt}
			job := func() feed.Source { return openWith(t, on, env, noon, "orders", map[string]any{"since": "2026-11-20"}) }
			var jobs sync.WaitGroup
			sources := []feed.Source{job(), job(), job(), job()}
			errs := make([]*feed.Error, len(sources))
			for i, s := range sources {
				jobs.Go(func() {
					_, err := s.Fetch(t.Context(), "", 50)
					errs[i] = feed.Judge(err)
				})
			}
			jobs.Wait()
			time.Sleep(time.Hour) // the one that met it delivers what it read before
			_, err := job().Fetch(t.Context(), "", 50)
			told := 0
			for _, e := range slices.Concat(errs, []*feed.Error{feed.Judge(err)}) {
				if e.Verdict != feed.HaltConnection || e.Code != c.code || e.Remedy == "" {
					t.Errorf("%s: %+v", name, e)
				}
				if !e.Unsent {
					told++
				}
			}
			if *calls != c.calls || told != 1 {
				t.Errorf("%s: %d calls, want %d; %d jobs were told by Coupang", name, *calls, c.calls, told)
			}
			for _, s := range sources { // the halt is recorded; an operator resumes
				if err := s.(io.Closer).Close(); err != nil {
					t.Error(err)
				}
			}
			if _, err := job().Fetch(t.Context(), "", 50); feed.Judge(err).Unsent || *calls != 2*c.calls {
				t.Errorf("%s: %d calls after a resume: %v", name, *calls, err)
			}
		})
	}
}

// TestVerdictOfAnotherConnection: one vendor's wrong key is no reason to halt another vendor.
func TestVerdictOfAnotherConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := kind.Env{Budgets: own()}
		_ = ask(t, connect(t, nil), env, reply(401, ""))
		if err := ask(t, connect(t, map[string]any{"vendor_id": "A00099999"}), env, reply(200, `{"code":200,"data":[]}`)); err != nil {
			t.Error(err)
		}
	})
}

// TestBreaker: twenty errors in five seconds open the circuit for ten minutes.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := kind.Env{Budgets: own()}
		c := connect(t, nil)
		rt, calls := counted(reply(503, ""))
		for i := 0; i < 60; i++ {
			_ = ask(t, c, env, rt)
			time.Sleep(300 * time.Millisecond) // seventeen in five seconds: nothing happens
		}
		if *calls != 60 {
			t.Fatalf("%d calls", *calls)
		}
		time.Sleep(time.Minute)
		for range 60 {
			_ = ask(t, c, env, rt)
			time.Sleep(100 * time.Millisecond)
		}
		if *calls != 80 {
			t.Errorf("%d calls, want 80", *calls)
		}
		if e := feed.Judge(ask(t, c, env, rt)); e.Code != "circuit" || e.RetryAfter < 9*time.Minute {
			t.Errorf("%+v", e)
		}
	})
}

// TestBudgets: the vendors at one gateway share its budget, each has its own, and a vendor makes one call at a time.
func TestBudgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := kind.Env{Budgets: own()}
		var mu sync.Mutex
		total := 0
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			total++
			mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			return reply(200, `{"code":200,"data":[]}`)(r)
		})
		call := func(vendor string) *connection {
			c := connect(t, map[string]any{"vendor_id": vendor})
			c.rate, c.shared = 5, 10
			return c
		}
		vendors := []*connection{call("A00000001"), call("A00000002"), call("A00000003"), call("A00000004")}
		ctx, cancel := context.WithCancel(t.Context())
		var jobs sync.WaitGroup
		for _, c := range vendors {
			for range 3 {
				s := openWith(t, c, kind.Env{Budgets: env.Budgets, RoundTripper: rt}, noon, "orders", map[string]any{"since": "2026-11-20"})
				jobs.Go(func() {
					for ctx.Err() == nil {
						_, _ = s.Fetch(ctx, "", 50)
					}
				})
			}
		}
		time.Sleep(10 * time.Second)
		cancel()
		jobs.Wait()
		if total < 95 || total > 105 {
			t.Errorf("four vendors made %d calls in ten seconds, want 100", total)
		}
	})
}

// TestOneCallAtATime: jobs of one vendor wait for each other's calls.
func TestOneCallAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := kind.Env{Budgets: own()}
		var mu sync.Mutex
		under, most := 0, 0
		count := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			under += n
			most = max(most, under)
		}
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			count(1)
			defer count(-1)
			time.Sleep(time.Second)
			return reply(200, `{"code":200,"data":[]}`)(r)
		})
		c := connect(t, nil)
		var jobs sync.WaitGroup
		for range 4 {
			jobs.Go(func() { _ = ask(t, c, env, rt) })
		}
		jobs.Wait()
		if most != 1 {
			t.Errorf("%d calls at once", most)
		}
	})
}

// TestWarnings: X-CAG-Warnings halves the rate for a minute.
func TestWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, nil)
		c.rate = 5
		calls := 0
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			calls++
			return reply(200, `{"code":200,"data":[]}`, "X-CAG-Warnings", "soon")(r)
		})
		s := openWith(t, c, kind.Env{Budgets: own(), RoundTripper: rt}, noon, "orders", map[string]any{"since": "2026-11-20"})
		begun := time.Now()
		for range 21 {
			p, err := s.Fetch(t.Context(), "", 50)
			if err != nil || len(p.Notes) == 0 {
				t.Fatalf("%+v, %v", p.Notes, err)
			}
		}
		if took := time.Since(begun); took < 7*time.Second || took > 9*time.Second {
			t.Errorf("21 calls took %v, want eight seconds", took)
		}
	})
}

// TestTimeouts: after a gateway timeout the call is given more time, and the window is narrower.
func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spans []time.Duration
		var patient []string
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			q := r.URL.Query()
			from, err1 := time.Parse("2006-01-02T15:04-07:00", q.Get("createdAtFrom"))
			to, err2 := time.Parse("2006-01-02T15:04-07:00", q.Get("createdAtTo"))
			if err1 != nil || err2 != nil {
				t.Error(err1, err2)
			}
			spans, patient = append(spans, to.Sub(from)), append(patient, r.Header.Get("X-EXTENDED-TIMEOUT"))
			if len(spans) <= 3 {
				return reply(504, "")(r)
			}
			return reply(200, `{"code":200,"data":[]}`)(r)
		})
		s := openAt(t, connect(t, nil), rt, noon, "orders-by-minute", map[string]any{"since": "2026-11-15"})
		for range 3 {
			if _, err := s.Fetch(t.Context(), "", 50); err == nil || feed.Judge(err).Verdict != feed.Retry {
				t.Error(err)
			}
		}
		if p, err := s.Fetch(t.Context(), "", 50); err != nil || !strings.Contains(string(p.Next), `"to":"2026-11-15T03:00:00+09:00"`) {
			t.Errorf("%s, %v", p.Next, err)
		}
		for i, want := range []time.Duration{24 * time.Hour, 12 * time.Hour, 6 * time.Hour, 3 * time.Hour} {
			if spans[i] != want || (patient[i] == "90000") != (i > 0) {
				t.Errorf("call %d spans %v, X-EXTENDED-TIMEOUT %q", i, spans[i], patient[i])
			}
		}
	})
}

// TestServerErrors: 500 is tried three times more, then the run ends.
func TestServerErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openAt(t, connect(t, nil), reply(500, `{"code":"INTERNAL_SERVER_ERROR","message":"Internal Exception"}`), noon, "orders", map[string]any{"since": "2026-11-15"})
		for i, want := range []feed.Verdict{feed.Retry, feed.Retry, feed.Retry, feed.Fail} {
			if _, err := s.Fetch(t.Context(), "", 50); feed.Judge(err).Verdict != want {
				t.Errorf("try %d: %v", i+1, err)
			}
			time.Sleep(time.Second)
		}
	})
}

// TestClock tells a clock that is off from a wrong key.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expired := `{"code":"ERROR","message":"Specified signature is expired."}`
		rt, calls := counted(reply(401, expired, "Date", time.Now().Add(-10*time.Minute).UTC().Format(http.TimeFormat)))
		e := feed.Judge(ask(t, connect(t, nil), kind.Env{Budgets: own()}, rt))
		if e.Code != "clock" || *calls != 1 || e.Verdict != feed.HaltConnection || !strings.Contains(e.Remedy, "clock") {
			t.Errorf("%d calls: %+v", *calls, e)
		}
		n := 0
		once := roundTrip(func(r *http.Request) (*http.Response, error) {
			if n++; n == 1 {
				return reply(401, expired)(r)
			}
			return reply(200, `{"code":200,"data":[]}`)(r)
		})
		if err := ask(t, connect(t, nil), kind.Env{Budgets: own()}, once); err != nil || n != 2 {
			t.Errorf("an expired signature is not made once more: %v, %d calls", err, n)
		}
	})
}
