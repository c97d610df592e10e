package recorder

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"milkrun/sync/sandbox"
)

// standIn serves a recording, and keeps what it tells.
type standIn struct {
	*Replay
	told []string
}

func replayOf(r *Recording) *standIn {
	s := &standIn{}
	s.Replay = NewReplay(r, func(line string) { s.told = append(s.told, line) })
	return s
}

func (s *standIn) ask(t *testing.T, path, content, body string) (int, string) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	req.Header.Set("Content-Type", content)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	return w.Code, w.Body.String()
}

func TestReplayKnowsRequests(t *testing.T) {
	n := 0
	p := tape(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("Content-Type", "application/json")
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{"code":0,"message":"ok","n":`+string(rune('0'+n))+`,"was":`+string(body)+`}`)
	}), Options{Masking: masking()})
	for _, body := range []string{
		`{"pwd":"x","page":1,"nonce":"abc"}`, `{"pwd":"x","page":2,"nonce":"abd"}`, `{"pwd":"x","page":1,"nonce":"abe"}`,
		`{"since":"2026-11-22 10:00:00","name":"张三","batch":"9f8e7d6c5b4a39281706f5e4d3c2b1a0"}`,
	} {
		p.ask(t, "http://partner.test/api/users", body)
	}
	s := replayOf(p.recording())
	const content = "application/json"
	for i, c := range []struct{ body, want string }{
		{`{"pwd":"another","page":1}`, `"n":1`},
		{`{"page":2,"pwd":"another","nonce":"zzz"}`, `"n":2`},
		{`{"pwd":"another","page":1}`, `"n":3`},
		{`{"pwd":"another","page":1}`, `"n":3`}, // as the last time
		{`{"since":"2026-12-01 08:00:00","name":"张伟","batch":"00000000000000000000000000000abc"}`, `"n":4`},
	} {
		if status, got := s.ask(t, "/users", content, c.body); status != 200 || !strings.Contains(got, c.want) {
			t.Errorf("%d: %d %s", i, status, got)
		}
	}
	if got := s.Served(); got != (Served{Answered: 5, Shifted: 1}) {
		t.Errorf("%+v", got)
	}
	status, got := s.ask(t, "/users", content, `{"pwd":"x","page":3}`)
	if status != 404 || got != `{"code":404,"message":"this request is not in the recording"}` {
		t.Errorf("%d %s", status, got)
	}
	if len(s.told) != 1 || !strings.Contains(s.told[0], "nearest is exchange 1") || !strings.Contains(s.told[0], `$.page: recorded "1", came "3"`) {
		t.Error(s.told)
	}
	if status, _ = s.ask(t, "/nowhere", content, `{}`); status != 404 || !strings.Contains(s.told[1], "what it has: POST /users") {
		t.Error(status, s.told)
	}
}

// TestReplayHidesNothingMore: an unknown request that is told of holds no more than a recording would.
func TestReplayTellsNothingPersonal(t *testing.T) {
	p := tape(http.HandlerFunc(echo), Options{})
	p.ask(t, "http://partner.test/api/users", `{"phone":"`+other1+`","note":"x"}`)
	s := replayOf(p.recording())
	s.ask(t, "/users", "application/json", `{"phone":"`+phone+`","note":"`+idCard+`"}`)
	if len(s.told) != 1 {
		t.Fatal(s.told)
	}
	clean(t, s.told[0])
}

func TestReplayBreaksOffAsItWas(t *testing.T) {
	p := tape(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("half"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}), Options{})
	p.ask(t, "http://partner.test/api/half", "{}")
	again := tape(replayOf(p.recording()), Options{})
	if got := again.ask(t, "http://partner.test/half", "{}"); !strings.HasPrefix(got, "half error") {
		t.Error(got)
	}
	p.list[0].Answer = nil
	again = tape(replayOf(p.recording()), Options{})
	if got := again.ask(t, "http://partner.test/half", "{}"); !strings.HasPrefix(got, "error") {
		t.Error(got)
	}
	p.list[0].Answer = &Answer{Status: 200, Body: Body{Form: Omitted, Size: 9}}
	again = tape(replayOf(p.recording()), Options{})
	if got := again.ask(t, "http://partner.test/half", "{}"); !strings.Contains(got, "only its digest") {
		t.Error(got)
	}
}

func TestRefusalIsInThePartnersWords(t *testing.T) {
	for answer, want := range map[string]string{
		`{"msg":"ok","result":1,"data":{}}`:                  `{"msg":"this request is not in the recording","result":404}`,
		`{"state":"200","msg":"成功"}`:                         `{"state":"404","msg":"this request is not in the recording"}`,
		`{"code":"SUCCESS","message":"","data":[]}`:          `{"code":"ERROR","message":"this request is not in the recording"}`,
		`{"success":true,"errmsg":"","rows":[]}`:             `{"success":false,"errmsg":"this request is not in the recording"}`,
		`{"rows":[]}`:                                        `{"error":"this request is not in the recording"}`,
		`{"code":{"nested":1},"statusMessage":"fine","x":1}`: `{"statusMessage":"this request is not in the recording"}`,
	} {
		n, err := parse([]byte(answer))
		if err != nil {
			t.Fatal(err)
		}
		if got := refusal(n).compact(); got != want {
			t.Errorf("%s\n got %s\nwant %s", answer, got, want)
		}
	}
}

// TestSandboxIsReplayed records each stand-in and asks the recording the same.
func TestSandboxIsReplayed(t *testing.T) {
	box := sandbox.New(sandbox.Options{})
	p := tape(box, Options{})
	p.rec.options.Connections[0].URL = "http://partner.test/credit"
	s := box.Settings()["credit"]
	page := func(n, pwd string) string {
		return `{"accessid":"` + s["accessid"] + `","username":"` + s["username"] + `","pwd":"` + pwd + `","pageno":` + n + `,"pagesize":3}`
	}
	p.rec.masker.SecretNames = []string{"accessid", "username"}
	first := p.ask(t, "http://partner.test/credit/getEnterpriseGrades", page("1", s["password"]))
	second := p.ask(t, "http://partner.test/credit/getEnterpriseGrades", page("2", s["password"]))
	again := replayOf(p.recording())
	for body, want := range map[string]string{page("1", "a"): first, page("2", "b"): second} {
		status, got := again.ask(t, "/getEnterpriseGrades", "application/json", body)
		n, err := parse([]byte(want))
		if err != nil || status != 200 || got != n.compact() {
			t.Errorf("%d\n got %s\nwant %s", status, got, want)
		}
	}
}
