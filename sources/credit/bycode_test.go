package credit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/feedtest"
	"milkrun/sync/kind"
	"milkrun/sync/sandbox"
	"milkrun/sync/sandbox/faulty"
	"milkrun/sync/secret"
	"milkrun/sync/setting/settingtest"
	"milkrun/sync/transport/answertest"
)

// dialect is a way to speak to the platform: what the tables of the connection hold.
type dialect struct{ account, envelope map[string]any }

func dialects() map[string]dialect {
	token := map[string]any{}
	return map[string]dialect{
		"plain":     {},
		"token":     {account: map[string]any{"token": token, "send_pwd": false, "pwd_transform": "sm3"}},
		"body":      {account: map[string]any{"token": map[string]any{"send_as": "body:token"}, "pwd_transform": "md5"}},
		"data only": {account: map[string]any{"public_key": map[string]any{}, "token": token, "pwd_transform": "sm2"}, envelope: map[string]any{}},
		"whole body": {account: map[string]any{"public_key": map[string]any{}}, envelope: map[string]any{"mode": "whole-body",
			"key": map[string]any{"sm2_layout": "c1c2c3", "prefix04": false, "enc": "hex"}, "cipher": map[string]any{"alg": "sm4-gcm", "iv": "field:iv"},
			"sign": map[string]any{"alg": "sm2"}, "anti_replay": map[string]any{"timestamp_field": "ts", "nonce_field": "nonce"}}},
		"rsa": {account: map[string]any{"public_key": map[string]any{}, "pwd_transform": "rsa"}, envelope: map[string]any{
			"key": map[string]any{"alg": "rsa-oaep"}, "cipher": map[string]any{"alg": "aes-256-cbc"}, "digest": map[string]any{"alg": "sha256", "enc": "base64"}}},
		"pre-shared": {envelope: map[string]any{"key": map[string]any{"alg": "pre-shared"}, "digest": map[string]any{"alg": "hmac-sm3"}}},
	}
}

// world is a platform and a connection to it.
type world struct {
	platform *sandbox.Credit
	partner  *faulty.Partner
	conn     *Connection
}

// newWorld makes them so that they understand each other. More keys of the connection are set last.
func newWorld(t testing.TB, d dialect, o sandbox.CreditOptions, more map[string]any) world {
	t.Helper()
	w := world{platform: sandbox.NewCredit(o), conn: NewConnection().(*Connection)}
	keys := map[string]any{}
	if d.account != nil {
		keys["account"] = d.account
	}
	if d.envelope != nil {
		keys["envelope"] = d.envelope
	}
	settingtest.Fill(t, w.conn, keys)
	w.platform.Speak(w.conn.Dialect())
	if d.envelope == nil {
		w.platform.Speak(nil, w.conn.account.pwdTransform)
	}
	settings := w.platform.Settings("http://127.0.0.1/credit")
	keys = map[string]any{}
	for _, name := range []string{"accessid", "username", "password"} {
		keys[name] = secret.New(settings[name])
	}
	keys["url"] = settings["url"]
	if d.envelope != nil {
		own := map[string]any{"own": secret.New(settings["envelope.key.own"]), "shared": secret.New(settings["envelope.key.shared"])}
		keys["envelope"] = map[string]any{"key": own, "digest": map[string]any{"key": secret.New(settings["envelope.digest.key"])}}
	}
	maps.Copy(keys, more)
	settingtest.Valid(t, w.conn, keys)
	t.Cleanup(func() { _ = w.conn.Close() })
	w.partner = faulty.New(w.platform)
	return w
}

func (w world) open(t testing.TB, rt http.RoundTripper, resource string, codes []string, values map[string]any) feed.Source {
	t.Helper()
	s := NewSource(w.conn)
	list := make([]any, len(codes))
	for i, c := range codes {
		list[i] = c
	}
	keys := map[string]any{"resource": resource}
	if len(codes) > 0 {
		keys["codes"] = list
	}
	maps.Copy(keys, values)
	settingtest.Valid(t, s, keys)
	opened, err := s.Open(t.Context(), kind.Env{Job: "job", Connection: "credit", RoundTripper: rt, Recall: w.recall})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// recall has the licence of everybody but of those whose code ends in 0.
func (w world) recall(_ context.Context, topic, key string) (string, time.Time, error) {
	if topic != LicenceTopic || strings.HasSuffix(key, "0") {
		return "", time.Time{}, nil
	}
	return sandbox.LicenceOf(key), time.Time{}, nil
}

// listed are the codes of the platform, in order, with one it does not know and one that is none.
func (w world) listed() (codes []string, rows []map[string]feed.Value) {
	w.platform.Each(func(code, name, grade string) bool {
		codes = append(codes, code)
		rows = append(rows, map[string]feed.Value{codeName: code, nameName: name, gradeName: grade})
		return true
	})
	slices.SortFunc(rows, func(a, b map[string]feed.Value) int {
		return strings.Compare(a[codeName].(string), b[codeName].(string))
	})
	return append(codes, "911400001100123440", "no code", codes[0], "", " "+strings.ToLower(codes[1])+" "), rows
}

var known = []string{"sandbox-password", "sandbox-accessid"}

func TestEnterpriseConformance(t *testing.T) {
	for name, d := range dialects() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, d, sandbox.CreditOptions{Count: 6, Spaces: true}, nil)
			codes, rows := w.listed()
			feedtest.Source(t, feedtest.SourceCase{
				Open:     func(t testing.TB) feed.Source { return w.open(t, w.partner, resEnterprise, codes, nil) },
				Want:     rows,
				Rejected: []string{"not found", "uscc"},
				Secrets:  known,
				Faults:   w.partner.Faults(sandbox.Result0),
				Stall:    w.partner.Stall,
			})
		})
	}
}

func TestTradingConformance(t *testing.T) {
	for name, d := range dialects() {
		if name == "rsa" || name == "body" || name == "pre-shared" {
			continue // what they travel in is tried with the others, and RSA takes its time
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, d, sandbox.CreditOptions{Count: 12}, nil)
			codes, rows := w.listed()
			var want []map[string]feed.Value
			var rejected []string
			order := slices.Sorted(slices.Values(append([]string{"911400001100123440", "no code"}, codesOf(rows)...)))
			for _, code := range order {
				switch {
				case code == "no code":
					rejected = append(rejected, "uscc")
				case strings.HasSuffix(code, "0"):
					rejected = append(rejected, "licence")
				default:
					want = append(want, w.trades(t, code, rows)...)
				}
			}
			feedtest.Source(t, feedtest.SourceCase{
				Open:     func(t testing.TB) feed.Source { return w.open(t, w.partner, resTrading, codes, nil) },
				Want:     want,
				Rejected: rejected,
				Secrets:  known,
				Faults:   w.partner.Faults(sandbox.Result0),
				Stall:    w.partner.Stall,
			})
		})
	}
}

func codesOf(rows []map[string]feed.Value) (codes []string) {
	for _, r := range rows {
		codes = append(codes, r[codeName].(string))
	}
	return codes
}

// trades are the records that should come of a code.
func (w world) trades(t testing.TB, code string, rows []map[string]feed.Value) (want []map[string]feed.Value) {
	t.Helper()
	i := slices.IndexFunc(rows, func(r map[string]feed.Value) bool { return r[codeName] == code })
	for _, row := range w.platform.Trades(code) {
		day, err := time.ParseInLocation(time.DateTime, strings.TrimSpace(row["publicizingDay"]), beijing())
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, map[string]feed.Value{codeName: code, nameName: rows[i][nameName], "type": row["type"], "projectName": row["projectName"],
			"ownerOrgName": row["ownerOrgName"], "url": strings.TrimSpace(row["url"]), "publicizingDay": day, "bidPrice": strings.TrimSpace(row["bidPrice"])})
	}
	return want
}

// TestGradesInEveryDialect: the pages are the same ones, whatever they travel in.
func TestGradesInEveryDialect(t *testing.T) {
	for name, d := range dialects() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, d, sandbox.CreditOptions{Count: 11}, nil)
			var want []map[string]feed.Value
			w.platform.Each(func(code, name, grade string) bool {
				want = append(want, map[string]feed.Value{codeName: code, nameName: name, gradeName: grade})
				return true
			})
			feedtest.Source(t, feedtest.SourceCase{
				Open: func(t testing.TB) feed.Source { return w.open(t, w.partner, resGrades, nil, nil) },
				Want: want, Limit: MaxPage, Secrets: known, Faults: w.partner.Faults(sandbox.Result0), Stall: w.partner.Stall,
				Range: &feedtest.Bounds{From: `{"page":1,"size":3}`, To: `{"page":4,"size":2}`, Want: want[3:8]},
			})
		})
	}
}

// TestVectorsOfOneEnterprise: the answers of the document's samples, as both operations read them.
func TestVectorsOfOneEnterprise(t *testing.T) {
	for i, r := range vectors(t).Responses {
		switch r.Op {
		case oneOperation:
			s := answered1(t, string(r.Body), resEnterprise)
			page, err := s.Fetch(t.Context(), "", 10)
			if r.OK && (err != nil || fmt.Sprint(page.Rows.Values) != "[91140107MA0GT3RT7Y 太原市测试科技有限公司 A]") {
				t.Errorf("answer %d: %v, %v", i, page, err)
			}
			if !r.OK && (err != nil || len(page.Rejected) != 1 || page.Rejected[0].Code != "not found" || !page.Done) {
				t.Errorf("answer %d: %+v, %v", i, page, err)
			}
		case tradingOperation:
			s := answered1(t, string(r.Body), resTrading)
			page, err := s.Fetch(t.Context(), "", 10)
			if err != nil || page.Rows.Len() != 2 {
				t.Fatalf("answer %d: %+v, %v", i, page, err)
			}
			want := "[911400001100123440 丙 政府采购 p1 o1 http://ggzy.example 2019-01-07 13:20:24 +0800 CST 595000]"
			second := "[911400001100123440 丙 政府采购 p2 o2 http://ggzy.example 2019-04-17 00:00:00 +0800 CST 2570000]"
			if got := fmt.Sprint(page.Rows.Row(0)); got != want {
				t.Errorf("row %s", got)
			}
			if got := fmt.Sprint(page.Rows.Row(1)); got != second {
				t.Errorf("row %s", got)
			}
		}
	}
}

// answered1 is a source that asks for one enterprise, and gets a body.
func answered1(t testing.TB, body, resource string) feed.Source {
	t.Helper()
	w := newWorld(t, dialect{}, sandbox.CreditOptions{Count: -1}, nil)
	code := "91140107MA0GT3RT7Y"
	if resource == resTrading {
		code = "911400001100123440"
	}
	s := NewSource(w.conn)
	settingtest.Valid(t, s, map[string]any{"resource": resource, "codes": []any{code}})
	opened, err := s.Open(t.Context(), kind.Env{Connection: "credit", RoundTripper: answering(body),
		Recall: func(context.Context, string, string) (string, time.Time, error) { return "L1", time.Time{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func TestTradingRecords(t *testing.T) {
	row := func(change string, with any) string {
		r := map[string]any{"uniscId": "911400001100123440", "enterpriseName": "丙", "type": "土地", "projectName": "p", "ownerOrgName": "o", "url": "u",
			"publicizingDay": "2019-01-07 13:20:24", "bidPrice": "1.50"}
		if r[change] = with; with == nil {
			delete(r, change)
		}
		b, _ := json.Marshal(r)
		return `{"result":1,"data":[` + string(b) + `]}`
	}
	for name, c := range map[string]struct{ body, code, want string }{
		"good":             {row("url", "u"), "", "1.50"},
		"price a number":   {row("bidPrice", json.Number("12345678901234567890.10")), "", "12345678901234567890.10"},
		"price with yuan":  {row("bidPrice", "1.5元"), "bidPrice", ""},
		"price in 1e3":     {row("bidPrice", json.Number("1e3")), "bidPrice", ""},
		"no price":         {row("bidPrice", nil), "", "<nil>"},
		"empty price":      {row("bidPrice", "  "), "", "<nil>"},
		"unknown type":     {row("type", "其他"), "type", ""},
		"no type":          {row("type", nil), "type", ""},
		"type a number":    {row("type", 1), "type", ""},
		"day":              {row("publicizingDay", "2019-01-07"), "", "1.50"},
		"no day":           {row("publicizingDay", nil), "", "1.50"},
		"bad day":          {row("publicizingDay", "07/01/2019"), "publicizingDay", ""},
		"bad time":         {row("publicizingDay", "2019-01-07 25:00:00"), "publicizingDay", ""},
		"one, not a list":  {strings.NewReplacer("[", "", "]", "").Replace(row("url", "u")), "", "1.50"},
		"beside data (E1)": {`{"result":1,"uniscId":"911400001100123440","type":"土地","bidPrice":"7"}`, "", "7"},
	} {
		page, err := answered1(t, c.body, resTrading).Fetch(t.Context(), "", 10)
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case c.code == "" && (page.Rows.Len() != 1 || fmt.Sprint(page.Rows.Get(0, "bidPrice")) != c.want):
			t.Errorf("%s: %v, rejected %+v", name, page.Rows.Values, page.Rejected)
		case c.code != "" && (len(page.Rejected) != 1 || page.Rejected[0].Code != c.code || page.Rejected[0].Record[codeName] != "911400001100123440"):
			t.Errorf("%s: %v, rejected %+v", name, page.Rows.Values, page.Rejected)
		}
	}
	for name, body := range map[string]string{
		"another enterprise": row("uniscId", "91140107MA0GT3RT7Y"), "text": `{"result":1,"data":"x"}`, "row a list": `{"result":1,"data":[[1]]}`,
		"field an object": `{"result":1,"data":[{"type":{}}]}`, "result 2": `{"result":2,"data":[]}`, "no result": `{"data":[]}`, "data twice": `{"result":1,"data":[],"data":[]}`,
	} {
		if page, err := answered1(t, body, resTrading).Fetch(t.Context(), "", 10); err == nil || feed.Judge(err).Verdict != feed.Retry {
			t.Errorf("%s: %+v, %v", name, page, err)
		}
	}
	for _, empty := range []string{`{"result":1,"data":[]}`, `{"result":1,"data":null}`, `{"result":1}`} {
		if page, err := answered1(t, empty, resTrading).Fetch(t.Context(), "", 10); err != nil || page.Rows.Len() != 0 || !page.Done {
			t.Errorf("%s: %+v, %v", empty, page, err)
		}
	}
}

// TestSplitEnterprise: an enterprise with more records than a page is read on where it was left, and from its beginning when
// its records have changed.
func TestSplitEnterprise(t *testing.T) {
	body := func(names ...string) string {
		rows := make([]string, len(names))
		for i, n := range names {
			rows[i] = fmt.Sprintf(`{"type":"土地","projectName":%q}`, n)
		}
		return `{"result":1,"data":[` + strings.Join(rows, ",") + `]}`
	}
	first, err := answered1(t, body("a", "b", "c"), resTrading).Fetch(t.Context(), "", 2)
	if err != nil || first.Rows.Len() != 2 || first.Done {
		t.Fatalf("%+v, %v", first, err)
	}
	for now, want := range map[string]string{
		body("a", "b", "c"): "[c]", body("a", "b", "c", "d"): "[c d]", body("x", "a", "b", "c"): "[x a]", body("a"): "[a]", body(): "[]",
	} {
		page, err := answered1(t, now, resTrading).Fetch(t.Context(), first.Next, 2)
		var got []string
		for i := range page.Rows.Len() {
			got = append(got, page.Rows.Get(i, "projectName").(string))
		}
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v", want, got, err)
		}
	}
}

func TestLicences(t *testing.T) {
	w := newWorld(t, dialect{}, sandbox.CreditOptions{Count: 3}, nil)
	codes, _ := w.listed()
	code := codes[0]
	for name, c := range map[string]struct {
		value string
		until time.Time
		says  string
	}{
		"missing": {"", time.Time{}, "milkrun account licence upload credit"},
		"ended":   {"L", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), "ended on 2020-01-01"},
		"refused": {"another", time.Time{}, "does not take the licence"},
	} {
		s := NewSource(w.conn)
		settingtest.Valid(t, s, map[string]any{"resource": resTrading, "codes": []any{code}})
		opened, err := s.Open(t.Context(), kind.Env{Connection: "credit", RoundTripper: w.partner,
			Recall: func(context.Context, string, string) (string, time.Time, error) { return c.value, c.until, nil }})
		if err != nil {
			t.Fatal(err)
		}
		page, err := opened.Fetch(t.Context(), "", 10)
		if err != nil || len(page.Rejected) != 1 || page.Rejected[0].Code != "licence" || !strings.Contains(page.Rejected[0].Reason, c.says) {
			t.Errorf("%s: %+v, %v", name, page.Rejected, err)
		}
	}
}

func TestUploadLicence(t *testing.T) {
	for name, d := range dialects() {
		for _, as := range []string{fileBase64, fileMultipart} {
			t.Run(name+" "+as, func(t *testing.T) {
				if d.account == nil {
					d.account = map[string]any{}
				}
				account := maps.Clone(d.account)
				account["licence"] = map[string]any{"send_file_as": as}
				w := newWorld(t, dialect{account, d.envelope}, sandbox.CreditOptions{Count: 3}, nil)
				codes, _ := w.listed()
				env := kind.Env{Connection: "credit", RoundTripper: w.partner}
				id, err := w.conn.UploadLicence(t.Context(), env, kind.Licence{Code: codes[0], Name: "授权书.pdf", File: []byte("%PDF-1.7")})
				if err != nil || id != sandbox.LicenceOf(codes[0]) {
					t.Errorf("%s, %v", id, err)
				}
				if name == "data only" && as == fileMultipart { // a platform that answers in clear what was asked in clear
					w.platform.Speak(nil, w.conn.account.pwdTransform)
					if id, err = w.conn.UploadLicence(t.Context(), env, kind.Licence{Code: codes[0], Name: "a.pdf", File: []byte("x")}); err != nil || id == "" {
						t.Errorf("in clear: %s, %v", id, err)
					}
				}
				if _, err = w.conn.UploadLicence(t.Context(), env, kind.Licence{Code: "911400001100123440", Name: "a.pdf", File: []byte("x")}); err == nil {
					t.Error("the platform takes one of an enterprise it does not know")
				}
				if _, err = w.conn.UploadLicence(t.Context(), env, kind.Licence{Code: "91", Name: "a.pdf", File: []byte("x")}); feed.Judge(err).Code != "uscc" {
					t.Errorf("no code: %v", err)
				}
			})
		}
	}
	w := newWorld(t, dialect{}, sandbox.CreditOptions{Count: 3}, nil)
	if _, err := w.conn.UploadLicence(t.Context(), kind.Env{Connection: "credit"}, kind.Licence{}); feed.Judge(err).Remedy == "" {
		t.Errorf("not configured: %v", err)
	}
}

// TestCodesFromASource: codes come from another source, each asked for once, whatever blemishes they have.
func TestCodesFromASource(t *testing.T) {
	w := newWorld(t, dialect{}, sandbox.CreditOptions{Count: 5}, nil)
	inner := kind.Inner{Connection: "other", Column: codeName, Source: NewSource(w.conn)}
	settingtest.Valid(t, inner.Source, map[string]any{"resource": "grades"})
	s := NewSource(w.conn)
	settingtest.Valid(t, s, map[string]any{"resource": resEnterprise, "codes": inner})
	opened, err := s.Open(t.Context(), kind.Env{Connection: "credit", RoundTripper: w.partner})
	if err != nil {
		t.Fatal(err)
	}
	if page, err := opened.Fetch(t.Context(), "", 100); err != nil || page.Rows.Len() != 5 || page.Total != 5 {
		t.Errorf("%+v, %v", page, err)
	}
	for name, bad := range map[string]kind.Inner{"column": {Connection: "other", Column: "code", Source: inner.Source}} {
		settingtest.Fill(t, s, map[string]any{"codes": bad})
		if _, err := s.Open(t.Context(), kind.Env{Connection: "credit", RoundTripper: w.partner}); feed.Judge(err).Verdict != feed.HaltJob || feed.Judge(err).Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused := answertest.RoundTrip(func(*http.Request) (*http.Response, error) { return answertest.Reply(403, "no"), nil })
	other := newWorld(t, dialect{}, sandbox.CreditOptions{Count: 5}, nil)
	inner.Source = NewSource(other.conn)
	settingtest.Valid(t, inner.Source, map[string]any{"resource": "grades"})
	settingtest.Fill(t, s, map[string]any{"codes": inner})
	var of *kind.InnerError
	if _, err := s.Open(t.Context(), kind.Env{Connection: "credit", RoundTripper: refused}); feed.Judge(err).Verdict != feed.HaltConnection || !errors.As(err, &of) || of.Connection != "other" {
		t.Errorf("an error of the other connection: %v", err)
	}
}

// TestRefusals: what is about us halts the connection; what is about an enterprise does not.
func TestRefusals(t *testing.T) {
	for msg, want := range map[string]string{
		"企业不存在": "rejected", "未查询到该企业": "rejected", "用户不存在": "halt connection", "密码错误": "halt connection", "系统繁忙": "retry", "accessid 不存在": "halt connection", "未知错误": "retry",
	} {
		page, err := answered1(t, `{"result":0,"msg":"`+msg+`"}`, resEnterprise).Fetch(t.Context(), "", 5)
		got := feed.Judge(err).Verdict.String()
		if err == nil {
			got = "rejected"
			if len(page.Rejected) != 1 || page.Rejected[0].Code != "not found" || page.Rejected[0].Place == "" {
				t.Errorf("%s: %+v", msg, page)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s (%v)", msg, got, want, err)
		}
	}
}

func TestByCodeSettings(t *testing.T) {
	c := NewConnection()
	for _, keys := range []map[string]any{{"resource": "enterprise"}, {"resource": "grades", "codes": []any{"91140107MA0GT3RT7Y"}}} {
		s := NewSource(c)
		settingtest.Fill(t, s, keys)
		if p := s.Validate(); len(p) != 1 || p[0].Key != "codes" || p[0].Remedy == "" {
			t.Errorf("%v: %+v", keys, p)
		}
	}
	for key, keys := range map[string]map[string]any{
		"envelope":                {"envelope": map[string]any{}},
		"account.pwd_transform":   {"account": map[string]any{"pwd_transform": "rsa"}},
		"account.send_pwd":        {"account": map[string]any{"send_pwd": false}},
		"account.path":            {"account": map[string]any{"path": "/x"}},
		"account.token.params":    {"account": map[string]any{"token": map[string]any{"params": []any{"nobody"}}}},
		"envelope.digest.key":     {"envelope": map[string]any{"key": map[string]any{"alg": "pre-shared", "shared": secret.New("00")}, "digest": map[string]any{"alg": "hmac-sha256"}}},
		"account.password.params": {"account": map[string]any{"password": map[string]any{"params": []any{"=pwd"}}}},
	} {
		c := NewConnection()
		keys["url"] = "https://platform.example"
		settingtest.Fill(t, c, keys)
		if p := c.Validate(); len(p) != 1 || p[0].Key != key || p[0].Remedy == "" {
			t.Errorf("%s: %+v", key, p)
		}
	}
	for _, bad := range []map[string]any{{"token": map[string]any{"send_as": "query:t"}}, {"password": map[string]any{"min_len": int64(4)}}, {"public_key": map[string]any{"format": "jwk"}}} {
		if err := newAccountField().Set(bad); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}

func newAccountField() interface{ Set(any) error } {
	a := newAccount()
	return a.group()
}
