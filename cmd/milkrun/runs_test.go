package main

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"milkrun/state"
)

func TestRunsOfAJobThatIsNotThere(t *testing.T) {
	p, _ := affairsPlace(t)
	p.advanced("removed-job", state.Forward, "")
	p.run("runs", "affiars").exits(exitUsage).says(`there is no job "affiars"`, `did you mean "affairs"?`)
	p.run("runs", "affairs").exits(exitDone).says("no run yet")
	p.run("runs", "removed-job").exits(exitDone).says("removed-job")
	p.write("jobs.toml", "broken = ")
	p.run("runs", "affiars").exits(exitDone).says("no run yet") // nobody can say which jobs there are
}

// TestListsAreNeverNull asks for every list there is when there is nothing to list.
func TestListsAreNeverNull(t *testing.T) {
	p, _ := affairsPlace(t)
	p.edit(`"30 1 * * *"`, `"manual"`)
	p.empty()
	for _, args := range [][]string{{"runs"}, {"checkpoint", "list"}, {"checkpoint", "history", "affairs"}, {"dead", "list"}, {"slots"}, {"audit"}} {
		if out := p.run(append(args, "--json")...).exits(exitDone).out; out != "[]\n" {
			t.Errorf("%v: %q", args, out)
		}
	}
	for _, args := range [][]string{{"status", "--json"}, {"next", "--json"}, {"next", "affairs", "--json"}, {"checkpoint", "export"}} {
		out := p.run(args...).exits(exitDone).out
		if strings.Contains(strings.ReplaceAll(out, `"checkpoint": null`, ""), "null") {
			t.Errorf("%v: %s", args, out)
		}
	}
	p.run("check", "--json").exits(exitDone).says(`"problems": []`)
	p.edit("[jobs.affairs]", "[jobs.affairs]\nbatch_sise = 1")
	p.run("check", "--json").exits(exitUsage).says(`"usable": false`, `"jobs": []`, `batch_size`)
}

// ranOnce leaves a run with events in the state file.
func (p *place) ranOnce(r state.Run, events ...string) {
	p.t.Helper()
	p.with(func(ctx context.Context, s *state.Store) error {
		id, err := s.StartRun(ctx, r)
		if err != nil {
			return err
		}
		for _, text := range events {
			if err := s.AddEvent(ctx, state.Event{RunID: id, At: r.StartedAt, Kind: "note", Text: text}); err != nil {
				return err
			}
		}
		r.ID = id
		return s.FinishRun(ctx, r)
	})
}

func TestRunsAreShown(t *testing.T) {
	p, _ := affairsPlace(t)
	at := time.Date(2026, 3, 1, 1, 30, 0, 0, time.UTC)
	p.ranOnce(state.Run{Job: "affairs", Trigger: state.Manual, Mode: "full", State: state.Done, StartedAt: at, FinishedAt: at.Add(3 * time.Second),
		Counts: state.Counts{Pages: 1, Read: 1, Delivered: 1, Retries: 1, Total: -1}, CursorTo: atLine2,
		Summary: `{"inserted":1200,"updated":0,"deleted":0,"unchanged":4,"reread":3}`}, "it is so")
	p.run("runs").exits(exitDone).says("2026-03-01 09:30:00 +0800")
	p.run("runs", "show", "1").exits(exitDone).says("started      2026-03-01 09:30:00 +0800", "  2026-03-01 09:30:00 +0800  note     it is so",
		"1 page, 0 bytes, 1 retry", "summary      1,200 inserted, 0 updated, 0 deleted, 4 unchanged; 3 pages read again").hides("1970").hides("0001-")

	out := p.run("runs", "show", "1", "--json").exits(exitDone).hides("0001-").out
	for _, key := range regexp.MustCompile(`"(\w+)":`).FindAllStringSubmatch(out, -1) {
		if key[1] != strings.ToLower(key[1]) {
			t.Errorf("key %s", key[1])
		}
	}
	var v runDetail
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatal(err)
	}
	if v.Run.CursorTo != atLine2 || !v.Run.StartedAt.Equal(at) || !v.Run.Slot.IsZero() || v.Run.Total != nil || len(v.Events) != 1 {
		t.Errorf("%+v", v)
	}
	if strings.Contains(out, `"slot"`) || strings.Contains(out, `"total"`) || !strings.Contains(out, `"inserted": 1200`) {
		t.Error(out)
	}
}

func TestSlotsThatWereDue(t *testing.T) {
	p, _ := affairsPlace(t)
	at := time.Date(2026, 3, 1, 17, 30, 0, 0, time.UTC)
	p.empty()
	p.run("slots").exits(exitDone).says("no slot was due yet")
	p.with(func(ctx context.Context, s *state.Store) error {
		_, err := s.DecideAndStart(ctx, []state.Slot{
			{Job: "affairs", At: at.AddDate(0, 0, -9), Through: at.AddDate(0, 0, -1), Count: 9, Decision: state.Missed, Note: "past its grace of 24h"},
			{Job: "affairs", At: at, Decision: state.Ran},
			{Job: "late", At: at, Decision: state.Held, Note: "connection jinlaiban is halted"},
		}, state.Run{Job: "affairs", Trigger: state.Schedule, Mode: "incremental"})
		return err
	})
	p.run("slots").exits(exitDone).says("affairs  2026-03-02 01:30:00 +0800", "ran       1", "halted", "connection jinlaiban is halted",
		"2026-02-21 01:30:00 +0800 … 2026-03-01 01:30:00 +0800 (9 slots)", "missed", "past its grace")
	p.run("slots", "late", "-n", "1").exits(exitDone).says("halted").hides("affairs")
	var list []decisionView
	p.run("slots", "affairs", "--json").exits(exitDone).json(&list)
	if len(list) != 2 || list[0].Run != 1 || list[0].Count != 1 || list[1].Decision != "missed" || list[1].Count != 9 || !list[0].Slot.Equal(at) {
		t.Errorf("%+v", list)
	}
}

func TestWhatOperatorsDid(t *testing.T) {
	p, _ := affairsPlace(t)
	p.empty()
	p.run("audit").exits(exitDone).says("no operator has changed anything yet")
	p.refuse("affairs", "a-1")
	p.halted(state.ConnectionScope, "jinlaiban")
	for _, line := range []string{"pause affairs", "resume affairs", "resume jinlaiban", "dead drop 1", `checkpoint set affairs {"line":1,"offset":5}`} {
		p.run(append(strings.Fields(line), "--why", "because")...).exits(exitDone)
	}
	p.run("audit").exits(exitDone).says("AT", operator(), "checkpoint set forward", "dead letter 1 dropped", "resume connection", "jinlaiban", "pause", "because")
	var list []auditView
	p.run("audit", "--json", "-n", "2").exits(exitDone).json(&list)
	if len(list) != 2 || list[0].What != "checkpoint set forward" || list[0].Who != operator() || list[0].Name != "affairs" || list[0].Why != "because" {
		t.Errorf("%+v", list)
	}
}
