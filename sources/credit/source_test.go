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
	"milkrun/sync/sandbox/faulty"
	"milkrun/sync/secret"
	"milkrun/sync/setting/settingtest"
	"milkrun/sync/transport/answertest"
	"milkrun/sync/transport/pageno"
)

const password = "sandbox-password"

// open returns a source whose requests go to rt. Keys of the source begin with "source.".
func open(t testing.TB, rt http.RoundTripper, values map[string]any) *pageno.Source {
	t.Helper()
	c := NewConnection()
	s := NewSource(c)
	settingtest.Fill(t, c, map[string]any{"url": "http://127.0.0.1/credit", "accessid": secret.New("sandbox-accessid"),
		"username": secret.New("sandbox"), "password": secret.New(password)})
	settingtest.Fill(t, s, map[string]any{"resource": "grades"})
	for key, v := range values {
		if name, ok := strings.CutPrefix(key, "source."); ok {
			settingtest.Fill(t, s, map[string]any{name: v})
		} else {
			settingtest.Fill(t, c, map[string]any{key: v})
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
	return opened.(*pageno.Source)
}

// answering answers every request with a body.
func answering(body string) answertest.RoundTrip {
	return func(*http.Request) (*http.Response, error) {
		return answertest.Reply(200, body), nil
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
			partner := faulty.New(platform)
			cases := feedtest.SourceCase{
				Open:    func(t testing.TB) feed.Source { return open(t, partner, nil) },
				Want:    want,
				Limit:   MaxPage,
				Secrets: []string{password, "sandbox-accessid"},
				Faults:  partner.Faults(sandbox.Result0),
				Stall:   partner.Stall,
				Range:   &feedtest.Bounds{From: `{"page":1,"size":3}`, To: `{"page":4,"size":2}`, Want: want[3:8]},
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
	rt := answertest.RoundTrip(func(r *http.Request) (*http.Response, error) {
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
			s := open(t, answertest.RoundTrip(func(r *http.Request) (*http.Response, error) {
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
	settingtest.Fill(t, c, map[string]any{"url": "http://platform.example", "form_field": "x"})
	settingtest.Fill(t, s, map[string]any{"path": "https://elsewhere.example/{op}"})
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

// TestColumnsAreKnown: what the settings say of the columns, before anything is read, is what comes.
func TestColumnsAreKnown(t *testing.T) {
	w := newWorld(t, dialect{}, sandbox.CreditOptions{Count: 3}, nil)
	for _, resource := range []string{resGrades, resEnterprise, resTrading} {
		codes, _ := w.listed()
		if resource == resGrades {
			codes = nil
		}
		s := NewSource(w.conn).(*Source)
		settingtest.Fill(t, s, map[string]any{"resource": resource})
		page, err := w.open(t, w.partner, resource, codes, nil).Fetch(t.Context(), "", 3)
		if err != nil || !slices.Equal(s.Columns(), page.Rows.Columns.Names()) {
			t.Errorf("%s: %q, %v", resource, s.Columns(), err)
		}
	}
}
