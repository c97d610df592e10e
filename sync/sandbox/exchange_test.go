package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const exchangeURL = "http://partner.test/api/"

func bearer() []string { return []string{"Authorization", "Bearer sandbox-token"} }

func user(id string) string {
	return fmt.Sprintf(`{"user_id":%q,"phone":"199****0001","name":"赵**","id_card":"9****************1"}`, id)
}

func envelope(batch string, records ...string) map[string]any {
	list := []json.RawMessage{}
	for _, r := range records {
		list = append(list, json.RawMessage(r))
	}
	return map[string]any{"interface": "users", "version": "1", "purpose": "数据分析", "batch_id": batch,
		"mode": "incremental", "count": len(list), "records": list}
}

func TestExchangeKeepsAndRejects(t *testing.T) {
	e := NewExchange(ExchangeOptions{})
	e.Poison("bad")
	body := jsonText(t, envelope("b1", user("1"), user("bad"), `{"name":"x*"}`, `[1]`, `{"user_id":"2","phone":"19900000001"}`,
		`{"user_id":7,"phone":""}`, user("1")))
	want := `{"code":0,"message":"ok","accepted":3,"rejected":[` +
		`{"index":1,"code":"poison","reason":"the record cannot be processed"},` +
		`{"index":2,"code":"key","reason":"user_id is missing or empty"},` +
		`{"index":3,"code":"type","reason":"the record is not an object"},` +
		`{"index":4,"code":"unmasked","reason":"phone is not masked"}],"receipt":"R-000001"}`
	for range 2 {
		if r := call(t, e, exchangeURL+"users", "application/json", body, bearer()...); r.body != want || r.status != 200 {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	if e.Records("users") != 2 {
		t.Errorf("%d records", e.Records("users"))
	}
	if got, ok := e.Record("users", "1"); !ok || string(got) != user("1") {
		t.Errorf("kept %s", got)
	}
	if want := (ExchangeStats{Pushes: 2, Repeated: 1, Accepted: 3, Rejected: 4}); e.Stats() != want {
		t.Errorf("%+v", e.Stats())
	}
	empty := call(t, e, exchangeURL+"users", "application/json", jsonText(t, envelope("b2")), bearer()...)
	if empty.body != `{"code":0,"message":"ok","accepted":0,"rejected":[],"receipt":"R-000003"}` {
		t.Error(empty.body)
	}
}

func TestExchangeRefuses(t *testing.T) {
	e := NewExchange(ExchangeOptions{})
	with := func(k string, v any) string {
		p := envelope("b", user("1"))
		if p[k] = v; v == nil {
			delete(p, k)
		}
		return jsonText(t, p)
	}
	call(t, e, exchangeURL+"users", "application/json", with("batch_id", "used"), bearer()...)
	for name, tc := range map[string]struct {
		path, body, auth string
		status           int
		want             string
	}{
		"no authorisation": {"users", with("count", 1), "", 401, `"code":401`},
		"wrong token":      {"users", with("count", 1), "Bearer x", 401, `"code":401`},
		"other interface":  {"users", with("interface", "orders"), "", 200, "interface"},
		"version 2":        {"users", with("version", "2"), "", 200, "version"},
		"no purpose":       {"users", with("purpose", nil), "", 200, "purpose"},
		"no batch_id":      {"users", with("batch_id", nil), "", 200, "batch_id"},
		"mode":             {"users", with("mode", "all"), "", 200, "mode"},
		"wrong count":      {"users", with("count", 2), "", 200, "count"},
		"no count":         {"users", with("count", nil), "", 200, "count"},
		"no records":       {"users", with("records", nil), "", 200, "records"},
		"unknown field":    {"users", with("secret", 1), "", 200, "secret"},
		"not JSON":         {"users", "{", "", 200, "malformed"},
		"two values":       {"users", with("count", 1) + "{}", "", 200, "malformed"},
		"no resource":      {"", with("count", 1), "", 404, `"code":404`},
		"batch_id used":    {"users", jsonText(t, envelope("used", user("2"))), "", 200, `"code":409`},
	} {
		if tc.auth == "" && name != "no authorisation" {
			tc.auth = bearer()[1]
		}
		r := call(t, e, exchangeURL+tc.path, "application/json", tc.body, "Authorization", tc.auth)
		if r.status != tc.status || !strings.Contains(r.body, tc.want) || strings.Contains(r.body, `"code":0`) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if e.Records("users") != 1 || e.Stats().Refused != 15 {
		t.Errorf("%d records, %+v", e.Records("users"), e.Stats())
	}
}

// hmacHeader signs as the package comment says, written apart from the stand-in.
func hmacHeader(secret, target, nonce string, at time.Time, body string) string {
	digest := sha256.Sum256([]byte(body))
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "POST\n%s\n%d\n%s\n%x", target, at.Unix(), nonce, digest)
	return fmt.Sprintf("HMAC-SHA256 key=sandbox-key, timestamp=%d, nonce=%s, signature=%s", at.Unix(), nonce, hex.EncodeToString(mac.Sum(nil)))
}

// TestHMACVector pins the wire: the value was computed with openssl from the description.
func TestHMACVector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const body = `{"page":1,"page_size":1}`
		const header = "HMAC-SHA256 key=sandbox-key, timestamp=946684800, nonce=00112233445566778899aabbccddeeff, signature=" +
			"2cd0f835b0a06f2a290f7931c64e63263c2297956d10c3997659ba43a5138179"
		r := call(t, NewExchange(ExchangeOptions{}), exchangeURL+"users/query", "application/json", body, "Authorization", header)
		if r.status != 200 {
			t.Errorf("%d %s; computed %s", r.status, r.body,
				hmacHeader("sandbox-secret", "/api/users/query", "00112233445566778899aabbccddeeff", time.Now(), body))
		}
	})
}

func TestExchangeHMAC(t *testing.T) {
	e := NewExchange(ExchangeOptions{})
	body := jsonText(t, envelope("b", user("1")))
	now := time.Now()
	for _, tc := range []struct {
		name, header string
		status       int
	}{
		{"good", hmacHeader("sandbox-secret", "/api/users", "0123456789abcdef", now, body), 200},
		{"nonce again", hmacHeader("sandbox-secret", "/api/users", "0123456789abcdef", now, body), 401},
		{"other secret", hmacHeader("x", "/api/users", "0123456789abcde1", now, body), 401},
		{"other path", hmacHeader("sandbox-secret", "/users", "0123456789abcde2", now, body), 401},
		{"other body", hmacHeader("sandbox-secret", "/api/users", "0123456789abcde3", now, body+" "), 401},
		{"old", hmacHeader("sandbox-secret", "/api/users", "0123456789abcde4", now.Add(-11*time.Minute), body), 401},
		{"short nonce", hmacHeader("sandbox-secret", "/api/users", "01", now, body), 401},
		{"other key", strings.Replace(hmacHeader("sandbox-secret", "/api/users", "0123456789abcde5", now, body), "sandbox-key", "k", 1), 401},
		{"nothing", "HMAC-SHA256", 401},
	} {
		if r := call(t, e, exchangeURL+"users", "application/json", body, "Authorization", tc.header); r.status != tc.status {
			t.Errorf("%s: %d %s", tc.name, r.status, r.body)
		}
	}
}

func records(n int) (all []json.RawMessage) {
	for i := range n {
		all = append(all, json.RawMessage(fmt.Sprintf(`{"id":"%04d"}`, i)))
	}
	return all
}

type queryAnswer struct {
	Code       int               `json:"code"`
	Message    string            `json:"message"`
	Total      int               `json:"total"`
	Records    []json.RawMessage `json:"records"`
	NextCursor string            `json:"next_cursor"`
	HasMore    bool              `json:"has_more"`
}

func ask(t *testing.T, e *Exchange, body string) (a queryAnswer) {
	t.Helper()
	r := call(t, e, exchangeURL+"orders/query", "application/json", body, bearer()...)
	if parse(t, r.body, &a); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	return a
}

func TestExchangeQuery(t *testing.T) {
	e := NewExchange(ExchangeOptions{})
	e.Serve("orders", records(1234))
	var byPage, byCursor []json.RawMessage
	for page := 1; len(byPage) < 1234; page++ {
		a := ask(t, e, fmt.Sprintf(`{"page":%d,"page_size":500}`, page))
		if a.Total != 1234 || len(a.Records) == 0 {
			t.Fatalf("page %d: %d of %d", page, len(a.Records), a.Total)
		}
		byPage = append(byPage, a.Records...)
	}
	for a := (queryAnswer{HasMore: true}); a.HasMore; {
		a = ask(t, e, fmt.Sprintf(`{"cursor":%q,"limit":500}`, a.NextCursor))
		byCursor = append(byCursor, a.Records...)
	}
	want := jsonText(t, records(1234))
	if jsonText(t, byPage) != want || jsonText(t, byCursor) != want {
		t.Errorf("%d by page, %d by cursor", len(byPage), len(byCursor))
	}
	if a := ask(t, e, `{"page":4,"page_size":500}`); len(a.Records) != 0 || a.Total != 1234 {
		t.Errorf("behind the end: %+v", a)
	}
	for _, body := range []string{`{}`, `{"page":1}`, `{"page":0,"page_size":5}`, `{"page":1,"page_size":1001}`,
		`{"page":1,"page_size":0}`, `{"cursor":"x","limit":5}`, `{"cursor":"after--1","limit":5}`, `{"page":1,"page_size":5,"cursor":""}`, `[`} {
		if a := ask(t, e, body); a.Code != 400 {
			t.Errorf("%s: %+v", body, a)
		}
	}
}

func TestExchangeQueryShowsWhatCame(t *testing.T) {
	e := NewExchange(ExchangeOptions{Keys: map[string]string{"orders": "no"}})
	p := envelope("b", `{"no":"2"}`, `{"no":"1"}`)
	p["interface"] = "orders"
	call(t, e, exchangeURL+"orders", "application/json", jsonText(t, p), bearer()...)
	if got := jsonText(t, ask(t, e, `{"page":1,"page_size":5}`).Records); got != `[{"no":"1"},{"no":"2"}]` {
		t.Error(got)
	}
}

func TestExchangeForgetsOldBatches(t *testing.T) {
	e := NewExchange(ExchangeOptions{})
	for i := range batchesMost + 5 {
		e.remember(fmt.Sprint(i), exchangeBatch{})
	}
	if len(e.batches) != batchesMost || len(e.order) != batchesMost {
		t.Errorf("%d batches are kept", len(e.batches))
	}
}

func TestExchangeConcurrent(t *testing.T) {
	e := NewExchange(ExchangeOptions{})
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 25 {
				body := jsonText(t, envelope(fmt.Sprintf("b%d-%d", worker, i), user(fmt.Sprint(i))))
				call(t, e, exchangeURL+"users", "application/json", body, bearer()...)
				call(t, e, exchangeURL+"users/query", "application/json", `{"page":1,"page_size":5}`, bearer()...)
			}
		})
	}
	wg.Wait()
	if e.Records("users") != 25 || e.Stats().Accepted != 100 {
		t.Errorf("%d records, %+v", e.Records("users"), e.Stats())
	}
}
