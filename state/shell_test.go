package state

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// shell runs a query in the plain sqlite3 shell, beside the open store.
func shell(t *testing.T, path, query string) []map[string]any {
	t.Helper()
	tool, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("no sqlite3 shell here")
	}
	out, err := exec.CommandContext(t.Context(), tool, "-readonly", "-json", path, query).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", query, err, out)
	}
	var rows []map[string]any
	if len(out) > 0 {
		ok(t, json.Unmarshal(out, &rows))
	}
	return rows
}

func TestReadableWithThePlainShell(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	must[time.Time](t)(s.JobSince(ctx, "grades", "30 1 * * *"))
	id := must[int64](t)(s.DecideAndStart(ctx, []Slot{{Job: "grades", At: at(0), Decision: Ran}},
		Run{Job: "grades", Slot: at(0), Trigger: Schedule, Mode: "full", Counts: Counts{Total: 1700000}}))
	ok(t, s.Advance(ctx, Progress{
		Checkpoint: Checkpoint{Job: "grades", Lane: Forward, Cursor: `{"page":3}`, Rows: 3000, RunID: id},
		Counts:     Counts{Pages: 3, Read: 3000, Delivered: 2999, Rejected: 1},
		Letters:    []Letter{{Code: "uscc", Reason: "check digit", Key: "91…", Record: `{"grade":"A"}`}},
	}))
	ok(t, s.SetHalt(ctx, Halt{Scope: JobScope, Name: "affairs", Reason: "302"}))
	ok(t, s.Pause(ctx, "affairs", "operator", "moving"))
	ok(t, s.Pause(ctx, "users", "operator", "moving"))
	must[string](t)(s.AddIntent(ctx, Intent{Job: "grades", State: IntentDoubt}))
	path := s.Path()

	status := shell(t, path, "SELECT * FROM v_status")
	want := []struct{ job, state, reason string }{{"affairs", "halted", "302"}, {"grades", "running", ""}, {"users", "paused", "moving"}}
	if len(status) != len(want) {
		t.Fatalf("v_status %v", status)
	}
	for i, w := range want {
		if r := status[i]; r["job"] != w.job || r["state"] != w.state || r["reason"] != w.reason {
			t.Errorf("v_status %v, want %v", r, w)
		}
	}
	if g := status[1]; g["cursor"] != `{"page":3}` || g["open_letters"] != 1.0 || g["doubts"] != 1.0 || g["last_slot"] != "2026-03-01T12:00:00.000Z" {
		t.Errorf("v_status %v", g)
	}
	if r := shell(t, path, "SELECT * FROM v_runs"); len(r) != 1 || r[0]["delivered"] != 2999.0 || r[0]["trigger"] != "schedule" {
		t.Errorf("v_runs %v", r)
	}
	if r := shell(t, path, "SELECT id, record ->> 'grade' AS grade FROM v_letters"); len(r) != 1 || r[0]["grade"] != "A" {
		t.Errorf("v_letters %v", r)
	}
	if r := shell(t, path, "SELECT * FROM v_slots"); len(r) != 1 || r[0]["decision"] != "ran" || r[0]["run_state"] != "running" {
		t.Errorf("v_slots %v", r)
	}
	if r := shell(t, path, "SELECT *, datetime(updated_at, 'localtime') AS here FROM v_checkpoints"); len(r) != 1 || r[0]["cursor"] != `{"page":3}` || r[0]["here"] == nil {
		t.Errorf("v_checkpoints %v", r)
	}
	loose := shell(t, path, "SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main' AND NOT strict AND name NOT LIKE 'sqlite%'")
	if len(loose) > 0 {
		t.Errorf("tables that are not STRICT: %v", loose)
	}
}

// v_status says the same as the command milkrun status: a halt of the job or of a connection, strongest first, and that
// a halt was ended.
func TestStatusView(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	ok(t, s.Wire(ctx, []Wiring{{"gone", "credit", "db", "", nil}}))
	ok(t, s.Wire(ctx, []Wiring{{"grades", "credit", "db", "", nil}, {"affairs", "db", "jinlaiban", "", nil}, {"users", "db", "partner", "", nil}, {"new", "a", "b", "", []string{"inbox"}}}))
	end := func(job string, state RunState, why string) {
		t.Helper()
		ok(t, s.FinishRun(ctx, Run{ID: startRun(t, s, job), Job: job, State: state, Error: why}))
	}
	want := func(reasons map[string]string) {
		t.Helper()
		list := must[[][3]string](t)(all(ctx, s.r, func(row scanner) (v [3]string, err error) {
			err = row.Scan(&v[0], &v[1], &v[2])
			return v, err
		}, "SELECT job, state, reason FROM v_status"))
		for _, v := range list {
			if got := v[1] + ": " + v[2]; got != reasons[v[0]] {
				t.Errorf("%s is %q, want %q", v[0], got, reasons[v[0]])
			}
		}
		if len(list) != len(reasons) {
			t.Errorf("%d jobs, want %d: %v", len(list), len(reasons), list)
		}
	}
	end("grades", Failed, "HTTP 503")
	end("affairs", Halted, "302")
	end("users", Done, "")
	ok(t, s.SetHalt(ctx, Halt{Scope: ConnectionScope, Name: "jinlaiban", Reason: "no permission"}))
	ok(t, s.Pause(ctx, "users", "li", "they move"))
	want(map[string]string{"grades": "failed: HTTP 503", "affairs": "halted: no permission", "users": "paused: they move", "new": "never ran: ", "gone": "never ran: "})

	cleared := must[bool](t)(s.ClearHalt(ctx, ConnectionScope, "jinlaiban", "li", "opened"))
	ok(t, s.SetHalt(ctx, Halt{Scope: ConnectionScope, Name: "db", Reason: "no such file"}))
	ok(t, s.SetHalt(ctx, Halt{Scope: JobScope, Name: "grades", Reason: "shrink"}))
	ok(t, s.SetHalt(ctx, Halt{Scope: JobScope, Name: "typed", Reason: "by hand"}))
	want(map[string]string{"grades": "halted: shrink", "affairs": "halted: no such file", "users": "halted: no such file", "new": "never ran: ", "gone": "never ran: ",
		"typed": "halted: by hand"})

	cleared = must[bool](t)(s.ClearHalt(ctx, ConnectionScope, "db", "li", "")) && cleared
	cleared = must[bool](t)(s.ClearHalt(ctx, JobScope, "grades", "li", "")) && must[bool](t)(s.ClearHalt(ctx, JobScope, "typed", "li", "")) && cleared
	if !cleared {
		t.Error("a halt was not there")
	}
	// A unit of a backfill says nothing about how its job stands.
	unit := must[int64](t)(s.StartRun(ctx, Run{Job: "grades", Trigger: Backfilled, Mode: "incremental"}))
	ok(t, s.FinishRun(ctx, Run{ID: unit, Job: "grades", State: Done}))
	// A pause or halt of a connection that a source takes values from holds the job too.
	ok(t, s.PauseConnection(ctx, "inbox", "me", "a wrong list"))
	held := must[[]string](t)(all(ctx, s.r, func(row scanner) (v string, err error) {
		err = row.Scan(&v)
		return v, err
	}, "SELECT state || ' ' || reason FROM v_status WHERE job = 'new'"))
	if len(held) != 1 || held[0] != "paused connection inbox: a wrong list" {
		t.Errorf("held: %q", held)
	}
	if n, _, err := one(ctx, s.r, scanTo[int], "SELECT count(*) FROM job WHERE json_type(asks) <> 'array'"); n > 0 || err != nil {
		t.Errorf("%d jobs have no list in asks, %v", n, err)
	}
	must[bool](t)(s.UnpauseConnection(ctx, "inbox", "me", ""))
	startRun(t, s, "users")
	want(map[string]string{"grades": "failed: HTTP 503", "affairs": "resumed: ", "users": "running: ", "new": "never ran: ", "gone": "never ran: "})
}

// What docs/state.md tells people to type works as it stands there.
func TestDocumentedQueries(t *testing.T) {
	s := newStore(t)
	runTo(t, s, "affairs", "1")
	for _, file := range []string{"../docs/state.md", "../docs/state.zh-CN.md"} {
		text := string(must[[]byte](t)(os.ReadFile(file)))
		_, rest, _ := strings.Cut(text, "```sql\n")
		queries, _, found := strings.Cut(rest, "```")
		if !found || strings.Count(queries, ";") < 5 {
			t.Fatalf("%s has no queries", file)
		}
		for query := range strings.SplitSeq(strings.TrimSpace(queries), ";\n") {
			_, query, _ = strings.Cut(query, "\n") // the comment
			shell(t, s.Path(), query)
		}
		for _, view := range []string{"v_status", "v_runs", "v_letters", "v_slots", "v_checkpoints"} {
			for _, column := range must[[]string](t)(all(t.Context(), s.r, scanTo[string], "SELECT name FROM pragma_table_info(?)", view)) {
				if _, line, _ := strings.Cut(text, "| `"+view+"` |"); !strings.Contains(strings.SplitN(line, "\n", 2)[0], "`"+column+"`") {
					t.Errorf("%s does not tell of %s.%s", file, view, column)
				}
			}
		}
	}
	copied := s.Path() + ".bak"
	shell(t, s.Path(), "VACUUM INTO '"+copied+"'")
	if c := cursorOf(t, mustOpen(t, copied), "affairs"); c != "1" {
		t.Errorf("the copy has cursor %s", c)
	}
}

// The common questions are answered by an index, however long the history.
func TestQuestionsUseAnIndex(t *testing.T) {
	s := newStore(t)
	for _, query := range []string{
		"SELECT 1 FROM run WHERE job = ? ORDER BY id DESC LIMIT 1",
		"SELECT 1 FROM run WHERE job = ? AND state = 'running'",
		"SELECT 1 FROM slot WHERE job = ? AND at <= ? ORDER BY at DESC LIMIT 1",
		"SELECT 1 FROM checkpoint WHERE run_id = ?",
		"SELECT max(version) FROM checkpoint_history WHERE job = ? AND lane = ?",
		"SELECT 1 FROM letter WHERE id > ? AND job = ? AND state = ? ORDER BY id",
		"SELECT 1 FROM intent WHERE job = ? AND state <> 'settled'",
		"DELETE FROM recent WHERE job = ?",
	} {
		args := make([]any, strings.Count(query, "?"))
		plan, err := all(t.Context(), s.r, func(row scanner) (detail string, err error) {
			var id, parent, unused any
			err = row.Scan(&id, &parent, &unused, &detail)
			return detail, err
		}, "EXPLAIN QUERY PLAN "+query, args...)
		ok(t, err)
		if text := strings.Join(plan, "; "); strings.Contains(text, "SCAN") || strings.Contains(text, "TEMP B-TREE") {
			t.Errorf("%s: %s", query, text)
		}
	}
}
