package config_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"milkrun/sync/config"
)

var update = flag.Bool("update", false, "write the expected output of the bad files")

// TestBad reads one bad file a rule and compares what is printed with the text beside it.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) { checkBad(t, file) })
	}
}

func checkBad(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, problems := config.Parse(filepath.Base(file), text, options())
	got := printed(problems)
	if len(problems) == 0 || (c != nil) == problems.HasErrors() {
		t.Errorf("config %v with problems %v", c, problems)
	}
	if strings.Contains(got, "hunter2") || strings.Contains(got, "20260101") {
		t.Errorf("a secret is printed:\n%s", got)
	}
	golden := strings.TrimSuffix(file, ".toml") + ".txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

const good = `
timezone = "Asia/Shanghai"

[defaults]
page_size = 500
retry     = { max = "2m" }
mask      = { phone = "phone" }

[connections.in]
type     = "platform"
url      = "https://in.example"
password = "env:PASSWORD"
retries  = 5

[connections.out]
type = "store"
dsn  = "out.db"

[jobs.pull]
schedule    = "30 1 * * *"
timezone    = "Europe/Berlin"
jitter      = "5m"
catch_up    = "all"
grace       = "2h"
overlap     = "queue"
timeout     = "6h"
page_size   = 1000
batch_size  = 2500
concurrency = 16
prefetch    = 0
mask        = { name = "name" }
on_bad_record = "halt"
max_bad     = 0
reconcile   = "7d"
shrink_limit = "2.5%"
source.connection = "in"
source.resource   = "grades"

[jobs.pull.sink]
connection = "out"
table      = "grades"
key        = ["uniscId"]

[jobs.pull.retry]
initial = "2s"

[jobs.copy]
enabled = false
source  = { connection = "out", table = "a" }
sink    = { connection = "out", table = "b" }
`

func parse(t *testing.T, text string, opt config.Options) *config.Config {
	t.Helper()
	c, problems := config.Parse("jobs.toml", []byte(text), opt)
	if len(problems) > 0 {
		t.Fatal(printed(problems))
	}
	return c
}

func TestGood(t *testing.T) {
	c := parse(t, good, options())
	if c.Location.String() != "Asia/Shanghai" || len(c.Digest) != 64 || len(c.Jobs) != 2 || c.Jobs[0].Name != "copy" {
		t.Errorf("%+v", c)
	}
	j := c.Job("pull")
	if j.Location.String() != "Europe/Berlin" || j.Jitter != 5*time.Minute || j.CatchUp != "all" || j.Grace != 2*time.Hour ||
		j.Overlap != "queue" || j.Timeout != 6*time.Hour || j.PageSize != 1000 || j.BatchSize != 2500 || j.Concurrency != 16 ||
		j.Prefetch != 0 || j.OnBadRecord != "halt" || j.MaxBad != 0 || j.Reconcile != 7*24*time.Hour || j.ShrinkLimit != 0.025 ||
		!j.Enabled || j.Line != 19 {
		t.Errorf("%+v", j)
	}
	if want := (config.Retry{Initial: 2 * time.Second, Max: 2 * time.Minute, GiveUpAfter: time.Hour}); j.Retry != want {
		t.Errorf("%+v, want %+v", j.Retry, want)
	}
	if len(j.Mask) != 2 {
		t.Errorf("the mask of the defaults and of the job: %v", j.Mask)
	}
	if q := j.Source.Settings.(*query); q.resource != "grades" || q.conn != j.Source.Connection.Settings {
		t.Errorf("%+v", q)
	}
	if p := c.Connections["in"].Settings.(*platform); p.password.Reveal() != "from-the-environment" || p.retries != 5 || p.rate != "5/s" {
		t.Errorf("%+v", p)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestDefaults(t *testing.T) {
	j := parse(t, good, options()).Job("copy")
	if j.Enabled || !j.Schedule.Manual() || j.PageSize != 500 || j.BatchSize != 5000 || j.CatchUp != "latest" || j.Grace != 24*time.Hour ||
		j.Overlap != "skip" || j.Timeout != 0 || j.Concurrency != 4 || j.Prefetch != 8 || j.OnBadRecord != "dead-letter" ||
		j.MaxBad != 1000 || j.Reconcile != 0 || j.ShrinkLimit != 0.1 || len(j.Mask) != 1 || j.Location.String() != "Asia/Shanghai" {
		t.Errorf("%+v", j)
	}
	if j.Retry.Initial != time.Second {
		t.Errorf("the retry of another job: %+v", j.Retry)
	}
	if c := parse(t, strings.Replace(good, "timezone = \"Asia/Shanghai\"", "", 1), options()); c.Location != time.UTC {
		t.Errorf("without a time zone: %s", c.Location)
	}
}

func TestSharedConnection(t *testing.T) {
	c := parse(t, good, options())
	copies, pull := c.Job("copy"), c.Job("pull")
	src, dst := copies.Source.Settings.(*rowSource), copies.Sink.Settings.(*rowSink)
	if src.conn != dst.conn || dst.conn != pull.Sink.Settings.(*rowSink).conn || copies.Source.Connection != pull.Sink.Connection {
		t.Error("jobs on a connection share its settings")
	}
}

func TestOverrides(t *testing.T) {
	opt := options()
	opt.Overrides = map[string]map[string]string{
		"platform": {"url": "http://127.0.0.1:1", "password": "sandbox", "allow_http": "true", "retries": ""},
	}
	text := strings.Replace(good, "env:PASSWORD", "credential:not-there", 1)
	p := parse(t, text, opt).Connections["in"].Settings.(*platform)
	if p.url != "http://127.0.0.1:1" || p.password.Reveal() != "sandbox" || !p.plain || p.retries != 0 {
		t.Errorf("%+v", p)
	}
	opt.Overrides["platform"]["allow_http"] = "maybe"
	if _, problems := config.Parse("jobs.toml", []byte(text), opt); !problems.HasErrors() {
		t.Error("an override that does not fit should be an error")
	}
}

func TestUnresolved(t *testing.T) {
	opt := options()
	opt.Resolve = false
	text := strings.Replace(good, "env:PASSWORD", "credential:not-there", 1) + `
[connections.gate]
type  = "gateway"
token = "env:NOT_SET"

[jobs.push]
source = { connection = "out", table = "affairs" }
sink   = { connection = "gate", resource = "affairs" }
`
	if p := parse(t, text, opt).Connections["in"].Settings.(*platform); p.password.Empty() {
		t.Error("an unresolved secret should not look like a missing one")
	}
}

func TestProblemsAreJSON(t *testing.T) {
	_, problems := config.Parse("jobs.toml", []byte("colour = 1\n"), options())
	text, err := json.Marshal(problems[0])
	want := `{"file":"jobs.toml","line":1,"column":1,"key":"colour","text":"there is no such key","remedy":"known are alerts, audit_history, catalogue, connections, defaults, history, jobs, page, partners, report, timezone, watch_config","severity":"error"}`
	if err != nil || string(text) != want {
		t.Errorf("%s %v, want %s", text, err, want)
	}
}

// TestNoSecretIsPrinted breaks the line of a secret in every way it can be broken.
func TestNoSecretIsPrinted(t *testing.T) {
	for _, line := range []string{
		`password = hunter2`, `password = "hunter2`, `password = 'hunter2`, `password "hunter2"`, `password: "hunter2"`,
		`password == "hunter2"`, `pasword = "hunter2"`, `"password" = hunter2`, `password = """hunter2`, `hunter2`,
		"password = \"\"\"\nhunter2\n\"\"\"\nurl = 3", `password = ["hunter2"]`, `password = { x = "hunter2" }`, `password = "hunter2" x`,
		`password.x = "hunter2"`, `password = "env:hunter2 7"`, `url = { password = hunter2 }`, `url = { password = "hunter2" }`,
		`url = "https://me:hunter2@in.example" x`, "password = \"hunter2\xff\"",
	} {
		text := strings.Replace(good, `password = "env:PASSWORD"`, line, 1)
		c, problems := config.Parse("jobs.toml", []byte(text), options())
		out := printed(problems)
		if out == "" || strings.Contains(out, "hunter2") {
			t.Errorf("%s: config %v, printed:\n%s", line, c, out)
		}
	}
}

func TestBounds(t *testing.T) {
	_, problems := config.Parse("jobs.toml", []byte(strings.Repeat("[x]\n", 500)), options())
	if last := problems[len(problems)-1].String(); len(problems) != 101 || last != "jobs.toml: 400 more problems are left out" {
		t.Errorf("%d problems, the last one %s", len(problems), last)
	}
	_, problems = config.Parse("jobs.toml", make([]byte, 2<<20), options())
	if out := printed(problems); len(problems) != 1 || !strings.Contains(out, "larger than") {
		t.Error(out)
	}
	_, problems = config.Parse("jobs.toml", []byte("x = \""+strings.Repeat("y", 1000)+"\"\n"), options())
	if out := printed(problems); len(out) > 200 {
		t.Errorf("a long line is shown: %s", out)
	}
}

func TestNear(t *testing.T) {
	if got := config.Near("puhs", []string{"pull", "push"}); got != "push" {
		t.Errorf("got %q", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	files, _ := filepath.Glob("testdata/bad/*.toml")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			f.Add(text)
		}
	}
	opt := options()
	opt.Resolve = false
	f.Fuzz(func(t *testing.T, text []byte) {
		c, problems := config.Parse("jobs.toml", text, opt)
		if (c == nil) != problems.HasErrors() {
			t.Fatalf("config %v with problems %v", c, problems)
		}
		for _, p := range problems {
			if p.Text == "" || p.File == "" {
				t.Fatalf("a problem without text: %+v", p)
			}
		}
		_ = printed(problems)
	})
}
