package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"milkrun/state"
)

func (p *place) files(folder, pattern string) []string {
	p.t.Helper()
	names, err := filepath.Glob(filepath.Join(p.dir, folder, pattern))
	if err != nil {
		p.t.Fatal(err)
	}
	return names
}

func TestBackupAndRestore(t *testing.T) {
	p, _ := affairsPlace(t)
	p.advanced("affairs", state.Forward, atLine2)
	stop := p.daemon()
	p.run("backup").exits(exitDone).says("holds the state of " + p.state)
	copies := p.files("", "milkrun-*Z.db")
	if len(copies) != 1 || !regexp.MustCompile(`/milkrun-\d{8}T\d{6}Z\.db$`).MatchString(copies[0]) {
		t.Fatalf("copies are %v", copies)
	}
	p.run("backup", copies[0]).exits(exitError).says("is there already; nothing was written")
	p.run("backup", p.state).exits(exitError).says("is there already")
	p.advanced("affairs", state.Forward, `{"line":3,"offset":400}`)

	p.run("restore", copies[0]).exits(exitUsage).says("this change needs a reason")
	p.run("restore", copies[0], "--yes", "--why", "x").exits(exitLocked).says("nothing was changed", "systemctl stop milkrun")
	stop()
	p.run("restore", copies[0], "--why", "x").exits(exitUsage).says("will be delivered again; nothing was changed", "add --yes")
	p.run("restore", p.config, "--yes", "--why", "x").exits(exitError).says("damaged state file", "give another backup")
	p.wantCursor("affairs", `{"line":3,"offset":400}`)
	p.run("restore", copies[0], "--yes", "--why", "the disk").exits(exitDone).says("is as it was at", "is kept as "+p.state+".replaced-",
		"job affairs, lane forward: line 3, offset 400 → line 2, offset 300", "is read and delivered again", "start the daemon again")
	p.wantCursor("affairs", atLine2)
	p.run("audit").exits(exitDone).says("restore "+filepath.Base(copies[0]), "the disk")
	p.run("once", "affairs", "--dry-run").exits(exitError).says("affairs.jsonl") // from line 2 on
}

func TestRestoreHaltsWhatMustNotBeSentTwice(t *testing.T) {
	p, partner := affairsPlace(t)
	p.empty()
	p.run("backup", filepath.Join(p.dir, "b.db")).exits(exitDone)
	p.with(func(ctx context.Context, s *state.Store) error {
		_, err := s.AddIntent(ctx, state.Intent{Job: "affairs", Seq: 1, Records: 3})
		return err
	})
	p.run("restore", filepath.Join(p.dir, "b.db"), "--yes", "--why", "x").exits(exitDone).
		says("knows of nothing that happened", "halted, so that nothing is sent twice: affairs")
	p.run("once", "affairs").exits(exitError).says("would be sent twice", "find out what was sent since", "milkrun resume affairs")
	if partner.Records() != 0 {
		t.Errorf("%d records were sent", partner.Records())
	}
}

func TestBackupKeepsSome(t *testing.T) {
	p, _ := affairsPlace(t)
	p.empty()
	for day := range 4 {
		p.write(state.BackupName(time.Date(2026, 3, 1+day, 0, 0, 0, 0, time.UTC)), "old")
	}
	p.write("milkrun-notes.db", "mine")
	p.run("backup", p.dir+"/b.db", "--keep", "2").exits(exitUsage).says("--keep is for copies that milkrun names")
	p.run("backup", "--keep", "2").exits(exitDone).says("removed milkrun-20260301T000000Z.db", "removed milkrun-20260303T000000Z.db").hides("removed milkrun-20260304T000000Z.db")
	if left := p.files("", "milkrun-*.db"); len(left) != 3 {
		t.Errorf("left are %v", left)
	}
	p.run("backup", filepath.Join(p.dir, "none")+"/").exits(exitError).says("make the folder first")
	p.run("backup", "--keep", "-1").exits(exitUsage)
}

func TestBackupWithoutAState(t *testing.T) {
	p, _ := affairsPlace(t)
	p.run("backup").exits(exitError).says("no state file")
	p.run("prune").exits(exitError).says("no state file")
	if left := p.files("", "milkrun*"); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}

// on makes a command line see a folder as a disk of a kind; see commandEnv.
func (p *place) on(mode, folder string, args ...string) outcome {
	p.t.Helper()
	other := *p
	other.state = filepath.Join(folder, "x") // whose folder is mounted
	cmd := other.command(mode, args...)
	cmd.Args[slices.Index(cmd.Args, other.state)] = p.state
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		p.t.Skipf("this machine lets nobody mount: %v", err)
	}
	return outcome{p.t, strings.Join(cmd.Args, " "), cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func TestBackupAndRestoreOnBadDisks(t *testing.T) {
	p, _ := affairsPlace(t)
	p.advanced("affairs", state.Forward, atLine2)
	folder := filepath.Join(p.dir, "disk")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	p.on("full", folder, "backup", folder).exits(exitError).says("disk full", "make room there", "the state file is as it was")
	p.on("read-only", folder, "backup", folder).exits(exitError).says("read-only file system", "name a folder that you may write to")
	good := filepath.Join(p.dir, "good.db")
	p.run("backup", good).exits(exitDone)
	for mode, says := range map[string]string{"full": "disk full", "read-only": "read-only file system"} {
		other := *p
		other.within(mode) // nothing is there
		other.process(mode, "restore", good, "--yes", "--why", "x").exits(exitError).says(says, other.state)
		if left := p.files(mode, "*"); len(left) > 0 {
			t.Errorf("left are %v", left)
		}
	}
	fixed := *p
	fixed.within("fixed")
	fixed.advanced("affairs", state.Forward, atLine2)
	fixed.process("read-only", "restore", good, "--yes", "--why", "x").exits(exitError).says("read-only file system", "ReadWritePaths")
	fixed.wantCursor("affairs", atLine2)
}
