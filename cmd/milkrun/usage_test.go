package main

import (
	"strings"
	"testing"
	"time"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/words"
)

func TestCommandLinesThatAreWrong(t *testing.T) {
	p, _ := affairsPlace(t)
	p.empty()
	for line, says := range map[string][]string{
		"frobnicate":               {`there is no milkrun command "frobnicate"`, "there are: account, alert, audit, "},
		"staus":                    {`did you mean "status"?`},
		"completion tcsh":          {`there is no milkrun completion command "tcsh"`, "there are: bash, fish"},
		"help staus":               {`did you mean "status"?`},
		"status --jsn":             {"unknown flag: --jsn", "did you mean --json? milkrun status --help lists the flags"},
		"once affairs --dryrun":    {"did you mean --dry-run?"},
		"next --frobnicate":        {"milkrun next --help lists the flags"},
		"next -z":                  {"milkrun next --help lists the flags"},
		"checkpoint show --lan":    {"did you mean --lane?", "milkrun checkpoint show --help"},
		"next --count x":           {"invalid argument", "milkrun next --help"},
		"next -n -3":               {`invalid argument "-3"`, "write a whole number of at least 1"},
		"next -n 0":                {"write a whole number of at least 1"},
		"runs -n -1":               {"write a whole number of at least 0"},
		"runs --only foo":          {"write one of done|part|failed|halted|interrupted|cancelled|running"},
		"runs --only dne":          {`did you mean "done"?`},
		"dead list --only shut":    {"write one of open|delivered|dropped|all"},
		"slots afairs":             {`there is no job "afairs"`, `did you mean "affairs"?`},
		"check --log-level loud":   {"write one of debug|info|warn|error"},
		"version --log-format xml": {"write one of text|json"},
		"runs show x":              {`"x" is no run's number`, "milkrun runs shows them"},
		"once":                     {"accepts 1 arg(s)", "write: milkrun once JOB"},
	} {
		p.run(strings.Fields(line)...).exits(exitUsage).says(says...)
	}
}

func TestCompletionAndHelp(t *testing.T) {
	p, _ := affairsPlace(t)
	p.run("completion", "bash").exits(exitDone).says("# bash completion", "__start_milkrun")
	p.run("completion", "zsh").exits(exitDone).says("#compdef milkrun")
	p.run("completion").exits(exitDone).says("bash", "fish")
	p.run("help").exits(exitDone).says("Run jobs:", "Mend, and send again:", "completion", "milkrun run --sandbox")
	p.run("help", "checkpoint", "set").exits(exitDone).says("set JOB CURSOR", "--why")
	p.run("resume", "--help").exits(exitDone).says("--why", "may be left out")
}

func TestNumbersInWords(t *testing.T) {
	for want, got := range map[string]string{
		"1 page": count(1, "page"), "0 pages": count(0, "page"), "1,700 records": count(int64(1700), "record"),
		"1 retry": count(1, "retry"), "2 retries": count(2, "retry"),
		"1 inserted, 2 updated, 3 deleted, 4 unchanged":                                       sumUp(`{"inserted":1,"updated":2,"deleted":3,"unchanged":4,"reread":0}`),
		"0 inserted, 0 updated, 0 deleted, 0 unchanged; 1 page read again because rows moved": sumUp(`{"reread":1}`),
		`{"moved":1}`: sumUp(`{"moved":1}`),
		"plain":       sumUp("plain"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestMeter(t *testing.T) {
	begin := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	p := sync.Progress{Job: "grades", Phase: "reading", StartedAt: begin, Begun: 200}
	for _, c := range []struct {
		read, total int64
		after       time.Duration
		line, bar   string
	}{
		{100, 1200, 500 * time.Millisecond, "reading: 300 of 1,200 records (25 %), 5s left", "[#######.......................] grades reading"},
		{400, 1200, 2 * time.Second, "reading: 600 of 1,200 records (50 %), 200 a second, 3s left", "[###############...............] grades"},
		{1000, 1200, 2 * time.Second, "reading: 1,200 of 1,200 records (100 %), 500 a second, 0s left", "[##############################] grades"},
		{1400, 1200, 2 * time.Second, "reading: 1,600 records, 700 a second", "grades reading"}, // a pass that was begun again
		{1, -1, time.Second, "reading: 201 records, 1 a second", "grades reading"},
	} {
		p.Counts = state.Counts{Read: c.read, Total: c.total}
		m := standing.NewMeter(p).After(p, begin.Add(c.after))
		if line, bar := progressLine(m), progressBar(m, words.English); line != c.line || !strings.HasPrefix(bar, c.bar) {
			t.Errorf("%d of %d: %q and %q, want %q and %q", c.read, c.total, line, bar, c.line, c.bar)
		}
	}
	p.Phase, p.Counts = "merging", state.Counts{Read: 1, Rejected: 2, Retries: 1, Total: -1}
	p.Trouble = "first\nsecond"
	line := progressLine(standing.NewMeter(p).After(p, begin.Add(time.Second)))
	if want := "merging: 201 records, 2 rejected, 1 retry, trying again after: first; second"; line != want {
		t.Errorf("%q, want %q", line, want)
	}
}
