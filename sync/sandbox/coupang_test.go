package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// seller is a client of the stand-in, written from the document alone.
type seller struct {
	t      *testing.T
	rt     http.RoundTripper
	base   string // before the path on the wire
	signed string // before the path in the signature
	now    func() time.Time
	comma  string
}

func newSeller(t *testing.T, h http.Handler, now func() time.Time) *seller {
	return &seller{t: t, rt: Transport(h), now: now, comma: ", "}
}

const (
	sellerSecret = "0123456789abcdef0123456789abcdef01234567"
	sellerKey    = "11111111-2222-3333-4444-555555555555"
	apiPath      = "/v2/providers/openapi/apis/api/v5/vendors/A00012345/"
)

func (s *seller) get(path string) (status int, body string, header http.Header) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://127.0.0.1"+s.base+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	date := s.now().UTC().Format("060102T150405Z")
	plain, query, _ := strings.Cut(path, "?")
	sum := hmac.New(sha256.New, []byte(sellerSecret))
	_, _ = io.WriteString(sum, date+"GET"+s.signed+plain+query)
	req.Header.Set("Authorization", "CEA algorithm=HmacSHA256"+s.comma+"access-key="+sellerKey+s.comma+"signed-date="+date+s.comma+"signature="+hex.EncodeToString(sum.Sum(nil)))
	answer, err := s.rt.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Header
}

// fixed is a clock that moves by a second at each look.
func fixed() func() time.Time {
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	return func() time.Time { at = at.Add(time.Second); return at }
}

func TestCoupangPaths(t *testing.T) {
	clock := fixed()
	s := New(Options{Coupang: CoupangOptions{Now: clock}})
	const call = apiPath + "ordersheets?createdAtFrom=2026-11-20%2B09:00&createdAtTo=2026-11-21%2B09:00&status=DELIVERING"
	for name, c := range map[string]*seller{
		"at the root":               {rt: Transport(s), comma: ", "},
		"without spaces":            {rt: Transport(s), comma: ","},
		"prefix, signed with it":    {rt: Transport(s), comma: ", ", base: "/coupang", signed: "/coupang"},
		"prefix, signed without it": {rt: Transport(s), comma: ", ", base: "/coupang"},
	} {
		c.t, c.now = t, clock
		if status, body, _ := c.get(call); status != http.StatusOK || !strings.Contains(body, `"shipmentBoxId":642538971006`) {
			t.Errorf("%s: HTTP %d %s", name, status, body)
		}
	}
	wrong := &seller{t: t, rt: Transport(s), now: clock, comma: ", ", signed: "/elsewhere"}
	if status, body, _ := wrong.get(call); status != http.StatusUnauthorized || !strings.Contains(body, "Invalid signature.") {
		t.Errorf("HTTP %d %s", status, body)
	}
	if at := s.Settings()["coupang"]; at["url"] != "http://127.0.0.1/coupang" || at["vendor_id"] != "A00012345" {
		t.Errorf("settings %v", at)
	}
}

// TestCoupangRules: what the documents demand, with the messages that are known.
func TestCoupangRules(t *testing.T) {
	const v4, v6 = "/v2/providers/openapi/apis/api/v4/vendors/A00012345/", "/v2/providers/openapi/apis/api/v6/vendors/A00012345/"
	s := newSeller(t, NewCoupang(CoupangOptions{Now: fixed(), Rate: -1}), nil)
	s.now = fixed()
	for path, want := range map[string]string{
		apiPath + "ordersheets?createdAtFrom=2026-11-01&createdAtTo=2026-11-02&status=INSTRUCT":                                                   "200",
		apiPath + "ordersheets?createdAtFrom=2026-11-01%2B09%3A00&createdAtTo=2026-11-02%2B09%3A00&status=INSTRUCT&maxPerPage=50":                 "200",
		apiPath + "ordersheets?createdAtFrom=2026-11-01&createdAtTo=2026-11-02":                                                                   "400 status",
		apiPath + "ordersheets?createdAtTo=2026-11-02&status=INSTRUCT":                                                                            "400 createdAtFrom",
		apiPath + "ordersheets?createdAtFrom=2026-09-01&createdAtTo=2026-11-02&status=INSTRUCT":                                                   "400 31 days",
		apiPath + "ordersheets?createdAtFrom=2026-11-01&createdAtTo=2026-11-02&status=INSTRUCT&maxPerPage=51":                                     "400 maxPerPage",
		apiPath + "ordersheets?searchType=timeFrame&createdAtFrom=2026-11-01T00:00&createdAtTo=2026-11-02T00:01&status=INSTRUCT":                  "400 24 hours",
		v6 + "returnRequests?createdAtFrom=2026-11-01&createdAtTo=2026-11-02":                                                                     "400 OrderId can't be null, if doesn't pass the parameter status",
		v6 + "returnRequests?createdAtFrom=2026-11-01&createdAtTo=2026-11-02&cancelType=CANCEL&status=RU":                                         "400 status",
		v6 + "returnRequests?createdAtFrom=2026-11-01&createdAtTo=2026-11-02&cancelType=CANCEL":                                                   "200",
		v4 + "exchangeRequests?createdAtFrom=2026-11-01T00:00:00&createdAtTo=2026-11-08T00:00:00&status=RECEIPT":                                  "400 createdAtTo - createdAtFrom should less then 7day",
		apiPath + "onlineInquiries?vendorId=A00012345&answeredType=ALL&inquiryStartAt=2026-11-01&inquiryEndAt=2026-11-20":                         "400 The maximum view duration is 7 days",
		"/v2/providers/openapi/apis/api/v1/revenue-history?vendorId=A00012345&recognitionDateFrom=2026-11-01&recognitionDateTo=2026-11-02":        "400 token",
		"/v2/providers/openapi/apis/api/v1/revenue-history?vendorId=A00012345&recognitionDateFrom=2026-11-01&recognitionDateTo=2026-11-02&token=": "200",
		"/v2/providers/openapi/apis/api/v5/vendors/A00099999/ordersheets?status=INSTRUCT":                                                         "404",
		"/v2/providers/openapi/apis/api/v9/vendors/A00012345/ordersheets?status=INSTRUCT":                                                         "404",
		"/v2/providers/nothing": "404",
		"/v2/providers/seller_api/apis/api/v1/marketplace/seller-products/time-frame?vendorId=A00012345&createdAtFrom=2026-11-01T00:00:00&createdAtTo=2026-11-01T00:11:00": "400 10 minutes",
	} {
		status, body, _ := s.get(path)
		code, says, _ := strings.Cut(want, " ")
		if http.StatusText(status) == "" || code != map[int]string{200: "200", 400: "400", 404: "404"}[status] || !strings.Contains(body, says) {
			t.Errorf("%s: HTTP %d %s, want %s", path, status, body, want)
		}
	}
}

func TestCoupangSignatures(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	h := NewCoupang(CoupangOptions{Now: func() time.Time { return now }})
	const path = "/v2/providers/marketplace_openapi/apis/api/v1/settlement-histories?revenueRecognitionYearMonth=2026-09"
	for name, c := range map[string]struct {
		change func(*seller)
		says   string
	}{
		"late":  {func(s *seller) { s.now = func() time.Time { return now.Add(-6 * time.Minute) } }, "Specified signature is expired."},
		"early": {func(s *seller) { s.now = func() time.Time { return now.Add(6 * time.Minute) } }, "Specified signature is expired."},
		"form":  {func(s *seller) { s.comma = "; " }, "HMAC format is invalid."},
		"good":  {func(*seller) {}, `[{`},
	} {
		s := newSeller(t, h, func() time.Time { return now })
		c.change(s)
		if _, body, _ := s.get(path); !strings.Contains(body, c.says) {
			t.Errorf("%s: %s", name, body)
		}
	}
	other := newSeller(t, NewCoupang(CoupangOptions{AccessKey: "other", Now: func() time.Time { return now }}), func() time.Time { return now })
	if _, body, _ := other.get(path); !strings.Contains(body, "Unknown error occurred, please contact api-gateway channel for the details.") {
		t.Error(body)
	}
}

// TestCoupangThrottle: ten calls a second, and fifty a minute for Rocket Growth; a warning comes before.
func TestCoupangThrottle(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	s := newSeller(t, NewCoupang(CoupangOptions{Now: func() time.Time { return now }}), func() time.Time { return now })
	const stock = "/v2/providers/rg_open_api/apis/api/v1/vendors/A00012345/rg/inventory/summaries"
	for i := 1; i <= 12; i++ {
		status, body, header := s.get(stock)
		if (status == http.StatusTooManyRequests) != (i > 10) || (header.Get("X-CAG-Warnings") != "") != (i > 9) {
			t.Errorf("call %d: HTTP %d %s %v", i, status, body, header)
		}
	}
	refused := 0
	for range 60 {
		now = now.Add(500 * time.Millisecond)
		if status, _, _ := s.get(stock); status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 60-(50-12)+1 { // the first comes within the second of the twelve
		t.Errorf("%d of 60 calls in half a minute refused", refused)
	}
}

// TestCoupangFaults: the bodies are those of the vectors.
func TestCoupangFaults(t *testing.T) {
	text, err := os.ReadFile("testdata/coupang_errors.json")
	if err != nil {
		t.Fatal(err)
	}
	var known []struct {
		HTTP int
		Body json.RawMessage
	}
	if err := json.Unmarshal(text, &known); err != nil {
		t.Fatal(err)
	}
	for _, f := range coupangFaults() {
		var faults Faults
		if err := faults.Set(Fault{Kind: f.kind, Next: 1}); err != nil {
			t.Fatal(err)
		}
		s := newSeller(t, faults.Wrap(NewCoupang(CoupangOptions{})), time.Now)
		status, body, _ := s.get("/v2/providers/x")
		found := status == 521 || status == 403
		for _, k := range known {
			found = found || k.HTTP == status
		}
		if status != f.status || body != f.body || !found {
			t.Errorf("%s: HTTP %d %s", f.kind, status, body)
		}
	}
}

// TestCoupangVectors has the stand-in judge the signatures of other implementations.
func TestCoupangVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/coupang_cea.json")
	if err != nil {
		t.Fatal(err)
	}
	var cea struct {
		Valid []struct{ AccessKey, SecretKey, Datetime, Method, Path, Query, Authorization string }
		Wrong map[string]string `json:"must_be_rejected_for_case_cea-1"`
	}
	if err := json.Unmarshal(text, &cea); err != nil || len(cea.Valid) == 0 || len(cea.Wrong) < 6 {
		t.Fatal(err)
	}
	for i, v := range cea.Valid {
		at, err := time.Parse("060102T150405Z", v.Datetime)
		if err != nil {
			t.Fatal(err)
		}
		c := NewCoupang(CoupangOptions{AccessKey: v.AccessKey, SecretKey: v.SecretKey, Now: func() time.Time { return at }})
		req, err := http.NewRequestWithContext(t.Context(), v.Method, "http://x"+v.Path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", v.Authorization)
		if why := c.unsigned(req, v.Path, v.Query); why != "" {
			t.Errorf("%s: %s", v.Path, why)
		}
		head, _, _ := strings.Cut(v.Authorization, "signature=")
		for name, sum := range cea.Wrong {
			req.Header.Set("Authorization", head+"signature="+sum)
			if i == 0 && c.unsigned(req, v.Path, v.Query) == "" {
				t.Errorf("%s is taken", name)
			}
		}
	}
}
