package recorder

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// recorded makes a recording of answers to requests.
func recorded(t *testing.T, answer func(w http.ResponseWriter, page string), pages ...string) *Recording {
	t.Helper()
	p := tape(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer(w, r.URL.Query().Get("page"))
	}), Options{})
	for _, page := range pages {
		p.ask(t, "http://partner.test/api/users?size=2&page="+page, "")
	}
	return p.recording()
}

func says(text string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, _ string) { _, _ = w.Write([]byte(text)) }
}

func TestCompareNamesWhatDiffers(t *testing.T) {
	const base = `{"code":0,"message":"ok","page_size":500,"total":3,"records":[{"id":"a","at":"2026-11-22 10:00:00","name":"张三","tags":["x"]},{"id":"b","at":"2026-11-23 10:00:00","name":"李四","tags":[]}]}`
	change := func(old, new string) string {
		if !strings.Contains(base, old) {
			t.Fatal(old)
		}
		return strings.ReplaceAll(base, old, new)
	}
	for name, c := range map[string]struct {
		with string
		want []string // WHAT PLACE FIRST SECOND
	}{
		"the same":        {base, nil},
		"other data":      {change("张三", "王五"), nil},
		"fewer rows":      {change(`,{"id":"b","at":"2026-11-23 10:00:00","name":"李四","tags":[]}`, ""), nil},
		"no rows":         {`{"code":0,"message":"ok","page_size":500,"total":0,"records":[]}`, nil},
		"a new total":     {change(`"total":3`, `"total":4`), nil},
		"a field more":    {change(`"id":"a",`, `"id":"a","new":1,`), []string{`added $.records[].new none number`}},
		"a field less":    {change(`,"name":"张三"`, ``), []string{`optional $.records[].name in 2 of 2 in 1 of 2`}},
		"a field gone":    {strings.ReplaceAll(change(`,"name":"张三"`, ``), `,"name":"李四"`, ``), []string{`removed $.records[].name text none`}},
		"another type":    {strings.ReplaceAll(change(`"id":"a"`, `"id":1`), `"id":"b"`, `"id":2`), []string{`type $.records[].id text number`}},
		"null is data":    {change(`"name":"张三"`, `"name":null`), nil},
		"another time":    {strings.NewReplacer("2026-11-22 10", "2026/11/22 10", "2026-11-23 10", "2026/11/23 10").Replace(base), []string{`shape $.records[].at 9999-99-99 99:99:99 9999/99/99 99:99:99`}},
		"another code":    {change(`"code":0`, `"code":7`), []string{`code $.code 0 7`}},
		"another message": {change(`"ok"`, `"done"`), []string{`code $.message ok done`}},
		"another limit":   {change(`500`, `100`), []string{`code $.page_size 500 100`}},
		"another wrapper": {`{"data":` + base + `}`, []string{`added $.data none object`, `removed $.code number none`}},
		"no JSON":         {`<html>`, []string{`type body json text`}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Compare(recorded(t, says(base), "1"), recorded(t, says(c.with), "1"), false)
			var told strings.Builder
			for _, f := range got.Findings {
				fmt.Fprintf(&told, "%s %s %s %s\n", f.What, f.Place, f.First, f.Second)
				if f.Endpoint != "POST /users" || f.Exchange != 1 && f.First != "none" || f.Other != 1 && f.Second != "none" {
					t.Errorf("%+v", f)
				}
			}
			for _, want := range c.want {
				if !strings.Contains(told.String(), want+"\n") {
					t.Errorf("no %q in\n%s", want, told.String())
				}
			}
			if len(c.want) == 0 && told.Len() > 0 || got.Pairs != 1 {
				t.Errorf("%d pairs\n%s", got.Pairs, told.String())
			}
			if values := Compare(recorded(t, says(base), "1"), recorded(t, says(c.with), "1"), true); name != "the same" && len(values.Findings) == 0 {
				t.Error("with values nothing differs")
			}
		})
	}
}

func TestCompareStatusHeadersAndSizes(t *testing.T) {
	full := says(`{"code":0,"records":[{"id":"a"},{"id":"b"}]}`)
	first := recorded(t, full, "1", "2")
	second := recorded(t, func(w http.ResponseWriter, page string) {
		w.Header().Set("Retry-After", "3")
		w.Header().Set("X-Cag-Warnings", "80%")
		w.Header().Set("X-Request-Id", page)
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte("slow down"))
	}, "1", "2")
	told := fmt.Sprint(Compare(first, second, false).Findings)
	for _, want := range []string{"status status 200 429", "header Retry-After header none 3", "header X-Cag-Warnings header none 80%", "header Content-Type header application/json text/html"} {
		if !strings.Contains(told, want) {
			t.Errorf("no %q in %s", want, told)
		}
	}
	if strings.Contains(told, "Request-Id") {
		t.Error("the id of a request is a difference")
	}
	half := recorded(t, says(`{"code":0,"records":[{"id":"a"}]}`), "1", "2")
	if told = fmt.Sprint(Compare(first, half, false).Findings); !strings.Contains(told, "$.records size 2 rows of 2 asked for 1 rows of 2 asked for") {
		t.Error(told)
	}
}

func TestComparePairsRequests(t *testing.T) {
	answer := says(`{"code":0}`)
	first, second := recorded(t, answer, "1", "2", "3"), recorded(t, answer, "3", "1", "4")
	c := Compare(first, second, false)
	told := fmt.Sprint(c.Findings)
	if c.Pairs != 2 || len(c.Findings) != 2 || !strings.Contains(told, "page=2 size=2 not asked") || !strings.Contains(told, "not asked page=4 size=2") {
		t.Errorf("%d %s", c.Pairs, told)
	}
	first.LeftOut = 1 // then nobody knows what it asked besides
	if c = Compare(second, first, false); len(c.Findings) != 1 {
		t.Errorf("%+v", c.Findings)
	}
	if c = Compare(recorded(t, answer, "1"), recorded(t, answer, "1", "1"), false); len(c.Findings) > 0 {
		t.Errorf("a page that was read again differs: %+v", c.Findings)
	}
	pushes := recorded(t, answer, "1")
	pushes.List[0].Side = Push
	if c = Compare(pushes, &Recording{Index: Index{PullOnly: true}}, false); len(c.Findings) > 0 || c.Unpaired != 1 {
		t.Errorf("%+v", c)
	}
}

// TestFailuresThatPassedDoNotCount: a request that was tried again is compared by how it ended.
func TestFailuresThatPassedDoNotCount(t *testing.T) {
	n := 0
	failing := recorded(t, func(w http.ResponseWriter, _ string) {
		if n++; n == 1 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = w.Write([]byte(`{"code":0}`))
	}, "1", "1")
	if c := Compare(failing, recorded(t, says(`{"code":0}`), "1"), false); len(c.Findings) > 0 || c.Pairs != 1 {
		t.Errorf("%+v", c)
	}
	if failing.Pulls() != 1 {
		t.Errorf("%d pages", failing.Pulls())
	}
	if c := Compare(&Recording{List: failing.List[:1]}, recorded(t, says(`{"code":0}`), "1"), false); len(c.Findings) == 0 {
		t.Error("a failure that stayed one is none")
	}
}
