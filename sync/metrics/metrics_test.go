package metrics

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"milkrun/state"
	engine "milkrun/sync"
	"milkrun/sync/config"
	"milkrun/sync/schedule"
)

var (
	_ engine.Observer = (*Metrics)(nil)
	_ Store           = (*state.Store)(nil)
)

// conf is a configuration of some jobs and the connections "partner" and "business".
func conf(jobs ...string) *config.Config {
	c := &config.Config{Connections: map[string]*config.Connection{"partner": {Name: "partner"}, "business": {Name: "business"}}}
	for _, name := range jobs {
		c.Jobs = append(c.Jobs, &config.Job{Name: name})
	}
	return c
}

// scrape returns what a scrape answers, without the metrics of process and runtime.
func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("a scrape is answered with %d: %s", w.Code, w.Body)
	}
	var ours strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE "), "milkrun_") {
			ours.WriteString(line)
		}
	}
	return ours.String()
}

func wants(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			t.Errorf("there is no line %q in\n%s", line, text)
		}
	}
}

func lacks(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if strings.Contains(text, word) {
			t.Errorf("%q is in\n%s", word, text)
		}
	}
}

// busy is a day in the life of two jobs, on a clock that stands.
func busy(o Options) *Metrics {
	now := time.Now()
	o.Version, o.Commit = "1.2.3", "abcdef"
	m := New(o)
	m.Configure(conf("affairs", "grades"))
	m.Decided(state.Slot{Job: "affairs", At: now, Decision: state.Ran})
	m.Decided(state.Slot{Job: "affairs", At: now, Decision: state.Missed, Count: 12})
	m.Began(state.Run{Job: "affairs", Trigger: state.Schedule, Slot: now.Add(-90 * time.Second), StartedAt: now})
	m.Moved("affairs", state.Counts{Pages: 3, Read: 3000, Delivered: 2990, Rejected: 8, Skipped: 2, Bytes: 65536, Total: -1})
	m.Retried("affairs", "HTTP 503")
	m.Asked("partner", "HTTP 503", 300*time.Millisecond)
	m.Asked("partner", "200", 40*time.Millisecond)
	m.Asked("partner", "", 31*time.Second)
	m.Asking("partner")()
	m.Asking("partner")
	m.Ended(state.Run{Job: "affairs", State: state.Part, StartedAt: now.Add(-10 * time.Minute), FinishedAt: now})
	m.Began(state.Run{Job: "grades", Trigger: state.Manual, StartedAt: now})
	m.Halted(state.Halt{Scope: state.ConnectionScope, Name: "partner", Code: "302"})
	m.ReloadFailed()
	return m
}

func busyOptions() Options {
	return Options{
		Store: still{standing: true},
		Live: func(job string) Live {
			if job == "grades" {
				return Live{Next: time.Now().Add(time.Hour), RetryUntil: time.Now().Add(20 * time.Minute)}
			}
			return Live{}
		},
		Alerts: func() []Channel { return []Channel{{Name: "ops", Sent: 4, Failed: 2, Lost: 1}} },
	}
}

// TestExposition compares a whole scrape with testdata/exposition.txt.
func TestExposition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want, err := os.ReadFile("testdata/exposition.txt")
		if err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(scrape(t, busy(busyOptions())), runtime.Version(), "GO")
		if got != string(want) {
			t.Errorf("a scrape says\n%s", got)
		}
	})
}

func TestLint(t *testing.T) {
	problems, err := testutil.GatherAndLint(busy(busyOptions()).registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestOpenMetrics(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	w := httptest.NewRecorder()
	busy(Options{}).Handler().ServeHTTP(w, r)
	if kind := w.Header().Get("Content-Type"); !strings.HasPrefix(kind, "application/openmetrics-text") || !strings.HasSuffix(w.Body.String(), "# EOF\n") {
		t.Errorf("content type %s", kind)
	}
	for _, name := range []string{"go_goroutines", "process_start_time_seconds"} {
		if !strings.Contains(w.Body.String(), "\n"+name+" ") {
			t.Errorf("there is no %s", name)
		}
	}
}

// TestStartingOver makes sure that a reading from the beginning counts what it reads again, and that no counter goes down.
func TestStartingOver(t *testing.T) {
	for _, c := range []struct {
		name  string
		fresh []int64
		want  string
	}{
		{"straight on", []int64{1000, 500}, "1500"},
		{"over, fewer when told", []int64{1000, -900, 400}, "1500"}, // 1000, then 100 and 400 again
		{"over, nothing read yet", []int64{1000, -1000, 700}, "1700"},
		{"over twice", []int64{10, -10, -0, 10, -5, 5}, "30"},
		{"below nothing", []int64{-7, 5}, "5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New(Options{})
			m.Configure(conf("grades"))
			for _, n := range c.fresh {
				m.Moved("grades", state.Counts{Read: n, Total: -1})
			}
			wants(t, scrape(t, m), `milkrun_rows_read_total{job_name="grades"} `+c.want)
		})
	}
}

// TestStartingOverEndsWithTheRun makes sure that a run's counts are not taken for those of the next.
func TestStartingOverEndsWithTheRun(t *testing.T) {
	m := New(Options{})
	m.Configure(conf("grades"))
	m.Moved("grades", state.Counts{Read: 1000})
	m.Began(state.Run{Job: "grades", Trigger: state.Manual})
	m.Moved("grades", state.Counts{Read: 10})
	m.Moved("grades", state.Counts{Read: -8})
	wants(t, scrape(t, m), `milkrun_rows_read_total{job_name="grades"} 1012`)
}

func TestLateness(t *testing.T) {
	slot := time.Date(2026, 3, 1, 1, 30, 0, 0, time.UTC)
	const jitter = 30 * time.Minute
	due := slot.Add(schedule.Jitter("grades", slot, jitter))
	m := New(Options{})
	c := conf("grades")
	c.Jobs[0].Jitter = jitter
	m.Configure(c)
	lacks(t, scrape(t, m), "milkrun_slot_lateness_seconds{")
	for _, step := range []struct {
		run  state.Run
		want string
	}{
		{state.Run{Trigger: state.Schedule, Slot: slot, StartedAt: due.Add(5 * time.Second)}, "5"},
		{state.Run{Trigger: state.Schedule, Slot: slot, StartedAt: due.Add(-time.Second)}, "0"}, // the clock was set back
		{state.Run{Trigger: state.CatchUp, Slot: slot, StartedAt: due.Add(time.Hour)}, "3600"},
		{state.Run{Trigger: state.Resume, Slot: slot, StartedAt: due.Add(9 * time.Hour)}, "3600"},
		{state.Run{Trigger: state.Manual, StartedAt: due}, "3600"},
	} {
		step.run.Job = "grades"
		m.Began(step.run)
		wants(t, scrape(t, m), `milkrun_slot_lateness_seconds{job_name="grades"} `+step.want)
	}
}

func TestCodesAreBounded(t *testing.T) {
	m := New(Options{})
	m.Configure(conf("affairs"))
	for _, code := range []string{"result 0", strings.Repeat("9", 40), "授权失败", "bad\xff", "a\nb", "13812345678"} {
		m.Asked("partner", code, time.Millisecond)
		m.Retried("affairs", code)
	}
	for i := range 3 * maxCodes {
		m.Asked("partner", fmt.Sprintf("E%d", i), time.Millisecond)
	}
	m.Asked("partner", "E3", time.Millisecond)
	text := scrape(t, m)
	wants(t, text, `milkrun_request_duration_seconds_count{code="result 0",connection="partner"} 1`,
		`milkrun_retries_total{code="other",job_name="affairs"} 5`,
		`milkrun_request_duration_seconds_count{code="E3",connection="partner"} 2`,
		fmt.Sprintf(`milkrun_request_duration_seconds_count{code="other",connection="partner"} %d`, 5+3*maxCodes-(maxCodes-1)))
	lacks(t, text, "138", "授权", "9999")
}

// TestReload makes sure that what is configured no more disappears, and is not brought back by what happens later.
func TestReload(t *testing.T) {
	m := busy(busyOptions())
	answered := m.Asking("partner")
	after := conf("grades")
	delete(after.Connections, "partner")
	m.Configure(after)
	m.Moved("affairs", state.Counts{Read: 1})
	m.Asked("partner", "200", time.Second)
	m.Asking("partner")()
	m.Ended(state.Run{Job: "affairs", State: state.Done})
	text := scrape(t, m)
	lacks(t, text, "affairs", `"partner"`)
	wants(t, text, `milkrun_job_running{job_name="grades"} 1`, "milkrun_config_last_reload_successful 1",
		`milkrun_connection_halted{connection="business"} 0`)
	m.Configure(conf("grades", "affairs"))
	m.Asking("partner")()
	answered() // of a connection that was gone meanwhile
	wants(t, scrape(t, m), `milkrun_rows_read_total{job_name="affairs"} 0`, `milkrun_requests_in_flight{connection="partner"} 0`)
}

// TestConcurrency is for the race detector, on a real state file.
func TestConcurrency(t *testing.T) {
	o := busyOptions()
	store := newState(t)
	o.Store = store
	m := New(o)
	m.Configure(conf("affairs"))
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for n := range 100 {
				m.Began(state.Run{Job: "affairs", Trigger: state.Schedule, Slot: time.Now(), StartedAt: time.Now()})
				m.Moved("affairs", state.Counts{Read: int64(5 - n%11)})
				m.Retried("affairs", fmt.Sprint(i*n))
				m.Asking("partner")()
				m.Asked("partner", fmt.Sprint(n), time.Millisecond)
				m.Ended(state.Run{Job: "affairs", State: state.Failed, FinishedAt: time.Now()})
			}
		})
	}
	work.Go(func() {
		for n := range 20 {
			m.Configure(conf([]string{"affairs", "grades"}[n%2:]...))
		}
	})
	for range 2 {
		work.Go(func() {
			for range 10 {
				scrape(t, m)
			}
		})
	}
	work.Go(func() {
		for range 10 {
			if err := store.SetHalt(context.Background(), state.Halt{Scope: state.JobScope, Name: "affairs"}); err != nil {
				t.Error(err)
			}
		}
	})
	work.Wait()
	lacks(t, scrape(t, m), "affairs")
}
