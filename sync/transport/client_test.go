package transport

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/secret"
	"milkrun/sync/transport/answertest"
)

// answertest.RoundTrip answers requests without a network.
func settings(t *testing.T, values map[string]any) *Settings {
	t.Helper()
	s := NewSettings()
	for _, f := range s.Fields() {
		if v, ok := values[f.Name]; ok {
			if err := f.Set(v); err != nil {
				t.Fatal(err)
			}
		}
	}
	return &s
}

func get(url string) Call {
	return Call{Op: "partner: list page 7", Build: func(ctx context.Context) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	}}
}

const address = "https://partner.example/api/list?token=hunter2"

func do(t *testing.T, rt answertest.RoundTrip) (Response, error) {
	t.Helper()
	return settings(t, map[string]any{"url": "https://partner.example"}).Client(rt).Do(t.Context(), get(address))
}

func wantError(t *testing.T, err error, v feed.Verdict, code string, parts ...string) *feed.Error {
	t.Helper()
	var e *feed.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is no *feed.Error", err)
	}
	if e.Verdict != v || e.Code != code {
		t.Errorf("verdict %v, code %q; want %v, %q (%v)", e.Verdict, e.Code, v, code, e)
	}
	for _, part := range append(parts, "partner: list page 7: ") {
		if !strings.Contains(e.Error(), part) {
			t.Errorf("%q does not contain %q", e.Error(), part)
		}
	}
	if strings.Contains(e.Error()+e.Remedy, "hunter2") {
		t.Errorf("the query shows in %q, %q", e.Error(), e.Remedy)
	}
	return e
}

func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		status  int
		verdict feed.Verdict
		remedy  string
	}{
		{301, feed.HaltConnection, "https://new.example/api"},
		{307, feed.HaltConnection, "https://new.example/api"},
		{400, feed.HaltConnection, "document"},
		{401, feed.HaltConnection, "credentials"},
		{403, feed.HaltConnection, "credentials"},
		{404, feed.HaltConnection, "url"},
		{407, feed.HaltConnection, "proxy"},
		{408, feed.Retry, "goes on"},
		{413, feed.HaltConnection, "document"},
		{425, feed.Retry, "goes on"},
		{429, feed.Retry, "lower rate"},
		{500, feed.Retry, "goes on"},
		{502, feed.Retry, "goes on"},
		{503, feed.Retry, "goes on"},
		{599, feed.Retry, "goes on"},
	} {
		t.Run(fmt.Sprint(c.status), func(t *testing.T) {
			_, err := do(t, func(*http.Request) (*http.Response, error) {
				return answertest.Reply(c.status, "no\n today", "Location", "https://new.example/api?token=hunter2"), nil
			})
			e := wantError(t, err, c.verdict, fmt.Sprintf("HTTP %d", c.status), "no today")
			if !strings.Contains(e.Remedy, c.remedy) {
				t.Errorf("remedy %q, want %q in it", e.Remedy, c.remedy)
			}
		})
	}
}

func TestSecretsThatAreEchoed(t *testing.T) {
	call := get(address)
	call.Secrets = []secret.Secret{secret.New("hunter"), secret.New("hunter2"), secret.New("a b&c"), {}}
	c := settings(t, nil).Client(answertest.RoundTrip(func(*http.Request) (*http.Response, error) {
		return answertest.Reply(403, "refused: token=hunter2&pwd=a+b%26c, a b&c"), nil
	}))
	_, err := c.Do(t.Context(), call)
	wantError(t, err, feed.HaltConnection, "HTTP 403", "refused: token=[secret]&pwd=[secret], [secret]")
}

func TestSuccess(t *testing.T) {
	for _, status := range []int{200, 201, 202} {
		r, err := do(t, func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("User-Agent") != "milkrun" {
				t.Errorf("User-Agent %q", r.Header.Get("User-Agent"))
			}
			return answertest.Reply(status, "{}", "X-A", "b"), nil
		})
		if err != nil || r.Status != status || string(r.Body) != "{}" || r.Header.Get("X-A") != "b" {
			t.Errorf("%d: %+v, %v", status, r, err)
		}
	}
}

func TestNetworkErrorsHideTheQuery(t *testing.T) {
	cause := errors.New("connection refused")
	_, err := do(t, func(*http.Request) (*http.Response, error) { return nil, cause })
	wantError(t, err, feed.Retry, "network", "connection refused")
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
}

func TestBuildErrors(t *testing.T) {
	c := settings(t, nil).Client(answertest.RoundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("sent") }))
	fail := func(err error) Call {
		return Call{Op: "partner: list page 7", Build: func(context.Context) (*http.Request, error) { return nil, err }}
	}
	_, err := c.Do(t.Context(), fail(errors.New("no such date")))
	wantError(t, err, feed.Fail, "", "no such date")
	_, err = c.Do(t.Context(), fail(feed.Errorf(feed.HaltJob, "x", "no key")))
	wantError(t, err, feed.HaltJob, "x", "no key")
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

func TestBodies(t *testing.T) {
	long := strings.Repeat("0123456789", 1000)
	packed := gzipped(long)
	unknown := func(r *http.Response) *http.Response { r.ContentLength = -1; return r }
	for name, r := range map[string]*http.Response{
		"length":        answertest.Reply(200, long),
		"no length":     unknown(answertest.Reply(200, long)),
		"gzip":          answertest.Reply(200, packed, "Content-Encoding", "gzip"),
		"gzip, chunked": unknown(answertest.Reply(200, packed, "Content-Encoding", "GZIP")),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := do(t, func(*http.Request) (*http.Response, error) { return r, nil })
			if err != nil || string(got.Body) != long {
				t.Errorf("%d bytes, %v", len(got.Body), err)
			}
		})
	}
	t.Run("gzip cut", func(t *testing.T) {
		_, err := do(t, func(*http.Request) (*http.Response, error) {
			return answertest.Reply(200, packed[:len(packed)-9], "Content-Encoding", "gzip"), nil
		})
		wantError(t, err, feed.Retry, "truncated")
	})
	t.Run("no gzip", func(t *testing.T) {
		_, err := do(t, func(*http.Request) (*http.Response, error) {
			return answertest.Reply(200, long, "Content-Encoding", "gzip"), nil
		})
		wantError(t, err, feed.Retry, "network", "decompressing")
	})
	t.Run("brotli", func(t *testing.T) {
		_, err := do(t, func(*http.Request) (*http.Response, error) {
			return answertest.Reply(200, long, "Content-Encoding", "br"), nil
		})
		wantError(t, err, feed.Fail, "encoding", `"br"`)
	})
}

func TestMaxBody(t *testing.T) {
	s := settings(t, map[string]any{"max_body": int64(2000)})
	body := strings.Repeat("x", 2000)
	next := answertest.Reply(200, body)
	c := s.Client(answertest.RoundTrip(func(*http.Request) (*http.Response, error) { return next, nil }))
	if r, err := c.Do(t.Context(), get(address)); err != nil || len(r.Body) != 2000 {
		t.Fatalf("a body of just the limit: %d bytes, %v", len(r.Body), err)
	}
	chunked := answertest.Reply(200, body+"x")
	chunked.ContentLength = -1
	for name, r := range map[string]*http.Response{
		"length":  answertest.Reply(200, body+"x"),
		"chunked": chunked,
		"gzip":    answertest.Reply(200, gzipped(body+body), "Content-Encoding", "gzip"),
	} {
		next = r
		_, err := c.Do(t.Context(), get(address))
		if e := wantError(t, err, feed.Fail, "max_body", "2000 bytes"); e.Remedy == "" {
			t.Errorf("%s: no remedy", name)
		}
	}
}

// TestRealServer covers what a RoundTripper of the tests' own cannot: truncation, redirects, TLS, the CA file.
func TestRealServer(t *testing.T) {
	var followed bool
	mux := http.NewServeMux()
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5000")
		_, _ = w.Write([]byte("short"))
	})
	mux.HandleFunc("/drop", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/move", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/moved", http.StatusFound) })
	mux.HandleFunc("/moved", func(http.ResponseWriter, *http.Request) { followed = true })
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("fine")) })
	server := httptest.NewTLSServer(mux)
	defer server.Close()

	ca := filepath.Join(t.TempDir(), "ca.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	s := settings(t, map[string]any{"url": server.URL, "ca_file": ca})
	defer s.Close()
	if p := s.Validate(); len(p) != 0 {
		t.Fatal(p)
	}
	call := func(path string) error {
		_, err := s.Client(nil).Do(t.Context(), get(server.URL+path+"?token=hunter2"))
		return err
	}
	if err := call("/ok"); err != nil {
		t.Fatal(err)
	}
	wantError(t, call("/cut"), feed.Retry, "truncated", "5 of 5000 bytes")
	wantError(t, call("/drop"), feed.Retry, "network")
	wantError(t, call("/move"), feed.HaltConnection, "HTTP 302")
	if followed {
		t.Error("the redirect was followed")
	}
	stranger := settings(t, map[string]any{"url": server.URL})
	_, err := stranger.Client(nil).Do(t.Context(), get(server.URL+"/ok"))
	if e := wantError(t, err, feed.Retry, "certificate"); !strings.Contains(e.Remedy, "ca_file") {
		t.Errorf("remedy %q", e.Remedy)
	}
	gone := settings(t, map[string]any{"ca_file": ca + ".none"})
	_, err = gone.Client(nil).Do(t.Context(), get(server.URL+"/ok"))
	wantError(t, err, feed.HaltConnection, "ca_file")
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := settings(t, map[string]any{"timeout": "5s"}).Client(answertest.RoundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		start := time.Now()
		_, err := c.Do(t.Context(), get(address))
		wantError(t, err, feed.Retry, "timeout", "5s")
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("gave up after %v", d)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err = c.Do(ctx, get(address)); !errors.Is(err, context.Canceled) {
			t.Errorf("after a cancel: %v", err)
		}
		cause := errors.New("the daemon stops")
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { stop(cause) })
		if _, err = c.Do(ctx, get(address)); !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
			t.Errorf("after a cancel with a cause: %v", err)
		}
		if _, err = c.Do(ctx, get(address)); !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
			t.Errorf("cancelled before the wait: %v", err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	page := strings.Repeat("x", 110<<10)
	s := NewSettings()
	c := s.Client(answertest.RoundTrip(func(*http.Request) (*http.Response, error) { return answertest.Reply(200, page), nil }))
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Do(b.Context(), get(address)); err != nil {
			b.Fatal(err)
		}
	}
}
