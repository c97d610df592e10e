package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// leaker is a person whose data must stay where they are.
var leaker = map[string]string{
	"name":    "欧阳泄露",
	"phone":   "13812345678",
	"id card": "11010119900307881X",
	"e-mail":  "ouyang.leak@example.com",
}

// leakTOML is added to recorderTOML: partners that refuse, and repeat what they were sent, and everything that tells.
const leakTOML = `
[connections.echo]
type = "exchange"
url = "ECHO/failing"
hmac_key = "file:hmackey"
hmac_secret = "file:hmacsecret"
[connections.refuser]
type = "exchange"
url = "ECHO/refusing"
token = "file:exchange-token"
[jobs.echoed]
batch_size = 10
source = { connection = "business", table = "user_info", cursor = ["updated_at", "user_id"] }
sink = { connection = "echo", resource = "users" }
mask = { phone = "phone", name = "name", id_card = "id_card", email = "email" }
[jobs.refused]
batch_size = 10
source = { connection = "business", table = "user_info", cursor = ["updated_at", "user_id"] }
sink = { connection = "refuser", resource = "users" }
mask = { phone = "phone", name = "name", id_card = "id_card", email = "email" }
[jobs.bare]
batch_size = 10
source = { connection = "business", table = "user_info", cursor = ["updated_at", "user_id"] }
sink = { connection = "refuser", resource = "users" }
[jobs.gone]
source = { connection = "echo", resource = "users", key = ["user_id"] }
sink = { connection = "business", table = "gone", key = ["user_id"] }
[page]
listen = "unix:%[1]s/page.sock"
token = "file:pagetoken"
[alerts]
[alerts.channels.hook]
type = "webhook"
url = "file:hookurl"
`

// TestNothingLeaksAnywhere runs every flow through every way of going wrong, with partners that repeat what they were
// sent, and looks for every secret and for one person's data in all that is left and all that is said.
func TestNothingLeaksAnywhere(t *testing.T) {
	t.Parallel()
	w := newLeakWorld(t)
	w.serve()
	for _, kind := range []string{"500", "html", "truncate", ""} {
		w.fault(kind)
		for _, job := range []string{"grades", "affairs", "users", "people", "echoed", "refused", "bare", "gone", "orders", "sms"} {
			w.command("trigger", job, "--wait", "--why", "a test")
			w.command("resume", job)
		}
		for _, connection := range []string{"credit", "jinlaiban", "partner", "echo", "refuser", "coupang", "sms"} {
			w.command("resume", connection)
		}
	}
	w.look()
	w.stop()
	w.record()
	w.search()
}

// leakWorld is an installation in a folder, with everything it says.
type leakWorld struct {
	*place
	echo    *httptest.Server
	daemon  *managed
	secrets map[string]string

	mu   sync.Mutex
	said map[string]string // by where
}

func newLeakWorld(t *testing.T) *leakWorld {
	w := &leakWorld{place: recorderPlace(t), said: map[string]string{}, secrets: map[string]string{
		"hmackey": "hmac-key-4711-leak", "hmacsecret": "hmac/secret+4711=leak", "pagetoken": "page-token-4711-leak"}}
	w.echo = httptest.NewServer(http.HandlerFunc(w.repeat))
	t.Cleanup(w.echo.Close)
	w.secrets["hookurl"] = w.echo.URL + "/hook?token=hook-token-4711-leak"
	for name, value := range w.secrets {
		w.write(name, value)
	}
	w.secrets["hookurl"] = "hook-token-4711-leak"
	maps.Copy(w.secrets, w.secretValues())
	toml := w.read("jobs.toml") + strings.ReplaceAll(strings.ReplaceAll(leakTOML, "ECHO", w.echo.URL), "%[1]s", w.dir)
	toml = strings.Replace(toml, "batch_size = 20\nconcurrency = 1", `mask = { user_phone = "phone_jinlaiban", user_name = "name" }`+"\nbatch_size = 20", 1)
	w.write("jobs.toml", toml)
	w.plant()
	return w
}

// plant puts the person among the records.
func (w *leakWorld) plant() {
	db := openSQLite(w.t, filepath.Join(w.dir, "business.db"))
	name, phone, card, mail := leaker["name"], leaker["phone"], leaker["id card"], leaker["e-mail"]
	for _, statement := range []string{
		fmt.Sprintf(`UPDATE user_info SET name='%s', phone='%s', id_card='%s', email='%s', preferences='电话 %s'`, name, phone, card, mail, phone),
		fmt.Sprintf(`UPDATE user_affairs SET user_name='%s', user_phone='%s', busi_detail='姓名：%s，电话：%s，身份证 %s'`, name, phone, name, phone, card),
	} {
		if _, err := db.ExecContext(w.t.Context(), statement); err != nil {
			w.t.Fatal(err)
		}
	}
	record, err := json.Marshal(map[string]any{"user_id": "U1", "name": name, "phone": phone, "id_card": card, "email": mail, "note": "姓名：" + name + " " + phone})
	if err != nil {
		w.t.Fatal(err)
	}
	w.box.Exchange.Serve("people", []json.RawMessage{record, json.RawMessage(`"` + phone + `"`)})
	w.box.Busipush.Poison("3", "44")
}

// repeat answers with all it was sent, in every dress, and with the clear data of the person.
func (w *leakWorld) repeat(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path == "/hook" {
		w.tell("the alert", string(body))
		return
	}
	sent := fmt.Sprintf("%v %s %s", r.Header, body, "姓名："+leaker["name"]+" "+leaker["phone"]+" "+leaker["id card"]+" "+leaker["e-mail"])
	for name, value := range w.secrets {
		if name != "pagetoken" && name != "hookurl" { // which no partner gets to know
			sent += " " + value
		}
	}
	sent += " " + url.QueryEscape(sent) + " " + base64.StdEncoding.EncodeToString([]byte(w.secrets["exchange-token"])) + " " + hex.EncodeToString([]byte(w.secrets["exchange-token"]))
	if strings.HasPrefix(r.URL.Path, "/failing") {
		http.Error(rw, sent, http.StatusInternalServerError)
		return
	}
	var push struct{ Records []json.RawMessage }
	_ = json.Unmarshal(body, &push)
	var rejected []map[string]any
	for i, record := range push.Records {
		rejected = append(rejected, map[string]any{"index": i, "code": "E " + leaker["phone"], "reason": string(record) + sent})
	}
	_ = json.NewEncoder(rw).Encode(map[string]any{"code": 0, "message": sent, "accepted": 0, "rejected": rejected})
}

func (w *leakWorld) tell(where, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said[where] += text + "\n"
}

// serve starts the daemon, at the chattiest level.
func (w *leakWorld) serve() {
	w.t.Helper()
	dir := w.t.TempDir()
	m := &managed{t: w.t, toml: w.config}
	notify := m.listen(dir)
	m.cmd = w.place.command("plain", "run", "--log-level", "debug")
	m.cmd.Env = append(m.cmd.Env, notify)
	m.cmd.Stderr, m.cmd.Stdout = &m.stderr, &m.stderr
	if err := m.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.daemon = m
	m.hears("READY=1")
}

// fault makes every second answer of the stand-ins go wrong; "" heals them.
func (w *leakWorld) fault(kind string) {
	w.t.Helper()
	list := "[]"
	if kind != "" {
		list = fmt.Sprintf(`[{"kind":%q,"every":2}]`, kind)
	}
	answer, err := http.Post(w.box.URL()+"/faults", "application/json", strings.NewReader(fmt.Sprintf(`{"credit":%[1]s,"busipush":%[1]s,"exchange":%[1]s,"coupang":%[1]s,"caih":%[1]s}`, list)))
	if err != nil || answer.StatusCode != http.StatusOK {
		w.t.Fatalf("%v %v", answer, err)
	}
	_ = answer.Body.Close()
}

// command runs a command line and keeps what it says.
func (w *leakWorld) command(args ...string) outcome {
	ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Minute)
	defer cancel()
	var stdout, stderr shared
	line := strings.Join(args, " ")
	code := (&app{stdout: &stdout, stderr: &stderr}).execute(ctx, append(args, "--config", w.config, "--state", w.state, "--log-level", "debug"))
	w.tell("milkrun "+line, stdout.String()+stderr.String())
	return outcome{w.t, line, code, stdout.String(), stderr.String()}
}

// shared is a buffer that, like the terminal, several may write to at once: the log and the progress.
type shared struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// look asks the daemon everything: commands, every page that a page leads to, metrics, and what the system shows of it.
func (w *leakWorld) look() {
	w.t.Helper()
	for _, line := range []string{"status", "status --json", "runs --json -n 0", "dead list --json -n 0", "dead list", "audit --json", "slots --json", "check", "doctor",
		"checkpoint list --json", "alert test", "next", "audit verify", "audit head", "audit export", "doubt list --json", "doubt list", "incidents list --json",
		"messages --json", "messages", "messages export", "interfaces list", "rejections refused", "rejections affairs --json", "repush list",
		"report --month " + time.Now().Format("2006-01") + " --out " + filepath.Join(w.dir, "report.html"), "report --json --month " + time.Now().Format("2006-01"),
		"backup " + filepath.Join(w.dir, "backup.db")} {
		w.command(strings.Fields(line)...)
	}
	for id := range 40 {
		w.command("runs", "show", fmt.Sprint(id+1))
		w.command("dead", "show", fmt.Sprint(id+1))
	}
	w.pages()
	pid := fmt.Sprint(w.daemon.cmd.Process.Pid)
	processes := append(children(w.t, pid), pid)
	for _, p := range processes {
		for _, what := range []string{"cmdline", "environ"} {
			text, err := os.ReadFile("/proc/" + p + "/" + what)
			if err != nil {
				w.t.Fatal(err)
			}
			w.tell("/proc/PID/"+what, string(text))
		}
	}
}

// children are the processes that a process has started.
func children(t *testing.T, pid string) []string {
	t.Helper()
	lists, err := filepath.Glob("/proc/" + pid + "/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, list := range lists {
		if text, err := os.ReadFile(list); err == nil { // a thread may have ended
			all = append(all, strings.Fields(string(text))...)
		}
	}
	return all
}

var links = regexp.MustCompile(`(?:href|src|action)="(/[^"]*)"`)

// pages reads the status page as far as its links lead.
func (w *leakWorld) pages() {
	w.t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(w.dir, "page.sock"))
	}}}
	const most = 150
	todo, seen := []string{"/", "/metrics"}, map[string]bool{}
	for len(todo) > 0 && len(seen) < most {
		at := todo[0]
		todo = todo[1:]
		if seen[at] {
			continue
		}
		seen[at] = true
		req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://localhost"+at, http.NoBody)
		if err != nil {
			w.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.secrets["pagetoken"])
		answer, err := client.Do(req)
		if err != nil {
			w.t.Fatal(err)
		}
		body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<20))
		if err != nil {
			w.t.Fatal(err)
		}
		_ = answer.Body.Close()
		w.tell("page "+at, string(body))
		for _, found := range links.FindAllStringSubmatch(string(body), -1) {
			todo = append(todo, strings.ReplaceAll(found[1], "&amp;", "&"))
		}
	}
	if !strings.Contains(w.said["page /metrics"], "milkrun_") || len(seen) < 4 {
		w.t.Errorf("%d pages were seen; the metrics are %.200s", len(seen), w.said["page /metrics"])
	}
}

func (w *leakWorld) stop() {
	w.t.Helper()
	w.daemon.end()
	w.tell("the log", w.daemon.stderr.String())
}

// record records every flow, as they work and as they fail.
func (w *leakWorld) record() {
	w.t.Helper()
	for _, job := range []string{"grades", "people", "orders", "affairs", "users", "echoed", "refused", "sms"} {
		args := []string{"record", job, "--out", filepath.Join(w.dir, "recording-"+job)}
		if job != "grades" && job != "people" && job != "orders" {
			w.command("checkpoint", "reset", job, "--yes", "--why", "a test")
			args = append(args, "--push")
		}
		w.command(args...)
	}
	w.command("diff", filepath.Join(w.dir, "recording-people"), "--values")
	w.command("dead", "retry", "refused")
}

// inputs are the files of the place that hold the data to begin with.
var inputs = regexp.MustCompile(`^(business\.db.*|jobs\.toml|[a-z]+(-[a-z_]+)?)$`)

// search looks through everything.
func (w *leakWorld) search() {
	w.t.Helper()
	recordings := 0
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Dir(path) == w.dir && inputs.MatchString(d.Name()) {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(path, "recording-") {
			recordings++
		}
		w.tell("the file "+strings.TrimPrefix(path, w.dir+"/"), string(text))
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, where := range []string{"the log", "the file milkrun.db", "the file backup.db", "the alert", "page /", "/proc/PID/environ", "milkrun dead list --json -n 0"} {
		if len(w.said[where]) < 100 && where != "page /" {
			w.t.Errorf("there is hardly anything in %s: %q", where, w.said[where])
		}
	}
	if recordings < 12 || !strings.Contains(w.said["milkrun dead list --json -n 0"], "refused") {
		w.t.Errorf("too little went wrong: %d recorded files, letters %.300s", recordings, w.said["milkrun dead list --json -n 0"])
	}
	hidden := map[string]string{}
	for name, value := range leaker {
		hidden["the person's "+name] = value
	}
	for name, value := range w.secrets {
		hidden["the secret "+name] = value
	}
	for where, text := range w.said {
		for what, value := range hidden {
			if form, at := exposed(text, value); form != "" {
				w.t.Errorf("%s holds %s, %s: …%q…", where, what, form, around(text, at))
			}
		}
	}
	w.control(hidden)
}

func around(text string, at int) string { return text[max(0, at-80):min(len(text), at+60)] }

// control proves that the search finds what it looks for, in every form.
func (w *leakWorld) control(hidden map[string]string) {
	w.t.Helper()
	for what, value := range hidden {
		planted := map[string]string{
			"plain": value, "percent": url.QueryEscape("ü" + value), "every percent": percented(value), "base64": base64.StdEncoding.EncodeToString([]byte("xy" + value + "z")),
			"base64 for URLs": base64.RawURLEncoding.EncodeToString([]byte(`{"a":"` + value + `"}`)), "hex": strings.ToUpper(hex.EncodeToString([]byte(value))), "JSON": escaped(value), "reversed": reversed(value),
		}
		for form, text := range planted {
			if found, _ := exposed("before "+text+" behind", value); found == "" {
				w.t.Errorf("%s is not found as %s: %s", what, form, text)
			}
		}
		if found, _ := exposed("before "+value[:len(value)-2]+"**", value); found != "" {
			w.t.Errorf("%s is found where it is not, %s", what, found)
		}
	}
}

// exposed looks for a value in a text, and says in which form and where it is; "" when it is not.
func exposed(text, value string) (form string, at int) {
	lower := strings.ToLower(text)
	forms := []struct {
		name, text string
		exact      bool
	}{
		{"plain", value, false}, {"in percent signs", url.QueryEscape(value), false}, {"in percent signs", url.PathEscape(value), false},
		{"in percent signs", percented(value), false}, {"in hexadecimal", hex.EncodeToString([]byte(value)), false},
		{"in JSON escapes", escaped(value), false}, {"reversed", reversed(value), false}, {"as JSON", quotedJSON(value), false},
	}
	for before := range 3 {
		for name, e := range map[string]*base64.Encoding{"in base64": base64.RawStdEncoding, "in base64 for URLs": base64.RawURLEncoding} {
			encoded := e.EncodeToString([]byte(strings.Repeat("\x00", before) + value))
			bits := (before + len(value)) * 8
			forms = append(forms, struct {
				name, text string
				exact      bool
			}{name, encoded[(before*8+5)/6 : bits/6], true})
		}
	}
	for _, f := range forms {
		in, what := lower, strings.ToLower(f.text)
		if f.exact {
			in, what = text, f.text
		}
		if at := strings.Index(in, what); at >= 0 {
			return f.name, min(at, len(text)-1)
		}
	}
	return "", 0
}

func percented(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return b.String()
}

func quotedJSON(s string) string {
	text, _ := json.Marshal(s)
	return string(text[1 : len(text)-1])
}

func reversed(s string) string {
	runes := []rune(s)
	slices.Reverse(runes)
	return string(runes)
}
