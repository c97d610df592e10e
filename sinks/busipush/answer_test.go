package busipush

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"milkrun/sync/feed"
	"milkrun/sync/transport"
	"milkrun/sync/transport/answertest"
)

func TestVectorAnswers(t *testing.T) {
	want := map[string]feed.Verdict{"retryable_limited": feed.Refuse, "config_pause": feed.HaltConnection,
		"ambiguous_hold": feed.HaltJob, "retryable": feed.Retry}
	for _, v := range readVectors(t).Responses {
		err := judge(transport.Call{Op: "op"}, transport.Response{Body: []byte(v.Body)})
		verdict, known := want[v.Result]
		switch {
		case v.Result == "ok" && err != nil:
			t.Errorf("%s: %v", v.Body, err)
		case v.Result != "ok" && (!known || err == nil || feed.Judge(err).Verdict != verdict):
			t.Errorf("%s (%s): %v", v.Body, v.Result, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		status  int
		body    string
		ok      bool
		verdict feed.Verdict
		code    string
	}{
		{200, `{"state":200}`, true, 0, ""},
		{200, ` {"msg":"ok","state":" 200 ","more":{"a":[1]}} `, true, 0, ""},
		{200, `{"state":"200","status":"200"}`, true, 0, ""},
		{200, `{"state":"200","status":200}`, true, 0, ""},
		{200, `{"state":null,"status":"200"}`, true, 0, ""},
		{200, `{"status":200,"state":"300"}`, false, feed.HaltJob, "ambiguous"},
		{200, `{"state":"200","state":"300"}`, false, feed.HaltJob, "ambiguous"},
		{200, `{"state":"","status":"200"}`, false, feed.HaltJob, "ambiguous"},
		{200, `{"state":null}`, false, feed.HaltJob, "ambiguous"},
		{200, `{"state":true}`, false, feed.HaltJob, "ambiguous"},
		{200, `{"state":{"code":"200"}}`, false, feed.HaltJob, "ambiguous"},
		{200, `{"state":"200"} {"state":"300"}`, false, feed.HaltJob, "ambiguous"},
		{200, `{"state":"200"}<html>`, false, feed.HaltJob, "ambiguous"},
		{200, `{"result":1}`, false, feed.HaltJob, "ambiguous"},
		{200, `["200"]`, false, feed.HaltJob, "ambiguous"},
		{200, `"200"`, false, feed.HaltJob, "ambiguous"},
		{200, `200`, false, feed.HaltJob, "ambiguous"},
		{200, `null`, false, feed.HaltJob, "ambiguous"},
		{200, `success`, false, feed.HaltJob, "ambiguous"},
		{200, `{'state':'200'}`, false, feed.HaltJob, "ambiguous"},
		{200, `{"state":"200"`, false, feed.Retry, "unreadable"},
		{200, `{"state":"20`, false, feed.Retry, "unreadable"},
		{200, "  \n", false, feed.Retry, "unreadable"},
		{200, "<!DOCTYPE html><p>login", false, feed.Retry, "unreadable"},
		{200, `{"state":300,"msg":"异常"}`, false, feed.Refuse, "300"},
		{200, `{"status":302}`, false, feed.HaltConnection, "302"},
		{200, `{"state":"0"}`, false, feed.HaltJob, "0"},
		{200, `{"state":"2000"}`, false, feed.HaltJob, "2000"},
		{200, `{"state":200.0}`, false, feed.HaltJob, "200.0"},
		{200, `{"state":"500"}`, false, feed.HaltJob, "500"},
		{201, `{"state":"200"}`, true, 0, ""},
		{500, `{"state":"200"}`, false, feed.Retry, "HTTP 500"},
		{502, `<html>502</html>`, false, feed.Retry, "HTTP 502"},
		{429, ``, false, feed.Retry, "HTTP 429"},
		{408, ``, false, feed.Retry, "HTTP 408"},
		{400, `{"state":"200"}`, false, feed.HaltConnection, "HTTP 400"},
		{401, ``, false, feed.HaltConnection, "HTTP 401"},
		{404, ``, false, feed.HaltConnection, "HTTP 404"},
		{302, ``, false, feed.HaltConnection, "HTTP 302"},
	} {
		s := open(t, replies(c.status, c.body), nil)
		rejected, err := s.Deliver(t.Context(), batchOf(goodRow("1")))
		if len(rejected) > 0 {
			t.Errorf("%d %s: rejected %v", c.status, c.body, rejected)
		}
		if c.ok {
			if err != nil {
				t.Errorf("%d %s: %v", c.status, c.body, err)
			}
			continue
		}
		judged := feed.Judge(err)
		if err == nil || judged.Verdict != c.verdict || judged.Code != c.code {
			t.Errorf("%d %s: %v %q (%v), want %v %q", c.status, c.body, judged.Verdict, judged.Code, err, c.verdict, c.code)
			continue
		}
		if judged.Remedy == "" && judged.Verdict >= feed.HaltJob {
			t.Errorf("%d %s: no remedy", c.status, c.body)
		}
	}
}

// TestContradiction has state and status say different things: the error names both (D2).
func TestContradiction(t *testing.T) {
	_, err := open(t, replies(200, `{"state":"200","status":302}`), nil).Deliver(t.Context(), batchOf(goodRow("1")))
	if err == nil || !strings.Contains(err.Error(), `its state and status say both "200" and "302"`) || feed.Judge(err).Code != "ambiguous" {
		t.Error(err)
	}
}

func TestDroppedConnectionIsRetried(t *testing.T) {
	s := open(t, answertest.RoundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset") }), nil)
	_, err := s.Deliver(t.Context(), batchOf(goodRow("1")))
	if err == nil || feed.Judge(err).Verdict != feed.Retry {
		t.Error(err)
	}
}

func TestErrorsHoldNoPersonalDataAndNoSecret(t *testing.T) {
	long := strings.Repeat("长", 500)
	s := open(t, replies(200, `{"state":"300","msg":"用户13712345381 `+"\\n"+long+`"}`), nil)
	_, err := s.Deliver(t.Context(), batchOf(goodRow("1")))
	text := err.Error()
	for _, bad := range []string{"13712345381", testApp, testModule, testSecret, "\n"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q in %s", bad, text)
		}
	}
	if len(text) > 1000 || !strings.Contains(text, "137****5381") {
		t.Errorf("the message is not shortened or masked: %s", text)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"state":"200"}`, `{"status":302,"msg":"x"}`, ``, `<html>`, `{"state":"200","status":"300"}`, `{"state":1e2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := parse(body)
		if err == nil && a.code == "200" && !strings.Contains(string(body), "200") && !strings.Contains(string(body), `\u`) {
			t.Errorf("%q was taken for 200", body)
		}
		if e := judge(transport.Call{Op: "op"}, transport.Response{Body: body}); (e == nil) != (err == nil && a.code == "200") {
			t.Errorf("%q: %v, %v", body, a, e)
		}
	})
}
