package page

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// A name of another site that was bound to this machine is not answered, however the address is written.
func TestHost(t *testing.T) {
	w := newWorld(t, nil)
	for host, want := range map[string]int{
		"": 200, "127.0.0.1": 200, "127.0.0.1:9999": 200, "127.8.9.1": 200, "localhost": 200, "LOCALHOST:80": 200, "[::1]:8474": 200, "[::1]": 200,
		"evil.example": 421, "evil.example:8474": 421, "127.0.0.1.evil.example": 421, "localhost.evil.example": 421, "192.168.1.7": 421, "0.0.0.0": 421,
	} {
		req := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		req.Host = host
		if host == "" {
			req.Host = strings.TrimPrefix(w.server.URL, "http://")
		}
		answer := httptest.NewRecorder()
		w.page.handler().ServeHTTP(answer, req)
		if answer.Code != want {
			t.Errorf("Host %q: %d, want %d", host, answer.Code, want)
		}
	}
	if !strings.Contains(w.log.String(), "a Host that is not of this machine") {
		t.Errorf("it is not in the log: %s", w.log)
	}
}

// From elsewhere than loopback a page is called by any name: it has a token there.
func TestHostElsewhere(t *testing.T) {
	for addr, want := range map[net.Addr]bool{
		&net.TCPAddr{IP: net.ParseIP("10.1.2.3"), Port: 8474}: true, &net.UnixAddr{Name: "/run/milkrun/page.sock", Net: "unix"}: true,
		&net.TCPAddr{IP: net.ParseIP("127.0.0.1")}: false, &net.TCPAddr{IP: net.ParseIP("::1")}: false, nil: false,
	} {
		req := httptest.NewRequest(http.MethodGet, "http://status.example.com/", http.NoBody)
		if addr != nil {
			req = req.WithContext(contextWithAddr(req.Context(), addr))
		}
		if got := ownHost(req); got != want {
			t.Errorf("over %v: %v", addr, got)
		}
	}
}

// What another site can make a browser send changes nothing.
func TestCrossSite(t *testing.T) {
	w := newWorld(t, nil)
	pause := func() url.Values { return url.Values{"do": {"pause"}, "job": {"affairs"}, "why": {"x"}} }
	for name, header := range map[string][]string{
		"cross-site":      {"Sec-Fetch-Site", "cross-site"},
		"same-site":       {"Sec-Fetch-Site", "same-site"},
		"another origin":  {"Origin", "https://evil.example"},
		"a null origin":   {"Origin", "null"},
		"another port":    {"Origin", "http://127.0.0.1:1"},
		"rebound by name": {"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"},
	} {
		for _, path := range []string{"/do", "/language", "/logout", "/login"} {
			if status, body, header := w.post(path, pause(), header...); status != http.StatusForbidden {
				t.Errorf("%s to %s: %d", name, path, status)
			} else {
				checkPage(t, body, header)
			}
		}
	}
	for name, token := range map[string]string{"none": "", "wrong": "AAAA", "of another process": newPage(w.options).form} {
		fields := pause()
		fields.Set("form", token)
		if status, body, _ := w.post("/do", fields, "Sec-Fetch-Site", "same-origin"); status != http.StatusForbidden || !strings.Contains(plain(body), "The form is out of date") {
			t.Errorf("form token %s: %d", name, status)
		}
	}
	if calls := w.acts.all(); len(calls) > 0 {
		t.Errorf("something was done: %v", calls)
	}
	if status, _, _ := w.post("/do", pause(), "Sec-Fetch-Site", "same-origin", "Origin", w.server.URL); status != http.StatusOK || len(w.acts.all()) != 1 {
		t.Errorf("the page's own form: %d %v", status, w.acts.all())
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, nil)
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, "BREW"} {
		req, err := http.NewRequestWithContext(t.Context(), method, w.server.URL+"/", http.NoBody)
		w.must(err)
		if status, _, header := w.do(req); status != http.StatusMethodNotAllowed || header.Get("Allow") == "" {
			t.Errorf("%s: %d", method, status)
		}
	}
	if status, _, _ := w.ask("/do"); status != http.StatusNotFound {
		t.Errorf("GET /do: %d", status)
	}
	if status, _, _ := w.post("/runs", url.Values{}); status != http.StatusNotFound {
		t.Errorf("POST /runs: %d", status)
	}
	const private = "private-private-private"
	if status, _, _ := w.ask("/", "Cookie", "x="+strings.Repeat(private, 1000)); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("an oversized header: %d", status)
	}
	if status, _, _ := w.post("/do", url.Values{"why": {strings.Repeat(private, 5000)}}); status != http.StatusRequestEntityTooLarge {
		t.Errorf("an oversized form: %d", status)
	}
	if status, _, _ := w.ask("/?token="+private, "Host", "x", "Authorization", "Bearer "+private); status != http.StatusOK {
		t.Errorf("a token where none is needed: %d", status)
	}
	if log := w.log.String(); strings.Contains(log, private) || !strings.Contains(log, "an oversized header") {
		t.Errorf("the log: %s", log)
	}
}

// What is no HTTP at all costs nobody anything.
func TestGarbage(t *testing.T) {
	w := newWorld(t, nil)
	for _, text := range []string{"GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", "GET * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
		"GET /%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "\x16\x03\x01\r\n\r\n", "GET //evil.example/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.server.Listener.Addr().String())
		w.must(err)
		_, _ = fmt.Fprint(conn, text)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if answer.StatusCode == http.StatusOK || strings.Contains(answer.Header.Get("Location"), "//") {
			t.Errorf("%q: %s %s", text, answer.Status, answer.Header.Get("Location"))
		}
		_ = answer.Body.Close()
		_ = conn.Close()
	}
}

func TestBack(t *testing.T) {
	for to, want := range map[string]string{
		"/runs?job=affairs": "/runs?job=affairs", "": "/", "runs": "/", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/", "/a\r\nSet-Cookie: x": "/",
		"/" + strings.Repeat("x", 3000): "/",
	} {
		if got := back(to); got != want {
			t.Errorf("back to %q is %q", to, got)
		}
	}
}
