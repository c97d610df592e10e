package sandbox

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// counting answers "0123456789" and counts how often it acted.
type counting struct{ acted atomic.Int64 }

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	c.acted.Add(1)
	w.Header().Set("X-Own", "yes")
	writeJSON(w, http.StatusOK, []byte("0123456789"))
}

// overNetwork and inProcess send one POST to a handler and describe what came back.
func overNetwork(t *testing.T, h http.Handler) reply {
	s := httptest.NewServer(h)
	defer s.Close()
	resp, err := s.Client().Post(s.URL, "text/plain", strings.NewReader(strings.Repeat("x", 300_000)))
	if err != nil {
		return reply{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(b), err}
}

func inProcess(t *testing.T, h http.Handler) reply {
	return call(t, h, "http://partner.test/", "text/plain", strings.Repeat("x", 300_000))
}

func TestFaultsBothWays(t *testing.T) {
	for kind, want := range map[Kind]struct {
		status int
		body   string
		acted  int64
		err    bool
	}{
		TooMany:    {429, "Too Many", 0, false},
		Internal:   {500, "Internal", 0, false},
		HTML:       {200, "<html>", 0, false},
		DropBefore: {0, "", 0, true},
		DropAfter:  {0, "", 1, true},
		Truncate:   {200, "01234", 1, false},
		Break:      {200, "01234", 1, true},
		Latency:    {200, "0123456789", 1, false},
		Result0:    {200, `"result":0`, 0, false},
		State300:   {200, `"state":"300"`, 0, false},
		State302:   {200, `"state":"302"`, 0, false},
		Stateless:  {200, `{"msg":`, 0, false},
		Code500:    {200, `"code":500`, 0, false},
	} {
		for how, send := range map[string]func(*testing.T, http.Handler) reply{"network": overNetwork, "process": inProcess} {
			var f Faults
			if err := f.Set(Fault{Kind: kind, RetryAfter: 7}); err != nil {
				t.Fatal(err)
			}
			h := new(counting)
			r := send(t, f.Wrap(h))
			if r.status != want.status || !strings.HasPrefix(r.body, want.body) && !strings.Contains(r.body, want.body) ||
				h.acted.Load() != want.acted || (r.err != nil) != want.err {
				t.Errorf("%s by %s: %d %q %v, acted %d times", kind, how, r.status, r.body, r.err, h.acted.Load())
			}
			if kind == TooMany && r.header.Get("Retry-After") != "7" {
				t.Errorf("429 by %s: Retry-After %q", how, r.header.Get("Retry-After"))
			}
			if (kind == Truncate || kind == Break) && (r.header.Get("X-Own") != "yes" || len(r.body) != 5) {
				t.Errorf("%s by %s: %q %v", kind, how, r.body, r.header)
			}
			if r.err != nil && how == "process" && !errors.Is(r.err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %v", kind, r.err)
			}
			if got := f.List(); len(got) != 1 || got[0].Fired != 1 {
				t.Errorf("%s by %s: %+v", kind, how, got)
			}
		}
	}
}

// pattern sends n requests and writes . for a good one and x for a failed one.
func pattern(t *testing.T, f *Faults, n int) string {
	h, out := f.Wrap(new(counting)), ""
	for range n {
		mark := "."
		if r := call(t, h, "http://partner.test/", "text/plain", ""); r.status != 200 {
			mark = "x"
		}
		out += mark
	}
	return out
}

func TestFaultsAreDeterministic(t *testing.T) {
	for want, faults := range map[string][]Fault{
		"..........": nil,
		"xxxxxxxxxx": {{Kind: Internal}},
		"..x..x..x.": {{Kind: Internal, Every: 3}},
		"xxxx......": {{Kind: Internal, Next: 4}},
		"..x..x....": {{Kind: Internal, Every: 3, Next: 2}},
		".xxx.x.xxx": {{Kind: Internal, Every: 2}, {Kind: DropBefore, Every: 3}},
	} {
		var f Faults
		if err := f.Set(faults...); err != nil {
			t.Fatal(err)
		}
		if got := pattern(t, &f, 10); got != want {
			t.Errorf("%+v: %s, want %s", faults, got, want)
		}
	}
}

func TestFaultsRefuseNonsense(t *testing.T) {
	var f Faults
	_ = f.Set(Fault{Kind: HTML, Every: 2})
	for _, bad := range []Fault{{}, {Kind: "fire"}, {Kind: HTML, Every: -1}, {Kind: Latency, DelayMS: -1}, {Kind: HTML, Next: -2}} {
		if err := f.Set(Fault{Kind: Internal}, bad); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	if got := f.List(); len(got) != 1 || got[0].Kind != HTML {
		t.Errorf("a refused change changed the faults: %+v", got)
	}
}

func TestLatencyAndDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f Faults
		_ = f.Set(Fault{Kind: Latency, DelayMS: 2000}, Fault{Kind: Latency, DelayMS: 500, Every: 2})
		h := new(counting)
		for _, want := range []time.Duration{2000 * time.Millisecond, 2500 * time.Millisecond} {
			begin := time.Now()
			if r := call(t, f.Wrap(h), "http://partner.test/", "text/plain", ""); r.status != 200 || time.Since(begin) != want {
				t.Errorf("%v after %v, want %v", r, time.Since(begin), want)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://partner.test/", nil)
		begin := time.Now()
		r := do(f.Wrap(h), req)
		if !errors.Is(r.err, context.DeadlineExceeded) || time.Since(begin) != time.Second || h.acted.Load() != 2 {
			t.Errorf("%v after %v, acted %d times", r.err, time.Since(begin), h.acted.Load())
		}
	})
}

func TestFaultsWhileRunning(t *testing.T) {
	var f Faults
	h := f.Wrap(new(counting))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 50 {
				_ = call(t, h, "http://partner.test/", "text/plain", "")
				_ = f.Set(Fault{Kind: Internal, Every: i%3 + 1})
				_ = f.List()
			}
		})
	}
	wg.Wait()
}

func TestTransportShowsTheRequest(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if r.RequestURI != "/a%20b?c=d" || r.URL.Path != "/a b" || r.URL.RawQuery != "c=d" || r.URL.Host != "" ||
			r.Host != "partner.test:80" || string(b) != "body" || r.ContentLength != 4 || r.Header.Get("X-A") != "1" {
			t.Errorf("%s %v %s %q %v", r.RequestURI, r.URL, r.Host, b, r.Header)
		}
	})
	if r := call(t, h, "http://partner.test:80/a%20b?c=d", "text/plain", "body", "X-A", "1"); r.status != 200 || r.body != "" {
		t.Errorf("%+v", r)
	}
}

func TestTransportErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	h := new(counting)
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://partner.test", nil)
	if r := do(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() }), req); !errors.Is(r.err, context.Canceled) {
		t.Errorf("cancelled meanwhile: %v", r.err)
	}
	if r := do(h, req); !errors.Is(r.err, context.Canceled) || h.acted.Load() != 0 {
		t.Errorf("cancelled before: %v", r.err)
	}
	defer func() {
		if recover() != "bug" {
			t.Error("another panic than ErrAbortHandler is swallowed")
		}
	}()
	req = &http.Request{URL: &url.URL{Scheme: "http", Host: "x"}}
	_, _ = Transport(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("bug") })).RoundTrip(req)
}
