package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"milkrun/state"
	"milkrun/sync/feed"
)

const atLine2 = `{"line":2,"offset":300}`

// advanced makes a run of a job that has come to a cursor and ended.
func (p *place) advanced(job string, lane state.Lane, cursor feed.Cursor) {
	p.t.Helper()
	p.with(func(ctx context.Context, s *state.Store) error {
		id, err := s.StartRun(ctx, state.Run{Job: job, Trigger: state.Manual, Mode: "incremental"})
		if err != nil {
			return err
		}
		step := state.Progress{Checkpoint: state.Checkpoint{Job: job, Lane: lane, Cursor: cursor, Rows: 1200, RunID: id}}
		if err := s.Advance(ctx, step); err != nil {
			return err
		}
		return s.FinishRun(ctx, state.Run{ID: id, Job: job, State: state.Done})
	})
}

// begun leaves a run of a job under way.
func (p *place) begun(job string) {
	p.t.Helper()
	p.with(func(ctx context.Context, s *state.Store) error {
		_, err := s.StartRun(ctx, state.Run{Job: job, Trigger: state.Schedule, Mode: "incremental"})
		return err
	})
}

func (p *place) cursor(job string) *feed.Cursor {
	p.t.Helper()
	var v checkpointView
	p.run("checkpoint", "show", job, "--json").exits(exitDone).json(&v)
	return v.Cursor
}

func (p *place) wantCursor(job string, want feed.Cursor) {
	p.t.Helper()
	if got := p.cursor(job); got == nil || *got != want {
		p.t.Errorf("checkpoint of %s is %v, want %s", job, inWords(got), want)
	}
}

func TestCheckpointIsShown(t *testing.T) {
	p, _ := affairsPlace(t)
	p.run("checkpoint", "list").exits(exitError).says("no state file", "first run")
	p.empty()
	p.run("checkpoint", "list").exits(exitDone).says("no checkpoint yet")
	p.run("checkpoint", "show", "affairs").exits(exitDone).says("job affairs has no checkpoint", "begins at the beginning")
	if c := p.cursor("affairs"); c != nil {
		t.Errorf("cursor %q without a checkpoint", *c)
	}
	p.run("checkpoint", "show", "afairs").exits(exitUsage).says(`there is no job "afairs"`, `did you mean "affairs"?`)

	p.advanced("affairs", state.Forward, atLine2)
	p.advanced("late", state.Full, "")
	p.run("checkpoint", "show", "affairs").exits(exitDone).says("line 2, offset 300", atLine2, "1,200 records", "by run 1", "what is new")
	p.run("checkpoint", "show", "late").exits(exitDone).says("a complete pass that is under way", "the beginning")
	p.run("checkpoint", "show", "late", "--lane", "forward").exits(exitDone).says("no checkpoint in lane forward", "--lane full")
	p.run("checkpoint", "show", "late", "--lane", "sideways").exits(exitUsage).says("--lane")
	p.run("checkpoint", "list").exits(exitDone).says("affairs", "late", "line 2, offset 300")
	var list []checkpointView
	p.run("checkpoint", "list", "--json").exits(exitDone).json(&list)
	if len(list) != 2 || list[0].Job != "affairs" || *list[0].Cursor != atLine2 || list[0].Delivered != 1200 || list[1].Lane != state.Full {
		t.Errorf("list %+v", list)
	}
}

func TestCheckpointIsSetAndUndone(t *testing.T) {
	p, _ := affairsPlace(t)
	p.advanced("affairs", state.Forward, atLine2)
	set := func(cursor string, more ...string) outcome {
		return p.run(append([]string{"checkpoint", "set", "affairs", cursor}, more...)...)
	}
	set(`{"line":1,"offset":150}`).exits(exitUsage).says("needs a reason", "--why")
	set(`{"line":-1,"offset":150}`, "--why", "x").exits(exitUsage).says("cursor", `{"line":120,"offset":4096}`, "nothing was changed")
	p.wantCursor("affairs", atLine2)
	set(` {"offset":150, "line":1} `, "--why", "they ask for May again").exits(exitDone).
		says("line 2, offset 300 → line 1, offset 150", "checkpoint undo affairs", "no daemon is running")
	p.wantCursor("affairs", `{"line":1,"offset":150}`)
	p.run("checkpoint", "history", "affairs").exits(exitDone).says("set", "run 1", "they ask for May again", operator())
	var changes []changeView
	p.run("checkpoint", "history", "affairs", "--json", "-n", "1").exits(exitDone).json(&changes)
	if len(changes) != 1 || changes[0].What != "set" || *changes[0].From != atLine2 || changes[0].Who != operator() {
		t.Errorf("history %+v", changes)
	}
	p.run("checkpoint", "undo", "affairs", "--why", "the other job").exits(exitDone).says("line 1, offset 150 → line 2, offset 300")
	p.wantCursor("affairs", atLine2)
	p.run("checkpoint", "undo", "laet", "--why", "x").exits(exitUsage).says(`did you mean "late"?`)
	p.run("checkpoint", "undo", "late", "--why", "x").exits(exitError).says("nothing to undo", "checkpoint history late")
	p.run("checkpoint", "set", "graeds", "{}", "--why", "x").exits(exitUsage).says(`there is no job "graeds"`)
	p.run("checkpoint", "set", "affairs", "--why", "x").exits(exitUsage).says("accepts 2 arg(s)", "set JOB CURSOR")
}

func TestCheckpointIsReset(t *testing.T) {
	p, _ := affairsPlace(t)
	p.advanced("affairs", state.Forward, atLine2)
	p.advanced("late", state.Full, atLine2)
	p.run("checkpoint", "reset", "affairs", "--why", "x").exits(exitUsage).says("deliver again every record", "--yes")
	p.wantCursor("affairs", atLine2)
	p.run("checkpoint", "reset", "affairs", "--yes").exits(exitUsage).says("needs a reason")
	p.run("checkpoint", "reset", "affairs", "--yes", "--why", "x").exits(exitDone).says("line 2, offset 300 → the beginning", "undo")
	if c := p.cursor("affairs"); c != nil {
		t.Errorf("cursor %q after a reset", *c)
	}
	p.run("checkpoint", "reset", "affairs", "--why", "x").exits(exitDone).says("nothing to reset")
	p.run("checkpoint", "undo", "affairs", "--why", "x").exits(exitDone).says("the beginning → line 2, offset 300")
	p.wantCursor("affairs", atLine2)

	p.run("checkpoint", "reset", "late", "--why", "start over").exits(exitDone).says("lane full", "--lane full")
	p.advanced("late", state.Forward, "")
	p.run("checkpoint", "undo", "late", "--why", "no").exits(exitDone).says("lane full: the beginning → line 2, offset 300")
	p.run("checkpoint", "reset", "ltae", "--yes", "--why", "x").exits(exitUsage).says(`did you mean "late"?`)
}

func TestCheckpointOfARunningJobIsLeftAlone(t *testing.T) {
	p, _ := affairsPlace(t)
	p.advanced("affairs", state.Forward, atLine2)
	p.advanced("late", state.Forward, atLine2)
	p.begun("affairs")
	stop := p.daemon()
	document := p.write("export.json", p.run("checkpoint", "export").exits(exitDone).out)
	for _, args := range [][]string{
		{"set", "affairs", `{"line":1,"offset":150}`}, {"reset", "affairs", "--yes"}, {"undo", "affairs"}, {"import", document},
	} {
		p.run(append(append([]string{"checkpoint"}, args...), "--why", "x")...).exits(exitError).
			says("run 3 of job affairs is under way", "nothing was changed", "milkrun pause affairs", "systemctl stop milkrun")
	}
	p.wantCursor("affairs", atLine2)
	p.run("checkpoint", "show", "affairs").exits(exitDone).says("run 3 is under way")
	p.run("checkpoint", "set", "late", `{"line":0,"offset":0}`, "--why", "x").exits(exitDone).says("the daemon (process ")
	stop()

	// What a killed milkrun left open does not block for ever.
	p.run("checkpoint", "set", "affairs", `{"line":1,"offset":150}`, "--why", "x").exits(exitDone).says("run 3", "interrupted", "line 1, offset 150")
	p.wantCursor("affairs", `{"line":1,"offset":150}`)
}

func TestCheckpointsMoveToAnotherStateFile(t *testing.T) {
	p, _ := affairsPlace(t)
	p.advanced("affairs", state.Forward, atLine2)
	document := p.write("export.json", p.run("checkpoint", "export").exits(exitDone).out)
	p.state = filepath.Join(p.dir, "other.db")
	p.run("checkpoint", "import", document).exits(exitUsage).says("needs a reason")
	p.run("checkpoint", "import", document, "--why", "new machine").exits(exitDone).says("the beginning → line 2, offset 300", "1 checkpoint set")
	p.wantCursor("affairs", atLine2)
	renamed := p.write("renamed.json", strings.ReplaceAll(p.read("export.json"), "affairs", "affiars"))
	p.run("checkpoint", "import", renamed, "--why", "a new name").exits(exitDone).says(`there is no job "affiars" in `, "nothing reads this checkpoint")
	p.run("checkpoint", "undo", "affairs", "--why", "x").exits(exitDone)
	if c := p.cursor("affairs"); c != nil {
		t.Errorf("cursor %q after the import was taken back", *c)
	}
	p.run("checkpoint", "import", p.write("bad.json", `{"format":"else"}`), "--why", "x").exits(exitUsage).says("bad.json", "format", "nothing was changed")
	p.run("checkpoint", "import", filepath.Join(p.dir, "gone.json"), "--why", "x").exits(exitUsage).says("gone.json")
}

func TestCheckpointCommandsAreFound(t *testing.T) {
	p, _ := affairsPlace(t)
	p.run("checkpoint", "lsit").exits(exitUsage).says(`there is no milkrun checkpoint command "lsit"`, `did you mean "list"?`)
	p.run("checkpoint").exits(exitDone).says("Available Commands", "history")
}

func TestInWords(t *testing.T) {
	for cursor, want := range map[feed.Cursor]string{
		"":                         "the beginning",
		`{"page":812,"size":1000}`: "page 812, size 1000",
		`{"create_date":"2026-01-02","id":["a"]}`: `create_date 2026-01-02, id ["a"]`,
		"token-17":                   "token-17",
		`{"page":`:                   `{"page":`,
		`["2026-01-02 10:00:00",17]`: "2026-01-02 10:00:00, 17",
		`[1`:                         "[1",
	} {
		if got := inWords(&cursor); got != want {
			t.Errorf("inWords(%s) = %q, want %q", cursor, got, want)
		}
	}
}
