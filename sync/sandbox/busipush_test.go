package sandbox

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const busipushURL = "http://jlb.test/openplatform/open/busipush.action?generate"

func TestSignVectors(t *testing.T) {
	for _, v := range vectors(t).BusipushSign {
		var pairs []pair
		for k, val := range v.Params {
			pairs = append(pairs, pair{[]byte(k), []byte(val)})
		}
		if got := string(signPairs(pairs, v.AppSecret)); got != v.Sign {
			t.Errorf("%s: %s, want %s", v.ID, got, v.Sign)
		}
	}
}

// TestSignSortsPairs: item=z stands before item2=a among keys, behind it among pairs ('2' < '=').
func TestSignSortsPairs(t *testing.T) {
	got := signPairs([]pair{{[]byte("item"), []byte("z")}, {[]byte("item2"), []byte("a")}}, "s")
	want := md5.Sum([]byte("item2=a&item=zs"))
	if string(got) != hex.EncodeToString(want[:]) {
		t.Errorf("got %s", got)
	}
}

// push is a client written apart from the stand-in: net/url, encoding/json and its own signature.
type push map[string]string

func newPush(t testing.TB, nonce string, affairs ...Affair) push {
	return push{
		"appcode": "sandbox-appcode", "modulecode": "sandbox-modulecode", "nonce": nonce,
		"timestamp": fmt.Sprint(time.Now().Unix()), "data": jsonText(t, affairs),
	}
}

func (p push) with(k, v string) push {
	p = maps.Clone(p)
	p[k] = v
	return p
}

func (p push) sign() push {
	text := ""
	for _, k := range slices.Sorted(maps.Keys(p)) {
		if k != "data" && p[k] != "" {
			text += "&" + k + "=" + p[k]
		}
	}
	sum := md5.Sum([]byte(strings.TrimPrefix(text, "&") + "sandbox-appsecret"))
	return p.with("sign", hex.EncodeToString(sum[:]))
}

func (p push) form() string {
	v := url.Values{}
	for k, val := range p {
		v.Set(k, val)
	}
	return v.Encode()
}

func send(t testing.TB, b *Busipush, p push) string {
	t.Helper()
	return call(t, b, busipushURL, formType+"; charset=UTF-8", p.form()).body
}

func affair(id string) Affair {
	return Affair{id, "U1", "1990000****", "未认证用户", "公积金提取", "已受理 \"加急\"\n", "2021-03-17 18:57:03"}
}

func TestBusipushAccepts(t *testing.T) {
	b := NewBusipush(BusipushOptions{Keep: true})
	if got := send(t, b, newPush(t, "1234567890", affair("1"), affair("2")).sign()); got != `{"state":"200","msg":"提交成功"}` {
		t.Fatal(got)
	}
	again := newPush(t, "3f2504e0-4f89-41d3-9a0c-0305e82c3301", affair("2"), affair("3")).with("remark", "")
	if got := send(t, b, again.sign()); !strings.Contains(got, `"200"`) {
		t.Fatal(got)
	}
	if want := (BusipushStats{Calls: 2, Accepted: 2, Records: 4, Duplicates: 1}); b.Stats() != want || b.Records() != 3 {
		t.Errorf("%+v, %d ids", b.Stats(), b.Records())
	}
	if b.Received("1") != 1 || b.Received("2") != 2 || b.Received("4") != 0 {
		t.Errorf("received %d %d %d times", b.Received("1"), b.Received("2"), b.Received("4"))
	}
	if a, ok := b.Affair("3"); !ok || a != affair("3") {
		t.Errorf("kept %+v", a)
	}
}

func TestBusipushRefuses(t *testing.T) {
	good := func() push { return newPush(t, "n", affair("1")) }
	data := func(text string) push { return good().with("data", text) }
	field := func(name string, v any) push {
		var m map[string]any
		_ = json.Unmarshal([]byte(jsonText(t, affair("1"))), &m)
		if m[name] = v; v == nil {
			delete(m, name)
		}
		return data(jsonText(t, []any{m}))
	}
	many := make([]Affair, MaxAffairs+1)
	for i := range many {
		many[i] = affair(fmt.Sprint(i))
	}
	stamp := func(d time.Duration) push { return good().with("timestamp", fmt.Sprint(time.Now().Add(d).Unix())) }
	for name, tc := range map[string]struct {
		push push
		want string
	}{
		"wrong appcode":      {good().with("appcode", "x").sign(), "302"},
		"wrong modulecode":   {good().with("modulecode", "x").sign(), "302"},
		"wrong sign":         {good().with("sign", strings.Repeat("0", 32)), "302"},
		"upper-case sign":    {good().with("sign", strings.ToUpper(good().sign()["sign"])), "302"},
		"param not signed":   {good().sign().with("remark", "x"), "302"},
		"no sign":            {good(), "sign"},
		"no nonce":           {good().with("nonce", "").sign(), "nonce"},
		"no data":            {data("").sign(), "data"},
		"long nonce":         {good().with("nonce", strings.Repeat("n", 65)).sign(), "nonce"},
		"11 minutes late":    {stamp(-11 * time.Minute).sign(), "timestamp"},
		"11 minutes early":   {stamp(11 * time.Minute).sign(), "timestamp"},
		"milliseconds":       {good().with("timestamp", fmt.Sprint(time.Now().UnixMilli())).sign(), "timestamp"},
		"timestamp in words": {good().with("timestamp", "now").sign(), "timestamp"},
		"empty array":        {data("[]").sign(), "0条"},
		"2001 records":       {newPush(t, "n", many...).sign(), "2001条"},
		"an object":          {data("{}").sign(), "数组"},
		"not closed":         {data("[").sign(), "300"},
		"trailing":           {data(jsonText(t, []Affair{affair("1")}) + "x").sign(), "多余"},
		"no user_name":       {field("user_name", nil).sign(), "user_name"},
		"empty user_name":    {field("user_name", "").sign(), "user_name"},
		"empty id":           {field("id", " ").sign(), "id"},
		"number as id":       {field("id", 7).sign(), "字符串"},
		"unknown field":      {field("id_card", "1").sign(), "id_card"},
		"no create_date":     {field("create_date", nil).sign(), "create_date"},
		"12-hour date":       {field("create_date", "2021-03-17   06:57:03").sign(), "create_date"},
		"date that is none":  {field("create_date", "2021-02-29 00:00:00").sign(), "create_date"},
		"not UTF-8":          {data("[\"\xff\"]").sign(), "UTF-8"},
		"poison":             {newPush(t, "n", affair("1"), affair("bad")).sign(), "300"},
	} {
		b := NewBusipush(BusipushOptions{Poison: []string{"bad"}})
		got := send(t, b, tc.push)
		if !strings.Contains(got, tc.want) || strings.Contains(got, `"200"`) || !json.Valid([]byte(got)) {
			t.Errorf("%s: %s", name, got)
		}
		if b.Records() != 0 || b.Stats().Refused != 1 {
			t.Errorf("%s: %d records, %+v", name, b.Records(), b.Stats())
		}
	}
}

func TestBusipushPoisonHeals(t *testing.T) {
	b := NewBusipush(BusipushOptions{})
	b.Poison("2")
	if got := send(t, b, newPush(t, "a", affair("1"), affair("2")).sign()); !strings.Contains(got, `"300"`) || b.Records() != 0 {
		t.Error(got)
	}
	b.Poison()
	if got := send(t, b, newPush(t, "b", affair("1"), affair("2")).sign()); !strings.Contains(got, `"200"`) || b.Records() != 2 {
		t.Error(got)
	}
}

func TestBusipushAddress(t *testing.T) {
	b := NewBusipush(BusipushOptions{})
	form := newPush(t, "n", affair("1")).sign().form()
	for name, tc := range map[string]struct {
		url, kind, want string
		status          int
	}{
		"no generate":   {"http://jlb.test/openplatform/open/busipush.action", formType, "", 404},
		"other path":    {"http://jlb.test/open?generate", formType, "", 404},
		"JSON":          {busipushURL, "application/json", "Content-Type", 200},
		"GBK":           {busipushURL, formType + "; charset=GBK", "Content-Type", 200},
		"lower charset": {busipushURL, formType + ";charset=utf-8", `"200"`, 200},
	} {
		if r := call(t, b, tc.url, tc.kind, form); r.status != tc.status || !strings.Contains(r.body, tc.want) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

func TestBusipushAnswers(t *testing.T) {
	for want, o := range map[string]BusipushOptions{
		`{"status":"200","msg":"提交成功"}`: {Status: true},
		`{"state":200,"msg":"提交成功"}`:    {Numbers: true},
	} {
		if got := send(t, NewBusipush(o), newPush(t, "n", affair("1")).sign()); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestBusipushReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBusipush(BusipushOptions{})
		p := newPush(t, "once", affair("1")).sign()
		if got := send(t, b, p); !strings.Contains(got, `"200"`) {
			t.Fatal(got)
		}
		if got := send(t, b, p); !strings.Contains(got, "nonce") {
			t.Error(got)
		}
		time.Sleep(23 * time.Hour)
		if got := send(t, b, newPush(t, "once", affair("1")).sign()); !strings.Contains(got, "nonce") {
			t.Error(got)
		}
		time.Sleep(2 * time.Hour)
		if got := send(t, b, newPush(t, "once", affair("1")).sign()); !strings.Contains(got, `"200"`) {
			t.Error(got)
		}
	})
}

func TestNoncesAreBounded(t *testing.T) {
	var n nonces
	now := time.Now()
	for i := range nonceMost + 10 {
		n.use(fmt.Sprint(i), now)
	}
	if len(n.seen) != nonceMost || !n.use("0", now) || n.use(fmt.Sprint(nonceMost), now) {
		t.Errorf("%d nonces are kept", len(n.seen))
	}
}

func TestBusipushConcurrent(t *testing.T) {
	b := NewBusipush(BusipushOptions{})
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 20 {
				p := newPush(t, fmt.Sprintf("%d-%d", worker, i), affair(fmt.Sprint(i)), affair(fmt.Sprintf("w%d-%d", worker, i)))
				if got := send(t, b, p.sign()); !strings.Contains(got, `"200"`) {
					t.Error(got)
				}
			}
		})
	}
	wg.Wait()
	if b.Records() != 100 || b.Stats().Duplicates != 60 || b.Received("0") != 4 {
		t.Errorf("%d ids, %+v", b.Records(), b.Stats())
	}
}

func TestValidTime(t *testing.T) {
	for text, want := range map[string]bool{
		vectors(t).CreateDate: true, "2024-02-29 23:59:59": true, "2000-02-29 00:00:00": true, "1900-02-29 00:00:00": false,
		"2021-04-31 00:00:00": false, "2021-13-01 00:00:00": false, "2021-00-01 00:00:00": false, "2021-01-00 00:00:00": false,
		"2021-01-01 24:00:00": false, "2021-01-01 00:60:00": false, "2021-01-01 00:00:60": false,
		"2021-01-01T00:00:00": false, "2021-1-1 00:00:00": false, "": false, "2021-01-01 00:00:0x": false,
	} {
		if validTime([]byte(text)) != want {
			t.Errorf("%q is valid: %t", text, !want)
		}
		if _, err := time.Parse(time.DateTime, text); (err == nil) != want {
			t.Errorf("%q: the table is wrong: %v", text, err)
		}
	}
}

// FuzzAffairs compares the hand-written reader with encoding/json.
func FuzzAffairs(f *testing.F) {
	f.Add(`[{"id":"1","user_id":"2","user_phone":"3","user_name":"4","busi_item":"5","busi_detail":"\u4e2d\n","create_date":"7"}]`)
	f.Add(`[ { } , {"id" : "1"} ]`)
	f.Add(`[{"id":"\ud800"},]`)
	f.Fuzz(func(t *testing.T, text string) {
		var got []Affair
		_, err := scanAffairs([]byte(text), func(v *fields) error {
			got = append(got, v.affair())
			return nil
		})
		var want []Affair
		if jsonErr := json.Unmarshal([]byte(text), &want); err == nil && jsonErr != nil {
			t.Fatalf("accepted, but %v", jsonErr)
		}
		if err == nil && !slices.Equal(got, want) {
			t.Fatalf("%q\nwant %q", got, want)
		}
		if again := jsonText(t, want); want != nil && err != nil {
			if _, err := scanAffairs([]byte(again), func(*fields) error { return nil }); err != nil {
				t.Fatalf("what encoding/json writes is refused: %v", err)
			}
		}
	})
}

// FuzzForm compares the form reader with net/url.
func FuzzForm(f *testing.F) {
	f.Add("a=b&c=%E4%B8%AD+x&&d&=e&a=2")
	f.Add("%zz=1&a=%")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, ";") {
			return
		}
		pairs, err := parseForm(nil, []byte(text))
		want, wantErr := url.ParseQuery(text)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%v, net/url says %v", err, wantErr)
		}
		if err != nil {
			return
		}
		got := url.Values{}
		for _, p := range pairs {
			got.Add(string(p.key), string(p.value))
		}
		if jsonText(t, got) != jsonText(t, want) {
			t.Fatalf("%v, net/url says %v", got, want)
		}
	})
}

func BenchmarkPush(b *testing.B) {
	s := NewBusipush(BusipushOptions{})
	affairs := make([]Affair, MaxAffairs)
	for i := range affairs {
		affairs[i] = affair(fmt.Sprint(1_000_000 + i))
		affairs[i].BusiDetail = "公积金提取: 已受理"
	}
	body := []byte(newPush(b, "n", affairs...).sign().form())
	_, data, _ := strings.Cut(string(body), "data=")
	data, _, _ = strings.Cut(data, "&")
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	c := pushCall{}
	for b.Loop() {
		c.hashes = c.hashes[:0]
		text, err := unescape([]byte(data))
		c.pairs = []pair{{[]byte("data"), text}}
		if err != nil || s.read(&c) != nil {
			b.Fatal("refused")
		}
		s.settle(&c, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxAffairs, "ns/record")
}
