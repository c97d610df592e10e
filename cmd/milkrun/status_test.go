package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/sandbox"
)

// fails makes the stand-in of busipush go wrong at every call; without a kind it is well again.
func (p *place) fails(kinds ...sandbox.Kind) {
	p.t.Helper()
	faults := views(kinds, func(k sandbox.Kind) sandbox.Fault { return sandbox.Fault{Kind: k, Every: 1} })
	if err := p.box.Faults.Busipush.Set(faults...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) status() map[string]jobView {
	p.t.Helper()
	var v statusView
	p.run("status", "--json").exits(exitDone).json(&v)
	jobs := map[string]jobView{}
	for _, j := range v.Jobs {
		jobs[j.Job] = j
	}
	return jobs
}

func TestAHaltAndItsEnd(t *testing.T) {
	p, partner := affairsPlace(t)
	p.fails("state302")
	once := p.run("once", "affairs").exits(exitError).says("302", "check appcode", "→ milkrun resume jinlaiban\n").hides("resume affairs")
	if n := strings.Count(once.err, "milkrun resume"); n != 1 {
		t.Errorf("the command is named %d times:\n%s", n, once.err)
	}
	p.run("once", "affairs").exits(exitError).says("connection jinlaiban is halted since", "+0800", "→ milkrun resume jinlaiban\n")

	shown := p.run("status").exits(exitDone).says("affairs, late are halted", "check appcode")
	if n := strings.Count(shown.out, "milkrun resume jinlaiban"); n != 1 {
		t.Errorf("the command is named %d times:\n%s", n, shown.out)
	}
	if j := p.status()["late"]; j.State != "halted" || j.Resume != "jinlaiban" || j.Remedy == "" {
		t.Errorf("late is %+v", j)
	}

	p.run("resume", "jinlaiban").exits(exitDone)
	p.run("status").exits(exitDone).says("affairs is resumed: ", "it waits for its next slot").hides("check appcode").hides("milkrun resume")
	if j := p.status()["affairs"]; j.State != "resumed" || j.Remedy != "" || j.Resume != "" {
		t.Errorf("affairs is %+v", j)
	}
	p.fails()
	p.run("once", "affairs").exits(exitDone).says("3 records read on 1 page, 3 delivered", "0 retries").hides("a second")
	if j := p.status()["affairs"]; j.State != "done" || partner.Records() != 3 {
		t.Errorf("affairs is %+v", j)
	}
}

func TestAFailureIsTriedAgain(t *testing.T) {
	p, _ := affairsPlace(t)
	p.fails("500")
	p.run("once", "affairs").exits(exitError).says("→ the next slot tries again", "milkrun runs show 1")
	p.run("status").exits(exitDone).says("affairs failed: ", "→ the next slot tries again", "milkrun runs show 1").hides("resume")
}

// TestStand looks at every reason a job can have to stand as it does, the strongest first.
func TestStand(t *testing.T) {
	p, _ := affairsPlace(t)
	conf, problems := config.Load(p.config, config.Options{Registry: registry()})
	if conf == nil {
		t.Fatal(problems)
	}
	halts := []state.Halt{{Scope: state.ConnectionScope, Name: "inbox", Reason: "gone", Remedy: "mend it"}}
	paused := standing.Job{Pause: &state.Pausing{Job: "affairs", Who: "li", Why: "they move"}}
	held, free := standing.Job{Halts: halts, Pause: paused.Pause}, standing.Job{}
	for _, c := range []struct {
		last  state.RunState
		off   bool
		held  standing.Job
		alive bool
		want  string
	}{
		{state.Running, true, held, true, "running"},
		{state.Running, true, held, false, "disabled"},
		{state.Running, false, held, false, "halted"},
		{state.Running, false, paused, false, "paused"},
		{state.Interrupted, false, paused, false, "paused"},
		{state.Halted, false, paused, true, "paused"},
		{state.Running, false, free, false, "interrupted"},
		{state.Interrupted, false, free, true, "interrupted"},
		{state.Halted, false, free, true, "resumed"},
		{state.Failed, false, free, true, "failed"},
		{state.Part, false, free, true, "part"},
		{"", false, free, true, "never ran"},
	} {
		job := *conf.Job("affairs")
		job.Enabled = !c.off
		j := c.held
		j.Name, j.Config, j.Location, j.Runs = job.Name, &job, time.UTC, []state.Run{{ID: 7, State: c.last}}
		if got := j.Stand(c.alive).State; got != c.want {
			t.Errorf("%+v: %s, want %s", c, got, c.want)
		}
	}
}

func TestAPauseShowsAfterAKill(t *testing.T) {
	p, _ := affairsPlace(t)
	p.begun("affairs")
	p.run("status").exits(exitDone).says("affairs is interrupted")
	p.run("pause", "affairs", "--why", "they move").exits(exitDone)
	p.run("status").exits(exitDone).says("affairs is paused: by "+operator()+" since ", "they move", "→ milkrun resume affairs\n").hides("interrupted")
	defer p.daemon()()
	p.run("status").exits(exitDone).says("running").hides("paused")
}

// TestStatusFits keeps the table of the shipped jobs.toml within a terminal's width.
func TestStatusFits(t *testing.T) {
	p := newPlace(t, "")
	p.config = "../../jobs.toml"
	p.with(func(ctx context.Context, s *state.Store) error {
		for job, cursor := range map[string]feed.Cursor{"affairs": `["2026-11-22 11:46:57",1020000]`, "user-info": `["2026-11-22 11:44:47","U000005000"]`,
			"grades": `{"page":1658,"size":1000}`} {
			id, err := s.StartRun(ctx, state.Run{Job: job, Trigger: state.Manual, Mode: "full", StartedAt: time.Now().Add(-47 * time.Hour)})
			if err != nil {
				return err
			}
			lane := state.Forward
			if job == "grades" {
				lane = state.Full
			}
			step := state.Progress{Checkpoint: state.Checkpoint{Job: job, Lane: lane, Cursor: cursor, Rows: 1_658_000, RunID: id}}
			step.Counts.Delivered = 1_658_000
			if err := s.Advance(ctx, step); err != nil {
				return err
			}
		}
		return nil
	})
	for _, lang := range []string{"en", "zh"} {
		out := p.run("status", "--sandbox", "--lang", lang).exits(exitDone).says("2026-11-22 11:4", "1,658,000").out
		_, table, _ := strings.Cut(out, "\n\n")
		table, _, _ = strings.Cut(table, "\n\n")
		for line := range strings.Lines(table) {
			if n := text.StringWidthWithoutEscSequences(strings.TrimRight(line, "\n")); n > 80 {
				t.Errorf("%d columns: %s", n, line)
			}
		}
	}
	p.run("status", "--sandbox", "--color", "always").exits(exitDone).says("\x1b[33minterrupted\x1b[0m")
	p.run("status", "--sandbox").exits(exitDone).hides("\x1b")
}

// TestStatusWithoutAConfiguration shows what the state file knows, and says why it is only that.
func TestStatusWithoutAConfiguration(t *testing.T) {
	p, _ := affairsPlace(t)
	p.run("once", "affairs").exits(exitDone)
	p.halted(state.JobScope, "affairs")
	p.write("jobs.toml", "broken = ")
	p.run("status").exits(exitDone).says("no daemon is running", "jobs.toml has 1 error", "milkrun check", "affairs is halted", "milkrun resume affairs")
	var v statusView
	p.run("status", "--json").exits(exitDone).json(&v)
	if len(v.Problems) != 1 || len(v.Jobs) != 1 || v.Jobs[0].LastSuccess.IsZero() {
		t.Errorf("%+v", v)
	}
}
