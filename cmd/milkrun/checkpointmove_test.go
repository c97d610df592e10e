package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"milkrun/state"
	"milkrun/sync/sandbox"
)

const moved = `{"line":2,"offset":300}`

// TestCheckpointMove gives a job its old place under a new name, and takes that back.
func TestCheckpointMove(t *testing.T) {
	p, _ := affairsPlace(t)
	text := p.read("jobs.toml")
	p.advanced("affairs", state.Forward, moved)
	move := func(args ...string) outcome {
		return p.run(append([]string{"checkpoint", "move"}, args...)...)
	}
	move("affairs", "cases", "--yes", "--why", "x").exits(exitUsage).says("job affairs is in", "its new name there first", "nothing was changed")
	p.write("jobs.toml", strings.ReplaceAll(text, "[jobs.affairs]", "[jobs.cases]"))
	move("affairs", "cases", "--yes").exits(exitUsage).says("needs a reason")
	move("affairs", "--why", "x").exits(exitUsage).says("move OLD NEW")
	move("affairs", "csaes", "--yes", "--why", "x").exits(exitUsage).says(`there is no job "csaes"`, `did you mean "cases"?`)
	move("afairs", "cases", "--yes", "--why", "x").exits(exitUsage).says(`there is no job "afairs"`, `did you mean "affairs"?`)
	move("affairs", "cases", "--why", "renamed").exits(exitUsage).says("job cases will go on from the place of job affairs", "--yes")
	p.wantCursor("affairs", moved)
	move("affairs", "cases", "--yes", "--why", "renamed").exits(exitDone).
		says("job cases goes on from the place of job affairs: line 2, offset 300", "dead letters and runs stay with job affairs", "milkrun checkpoint move cases affairs").hides("resume")
	p.wantCursor("cases", moved)
	p.run("checkpoint", "history", "cases").exits(exitDone).says("set", "renamed", operator())
	p.run("checkpoint", "history", "affairs").exits(exitDone).says("reset", "renamed", operator())
	p.run("audit").exits(exitDone).says("checkpoint move from affairs", "cases", "renamed")
	move("affairs", "cases", "--yes", "--why", "x").exits(exitError).says("job affairs has no place that could be moved", "milkrun checkpoint history affairs")

	p.advanced("late", state.Forward, moved)
	p.write("jobs.toml", text)
	move("cases", "late", "--yes", "--why", "x").exits(exitError).says("job late has a place of its own", "milkrun checkpoint show late", "nothing was changed")
	move("cases", "affairs", "--yes", "--why", "it was too early").exits(exitDone)
	p.wantCursor("affairs", moved)
}

// TestCheckpointMoveWaits refuses while a run of either job is under way, or the daemon may begin one with the old name.
func TestCheckpointMoveWaits(t *testing.T) {
	p, _ := affairsPlace(t)
	p.advanced("affairs", state.Forward, moved)
	p.write("jobs.toml", strings.ReplaceAll(p.read("jobs.toml"), "[jobs.affairs]", "[jobs.cases]"))
	move := []string{"checkpoint", "move", "affairs", "cases", "--yes", "--why", "renamed"}
	wire := func(job string) {
		p.with(func(ctx context.Context, s *state.Store) error {
			return s.Wire(ctx, []state.Wiring{{Job: job, Source: "a", Sink: "b"}})
		})
	}
	wire("affairs")
	p.begun("cases")
	stop := p.daemon()
	p.run(move...).exits(exitError).says("the daemon still has job affairs", "milkrun pause affairs", "nothing was changed")
	p.with(func(ctx context.Context, s *state.Store) error {
		return s.Pause(ctx, "affairs", "li", "it gets another name")
	})
	p.run(move...).exits(exitError).says("run 2 of job cases is under way", "nothing was changed", "milkrun pause cases")
	stop()
	p.run(move...).exits(exitDone).says("run 2", "interrupted", "line 2, offset 300")
	p.wantCursor("cases", moved)
}

// renamedSMS is a world whose job is renamed after a run, with what a person does then.
func renamedSMS(t *testing.T, cursor string, before func(*smsWorld, *place)) (*smsWorld, *place) {
	t.Helper()
	t.Parallel()
	w := newSMSWorld(t, 30)
	w.change(t, "ALTER TABLE queue ADD COLUMN created TEXT DEFAULT '2026-11-20 08:00:00'")
	text := strings.Replace(w.toml(""), `cursor = ["id"]`, cursor, 1)
	p := newPlace(t, text)
	before(w, p)
	p.write("jobs.toml", strings.Replace(text, "[jobs.sms]", "[jobs.notices]", 1))
	return w, p
}

func (w *smsWorld) change(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := openSQLite(t, filepath.Join(w.dir, "business.db")).ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

// ends runs the job under its new name, with more records, and wants a message for everybody, and no second one for anybody.
func (w *smsWorld) ends(t *testing.T, p *place, created ...string) {
	t.Helper()
	for _, at := range created {
		w.n++
		w.change(t, "INSERT INTO queue VALUES (?, ?, 'x', ?)", w.n, smsPhone(w.n), at)
	}
	p.run("resume", "notices").exits(exitDone)
	p.run("once", "notices").exits(exitDone)
	p.run("once", "notices").exits(exitDone)
	w.never(t)
	if _, messages := w.box.Caih.Numbers(); messages != int64(w.n) {
		t.Errorf("%d messages, want %d", messages, w.n)
	}
}

// TestRenamedWithLookback renames a job that reads again what stands a little before its checkpoint: there it has marks always.
func TestRenamedWithLookback(t *testing.T) {
	w, p := renamedSMS(t, `cursor = ["created", "id"], lookback = "1h"`, func(_ *smsWorld, p *place) { p.run("once", "sms").exits(exitDone) })
	p.run("once", "notices").exits(exitError).says("milkrun checkpoint move sms notices --yes --why renamed", "nothing was sent").hides("old name back")
	p.run("checkpoint", "move", "sms", "notices", "--yes", "--why", "renamed").exits(exitDone).says("milkrun resume notices")
	w.ends(t, p, "2026-11-20 08:10:00", "2026-11-20 07:50:00")
}

// TestRenamedInDoubt renames a job with a batch that nobody knows of.
func TestRenamedInDoubt(t *testing.T) {
	w, p := renamedSMS(t, `cursor = ["id"]`, func(w *smsWorld, p *place) {
		if err := w.box.Faults.Caih.Set(sandbox.Fault{Kind: sandbox.DropAfter, Every: 2, Next: 1}); err != nil {
			t.Fatal(err)
		}
		p.run("once", "sms").exits(exitError)
	})
	move := []string{"checkpoint", "move", "sms", "notices", "--yes", "--why", "renamed"}
	p.run("once", "notices").exits(exitError).says("milkrun doubt list sms", strings.Join(move, " "))
	p.run(move...).exits(exitError).says("nobody knows what became of a batch of job sms", "milkrun doubt list sms", "nothing was changed")
	w.settleDoubts(t, p)
	p.run(move...).exits(exitDone)
	w.ends(t, p, "2026-11-20 08:10:00")
}

// settleDoubts settles as sent what the platform has.
func (w *smsWorld) settleDoubts(t *testing.T, p *place) {
	t.Helper()
	var list []batchView
	p.run("doubt", "list", "--json").exits(exitDone).json(&list)
	if len(list) == 0 {
		t.Fatal("nothing is in doubt")
	}
	for _, b := range list {
		p.run("doubt", "settle", b.ID, "--as", "sent", "--note", "the platform has it").exits(exitDone)
	}
}

// TestRenamedBesideDaemon renames a job so that it never halts: its place is there before the daemon knows the new name.
func TestRenamedBesideDaemon(t *testing.T) {
	t.Parallel()
	w := newSMSWorld(t, 20)
	m := manage(t, w.toml(""))
	m.hears("READY=1")
	p := m.beside()
	p.run("trigger", "sms", "--wait").exits(exitDone)
	p.run("pause", "sms", "--why", "it gets another name").exits(exitDone)
	m.write(strings.Replace(w.toml(""), "[jobs.sms]", "[jobs.notices]", 1))
	p.run("checkpoint", "move", "sms", "notices", "--yes", "--why", "renamed").exits(exitDone).hides("resume")
	p.run("reload").exits(exitDone).hides("looks like")
	p.run("trigger", "notices", "--wait").exits(exitDone)
	p.run("resume", "sms").exits(exitDone)
	p.run("status").exits(exitDone).hides("paused")
	w.never(t)
	m.end()
}
