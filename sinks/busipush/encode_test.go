package busipush

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"milkrun/sync/feed"
)

func TestDateVector(t *testing.T) {
	v := readVectors(t).CreateDate
	if v.GoLayout != layout || shanghai().String() != v.TZ {
		t.Errorf("layout %q in %v", layout, shanghai())
	}
	moment, _ := time.ParseInLocation(layout, v.Wire, shanghai())
	if got := oneDate(t, shanghai(), moment.UTC()); got != v.Wire || got == v.Wrong {
		t.Errorf("%s, want %s", got, v.Wire)
	}
}

// oneDate returns how create_date travels, or "code: reason".
func oneDate(t *testing.T, local *time.Location, v feed.Value) string {
	t.Helper()
	row := goodRow("1")
	row[fieldCreateDate] = v
	e := newEncoder([fieldCount]string{}, local, shanghai())
	columns := [fieldCount]int{0, 1, 2, 3, 4, 5, 6}
	out := e.encode(nil, batchOf(row), columns)
	if len(out.rejected) > 0 {
		return out.rejected[0].Code
	}
	return decoded(t, out.data)[0]["create_date"]
}

func decoded(t *testing.T, data []byte) (records []map[string]string) {
	t.Helper()
	text, err := url.QueryUnescape(string(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), &records); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return records
}

func TestDates(t *testing.T) {
	for _, c := range []struct {
		zone *time.Location
		in   feed.Value
		want string
	}{
		{shanghai(), "2021-03-17 18:57:03", "2021-03-17 18:57:03"},
		{shanghai(), " 2021-03-17 18:57:03 ", "2021-03-17 18:57:03"},
		{shanghai(), []byte("2021-03-17 18:57:03"), "2021-03-17 18:57:03"},
		{shanghai(), "2021-03-17 18:57:03.999", "2021-03-17 18:57:03"},
		{shanghai(), "2021-03-17T18:57:03+08:00", "2021-03-17 18:57:03"},
		{shanghai(), "2021-03-17T10:57:03Z", "2021-03-17 18:57:03"},
		{time.UTC, "2021-03-17 18:57:03", "2021-03-18 02:57:03"},
		{time.UTC, at("2021-03-17T18:57:03+09:00"), "2021-03-17 17:57:03"},
		{shanghai(), "2020-02-29 23:59:59", "2020-02-29 23:59:59"},
		{shanghai(), "2021-12-31 00:00:00", "2021-12-31 00:00:00"},
		{shanghai(), "2021-02-29 00:00:00", "create_date"},
		{shanghai(), "2021-02-30 00:00:00", "create_date"},
		{shanghai(), "2021-04-31 00:00:00", "create_date"},
		{shanghai(), "2021-13-01 00:00:00", "create_date"},
		{shanghai(), "2021-00-01 00:00:00", "create_date"},
		{shanghai(), "2021-03-17 18:60:00", "create_date"},
		{shanghai(), "2021-03-17 18:00:60", "create_date"},
		{shanghai(), "0000-01-01 00:00:00", "create_date"},
		{shanghai(), "2021/03/17 18:57:03", "create_date"},
		{shanghai(), "２021-03-17 18:57", "create_date"},
		{shanghai(), "2021-03-17", "create_date"},
		{shanghai(), "2021-03-17 25:00:00", "create_date"},
		{shanghai(), "17.03.2021", "create_date"},
		{shanghai(), "", "create_date"},
		{shanghai(), nil, "create_date"},
		{shanghai(), int64(1615978623), "create_date"},
		{shanghai(), time.Time{}, "create_date"},
		{shanghai(), time.Date(12021, 1, 1, 0, 0, 0, 0, time.UTC), "create_date"},
	} {
		if got := oneDate(t, c.zone, c.in); got != c.want {
			t.Errorf("%v in %v: %s, want %s", c.in, c.zone, got, c.want)
		}
	}
}

func TestValuesAsText(t *testing.T) {
	for _, c := range []struct {
		in        feed.Value
		want, why string
	}{
		{"普通 text", "普通 text", ""},
		{[]byte("字节"), "字节", ""},
		{int64(-42), "-42", ""},
		{int64(math.MaxInt64), "9223372036854775807", ""},
		{1e20, "100000000000000000000", ""},
		{0.25, "0.25", ""},
		{true, "true", ""},
		{at("2021-03-17T10:57:03Z"), "2021-03-17 18:57:03", ""},
		{nil, "", ""},
		{"  ", "", ""},
		{`quote " back \ slash / <a href='x'>&amp;</a> + 100% = ~`, `quote " back \ slash / <a href='x'>&amp;</a> + 100% = ~`, ""},
		{"line\nfeed\ttab\x00nul\x1funit\x7f", "line\nfeed\ttab\x00nul\x1funit\x7f", ""},
		{"\u2028\U0001F600\uFFFD", "\u2028\U0001F600\uFFFD", ""},
		{"bad \xff", "", "is not valid UTF-8"},
		{[]byte{0xe4, 0xb8}, "", "is not valid UTF-8"},
		{math.NaN(), "", "is not a finite number"},
		{math.Inf(1), "", "is not a finite number"},
		{uint8(1), "", "has a type that is no text"},
	} {
		row := goodRow("1")
		row[fieldBusiDetail] = c.in
		e := newEncoder([fieldCount]string{}, shanghai(), shanghai())
		out := e.encode(nil, batchOf(row), [fieldCount]int{0, 1, 2, 3, 4, 5, 6})
		if c.why != "" {
			want := feed.Rejection{Code: "busi_detail", Reason: "busi_detail " + c.why}
			if len(out.rejected) != 1 || !reflect.DeepEqual(out.rejected[0], want) || out.records != 0 || string(out.data) != "%5B%5D" {
				t.Errorf("%q: %v %s", c.in, out.rejected, out.data)
			}
			continue
		}
		if got := decoded(t, out.data)[0]["busi_detail"]; got != c.want {
			t.Errorf("%q: %q", c.in, got)
		}
	}
}

func TestDefaultsAndRequiredFields(t *testing.T) {
	blank := func(f int, v feed.Value) []feed.Value { r := goodRow("1"); r[f] = v; return r }
	for f, name := range fieldNames() {
		for _, v := range []feed.Value{nil, "", " \t", []byte{}} {
			var got []captured
			s := open(t, capture(t, &got), nil)
			rejected, err := s.Deliver(t.Context(), batchOf(blank(f, v)))
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case required(f):
				if len(rejected) != 1 || rejected[0].Code != name || len(got) != 0 {
					t.Errorf("%s = %q: %v, %d calls", name, v, rejected, len(got))
				}
			case len(rejected) > 0 || got[0].records[0][name] != map[string]string{"user_name": "未认证用户"}[name]:
				t.Errorf("%s = %q: %v %v", name, v, rejected, got)
			}
		}
	}
	var got []captured
	s := open(t, capture(t, &got), map[string]any{"defaults": map[string]any{"busi_item": "其他", "user_name": ""}})
	row := blank(fieldBusiItem, nil)
	row[fieldUserName] = nil
	if rejected, err := s.Deliver(t.Context(), batchOf(row)); err != nil || len(rejected) > 0 {
		t.Fatal(rejected, err)
	}
	if r := got[0].records[0]; r["busi_item"] != "其他" || r["user_name"] != "" {
		t.Error(r)
	}
}

func TestSameIDTwice(t *testing.T) {
	row := func(id feed.Value, item string) []feed.Value {
		r := goodRow("")
		r[0], r[fieldBusiItem] = id, item
		return r
	}
	var got []captured
	s := open(t, capture(t, &got), nil)
	rejected, err := s.Deliver(t.Context(), batchOf(
		row("1", "old"), row("2", "same"), row(int64(1), "newer"), row("2", "same"), row("三", "x"), row("", "none"), row("1", "newest"), row("三", "y")))
	if err != nil {
		t.Fatal(err)
	}
	var sent, refused []string
	for _, r := range got[0].records {
		sent = append(sent, r["id"]+" "+r["busi_item"])
	}
	for _, r := range rejected {
		refused = append(refused, fmt.Sprint(r.Row, " ", r.Code))
	}
	if want := []string{"2 same", "1 newest", "三 y"}; !reflect.DeepEqual(sent, want) {
		t.Errorf("sent %q, want %q", sent, want)
	}
	if want := []string{"0 id", "2 id", "4 id", "5 id"}; !reflect.DeepEqual(refused, want) {
		t.Errorf("rejected %q, want %q", refused, want)
	}
}

func TestEncodingIsDeterministic(t *testing.T) {
	e := newEncoder([fieldCount]string{}, shanghai(), shanghai())
	columns := [fieldCount]int{0, 1, 2, 3, 4, 5, 6}
	out := e.encode(nil, batchOf([]feed.Value{"1", "u", "", "n", "<&>", "", "2021-03-17 18:57:03"}), columns)
	text, _ := url.QueryUnescape(string(out.data))
	const want = `[{"id":"1","user_id":"u","user_phone":"","user_name":"n","busi_item":"<&>","busi_detail":"","create_date":"2021-03-17 18:57:03"}]`
	if text != want {
		t.Errorf("%s, want %s", text, want)
	}
	again := e.encode([]byte(strings.Repeat("dirt", 1000)), batchOf([]feed.Value{"1", "u", "", "n", "<&>", "", "2021-03-17 18:57:03"}), columns)
	if !bytes.Equal(again.data, out.data) {
		t.Errorf("a used buffer changes the text: %s", again.data)
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("plain")
	f.Add("\"\\/\x00\x1f <>&+%=~\x7f é 中文 \U0001F600")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		text, err := url.QueryUnescape(string(escape(nil, s)))
		var back string
		if err != nil || json.Unmarshal([]byte(`"`+text+`"`), &back) != nil || back != s {
			t.Errorf("%q came back as %q (%v)", s, back, err)
		}
	})
}

func benchBatch(n int) feed.Batch {
	b := feed.Batch{Columns: allColumns()}
	for i := range n {
		b.Values = append(b.Values, fmt.Sprintf("A%010d", i), fmt.Sprintf("U%08d", i%5000), "137*****381", "未认证用户",
			"企业开办物防验收", "申请材料已提交, 等待窗口受理", "2021-03-17 18:57:03")
	}
	return b
}

func BenchmarkEncode(b *testing.B) {
	const rows = 2000
	e := newEncoder([fieldCount]string{}, shanghai(), shanghai())
	batch := benchBatch(rows)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		out := e.encode(buf, batch, [fieldCount]int{0, 1, 2, 3, 4, 5, 6})
		buf = out.data
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
	b.ReportMetric(float64(len(buf))/rows, "B/row")
}

func BenchmarkDeliver(b *testing.B) {
	const rows = 2000
	s := open(b, replies(200, `{"state":"200"}`), nil)
	batch := benchBatch(rows)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Deliver(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
