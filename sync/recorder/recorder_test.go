package recorder

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"milkrun/sync/sandbox"
	"milkrun/sync/secret"
)

// taped records what a handler answers, in memory.
type taped struct {
	*http.Client
	rec  *Recorder
	mu   sync.Mutex
	list []Exchange
}

func tape(h http.Handler, o Options) *taped {
	p := &taped{}
	o.Network = sandbox.Transport(h)
	o.Connections = []Connection{{Name: "partner", Side: Pull, URL: "http://partner.test/api"}, {Name: "other", Side: Push, URL: "http://other.test"}}
	o.Keep = func(e Exchange) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.list = append(p.list, e)
		return nil
	}
	p.rec = New(o)
	p.Client = &http.Client{Transport: p.rec.Over(nil)}
	return p
}

// ask posts a body and returns the answer's.
func (p *taped) ask(t *testing.T, address, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := p.Do(req)
	if err != nil {
		return "error: " + err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return string(text) + " error: " + err.Error()
	}
	return string(text)
}

func (p *taped) recording() *Recording {
	r := &Recording{List: p.list}
	r.Sort()
	return r
}

// echo answers with what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Date", "now")
	_, _ = w.Write(body)
}

func TestRecorderChangesNothing(t *testing.T) {
	p := tape(http.HandlerFunc(echo), Options{Masking: masking()})
	body := `{"accessid":"x","phone":"` + phone + `","s":"` + key + `"}`
	if got := p.ask(t, "http://partner.test/api/users", body); got != body {
		t.Errorf("the client got %s", got)
	}
	e := p.list[0]
	if e.Connection != "partner" || e.Side != Pull || e.Request.Path != "/users" || e.Number != 1 || e.At.IsZero() || e.Answer.Status != 200 {
		t.Errorf("%+v", e)
	}
	for _, h := range e.Answer.Header {
		if h.Name == "Date" {
			t.Error("the date of an answer is kept")
		}
	}
	clean(t, string(format(e)))
	p.ask(t, "http://other.test/x", "{}")
	if e := p.list[1]; e.Connection != "other" || e.Side != Push {
		t.Errorf("%+v", e)
	}
}

func TestRecorderKeepsWhatGoesWrong(t *testing.T) {
	p := tape(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/none":
			panic(http.ErrAbortHandler)
		case "/api/half":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"a":`))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		http.Error(w, "no "+phone+" "+key, http.StatusInternalServerError)
	}), Options{Masking: masking()})
	for _, path := range []string{"none", "half", "error"} {
		p.ask(t, "http://partner.test/api/"+path, "{}")
	}
	none, half, failed := p.list[0], p.list[1], p.list[2]
	if none.Answer != nil || none.Error == "" {
		t.Errorf("%+v", none)
	}
	if half.Answer == nil || half.Answer.Body.Text != `{"a":` || !strings.Contains(half.Error, "broke off") {
		t.Errorf("%+v", half)
	}
	if failed.Answer.Status != 500 || failed.Answer.Body.Text != "no 138****5678 [secret]\n" {
		t.Errorf("%+v", failed.Answer)
	}
}

func TestErrorOfTheNetworkHoldsNoQuery(t *testing.T) {
	p := tape(http.NotFoundHandler(), Options{Masking: masking()})
	p.rec.options.Network = broken{}
	p.Client = &http.Client{Transport: p.rec.Over(nil)}
	p.ask(t, "http://partner.test/api/x?tel="+phone, "{}")
	clean(t, string(format(p.list[0])))
	if !strings.Contains(p.list[0].Error, "refused [secret]") {
		t.Error(p.list[0].Error)
	}
}

type broken struct{}

func (broken) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("refused " + key + " of " + phone)
}

func TestLimitAndTally(t *testing.T) {
	full := 0
	p := tape(http.HandlerFunc(echo), Options{Limit: 2, Full: func() { full++ }})
	for range 5 {
		if got := p.ask(t, "http://partner.test/api/x", "[1]"); got != "[1]" {
			t.Fatal(got)
		}
	}
	tally, err := p.rec.End()
	if err != nil || tally != (Tally{Kept: 2, LeftOut: 3}) || full != 1 || len(p.list) != 2 {
		t.Errorf("%+v, %v, told %d times, %d kept", tally, err, full, len(p.list))
	}
	p.rec.options.Limit, p.rec.options.Keep = 0, func(Exchange) error { return errors.New("the disk is full") }
	if got := p.ask(t, "http://partner.test/api/x", "[1]"); got != "[1]" {
		t.Errorf("a full disk broke the exchange: %s", got)
	}
	if _, err := p.rec.End(); err == nil {
		t.Error("nobody hears of the full disk")
	}
}

func TestPackedAnswerIsKeptReadable(t *testing.T) {
	p := tape(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write([]byte(`{"phone":"` + phone + `"}`))
		_ = z.Close()
	}), Options{})
	p.ask(t, "http://partner.test/api/x", "{}")
	if a := p.list[0].Answer; a.Body.Form != JSON || a.Body.tree.compact() != `{"phone":"138****5678"}` || len(a.Header) != 0 {
		t.Errorf("%+v", a)
	}
}

func TestFolder(t *testing.T) {
	p := tape(http.HandlerFunc(echo), Options{Masking: masking()})
	p.ask(t, "http://partner.test/api/users?page=1", `{"a":[1,"x\ny",null,{"b":true}],"c":""}`)
	p.ask(t, "http://partner.test/api/users/../../etc?x=a%0Ab", "")
	dir := filepath.Join(t.TempDir(), "recording")
	folder, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range p.list {
		if err := folder.Keep(e); err != nil {
			t.Fatal(err)
		}
	}
	if Is(dir) {
		t.Error("a recording without its index counts as one")
	}
	if err := folder.Finish(Index{Job: "j", Exchanges: 2, Connections: p.rec.options.Connections}); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if want := map[bool]fs.FileMode{true: 0o700, false: 0o600}[d.IsDir()]; err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Read(dir)
	if err != nil || !Is(dir) || r.Job != "j" || len(r.List) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	for i, e := range r.List {
		want := p.list[i]
		want.At = e.At // without the reading of the monotonic clock
		if !reflect.DeepEqual(e, want) {
			t.Errorf("read   %+v\nwritten %+v", e, want)
		}
	}
	if _, err := Create(dir); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a recording was mixed with another: %v", err)
	}
}

func TestReadNamesWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "is no recording") {
		t.Errorf("%v", err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for index, want := range map[string]string{"{": "index.json", `{"layout":9}`: "layout 9"} {
		write(indexName, index)
		if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v", err)
		}
	}
	write(indexName, `{"layout":1}`)
	for text, want := range map[string]string{
		"":                          "does not begin with its number",
		"exchange x\n":              "line 1: exchange",
		"exchange 1\nat noon\n":     "line 2: at",
		"exchange 1\n\nanswer 20\n": "line 3: \"20\" is no status",
		"exchange 1\n\nreply 200\n": "neither request, answer nor error",
		"exchange 1\n":              "no request",
		"exchange 1\n\nrequest GET /\nbody yaml, 1 bytes\n":      "no body of the kind",
		"exchange 1\n\nrequest GET /\nbody json, 1 bytes\n  {\n": "below line 4",
		"exchange 1\n\nrequest GET /\nnonsense\n":                "is no header",
	} {
		write("000001-GET-.txt", text)
		if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "000001") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzRead demands that whatever is read is written as it was read, and nothing brings the reader down.
func FuzzRead(f *testing.F) {
	p := tape(http.HandlerFunc(echo), Options{Masking: Masking{Secrets: []secret.Secret{secret.New(key)}}})
	for _, body := range []string{`{"a":[1,2,{"phone":"` + phone + `"}]}`, "plain\n\ntext", "", "a=1&b=%7B%7D", "\xff\xfe"} {
		req, err := http.NewRequest(http.MethodPost, "http://partner.test/api/x?y=z", strings.NewReader(body))
		if err != nil {
			f.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := p.Do(req)
		if err != nil {
			f.Fatal(err)
		}
		_ = answer.Body.Close()
		f.Add(string(format(p.list[len(p.list)-1])))
	}
	f.Add("exchange 1\n\nrequest GET /\n\nerror gone\n")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := unformat(text)
		if err != nil {
			return
		}
		again, err := unformat(string(format(e)))
		if err != nil {
			t.Fatalf("what was read cannot be written: %v\n%s", err, format(e))
		}
		if !bytes.Equal(format(again), format(e)) {
			t.Errorf("%s\nbecame\n%s", format(e), format(again))
		}
		NewReplay(&Recording{List: []Exchange{e, again}}, func(string) {}).nearest(asked{})
		if c := Compare(&Recording{List: []Exchange{e}}, &Recording{List: []Exchange{again}}, true); len(c.Findings) > 0 {
			t.Errorf("it differs from itself: %+v", c.Findings)
		}
	})
}

// FuzzMask demands that masking makes of JSON JSON, and of what is masked the same again.
func FuzzMask(f *testing.F) {
	f.Add(`{"name":"张三","list":["13812345678",13812345678,-1.5e3,null,true]}`)
	f.Add(`{"params":"13812345678,a;b","x":"eyJuYW1lIjoiYSJ9","y":"%7B%22a%22%3A1%7D"}`)
	f.Fuzz(func(t *testing.T, text string) {
		m := newMasker(masking())
		b := m.body(http.Header{}, []byte(text), true)
		if b.Form != JSON {
			return
		}
		if _, err := parse([]byte(b.Text)); err != nil {
			t.Fatalf("%v: %s", err, b.Text)
		}
		if again := m.body(http.Header{}, []byte(b.tree.compact()), true); strings.Contains(again.Text, key) {
			t.Error("a secret came back")
		}
	})
}
