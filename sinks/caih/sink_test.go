package caih

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/sandbox"
	"milkrun/sync/secret"
	"milkrun/sync/setting/settingtest"
	"milkrun/sync/transport/answertest"
)

func TestPasswordVectors(t *testing.T) {
	for _, v := range readVectors(t).Password {
		if got := password(secret.New(v.Token), v.Timestamp); got != v.Password {
			t.Errorf("%s: %s, want %s", v.Timestamp, got, v.Password)
		}
		c := newTestConnection(t, map[string]any{"token": secret.New(v.Token)})
		s, err := c.Sign(kind.SignRequest{Timestamp: v.Timestamp})
		if err != nil || s.Signature != v.Password || strings.Contains(s.StringToSign, v.Token) {
			t.Errorf("%+v, %v", s, err)
		}
	}
}

func TestParamsVectors(t *testing.T) {
	for _, v := range readVectors(t).Params {
		keys := notices()
		keys["content"], keys["params"] = "您好{$var}，请查收。", []any{"v0"}
		names := []string{"phone", "v0"}
		if v.Vars == 2 {
			keys["content"], keys["params"], names = "编号{$var}，{$var}分钟内有效。", []any{"v0", "v1"}, []string{"phone", "v0", "v1"}
		}
		keys["fullwidth"] = v.Policy == "fullwidth"
		s := newTestSettings(t, newTestConnection(t, nil), keys)
		b := feed.Batch{Columns: feed.TextColumns(names...)}
		for _, row := range v.Rows {
			for _, value := range row {
				b.Values = append(b.Values, value)
			}
		}
		rejected := (&sink{settings: s}).Check(b)
		if v.Error != "" {
			if len(rejected) != 1 || rejected[0].Code != v.Error || rejected[0].Reason == "" {
				t.Errorf("%v: %+v, want %s", v.Rows, rejected, v.Error)
			}
			continue
		}
		list, err := s.groups(b)
		if err != nil || len(rejected) > 0 || params(list) != v.Wire {
			t.Errorf("%v: %q, want %q; %v, %v", v.Rows, params(list), v.Wire, rejected, err)
		}
	}
}

func TestSignatureVectors(t *testing.T) {
	for _, v := range readVectors(t).Signature {
		keys := plain()
		keys["signature"] = v.S
		s := NewSink(newTestConnection(t, nil))
		settingtest.Fill(t, s, keys)
		wrong, advice := false, false
		for _, p := range s.Validate() {
			wrong, advice = wrong || !p.Advice, advice || p.Advice
			if p.Key != "signature" || p.Remedy == "" {
				t.Errorf("%s: %+v", v.S, p)
			}
		}
		if wrong == v.OK || advice != (v.Warn != "") {
			t.Errorf("%q: wrong %v, warned %v", v.S, wrong, advice)
		}
	}
}

func TestExtendAndLengthVectors(t *testing.T) {
	v := readVectors(t)
	for _, e := range v.Extend {
		keys := plain()
		keys["extend"] = e.S
		if got := len(problems(t, keys)) == 0; got != e.OK {
			t.Errorf("extend %q: %v", e.S, got)
		}
	}
	for _, l := range v.ContentLen {
		keys := plain()
		n := l.N
		if n == 0 {
			n = maxRunes
		}
		keys["content"] = strings.Repeat("字", n-utf8.RuneCountInString("【东信在线】"))
		if got := len(problems(t, keys)) == 0; got != l.OK {
			t.Errorf("%d characters: %v", n, got)
		}
	}
}

func problems(t *testing.T, keys map[string]any) (list []string) {
	t.Helper()
	s := NewSink(newTestConnection(t, nil))
	settingtest.Fill(t, s, keys)
	for _, p := range s.Validate() {
		if !p.Advice {
			list = append(list, p.Key+": "+p.Text)
		}
	}
	return list
}

func TestRules(t *testing.T) {
	for _, c := range []struct{ kind, content, params, wrong string }{
		{"通知", "您好{$var}，请查收。", "a", ""},
		{"通知", "您好{$var}，{$var}请查收。", "a,a", "同一变量只能用一次"},
		{"通知", "您好{$var}，{$var}请查收。", "a", "2 variables"},
		{"通知", "请看 http://t.cn/{$var} 的说明", "a", "短链接"},
		{"通知", "您好{$var}，全场优惠。", "a", "违禁词"},
		{"通知", "您好{$var}，★请查收。", "a", "特殊符号"},
		{"通知", "您好{$var}，【x】请查收。", "a", "不能有【】"},
		{"通知", "您好{$var}，请\u200b查收。", "a", "不可见"},
		{"通知", "您好{$name}，请查收。{$var}", "a", "变量写作"},
		{"通知", "您好{$var}，" + strings.Repeat("{$var}", 10), "a,b,c,d,e,f,g,h,i,j,k", "最多 10"},
		{"通知", "您好{$var}，理财产品到期。", "a", "违禁词"},
		{"通知", "招聘会{$var}开始。", "a", "违禁词"},
		{"验证码", "您的验证码是{$var}，5分钟内有效。", "a", ""},
		{"验证码", "招聘平台登录验证码{$var}。", "a", ""},
		{"验证码", "您的验证码是{$var}。", "a", "用途或有效期"},
		{"验证码", "您的口令是{$var}，5分钟内有效。", "a", "须含"},
		{"验证码", "验证码{$var}，编号{$var}，5分钟内有效。", "a,b", "只能有 1 个变量"},
		{"推广", "新店开业，欢迎光临，拒收请回复TD", "", ""},
		{"推广", "新店开业，欢迎光临，回TN退订", "", ""},
		{"推广", "新店开业，欢迎光临", "", "退订"},
		{"推广", "新店开业，欢迎光临，退订回T", "", "退订"},
		{"推广", "{$var}新店开业，拒收请回复TD", "a", "不能有变量"},
	} {
		keys := map[string]any{"resource": "sendsms", "kind": c.kind, "signature": "东信在线", "content": c.content}
		if c.params != "" {
			var list []any
			for name := range strings.SplitSeq(c.params, ",") {
				list = append(list, name)
			}
			keys["resource"], keys["params"] = "varsms", list
		}
		got := strings.Join(problems(t, keys), "\n")
		if (got == "") != (c.wrong == "") || !strings.Contains(got, c.wrong) {
			t.Errorf("%s %q: %q, want %q", c.kind, c.content, got, c.wrong)
		}
	}
}

// TestCodeVectors has every code of the document judged.
func TestCodeVectors(t *testing.T) {
	want := map[string]feed.Verdict{"client_bug": feed.HaltJob, "account_balance": feed.HaltConnection, "config": feed.HaltConnection, "auth": feed.HaltConnection,
		"config_signature": feed.HaltJob, "permanent": feed.HaltJob, "config_tariff": feed.HaltConnection, "config_template": feed.HaltJob, "unknown": feed.Retry}
	for _, v := range readVectors(t).Codes {
		code, calls := v.Code, 0
		if code == "(other)" {
			code = "-77"
		}
		s := open(t, newTestConnection(t, nil), notices(), replies(200, `{"code":"`+code+`","msg":"x","msgid":"m","uid":"u","failnum":"0","successnum":"1"}`, &calls), nil)
		_, err := s.DeliverOnce(t.Context(), "u", people2([]string{phone(1), "张三"}))
		judged := feed.Judge(err)
		if v.Class == "accepted" {
			if err != nil {
				t.Errorf("%s: %v", code, err)
			}
			continue
		}
		verdict, once := want[v.Class], 1
		if v.Bisect || code == "-10" {
			verdict = feed.Refuse
		}
		if v.Retry {
			once = 2
		}
		if err == nil || judged.Verdict != verdict || judged.Unsent || judged.Code != code || calls != once || verdict != feed.Retry && judged.Remedy == "" {
			t.Errorf("%s (%s): %s after %d calls, remedy %q: %v", code, v.Class, judged.Verdict, calls, judged.Remedy, err)
		}
	}
	calls := 0
	body, _ := json.Marshal(readVectors(t).Contradiction.Body)
	s := open(t, newTestConnection(t, nil), notices(), replies(200, string(body), &calls), nil)
	_, err := s.DeliverOnce(t.Context(), "u", people2([]string{phone(1), "张三"}))
	if feed.Judge(err).Verdict != feed.HaltConnection || calls != 2 {
		t.Errorf("the document's own sample: %d calls, %v", calls, err)
	}
}

// TestEveryAttemptIsSignedAnew sends twice, minutes apart.
func TestEveryAttemptIsSignedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stamps []string
		rt := answertest.RoundTrip(func(r *http.Request) (*http.Response, error) {
			var m message
			if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
				return nil, err
			}
			if m.Password != password(secret.New(testToken), m.Timestamp) || m.UID == "" || m.Content != "【东信在线】您好{$var}，您的申请已受理。" || m.Params != phone(1)+",张三" ||
				r.Header.Get("Accept") != "application/json" || r.Header.Get("Content-Type") != "application/json;charset=utf-8" || r.URL.Path != "/varsms" {
				t.Errorf("%+v", m)
			}
			stamps = append(stamps, m.Timestamp)
			time.Sleep(2 * time.Second)
			return answertest.Reply(200, `{"code":"-5","msg":"鉴权失败"}`), nil
		})
		s := open(t, newTestConnection(t, nil), notices(), rt, nil)
		if _, err := s.DeliverOnce(t.Context(), "u", people2([]string{phone(1), "张三"})); feed.Judge(err).Code != "-5" {
			t.Error(err)
		}
		if len(stamps) != 2 || stamps[0] == stamps[1] || stamps[0] != "20000101080000" {
			t.Errorf("timestamps %v", stamps)
		}
	})
}

// TestReceipts says what is not clear about an accepted call.
func TestReceipts(t *testing.T) {
	for body, says := range map[string]string{
		`{"code":"0","msgid":"m","uid":"u","failnum":"0","successnum":"2"}`: "",
		`{"code":0,"msgid":7,"failnum":0,"successnum":2}`:                   "",
		`{"code":"0","msgid":"m","failnum":"1","successnum":"1"}`:           "1 of 2 messages as failed",
		`{"code":"0","msgid":"m","failnum":"0","successnum":"1"}`:           "does not say which the others are",
		`{"code":"0","msgid":"m"}`:                                          "does not say how many",
		`{"code":"0","failnum":"0","successnum":"2"}`:                       "no msgid",
		`{"code":"0","msgid":"m","uid":"x","failnum":"0","successnum":"2"}`: "another uid",
	} {
		calls := 0
		s := open(t, newTestConnection(t, nil), notices(), replies(200, body, &calls), nil)
		r, err := s.DeliverOnce(t.Context(), "u", people2([]string{phone(1), "张三"}, []string{phone(2), "李四"}))
		if err != nil || (r.Note == "") != (says == "") || !strings.Contains(r.Note, says) {
			t.Errorf("%s: %+v, %v", body, r, err)
		}
	}
}

// TestUnknownOutcomes are answers after which nobody knows.
func TestUnknownOutcomes(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
	}{{200, ""}, {200, "<html>"}, {200, `{"code":"0"`}, {200, `[]`}, {200, `{"msg":"ok"}`}, {200, `{"code":"-14"}`}, {200, `{"code":"1"}`}, {500, "x"}, {502, "x"}, {504, ""}} {
		calls := 0
		s := open(t, newTestConnection(t, nil), notices(), replies(c.status, c.body, &calls), newBook())
		_, err := s.DeliverOnce(t.Context(), "u", people2([]string{phone(1), "张三"}))
		if j := feed.Judge(err); err == nil || j.Verdict != feed.Retry || j.Unsent || calls != 1 {
			t.Errorf("%d %q: %d calls, %v", c.status, c.body, calls, err)
		}
	}
}

// TestAnswersThatRepeatTheCall do not bring a value of a variable, or a number, into an error.
func TestAnswersThatRepeatTheCall(t *testing.T) {
	for status, body := range map[int]string{
		500: phone(1) + ",张三丰",
		400: "rejected value [" + phone(1) + ",张三丰]",
		200: `{"code":"-7","msg":"` + phone(1) + `,张三丰"}`,
	} {
		calls := 0
		s := open(t, newTestConnection(t, nil), notices(), replies(status, body, &calls), newBook())
		_, err := s.DeliverOnce(t.Context(), "张三丰-uid", people2([]string{phone(1), "张三丰"}))
		if err == nil || strings.Contains(err.Error(), ",张三丰") || strings.Contains(err.Error(), phone(1)) || !strings.Contains(err.Error(), ",[…]") {
			t.Errorf("%d: %v", status, err)
		}
		if !strings.Contains(err.Error(), "uid 张三丰-uid") {
			t.Errorf("%d: the uid is gone: %v", status, err)
		}
	}
}

// TestUnsent are failures before anything left, on a real network.
func TestUnsent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	_ = l.Close()
	broken := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(broken.Close)
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }))
	t.Cleanup(busy.Close)
	dropped := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(dropped.Close)
	for address, unsent := range map[string]bool{closed: true, broken.URL: true, busy.URL: true, dropped.URL: false} {
		ledger := newBook()
		s := open(t, newTestConnection(t, map[string]any{"url": address, "daily_cap": int64(10)}), notices(), nil, ledger)
		_, err := s.DeliverOnce(t.Context(), "u", people2([]string{phone(1), "张三"}))
		if j := feed.Judge(err); err == nil || j.Unsent != unsent || j.Verdict != feed.Retry {
			t.Errorf("%s: unsent %v, %v", address, j.Unsent, err)
		}
		used, _ := ledger.Used(t.Context(), s.day(time.Now()))
		if (used == 0) != unsent {
			t.Errorf("%s: %d are counted", address, used)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := open(t, newTestConnection(t, map[string]any{"url": dropped.URL}), notices(), nil, newBook())
	if _, err := s.DeliverOnce(ctx, "u", people2([]string{phone(1), "张三"})); !feed.Judge(err).Unsent || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}

// TestDuplicates sends equal messages once, and different ones to one number all.
func TestDuplicates(t *testing.T) {
	c := sandbox.NewCaih(sandbox.CaihOptions{Keep: true})
	ledger := newBook()
	s := open(t, newTestConnection(t, nil), notices(), sandbox.Transport(c), ledger)
	b := people2([]string{phone(1), "张三"}, []string{phone(1), "张三"}, []string{phone(1), "李四"}, []string{phone(2), "张三"})
	if r, err := s.DeliverOnce(t.Context(), "u", b); err != nil || r.Note != "" {
		t.Fatal(r, err)
	}
	if c.Received(phone(1)) != 2 || c.Received(phone(2)) != 1 {
		t.Errorf("%+v", c.Messages())
	}
	if noted := ledger.noted["u"]; len(noted) != 2 || noted[0].Copies != 2 || noted[0].Shown != "138****0001" || strings.Contains(noted[0].Person, phone(1)) {
		t.Errorf("%+v", noted)
	}
}

// TestQuietHoursAndCap wait, and say until when.
func TestQuietHoursAndCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := sandbox.NewCaih(sandbox.CaihOptions{})
		ledger := newBook()
		s := open(t, newTestConnection(t, map[string]any{"quiet": "22:00-08:30", "daily_cap": int64(3)}), plain(), sandbox.Transport(c), ledger)
		row := people2([]string{phone(1), ""}, []string{phone(2), ""})
		_, err := s.Room(t.Context(), 2) // 08:00 in Shanghai
		if j := feed.Judge(err); j.Code != "quiet" || time.Until(j.Until) != 30*time.Minute {
			t.Fatalf("%v until %v", err, j.Until)
		}
		if _, err := s.DeliverOnce(t.Context(), "u", row); feed.Judge(err).Code != "quiet" || c.Calls() > 0 {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Minute)
		if n, err := s.Room(t.Context(), 5); n != 3 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if _, err := s.DeliverOnce(t.Context(), "u", row); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Room(t.Context(), 5); n != 1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if _, err := s.DeliverOnce(t.Context(), "v", row); feed.Judge(err).Code != "cap" || c.Calls() != 1 {
			t.Fatal(err)
		}
		if _, err := s.DeliverOnce(t.Context(), "w", row.Slice(0, 1)); err != nil {
			t.Fatal(err)
		}
		_, err = s.Room(t.Context(), 1)
		if j := feed.Judge(err); j.Code != "cap" || j.Until.Format(time.DateTime) != "2000-01-02 00:00:00" {
			t.Fatalf("%v until %v", err, j.Until)
		}
	})
}

func TestQuietHours(t *testing.T) {
	for _, c := range []struct{ hours, at, until string }{
		{"22:00-08:00", "21:59", ""}, {"22:00-08:00", "22:00", "2026-03-02 08:00"}, {"22:00-08:00", "07:59", "2026-03-01 08:00"}, {"22:00-08:00", "08:00", ""},
		{"12:00-13:30", "12:15", "2026-03-01 13:30"}, {"12:00-13:30", "13:30", ""}, {"", "03:00", ""},
	} {
		var q quietHours
		if err := q.parse(c.hours); err != nil {
			t.Fatal(err)
		}
		at, _ := time.ParseInLocation("2006-01-02 15:04", "2026-03-01 "+c.at, shanghai())
		got := ""
		if until := q.until(at); !until.IsZero() {
			got = until.Format("2006-01-02 15:04")
		}
		if got != c.until {
			t.Errorf("%s at %s: until %q, want %q", c.hours, c.at, got, c.until)
		}
	}
	var q quietHours
	for _, bad := range []string{"22-8", "22:00", "08:00-08:00", "25:00-08:00", "x-y"} {
		if q.parse(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestPreviewHides shows a request without numbers, names and credentials.
func TestPreviewHides(t *testing.T) {
	s := open(t, newTestConnection(t, nil), notices(), nil, nil)
	text, err := s.Preview(t.Context(), people2([]string{phone(12345), "张三丰"}, []string{"1", "x"}))
	if err != nil || !strings.Contains(text, "138****2345") || !strings.Contains(text, "not sent: record 2") {
		t.Fatal(text, err)
	}
	for _, hidden := range []string{phone(12345), "张三丰", "sandbox-account", testToken} {
		if strings.Contains(text, hidden) {
			t.Errorf("%s is in %s", hidden, text)
		}
	}
}

func FuzzCompose(f *testing.F) {
	f.Add("13800138000", "张三", false)
	f.Add("13800138000", "a,b;c", true)
	f.Fuzz(func(t *testing.T, phone, value string, wide bool) {
		keys := notices()
		keys["fullwidth"] = wide
		s := newTestSettings(t, newTestConnection(t, nil), keys)
		b := people2([]string{phone, value})
		if len((&sink{settings: s}).Check(b)) > 0 {
			return
		}
		list, err := s.groups(b)
		if err != nil {
			t.Fatal(err)
		}
		wire := params(list)
		if strings.Count(wire, ",") != 1 || strings.Contains(wire, ";") || !strings.HasPrefix(wire, phone+",") || !utf8.ValidString(wire) ||
			strings.ContainsAny(wire, "\r\n【】") {
			t.Errorf("%q, %q become %q", phone, value, wire)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"code":"0","msgid":"m"}`))
	f.Add([]byte(`{"code":0}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if a, err := parse(body); err == nil && a.Code == "" {
			t.Errorf("%q has no code", body)
		}
	})
}

func TestMessagesAreCounted(t *testing.T) {
	for n, want := range map[int]string{1: "1 message", 2: "2 messages", 1000: "1000 messages"} {
		if got := messages(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
