package page

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func contextWithAddr(ctx context.Context, addr net.Addr) context.Context {
	return context.WithValue(ctx, http.LocalAddrContextKey, addr)
}

func TestTokenNeeded(t *testing.T) {
	w := newWorld(t, withToken)
	for _, a := range addresses {
		if status, body, header := w.ask(a.path); status != http.StatusUnauthorized || !strings.Contains(body, `name="token"`) || header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d", a.path, status)
		} else {
			checkPage(t, body, header)
		}
	}
	for _, path := range []string{"/metrics", "/nothing", "/do"} {
		if status, body, _ := w.ask(path); status != http.StatusUnauthorized || strings.Contains(body, "milkrun_up") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _, _ := w.ask("/", "Accept", eventStream); status != http.StatusUnauthorized {
		t.Errorf("the stream: %d", status)
	}
	if status, _, _ := w.post("/do", url.Values{"do": {"pause"}, "job": {"affairs"}}); status != http.StatusUnauthorized || len(w.acts.all()) > 0 {
		t.Errorf("a form: %d %v", status, w.acts.all())
	}
	if status, _, _ := w.ask("/style.css"); status != http.StatusOK {
		t.Errorf("the login page is not styled: %d", status)
	}
}

func TestBearer(t *testing.T) {
	w := newWorld(t, withToken)
	for header, want := range map[string]int{
		"Bearer correct-horse-battery": 200, "correct-horse-battery": 200, "Bearer correct-horse-batterY": 401, "Bearer ": 401, "Basic Y29ycmVjdA==": 401,
	} {
		if status, _, _ := w.ask("/metrics", "Authorization", header); status != want {
			t.Errorf("%s: %d, want %d", header, status, want)
		}
	}
	if strings.Contains(w.log.String(), "correct-horse") {
		t.Errorf("a token is in the log: %s", w.log)
	}
}

func TestLogin(t *testing.T) {
	w := newWorld(t, withToken)
	status, body, _ := w.post("/login", url.Values{"token": {"wrong"}, "back": {"/runs"}})
	if status != http.StatusUnauthorized || !strings.Contains(plain(body), "The token is wrong.") || !strings.Contains(body, `value="/runs"`) || strings.Contains(body, "wrong\"") && strings.Contains(body, `value="wrong"`) {
		t.Errorf("a wrong token: %d %s", status, plain(body))
	}
	status, body, header := w.post("/login", url.Values{"token": {"correct-horse-battery"}, "back": {"/runs"}})
	if status != http.StatusOK || !strings.Contains(plain(body), "Log out") {
		t.Fatalf("the token: %d %s", status, plain(body))
	}
	checkPage(t, body, header)
	if status, _, _ := w.ask("/"); status != http.StatusOK {
		t.Errorf("logged in: %d", status)
	}
	if _, _, _ = w.post("/logout", url.Values{}); w.loggedIn() {
		t.Error("still logged in")
	}
}

func (w *world) loggedIn() bool {
	status, _, _ := w.ask("/")
	return status == http.StatusOK
}

// The cookie is no token, no script reads it, and no other site has it sent.
func TestLoginCookie(t *testing.T) {
	w := newWorld(t, withToken)
	req := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/login", strings.NewReader(url.Values{"form": {w.page.form}, "token": {"correct-horse-battery"}}.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	w.page.handler().ServeHTTP(answer, req)
	cookies := answer.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies: %v", cookies)
	}
	c := cookies[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || strings.Contains(c.Value, "horse") || c.MaxAge <= 0 {
		t.Errorf("the cookie: %v", c)
	}
	until, sign, _ := strings.Cut(c.Value, ".")
	for name, value := range map[string]string{
		"forged later": "9999999999." + sign, "cut": until + "." + sign[:20], "empty": "", "no sign": until, "no number": "x." + sign,
		"of another process": newPage(w.options).pass(time.Now().Add(time.Hour)), "over": w.page.pass(time.Now().Add(-time.Second)),
	} {
		if status, _, _ := w.ask("/", "Cookie", loginCookie+"="+value); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status, _, _ := w.ask("/", "Cookie", loginCookie+"="+c.Value); status != http.StatusOK {
		t.Errorf("the cookie itself: %d", status)
	}
}

// Guessing is slow: after some wrong tokens even the right one is not looked at for a while, from that address.
func TestThrottle(t *testing.T) {
	w := newWorld(t, withToken)
	for range triesAtOnce {
		if status, _, _ := w.post("/login", url.Values{"token": {"guess"}}); status != http.StatusUnauthorized {
			t.Fatalf("a guess: %d", status)
		}
	}
	status, _, header := w.post("/login", url.Values{"token": {"correct-horse-battery"}})
	if status != http.StatusTooManyRequests || header.Get("Retry-After") == "" {
		t.Errorf("after the guesses: %d", status)
	}
	if status, _, _ := w.ask("/metrics", "Authorization", "Bearer correct-horse-battery"); status != http.StatusTooManyRequests {
		t.Errorf("by header: %d", status)
	}
	elsewhere := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/", http.NoBody)
	elsewhere.RemoteAddr = "10.0.0.9:4711"
	if w.page.judge(elsewhere, "correct-horse-battery") != admitted {
		t.Error("another address is shut out too")
	}
}

// So many addresses cost no memory: they share a limit in the end.
func TestThrottleBounded(t *testing.T) {
	var all tries
	for i := range mostTriers + 50 {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = fmt.Sprintf("[2001:db8:%x:%x::1]:80", i/1000, i%1000)
		all.of(r).Allow()
	}
	if len(all.limits) > mostTriers+1 {
		t.Errorf("%d limits", len(all.limits))
	}
	a, b := httptest.NewRequest(http.MethodGet, "/", http.NoBody), httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	a.RemoteAddr, b.RemoteAddr = "[2001:db8::1]:80", "[2001:db8::2:3:4:5]:90"
	if origin(a) != origin(b) {
		t.Error("one network has many limits")
	}
}

// A link in a chat leads to the page although the browser keeps the cookie back on the way.
func TestLinkFromElsewhere(t *testing.T) {
	w := newWorld(t, withToken)
	status, body, _ := w.ask("/jobs/affairs", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate")
	if status != http.StatusOK || !strings.Contains(body, `http-equiv="refresh"`) || strings.Contains(plain(body), "affairs") {
		t.Errorf("%d %s", status, body)
	}
}
