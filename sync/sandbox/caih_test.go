package sandbox

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// caihBody is a good call with some fields changed; an empty key leaves a field out.
func caihBody(t *testing.T, change map[string]string) string {
	t.Helper()
	stamp := time.Now().In(caihZone()).Format("20060102150405")
	if s, ok := change["timestamp"]; ok {
		stamp = s
	}
	sum := md5.Sum([]byte("0123456789abcdef0123456789abcdef" + stamp))
	body := map[string]string{"account": "sandbox-account", "appId": "sandbox-appid", "timestamp": stamp, "password": hex.EncodeToString(sum[:]),
		"content": "【东信在线】您好{$var}", "params": "13800138000,张三;13800138001,李四", "phone": "13800138000,13800138001", "uid": "u"}
	for k, v := range change {
		body[k] = v
	}
	return jsonText(t, body)
}

func TestCaihChecks(t *testing.T) {
	many := strings.Repeat("13800138000,x;", 1001)
	for _, c := range []struct {
		resource string
		change   map[string]string
		code     string
		sent     int64
	}{
		{"varsms", nil, "0", 2}, {"sendsms", nil, "0", 2},
		{"varsms", map[string]string{"account": "x"}, "-4", 0},
		{"varsms", map[string]string{"password": "x"}, "-5", 0},
		{"varsms", map[string]string{"appId": "x"}, "-5", 0},
		{"varsms", map[string]string{"timestamp": "20191101090000"}, "-5", 0},
		{"varsms", map[string]string{"content": "您好{$var}"}, "-6", 0},
		{"varsms", map[string]string{"content": "【其他】您好{$var}"}, "-6", 0},
		{"varsms", map[string]string{"content": "【东信在线】【x】{$var}"}, "-12", 0},
		{"varsms", map[string]string{"content": "【东信在线】" + strings.Repeat("字", 499) + "{$var}"}, "-9", 0},
		{"varsms", map[string]string{"params": many[:len(many)-1]}, "-10", 0},
		{"varsms", map[string]string{"params": ""}, "-7", 0},
		{"varsms", map[string]string{"params": "13800138000,a,b;1380013800,x;13800138001,y;13800138002,"}, "0", 1}, // the others are filtered
		{"varsms", map[string]string{"params": "13900139000,x"}, "-7", 0},                                          // poisoned
		{"varsms", map[string]string{"extend": "12345"}, "-7", 0},
		{"varsms", map[string]string{"sendtime": "tomorrow"}, "-7", 0},
		{"varsms", map[string]string{"uid": strings.Repeat("u", 61)}, "-7", 0},
	} {
		s := NewCaih(CaihOptions{Keep: true, Signatures: []string{"东信在线"}, Poison: []string{"13900139000"}})
		r := call(t, s, "http://partner.test/caih/"+c.resource, "application/json;charset=utf-8", caihBody(t, c.change))
		var a caihAnswer
		if err := json.Unmarshal([]byte(r.body), &a); err != nil {
			t.Fatal(err)
		}
		_, sent := s.Numbers()
		if a.Code != c.code || sent != c.sent || a.Msg == "" || (a.Code == "0") != (a.MsgID != "") {
			t.Errorf("%s %v: %+v, %d sent, want %s and %d", c.resource, c.change, a, sent, c.code, c.sent)
		}
		if c.resource == "varsms" && a.Code == "0" && a.SuccessNum != fmt.Sprint(c.sent) {
			t.Errorf("%v: %+v", c.change, a)
		}
	}
}

func TestCaihRefusesOtherCalls(t *testing.T) {
	s := NewCaih(CaihOptions{})
	if r := call(t, s, "http://partner.test/caih/varsms", "text/plain", caihBody(t, nil)); !strings.Contains(r.body, `"-1"`) {
		t.Error(r.body)
	}
	if r := call(t, s, "http://partner.test/caih/varsms", "application/json", "{"); !strings.Contains(r.body, `"-1"`) {
		t.Error(r.body)
	}
	if r := call(t, s, "http://partner.test/caih/other", "application/json", "{}"); r.status != http.StatusNotFound {
		t.Error(r.status)
	}
}

// TestCaihRepeats sends the same call twice, which is two messages: the partner knows no idempotency.
func TestCaihRepeats(t *testing.T) {
	s := NewCaih(CaihOptions{})
	body := caihBody(t, nil)
	for range 2 {
		call(t, s, "http://partner.test/caih/varsms", "application/json", body)
	}
	if s.Received("13800138000") != 2 {
		t.Error(s.Received("13800138000"))
	}
}

// TestCaihTimestamp takes a call 50 minutes long.
func TestCaihTimestamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewCaih(CaihOptions{})
		body := caihBody(t, nil)
		time.Sleep(50 * time.Minute)
		if r := call(t, s, "http://partner.test/caih/varsms", "application/json", body); !strings.Contains(r.body, `"code":"0"`) {
			t.Error(r.body)
		}
		time.Sleep(time.Second)
		if r := call(t, s, "http://partner.test/caih/varsms", "application/json", body); !strings.Contains(r.body, `"-5"`) {
			t.Error(r.body)
		}
	})
}

func TestCaihFaults(t *testing.T) {
	for _, kind := range caihKinds() {
		var f Faults
		if err := f.Set(Fault{Kind: kind}); err != nil {
			t.Fatal(err)
		}
		s := NewCaih(CaihOptions{})
		r := call(t, f.Wrap(s), "http://partner.test/caih/varsms", "application/json", caihBody(t, nil))
		if want := strings.TrimSuffix(strings.TrimPrefix(string(kind), "caih"), "auth"); !strings.Contains(r.body, `"`+want+`"`) || s.Calls() > 0 {
			t.Errorf("%s: %s", kind, r.body)
		}
	}
}
