package channel

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"milkrun/sync/feed"
	"milkrun/sync/secret"
)

// The signatures were computed with openssl and python, not with this program:
//
//	printf '1767225600123\nSEC0123456789abcdef' | openssl dgst -sha256 -hmac SEC0123456789abcdef -binary | base64
//	printf '' | openssl dgst -sha256 -mac HMAC -macopt hexkey:$(printf '1767225600\nfeishu-signing-secret' | xxd -p | tr -d '\n') -binary | base64
const (
	dingTalkSecret = "SEC0123456789abcdef"
	dingTalkSign   = "hMcDGhJiDtObVyiB+eN64T57tbf88fhdBUXWQ1wX+3U="
	feishuSecret   = "feishu-signing-secret"
	feishuSign     = "agP8DNpMF+EplD8MMruOgmUc6xA+/ZObNLmqhslqzjs="
)

func decoded(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return m
}

func TestDingTalk(t *testing.T) {
	s := newStandIn(t, `{"errcode":0,"errmsg":"ok"}`)
	c := made(t, "dingtalk", map[string]any{"url": secret.New(robots(s.URL)["dingtalk"]), "secret": secret.New(dingTalkSecret)})
	if err := c.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.last.URL.RawQuery, "sign=hMcDGhJiDtObVyiB%2BeN64T57tbf88fhdBUXWQ1wX%2B3U%3D") {
		t.Errorf("the signature is not escaped: %s", s.last.URL.RawQuery)
	}
	q := s.last.URL.Query()
	if q.Get("timestamp") != "1767225600123" || q.Get("sign") != dingTalkSign || q.Get("access_token") != "0123456789abcdef0123456789abcdef" {
		t.Errorf("the query is %v", q)
	}
	want := map[string]any{"msgtype": "text", "text": map[string]any{"content": message().Text()}}
	if got := decoded(t, s.last.body); !reflect.DeepEqual(got, want) || s.last.Method != http.MethodPost || s.last.URL.Path != "/robot/send" {
		t.Errorf("%s %s %v", s.last.Method, s.last.URL.Path, got)
	}
	if kind := s.last.Header.Get("Content-Type"); kind != "application/json; charset=utf-8" {
		t.Error(kind)
	}
}

func TestDingTalkUnsigned(t *testing.T) {
	s := newStandIn(t, `{"errcode":0,"errmsg":"ok"}`)
	c := made(t, "dingtalk", map[string]any{"url": secret.New(robots(s.URL)["dingtalk"])})
	if err := c.Send(t.Context(), message()); err != nil || s.last.URL.RawQuery != "access_token=0123456789abcdef0123456789abcdef" {
		t.Errorf("%v, %s", err, s.last.URL.RawQuery)
	}
}

func TestWeCom(t *testing.T) {
	s := newStandIn(t, `{"errcode":0,"errmsg":"ok"}`)
	c := made(t, "wecom", map[string]any{"url": secret.New(robots(s.URL)["wecom"])})
	m := message()
	m.Body += strings.Repeat("长", 1000)
	if err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	content := decoded(t, s.last.body)["text"].(map[string]any)["content"].(string)
	if len(content) > 2048 || len(content) < 2040 || !utf8.ValidString(content) || !strings.HasSuffix(content, "长…") {
		t.Errorf("%d bytes: %s", len(content), content)
	}
	if s.last.URL.RawQuery != "key=693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa" || decoded(t, s.last.body)["msgtype"] != "text" {
		t.Errorf("%s, %s", s.last.URL, s.last.body)
	}
}

func TestFeishu(t *testing.T) {
	for name, answer := range map[string]string{
		"as it is":         `{"code":0,"msg":"success","data":{}}`,
		"as it used to be": `{"Extra":null,"StatusCode":0,"StatusMessage":"success"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t, answer)
			c := made(t, "feishu", map[string]any{"url": secret.New(robots(s.URL)["feishu"]), "secret": secret.New(feishuSecret)})
			if err := c.Send(t.Context(), message()); err != nil {
				t.Fatal(err)
			}
			got := decoded(t, s.last.body)
			text := got["content"].(map[string]any)["text"].(string)
			if got["timestamp"] != "1767225600" || got["sign"] != feishuSign || got["msg_type"] != "text" {
				t.Errorf("%s", s.last.body)
			}
			if strings.Contains(text, "<at") || !strings.Contains(text, "milkrun etl-1: job grades failed\nWhat: HTTP 503 < at user_id") {
				t.Errorf("a reason can mention people: %s", text)
			}
		})
	}
	s := newStandIn(t, `{"code":0}`)
	c := made(t, "feishu", map[string]any{"url": secret.New(robots(s.URL)["feishu"])})
	if err := c.Send(t.Context(), message()); err != nil || strings.Contains(string(s.last.body), "sign") {
		t.Errorf("%v, %s", err, s.last.body)
	}
}

// HTTP 200 says nothing about a robot.
func TestRobotsRefuse(t *testing.T) {
	for _, c := range []struct {
		typ, answer string
		verdict     feed.Verdict
		code        string
		wait        time.Duration
		remedy      string
	}{
		{"dingtalk", `{"errcode":310000,"errmsg":"sign not match"}`, feed.Fail, "code 310000", 0, "check secret, this machine's clock"},
		{"dingtalk", `{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}`, feed.Retry, "code 130101", time.Minute, ""},
		{"dingtalk", `{"errcode":-1,"errmsg":"系统繁忙"}`, feed.Retry, "code -1", time.Minute, ""},
		{"dingtalk", `{"errcode":77777,"errmsg":"?"}`, feed.Fail, "code 77777", 0, "look the code up"},
		{"wecom", `{"errcode":93000,"errmsg":"invalid webhook url"}`, feed.Fail, "code 93000", 0, "removed from its group"},
		{"wecom", `{"errcode":45009,"errmsg":"api freq out of limit"}`, feed.Retry, "code 45009", time.Minute, ""},
		{"feishu", `{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time"}`, feed.Fail, "code 19021", 0, "check secret and this machine's clock"},
		{"feishu", `{"code":11232,"msg":"frequency limited"}`, feed.Retry, "code 11232", time.Minute, ""},
		{"feishu", `{"StatusCode":19024,"StatusMessage":"Key Words Not Found"}`, feed.Fail, "code 19024", 0, "keywords"},
		{"feishu", `{}`, feed.Fail, "unreadable", 0, "is the address of a feishu robot"},
		{"wecom", `{"errcode":null}`, feed.Fail, "unreadable", 0, "is the address of a wecom robot"},
		{"wecom", `{"errcode":"0"}`, feed.Retry, "unreadable", 0, ""},
		{"wecom", ``, feed.Retry, "unreadable", 0, ""},
		{"wecom", `<html>login</html>`, feed.Retry, "unreadable", 0, ""},
	} {
		s := newStandIn(t, c.answer)
		err := made(t, c.typ, map[string]any{"url": secret.New(robots(s.URL)[c.typ])}).Send(t.Context(), message())
		e := feed.Judge(err)
		if err == nil || e.Verdict != c.verdict || e.Code != c.code || e.RetryAfter != c.wait || !strings.Contains(e.Remedy, c.remedy) {
			t.Errorf("%s answers %s: %v, %s, %q, %s, remedy %q", c.typ, c.answer, err, e.Verdict, e.Code, e.RetryAfter, e.Remedy)
		}
	}
}

// Whatever the other side does, address, token and secret are in no error.
func TestErrorsHoldNoSecret(t *testing.T) {
	const key = "SEChush-hush-hush"
	answers := map[string]func(w http.ResponseWriter, r received){
		"errmsg": func(w http.ResponseWriter, r received) {
			text, _ := json.Marshal("bad " + r.URL.String() + " " + key + " phone 13812345678")
			fmt.Fprintf(w, `{"errcode":5,"errmsg":%s,"code":5,"msg":%s}`, text, text)
		},
		"page": func(w http.ResponseWriter, r received) { fmt.Fprint(w, "<p>", r.URL, key) },
		"400":  func(w http.ResponseWriter, r received) { http.Error(w, r.URL.String()+key, http.StatusBadRequest) },
		"503": func(w http.ResponseWriter, r received) {
			http.Error(w, r.URL.String()+key, http.StatusServiceUnavailable)
		},
		"redirect": func(w http.ResponseWriter, r received) {
			http.Redirect(w, r.Request, "/moved"+r.URL.Path+"?"+r.URL.RawQuery, http.StatusFound)
		},
		"cut off": func(http.ResponseWriter, received) { panic(http.ErrAbortHandler) },
		"large":   func(w http.ResponseWriter, _ received) { fmt.Fprint(w, strings.Repeat("x", 65<<10)) },
	}
	for typ := range robots("") {
		for name, answer := range answers {
			s := newStandIn(t, "")
			s.answer = answer
			values := map[string]any{"url": secret.New(robots(s.URL)[typ] + map[bool]string{true: "&more=" + key}[typ == "wecom"])}
			if typ != "wecom" { // which has no other secret than its address
				values["secret"] = secret.New(key)
			}
			err := made(t, typ, values).Send(t.Context(), message())
			if typ == "webhook" && (name == "errmsg" || name == "page") {
				if err != nil {
					t.Errorf("a webhook takes a message with 2xx, whatever is in the answer: %v", err)
				}
				continue
			}
			if err == nil && !(typ == "webhook" && name == "large") {
				t.Errorf("%s, %s: no error", typ, name)
				continue
			}
			checkClean(t, typ+", "+name, err, key)
		}
	}
}

func checkClean(t *testing.T, where string, err error, key string) {
	t.Helper()
	e := feed.Judge(err)
	text := fmt.Sprintf("%v %+v %s", err, e, e.Remedy)
	for _, hidden := range []string{"0123456789abcdef", "693a91f6", "f0e1d2c3", "8b1a9953", key, "13812345678"} {
		if strings.Contains(text, hidden) {
			t.Errorf("%s: %s is in %s", where, hidden, text)
		}
	}
	if e.Verdict != feed.Retry && e.Verdict != feed.Fail || strings.Contains(text, "resume") {
		t.Errorf("%s: no channel halts anything: %s", where, text)
	}
}

func TestNobodyThere(t *testing.T) {
	s := newStandIn(t, "")
	s.Close()
	for typ, url := range robots(s.URL) {
		err := made(t, typ, map[string]any{"url": secret.New(url)}).Send(t.Context(), message())
		if e := feed.Judge(err); err == nil || e.Verdict != feed.Retry {
			t.Errorf("%s: %v", typ, err)
		}
		checkClean(t, typ, err, "-")
	}
	err := made(t, "webhook", map[string]any{"url": secret.New("https://8b1a9953\x7f/")}).Send(t.Context(), message())
	if err == nil {
		t.Error("an address that is none was posted to")
	}
	checkClean(t, "no address", err, "-")
}

func FuzzCut(f *testing.F) {
	f.Add("长长长长", 7)
	f.Fuzz(func(t *testing.T, text string, longest int) {
		if longest < 3 || longest > 4096 || !utf8.ValidString(text) {
			return
		}
		if got := cut(text, longest); len(got) > longest || !utf8.ValidString(got) {
			t.Errorf("%q at %d is %q", text, longest, got)
		}
	})
}
