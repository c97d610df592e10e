package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/mask"
	"milkrun/sync/secret"
	"milkrun/sync/transport/answertest"
)

func connect(t testing.TB, values map[string]any) *Connection {
	t.Helper()
	c := NewConnection()
	for _, f := range c.Fields() {
		if v, ok := values[f.Name]; ok {
			if err := f.Set(v); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
		}
	}
	return c.(*Connection)
}

func hmacKeys(key, text string) map[string]any {
	return map[string]any{"url": "https://partner.example.com/api", "hmac_key": secret.New(key), "hmac_secret": secret.New(text)}
}

// TestHMACVectors compares with signatures that another implementation made (Python's hmac and hashlib).
func TestHMACVectors(t *testing.T) {
	b, err := os.ReadFile("testdata/hmac.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		ID, Secret, Path, Timestamp, Nonce, Body, Signature string
		StringToSign                                        string `json:"string_to_sign"`
	}
	if err := json.Unmarshal(b, &list); err != nil || len(list) == 0 {
		t.Fatal(err)
	}
	for _, v := range list {
		got := connect(t, hmacKeys("id", v.Secret)).sign(v.Path, []byte(v.Body), v.Timestamp, v.Nonce)
		if got.StringToSign != v.StringToSign || got.Signature != v.Signature {
			t.Errorf("%s: %q %s", v.ID, got.StringToSign, got.Signature)
		}
	}
}

func TestSign(t *testing.T) {
	c := connect(t, hmacKeys("key-1", "s3cret"))
	r := kind.SignRequest{Resource: "订单", Timestamp: "1700000000", Nonce: "ffffffffffffffff", Body: []byte("{}")}
	got, err := c.Sign(r)
	if err != nil || !strings.HasPrefix(got.StringToSign, "POST\n/api/%E8%AE%A2%E5%8D%95\n1700000000\nffffffffffffffff\n") {
		t.Errorf("%+v, %v", got, err)
	}
	if want := "HMAC-SHA256 key=key-1, timestamp=1700000000, nonce=ffffffffffffffff, signature=" + got.Signature; got.Params["Authorization"] != want {
		t.Errorf("%s, want %s", got.Params["Authorization"], want)
	}
	fresh, _ := c.Sign(kind.SignRequest{Resource: "users"})
	again, _ := c.Sign(kind.SignRequest{Resource: "users"})
	if fresh.Params["nonce"] == again.Params["nonce"] || strings.Contains(fmt.Sprint(fresh), "s3cret") {
		t.Errorf("%v %v", fresh, again)
	}
	r.Params = map[string]string{"a": "b"}
	if _, err := c.Sign(r); err == nil {
		t.Error("parameters are not signed and were taken")
	}
	if _, err := connect(t, map[string]any{"token": secret.New("t")}).Sign(kind.SignRequest{}); err == nil {
		t.Error("a token is no signature")
	}
}

func TestOneWayToAuthorise(t *testing.T) {
	s := secret.New
	for _, c := range []struct {
		keys map[string]any
		want string
	}{
		{map[string]any{"token": s("t")}, ""},
		{map[string]any{"hmac_key": s("k"), "hmac_secret": s("x")}, ""},
		{map[string]any{}, "nothing to authorise with"},
		{map[string]any{"token": s("t"), "hmac_key": s("k")}, "a token and an HMAC key"},
		{map[string]any{"token": s("t"), "hmac_secret": s("x")}, "a token and an HMAC key"},
		{map[string]any{"hmac_key": s("k")}, "one of hmac_key and hmac_secret"},
		{map[string]any{"hmac_secret": s("x")}, "one of hmac_key and hmac_secret"},
		{map[string]any{"token": s("t\n")}, "line break"},
		{map[string]any{"token": s("t"), "purpose": ""}, "purpose is empty"},
		{map[string]any{"token": s("t"), "ok_codes": []any{}}, "no code means success"},
	} {
		c.keys["url"] = "https://partner.example.com"
		p := connect(t, c.keys).Validate()
		if c.want == "" && len(p) == 0 {
			continue
		}
		if len(p) != 1 || c.want == "" || !strings.Contains(p[0].Text, c.want) || p[0].Remedy == "" {
			t.Errorf("%v: %v, want %q", c.keys, p, c.want)
		}
	}
}

func post(t testing.TB, c *Connection, status int, body string) (Answer, *http.Request, error) {
	var sent *http.Request
	rt := answertest.RoundTrip(func(r *http.Request) (*http.Response, error) {
		sent = r
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil
	})
	a, err := c.Post(t.Context(), rt, Request{Op: "op", Path: Path("users", "query"), Body: []byte(`{"page":1}`)})
	return a, sent, err
}

func TestRequest(t *testing.T) {
	keys := map[string]any{"url": "https://partner.example.com/api/", "token": secret.New("tok-123")}
	_, r, err := post(t, connect(t, keys), 200, `{"code":0}`)
	if err != nil || r.Method+" "+r.URL.String() != "POST https://partner.example.com/api/users/query" ||
		r.Header.Get("Authorization") != "Bearer tok-123" || r.Header.Get("Content-Type") != "application/json; charset=UTF-8" {
		t.Errorf("%v %v %v", err, r.URL, r.Header)
	}
	c := connect(t, hmacKeys("key-1", "s3cret"))
	_, r, _ = post(t, c, 200, `{"code":0}`)
	var key, ts, nonce, signature string
	header := strings.NewReplacer(",", "", "=", " ").Replace(r.Header.Get("Authorization"))
	if _, err := fmt.Sscanf(header, "HMAC-SHA256 key %s timestamp %s nonce %s signature %s", &key, &ts, &nonce, &signature); err != nil {
		t.Fatal(err, header)
	}
	if want := c.sign("/api/users/query", []byte(`{"page":1}`), ts, nonce); key != "key-1" || signature != want.Signature {
		t.Errorf("%s", header)
	}
	if shown := c.ShownAuthorization(r); strings.Contains(shown, "key-1") || !strings.Contains(shown, "key=[secret]") {
		t.Error(shown)
	}
}

func TestAnswers(t *testing.T) {
	token := map[string]any{"url": "https://partner.example.com", "token": secret.New("tok-123")}
	partner200 := map[string]any{"url": "https://partner.example.com", "token": secret.New("tok-123"), "ok_codes": []any{"200", "OK"}}
	const ok = feed.Verdict(-1)
	for _, c := range []struct {
		keys    map[string]any
		body    string
		verdict feed.Verdict
		code    string
	}{
		{token, `{"code":0,"message":"ok"}`, ok, ""},
		{token, ` {"message":null,"code":"0"} `, ok, ""},
		{partner200, `{"code":200}`, ok, ""},
		{partner200, `{"code":"OK"}`, ok, ""},
		{partner200, `{"code":0}`, feed.HaltJob, "0"},
		{token, `{"code":200}`, feed.HaltJob, "200"},
		{token, `{"code":1}`, feed.HaltJob, "1"},
		{token, `{"code":-1}`, feed.HaltJob, "-1"},
		{token, `{"code":0.0}`, feed.HaltJob, "0.0"},
		{token, `{"code":"E500"}`, feed.HaltJob, "E500"},
		{token, `{"code":5000}`, feed.HaltJob, "5000"},
		{token, `{"code":401}`, feed.HaltConnection, "401"},
		{token, `{"code":"403"}`, feed.HaltConnection, "403"},
		{token, `{"code":429}`, feed.Retry, "429"},
		{token, `{"code":503}`, feed.Retry, "503"},
		{token, `{"code":400}`, feed.Refuse, "400"},
		{token, `{"code":"422","message":"bad"}`, feed.Refuse, "422"},
		{token, `{}`, feed.HaltJob, "ambiguous"},
		{token, `{"code":null}`, feed.HaltJob, "ambiguous"},
		{token, `{"code":true}`, feed.HaltJob, "ambiguous"},
		{token, `{"code":[0]}`, feed.HaltJob, "ambiguous"},
		{token, `{"code":0,"code":500}`, feed.HaltJob, "ambiguous"},
		{token, `{"code":0,"\u0063ode":500}`, feed.HaltJob, "ambiguous"},
		{token, `[0]`, feed.HaltJob, "ambiguous"},
		{token, `0`, feed.HaltJob, "ambiguous"},
		{token, `null`, feed.HaltJob, "ambiguous"},
		{token, `ok`, feed.HaltJob, "ambiguous"},
		{token, `{"code":0}{"code":0}`, feed.HaltJob, "ambiguous"},
		{token, `{"code":0`, feed.Retry, "unreadable"},
		{token, ``, feed.Retry, "unreadable"},
		{token, `<html>ok</html>`, feed.Retry, "unreadable"},
	} {
		_, _, err := post(t, connect(t, c.keys), 200, c.body)
		if c.verdict == ok {
			if err != nil {
				t.Errorf("%s: %v", c.body, err)
			}
			continue
		}
		j := feed.Judge(err)
		if err == nil || j.Verdict != c.verdict || j.Code != c.code || j.Verdict >= feed.HaltJob && j.Remedy == "" {
			t.Errorf("%s: %v %q %v, want %v %q", c.body, j.Verdict, j.Code, err, c.verdict, c.code)
		}
	}
	if _, _, err := post(t, connect(t, token), 503, `{"code":0}`); feed.Judge(err).Code != "HTTP 503" {
		t.Error(err)
	}
	_, _, err := post(t, connect(t, token), 200, `{"code":"tok-123","message":"13712345381 sent tok-123"}`)
	if strings.Contains(err.Error(), "tok-123") || strings.Contains(err.Error(), "13712345381") || strings.Contains(feed.Judge(err).Code, "tok-123") {
		t.Error(err)
	}
}

func TestAnswerFields(t *testing.T) {
	a, _, err := post(t, connect(t, map[string]any{"url": "https://p.example", "token": secret.New("t")}), 200,
		`{"code":0,"n":12,"text":"7","neg":-1,"real":1.5,"none":null,"list":[1]}`)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int64{"n": 12, "text": 7, "neg": -1, "real": -1, "none": -1, "missing": -1, "list": -1} {
		if n, ok := a.Int(name); ok != (want >= 0) || ok && n != want {
			t.Errorf("%s: %d %v", name, n, ok)
		}
	}
	if a.Field("none") != nil || string(a.Field("list")) != "[1]" || a.Size == 0 {
		t.Errorf("%+v", a)
	}
}

func TestCancelledPost(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := connect(t, map[string]any{"url": "https://p.example", "token": secret.New("t")})
	if _, err := c.Post(ctx, answertest.RoundTrip(func(*http.Request) (*http.Response, error) { panic("sent") }), Request{Op: "op"}); err == nil {
		t.Error("no error")
	}
}

func TestLayouts(t *testing.T) {
	moment := time.Date(2021, 3, 7, 18, 5, 9, 123_000_000, time.FixedZone("", 8*3600))
	for _, c := range []struct{ format, want string }{
		{DefaultDateFormat, "2021-03-07 18:05:09"},
		{"yyyyMMddHHmmss", "20210307180509"},
		{"yyyyMMddHH:mm:ss", "2021030718:05:09"},
		{"yyyy/MM/dd", "2021/03/07"},
		{"dd.MM.yyyy HH:mm", "07.03.2021 18:05"},
		{"yyyy年MM月dd日 HH时mm分ss秒", "2021年03月07日 18时05分09秒"},
		{"yyyy-MM-dd'T'HH:mm:ssXXX", "2021-03-07T18:05:09+08:00"},
		{"yyyy-MM-dd'T'HH:mm:ss.SSSXX", "2021-03-07T18:05:09.123+0800"},
	} {
		l, err := ParseLayout(c.format)
		if err != nil || l.Format(moment) != c.want {
			t.Errorf("%s: %s, %v; want %s", c.format, l.Format(moment), err, c.want)
		}
	}
	if l, err := ParseLayout(DefaultDateFormat); err != nil || l != DefaultLayout {
		t.Error(l, err)
	}
	for _, c := range []struct{ format, want string }{
		{"yyyy-MM-dd hh:mm:ss", "write HH"},
		{"YYYY-MM-dd HH:mm:ss", "write yyyy"},
		{"yyyy-MM-DD", "write dd"},
		{"yy-MM-dd", "four digits"},
		{"YYYYMMDDHH:MM:SS", "write yyyy"},
		{"yyyy-MM-dd HH:MM:ss", "MM twice"},
		{"yyyy-M-d", `"M" is unknown`},
		{"HH:mm:ss", "year, month and day"},
		{"", "year, month and day"},
		{"2006-01-02", "cannot stand"},
		{"yyyy-MM-ddTHH:mm:ss", `"T" is unknown`},
		{"yyyy-MM-dd'x'", "in quotes"},
		{"yyyy-MM-dd'T", "in quotes"},
		{"yyyyMMddHHmmssSSS", "read back"},
		{"yyyy-MM-dd a", `"a" is unknown`},
	} {
		if _, err := ParseLayout(c.format); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.format, err, c.want)
		}
	}
}

func FuzzLayout(f *testing.F) {
	f.Add(DefaultDateFormat)
	f.Add("dd/MM/yyyy'T'SSS._XXX")
	f.Fuzz(func(t *testing.T, format string) {
		l, err := ParseLayout(format)
		if err != nil {
			return
		}
		day := time.Date(2033, 12, 31, 0, 0, 0, 0, time.UTC)
		if got, err := l.Parse(l.Format(day), time.UTC); err != nil || !got.Equal(day) {
			t.Errorf("%q became %q, which reads %s as %v (%v)", format, l, l.Format(day), got, err)
		}
	})
}

func TestInterface(t *testing.T) {
	for _, c := range []struct {
		i    Interface
		want string
	}{
		{Interface{Resource: "users"}, ""},
		{Interface{Resource: "v1/用户"}, ""},
		{Interface{Resource: "../admin"}, "part of an address"},
		{Interface{Resource: "users?x=1"}, "part of an address"},
		{Interface{Resource: "a//b"}, "part of an address"},
		{Interface{Resource: "u", Map: map[string]string{}}, "no field would travel"},
		{Interface{Resource: "u", Map: map[string]string{"a": ""}}, `"a" has the column ""`},
		{Interface{Resource: "u", Map: map[string]string{"a": "x"}, Key: []string{"a"}}, `no field for the column "a"`},
		{Interface{Resource: "u", Map: map[string]string{"a": "x"}, Key: []string{"x"}}, ""},
	} {
		p := c.i.Validate()
		if c.want == "" && len(p) > 0 || c.want != "" && (len(p) != 1 || !strings.Contains(p[0].Text, c.want)) {
			t.Errorf("%+v: %v, want %q", c.i, p, c.want)
		}
	}
	if got := Path("/v1/用 户/", "query"); got != "v1/%E7%94%A8%20%E6%88%B7/query" {
		t.Error(got)
	}
}

// TestPersonalOnTheWire: a field is hidden in a recording as the job masks its column.
func TestPersonalOnTheWire(t *testing.T) {
	phone, err := mask.Parse("phone")
	if err != nil {
		t.Fatal(err)
	}
	i := Interface{Map: map[string]string{"tel1": "contact", "level": "level"}}
	got := i.Personal(func(column string) (mask.Rule, bool) { return phone, column == "contact" })
	if len(got) != 1 || got["tel1"] != phone {
		t.Errorf("%v", got)
	}
}
