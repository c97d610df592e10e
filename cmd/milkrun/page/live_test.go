package page

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"milkrun/state"
)

// events reads what a stream sends.
type events struct {
	t    *testing.T
	body io.ReadCloser
	scan *bufio.Scanner
}

func (w *world) listen(path string, header ...string) (*events, *http.Response) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.server.URL+path, http.NoBody)
	w.must(err)
	req.Header.Set("Accept", eventStream)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := w.client.Do(req)
	w.must(err)
	w.t.Cleanup(func() { _ = res.Body.Close() })
	scan := bufio.NewScanner(res.Body)
	scan.Buffer(nil, 1<<20)
	return &events{w.t, res.Body, scan}, res
}

// next is the next update of parts.
func (e *events) next() update {
	e.t.Helper()
	name := ""
	for e.scan.Scan() {
		line := e.scan.Text()
		if text, ok := strings.CutPrefix(line, "event: "); ok {
			name = text
		}
		if text, ok := strings.CutPrefix(line, "data: "); ok && name == "parts" {
			var u update
			if err := json.Unmarshal([]byte(text), &u); err != nil {
				e.t.Fatal(err)
			}
			return u
		}
	}
	e.t.Fatalf("the stream is over: %v", e.scan.Err())
	return update{}
}

func ids(u update) string {
	list := make([]string, len(u.Parts))
	for i, p := range u.Parts {
		list[i] = p.ID
	}
	return strings.Join(list, " ")
}

func TestStream(t *testing.T) {
	w := newWorld(t, nil)
	w.fill(0)
	e, res := w.listen("/")
	if got := res.Header.Get("Content-Type"); got != eventStream {
		t.Fatalf("Content-Type %q", got)
	}
	first := e.next()
	for _, id := range []string{"stand", "halts", "job-affairs", "gauge-grades"} {
		if !strings.Contains(ids(first), id) {
			t.Errorf("the first update has no %s: %s", id, ids(first))
		}
	}
	w.setRunning(w.gradesAt(1_000_000))
	if u := e.next(); ids(u) != "gauge-grades" || !strings.Contains(u.Parts[0].HTML, "1,000,000") {
		t.Errorf("after progress: %s", ids(u))
	}
	w.must(w.store.Pause(t.Context(), "affairs", "wang", "a reason"))
	if u := e.next(); ids(u) != "stand job-affairs" || !strings.Contains(u.Parts[1].HTML, "paused") {
		t.Errorf("after a pause: %s", ids(u))
	}
	w.setRunning()
	if u := e.next(); !strings.Contains(ids(u), "gauge-grades") || u.Parts[len(u.Parts)-1].HTML != "" {
		t.Errorf("after the end: %s", ids(u))
	}
}

// A page whose parts are others now is loaded again.
func TestStreamReload(t *testing.T) {
	w := newWorld(t, nil)
	e, _ := w.listen("/")
	e.next()
	conf := *w.options.Config()
	conf.Jobs = conf.Jobs[1:]
	w.mu.Lock()
	w.smaller = &conf
	w.mu.Unlock()
	if u := e.next(); !u.Reload {
		t.Errorf("%+v", u)
	}
}

func TestStreamOfRunAndLanguage(t *testing.T) {
	w := newWorld(t, nil)
	w.fill(0)
	running := w.gradesAt(5000)
	e, _ := w.listen("/runs/"+itoa(running.Run), "Accept-Language", "zh-CN")
	if u := e.next(); !strings.Contains(ids(u), "run-"+itoa(running.Run)) || !strings.Contains(u.Parts[0].HTML, "运行中") {
		t.Errorf("%+v", u)
	}
	w.must(w.store.AddEvent(t.Context(), state.Event{RunID: running.Run, Kind: "retry", Text: "page 72: HTTP 502"}))
	if u := e.next(); !strings.Contains(u.Parts[len(u.Parts)-1].HTML, "page 72: HTTP 502") {
		t.Errorf("%+v", u)
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// Streams are bounded, and nobody else's page takes one.
func TestStreamBounds(t *testing.T) {
	w := newWorld(t, nil)
	if status, _, _ := w.ask("/", "Accept", eventStream, "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("for another site: %d", status)
	}
	for range maxStreams {
		w.page.streams <- struct{}{}
	}
	if status, _, header := w.ask("/", "Accept", eventStream); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d", status)
	}
	if status, _, _ := w.ask("/"); status != http.StatusOK {
		t.Errorf("the page itself: %d", status)
	}
	<-w.page.streams
	e, _ := w.listen("/")
	e.next()
	_ = e.body.Close()
	w.page.streams <- struct{}{} // free again once the browser has left
}

// Serve ends with its context, streams too, and knows who comes over a Unix socket.
func TestServe(t *testing.T) {
	w := newWorld(t, nil)
	w.fill(0)
	path := filepath.Join(t.TempDir(), "p")
	l, err := net.Listen("unix", path)
	w.must(err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, w.options) }()
	w.client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	w.server = &httptest.Server{URL: "http://status.example.com"} // any name will do over a socket
	status, body, _ := w.ask("/")
	if status != http.StatusOK {
		t.Fatalf("%d", status)
	}
	token := formToken.FindStringSubmatch(body)
	w.post("/do", map[string][]string{"form": {token[1]}, "do": {"trigger"}, "job": {"census"}})
	if calls := w.acts.all(); len(calls) != 1 || !strings.Contains(calls[0], "| page (") || strings.Contains(calls[0], "unix") {
		t.Errorf("who: %v", calls)
	}
	e, _ := w.listen("/")
	e.next()
	began := time.Now()
	cancel()
	for e.scan.Scan() {
	}
	if err := <-ended; err != nil || time.Since(began) > 2*time.Second {
		t.Errorf("ended with %v after %s", err, time.Since(began))
	}
}
