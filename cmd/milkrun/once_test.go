package main

import (
	"context"
	"os"
	"testing"

	"milkrun/state"
)

func TestBoundsAreCheckedBeforeARun(t *testing.T) {
	shipped, err := os.ReadFile("../../jobs.toml")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, string(shipped))
	p.seedSandbox(300, 100)
	t.Chdir(p.dir)
	p.edit(`cursor = ["create_date", "id"]`, `cursor = ["id"]`)
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"grades", "--from", "5", "--to", "2"}, "from must not stand behind to"},
		{[]string{"grades", "--from", "yesterday"}, "is no page number"},
		{[]string{"affairs", "--from", "x"}, `"x" is no bound for the column id`},
		{[]string{"affairs", "--to", "1.5", "--dry-run"}, `"1.5" is no bound for the column id`},
		{[]string{"affairs", "--from", `["a","b"]`}, "the cursor does not fit"},
	} {
		p.run(append([]string{"once", "--sandbox"}, c.args...)...).exits(exitUsage).says(c.says, "  → ")
	}
	p.run("runs").exits(exitDone).says("no run yet")
	p.run("once", "affairs", "--sandbox", "--from", "99999999", "--dry-run").exits(exitDone).says("no record between --from and --to")

	p, _ = affairsPlace(t)
	p.run("once", "affairs", "--from", "2026-11-20").exits(exitUsage).says("cannot be read from one place to another", "leave out --from and --to")
}

// TestAPersonMayRunWhatTheDaemonMayNot: enabled = false and a pause keep the daemon off, a halt everybody.
func TestAPersonMayRunWhatTheDaemonMayNot(t *testing.T) {
	p, partner := affairsPlace(t)
	p.edit("[jobs.affairs]", "[jobs.affairs]\nenabled = false")
	p.run("pause", "affairs", "--why", "they move").exits(exitDone)
	p.run("once", "affairs").exits(exitDone).says("enabled = false: the daemon never runs it", "paused by "+operator()+": they move", "3 delivered")
	if partner.Records() != 3 {
		t.Errorf("%d records came", partner.Records())
	}
	p.run("status").exits(exitDone).says("disabled")
	p.run("next").exits(exitDone).says("affairs  30 1 * * *  Asia/Shanghai (disabled) (paused: milkrun status tells why)")
	p.run("resume", "affairs").exits(exitDone)
	p.halted(state.ConnectionScope, "jinlaiban")
	p.run("next", "late").exits(exitDone).says("Asia/Shanghai (halted: milkrun status tells why)")
	var next []slotsView
	p.run("next", "late", "--json").exits(exitDone).json(&next)
	if len(next) != 1 || next[0].Held != "halted" {
		t.Errorf("%+v", next)
	}
	p.run("once", "affairs").exits(exitError).says("connection jinlaiban is halted since", "milkrun resume jinlaiban").hides("enabled = false")
}

// TestTheFileItselfTellsOfHalts: v_status knows which jobs a halted connection stops.
func TestTheFileItselfTellsOfHalts(t *testing.T) {
	p, _ := affairsPlace(t)
	p.fails("state302")
	p.run("once", "affairs").exits(exitError)
	stands := func() map[string]string {
		t.Helper()
		db := openSQLite(t, p.state)
		rows, err := db.QueryContext(t.Context(), "SELECT job, state FROM v_status")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		list := map[string]string{}
		for rows.Next() {
			var job, state string
			if err := rows.Scan(&job, &state); err != nil {
				t.Fatal(err)
			}
			list[job] = state
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return list
	}
	if got := stands(); got["affairs"] != "halted" || got["late"] != "halted" {
		t.Errorf("%v", got)
	}
	p.run("resume", "jinlaiban").exits(exitDone)
	for job, view := range p.status() {
		if got := stands()[job]; got != view.State {
			t.Errorf("job %s: the view says %s, the command %s", job, got, view.State)
		}
	}
}

// TestExitCodes is every way a command line can end.
func TestExitCodes(t *testing.T) {
	p, partner := affairsPlace(t)
	p.run("check").exits(exitDone)
	p.run("chekc").exits(exitUsage)
	p.edit(`"affairs.jsonl"`, `"affairs.jsonl", colums = ["id"]`)
	p.run("once", "affairs").exits(exitUsage).says(`did you mean "columns"?`)
	p.edit(`, colums = ["id"]`, "")
	p.fails("500")
	p.run("once", "affairs").exits(exitError).says("milkrun runs show 1")
	p.fails()
	stop := p.daemon()
	p.run("once", "affairs").exits(exitLocked)
	p.run("run").exits(exitLocked)
	stop()
	partner.Poison("a-2")
	p.run("once", "affairs").exits(exitPart).says("2 delivered, 1 rejected", "milkrun dead list affairs")
	p.run("dead", "retry", "affairs", "--all").exits(exitPart)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.runUntil(ctx, "once", "late").exits(exitInterrupted)
}
