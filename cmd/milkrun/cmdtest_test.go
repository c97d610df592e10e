package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/sandbox"
)

// place is a folder with a configuration and a state file, in which command lines are run.
type place struct {
	t             *testing.T
	dir           string
	config, state string
	box           *sandbox.Sandbox // the stand-ins, where there are some
}

// newPlace writes jobs.toml; %[1]s in it becomes the folder.
func newPlace(t *testing.T, toml string) *place {
	t.Helper()
	dir := t.TempDir()
	p := &place{t: t, dir: dir, config: filepath.Join(dir, "jobs.toml"), state: filepath.Join(dir, "milkrun.db")}
	p.write("jobs.toml", strings.ReplaceAll(toml, "%[1]s", dir))
	return p
}

func (p *place) write(name, text string) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func (p *place) read(name string) string {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// seedSandbox makes the business database of --sandbox with few rows: the stand-ins are too slow for a test with all of them.
func (p *place) seedSandbox(affairs, users int) {
	p.t.Helper()
	dir := filepath.Join(p.dir, sandboxDir)
	if err := makeSandboxDir(dir); err != nil {
		p.t.Fatal(err)
	}
	if err := sandbox.SeedBusiness(p.t.Context(), openSQLite(p.t, filepath.Join(dir, "business.db")), affairs, users); err != nil {
		p.t.Fatal(err)
	}
}

// edit replaces a text in jobs.toml.
func (p *place) edit(old, new string) {
	p.t.Helper()
	text := p.read("jobs.toml")
	if !strings.Contains(text, old) {
		p.t.Fatalf("%q is not in jobs.toml", old)
	}
	p.write("jobs.toml", strings.ReplaceAll(text, old, new))
}

// outcome is what a command line came to.
type outcome struct {
	t        *testing.T
	line     string
	code     int
	out, err string
}

// run runs a command line in this process, with the place's configuration and state.
func (p *place) run(args ...string) outcome {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 3*time.Minute)
	defer cancel()
	return p.runUntil(ctx, args...)
}

func (p *place) runUntil(ctx context.Context, args ...string) outcome {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	args = append(args, "--config", p.config, "--state", p.state, "--log-level", "error")
	code := (&app{stdout: &stdout, stderr: &stderr}).execute(ctx, args)
	return outcome{p.t, "milkrun " + strings.Join(args, " "), code, stdout.String(), stderr.String()}
}

// exits demands an exit code.
func (o outcome) exits(code int) outcome {
	o.t.Helper()
	if o.code != code {
		o.t.Fatalf("%s: exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", o.line, o.code, code, o.out, o.err)
	}
	return o
}

// says demands texts on either output.
func (o outcome) says(texts ...string) outcome {
	o.t.Helper()
	for _, text := range texts {
		if !strings.Contains(o.out+o.err, text) {
			o.t.Errorf("%s: does not say %q\nstdout:\n%s\nstderr:\n%s", o.line, text, o.out, o.err)
		}
	}
	return o
}

// hides demands that a text is on neither output.
func (o outcome) hides(text string) outcome {
	o.t.Helper()
	if strings.Contains(o.out+o.err, text) {
		o.t.Errorf("%s: says %q\nstdout:\n%s\nstderr:\n%s", o.line, text, o.out, o.err)
	}
	return o
}

// json reads the standard output into v.
func (o outcome) json(v any) {
	o.t.Helper()
	if err := json.Unmarshal([]byte(o.out), v); err != nil {
		o.t.Fatalf("%s: %v\n%s", o.line, err, o.out)
	}
}

// with changes the state file as something else than the command line would, such as a run.
func (p *place) with(f func(ctx context.Context, s *state.Store) error) {
	p.t.Helper()
	s, err := state.Open(p.t.Context(), p.state, state.Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := f(p.t.Context(), s); err != nil {
		p.t.Error(err)
	}
	if err := s.Close(); err != nil {
		p.t.Error(err)
	}
}

// empty makes a state file with nothing in it.
func (p *place) empty() {
	p.t.Helper()
	p.with(func(context.Context, *state.Store) error { return nil })
}

// daemon holds the lock of the state file until the returned function is called, as a daemon would.
func (p *place) daemon() (stop func()) {
	p.t.Helper()
	lock, err := state.TakeLock(p.state)
	if err != nil {
		p.t.Fatal(err)
	}
	return lock.Release
}

// affairsTOML has a job from a file to a stand-in of busipush, and a connection that signs nothing.
const affairsTOML = `timezone = "Asia/Shanghai"

[connections.inbox]
type = "file"
dir  = "%[1]s"

[connections.jinlaiban]
type       = "busipush"
url        = "BUSIPUSH"
appcode    = "file:appcode"
modulecode = "file:modulecode"
appsecret  = "file:appsecret"

[jobs.affairs]
schedule = "30 1 * * *"
source   = { connection = "inbox", path = "affairs.jsonl", key = ["id"] }
sink     = { connection = "jinlaiban" }
retry    = { initial = "1ms", max = "2ms", give_up_after = "50ms" }

[jobs.late]
schedule = "0 4 * * *"
source   = { connection = "inbox", path = "late.csv" }
sink     = { connection = "jinlaiban" }
`

// affairsPlace is a place with three affairs and a stand-in that takes them.
func affairsPlace(t *testing.T) (*place, *sandbox.Busipush) {
	t.Helper()
	s, err := sandbox.Start(t.Context(), "127.0.0.1:0", sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	settings := s.Settings()["busipush"]
	p := newPlace(t, strings.Replace(affairsTOML, "BUSIPUSH", settings["url"], 1))
	p.box = s
	for _, key := range []string{"appcode", "modulecode", "appsecret"} {
		p.write(key, settings[key])
	}
	var lines strings.Builder
	for id := 1; id <= 3; id++ {
		fmt.Fprintf(&lines, `{"id":"a-%d","user_id":"u-%d","user_phone":"137*****381","user_name":"张*","busi_item":"物防验收",`+
			`"busi_detail":"提交材料","create_date":"2021-03-17 18:57:0%d"}`+"\n", id, id, id)
	}
	p.write("affairs.jsonl", lines.String())
	return p, s.Busipush
}
