package channel

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"milkrun/sync/feed"
	"milkrun/sync/secret"
)

func TestWebhook(t *testing.T) {
	s := newStandIn(t, "thanks")
	c := made(t, "webhook", map[string]any{"url": secret.New(robots(s.URL)["webhook"]), "secret": secret.New("webhook-key")})
	if err := c.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	m := message()
	want := map[string]any{
		"instance": "etl-1", "title": "milkrun etl-1: job grades failed", "text": m.Body,
		"events": []any{map[string]any{"id": m.Events[0].ID(), "kind": "failed", "scope": "job", "name": "grades", "run": 812.0, "count": 1.0,
			"at": "2026-03-02T01:31:00Z", "since": "2026-03-02T01:31:00Z", "text": m.Events[0].Text, "code": "HTTP 503", "remedy": "ask the partner",
			"command": "milkrun runs show 812", "records": map[string]any{"read": 6000.0, "delivered": 5000.0, "rejected": 2.0}}},
	}
	if got := decoded(t, s.last.body); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := s.last.Header.Get(signatureHeader); !strings.HasPrefix(got, "t=1767225600,v1=") || len(got) != len("t=1767225600,v1=")+64 {
		t.Errorf("signed %q", got)
	}
}

// printf '1767225600.{"instance":"etl-1"}' | openssl dgst -sha256 -hmac webhook-key
func TestWebhookSignature(t *testing.T) {
	w := made(t, "webhook", map[string]any{"secret": secret.New("webhook-key")}).(*webhook)
	want := http.Header{signatureHeader: {"t=1767225600,v1=932f2bfc1b029211777fc4322e1ebc6d9dccde96fbfcc44bea4751dee3aac0e2"}}
	if got := w.sign(at(), []byte(`{"instance":"etl-1"}`)); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

func TestWebhookUnsigned(t *testing.T) {
	s := newStandIn(t, "")
	s.answer = func(w http.ResponseWriter, _ received) { w.WriteHeader(http.StatusNoContent) }
	c := made(t, "webhook", map[string]any{"url": secret.New(s.URL)})
	m := message()
	m.Events[0].Over = true
	if err := c.Send(t.Context(), m); err != nil || s.last.Header.Get(signatureHeader) != "" {
		t.Errorf("%v, %v", err, s.last.Header)
	}
	event := decoded(t, s.last.body)["events"].([]any)[0].(map[string]any)
	if event["kind"] != "recovered" || event["of"] != "failed" {
		t.Errorf("%v", event)
	}
}

func TestWebhookStatus(t *testing.T) {
	s := newStandIn(t, "")
	for status, verdict := range map[int]feed.Verdict{500: feed.Retry, 503: feed.Retry, 429: feed.Retry, 401: feed.Fail, 404: feed.Fail, 302: feed.Fail} {
		s.answer = func(w http.ResponseWriter, _ received) { w.WriteHeader(status) }
		err := made(t, "webhook", map[string]any{"url": secret.New(s.URL)}).Send(t.Context(), message())
		if e := feed.Judge(err); err == nil || e.Verdict != verdict || e.Verdict == feed.Fail && e.Remedy == "" {
			t.Errorf("%d: %v, %s", status, err, e.Verdict)
		}
	}
}

func TestWebhookWithItsOwnAuthority(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	err := made(t, "webhook", map[string]any{"url": secret.New(s.URL)}).Send(t.Context(), message())
	if e := feed.Judge(err); err == nil || e.Code != "certificate" || e.Remedy == "" {
		t.Errorf("an unknown authority: %v", err)
	}
	ca := authority(t, s.Certificate())
	if err := made(t, "webhook", map[string]any{"url": secret.New(s.URL), "ca_file": ca}).Send(t.Context(), message()); err != nil {
		t.Error(err)
	}
}

// authority writes a certificate to a file.
func authority(t *testing.T, c *x509.Certificate) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
