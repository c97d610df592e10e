package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"milkrun/sync/feed"
)

func theClock() time.Time { return noon.Add(24 * time.Hour) }

// backedUp is a state file whose grades are at 10 in the backup and at 11 now.
func backedUp(t testing.TB) (path, backup string) {
	t.Helper()
	path = fullState(t)
	backup = filepath.Join(t.TempDir(), "b.db")
	must[Copy](t)(Backup(t.Context(), path, backup))
	s := mustOpen(t, path)
	runTo(t, s, "grades", "11")
	ok(t, s.Close())
	return path, backup
}

func restoration(from string) Restoration {
	return Restoration{From: from, Who: "li", Why: "the disk", Now: theClock}
}

func TestRestore(t *testing.T) {
	path, backup := backedUp(t)
	done := must[Restored](t)(Restore(t.Context(), path, restoration(backup)))
	aside := path + ".replaced-20260302T120000Z"
	if done.Path != path || !slices.Equal(done.Aside, []string{aside}) || len(done.Halted) != 0 || done.At.IsZero() {
		t.Errorf("%+v", done)
	}
	if len(done.Moved) != 1 || done.Moved[0].Job != "grades" || *done.Moved[0].Was != "11" || *done.Moved[0].Is != "10" {
		t.Errorf("moved %+v", done.Moved)
	}
	s := mustOpen(t, path)
	if got := cursorOf(t, s, "grades"); got != "10" {
		t.Errorf("cursor %s", got)
	}
	ops := must[[]Audit](t)(s.Operations(t.Context(), 1))
	if len(ops) != 1 || ops[0].Who != "li" || ops[0].What != "restore b.db" || ops[0].Why != "the disk" || !ops[0].At.Equal(theClock()) {
		t.Errorf("operations %+v", ops)
	}
	ok(t, s.integrity(t.Context()))
	old := mustOpen(t, aside)
	if got := cursorOf(t, old, "grades"); got != "11" {
		t.Errorf("aside the cursor is %s", got)
	}
	info := must[os.FileInfo](t)(os.Stat(path))
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	// It can be taken back, also at once.
	ok(t, old.Close())
	ok(t, s.Close())
	done = must[Restored](t)(Restore(t.Context(), path, restoration(aside)))
	if !slices.Equal(done.Aside, []string{path + ".replaced-20260302T120001Z"}) {
		t.Errorf("kept as %v", done.Aside)
	}
	if got := cursorOf(t, mustOpen(t, path), "grades"); got != "11" {
		t.Errorf("cursor %s", got)
	}
}

// A backup made while a run and two batches were under way.
func TestRestoreDoubtsWhatMayHaveLeft(t *testing.T) {
	path := newPath(t)
	s := mustOpen(t, path)
	runTo(t, s, "grades", "10")
	id := startRun(t, s, "sms")
	recorded := must[string](t)(s.AddIntent(t.Context(), Intent{Job: "sms", RunID: id, Seq: 1, Records: 2}))
	sent := must[string](t)(s.AddIntent(t.Context(), Intent{Job: "sms", RunID: id, Seq: 2, Records: 2, State: IntentSent}))
	ok(t, s.SetHalt(t.Context(), Halt{Scope: JobScope, Name: "sms", Code: "302", Reason: "no permission", Remedy: "ask them"}))
	ok(t, s.SetHalt(t.Context(), Halt{Scope: JobScope, Name: "configured", Code: CodeDoubt, Reason: "nobody knows", Remedy: "milkrun doubt settle"}))
	backup := filepath.Join(t.TempDir(), "b.db")
	must[Copy](t)(Backup(t.Context(), path, backup))
	other := must[string](t)(s.AddIntent(t.Context(), Intent{Job: "later", Seq: 1}))
	runTo(t, s, "later", "[20]")
	ok(t, s.Close())
	o := restoration(backup)
	o.Opaque = []string{"configured", "sms"}
	done := must[Restored](t)(Restore(t.Context(), path, o))
	if done.Doubts != 2 || len(done.Interrupted) != 1 || done.Interrupted[0].ID != id || !slices.Equal(done.Halted, []string{"configured", "later", "sms"}) {
		t.Errorf("%+v", done)
	}
	s = mustOpen(t, path)
	open := must[[]Intent](t)(s.OpenIntents(t.Context(), "sms"))
	if len(open) != 2 || open[0].State != IntentDoubt || open[1].State != IntentDoubt {
		t.Errorf("%+v, of %s and %s", open, recorded, sent)
	}
	if _, err := s.Runs(t.Context(), RunFilter{State: Running}); err != nil {
		t.Error(err)
	}
	for _, job := range done.Halted {
		h, halted, err := s.HaltOf(t.Context(), JobScope, job)
		ok(t, err)
		if !halted || h.Code != CodeRestored || !strings.Contains(h.Reason, "sent twice") || !strings.Contains(h.Remedy, done.Aside[0]) {
			t.Errorf("halt of %s: %+v", job, h)
		}
		if place := map[bool]string{true: "'[20]'", false: "CURSOR"}[job == "later"]; !strings.Contains(h.Remedy, "milkrun checkpoint set "+job+" "+place+" --yes --why") ||
			strings.Contains(h.Reason+h.Remedy, "doubt") {
			t.Errorf("halt of %s: %+v", job, h)
		}
		if was := strings.Contains(h.Reason, "no permission") && strings.Contains(h.Remedy, "ask them"); was != (job == "sms") {
			t.Errorf("halt of %s: %+v", job, h)
		}
	}
	if _, halted, _ := s.HaltOf(t.Context(), JobScope, "grades"); halted {
		t.Errorf("grades is halted; its target keeps one record a key; %s", other)
	}
}

func TestRestoreWhereNothingIs(t *testing.T) {
	_, backup := backedUp(t)
	path := newPath(t)
	done := must[Restored](t)(Restore(t.Context(), path, restoration(backup)))
	if len(done.Aside) != 0 {
		t.Errorf("%+v", done)
	}
	if got := cursorOf(t, mustOpen(t, path), "grades"); got != "10" {
		t.Errorf("cursor %s", got)
	}
}

func TestRestoreOverADamagedFile(t *testing.T) {
	path, backup := backedUp(t)
	ok(t, os.WriteFile(path, []byte(strings.Repeat("no database\n", 100)), 0o600))
	ok(t, os.WriteFile(path+"-wal", []byte("no log"), 0o600))
	done := must[Restored](t)(Restore(t.Context(), path, restoration(backup)))
	if len(done.Aside) < 2 {
		t.Fatalf("%+v", done)
	}
	if text := must[[]byte](t)(os.ReadFile(done.Aside[1])); string(text) != "no log" {
		t.Errorf("the log aside is %q", text)
	}
	if got := cursorOf(t, mustOpen(t, path), "grades"); got != "10" {
		t.Errorf("cursor %s", got)
	}
}

func TestRestoreBesideADaemon(t *testing.T) {
	path, backup := backedUp(t)
	before := must[[]byte](t)(os.ReadFile(path))
	_, out := child(t, "lock", path)
	if !out.Scan() {
		t.Fatal("the child ended")
	}
	_, err := Restore(t.Context(), path, restoration(backup))
	wantFault(t, err, ErrLocked, path)
	if after := must[[]byte](t)(os.ReadFile(path)); !slices.Equal(before, after) {
		t.Error("the file was changed")
	}
}

// hostile makes a file to restore out of a good backup.
func hostile(t *testing.T, statements ...string) string {
	t.Helper()
	_, backup := backedUp(t)
	s := mustOpen(t, backup)
	for _, q := range statements {
		if _, err := s.w.ExecContext(t.Context(), q); err != nil {
			t.Fatal(q, err)
		}
	}
	ok(t, s.Close())
	return backup
}

func TestRestoreRefusesWhatIsNoBackup(t *testing.T) {
	text := func(s string) string {
		path := filepath.Join(t.TempDir(), "b.db")
		ok(t, os.WriteFile(path, []byte(s), 0o600))
		return path
	}
	damaged := hostile(t)
	whole := must[[]byte](t)(os.ReadFile(damaged))
	clear(whole[len(whole)-4096:])
	ok(t, os.WriteFile(damaged, whole, 0o600))
	lost := hostile(t, "PRAGMA foreign_keys = OFF", "INSERT INTO run_event (run_id, at, kind, text) VALUES (999, '2026-03-01T00:00:00.000Z', 'note', '')")
	pipe := filepath.Join(t.TempDir(), "pipe")
	ok(t, syscall.Mkfifo(pipe, 0o600))
	path, _ := backedUp(t)
	for name, c := range map[string]struct {
		from string
		want error
		says string
	}{
		"missing":         {filepath.Join(t.TempDir(), "none.db"), fs.ErrNotExist, "none.db"},
		"empty":           {text(""), fs.ErrNotExist, ""},
		"a folder":        {t.TempDir(), ErrNoFile, "directory"},
		"a pipe":          {pipe, ErrNoFile, "pipe"},
		"itself":          {path, ErrNoFile, "the state file itself"},
		"text":            {text("no database"), ErrCorrupt, ""},
		"damaged":         {damaged, ErrCorrupt, ""},
		"lost rows":       {lost, ErrCorrupt, "1 rows belong to a run"},
		"another's":       {hostile(t, "PRAGMA application_id = 7"), ErrForeign, "application id 0x7"},
		"without layout":  {hostile(t, "PRAGMA user_version = 0"), ErrForeign, "it is empty"},
		"newer":           {hostile(t, "PRAGMA user_version = 99"), ErrNewer, "its layout is 99"},
		"a trigger":       {hostile(t, "CREATE TRIGGER evil AFTER INSERT ON operation BEGIN DELETE FROM letter; END"), ErrForeign, "its trigger evil is none of milkrun's"},
		"a table more":    {hostile(t, "CREATE TABLE more (x)"), ErrForeign, "table more"},
		"a table less":    {hostile(t, "DROP TABLE recent"), ErrForeign, "table recent is missing"},
		"another view":    {hostile(t, "DROP VIEW v_runs", "CREATE VIEW v_runs AS SELECT 1"), ErrForeign, "view v_runs"},
		"a wrong root":    {hostile(t, "PRAGMA writable_schema = ON", "UPDATE sqlite_schema SET rootpage = 3 WHERE name = 'letter'"), ErrCorrupt, ""},
		"a wrong version": {hostile(t, "PRAGMA user_version = -1"), ErrForeign, "it is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			before := entries(t, filepath.Dir(path))
			_, err := Restore(t.Context(), path, restoration(c.from))
			wantErr(t, err, c.want)
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
			if !strings.Contains(Remedy(err), "nothing was changed") {
				t.Errorf("%v has the remedy %q", err, Remedy(err))
			}
			after := slices.DeleteFunc(entries(t, filepath.Dir(path)), func(n string) bool { return strings.HasSuffix(n, ".lock") })
			before = slices.DeleteFunc(before, func(n string) bool { return strings.HasSuffix(n, ".lock") })
			if !slices.Equal(before, after) {
				t.Errorf("before %v, after %v", before, after)
			}
			s := mustOpen(t, path)
			if got := cursorOf(t, s, "grades"); got != "11" {
				t.Errorf("cursor %s", got)
			}
			ok(t, s.Close())
		})
	}
}

// A backup that somebody made by copying the file with its log.
func TestRestoreOfACopyWithItsLog(t *testing.T) {
	path, _ := backedUp(t)
	s := mustOpen(t, path)
	runTo(t, s, "grades", "12") // in the log
	from := filepath.Join(t.TempDir(), "copy.db")
	for _, suffix := range []string{"", "-wal"} {
		ok(t, os.WriteFile(from+suffix, must[[]byte](t)(os.ReadFile(path+suffix)), 0o600))
	}
	runTo(t, s, "grades", "13")
	ok(t, s.Close())
	must[Restored](t)(Restore(t.Context(), path, restoration(from)))
	if got := cursorOf(t, mustOpen(t, path), "grades"); got != "12" {
		t.Errorf("cursor %s", got)
	}
}

func TestRestoreByRootKeepsTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can")
	}
	path, backup := backedUp(t)
	ok(t, os.Chown(path, 65534, 65533))
	ok(t, os.Chown(filepath.Dir(path), 65534, 65533))
	must[Restored](t)(Restore(t.Context(), path, restoration(backup)))
	for _, name := range []string{path, path + ".lock"} {
		stat := must[os.FileInfo](t)(os.Stat(name)).Sys().(*syscall.Stat_t)
		if stat.Uid != 65534 || stat.Gid != 65533 {
			t.Errorf("%s is of %d:%d", name, stat.Uid, stat.Gid)
		}
	}
}

// restoreUntil is a child that restores and is killed at a step.
func restoreUntil(order string) error {
	parts := strings.Split(order, "|")
	r := &restorer{Restoration: restoration(parts[1])}
	r.step = func(name string) {
		if name == parts[0] {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	_, err := r.restore(context.Background(), parts[2])
	return err
}

// Wherever a restoration is killed, the state is the old or the new one, or is refused; a second one gets there, and the
// old state stands aside, with what was in its log.
func TestRestoreKilledAtEveryStep(t *testing.T) {
	for _, withLog := range []bool{false, true} {
		for _, step := range []string{"copied", "amended", "kept", "removed", "held", "replaced"} {
			if !withLog && (step == "removed" || step == "held") {
				continue
			}
			t.Run(fmt.Sprint(step, " log ", withLog), func(t *testing.T) {
				path, backup := backedUp(t)
				old := "11"
				if withLog {
					old = leaveLog(t, path)
				}
				cmd, _ := child(t, "restore", step+"|"+backup+"|"+path)
				if err := cmd.Wait(); !strings.Contains(fmt.Sprint(err), "killed") {
					t.Fatalf("the child ended: %v", err)
				}
				lookAfterKill(t, path, step, old)
				o := restoration(backup)
				o.Now = func() time.Time { return theClock().Add(time.Minute) }
				must[Restored](t)(Restore(t.Context(), path, o))
				if got := cursorOf(t, mustOpen(t, path), "grades"); got != "10" {
					t.Errorf("cursor %s", got)
				}
				findAside(t, path, feed.Cursor(old))
			})
		}
	}
}

// leaveLog moves the checkpoint, and leaves that in the log.
func leaveLog(t *testing.T, path string) string {
	t.Helper()
	s := mustOpen(t, path)
	runTo(t, s, "grades", "12")
	file, log := must[[]byte](t)(os.ReadFile(path)), must[[]byte](t)(os.ReadFile(path+"-wal"))
	ok(t, s.Close())
	ok(t, os.WriteFile(path, file, 0o600))
	ok(t, os.WriteFile(path+"-wal", log, 0o600))
	return "12"
}

func lookAfterKill(t *testing.T, path, step, old string) {
	t.Helper()
	s, err := Open(t.Context(), path, Options{ReadOnly: true})
	if step == "removed" || step == "held" {
		wantFault(t, err, ErrCorrupt, path)
		_, err = Open(t.Context(), path, Options{}) // which makes a file where there is none
		wantFault(t, err, ErrCorrupt, path)
		return
	}
	ok(t, err)
	want := feed.Cursor(old)
	if step == "replaced" {
		want = "10"
	}
	if got := cursorOf(t, s, "grades"); got != want {
		t.Errorf("after %s the cursor is %s, want %s", step, got, want)
	}
	ok(t, s.Check(t.Context(), false))
	ok(t, s.Close())
}

// findAside demands that the old state stands aside, whole, and that no other name of a file in place is left.
func findAside(t *testing.T, path string, want feed.Cursor) {
	t.Helper()
	found := 0
	for _, name := range must[[]string](t)(filepath.Glob(path + ".replaced-*Z")) {
		if same(name, path) {
			t.Errorf("%s is the state file", name)
		}
		s := mustOpen(t, name)
		if cursorOf(t, s, "grades") == want {
			found++
		}
		ok(t, s.Close())
	}
	if found != 1 {
		t.Errorf("the old state stands aside %d times: %v", found, entries(t, filepath.Dir(path)))
	}
	for _, name := range entries(t, filepath.Dir(path)) {
		if strings.Contains(name, ".part") {
			t.Errorf("%s is left", name)
		}
	}
}

func TestRestoreThatFailsLeavesNoSecondName(t *testing.T) {
	path, backup := backedUp(t)
	r := &restorer{Restoration: restoration(backup)}
	r.step = func(name string) {
		if name == "kept" {
			ok(t, remove(path+"-shm"))
			ok(t, os.Mkdir(path+"-shm", 0o700)) // cannot be removed: something is in it
			ok(t, os.WriteFile(path+"-shm/x", nil, 0o600))
		}
	}
	_, err := r.restore(t.Context(), path)
	if err == nil || errors.Is(err, ErrCorrupt) {
		t.Fatal(err)
	}
	ok(t, os.RemoveAll(path+"-shm"))
	names := must[[]string](t)(filepath.Glob(path + ".replaced-*"))
	if len(names) > 0 || len(r.done.Aside) > 0 {
		t.Errorf("left is %v, said is %v", names, r.done.Aside)
	}
	if got := cursorOf(t, mustOpen(t, path), "grades"); got != "11" {
		t.Errorf("cursor %s", got)
	}
}
