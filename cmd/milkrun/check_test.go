package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"milkrun/cmd/milkrun/standing"
	"milkrun/sync/config"
)

func TestCheckSaysHowManyErrors(t *testing.T) {
	p := newPlace(t, affairsTOML)
	p.edit("BUSIPUSH", "https://open.example.gov.cn")
	p.run("check").exits(exitUsage).says("jobs.toml is right, but 3 secrets cannot be read here", "--sandbox")
	p.run("check", "--sandbox").exits(exitDone).says("jobs.toml is right: 2 connections, 2 jobs\n")
	p.edit("[jobs.late]", "[jobs.late]\nbatch_sise = 1\n")
	p.run("check").exits(exitUsage).says("batch_size", "jobs.toml has 4 errors", "milkrun check shows it again").hides("--sandbox")
}

func TestWarningsAreToldWhereTheyMatter(t *testing.T) {
	p, _ := affairsPlace(t)
	p.edit(`"file:appcode"`, `"`+p.box.Settings()["busipush"]["appcode"]+`"`)
	p.empty()
	const warning = "the secret itself stands in the file"
	p.run("check").exits(exitDone).says(warning, "2 jobs, 1 warning")
	p.run("once", "affairs").exits(exitDone).says(warning)
	for _, line := range []string{"status", "next", "runs", "runs affairs", "pause affairs", "resume affairs", "sign jinlaiban", "dead list", "dead retry affairs --all"} {
		p.run(strings.Fields(line)...).exits(exitDone).hides(warning)
	}
}

func TestNextShowsWhenAJobBegins(t *testing.T) {
	p, _ := affairsPlace(t)
	p.edit("[jobs.affairs]", "[jobs.affairs]\njitter = \"90m\"")
	p.run("next", "late", "-n", "1").exits(exitDone).says("04:00:00 +0800  in ").hides("begins")
	line := regexp.MustCompile(`    \d{4}-\d\d-\d\d 01:30:00 \+0800  begins 0[123]:\d\d:\d\d, in `)
	if o := p.run("next", "affairs").exits(exitDone).says("up to 1h30m later"); len(line.FindAllString(o.out, -1)) != 5 {
		t.Error(o.out)
	}
	p.run("next", "affiars").exits(exitUsage).says(`did you mean "affairs"?`)
}

// TestComing makes sure that a slot is coming until its run begins, not only until its time.
func TestComing(t *testing.T) {
	p, _ := affairsPlace(t)
	p.edit("[jobs.affairs]", "[jobs.affairs]\njitter = \"90m\"")
	conf, problems := config.Load(p.config, config.Options{Registry: registry()})
	if conf == nil {
		t.Fatal(problems)
	}
	job := conf.Job("affairs")
	first := standing.Coming(job, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), 1)[0]
	if first.Begins.Before(first.Slot.Add(time.Minute)) || first.Begins.After(first.Slot.Add(90*time.Minute)) {
		t.Fatalf("%+v", first)
	}
	if again := standing.Coming(job, first.Begins.Add(-time.Second), 1)[0]; again != first {
		t.Errorf("a second before it begins: %+v, want %+v", again, first)
	}
	if after := standing.Coming(job, first.Begins, 1)[0]; !after.Slot.Equal(first.Slot.AddDate(0, 0, 1)) {
		t.Errorf("when it has begun: %+v", after)
	}
}

func TestNothingIsBegunForAMistypedJob(t *testing.T) {
	shipped, err := os.ReadFile("../../jobs.toml")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, string(shipped))
	t.Chdir(p.dir)
	p.run("once", "grads", "--sandbox").exits(exitUsage).says(`did you mean "grades"?`).hides("stand-ins")
	defer p.daemon()()
	p.run("once", "grades", "--sandbox").exits(exitLocked).says("in use by another milkrun", "milkrun next grades", "systemctl stop milkrun").hides("stand-ins")
	if _, err := os.Stat(filepath.Join(sandboxDir, "business.db")); err == nil {
		t.Error("the sandbox was made")
	}
}

// TestMorePartners takes the # away from what jobs.toml only proposes, and runs it in the sandbox.
func TestMorePartners(t *testing.T) {
	shipped, err := os.ReadFile("../../jobs.toml")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, regexp.MustCompile(`(?m)^#([\[a-z])`).ReplaceAllString(string(shipped), "$1"))
	far := time.Now().In(time.FixedZone("CST", 8*3600)).Add(12 * time.Hour) // the test runs at any hour
	p.edit(`quiet     = "22:00-08:00"`, fmt.Sprintf(`quiet     = "%s-%s"`, far.Format("15:04"), far.Add(time.Minute).Format("15:04")))
	p.seedSandbox(300, 100)
	t.Chdir(p.dir)
	p.run("check", "--sandbox").exits(exitDone).says("7 jobs")
	for job, exits := range map[string]int{"orders": exitDone, "coupang-orders": exitDone, "notices": exitDone, "suppliers": exitPart} { // one supplier is unknown
		p.run("once", job, "--sandbox").exits(exits).says("of " + job)
	}
}
