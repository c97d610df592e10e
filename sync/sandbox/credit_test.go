package sandbox

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

type company struct {
	UniscID        string `json:"uniscId"`
	EnterpriseName string `json:"enterpriseName"`
	AssessGrade    string `json:"assessGrade"`
}

type gradePage struct {
	Pageno      json.RawMessage `json:"pageno"`
	Count       json.RawMessage `json:"count"`
	Pagesize    json.RawMessage `json:"pagesize"`
	CompanyList []company       `json:"companyList"`
}

type gradeAnswer struct {
	Msg    string          `json:"msg"`
	Result json.RawMessage `json:"result"`
	Data   gradePage       `json:"data"`
}

const creditURL = "http://credit.test/api/"

func login(extra map[string]any) map[string]any {
	p := map[string]any{"accessid": "sandbox-accessid", "username": "sandbox", "pwd": "sandbox-password"}
	for k, v := range extra {
		p[k] = v
	}
	return p
}

func fetchPage(t testing.TB, c *Credit, pageno, size int) gradePage {
	t.Helper()
	r := call(t, c, creditURL+"getEnterpriseGrades", "application/json",
		jsonText(t, login(map[string]any{"pageno": pageno, "pagesize": size})))
	var a gradeAnswer
	parse(t, r.body, &a)
	if string(a.Result) != "1" {
		t.Fatalf("page %d: %s", pageno, r.body)
	}
	return a.Data
}

func truth(c *Credit) (all []company) {
	c.Each(func(code, name, grade string) bool {
		all = append(all, company{code, name, grade})
		return true
	})
	return all
}

func TestPagesAreTheTruth(t *testing.T) {
	for _, sorted := range []bool{false, true} {
		c := NewCredit(CreditOptions{Count: 2345, Sorted: sorted})
		var got []company
		for page := 1; ; page++ {
			p := fetchPage(t, c, page, 100)
			if string(p.Count) != "2345" || string(p.Pagesize) != "100" || string(p.Pageno) != fmt.Sprint(page) {
				t.Fatalf("page %d says %s %s %s", page, p.Pageno, p.Count, p.Pagesize)
			}
			if len(p.CompanyList) == 0 {
				break
			}
			got = append(got, p.CompanyList...)
		}
		want := truth(c)
		if !slices.Equal(got, want) || len(want) != 2345 {
			t.Fatalf("sorted %t: the pages hold %d rows, the truth %d, or they differ", sorted, len(got), len(want))
		}
		inOrder := slices.IsSortedFunc(got, func(a, b company) int { return strings.Compare(a.UniscID, b.UniscID) })
		if inOrder != sorted {
			t.Errorf("sorted %t: in order %t", sorted, inOrder)
		}
	}
}

func TestCreditDefaultCount(t *testing.T) {
	c := NewCredit(CreditOptions{})
	if p := fetchPage(t, c, 1700, 1000); string(p.Count) != "1700000" || len(p.CompanyList) != 1000 {
		t.Errorf("the last page says %s and holds %d", p.Count, len(p.CompanyList))
	}
	if p := fetchPage(t, c, 1701, 1000); len(p.CompanyList) != 0 {
		t.Errorf("the page behind the end holds %d", len(p.CompanyList))
	}
	if n := NewCredit(CreditOptions{Count: -1}).Count(); n != 0 {
		t.Errorf("count -1 holds %d", n)
	}
}

func TestCreditShapes(t *testing.T) {
	for name, tc := range map[string]struct {
		opts CreditOptions
		want []string
	}{
		"nested":  {CreditOptions{}, []string{`"result":1,"data":{"pageno":1,"count":3,"pagesize":2,"companyList":[{`, `}]}}`}},
		"flat":    {CreditOptions{Flat: true}, []string{`"result":1,"pageno":1,"count":3,"pagesize":2,"companyList":[{`, `}]}`}},
		"strings": {CreditOptions{Strings: true}, []string{`"result":"1","data":{"pageno":"1","count":"3","pagesize":"2"`}},
		"spaces":  {CreditOptions{Spaces: true}, []string{`"uniscId":" 91`, ` ","enterpriseName":"`}},
	} {
		tc.opts.Count = 3
		r := call(t, NewCredit(tc.opts), creditURL+"getEnterpriseGrades", "application/json",
			jsonText(t, login(map[string]any{"pagesize": "2"})))
		if !json.Valid([]byte(r.body)) {
			t.Errorf("%s: not JSON: %s", name, r.body)
		}
		for _, want := range tc.want {
			if !strings.Contains(r.body, want) {
				t.Errorf("%s: no %s in %s", name, want, r.body)
			}
		}
		if name == "flat" && strings.Contains(r.body, `"data"`) {
			t.Errorf("flat has data: %s", r.body)
		}
	}
}

func TestCreditForm(t *testing.T) {
	c := NewCredit(CreditOptions{Count: 10})
	form := url.Values{"accessid": {"sandbox-accessid"}, "username": {"sandbox"}, "pwd": {"sandbox-password"}, "pagesize": {"4"}}
	r := call(t, c, creditURL+"getEnterpriseGrades", formType+"; charset=UTF-8", form.Encode())
	var a gradeAnswer
	if parse(t, r.body, &a); len(a.Data.CompanyList) != 4 {
		t.Errorf("form: %s", r.body)
	}
}

func TestCreditSingle(t *testing.T) {
	c := NewCredit(CreditOptions{Count: 500})
	ask := func(code string) string {
		return call(t, c, creditURL+"getEnterpriseGrade", "application/json", jsonText(t, login(map[string]any{"uniscId": code}))).body
	}
	for i, want := range truth(c) {
		if i%50 > 0 {
			continue
		}
		var a struct {
			Msg    string  `json:"msg"`
			Result int     `json:"result"`
			Data   company `json:"data"`
		}
		if parse(t, ask(want.UniscID), &a); a.Data != want {
			t.Errorf("got %+v, want %+v", a.Data, want)
		}
	}
	gone := truth(c)[7].UniscID
	c.Delete(7, 1)
	for _, code := range []string{gone, "", "91310110666007217T"} {
		if got := ask(code); got != `{"msg":"企业不存在","result":0}` {
			t.Errorf("%q: %s", code, got)
		}
	}
}

func TestCreditRefusals(t *testing.T) {
	c := NewCredit(CreditOptions{Count: 10})
	const list = "getEnterpriseGrades"
	for name, tc := range map[string]struct {
		op, kind, body string
		status         int
		want           string
	}{
		"wrong password":   {list, "application/json", jsonText(t, login(map[string]any{"pwd": "x"})), 200, `"result":0`},
		"no credentials":   {list, "application/json", `{}`, 200, `"result":0`},
		"number as pwd":    {list, "application/json", jsonText(t, login(map[string]any{"pwd": 1})), 400, "pwd is not a string"},
		"pagesize 1001":    {list, "application/json", jsonText(t, login(map[string]any{"pagesize": 1001})), 200, "超过上限 1000"},
		"pagesize 0":       {list, "application/json", jsonText(t, login(map[string]any{"pagesize": 0})), 200, `"result":0`},
		"pageno -1":        {list, "application/json", jsonText(t, login(map[string]any{"pageno": "-1"})), 200, `"result":0`},
		"pageno 1.5":       {list, "application/json", jsonText(t, login(map[string]any{"pageno": 1.5})), 200, `"result":0`},
		"not JSON":         {list, "application/json", `{`, 400, `"result":0`},
		"form as JSON":     {list, "application/json", `a=b`, 400, `"result":0`},
		"text":             {list, "text/plain", `{}`, 400, `"result":0`},
		"bad percent sign": {list, formType, `pwd=%zz`, 400, "percent"},
		"other operation":  {"getSomething", "application/json", `{}`, 404, ""},
	} {
		r := call(t, c, creditURL+tc.op, tc.kind, tc.body)
		if r.status != tc.status || !strings.Contains(r.body, tc.want) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		if strings.Contains(r.body, "sandbox-password") {
			t.Errorf("%s: the answer holds the password", name)
		}
	}
	if s := c.Stats(); s.Refused != 11 || s.Pages != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestCreditConcurrentDrift(t *testing.T) {
	c := NewCredit(CreditOptions{Count: 5000, Drift: Drift{Every: 2, Max: 20}})
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 25 {
				fetchPage(t, c, worker*12+i%12+1, 100)
			}
			c.Insert(worker, 1)
			c.Move(0, 10)
			c.Regrade(worker + 2)
		})
	}
	wg.Wait()
	if d := c.Drift(); d.Done != 20 {
		t.Errorf("%d changes, want 20", d.Done)
	}
	if got := len(truth(c)); got != c.Count() || got != 5004 { // 7 inserted, 7 deleted, 6 moved, and 4 by hand
		t.Errorf("%d rows, count %d", got, c.Count())
	}
}
