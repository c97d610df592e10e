package page

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	stdsync "sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"milkrun/cmd/milkrun/control"
	"milkrun/cmd/milkrun/standing"
	"milkrun/sinks"
	"milkrun/sources"
	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/config"
	"milkrun/sync/secret"
)

// jobsTOML has a job of every kind that the page tells apart.
const jobsTOML = `
timezone = "Asia/Shanghai"
[connections.credit]
type = "credit"
url = "https://credit.invalid"
accessid = "env:X"
username = "env:X"
password = "env:X"
[connections.jinlaiban]
type = "busipush"
url = "https://jlb.invalid"
appcode = "env:X"
modulecode = "env:X"
appsecret = "env:X"
[connections.partner]
type = "exchange"
url = "https://partner.invalid"
token = "env:X"
[connections.business]
type = "sqlite"
dsn = "business.db"
[jobs.grades]
schedule = "30 1 * * *"
jitter = "5m"
source = { connection = "credit", resource = "grades" }
sink = { connection = "business", table = "enterprise_grades", key = ["uniscId"] }
[jobs.affairs]
schedule = "*/10 * * * *"
source = { connection = "business", table = "user_affairs", cursor = ["create_date", "id"] }
sink = { connection = "jinlaiban", resource = "affairs" }
[jobs.user-info]
schedule = "0 3 * * *"
done_by = "07:00"
stale_after = "26h"
source = { connection = "business", table = "user_info", cursor = ["updated_at", "user_id"] }
sink = { connection = "partner", resource = "users" }
[jobs.licences]
schedule = "15 */6 * * *"
source = { connection = "business", table = "licences", cursor = ["id"] }
sink = { connection = "jinlaiban", resource = "affairs" }
[jobs.archive]
schedule = "0 22 * * 5"
source = { connection = "business", table = "user_affairs", cursor = ["id"] }
sink = { connection = "business", table = "affairs_archive", key = ["id"] }
[jobs.census]
schedule = "manual"
enabled = true
source = { connection = "business", table = "people", cursor = ["id"] }
sink = { connection = "business", table = "people_copy", key = ["id"] }
`

// noon is when the tests look: a Thursday, shortly before eleven.
var shanghai = time.FixedZone("CST", 8*3600)

func noon() time.Time { return time.Date(2026, 3, 5, 10, 42, 17, 0, shanghai) }

// world is a page on a state file, with everything around it.
type world struct {
	t       *testing.T
	page    *page
	store   *state.Store
	options Options
	server  *httptest.Server
	client  *http.Client
	log     *lockedText
	acts    *recorder

	mu      stdsync.Mutex
	clock   time.Time // of the state file
	running []sync.Progress
	smaller *config.Config // takes the place of the configuration
}

func (w *world) at(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = t
}

func (w *world) setRunning(list ...sync.Progress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = list
}

func (w *world) config(usual *config.Config) *config.Config {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.smaller != nil {
		return w.smaller
	}
	return usual
}

func newConfig(t *testing.T) *config.Config {
	t.Helper()
	conf, problems := config.Parse("/etc/milkrun/jobs.toml", []byte(jobsTOML), config.Options{
		Registry: config.Registry{Sources: sources.Types(), Sinks: sinks.Types()}})
	if conf == nil {
		t.Fatal(problems)
	}
	t.Cleanup(func() { _ = conf.Close() })
	return conf
}

// newWorld is an empty state file with a page on it; change, if any, adjusts the options.
func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, clock: noon(), log: &lockedText{}}
	store, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "milkrun.db"), state.Options{Now: func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.clock
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w.store, w.acts = store, &recorder{store: store}
	conf := newConfig(t)
	log := logrus.New()
	log.SetOutput(w.log)
	w.options = Options{Store: store, Config: func() *config.Config { return w.config(conf) }, Actions: w.acts, Version: "1.2.3", Log: log, Now: noon,
		Running: func() (list []standing.Meter) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, p := range w.running {
				list = append(list, standing.NewMeter(p).After(p, noon()))
			}
			return list
		},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "milkrun_up 1\n") })}
	if change != nil {
		change(&w.options)
	}
	w.page = newPage(w.options)
	w.page.pace = 20 * time.Millisecond
	w.server = httptest.NewServer(w.page.handler())
	t.Cleanup(w.server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	w.client = w.server.Client()
	w.client.Jar = jar
	return w
}

// lockedText is what was logged.
type lockedText struct {
	mu   stdsync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// recorder does to the state file what the daemon would, and keeps what it was asked for.
type recorder struct {
	store *state.Store
	mu    stdsync.Mutex
	calls []string
	fail  error
}

func (r *recorder) note(by By, format string, args ...any) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	r.calls = append(r.calls, fmt.Sprintf("%s | %s | %s", text, by.Who, by.Why))
	return text, r.fail
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.calls...)
}

func (r *recorder) Trigger(_ context.Context, by By, job string, how How) (string, error) {
	text := "trigger " + job
	if how != (How{}) {
		text += fmt.Sprintf(" %+v", how)
	}
	return r.note(by, "%s", text)
}

func (r *recorder) Cancel(_ context.Context, by By, job string) (string, error) {
	return r.note(by, "cancel %s", job)
}

func (r *recorder) Pause(ctx context.Context, by By, job string) (string, error) {
	if err := r.store.Pause(ctx, job, by.Who, by.Why); err != nil {
		return "", err
	}
	return r.note(by, "job %s is paused", job)
}

func (r *recorder) Resume(ctx context.Context, by By, name string) (string, error) {
	for _, scope := range []string{state.JobScope, state.ConnectionScope} {
		if _, err := r.store.ClearHalt(ctx, scope, name, by.Who, by.Why); err != nil {
			return "", err
		}
	}
	if _, err := r.store.Unpause(ctx, name, by.Who, by.Why); err != nil {
		return "", err
	}
	return r.note(by, "%s is resumed", name)
}

func (r *recorder) RetryLetters(_ context.Context, by By, job string, ids []int64, dryRun bool) (string, error) {
	return r.note(by, "retry %s %v dry=%t", job, ids, dryRun)
}

func (r *recorder) DropLetters(ctx context.Context, by By, ids []int64) (string, error) {
	for _, id := range ids {
		if err := r.store.SettleLetter(ctx, id, state.LetterDropped, by.Who, by.Why); err != nil {
			return "", err
		}
	}
	return r.note(by, "dropped %v", ids)
}

func (r *recorder) UndoCheckpoint(ctx context.Context, by By, job string, lane state.Lane) (string, error) {
	if _, err := r.store.UndoCheckpoint(ctx, job, lane, by.Who, by.Why); err != nil {
		return "", err
	}
	return r.note(by, "undo %s %s", job, lane)
}

func (r *recorder) Settle(ctx context.Context, by By, batch, outcome string) (string, error) {
	if _, err := r.store.SettleIntent(ctx, state.Settlement{ID: batch, Outcome: outcome, Who: by.Who, Why: by.Why}); err != nil {
		return "", err
	}
	return r.note(by, "settle %s as %s", batch, outcome)
}

func (r *recorder) Reload(_ context.Context, by By) (string, error) {
	text, _ := r.note(by, "reload")
	if r.fail != nil {
		return "", &control.Fault{Text: "jobs.toml:3: there is no key \"schedul\"", Remedy: "did you mean \"schedule\"?"}
	}
	return text, nil
}

// must ends a test on an error of the state file.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// withToken puts a token into the options.
func withToken(o *Options) { o.Token = secret.New("correct-horse-battery") }

// ask sends a GET and returns the status and the body.
func (w *world) ask(path string, header ...string) (int, string, http.Header) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.server.URL+path, http.NoBody)
	w.must(err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return w.do(req)
}

func (w *world) do(req *http.Request) (int, string, http.Header) {
	w.t.Helper()
	res, err := w.client.Do(req)
	w.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	w.must(err)
	return res.StatusCode, string(body), res.Header
}

var formToken = regexp.MustCompile(`name="form" value="([^"]+)"`)

// post sends a form of the page, with the token that the page at from has.
func (w *world) post(path string, fields url.Values, header ...string) (int, string, http.Header) {
	w.t.Helper()
	if !fields.Has("form") {
		fields.Set("form", w.page.form)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.server.URL+path, strings.NewReader(fields.Encode()))
	w.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return w.do(req)
}
