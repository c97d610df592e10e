package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/kind"
)

// examine runs the doctor, and returns what was found.
func (p *place) examine(code int, args ...string) doctorView {
	p.t.Helper()
	var v doctorView
	o := p.run(append([]string{"doctor", "--json"}, args...)...).exits(code)
	o.json(&v)
	p.t.Log(o.out)
	return v
}

// has demands a finding.
func (v doctorView) has(t *testing.T, level kind.Level, on, says string) {
	t.Helper()
	for _, f := range v.Findings {
		if f.Level == level && f.On == on && strings.Contains(f.Text, says) {
			if level != kind.Good && f.Remedy == "" {
				t.Errorf("%+v has no remedy", f)
			}
			return
		}
	}
	t.Errorf("no %s on %s that says %q", level, on, says)
}

func TestDoctorOfAHealthyPlace(t *testing.T) {
	p, _ := affairsPlace(t)
	p.run("once", "affairs").exits(exitDone)
	v := p.examine(exitDone)
	v.has(t, kind.Good, "configuration", "every secret can be read")
	v.has(t, kind.Good, "state", "mode 0600")
	v.has(t, kind.Good, "state", "are free")
	v.has(t, kind.Good, "state", "layout 1, looked through, no damage")
	v.has(t, kind.Warning, "daemon", "no daemon is running")
	v.has(t, kind.Good, "jobs", "no dead letters")
	v.has(t, kind.Good, "machine", "time zones can be looked up")
	if v.Errors != 0 {
		t.Errorf("%+v", v)
	}
	deep := p.examine(exitDone, "--deep")
	deep.has(t, kind.Good, "state", "read completely")
	deep.has(t, kind.Good, "connection jinlaiban", "connected to 127.0.0.1")
	deep.has(t, kind.Good, "connection jinlaiban", "clock and the partner's agree")
	deep.has(t, kind.Good, "job affairs", "its source can be opened")
	p.run("doctor").exits(exitDone).says("ok       configuration", "0 errors", "→ start it: systemctl start milkrun")
}

func TestDoctorChangesNothing(t *testing.T) {
	p, partner := affairsPlace(t)
	p.edit(`[jobs.late]`, "[connections.new]\ntype = \"sqlite\"\ndsn = \"%[1]s/new.db\"\n\n[jobs.late]")
	p.within("state")
	p.run("doctor", "--deep").exits(exitDone).says("is not there", "the first run makes it")
	for _, pattern := range []string{"state/*", "*.db", "*.lock"} {
		if left := p.files("", pattern); len(left) > 0 {
			t.Errorf("left are %v", left)
		}
	}
	if partner.Records() != 0 {
		t.Errorf("%d records were sent", partner.Records())
	}
}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	p, _ := affairsPlace(t)
	p.refuse("affairs", "a-1", "a-2")
	p.halted(state.JobScope, "affairs")
	p.run("pause", "late", "--why", "they move").exits(exitDone)
	p.begun("late")
	p.with(func(ctx context.Context, s *state.Store) error {
		_, err := s.AddIntent(ctx, state.Intent{Job: "affairs", Records: 7, State: state.IntentDoubt})
		return err
	})
	for path, mode := range map[string]os.FileMode{p.state: 0o644, p.config: 0o666, p.dir: 0o777} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(p.state, p.state+".replaced-x"); err != nil {
		t.Fatal(err)
	}
	v := p.examine(exitError)
	v.has(t, kind.Warning, "configuration", "others may change")
	v.has(t, kind.Warning, "state", "others may open")
	v.has(t, kind.Warning, "state", "others may replace files")
	v.has(t, kind.Warning, "state", "has another name")
	v.has(t, kind.Bad, "job affairs", "halted since")
	v.has(t, kind.Warning, "job late", "paused since")
	v.has(t, kind.Warning, "job affairs", "2 dead letters wait")
	v.has(t, kind.Bad, "job affairs", "of 7 records was sent")
	v.has(t, kind.Warning, "job late", "was left open")
	if v.Errors != 2 {
		t.Errorf("%d errors", v.Errors)
	}
}

func TestDoctorOfABadConfiguration(t *testing.T) {
	p, _ := affairsPlace(t)
	p.empty()
	if err := os.Remove(filepath.Join(p.dir, "appsecret")); err != nil {
		t.Fatal(err)
	}
	v := p.examine(exitError, "--deep")
	v.has(t, kind.Bad, "configuration", "connections.jinlaiban.appsecret: file:appsecret cannot be read")
	v.has(t, kind.Good, "connection jinlaiban", "it answers") // which needs no secret
	p.edit("schedule", "shedule")
	v = p.examine(exitError, "--deep")
	v.has(t, kind.Bad, "configuration", "jobs.affairs.shedule")
	v.has(t, kind.Good, "state", "no damage")
}

func TestDoctorOfABadState(t *testing.T) {
	for name, c := range map[string]struct {
		statement string
		says      string
	}{
		"newer":   {"PRAGMA user_version = 99", "state file of a newer milkrun"},
		"foreign": {"PRAGMA application_id = 7", "not a state file of milkrun"},
		"orphans": {"PRAGMA foreign_keys = OFF; INSERT INTO run_event (run_id, at, kind, text) VALUES (9, '2026-03-01T00:00:00.000Z', '', '')", "1 rows belong to a run that is not there"},
		"future":  {"INSERT INTO operation (at, who, what, job, why) VALUES ('2099-01-01T00:00:00.000Z', '', '', '', '')", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := affairsPlace(t)
			p.empty()
			p.execute(c.statement)
			v := p.examine(exitError)
			if name == "future" {
				v.has(t, kind.Bad, "machine", "behind the latest moment in the state file")
				return
			}
			v.has(t, kind.Bad, "state", c.says)
		})
	}
}

func TestDoctorOfAnothersFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	p, _ := affairsPlace(t)
	p.empty()
	p.daemon()()
	if err := os.Chown(p.state, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	p.examine(exitError).has(t, kind.Bad, "state", ".lock belongs to root")
}

func TestDoctorOfStaleJobs(t *testing.T) {
	p, _ := affairsPlace(t)
	p.edit(`schedule = "30 1 * * *"`, `schedule = "*/5 * * * *"`)
	p.edit(`schedule = "0 4 * * *"`, "schedule = \"manual\"\nstale_after = \"1h\"")
	now := time.Now().Add(-2 * time.Hour)
	s, err := state.Open(t.Context(), p.state, state.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range []string{"affairs", "late"} {
		id, err := s.StartRun(t.Context(), state.Run{Job: job, Trigger: state.Manual, Mode: "full"})
		if err == nil {
			err = s.FinishRun(t.Context(), state.Run{ID: id, Job: job, State: state.Done})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	id, err := s.StartRun(t.Context(), state.Run{Job: "affairs", Trigger: state.Manual, Mode: "full"})
	if err == nil {
		err = s.FinishRun(t.Context(), state.Run{ID: id, Job: "affairs", State: state.Failed, Remedy: "ask them"})
	}
	if err != nil || s.Close() != nil {
		t.Fatal(err)
	}
	v := p.examine(exitDone)
	v.has(t, kind.Warning, "job affairs", "no run has succeeded since "+clock(now, shanghai(t)))
	v.has(t, kind.Warning, "job late", "no run has succeeded since")
}

func shanghai(t *testing.T) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// TestDoctorOfADaemon looks at one that runs, at one whose file is another by now, and at one that hangs.
func TestDoctorOfADaemon(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t, 10, 10, 10)
	m := manage(t, w.toml())
	m.hears("READY=1")
	p := m.beside()
	v := p.examine(exitDone)
	v.has(t, kind.Good, "daemon", "the daemon answers (process ")
	v.has(t, kind.Good, "daemon", "it goes by "+p.config)
	p.edit("timezone", "# a remark\ntimezone")
	p.examine(exitDone).has(t, kind.Warning, "daemon", "is another one than the daemon took up")
	p.execute("UPDATE daemon SET refused_at = '2026-03-01T00:00:00.000Z', refusal = 'line 7 is wrong'")
	p.examine(exitError).has(t, kind.Bad, "daemon", "refused a newer configuration and goes on with the one before: line 7 is wrong")
	p.execute("UPDATE daemon SET refused_at = NULL, version = 'v0'")
	p.examine(exitDone).has(t, kind.Warning, "daemon", "the daemon is version v0")
	p.execute("UPDATE daemon SET config = '/elsewhere/jobs.toml'")
	p.examine(exitDone).has(t, kind.Warning, "daemon", "the daemon goes by /elsewhere/jobs.toml")
	p.execute(`CREATE TRIGGER hangs BEFORE UPDATE ON daemon WHEN new.seen_at > '2026-04' BEGIN SELECT RAISE(IGNORE); END`) // it turns, unseen
	p.execute("UPDATE daemon SET started_at = '2026-03-01T00:00:00.000Z', seen_at = '2026-03-02T00:00:00.000Z'")
	p.examine(exitError).has(t, kind.Bad, "daemon", "that it turns")
	m.end()
}

// TestDoctorShowsNoSecret looks for them in everything the doctor says, well and wrong.
func TestDoctorShowsNoSecret(t *testing.T) {
	partner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, values := range r.Header {
			if strings.Contains(fmt.Sprint(values), "hunter2") {
				t.Error("a secret was sent")
			}
		}
		http.Error(w, "hunter2", http.StatusServiceUnavailable)
	}))
	defer partner.Close()
	p := newPlace(t, fmt.Sprintf(`
[connections.a]
type = "busipush"
url = %q
appcode = "hunter2-a"
modulecode = "hunter2-b"
appsecret = "hunter2-c"
[connections.b]
type = "postgres"
dsn = "postgres://u:hunter2-d@127.0.0.1:1/x?connect_timeout=1"
[connections.c]
type = "mysql"
dsn = "u:hunter2-e@tcp(127.0.0.1:1)/x"
[jobs.j]
source = { connection = "b", table = "t", cursor = ["id"] }
sink = { connection = "a" }
`, partner.URL))
	p.empty()
	o := p.run("doctor", "--deep").exits(exitError).says("warning", "HTTP 503", "connection b", "connection c", "job j")
	o.hides("hunter2")
}

// TestDoctorIsBounded: what hangs is given up on, all at once.
func TestDoctorIsBounded(t *testing.T) {
	l := &deepLook{probe: func(ctx context.Context) []kind.Finding {
		<-ctx.Done()
		return []kind.Finding{kind.Failed("http", ctx.Err())}
	}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l.take(ctx)
	if len(l.found) != 1 || l.found[0].Level != kind.Bad {
		t.Errorf("%+v", l.found)
	}
}

func TestDoctorInTheSandbox(t *testing.T) {
	p, _ := affairsPlace(t)
	t.Chdir(p.dir)
	o := p.runUntil(t.Context(), "doctor", "--deep", "--sandbox").exits(exitDone)
	o.says("connection jinlaiban", "it answers")
}
