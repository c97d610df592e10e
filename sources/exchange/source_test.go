package exchange

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"milkrun/sync/exchange"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/secret"
	"milkrun/sync/setting/settingtest"
	"milkrun/sync/transport/answertest"
)

// answers gives the same answer to every query, and records the queries.
func answers(body string, asked *[]string) answertest.RoundTrip {
	return func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		if asked != nil {
			*asked = append(*asked, r.URL.Path+" "+string(b))
		}
		return answertest.Reply(200, body), err
	}
}

func connection(t testing.TB) kind.Connection {
	c := exchange.NewConnection()
	settingtest.Fill(t, c, map[string]any{"url": "https://partner.example.com/api", "token": secret.New("sandbox-token")})
	return c
}

func open(t testing.TB, rt http.RoundTripper, keys map[string]any) feed.Source {
	t.Helper()
	return openOn(t, connection(t), rt, keys)
}

func openOn(t testing.TB, c kind.Connection, rt http.RoundTripper, keys map[string]any) feed.Source {
	t.Helper()
	s := NewSource(c)
	all := map[string]any{"resource": "users"}
	if keys["paging"] != "cursor" {
		all["key"] = []any{"user_id"}
	}
	for k, v := range keys {
		all[k] = v
	}
	settingtest.Fill(t, s, all)
	if p := s.Validate(); len(p) > 0 {
		t.Fatal(p)
	}
	source, err := s.Open(t.Context(), kind.Env{Connection: "partner", Location: time.FixedZone("", 8*3600), RoundTripper: rt})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func texts(list ...string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func TestQueries(t *testing.T) {
	var asked []string
	s := open(t, answers(`{"code":0,"total":12,"records":[{"user_id":1}]}`, &asked), nil)
	for _, c := range []feed.Cursor{"", `{"page":2,"size":5}`, `{"page":3,"size":3}`} {
		if _, err := s.Fetch(t.Context(), c, 5); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, answers(`{"code":0,"records":[],"has_more":false}`, &asked), map[string]any{"paging": "cursor"})
	for _, c := range []feed.Cursor{"", `{"cursor":"甲<1>"}`} {
		if _, err := s.Fetch(t.Context(), c, 5); err != nil {
			t.Fatal(err)
		}
	}
	const at = "/api/users/query "
	want := []string{at + `{"page":1,"page_size":5}`, at + `{"page":3,"page_size":5}`, at + `{"page":2,"page_size":5}`,
		at + `{"cursor":"","limit":5}`, at + `{"cursor":"甲\u003c1\u003e","limit":5}`}
	if !reflect.DeepEqual(asked, want) {
		t.Errorf("%q", asked)
	}
}

func TestAbilities(t *testing.T) {
	pages, cursor := open(t, nil, nil), open(t, nil, map[string]any{"paging": "cursor"})
	if e, ok := pages.(feed.Enumerator); !ok || !reflect.DeepEqual(e.Key(), []string{"user_id"}) {
		t.Error("paging by number is an enumeration by key")
	}
	if _, ok := cursor.(feed.Enumerator); ok {
		t.Error("paging by cursor is no enumeration")
	}
	if _, ok := cursor.(feed.Pager); ok {
		t.Error("paging by cursor cannot read ahead")
	}
}

func TestValues(t *testing.T) {
	body := `{"code":0,"total":1,"records":[{"user_id":9007199254740993,"big":92233720368547758070,"real":12.50,"exp":1e5,"zero":-0,
		"text":"中\u6587","yes":true,"no":false,"none":null,"object":{ "b": 1,
		"a" : [ "x y" ] },"list":[ 1, 2 ],"empty":"","when":"2021/03/17 18:57","later":""}]}`
	s := open(t, answers(body, nil), map[string]any{"date_format": "yyyy/MM/dd HH:mm", "dates": texts("when", "later")})
	page, err := s.Fetch(t.Context(), "", 10)
	if err != nil || len(page.Rejected) > 0 || page.Rows.Len() != 1 || page.Bytes != len(body) {
		t.Fatal(page, err)
	}
	if got, want := page.Rows.Columns.Names(), strings.Fields("user_id big real exp zero text yes no none object list empty when later"); !reflect.DeepEqual(got, want) {
		t.Errorf("columns %v", got)
	}
	for name, want := range map[string]feed.Value{"user_id": int64(9007199254740993), "big": "92233720368547758070", "real": "12.50", "exp": "1e5", "zero": "-0",
		"text": "中文", "yes": true, "no": false, "none": nil, "object": `{"b":1,"a":["x y"]}`, "list": "[1,2]", "empty": "", "later": nil} {
		if got := page.Rows.Get(0, name); got != want {
			t.Errorf("%s: %#v, want %#v", name, got, want)
		}
	}
	when, _ := page.Rows.Get(0, "when").(time.Time)
	if !when.Equal(time.Date(2021, 3, 17, 10, 57, 0, 0, time.UTC)) {
		t.Errorf("when: %v", when)
	}
}

func TestBadRecords(t *testing.T) {
	for _, c := range []struct{ record, code, why string }{
		{`7`, "record", "not a JSON object"},
		{`null`, "record", "not a JSON object"},
		{`{"user_id":null,"name":"a","at":null}`, "user_id", "is a key"},
		{`{"user_id":"","name":"a","at":null}`, "user_id", "is a key"},
		{`{"name":"a","at":null}`, "user_id", "is a key"},
		{`{"user_id":2,"name":"a","name":"b","at":null}`, "name", "twice"},
		{"{\"user_id\":2,\"name\":\"\xff\",\"at\":null}", "name", "UTF-8"},
		{"{\"user_id\":2,\"name\":[\"\xff\"],\"at\":null}", "name", "UTF-8"},
		{`{"user_id":2,"name":"\ud800","at":null}`, "name", "UTF-8"},
		{`{"user_id":2,"name":"a","at":"17.3.2021"}`, "at", "agreed form"},
		{`{"user_id":2,"name":"a","at":20210317}`, "at", "no date"},
	} {
		good := `{"user_id":%d,"name":"张","at":"2021-03-17 18:57:03"}`
		body := `{"code":0,"records":[` + fmt.Sprintf(good, 1) + "," + c.record + "," + fmt.Sprintf(good, 3) + `]}`
		page, err := open(t, answers(body, nil), map[string]any{"dates": texts("at")}).Fetch(t.Context(), "", 10)
		if err != nil || page.Rows.Len() != 2 || len(page.Rejected) != 1 {
			t.Errorf("%s: %v %v", c.record, page, err)
			continue
		}
		r := page.Rejected[0]
		if r.Row != 1 || r.Code != c.code || !strings.Contains(r.Reason, c.why) || page.Rows.Get(1, "user_id") != int64(3) {
			t.Errorf("%s: %+v", c.record, r)
		}
		if strings.HasPrefix(c.record, `{"user_id":2`) && r.Record["user_id"] != int64(2) {
			t.Errorf("%s: the record is lost: %+v", c.record, r)
		}
	}
}

func TestBadPages(t *testing.T) {
	for _, c := range []struct {
		paging, body, code string
		verdict            feed.Verdict
	}{
		{"page", `{"code":0,"total":1}`, "ambiguous", feed.HaltJob},
		{"page", `{"code":0,"total":1,"records":null}`, "ambiguous", feed.HaltJob},
		{"page", `{"code":0,"total":1,"records":{"a":1}}`, "ambiguous", feed.HaltJob},
		{"page", `{"code":0,"total":"many","records":[]}`, "ambiguous", feed.HaltJob},
		{"page", `{"code":0,"total":-1,"records":[]}`, "ambiguous", feed.HaltJob},
		{"page", `{"code":0,"total":9,"records":[{"user_id":1},{"user_id":2},{"user_id":3}]}`, "ambiguous", feed.HaltJob},
		{"page", `{"code":0,"records":[{"id":1}]}`, "columns", feed.Fail},
		{"page", `{"code":0,"records":[{"user_id":1}`, "unreadable", feed.Retry},
		{"page", `<html>`, "unreadable", feed.Retry},
		{"page", ``, "unreadable", feed.Retry},
		{"page", `{"code":500}`, "500", feed.Retry},
		{"page", `{"code":404}`, "404", feed.HaltJob},
		{"page", `{"code":9,"records":[]}`, "9", feed.HaltJob},
		{"cursor", `{"code":0,"records":[]}`, "ambiguous", feed.HaltJob},
		{"cursor", `{"code":0,"records":[],"has_more":"false"}`, "ambiguous", feed.HaltJob},
		{"cursor", `{"code":0,"records":[],"has_more":false,"next_cursor":7}`, "ambiguous", feed.HaltJob},
		{"cursor", `{"code":0,"records":[{"a":1}],"has_more":true,"next_cursor":"c1"}`, "cursor", feed.HaltJob},
		{"cursor", `{"code":0,"records":[{"a":1}],"has_more":true}`, "cursor", feed.HaltJob},
	} {
		after := feed.Cursor("")
		if c.paging == "cursor" {
			after = `{"cursor":"c1"}`
		}
		page, err := open(t, answers(c.body, nil), map[string]any{"paging": c.paging}).Fetch(t.Context(), after, 2)
		if j := feed.Judge(err); err == nil || j.Verdict != c.verdict || j.Code != c.code || page.Rows.Len() > 0 {
			t.Errorf("%s: %v %q %v, want %v %q", c.body, j.Verdict, j.Code, err, c.verdict, c.code)
		} else if j.Verdict > feed.Retry && j.Remedy == "" {
			t.Errorf("%s: no remedy", c.body)
		}
	}
}

func TestVanishedColumn(t *testing.T) {
	body := `{"code":0,"total":9,"records":[{"user_id":1,"name":"a"},{"user_id":2}]}`
	s := open(t, answertest.RoundTrip(func(*http.Request) (*http.Response, error) { return answertest.Reply(200, body), nil }), nil)
	if page, err := s.Fetch(t.Context(), "", 2); err != nil || page.Rows.Get(1, "name") != nil {
		t.Fatal(err)
	}
	body = `{"code":0,"total":9,"records":[{"user_id":3,"extra":1,"name":null},{"user_id":4}]}`
	page, err := s.Fetch(t.Context(), `{"page":1,"size":2}`, 2)
	if err != nil || page.Rows.Columns.Len() != 2 || page.Rows.Get(0, "user_id") != int64(3) {
		t.Fatal(page, err)
	}
	body = `{"code":0,"total":9,"records":[{"user_id":5},{"user_id":6}]}`
	_, err = s.Fetch(t.Context(), `{"page":2,"size":2}`, 2)
	if j := feed.Judge(err); err == nil || j.Verdict != feed.HaltJob || !strings.Contains(err.Error(), "users page 3") || !strings.Contains(err.Error(), "column name") {
		t.Error(err)
	}
}

func TestColumnsAndMap(t *testing.T) {
	body := `{"code":0,"records":[{"c":3,"a":1,"b":2,"id":9}]}`
	for _, c := range []struct {
		keys map[string]any
		want string
	}{
		{nil, "c=3 a=1 b=2 id=9"},
		{map[string]any{"columns": texts("id", "a")}, "id=9 a=1"},
		{map[string]any{"map": map[string]any{"b": "B", "a": "A", "id": "id"}}, "A=1 B=2 id=9"},
		{map[string]any{"columns": texts("id"), "map": map[string]any{"b": "B", "id": "ID"}, "key": texts("ID")}, "ID=9 B=2"},
	} {
		keys := map[string]any{"key": texts("id")}
		for k, v := range c.keys {
			keys[k] = v
		}
		page, err := open(t, answers(body, nil), keys).Fetch(t.Context(), "", 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, n := range page.Rows.Columns.Names() {
			got = append(got, fmt.Sprint(n, "=", page.Rows.Row(0)[i]))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%v: %v, want %s", c.keys, got, c.want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		keys map[string]any
		want string
	}{
		{map[string]any{}, "needs a key"},
		{map[string]any{"paging": "cursor"}, ""},
		{map[string]any{"key": texts("id"), "columns": texts("a")}, `no column "id"`},
		{map[string]any{"key": texts("a"), "columns": texts("a"), "dates": texts("b")}, `no column "b"`},
		{map[string]any{"key": texts("a"), "columns": texts("a", "a")}, `two fields become the column "a"`},
		{map[string]any{"key": texts("x"), "map": map[string]any{"a": "x", "b": "x"}}, `two fields become the column "x"`},
		{map[string]any{"key": texts("x"), "map": map[string]any{"a": "x"}, "columns": texts("a", "b")}, `no column for the field "b"`},
	} {
		s := NewSource(connection(t))
		c.keys["resource"] = "users"
		settingtest.Fill(t, s, c.keys)
		p := s.Validate()
		if c.want == "" && len(p) == 0 {
			continue
		}
		if len(p) != 1 || c.want == "" || !strings.Contains(p[0].Text, c.want) || p[0].Remedy == "" {
			t.Errorf("%v: %v, want %q", c.keys, p, c.want)
		}
	}
}

func TestRangeByCursor(t *testing.T) {
	s := open(t, nil, map[string]any{"paging": "cursor"}).(feed.Ranger)
	if _, _, err := s.Range(`{"cursor":"a"}`, `{"cursor":"b"}`); err == nil || !strings.Contains(err.Error(), "leave it out") {
		t.Error(err)
	}
	if after, _, err := s.Range(`{"cursor":"a"}`, ""); err != nil || after != `{"cursor":"a"}` {
		t.Errorf("%s, %v", after, err)
	}
}

func TestEndOfPages(t *testing.T) {
	for _, c := range []struct {
		body string
		done bool
		next feed.Cursor
	}{
		{`{"code":0,"total":5,"records":[{"user_id":3},{"user_id":4}]}`, false, `{"page":2,"size":2}`},
		{`{"code":0,"total":4,"records":[{"user_id":3},{"user_id":4}]}`, true, `{"page":2,"size":2}`},
		{`{"code":0,"total":5,"records":[{"user_id":3}]}`, false, `{"page":2,"size":2}`}, // short: for the engine to notice
		{`{"code":0,"total":9,"records":[]}`, true, `{"page":1,"size":2}`},
		{`{"code":0,"records":[{"user_id":3},{"user_id":4}]}`, false, `{"page":2,"size":2}`},
		{`{"code":0,"records":[{"user_id":3}]}`, true, `{"page":2,"size":2}`},
	} {
		page, err := open(t, answers(c.body, nil), nil).Fetch(t.Context(), `{"page":1,"size":2}`, 2)
		if err != nil || page.Done != c.done || page.Next != c.next {
			t.Errorf("%s: %v %s %v", c.body, page.Done, page.Next, err)
		}
	}
}

// TestEndWithoutCursor has a partner that gives no cursor behind its last page: what was read is recognised, and when
// anything changed it is delivered again rather than lost.
func TestEndWithoutCursor(t *testing.T) {
	body := ""
	s := open(t, answertest.RoundTrip(func(*http.Request) (*http.Response, error) { return answertest.Reply(200, body), nil }), map[string]any{"paging": "cursor"})
	fetch := func(after feed.Cursor, records string) feed.Page {
		t.Helper()
		body = `{"code":0,"records":[` + records + `],"has_more":false}`
		page, err := s.Fetch(t.Context(), after, 10)
		if err != nil || !page.Done {
			t.Fatal(page, err)
		}
		return page
	}
	first := fetch(`{"cursor":"c1"}`, `{"a":1},{"a":2}`)
	if first.Rows.Len() != 2 || first.Next == `{"cursor":"c1"}` {
		t.Fatalf("%+v", first)
	}
	if again := fetch(first.Next, `{"a":1},{"a":2}`); again.Rows.Len() != 0 || again.Next != first.Next {
		t.Errorf("%+v", again)
	}
	if changed := fetch(first.Next, `{"a":2},{"a":1}`); changed.Rows.Len() != 2 || changed.Next == first.Next {
		t.Errorf("%+v", changed)
	}
	if whole := fetch("", `{"a":1}`); whole.Rows.Len() != 1 || whole.Next == "" {
		t.Errorf("%+v", whole)
	}
	if empty := fetch(`{"cursor":"c1"}`, ``); empty.Rows.Len() != 0 || empty.Next != `{"cursor":"c1"}` {
		t.Errorf("%+v", empty)
	}
}

func FuzzFetch(f *testing.F) {
	f.Add([]byte(`{"code":0,"total":2,"records":[{"user_id":1,"at":"2021-03-17 18:57:03"},{"user_id":null}]}`))
	f.Add([]byte(`{"code":0,"records":[{"user_id":"\ud800","x":{"a":[1]}},7],"has_more":true,"next_cursor":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, paging := range []string{"page", "cursor"} {
			s := open(t, answers(string(body), nil), map[string]any{"paging": paging, "columns": texts("user_id", "at"), "dates": texts("at")})
			page, err := s.Fetch(t.Context(), "", 10)
			if err != nil {
				continue
			}
			if page.Rows.Len()+len(page.Rejected) > 10 || !page.Done && page.Next == "" || page.Rows.Columns != nil && len(page.Rows.Values)%2 != 0 {
				t.Errorf("%q: %+v", body, page)
			}
		}
	})
}

func BenchmarkFetch(b *testing.B) {
	var records []string
	for i := range 500 {
		records = append(records, fmt.Sprintf(`{"user_id":"u%d","name":"张*某","phone":"137*****381","n":%d,"updated_at":"2021-03-17 18:57:03"}`, i, i))
	}
	s := open(b, answers(`{"code":0,"total":100000,"records":[`+strings.Join(records, ",")+`]}`, nil), nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Fetch(b.Context(), "", 500); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/row")
}
