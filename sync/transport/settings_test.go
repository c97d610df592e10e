package transport

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/time/rate"

	"milkrun/sync/transport/answertest"
)

func TestURL(t *testing.T) {
	for _, c := range []struct {
		url   string
		allow bool
		want  string // in the problem's text, "" when it is good
	}{
		{"https://partner.example/api", false, ""},
		{"https://partner.example:8443/api/", false, ""},
		{"http://127.0.0.1:8080", false, ""},
		{"http://[::1]:8080", false, ""},
		{"http://localhost/x", false, ""},
		{"http://partner.example/api", true, ""},
		{"http://partner.example/api", false, "unencrypted"},
		{"http://127.0.0.1.example/api", false, "unencrypted"},
		{"partner.example/api", false, "absolute"},
		{"ftp://partner.example", false, "absolute"},
		{"https://", false, "absolute"},
		{"https://user:hunter2@partner.example", false, "user or password"},
		{"https://user:hunter2@partner.example:port", false, "absolute"},
		{"https://partner.example/api?x=1", false, "query"},
		{"https://partner.example/api#x", false, "fragment"},
		{"", false, ""}, // the checker says that it is required
	} {
		s := settings(t, map[string]any{"url": c.url, "allow_http": c.allow})
		problems := s.Validate()
		switch {
		case c.want == "" && len(problems) != 0:
			t.Errorf("%s: %v", c.url, problems)
		case c.want != "" && (len(problems) != 1 || problems[0].Key != "url" || !strings.Contains(problems[0].Text, c.want) || problems[0].Remedy == ""):
			t.Errorf("%s: %v, want %q", c.url, problems, c.want)
		case len(problems) > 0 && strings.Contains(problems[0].Text, "hunter2"):
			t.Errorf("%s: the password shows", c.url)
		}
	}
	if s := settings(t, map[string]any{"url": "https://partner.example/api//"}); s.URL() != "https://partner.example/api" {
		t.Errorf("URL %q", s.URL())
	}
}

func TestRate(t *testing.T) {
	for text, want := range map[string]rate.Limit{"": rate.Inf, "5/s": 5, "30/m": 0.5, "3600/h": 1, "2 / s": 2} {
		s := NewSettings()
		if err := s.setRate(text); err != nil || math.Abs(float64(s.rate-want)) > 1e-9 {
			t.Errorf("%q: %v, %v", text, s.rate, err)
		}
	}
	for _, text := range []string{"5", "/s", "0/s", "-1/s", "5/d", "5/s/s", "x/s", "1.5/s"} {
		s := NewSettings()
		if s.setRate(text) == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestOtherProblems(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for key, v := range map[string]any{"timeout": "0s", "ca_file": empty} {
		s := settings(t, map[string]any{"url": "https://partner.example", key: v})
		if p := s.Validate(); len(p) != 1 || p[0].Key != key || p[0].Remedy == "" {
			t.Errorf("%s = %v: %v", key, v, p)
		}
	}
}

func TestOneClientAndClose(t *testing.T) {
	s := NewSettings()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if s.Client(nil) != s.Client(answertest.RoundTrip(nil)) {
		t.Error("two clients for one connection")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
