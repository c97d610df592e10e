package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"milkrun/state"
)

// commandEnv makes the test binary the command milkrun with the arguments it is given, in a mode: "plain"; "full" with a
// disk of two pages, and "read-only" with what is there, mounted at the folder behind the mode; or [stubborn].
const commandEnv = "MILKRUN_TEST_COMMAND"

func commandChild(order string) {
	mode, dir, _ := strings.Cut(order, " ")
	var err error
	switch mode {
	case "stubborn":
		stubborn()
	case "full":
		err = syscall.Mount("none", dir, "tmpfs", 0, "size=8192")
	case "read-only":
		err = errors.Join(syscall.Mount(dir, dir, "", syscall.MS_BIND, ""), syscall.Mount(dir, dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	}
	if err != nil {
		panic(err)
	}
	main()
}

// process runs a command line in a process of its own; see commandEnv.
func (p *place) process(mode string, args ...string) outcome {
	p.t.Helper()
	cmd := p.command(mode, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if errors.Is(err, syscall.EPERM) {
		p.t.Skip("this machine lets nobody mount")
	}
	return outcome{p.t, strings.Join(cmd.Args, " "), cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// command is a command line that has not been started.
func (p *place) command(mode string, args ...string) *exec.Cmd {
	p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	args = append(args, "--config", p.config, "--state", p.state)
	cmd := exec.CommandContext(p.t.Context(), self, args...)
	cmd.Env = append(os.Environ(), commandEnv+"="+mode+" "+filepath.Dir(p.state))
	if mode == "full" || mode == "read-only" {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}}
	}
	return cmd
}

// within puts the state file into a folder of its own.
func (p *place) within(name string) {
	p.t.Helper()
	dir := filepath.Join(p.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		p.t.Fatal(err)
	}
	p.state = filepath.Join(dir, "milkrun.db")
}

// explained demands that a command ended with one error, which names the state file, and with what to do about it.
func (o outcome) explained(path string, texts ...string) {
	o.t.Helper()
	o.says(append(texts, path)...)
	if errs, rest, _ := strings.Cut(o.err, "\n  → "); strings.Contains(errs, "\n") || strings.Count(rest, "\n") != 1 {
		o.t.Errorf("%s: not one sentence and one remedy:\n%s", o.line, o.err)
	}
}

func TestStateThatIsNoFile(t *testing.T) {
	p, _ := affairsPlace(t)
	p.state = p.dir
	for _, line := range []string{"once affairs", "once affairs --dry-run", "run", "status", "runs", "pause affairs", "dead list", "checkpoint export"} {
		p.run(strings.Fields(line)...).exits(exitError).explained(p.dir, "not a file: it is a directory", "DIRECTORY/milkrun.db")
	}
	if _, err := os.Stat(p.dir + ".lock"); err == nil {
		t.Error("the directory got a lock")
	}
}

func TestDamagedForeignAndNewerStateFiles(t *testing.T) {
	p, _ := affairsPlace(t)
	p.refuse("affairs", "a-1")
	for name, c := range map[string]struct {
		change string
		code   int
		says   []string
	}{
		"newer":   {"PRAGMA user_version = 99", exitUsage, []string{"state file of a newer milkrun", "its layout is 99", "install the milkrun that wrote it"}},
		"foreign": {"PRAGMA application_id = 7", exitUsage, []string{"not a state file of milkrun", "nothing was changed in it"}},
		"damaged": {"", exitError, []string{"damaged state file", "put a backup in their place"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &place{t: t, dir: t.TempDir(), config: p.config, state: filepath.Join(t.TempDir(), "milkrun.db")}
			p.empty()
			p.execute(c.change)
			if c.change == "" {
				if err := os.WriteFile(p.state, []byte(strings.Repeat("no database\n", 1000)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, line := range []string{"once affairs", "once affairs --dry-run", "run", "status", "pause affairs", "slots"} {
				p.run(strings.Fields(line)...).exits(c.code).explained(p.state, c.says...)
			}
		})
	}
}

func TestAStateFileOthersCanOpenIsTakenAway(t *testing.T) {
	p, _ := affairsPlace(t)
	p.empty()
	if err := os.Chmod(p.state, 0o666); err != nil {
		t.Fatal(err)
	}
	p.run("status").exits(exitDone).hides("0666")
	p.run("once", "affairs").exits(exitDone).says("milkrun.db had mode 0666, so that other users could open it; it has 0600 now")
	p.run("once", "affairs").exits(exitDone).hides("0666")
}

func TestStateOnAFullDisk(t *testing.T) {
	p, partner := affairsPlace(t)
	p.within("full")
	for _, line := range []string{"once affairs", "run", "pause affairs"} {
		p.process("full", strings.Fields(line)...).exits(exitError).explained(p.state, "disk full", "free space")
	}
	p.process("full", "once", "affairs", "--dry-run").exits(exitDone).says("3 records would be the first batch") // it keeps nothing there
	if partner.Records() != 0 {
		t.Errorf("%d records were sent", partner.Records())
	}
}

func TestStateOnAReadOnlyDisk(t *testing.T) {
	p, partner := affairsPlace(t)
	p.within("fixed")
	p.process("read-only", "once", "affairs").exits(exitError).explained(p.state, "state file cannot be written", "read-only file system", "ReadWritePaths")
	p.empty()
	for _, line := range []string{"once affairs", "run", "pause affairs", "status"} {
		p.process("read-only", strings.Fields(line)...).exits(exitError).explained(p.state, "state file cannot be written", "a read-only mount")
	}
	if partner.Records() != 0 {
		t.Errorf("%d records were sent", partner.Records())
	}
}

// TestADryRunLeavesNothing: no state file, no lock, no target.
func TestADryRunLeavesNothing(t *testing.T) {
	p, partner := affairsPlace(t)
	p.edit(`sink     = { connection = "jinlaiban" }`, `sink     = { connection = "inbox", path = "out.jsonl", key = ["id"] }`)
	p.run("once", "affairs", "--dry-run").exits(exitDone).says("3 records would be the first batch; nothing was sent")
	p.within("state")
	p.run("once", "affairs", "--dry-run").exits(exitDone)
	for _, pattern := range []string{"milkrun.db*", "state/*", "out.jsonl"} {
		if left, err := filepath.Glob(filepath.Join(p.dir, pattern)); len(left) > 0 || err != nil {
			t.Errorf("left are %v, %v", left, err)
		}
	}
	p.advanced("affairs", state.Forward, `{"line":3,"offset":99999}`)
	defer p.daemon()()
	p.run("once", "affairs", "--dry-run").exits(exitError).says("affairs.jsonl") // it begins at the checkpoint, beside a daemon
	if partner.Records() != 0 {
		t.Errorf("%d records were sent", partner.Records())
	}
}

// execute runs a statement on the state file, as somebody with a shell could.
func (p *place) execute(statement string) {
	p.t.Helper()
	db := openSQLite(p.t, p.state)
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		p.t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		p.t.Fatal(err)
	}
}
