package report

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/audit"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
	"milkrun/sync/transport"
	"milkrun/sync/words"
)

// remote is a connection over HTTP, local one to a database.
type remote struct{ transport.Settings }

type local struct{}

func (local) Fields() []setting.Field     { return nil }
func (local) Validate() []setting.Problem { return nil }
func (local) Close() error                { return nil }

// end is a source or a sink.
type end struct{ resource string }

func (e *end) Fields() []setting.Field {
	return []setting.Field{setting.Text("resource", &e.resource, "what", "")}
}
func (*end) Validate() []setting.Problem { return nil }
func (*end) Limits() kind.Limits         { return kind.Limits{Default: 1000} }

type source struct{ end }

func (*source) Open(context.Context, kind.Env) (feed.Source, error) { return nil, nil }

type sink struct{ end }

func (*sink) Open(context.Context, kind.Env) (feed.Sink, error) { return nil, nil }

func registry() config.Registry {
	reg := config.Registry{Sources: map[string]kind.SourceType{}, Sinks: map[string]kind.SinkType{}}
	for name, connection := range map[string]func() kind.Connection{
		"remote": func() kind.Connection { return &remote{transport.NewSettings()} },
		"local":  func() kind.Connection { return local{} },
	} {
		reg.Sources[name] = kind.SourceType{Connection: connection, Source: func(kind.Connection) kind.Source { return new(source) }}
		reg.Sinks[name] = kind.SinkType{Connection: connection, Sink: func(kind.Connection) kind.Sink { return new(sink) }}
	}
	return reg
}

const jobs = `
timezone = "Asia/Shanghai"
report = { party = "山西某某公司" }

[connections.credit]
type = "remote"
url = "https://credit.example/api"
rate = "1/h"

[partners.credit]
name = "商务诚信公共服务平台"
connections = ["credit"]

[connections.platform]
type = "remote"
url = "https://platform.example/api"

[connections.business]
type = "local"

[jobs.grades]
schedule = "30 1 * * *"
done_by = "07:00"
purpose = "信用评估"
source = { connection = "credit", resource = "grades" }
sink = { connection = "business", resource = "enterprise_grades" }

[jobs.affairs]
schedule = "0 */6 * * *"
purpose = "办件推送"
source = { connection = "business", resource = "user_affairs" }
sink = { connection = "platform", resource = "affairs" }
`

func parse(t testing.TB, text string) *config.Config {
	t.Helper()
	conf, problems := config.Parse("jobs.toml", []byte(text), config.Options{Registry: registry()})
	if conf == nil {
		t.Fatal(problems)
	}
	return conf
}

// world is a state file with its own clock, and a configuration.
type world struct {
	t     testing.TB
	conf  *config.Config
	store *state.Store
	now   time.Time
}

func newWorld(t testing.TB, text string) *world {
	t.Helper()
	w := &world{t: t, conf: parse(t, text), now: at("2026-11-01 00:00")}
	store, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "milkrun.db"), state.Options{Now: func() time.Time { return w.now }})
	w.ok(err)
	t.Cleanup(func() { _ = store.Close() })
	w.store = store
	return w
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// at is a time in the zone of the configuration.
func at(text string) time.Time {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		panic(err)
	}
	moment, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	if err != nil {
		panic(err)
	}
	return moment
}

// run records a run for a slot.
func (w *world) run(job, slot, decision string, took time.Duration, end state.Run, letters ...state.Letter) int64 {
	w.t.Helper()
	ctx := w.t.Context()
	due := at(slot)
	w.now = due
	start := state.Run{Job: job, Slot: due, Trigger: state.Schedule, Mode: "incremental", StartedAt: due, Counts: state.Counts{Total: -1}}
	if end.Mode != "" {
		start.Mode = end.Mode
	}
	id, err := w.store.DecideAndStart(ctx, []state.Slot{{Job: job, At: due, Decision: decision}}, start)
	w.ok(err)
	if len(letters) > 0 {
		w.ok(w.store.Advance(ctx, state.Progress{Checkpoint: state.Checkpoint{Job: job, RunID: id}, Letters: letters}))
	}
	w.now = due.Add(took)
	end.ID, end.Job, end.FinishedAt = id, job, w.now
	w.ok(w.store.FinishRun(ctx, end))
	return id
}

func (w *world) calls(run int64, job, connection, direction string, n int, each audit.Row) {
	w.t.Helper()
	each.Kind, each.RunID, each.Job, each.Connection, each.Direction = audit.Call, run, job, connection, direction
	if each.Status == "" {
		each.Status = "HTTP 200"
	}
	each.At = w.now
	list := make([]audit.Row, n)
	for i := range list {
		list[i] = each
	}
	w.ok(w.store.AddExchanges(w.t.Context(), list))
}

// november is a month with everything in it.
func november(t testing.TB) *world {
	t.Helper()
	w := newWorld(t, jobs)
	night := state.Run{Mode: "full", State: state.Done, Counts: state.Counts{Pages: 3, Read: 3000, Delivered: 2990, Rejected: 2, Total: 3000},
		Summary: `{"inserted":10,"updated":0,"deleted":1,"unchanged":2980,"reread":16}`}
	night.State = state.Part
	refused := state.Letter{Code: "uscc", Reason: "malformed", Key: "k1", Record: `{}`}
	for day := 1; day <= 20; day++ {
		slot := time.Date(2026, 11, day, 1, 30, 0, 0, time.UTC).Format("2006-01-02 15:04")
		took := 10 * time.Minute
		switch day {
		case 5: // late
			took = 6 * time.Hour
		case 9:
			id := w.run("grades", slot, state.Ran, time.Hour, state.Run{State: state.Failed, Code: "HTTP 503", Error: "x", Counts: state.Counts{Read: 1000, Retries: 4, Total: 3000}})
			w.calls(id, "grades", "credit", audit.In, 5, audit.Row{Status: "HTTP 503", Code: "HTTP 503", Took: time.Second})
			continue
		case 10:
			w.now = at(slot)
			w.ok(w.store.Decide(t.Context(), state.Slot{Job: "grades", At: at(slot), Decision: state.Missed}))
			continue
		}
		run := night
		if day == 12 { // rows moved: 3 more were found
			run.Counts.Delivered = 3001
		}
		id := w.run("grades", slot, state.Ran, took, run, refused, state.Letter{Code: "grade", Reason: "unknown", Key: time.Month(day).String(), Record: `{}`})
		if day == 12 {
			w.ok(w.store.AddEvent(t.Context(), state.Event{RunID: id, Kind: "drift", Text: "mended"}))
		}
		w.calls(id, "grades", "credit", audit.In, 3, audit.Row{Records: 1000, Bytes: 65536, Took: 200 * time.Millisecond, Purpose: "信用评估"})
	}
	id := w.run("affairs", "2026-11-20 06:00", state.CaughtUp, time.Minute, state.Run{State: state.Done, Counts: state.Counts{Pages: 1, Read: 500, Delivered: 480, Skipped: 20, Total: -1}})
	w.calls(id, "affairs", "platform", audit.Out, 2, audit.Row{Records: 240, Bytes: 1 << 20, Took: 700 * time.Millisecond})
	w.run("affairs", "2026-10-31 23:00", state.Ran, time.Minute, state.Run{State: state.Done, Counts: state.Counts{Read: 7, Delivered: 7, Total: -1}})
	w.now = at("2026-11-22 17:00")
	w.ok(w.store.AddTimeliness(t.Context(), []state.Timeliness{timely("2026-11-03", 100, 3), timely("2026-11-04", 50, 0), timely("2026-12-01", 9, 9)}))
	return w
}

func timely(day string, records, late int64) state.Timeliness {
	v := state.Timeliness{Interface: "affairs", Version: 1, Job: "affairs", Day: day, Connection: "platform", Runs: 1, Records: records, Late: late}
	for range records {
		v.Lag.Add(20 * time.Second)
	}
	return v
}

func (w *world) make(month string, change ...func(*Options)) *Report {
	w.t.Helper()
	m, err := ParseMonth(month)
	w.ok(err)
	o := Options{Store: w.store, Config: w.conf, Month: m, Now: w.now, Lang: words.English}
	for _, c := range change {
		c(&o)
	}
	r, err := Make(w.t.Context(), o)
	w.ok(err)
	return r
}
