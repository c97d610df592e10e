package channel

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"milkrun/sync/alert"
	"milkrun/sync/secret"
)

// set fills keys of a block the way the configuration does.
func set(t *testing.T, c Channel, values map[string]any) {
	t.Helper()
	known := map[string]bool{}
	for _, f := range c.Fields() {
		if known[f.Name] {
			t.Errorf("the key %s is there twice", f.Name)
		}
		known[f.Name] = true
		if v, ok := values[f.Name]; ok {
			if err := f.Set(v); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
	for name := range values {
		if !known[name] {
			t.Errorf("there is no key %s", name)
		}
	}
}

// at is when all requests of these tests are signed.
func at() time.Time { return time.UnixMilli(1767225600123) }

// made returns a channel with its settings, and with the clock at at.
func made(t *testing.T, typ string, values map[string]any) Channel {
	t.Helper()
	c := New(typ)
	set(t, c, values)
	switch c := c.(type) {
	case *dingTalk:
		c.now = at
	case *weCom:
		c.now = at
	case *feishu:
		c.now = at
	case *webhook:
		c.now = at
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// message is one failure in words.
func message() alert.Message {
	at := time.Date(2026, 3, 2, 1, 31, 0, 0, time.UTC)
	return alert.Compose("en", "etl-1", []alert.Event{{Subject: alert.Subject{Kind: alert.Failed, Scope: alert.JobScope, Name: "grades"},
		Occurrence: "run 812", Count: 1, Run: 812, At: at, Since: at, Text: `HTTP 503 <at user_id="all"></at> & "more"`, Code: "HTTP 503", Remedy: "ask the partner",
		Counts: alert.Counts{Read: 6000, Delivered: 5000, Rejected: 2}}})
}

// request is what a stand-in was sent.
type received struct {
	*http.Request
	body []byte
}

// standIn is a server that keeps the last request and answers as told.
type standIn struct {
	*httptest.Server
	last   received
	answer func(w http.ResponseWriter, r received)
}

func newStandIn(t *testing.T, answer string) *standIn {
	t.Helper()
	s := &standIn{answer: func(w http.ResponseWriter, _ received) { fmt.Fprint(w, answer) }}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.last = received{r, body}
		s.answer(w, s.last)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestTypes(t *testing.T) {
	if !slices.IsSorted(Types()) || New("pigeon") != nil {
		t.Error(Types())
	}
	for _, typ := range Types() {
		c := New(typ)
		if !slices.Equal(c.Kinds(), alert.Kinds()) {
			t.Errorf("%s takes %v when nothing is said", typ, c.Kinds())
		}
		for _, f := range c.Fields() {
			if f.En == "" || f.Zh == "" {
				t.Errorf("%s: key %s is not explained in both languages", typ, f.Name)
			}
			if typ != "email" && f.Name == "timeout" && f.Default != `"15s"` {
				t.Errorf("%s: the timeout is %s", typ, f.Default)
			}
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRobotRate(t *testing.T) {
	p := newPost("dingtalk")
	for _, f := range p.Settings.Fields() {
		if f.Name == "rate" {
			if err := f.Set(robotRate); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Error("nothing spaces the messages")
}

// robots are what the three of them want of an address.
func robots(base string) map[string]string {
	return map[string]string{
		"dingtalk": base + "/robot/send?access_token=0123456789abcdef0123456789abcdef",
		"wecom":    base + "/cgi-bin/webhook/send?key=693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa",
		"feishu":   base + "/open-apis/bot/v2/hook/f0e1d2c3-b4a5-9687-7869-5a4b3c2d1e0f",
		"webhook":  base + "/hooks/8b1a9953c4611296a827abf8c47804d7",
	}
}

func TestValidate(t *testing.T) {
	good := robots("https://example.com")
	for _, c := range []struct {
		typ    string
		values map[string]any
		key    string // of the problem; empty: there is none
		text   string
	}{
		{typ: "dingtalk", values: map[string]any{"url": secret.New(good["dingtalk"]), "secret": secret.New("SECabc")}},
		{typ: "wecom", values: map[string]any{"url": secret.New(good["wecom"])}},
		{typ: "feishu", values: map[string]any{"url": secret.New(good["feishu"]), "on": []any{"failed", "recovered"}}},
		{typ: "webhook", values: map[string]any{"url": secret.New(good["webhook"]), "timeout": "5s"}},
		{typ: "webhook", values: map[string]any{"url": secret.New("http://127.0.0.1:8080/x")}},
		{typ: "webhook", values: map[string]any{"url": secret.New("http://example.com/x"), "allow_http": true}},
		{"webhook", map[string]any{"url": secret.New("http://example.com/x")}, "url", "unencrypted"},
		{"webhook", map[string]any{"url": secret.New("ftp://example.com/x")}, "url", "no absolute https address"},
		{"webhook", map[string]any{"url": secret.New("https://example.com/\x7f")}, "url", "no absolute https address"},
		{"webhook", map[string]any{"url": secret.New("example.com")}, "url", "no absolute https address"},
		{"dingtalk", map[string]any{"url": secret.New("https://oapi.dingtalk.com/robot/send")}, "url", "no access_token"},
		{"wecom", map[string]any{"url": secret.New("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?Key=x")}, "url", "no key"},
		{"feishu", map[string]any{"url": secret.New("https://open.feishu.cn/open-apis/bot/v2/hook/")}, "url", "no /hook/"},
		{"wecom", map[string]any{"url": secret.New(good["wecom"]), "on": []any{"faild"}}, "on", `no kind of alert "faild"; did you mean "failed"?`},
		{"wecom", map[string]any{"url": secret.New(good["wecom"]), "on": []any{"xyzzy"}}, "on", "known are failed, halted"},
		{"wecom", map[string]any{"url": secret.New(good["wecom"]), "on": []any{"test"}}, "on", "no kind of alert"},
		{"wecom", map[string]any{"url": secret.New(good["wecom"]), "on": []any{}}, "on", "empty"},
		{"wecom", map[string]any{"url": secret.New(good["wecom"]), "on": []any{"recovered"}}, "on", "takes no trouble"},
		{"webhook", map[string]any{"url": secret.New(good["webhook"]), "ca_file": "no/such.pem"}, "ca_file", ""},
	} {
		list := made(t, c.typ, c.values).Validate()
		switch {
		case c.key == "" && len(list) > 0:
			t.Errorf("%s %v: %v", c.typ, c.values, list)
		case c.key != "" && (len(list) != 1 || list[0].Key != c.key || !strings.Contains(list[0].Text+"; "+list[0].Remedy, c.text)):
			t.Errorf("%s %v: %v, want %s: %s", c.typ, c.values, list, c.key, c.text)
		}
	}
	if list := New("webhook").Validate(); len(list) != 0 {
		t.Errorf("a missing address is the checker's to report: %v", list)
	}
}

// Keys print as nothing but [secret].
func TestSecretKeys(t *testing.T) {
	c := made(t, "dingtalk", map[string]any{"url": secret.New("https://example.com/?access_token=hush-hush"), "secret": secret.New("SEChush")})
	text := fmt.Sprintf("%v %+v %#v", c, c, c)
	if more, err := json.Marshal(c); err == nil {
		text += string(more)
	}
	if strings.Contains(text, "hush") {
		t.Error(text)
	}
}
