package coupang

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/sandbox"
	"milkrun/sync/secret"
	"milkrun/sync/transport"
)

// vectors are those of the reading of Coupang's documents, made by four other implementations.
type vectors struct {
	CEA struct {
		Valid []struct {
			ID, AccessKey, SecretKey, Datetime, Method, Path, Query, Authorization string
			StringToSign                                                           string `json:"string_to_sign"`
		}
		Wrong map[string]string `json:"must_be_rejected_for_case_cea-1"`
	}
	GatewayErrors []struct {
		HTTP  int
		Body  json.RawMessage
		Class string
	} `json:"gateway_errors"`
	MoneyV5 []struct {
		JSON    json.RawMessage
		Decimal *string
	} `json:"money_v5"`
	Samples map[string]json.RawMessage
}

func load(t testing.TB) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil || len(v.CEA.Valid) == 0 || len(v.GatewayErrors) == 0 {
		t.Fatalf("vectors: %v", err)
	}
	return v
}

// request is the request of a vector, as package transport would send it.
func (c *connection) signed(t testing.TB, method, address, datetime string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(signedDate, datetime)
	if err != nil {
		t.Fatal(err)
	}
	c.authorize(req, at)
	return req
}

func TestGoldenSignatures(t *testing.T) {
	for _, v := range load(t).CEA.Valid {
		t.Run(v.ID, func(t *testing.T) {
			c := &connection{accessKey: secret.New(v.AccessKey), secretKey: secret.New(v.SecretKey)}
			address := gateway + v.Path
			if v.Query != "" {
				address += "?" + v.Query
			}
			if got := c.signed(t, v.Method, address, v.Datetime).Header.Get("Authorization"); got != v.Authorization {
				t.Errorf("%s\nwant %s", got, v.Authorization)
			}
			shown, err := c.Sign(kind.SignRequest{Timestamp: v.Datetime, Resource: strings.TrimPrefix(address, gateway), Params: map[string]string{"method": v.Method}})
			if err != nil || shown.StringToSign != v.StringToSign || !strings.HasSuffix(v.Authorization, "signature="+shown.Signature) {
				t.Errorf("%+v, %v", shown, err)
			}
			if text := shown.StringToSign + shown.Params["Authorization"]; strings.Contains(text, v.SecretKey) || strings.Contains(text, v.AccessKey) {
				t.Errorf("a key is shown: %s", text)
			}
		})
	}
}

// TestWrongSignatures has the stand-in refuse what wrong implementations make, and take what ours does.
func TestWrongSignatures(t *testing.T) {
	v := load(t).CEA
	first := v.Valid[0]
	at, err := time.Parse(signedDate, first.Datetime)
	if err != nil {
		t.Fatal(err)
	}
	rt := sandbox.Transport(sandbox.NewCoupang(sandbox.CoupangOptions{Now: func() time.Time { return at }}))
	send := func(header string) int {
		req, err := http.NewRequestWithContext(t.Context(), first.Method, gateway+first.Path+"?"+first.Query, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", header)
		answer, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	for name, header := range map[string]string{"ours": first.Authorization, "without spaces": strings.ReplaceAll(first.Authorization, ", ", ",")} {
		if got := send(header); got != http.StatusOK {
			t.Errorf("%s: HTTP %d", name, got)
		}
	}
	head, _, _ := strings.Cut(first.Authorization, "signature=")
	for name, sum := range v.Wrong {
		if got := send(head + "signature=" + sum); got != http.StatusUnauthorized {
			t.Errorf("%s: HTTP %d", name, got)
		}
	}
}

// TestOpenSSL has another implementation make our signature.
func TestOpenSSL(t *testing.T) {
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	c := connect(t, nil)
	req, err := (&caller{connection: c}).build(t.Context(), request{path: "/v2/providers/x", params: []param{{"createdAtFrom", "2025-11-20+09:00"}, {"name", "ü ~&="}}})
	if err != nil {
		t.Fatal(err)
	}
	header := req.Header.Get("Authorization")
	_, date, _ := strings.Cut(header, "signed-date=")
	date, sum, _ := strings.Cut(date, ", signature=")
	cmd := exec.CommandContext(t.Context(), program, "dgst", "-sha256", "-hmac", secretKey)
	cmd.Stdin = strings.NewReader(date + "GET" + req.URL.EscapedPath() + req.URL.RawQuery)
	out, err := cmd.Output()
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), " "+sum) {
		t.Errorf("openssl says %s, the header is %s (%v)", out, header, err)
	}
}

// TestWire: what is signed is what is sent, byte for byte, and signed anew at every attempt.
func TestWire(t *testing.T) {
	c := connect(t, map[string]any{"market": "TW"})
	var dates []string
	rt := roundTrip(func(r *http.Request) (*http.Response, error) {
		_, date, _ := strings.Cut(r.Header.Get("Authorization"), "signed-date=")
		date, sum, _ := strings.Cut(date, ", signature=")
		dates = append(dates, date)
		wire := date + r.Method + strings.Replace(r.URL.RequestURI(), "?", "", 1)
		if want := signature(c.secretKey, wire); !hmac.Equal([]byte(want), []byte(sum)) {
			t.Errorf("%s is not signed", wire)
		}
		if _, err := hex.DecodeString(sum); err != nil || len(sum) != 64 {
			t.Errorf("signature %q", sum)
		}
		if !strings.Contains(r.URL.RequestURI(), "createdAtFrom=2026-11-15%2B09:00") || r.Header.Get("X-Requested-By") != "A00012345" || r.Header.Get("X-MARKET") != "TW" ||
			r.Header.Get("X-EXTENDED-TIMEOUT") != "" || strings.HasSuffix(r.URL.RequestURI(), "?") {
			t.Errorf("%s %v", r.URL.RequestURI(), r.Header)
		}
		return nil, context.DeadlineExceeded
	})
	s := openAt(t, c, rt, noon, "orders", map[string]any{"since": "2026-11-15"})
	for range 2 {
		if _, err := s.Fetch(t.Context(), "", 50); err == nil || feed.Judge(err).Verdict != feed.Retry {
			t.Error(err)
		}
	}
	if len(dates) != 2 {
		t.Errorf("%d attempts", len(dates))
	}
}

// roundTrip is a network made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSignRequests(t *testing.T) {
	c := connect(t, nil)
	s, err := c.Sign(kind.SignRequest{Timestamp: "251121T083015Z", Resource: "orders", Params: map[string]string{"status": "A B"}})
	if err != nil || s.StringToSign != "251121T083015ZGET/v2/providers/openapi/apis/api/v5/vendors/A00012345/ordersheetsstatus=A%20B" {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []kind.SignRequest{{Resource: "ordres"}, {Timestamp: "2025-11-21T08:30:15Z"}} {
		if s, err := c.Sign(bad); err == nil {
			t.Errorf("%+v is signed: %+v", bad, s)
		}
	}
	if got := transport.Said("key "+accessKey, c.secrets()...); strings.Contains(got, accessKey) {
		t.Error(got)
	}
}
