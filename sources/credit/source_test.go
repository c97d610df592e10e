package credit

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"milkrun/sync/feed"
	"milkrun/sync/feedtest"
	"milkrun/sync/kind"
	"milkrun/sync/sandbox"
	"milkrun/sync/secret"
	"milkrun/sync/setting"
)

const password = "sandbox-password"

func set(t testing.TB, fields []setting.Field, values map[string]any) {
	t.Helper()
	for key, v := range values {
		at := slices.IndexFunc(fields, func(f setting.Field) bool { return f.Name == key })
		if at < 0 {
			t.Fatalf("no key %s", key)
		}
		if err := fields[at].Set(v); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
	}
}

// open returns a source whose requests go to rt. Keys of the source begin with "source.".
func open(t testing.TB, rt http.RoundTripper, values map[string]any) *grades {
	t.Helper()
	c := NewConnection()
	s := NewSource(c)
	set(t, c.Fields(), map[string]any{"url": "http://127.0.0.1/credit", "accessid": secret.New("sandbox-accessid"),
		"username": secret.New("sandbox"), "password": secret.New(password)})
	set(t, s.Fields(), map[string]any{"resource": "grades"})
	for key, v := range values {
		if name, ok := strings.CutPrefix(key, "source."); ok {
			set(t, s.Fields(), map[string]any{name: v})
		} else {
			set(t, c.Fields(), map[string]any{key: v})
		}
	}
	if p := append(c.Validate(), s.Validate()...); len(p) > 0 {
		t.Fatal(p)
	}
	t.Cleanup(func() { _ = c.Close() })
	opened, err := s.Open(t.Context(), kind.Env{Job: "grades", Connection: "shanxi", RoundTripper: rt})
	if err != nil {
		t.Fatal(err)
	}
	return opened.(*grades)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering answers every request with a body.
func answering(body string) roundTrip {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func TestConformance(t *testing.T) {
	for name, o := range map[string]sandbox.CreditOptions{
		"usual": {}, "flat": {Flat: true}, "strings": {Strings: true}, "spaces": {Spaces: true},
	} {
		t.Run(name, func(t *testing.T) {
			o.Count = 11
			platform := sandbox.NewCredit(o)
			var want []map[string]feed.Value
			platform.Each(func(code, name, grade string) bool {
				want = append(want, map[string]feed.Value{codeName: code, nameName: name, gradeName: grade})
				return true
			})
			var faults sandbox.Faults
			rt := sandbox.Transport(faults.Wrap(platform))
			arrived := make(chan struct{})
			stall := false
			stalling := roundTrip(func(r *http.Request) (*http.Response, error) {
				if stall {
					close(arrived)
					<-r.Context().Done()
					return nil, r.Context().Err()
				}
				return rt.RoundTrip(r)
			})
			cases := feedtest.SourceCase{
				Open:    func(t testing.TB) feed.Source { return open(t, stalling, nil) },
				Want:    want,
				Limit:   MaxPage,
				Secrets: []string{password, "sandbox-accessid"},
				Faults:  map[string]func(t testing.TB){},
				Stall: func(t testing.TB) <-chan struct{} {
					stall = true
					t.Cleanup(func() { stall = false })
					return arrived
				},
				Range: &feedtest.Bounds{From: `{"page":1,"size":3}`, To: `{"page":4,"size":2}`, Want: want[3:8]},
			}
			for _, k := range []sandbox.Kind{sandbox.Internal, sandbox.HTML, sandbox.DropBefore, sandbox.DropAfter,
				sandbox.Truncate, sandbox.Break, sandbox.Result0} { // 429 is tested in package transport, with a clock of its own
				cases.Faults[string(k)] = func(t testing.TB) {
					if err := faults.Set(sandbox.Fault{Kind: k, Next: 1}); err != nil {
						t.Fatal(err)
					}
				}
			}
			feedtest.Source(t, cases)
		})
	}
}

func TestConformanceWithRejectedRecords(t *testing.T) {
	list := []string{one}
	want := []map[string]feed.Value{}
	for i, c := range []string{"911400001100123440", "bad", "52140100MJ1688889K", "12140000405700013Q", "91350100M0001TGQXM", "93140105MA0HQ9L451"} {
		list = append(list, fmt.Sprintf(`{"uniscId":%q,"enterpriseName":"企业%d","assessGrade":"B"}`, c, i))
		if c != "bad" {
			want = append(want, map[string]feed.Value{codeName: c, nameName: fmt.Sprint("企业", i), gradeName: "B"})
		}
	}
	want = slices.Insert(want, 0, map[string]feed.Value{codeName: "91140107MA0GT3RT7Y", nameName: "太原市测试科技有限公司", gradeName: "A"})
	rt := roundTrip(func(r *http.Request) (*http.Response, error) {
		q := asked(t, r)
		size, first := atoi(t, q.Get("pagesize")), (atoi(t, q.Get("pageno"))-1)*atoi(t, q.Get("pagesize"))
		first = min(first, len(list))
		return answering(fmt.Sprintf(`{"result":1,"data":{"count":%d,"companyList":[%s]}}`,
			len(list), strings.Join(list[first:min(first+size, len(list))], ",")))(r)
	})
	feedtest.Source(t, feedtest.SourceCase{
		Open:     func(t testing.TB) feed.Source { return open(t, rt, map[string]any{"body": "form"}) },
		Want:     want,
		Rejected: []string{"uscc"},
		Secrets:  []string{password},
		Range:    &feedtest.Bounds{From: `{"page":1,"size":1}`, To: `{"page":2,"size":2}`, Want: want[1:3]},
	})
}

// asked returns the parameters of a form request.
func asked(t testing.TB, r *http.Request) url.Values {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	q, err := url.ParseQuery(string(body))
	if err != nil {
		t.Error(err)
	}
	return q
}

func atoi(t testing.TB, s string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Errorf("%q: %v", s, err)
	}
	return n
}

func TestRequests(t *testing.T) {
	object := `{"accessid":"sandbox-accessid","username":"sandbox","pwd":"sandbox-password","pageno":3,"pagesize":500}`
	for name, c := range map[string]struct {
		values          map[string]any
		content, path   string
		body, formField string
	}{
		"json": {nil, "application/json; charset=UTF-8", "/credit/getEnterpriseGrades", object, ""},
		"form": {map[string]any{"body": "form"}, "application/x-www-form-urlencoded; charset=UTF-8", "/credit/getEnterpriseGrades",
			"accessid=sandbox-accessid&pageno=3&pagesize=500&pwd=sandbox-password&username=sandbox", ""},
		"json in form": {map[string]any{"body": "form", "form_field": "params"}, "application/x-www-form-urlencoded; charset=UTF-8",
			"/credit/getEnterpriseGrades", object, "params"},
		"path": {map[string]any{"source.path": "{base}/v1/{op}.do"}, "application/json; charset=UTF-8", "/credit/v1/getEnterpriseGrades.do", object, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, roundTrip(func(r *http.Request) (*http.Response, error) {
				if r.Method != http.MethodPost || r.URL.Path != c.path || r.URL.RawQuery != "" || r.Header.Get("Content-Type") != c.content {
					t.Errorf("%s %s %s", r.Method, r.URL, r.Header.Get("Content-Type"))
				}
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				if c.formField != "" {
					q, _ := url.ParseQuery(string(body))
					body = []byte(q.Get(c.formField))
				}
				if string(body) != c.body {
					t.Errorf("body %s, want %s", body, c.body)
				}
				return answering(`{"result":1,"data":{"count":0}}`)(r)
			}), c.values)
			if _, err := s.Fetch(t.Context(), `{"page":2,"size":500}`, 500); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRange(t *testing.T) {
	platform := sandbox.NewCredit(sandbox.CreditOptions{Count: 25})
	s := open(t, sandbox.Transport(platform), nil)
	for _, c := range []struct {
		from, to  string
		rows, ask int
		next      feed.Cursor
	}{
		{"", "", 25, 3, `{"page":3,"size":10}`},
		{"2", "", 15, 2, `{"page":3,"size":10}`},
		{"", "2", 20, 2, `{"page":2,"size":10}`},
		{"2", "2", 10, 1, `{"page":2,"size":10}`},
		{"3", "9", 5, 1, `{"page":3,"size":10}`},
		{"9", "9", 0, 1, `{"page":8}`},
		{`{"page":1,"size":4}`, `{"page":3,"size":5}`, 11, 2, `{"page":3,"size":5}`},
	} {
		asked := platform.Stats().Pages
		after, bounded, err := s.Range(c.from, c.to)
		if err != nil {
			t.Fatal(err)
		}
		if _, enumerates := bounded.(feed.Enumerator); enumerates {
			t.Error("a part passes for the whole")
		}
		rows := 0
		for done := false; !done; {
			p, err := bounded.Fetch(t.Context(), after, 10)
			if err != nil {
				t.Fatal(err)
			}
			if next := bounded.(feed.Pager).Following(after, 10); p.Rows.Len() == 10 && next != p.Next {
				t.Errorf("Following(%s) is %s, not %s", after, next, p.Next)
			}
			rows, after, done = rows+p.Rows.Len(), p.Next, p.Done
		}
		if asked := platform.Stats().Pages - asked; rows != c.rows || after != c.next || int(asked) != c.ask {
			t.Errorf("%s to %s: %d rows in %d pages, ending at %s", c.from, c.to, rows, asked, after)
		}
		if p, err := bounded.Fetch(t.Context(), `{"page":9,"size":1000}`, 10); c.to != "" && (err != nil || !p.Done || p.Rows.Len() > 0) {
			t.Errorf("behind the range: %+v, %v", p, err)
		}
	}
	for _, bad := range [][2]string{{"0", ""}, {"x", ""}, {"", "-1"}, {"5", "4"}, {"", "99999999999"}, {`{"page":0}`, ""}, {`{"page":2}`, `{"page":2}`}} {
		if _, _, err := s.Range(bad[0], bad[1]); err == nil {
			t.Errorf("range %q is taken", bad)
		}
	}
}

func TestCursors(t *testing.T) {
	s := open(t, answering(""), nil)
	for in, want := range map[feed.Cursor]feed.Cursor{
		"": "", `{"page":812,"size":500}`: `{"page":812,"size":500}`, ` { "page" : 812 } `: `{"page":812,"size":1000}`,
	} {
		if got, err := s.CheckCursor(in); got != want || err != nil {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for _, bad := range []feed.Cursor{"812", "null", `{}`, `{"page":0}`, `{"page":-1}`, `{"page":1,"size":0}`, `{"page":1,"size":1001}`,
		`{"page":99999999999}`, `{"page":1.5}`, `{"page":"1"}`, `{"page":1,"x":1}`, `{"page":1}{}`} {
		if got, err := s.CheckCursor(bad); err == nil {
			t.Errorf("%s passes as %s", bad, got)
		}
	}
	if got := s.Position(`{"page":812,"size":500}`); got != 406_000 {
		t.Errorf("position %d", got)
	}
	if _, err := s.Fetch(t.Context(), "", MaxPage+1); feed.Judge(err).Verdict != feed.Fail {
		t.Errorf("a page of %d: %v", MaxPage+1, err)
	}
}

func TestSettings(t *testing.T) {
	c := NewConnection()
	s := NewSource(c)
	required := []string{}
	for _, f := range append(c.Fields(), s.Fields()...) {
		if f.En == "" || f.Zh == "" {
			t.Errorf("%s is not explained", f.Name)
		}
		if f.Required {
			required = append(required, f.Name)
		}
	}
	if got := fmt.Sprint(required); got != "[url accessid username password resource]" {
		t.Errorf("required: %s", got)
	}
	set(t, c.Fields(), map[string]any{"url": "http://platform.example", "form_field": "x"})
	set(t, s.Fields(), map[string]any{"path": "https://elsewhere.example/{op}"})
	var keys []string
	for _, p := range append(c.Validate(), s.Validate()...) {
		keys = append(keys, p.Key)
		if p.Remedy == "" || p.Text == "" {
			t.Errorf("%+v is incomplete", p)
		}
	}
	if got := fmt.Sprint(keys); got != "[url form_field path]" {
		t.Errorf("problems with %s", got)
	}
	for i, f := range s.Fields() {
		if err := f.Set("trades"); i < 2 && err == nil {
			t.Errorf("%s takes anything", f.Name)
		}
	}
	if l := s.Limits(); l.Max != 1000 || l.Default != 1000 || !strings.Contains(l.Rule, "A.3") {
		t.Errorf("limits %+v", l)
	}
	if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, password) {
		t.Error("the password shows")
	}
}

func TestWrongCredentials(t *testing.T) {
	s := open(t, sandbox.Transport(sandbox.NewCredit(sandbox.CreditOptions{})), map[string]any{"password": secret.New("hunter2")})
	_, err := s.Fetch(context.Background(), "", 10)
	if e := feed.Judge(err); e.Verdict != feed.HaltConnection || strings.Contains(e.Error(), "hunter2") {
		t.Errorf("%v: %v", e.Verdict, err)
	}
}
