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
	for _, args := range [][]string{{"runs"}, {"checkpoint", "list"}, {"checkpoint", "history", "affairs"}, {"dead", "list"}} {
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
