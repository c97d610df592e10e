package sandbox

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

func fetch(t *testing.T, method, url, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func start(ctx context.Context, t *testing.T) *Sandbox {
	t.Helper()
	s, err := Start(ctx, "localhost:0", Options{Credit: CreditOptions{Count: 100}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestSandboxServesAll uses nothing but what Settings says.
func TestSandboxServesAll(t *testing.T) {
	s := start(t.Context(), t)
	set := s.Settings()
	c := set["credit"]
	_, got := fetch(t, "POST", c["url"]+"/getEnterpriseGrades", jsonText(t, map[string]any{
		"accessid": c["accessid"], "username": c["username"], "pwd": c["password"], "pagesize": 2}), "Content-Type", "application/json")
	if !strings.Contains(got, `"result":1`) {
		t.Error(got)
	}
	b := set["busipush"]
	if b["appcode"] == "" || b["modulecode"] == "" || b["appsecret"] != "sandbox-appsecret" {
		t.Errorf("%v", b)
	}
	_, got = fetch(t, "POST", b["url"]+"/openplatform/open/busipush.action?generate",
		newPush(t, "1", affair("1")).sign().form(), "Content-Type", formType+"; charset=UTF-8")
	if !strings.Contains(got, `"200"`) || s.Busipush.Records() != 1 {
		t.Error(got)
	}
	e := set["exchange"]
	_, got = fetch(t, "POST", e["url"]+"/users", jsonText(t, envelope("b", user("1"))),
		"Content-Type", "application/json", "Authorization", "Bearer "+e["token"])
	if !strings.Contains(got, `"accepted":1`) || s.Exchange.Records("users") != 1 {
		t.Error(got)
	}
	_, got = fetch(t, "GET", s.URL()+"/", "")
	for _, want := range []string{"100 enterprises; 1 pages", "1 ids held; 1 calls, 1 accepted", "1 users held; 1 pushes", "curl -s " + s.URL(), "drop-after"} {
		if !strings.Contains(got, want) {
			t.Errorf("the first page does not say %q:\n%s", want, got)
		}
	}
}

func TestSandboxControl(t *testing.T) {
	s := start(t.Context(), t)
	status, got := fetch(t, "POST", s.URL()+"/faults", `{"credit":[{"kind":"html","next":1}],"exchange":[{"kind":"500"}]}`)
	if status != 200 || !strings.Contains(got, `"busipush": []`) {
		t.Fatalf("%d %s", status, got)
	}
	if _, got := fetch(t, "POST", s.URL()+"/credit/getEnterpriseGrades", "{}"); !strings.Contains(got, "<html>") {
		t.Error(got)
	}
	if _, got := fetch(t, "GET", s.URL()+"/faults", ""); !strings.Contains(got, `"fired": 1`) {
		t.Error(got)
	}
	if _, got := fetch(t, "POST", s.URL()+"/faults", `{"exchange":[]}`); strings.Contains(got, `"500"`) || !strings.Contains(got, "html") {
		t.Errorf("healing exchange left %s", got)
	}
	shown, _ := http.Get(s.URL() + "/faults")
	text, _ := io.ReadAll(shown.Body)
	_ = shown.Body.Close()
	if status, got := fetch(t, "POST", s.URL()+"/faults", string(text)); status != 200 {
		t.Errorf("what GET shows is refused: %s", got)
	}
	if status, got := fetch(t, "POST", s.URL()+"/drift", `{"every":5,"ops":["insert"],"max":2}`); status != 200 || s.Credit.Drift().Every != 5 {
		t.Errorf("%d %s", status, got)
	}
	for path, body := range map[string]string{
		"/faults?1": `{"credit":[{"kind":"fire"}]}`, "/faults?2": `{"bank":[]}`, "/faults?3": `[]`, "/faults?4": `{"credit":[{"kinds":"html"}]}`,
		"/drift?1": `{"ops":["x"]}`, "/drift?2": `{`, "/drift?3": `{"each":1}`,
	} {
		if status, got := fetch(t, "POST", s.URL()+path, body); status != 400 || got == "" {
			t.Errorf("%s %s: %d %s", path, body, status, got)
		}
	}
}

func TestSandboxRefusesOtherAddresses(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0", "127.0.0.1", ""} {
		if s, err := Start(t.Context(), addr, Options{}); err == nil {
			_ = s.Close()
			t.Errorf("%q is served", addr)
		} else if addr == "0.0.0.0:0" && !strings.Contains(err.Error(), "127.0.0.1:0") {
			t.Errorf("no remedy: %v", err)
		}
	}
	taken := start(t.Context(), t)
	if _, err := Start(t.Context(), strings.TrimPrefix(taken.URL(), "http://"), Options{}); err == nil {
		t.Error("a taken port is served")
	}
}

func TestSandboxEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := start(ctx, t)
	_ = s.Faults.Credit.Set(Fault{Kind: Latency, DelayMS: int(time.Hour / time.Millisecond)})
	done := make(chan error)
	go func() {
		resp, err := http.Post(s.URL()+"/credit/getEnterpriseGrades", "application/json", strings.NewReader("{}"))
		if err == nil {
			_ = resp.Body.Close()
		}
		done <- err
	}()
	for len(s.Faults.Credit.List()) == 0 || s.Faults.Credit.List()[0].Fired == 0 {
		select {
		case err := <-done:
			t.Fatalf("answered already: %v", err)
		default:
			runtime.Gosched()
		}
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("a request outlived the sandbox")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestNewNeedsNoListener(t *testing.T) {
	s := New(Options{Credit: CreditOptions{Count: 5}})
	if s.URL() != "http://127.0.0.1" || s.Close() != nil {
		t.Error(s.URL())
	}
	r := call(t, s, s.Settings()["credit"]["url"]+"/getEnterpriseGrades", "application/json", jsonText(t, login(nil)))
	if !strings.Contains(r.body, `"count":5`) {
		t.Error(r.body)
	}
}
