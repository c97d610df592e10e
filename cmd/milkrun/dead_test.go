package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"milkrun/state"
	"milkrun/sync/feed"
)

// refuse makes an open dead letter of each of some affairs, and returns the place to look at them.
func (p *place) refuse(job string, ids ...string) {
	p.t.Helper()
	p.with(func(ctx context.Context, s *state.Store) error {
		run, err := s.StartRun(ctx, state.Run{Job: job, Trigger: state.Manual, Mode: "incremental"})
		if err != nil {
			return err
		}
		step := state.Progress{Checkpoint: state.Checkpoint{Job: job, RunID: run}}
		for _, id := range ids {
			step.Letters = append(step.Letters, state.Letter{Code: "300", Reason: "异常: 业务事项 of " + id,
				Place: feed.Cursor(fmt.Sprintf(`{"key":[%q]}`, id)), Record: fmt.Sprintf(`{"id":%q,"user_name":"张*"}`, id)})
		}
		if err := s.Advance(ctx, step); err != nil {
			return err
		}
		return s.FinishRun(ctx, state.Run{ID: run, Job: job, State: state.Part})
	})
}

func (p *place) wantLetter(id int64, state string) letterView {
	p.t.Helper()
	var v letterView
	p.run("dead", "show", fmt.Sprint(id), "--json").exits(exitDone).json(&v)
	if v.State != state {
		p.t.Errorf("dead letter %d is %s, want %s", id, v.State, state)
	}
	return v
}

func TestDeadLettersAreShown(t *testing.T) {
	p, _ := affairsPlace(t)
	p.empty()
	p.run("dead", "list").exits(exitDone).says("no dead letters")
	p.run("dead", "list", "affiars").exits(exitUsage).says(`did you mean "affairs"?`)
	p.refuse("affairs", "a-1", "a-2")
	p.refuse("late", "b-1")
	p.run("dead", "list").exits(exitDone).says("affairs", "late", "300", "异常: 业务事项 of a-1")
	p.run("dead", "list", "late").exits(exitDone).says("b-1").hides("a-1")
	p.run("dead", "list", "--limit", "1").exits(exitDone).says("--limit 0").hides("a-2")
	p.run("dead", "list", "--only", "shut").exits(exitUsage).says("--only")
	p.run("dead", "show", "1").exits(exitDone).says("1 of job affairs", "异常", `{"key":["a-1"]}`, `"user_name": "张*"`, "milkrun dead retry affairs 1")
	p.run("dead", "show", "9").exits(exitUsage).says("dead letter 9", "not found", "dead list --only all")
	p.run("dead", "show", "x").exits(exitUsage).says(`"x" is no dead letter's number`)
	var list []letterView
	p.run("dead", "list", "affairs", "--json").exits(exitDone).json(&list)
	if len(list) != 2 || list[0].ID != 1 || list[0].Tries != 1 || string(list[1].Place) != `{"key":["a-2"]}` || len(list[0].Record) == 0 {
		t.Errorf("list %+v", list)
	}
}

func TestDeadLettersAreDropped(t *testing.T) {
	p, _ := affairsPlace(t)
	p.refuse("affairs", "a-1", "a-2", "a-3")
	p.run("dead", "drop", "1").exits(exitUsage).says("needs a reason")
	p.run("dead", "drop", "1", "9", "--why", "tests").exits(exitUsage).says("dead letter 9", "not found")
	p.wantLetter(1, state.LetterOpen)
	stop := p.daemon()
	p.run("dead", "drop", "1", "3", "1", "--why", "tests").exits(exitDone).says("dead letter 1 of job affairs is dropped", "dead letter 3")
	stop()
	if v := p.wantLetter(1, state.LetterDropped); v.Who != operator() || v.Why != "tests" {
		t.Errorf("dropped letter %+v", v)
	}
	p.wantLetter(2, state.LetterOpen)
	p.run("dead", "drop", "1", "--why", "tests").exits(exitUsage).says("dead letter 1 is dropped since", "nothing was done")
	p.run("dead", "list").exits(exitDone).says("a-2").hides("a-1")
	p.run("dead", "list", "--only", "dropped").exits(exitDone).says("a-1").hides("a-2")
}

func TestDeadLettersAreTriedAgain(t *testing.T) {
	p, partner := affairsPlace(t)
	p.refuse("affairs", "a-1", "a-2", "a-3", "gone")
	p.refuse("late", "b-1")
	p.run("dead", "retry", "affairs").exits(exitUsage).says("or all of them", "--all")
	p.run("dead", "retry", "affairs", "1", "--all").exits(exitUsage)
	p.run("dead", "retry", "affairs", "5").exits(exitUsage).says("is of job late, not of affairs", "nothing was sent")

	p.run("dead", "retry", "affairs", "1", "--dry-run").exits(exitDone).says("nothing was sent", "a-1", "string to sign").hides("sandbox-appsecret")
	if partner.Records() != 0 {
		t.Errorf("a dry run sent %d records", partner.Records())
	}
	p.wantLetter(1, state.LetterOpen)

	p.run("dead", "retry", "affairs", "1").exits(exitDone).says("dead letter 1 is delivered", "1 delivered, 0 still open")
	p.wantLetter(1, state.LetterDelivered)
	p.run("dead", "retry", "affairs", "1").exits(exitUsage).says("dead letter 1 is delivered since")

	partner.Poison("a-2")
	p.run("dead", "retry", "affairs", "--all").exits(exitPart).says("dead letter 2 stays open", "dead letter 3 is delivered",
		"dead letter 4 stays open: the record is no longer where it was read", "1 delivered, 2 still open")
	if v := p.wantLetter(2, state.LetterOpen); v.Tries < 2 || v.LastError == "" {
		t.Errorf("the attempt was not noted: %+v", v)
	}
	partner.Poison()
	p.run("dead", "retry", "affairs", "2").exits(exitDone)
	if n := partner.Received("a-1") + partner.Received("a-2") + partner.Received("a-3"); partner.Records() != 3 || n != 3 {
		t.Errorf("the partner has %d records, received %d times", partner.Records(), n)
	}
	p.run("dead", "drop", "4", "--why", "gone").exits(exitDone)
	p.run("dead", "retry", "affairs", "--all").exits(exitDone).says("job affairs has no open dead letter")
}

func TestRetryNeedsTheStateForItself(t *testing.T) {
	p, partner := affairsPlace(t)
	p.run("dead", "retry", "affairs", "--all").exits(exitError).says("no state file")
	p.refuse("affairs", "a-1")
	stop := p.daemon()
	p.run("dead", "retry", "affairs", "--all").exits(exitLocked).says("in use by another milkrun", "systemctl stop milkrun")
	stop()
	p.halted(state.ConnectionScope, "jinlaiban")
	p.run("dead", "retry", "affairs", "--all").exits(exitError).says("connection jinlaiban is halted", "milkrun resume jinlaiban")
	p.run("resume", "jinlaiban").exits(exitDone)
	if partner.Records() != 0 {
		t.Errorf("%d records were sent", partner.Records())
	}
	p.refuse("late", "b-1")
	p.run("dead", "retry", "late", "--all").exits(exitError).says("cannot be read again", "  → ")
	p.run("dead", "retry", "affairs", "--all").exits(exitDone).says("1 delivered")
}

func TestDeadLettersAreMasked(t *testing.T) {
	const phone = "13712345381"
	p, partner := affairsPlace(t)
	text := strings.ReplaceAll(p.read("affairs.jsonl"), "137*****381", phone)
	p.write("affairs.jsonl", text)
	partner.Poison("a-2")
	p.run("once", "affairs").exits(exitPart)
	p.run("dead", "show", "1").exits(exitDone).says("a-2", "****").hides(phone)
	p.run("dead", "show", "1", "--json").exits(exitDone).hides(phone)
	p.run("dead", "list").exits(exitDone).hides(phone)
	p.edit("[jobs.affairs]", "[jobs.affairs]\nmask = { user_phone = \"phone_jinlaiban\" }")
	p.run("dead", "retry", "affairs", "1", "--dry-run").exits(exitDone).says("137", "nothing was sent").hides(phone)
}
