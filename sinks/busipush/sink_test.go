package busipush

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/sandbox"
	"milkrun/sync/secret"
	"milkrun/sync/setting/settingtest"
	"milkrun/sync/transport/answertest"
)

func TestRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []captured
		s := open(t, capture(t, &got), nil)
		for range 2 {
			if rejected, err := s.Deliver(t.Context(), batchOf(goodRow("1"), goodRow("2"))); err != nil || len(rejected) > 0 {
				t.Fatal(rejected, err)
			}
			<-time.After(time.Second) // the bubble's clock
		}
		first, second := got[0], got[1]
		if want := "POST " + readVectors(t).URLs[0]; first.url != want || first.contentType != contentType {
			t.Errorf("%s as %s", first.url, first.contentType)
		}
		if len(first.form) != 6 || len(first.records) != 2 || first.records[1]["id"] != "2" {
			t.Errorf("form %v", first.form)
		}
		if first.form.Get("timestamp") == second.form.Get("timestamp") || first.form.Get("nonce") == second.form.Get("nonce") {
			t.Error("timestamp or nonce were used again")
		}
		if first.form.Get("timestamp") != fmt.Sprint(time.Now().Unix()-2) {
			t.Errorf("timestamp %s", first.form.Get("timestamp"))
		}
		again, _ := s.connection.Sign(kind.SignRequest{Params: one(first.form)})
		if first.form.Get("sign") != again.Signature || strings.Contains(first.form.Encode(), testSecret) {
			t.Errorf("sign %s, want %s", first.form.Get("sign"), again.Signature)
		}
	})
}

func one(form url.Values) map[string]string {
	m := map[string]string{}
	for k, v := range form {
		m[k] = v[0]
	}
	return m
}

func TestBadRecordsAreLeftOut(t *testing.T) {
	bad := goodRow("2")
	bad[fieldUserName] = "\xff"
	var got []captured
	s := open(t, capture(t, &got), nil)
	rejected, err := s.Deliver(t.Context(), batchOf(goodRow("1"), bad, goodRow("3")))
	if err != nil || len(got) != 1 || len(got[0].records) != 2 {
		t.Fatal(err, got)
	}
	if want := []feed.Rejection{{Row: 1, Code: "user_name", Reason: "user_name is not valid UTF-8"}}; !reflect.DeepEqual(rejected, want) {
		t.Errorf("%v, want %v", rejected, want)
	}
	if rejected, err := s.Deliver(t.Context(), batchOf(bad)); err != nil || len(rejected) != 1 || len(got) != 1 {
		t.Errorf("%v %v, %d calls; nothing was left to send", rejected, err, len(got))
	}
	if rejected, err := s.Deliver(t.Context(), feed.Batch{}); err != nil || len(rejected) > 0 || len(got) != 1 {
		t.Errorf("an empty batch: %v %v", rejected, err)
	}
}

func TestLimit(t *testing.T) {
	var got []captured
	s := open(t, capture(t, &got), nil)
	limits := s.Limits()
	if most := readVectors(t).Limits.MaxRecords; limits.Max != most || limits.Default != most || !strings.Contains(limits.Rule, "2000") {
		t.Errorf("%+v", limits)
	}
	if _, err := s.Deliver(t.Context(), benchBatch(2001)); err == nil || len(got) > 0 {
		t.Error("2001 records were sent")
	}
	if _, err := s.Deliver(t.Context(), benchBatch(2000)); err != nil || len(got[0].records) != 2000 {
		t.Error(err)
	}
}

func TestMapAndPrepare(t *testing.T) {
	columns := feed.TextColumns("item_name", "create_date", "id", "user_id", "user_phone", "busi_detail", "extra")
	keys := func() map[string]any { return map[string]any{"map": map[string]any{"busi_item": "item_name"}} }
	var got []captured
	s := open(t, capture(t, &got), keys())
	if err := s.Prepare(t.Context(), columns); err != nil {
		t.Fatal(err)
	}
	b := feed.Batch{Columns: columns, Values: []feed.Value{"登记", "2021-03-17 18:57:03", "7", "u", "p", "d", "x"}}
	if rejected, err := s.Deliver(t.Context(), b); err != nil || len(rejected) > 0 {
		t.Fatal(rejected, err)
	}
	want := map[string]string{"id": "7", "user_id": "u", "user_phone": "p", "user_name": "未认证用户", "busi_item": "登记", "busi_detail": "d",
		"create_date": "2021-03-17 18:57:03"}
	if !reflect.DeepEqual(got[0].records[0], want) {
		t.Errorf("%v", got[0].records[0])
	}
	err := open(t, nil, nil).Prepare(t.Context(), columns)
	if err == nil || !strings.Contains(err.Error(), `"busi_item"`) || feed.Judge(err).Remedy == "" || feed.Judge(err).Verdict != feed.Fail {
		t.Errorf("%v", err)
	}
	named := keys()
	named["map"].(map[string]any)["user_name"] = "surname"
	if err := open(t, nil, named).Prepare(t.Context(), columns); err == nil || !strings.Contains(err.Error(), `"surname" (for user_name)`) {
		t.Errorf("a column that map names is missing: %v", err)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		keys map[string]any
		want string
	}{
		{map[string]any{"map": map[string]any{"busi_itme": "x"}}, `"busi_itme" cannot be the field of the column "x"`},
		{map[string]any{"map": map[string]any{"busi_item": ""}}, `field of the column ""`},
		{map[string]any{"defaults": map[string]any{"phone": "x"}}, `no field "phone"`},
		{map[string]any{"defaults": map[string]any{"id": "x"}}, "cannot share one"},
		{map[string]any{"defaults": map[string]any{"create_date": "yesterday"}}, "create_date is no date"},
	} {
		s := NewSink(testConnection(t, nil))
		settingtest.Fill(t, s, c.keys)
		if p := s.Validate(); len(p) != 1 || !strings.Contains(p[0].Text, c.want) || p[0].Remedy == "" {
			t.Errorf("%v, want %q", p, c.want)
		}
	}
	open(t, nil, map[string]any{"defaults": map[string]any{"create_date": "2020-12-31 00:00:00"}})
	c := NewConnection()
	settingtest.Fill(t, c, map[string]any{"url": "http://open.example.gov.cn"})
	if p := c.Validate(); len(p) != 1 || p[0].Key != "url" {
		t.Errorf("http was not refused: %v", p)
	}
	for _, f := range c.Fields() {
		if f.Name == "resource" || f.En == "" || f.Zh == "" {
			t.Errorf("%+v", f)
		}
	}
}

func TestPreview(t *testing.T) {
	s := open(t, answertest.RoundTrip(func(*http.Request) (*http.Response, error) { t.Error("a preview sent something"); return nil, io.EOF }), nil)
	clear := goodRow("1")
	clear[fieldUserPhone], clear[fieldUserName], clear[fieldBusiDetail] = "13712345381", "段正淳", "电话13712345381"+strings.Repeat("长", 100)
	text, err := s.Preview(t.Context(), batchOf(clear, goodRow(""), goodRow("3"), goodRow("4"), goodRow("5")))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"POST https://open.example.gov.cn/openplatform/open/busipush.action?generate\n", contentType, "appcode=[secret]\n",
		"string to sign: appcode=[secret]&modulecode=[secret]&nonce=", secretMark, "4 records", "and 1 more", "record 2 of the batch: id is missing", "段**"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	for _, bad := range []string{"13712345381", "段正淳", testApp, testModule, testSecret} {
		if strings.Contains(text, bad) {
			t.Errorf("%q in\n%s", bad, text)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	c := testConnection(t, nil)
	s := open(t, replies(200, ""), nil)
	for _, v := range []any{c, s, *s.settings} {
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, testSecret) || strings.Contains(text, testApp) {
				t.Errorf("%s of %T shows a secret", verb, v)
			}
		}
	}
}

// onSandbox opens a sink on the stand-in of 晋来办.
func onSandbox(t testing.TB, b *sandbox.Busipush, rt http.RoundTripper, more map[string]any) *sink {
	t.Helper()
	c := NewConnection()
	for k, v := range b.Settings("https://sandbox.example") {
		var value any = v
		if k != "url" {
			value = secret.New(v)
		}
		settingtest.Fill(t, c, map[string]any{k: value})
	}
	settingtest.Fill(t, c, more)
	return openOn(t, c, rt, nil)
}

func TestStandInAcceptsEveryForm(t *testing.T) {
	for _, nonce := range []string{"uuid", "digits10"} {
		b := sandbox.NewBusipush(sandbox.BusipushOptions{Keep: true, Numbers: nonce == "uuid", Status: nonce == "uuid"})
		s := onSandbox(t, b, sandbox.Transport(b), map[string]any{"nonce": nonce})
		row := goodRow("甲 1")
		row[fieldUserName], row[fieldBusiDetail] = nil, "a\n\"b\"\\ & <c> \U0001F600"
		for range 3 {
			if rejected, err := s.Deliver(t.Context(), batchOf(row, goodRow("2"))); err != nil || len(rejected) > 0 {
				t.Fatal(rejected, err)
			}
		}
		kept, _ := b.Affair("甲 1")
		if b.Records() != 2 || kept.UserName != "未认证用户" || kept.BusiDetail != row[fieldBusiDetail] {
			t.Errorf("%d records, %+v", b.Records(), kept)
		}
		b.Poison("2")
		if _, err := s.Deliver(t.Context(), batchOf(row, goodRow("2"))); feed.Judge(err).Verdict != feed.Refuse {
			t.Error(err)
		}
	}
	b := sandbox.NewBusipush(sandbox.BusipushOptions{})
	s := onSandbox(t, b, sandbox.Transport(b), map[string]any{"appsecret": secret.New("wrong")})
	if _, err := s.Deliver(t.Context(), batchOf(goodRow("1"))); feed.Judge(err).Verdict != feed.HaltConnection {
		t.Error(err)
	}
}

func TestConcurrentDeliveries(t *testing.T) {
	b := sandbox.NewBusipush(sandbox.BusipushOptions{Keep: true})
	s := onSandbox(t, b, sandbox.Transport(b), map[string]any{"nonce": "digits10"})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			rows := make([][]feed.Value, 50)
			for j := range rows {
				rows[j] = goodRow(fmt.Sprint(i, "-", j))
				rows[j][fieldBusiDetail] = strings.Repeat(fmt.Sprint(i), i)
			}
			if rejected, err := s.Deliver(t.Context(), batchOf(rows...)); err != nil || len(rejected) > 0 {
				t.Error(rejected, err)
			}
		})
	}
	wg.Wait()
	for i := range 40 {
		for j := range 50 {
			if a, ok := b.Affair(fmt.Sprint(i, "-", j)); !ok || a.BusiDetail != strings.Repeat(fmt.Sprint(i), i) {
				t.Fatalf("%d-%d: %+v", i, j, a)
			}
		}
	}
}

// TestBufferInUseIsNotShared answers before the request body is read, and reads it when the next batch has been encoded.
func TestBufferInUseIsNotShared(t *testing.T) {
	var late []io.Reader
	s := open(t, answertest.RoundTrip(func(r *http.Request) (*http.Response, error) {
		late = append(late, r.Body)
		return answertest.Reply(200, `{"state":"200"}`), nil
	}), nil)
	for _, id := range []string{"first", "second"} {
		if _, err := s.Deliver(t.Context(), batchOf(goodRow(id))); err != nil {
			t.Fatal(err)
		}
	}
	body, err := io.ReadAll(late[0])
	if err != nil || !strings.Contains(string(body), "first") {
		t.Errorf("the first body was overwritten: %s", body)
	}
}
