package exchange

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"milkrun/sync/exchange"
	"milkrun/sync/feed"
	"milkrun/sync/feedtest"
	"milkrun/sync/kind"
	"milkrun/sync/sandbox"
	"milkrun/sync/sandbox/faulty"
	"milkrun/sync/secret"
	"milkrun/sync/setting/settingtest"
	"milkrun/sync/transport/answertest"
)

func zone() *time.Location { return time.FixedZone("Asia/Shanghai", 8*3600) }

func open(t testing.TB, rt http.RoundTripper, keys map[string]any, full bool) *sink {
	t.Helper()
	c := exchange.NewConnection()
	settingtest.Valid(t, c, map[string]any{"url": "https://partner.example.com/api", "token": secret.New("sandbox-token"), "purpose": "用户分析"})
	return openOn(t, c, rt, keys, full)
}

func openOn(t testing.TB, c kind.Connection, rt http.RoundTripper, keys map[string]any, full bool) *sink {
	t.Helper()
	if keys == nil {
		keys = map[string]any{}
	}
	if keys["resource"] == nil {
		keys["resource"] = "users"
	}
	s := NewSink(c)
	settingtest.Valid(t, s, keys)
	opened, err := s.Open(t.Context(), kind.Env{Connection: "partner", Location: zone(), RoundTripper: rt, Full: full})
	if err != nil {
		t.Fatal(err)
	}
	return opened.(*sink)
}

type sent struct {
	path    string
	text    string
	body    map[string]any
	records []map[string]any
}

// capture records every push and accepts all of it.
func capture(t testing.TB, into *[]sent) answertest.RoundTrip {
	return func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		s := sent{path: r.Method + " " + r.URL.Path, text: string(b)}
		var list struct{ Records []map[string]any }
		if json.Unmarshal(b, &s.body) != nil || json.Unmarshal(b, &list) != nil {
			t.Errorf("the body is no JSON: %s", b)
		}
		s.records = list.Records
		*into = append(*into, s)
		return answertest.Reply(200, fmt.Sprintf(`{"code":0,"message":"ok","accepted":%d,"rejected":[]}`, len(s.records))), nil
	}
}

func users(rows ...[]feed.Value) feed.Batch {
	b := feed.Batch{Columns: feed.TextColumns("user_id", "name", "updated_at")}
	for _, r := range rows {
		b.Values = append(b.Values, r...)
	}
	return b
}

func TestBody(t *testing.T) {
	var got []sent
	moment := time.Date(2021, 3, 17, 10, 57, 3, 0, time.UTC)
	b := users([]feed.Value{"u1", `张* "<&>"` + "\n", moment}, []feed.Value{int64(9007199254740993), nil, "12.50"})
	for _, full := range []bool{false, true} {
		if rejected, err := open(t, capture(t, &got), nil, full).Deliver(t.Context(), b); err != nil || len(rejected) > 0 {
			t.Fatal(rejected, err)
		}
	}
	told, err := NewSink(exchange.NewConnection()).Open(t.Context(), kind.Env{Purpose: "发货"})
	if s, ok := told.(*sink); err != nil || !ok || s.purpose != "发货" {
		t.Errorf("the purpose of the job is not the one that is told: %+v, %v", told, err)
	}
	const records = `"count":2,"records":[{"user_id":"u1","name":"张* \"<&>\"\u000a","updated_at":"2021-03-17 18:57:03"},` +
		`{"user_id":9007199254740993,"name":null,"updated_at":"12.50"}]}`
	if !strings.HasSuffix(got[0].text, records) || got[0].path != "POST /api/users" {
		t.Errorf("%s %s", got[0].path, got[0].text)
	}
	id, _ := got[0].body["batch_id"].(string)
	for key, want := range map[string]any{"interface": "users", "version": "1", "purpose": "用户分析", "mode": "incremental", "count": 2.0} {
		if got[0].body[key] != want {
			t.Errorf("%s is %v, want %v", key, got[0].body[key], want)
		}
	}
	if len(id) != 32 || len(got[0].body) != 7 || got[1].body["mode"] != "full" || got[1].body["batch_id"] == id {
		t.Errorf("%v %v", got[0].body, got[1].body)
	}
}

func TestBatchID(t *testing.T) {
	var got []sent
	s := open(t, capture(t, &got), nil, false)
	other := open(t, capture(t, &got), nil, false)
	a, b := users([]feed.Value{"1", "a", nil}), users([]feed.Value{"1", "b", nil})
	for _, d := range []struct {
		sink  *sink
		batch feed.Batch
	}{{s, a}, {s, a}, {s, b}, {other, a}} {
		if _, err := d.sink.Deliver(t.Context(), d.batch); err != nil {
			t.Fatal(err)
		}
	}
	if got[0].text != got[1].text {
		t.Error("a redelivery differs")
	}
	if got[0].body["batch_id"] == got[2].body["batch_id"] {
		t.Error("other records have the same batch_id")
	}
	if got[0].body["batch_id"] == got[3].body["batch_id"] {
		t.Error("another run has the same batch_id: a partner would answer it from memory")
	}
}

func TestMapIsAWhitelist(t *testing.T) {
	var got []sent
	s := open(t, capture(t, &got), map[string]any{"map": map[string]any{"uid": "user_id", "updated": "updated_at", "again": "user_id"},
		"key": []any{"user_id"}, "date_format": "yyyy/MM/dd"}, false)
	b := users([]feed.Value{"1", "secret name", time.Date(2021, 3, 17, 20, 0, 0, 0, time.UTC)})
	if err := s.Prepare(t.Context(), b.Columns); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Deliver(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if want := `"records":[{"again":"1","uid":"1","updated":"2021/03/18"}]}`; !strings.HasSuffix(got[0].text, want) {
		t.Errorf("%s, want %s", got[0].text, want)
	}
	err := s.Prepare(t.Context(), feed.TextColumns("user_id", "name"))
	if err == nil || feed.Judge(err).Verdict != feed.Fail || !strings.Contains(err.Error(), `no column "updated_at"`) || feed.Judge(err).Remedy == "" {
		t.Error(err)
	}
	err = open(t, nil, map[string]any{"key": []any{"id"}}, false).Prepare(t.Context(), b.Columns)
	if err == nil || !strings.Contains(err.Error(), `no column "id"`) {
		t.Error(err)
	}
}

func TestBadRecords(t *testing.T) {
	for _, c := range []struct {
		v         feed.Value
		code, why string
	}{
		{"\xff", "name", "valid UTF-8"},
		{math.NaN(), "name", "finite"},
		{math.Inf(-1), "name", "finite"},
		{uint(3), "name", "no form"},
		{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), "name", "years 1 to 9999"},
	} {
		var got []sent
		s := open(t, capture(t, &got), map[string]any{"key": []any{"user_id"}}, false)
		rejected, err := s.Deliver(t.Context(), users([]feed.Value{"1", c.v, nil}, []feed.Value{"2", "ok", nil}, []feed.Value{" ", "no key", nil}))
		if err != nil || len(got) != 1 || len(got[0].records) != 1 || len(rejected) != 2 || rejected[1].Code != "user_id" || rejected[1].Row != 2 {
			t.Errorf("%v: %v %v", c.v, rejected, err)
			continue
		}
		if rejected[0].Row != 0 || rejected[0].Code != c.code || !strings.Contains(rejected[0].Reason, c.why) {
			t.Errorf("%v: %v", c.v, rejected[0])
		}
		if rejected, err = s.Deliver(t.Context(), users([]feed.Value{nil, nil, nil})); err != nil || len(rejected) != 1 || len(got) != 1 {
			t.Errorf("nothing was left to send: %v %v, %d calls", rejected, err, len(got))
		}
	}
}

func TestValues(t *testing.T) {
	var got []sent
	s := open(t, capture(t, &got), nil, false)
	b := feed.Batch{Columns: feed.TextColumns("a", "b", "c", "d", "e"), Values: []feed.Value{true, 0.1, 1e300, []byte{0, 255}, "\u2028\U0001F600\x01"}}
	if _, err := s.Deliver(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"a": true, "b": 0.1, "c": 1e300, "d": "AP8=", "e": "\u2028\U0001F600\x01"}
	if !reflect.DeepEqual(got[0].records[0], want) {
		t.Errorf("%v", got[0].records[0])
	}
}

func TestAnswers(t *testing.T) {
	const ok = feed.Verdict(-1)
	for _, c := range []struct {
		status  int
		body    string
		verdict feed.Verdict
		rows    []int // rejected
	}{
		{200, `{"code":0,"accepted":2,"rejected":[]}`, ok, nil},
		{200, `{"code":0,"accepted":"2"}`, ok, nil},
		{200, `{"code":0,"accepted":2,"rejected":null}`, ok, nil},
		{200, `{"code":0,"accepted":1,"rejected":[{"index":1,"code":"poison","reason":"电话13712345381"}]}`, ok, []int{2}},
		{200, `{"code":0,"accepted":0,"rejected":[{"index":1,"code":7},{"index":0}]}`, ok, []int{2, 0}},
		{200, `{"code":0}`, feed.HaltJob, nil},
		{200, `{"code":0,"accepted":1}`, feed.HaltJob, nil},
		{200, `{"code":0,"accepted":3}`, feed.HaltJob, nil},
		{200, `{"code":0,"accepted":2,"rejected":[{"index":0}]}`, feed.HaltJob, nil},
		{200, `{"code":0,"accepted":1,"rejected":[{"index":2}]}`, feed.HaltJob, nil},
		{200, `{"code":0,"accepted":1,"rejected":[{"index":-1}]}`, feed.HaltJob, nil},
		{200, `{"code":0,"accepted":1,"rejected":[{"reason":"which?"}]}`, feed.HaltJob, nil},
		{200, `{"code":0,"accepted":0,"rejected":[{"index":0},{"index":0}]}`, feed.HaltJob, nil},
		{200, `{"code":0,"accepted":1,"rejected":1}`, feed.HaltJob, nil},
		{200, `{"code":0,"accepted":-1,"rejected":[]}`, feed.HaltJob, nil},
		{200, `{"code":400,"message":"no"}`, feed.Refuse, nil},
		{200, `{"code":500}`, feed.Retry, nil},
		{200, `{"code":7}`, feed.HaltJob, nil},
		{200, `<html>`, feed.Retry, nil},
		{400, ``, feed.Refuse, nil},
		{413, ``, feed.Refuse, nil},
		{422, `{"code":422}`, feed.Refuse, nil},
		{401, ``, feed.HaltConnection, nil},
		{404, ``, feed.HaltConnection, nil},
		{429, ``, feed.Retry, nil},
		{500, ``, feed.Retry, nil},
	} {
		s := open(t, answertest.RoundTrip(func(*http.Request) (*http.Response, error) { return answertest.Reply(c.status, c.body), nil }), nil, false)
		b := users([]feed.Value{"1", "a", nil}, []feed.Value{"2", "\xff", nil}, []feed.Value{"3", "c", nil})
		rejected, err := s.Deliver(t.Context(), b)
		if c.verdict != ok {
			if j := feed.Judge(err); err == nil || j.Verdict != c.verdict || j.Code == "" {
				t.Errorf("%d %s: %v %v, want %v", c.status, c.body, j.Verdict, err, c.verdict)
			}
			continue
		}
		want := append([]int{1}, c.rows...)
		var got []int
		for _, r := range rejected {
			got = append(got, r.Row)
			if r.Code == "" || strings.Contains(r.Reason, "13712345381") {
				t.Errorf("%s: %+v", c.body, r)
			}
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: rejected %v, %v; want %v", c.body, got, err, want)
		}
	}
}

// TestRejectionsAreFit has a partner whose rejections hold what must not get into a dead letter.
func TestRejectionsAreFit(t *testing.T) {
	body := fmt.Sprintf(`{"code":0,"accepted":1,"rejected":[{"index":1,"code":"sandbox-token%s","reason":"姓名：段正淳\u0007 sandbox-token %s"}]}`,
		strings.Repeat("x", 100), strings.Repeat("长", 400))
	s := open(t, answertest.RoundTrip(func(*http.Request) (*http.Response, error) { return answertest.Reply(200, body), nil }), nil, false)
	b := users([]feed.Value{"1", "a", nil}, []feed.Value{"2", "b", nil})
	rejected, err := s.Deliver(t.Context(), b)
	if err != nil || len(rejected) != 1 || !strings.HasPrefix(rejected[0].Reason, `the partner says: "姓名：段** [secret] 长`) || !strings.HasPrefix(rejected[0].Code, "[secret]x") ||
		len([]rune(rejected[0].Reason)) > 321 || len([]rune(rejected[0].Code)) > 41 {
		t.Errorf("%+v, %v", rejected, err)
	}
	for _, silent := range []string{`{"code":0}`, `{"code":0,"accepted":null}`} {
		body = silent
		if _, err = s.Deliver(t.Context(), b); err == nil || !strings.Contains(err.Error(), "how many of 2 records it accepts (accepted is missing)") {
			t.Error(err)
		}
	}
	body = `{"code":0,"accepted":7,"rejected":[]}`
	if _, err = s.Deliver(t.Context(), b); err == nil || !strings.Contains(err.Error(), "of 2 records it accepts 7 and rejects 0") {
		t.Error(err)
	}
}

func TestPreview(t *testing.T) {
	c := exchange.NewConnection()
	settingtest.Valid(t, c, map[string]any{"url": "https://partner.example.com/api", "hmac_key": secret.New("key-77"), "hmac_secret": secret.New("s3cret")})
	for _, s := range []*sink{open(t, nil, nil, false), openOn(t, c, nil, nil, false)} {
		text, err := s.Preview(t.Context(), users([]feed.Value{"1", "段正淳", "电话13712345381"}, []feed.Value{"2", "\xff", nil}, []feed.Value{"3", nil, int64(7)},
			[]feed.Value{"4", "c", nil}, []feed.Value{"5", "d", nil}))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"POST https://partner.example.com/api/users\n", "[secret]", `"mode":"incremental","count":4,"records":[`, `"user_id": "1"`, `"updated_at": 7`,
			`"name": null`, "… and 1 more", "record 2 of the batch: name is not valid UTF-8"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is missing in\n%s", want, text)
			}
		}
		for _, bad := range []string{"13712345381", "段正淳", "sandbox-token", "key-77", "s3cret"} {
			if strings.Contains(text, bad) {
				t.Errorf("%q in\n%s", bad, text)
			}
		}
	}
}

func TestConformance(t *testing.T) {
	row := func(i int, name string) []feed.Value {
		return []feed.Value{fmt.Sprint("u", i), name, time.Date(2021, 3, i+1, 0, 0, 0, 0, time.UTC)}
	}
	shown := func(i int, name string) string {
		return fmt.Sprintf(`{"user_id":"u%d","name":%q,"updated_at":"2021-03-%02d 08:00:00"}`, i, name, i+1)
	}
	c := feedtest.SinkCase{Target: target, Missing: "user_id", Secrets: []string{"sandbox-token", "sandbox-key", "sandbox-secret"},
		Rows: users(), Changed: users(),
		Bad: []feedtest.BadRow{{Row: []feed.Value{nil, "张*", nil}, Code: "user_id"}, {Row: []feed.Value{"bad", "\xff", nil}, Code: "name"},
			{Row: []feed.Value{"bad", "clear", nil}, Code: "unmasked"}}}
	for i := range 8 {
		c.Rows.Values, c.Want = append(c.Rows.Values, row(i, "张*")...), append(c.Want, shown(i, "张*"))
		c.Changed.Values, c.WantChanged = append(c.Changed.Values, row(i, "李*")...), append(c.WantChanged, shown(i, "李*"))
	}
	feedtest.Sink(t, c)
}

// target is the stand-in, which is reached by token and by HMAC in turn.
func target(t testing.TB) feedtest.Target {
	partner, opened := sandbox.NewExchange(sandbox.ExchangeOptions{}), 0
	reached := faulty.New(partner)
	out := feedtest.Target{Faults: reached.Faults(sandbox.Code500), Stall: reached.Stall}
	out.Open = func(t testing.TB) feed.Sink {
		opened++
		c, keys := exchange.NewConnection(), map[string]any{"url": "https://sandbox.example/p"}
		if opened%2 == 0 {
			keys["token"] = secret.New(partner.Settings("")["token"])
		} else {
			id, text := partner.SettingsHMAC()
			keys["hmac_key"], keys["hmac_secret"] = secret.New(id), secret.New(text)
		}
		settingtest.Valid(t, c, keys)
		return openOn(t, c, reached, map[string]any{"key": []any{"user_id"}}, false)
	}
	out.Stored = func(testing.TB) (list []string) {
		for i := range 8 {
			if r, ok := partner.Record("users", fmt.Sprint("u", i)); ok {
				list = append(list, string(r))
			}
		}
		if extra := partner.Records("users") - len(list); extra != 0 {
			list = append(list, fmt.Sprint(extra, " other records"))
		}
		return list
	}
	return out
}

func BenchmarkEncode(b *testing.B) {
	s := open(b, nil, nil, false)
	batch := users()
	for i := range 1000 {
		batch.Values = append(batch.Values, fmt.Sprint("user-", i), "张某某", time.Date(2021, 3, 17, 10, 57, 3, 0, time.UTC))
	}
	p, err := s.plan(batch.Columns)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s.encode(p, batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
}

// TestProof: what the partner gave for a batch reaches whoever keeps it, and only for a batch it took.
func TestProof(t *testing.T) {
	for answer, number := range map[string]string{
		`{"code":0,"accepted":1,"receipt":"R-17"}`:          "R-17",
		`{"code":0,"accepted":1,"receipt":20260301000017}`:  "20260301000017",
		`{"code":0,"accepted":1}`:                           "",
		`{"code":0,"accepted":1,"receipt":{"no":1}}`:        "",
		`{"code":0,"accepted":1,"receipt":"sandbox-token"}`: "[hidden]",
	} {
		var got []feed.Proof
		ctx := feed.WithProofs(t.Context(), func(p feed.Proof) { got = append(got, p) })
		s := open(t, answertest.RoundTrip(func(*http.Request) (*http.Response, error) { return answertest.Reply(200, answer), nil }), nil, false)
		if _, err := s.Deliver(ctx, users([]feed.Value{"u1", "张*", nil})); err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0].Records != 1 || len(got[0].BatchID) != 32 || got[0].Number != number && number != "[hidden]" ||
			strings.Contains(got[0].Number, "sandbox-token") {
			t.Errorf("%s: %+v", answer, got)
		}
	}
	ctx := feed.WithProofs(t.Context(), func(p feed.Proof) { t.Errorf("a batch that was not taken: %+v", p) })
	for _, answer := range []string{`{"code":500,"receipt":"R-1"}`, `{"code":0,"accepted":7,"receipt":"R-1"}`} {
		s := open(t, answertest.RoundTrip(func(*http.Request) (*http.Response, error) { return answertest.Reply(200, answer), nil }), nil, false)
		if _, err := s.Deliver(ctx, users([]feed.Value{"u1", "张*", nil})); err == nil {
			t.Errorf("%s is taken", answer)
		}
	}
}
