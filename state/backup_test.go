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
	"testing"
	"time"
)

// full is a state file with something in every table that a backup or a prune looks at. It is closed.
func fullState(t testing.TB) string {
	t.Helper()
	path := newPath(t)
	s := mustOpen(t, path)
	runTo(t, s, "grades", "10")
	runTo(t, s, "affairs", "20")
	ok(t, s.Pause(t.Context(), "affairs", "li", "the partner moves"))
	ok(t, s.Close())
	return path
}

func entries(t testing.TB, folder string) []string {
	t.Helper()
	list := must[[]os.DirEntry](t)(os.ReadDir(folder))
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.Name()
	}
	return names
}

func TestBackupBesideAWriter(t *testing.T) {
	path := newPath(t)
	_, out := child(t, "advance", path)
	folder := t.TempDir()
	for n := range 5 {
		for range 20 {
			if !out.Scan() {
				t.Fatal("the child ended")
			}
		}
		name := filepath.Join(folder, fmt.Sprintf("b%d.db", n))
		c, err := Backup(t.Context(), path, name)
		ok(t, err)
		info, err := os.Stat(name)
		ok(t, err)
		if info.Mode().Perm() != 0o600 || c.Size != info.Size() || c.Path != name || c.Layout != 1 || c.At.IsZero() {
			t.Errorf("%+v, mode %v, size %d", c, info.Mode(), info.Size())
		}
		s := mustOpen(t, name)
		if got := checkSteps(t, s, 1); got < 20*(n+1) { // whole steps, and no fewer than were confirmed before it began
			t.Errorf("backup %d holds %d steps", n, got)
		}
		ok(t, s.Close())
	}
	if names := entries(t, folder); len(names) != 5 {
		t.Errorf("the folder holds %v", names)
	}
}

func TestBackupOfARunningFileLeavesItAlone(t *testing.T) {
	path := newPath(t)
	s := mustOpen(t, path)
	runTo(t, s, "grades", "10")
	name := filepath.Join(t.TempDir(), "b.db")
	must[Copy](t)(Backup(t.Context(), path, name))
	runTo(t, s, "grades", "11") // its locks and its log are still there
	if got := cursorOf(t, s, "grades"); got != "11" {
		t.Error(got)
	}
	if logged(name) {
		t.Error("the backup has a log")
	}
	b := mustOpen(t, name)
	if got := cursorOf(t, b, "grades"); got != "10" {
		t.Error(got)
	}
}

func TestBackupIsNeverOverwritten(t *testing.T) {
	path, folder := fullState(t), t.TempDir()
	name := filepath.Join(folder, "b.db")
	ok(t, os.WriteFile(name, []byte("precious"), 0o600))
	for _, to := range []string{name, path} {
		_, err := Backup(t.Context(), path, to)
		wantErr(t, err, fs.ErrExist)
	}
	if text := must[[]byte](t)(os.ReadFile(name)); string(text) != "precious" {
		t.Errorf("it holds %q", text)
	}
	d, err := newDraft(folder) // the name is taken while the copy is made
	ok(t, err)
	wantErr(t, d.publish(name), fs.ErrExist)
	ok(t, d.discard())
	if names := entries(t, folder); !slices.Equal(names, []string{"b.db"}) {
		t.Errorf("left is %v", names)
	}
}

func TestBackupThatCannotBe(t *testing.T) {
	path, folder := fullState(t), t.TempDir()
	text := must[[]byte](t)(os.ReadFile(path))
	damaged := filepath.Join(t.TempDir(), "damaged.db") // SQLite puts its files beside it
	ok(t, os.WriteFile(damaged, append(slices.Clone(text[:len(text)/2]), make([]byte, len(text)/2)...), 0o600))
	foreign := filepath.Join(folder, "foreign.db")
	ok(t, os.WriteFile(foreign, []byte("no database"), 0o600))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		path string
		to   string
		want error
	}{
		"no such state":  {t.Context(), filepath.Join(folder, "none.db"), "b.db", ErrMissing},
		"a folder":       {t.Context(), folder, "b.db", ErrNoFile},
		"damaged":        {t.Context(), damaged, "b.db", ErrCorrupt},
		"foreign":        {t.Context(), foreign, "b.db", ErrCorrupt},
		"no such folder": {t.Context(), path, "none/b.db", fs.ErrNotExist},
		"cancelled":      {cancelled, path, "b.db", context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			before := entries(t, folder)
			_, err := Backup(c.ctx, c.path, filepath.Join(folder, c.to))
			wantErr(t, err, c.want)
			if !errors.Is(err, context.Canceled) && Remedy(err) == "" {
				t.Errorf("%v has no remedy", err)
			}
			if after := entries(t, folder); !slices.Equal(before, after) {
				t.Errorf("left is %v", after)
			}
		})
	}
}

func TestThinRemovesOldBackupsOnly(t *testing.T) {
	folder := t.TempDir()
	var want []string
	for _, name := range []string{"milkrun.db", "milkrun-20260301T120000Z.db.old", "milkrun-20261301T120000Z.db", "mine-20250301T120000Z.db"} {
		ok(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
		want = append(want, name)
	}
	ok(t, os.Mkdir(filepath.Join(folder, BackupName(noon.AddDate(-2, 0, 0))), 0o700))
	want = append(want, BackupName(noon.AddDate(-2, 0, 0)))
	for day := range 5 {
		name := BackupName(noon.AddDate(0, 0, -day))
		ok(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
		if day < 2 {
			want = append(want, name)
		}
	}
	removed := must[[]string](t)(Thin(folder, 2))
	slices.Sort(want)
	if names := entries(t, folder); !slices.Equal(names, want) || len(removed) != 3 {
		t.Errorf("left is %v, want %v; removed is %v", names, want, removed)
	}
	if name := BackupName(noon.In(time.FixedZone("", 8*3600))); name != "milkrun-20260301T120000Z.db" {
		t.Error(name)
	}
}

// backupForever is a child that makes backups without end.
func backupForever(path string) error {
	for n := 0; ; n++ {
		if _, err := Backup(context.Background(), path, fmt.Sprintf("%s.%d.backup", path, n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func TestBackupKilledInTheMiddle(t *testing.T) {
	path := fullState(t)
	for after := range 4 {
		cmd, out := child(t, "backup", path)
		for range after + 1 {
			if !out.Scan() {
				t.Fatal("the child ended")
			}
		}
		kill(t, cmd)
		names := must[[]string](t)(filepath.Glob(path + ".*.backup"))
		for _, name := range names {
			s := mustOpen(t, name) // whole
			ok(t, s.integrity(t.Context()))
			ok(t, s.Close())
			ok(t, os.Remove(name))
		}
	}
	must[Copy](t)(Backup(t.Context(), path, path+".last")) // sweeps what was left
	for _, name := range entries(t, filepath.Dir(path)) {
		if strings.HasSuffix(name, ".part") {
			t.Errorf("%s is left", name)
		}
	}
}

func TestADraftInTheMakingIsNotSwept(t *testing.T) {
	folder := t.TempDir()
	first, err := newDraft(folder)
	ok(t, err)
	second, err := newDraft(folder)
	ok(t, err)
	if _, err := os.Stat(first.path()); err != nil {
		t.Error("a draft that is being made was removed")
	}
	ok(t, first.file.Close()) // its maker dies
	ok(t, os.WriteFile(first.path()+"-wal", nil, 0o600))
	ok(t, second.discard())
	third, err := newDraft(folder)
	ok(t, err)
	ok(t, third.discard())
	ok(t, third.discard())
	if names := entries(t, folder); len(names) > 0 {
		t.Errorf("left is %v", names)
	}
}

func TestCheckFindsDamage(t *testing.T) {
	path := fullState(t)
	text := must[[]byte](t)(os.ReadFile(path))
	s := mustOpen(t, path)
	ok(t, s.Check(t.Context(), true))
	ok(t, s.Check(t.Context(), false))
	if n := must[int](t)(s.Layout(t.Context())); n != 1 {
		t.Errorf("layout %d", n)
	}
	if at := must[time.Time](t)(s.Newest(t.Context())); !at.After(noon) || at.After(noon.Add(time.Hour)) {
		t.Errorf("newest is %v", at)
	}
	ok(t, s.Close())
	found := 0
	for page := 4096; page < len(text); page += 4096 { // one page after the other is lost
		broken := slices.Clone(text)
		clear(broken[page : page+4096])
		ok(t, os.WriteFile(path, broken, 0o600))
		s, err := Open(t.Context(), path, Options{ReadOnly: true})
		if err == nil {
			err = s.Check(t.Context(), false)
			ok(t, s.Close())
		}
		if err != nil {
			found++
			wantFault(t, err, ErrCorrupt, path)
		}
	}
	if pages := len(text)/4096 - 1; found != pages {
		t.Errorf("found %d of %d", found, pages)
	}
}
