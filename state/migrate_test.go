package state

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A released migration is never edited: files in the field have been made with it. A new one gets its line here.
var released = []string{
	"58fe5cc14b083d690121f63e422151d8a63906a90b6f2a1fc28ddbbb14b50bd5",
}

func TestReleasedMigrationsStayAsTheyAre(t *testing.T) {
	list := must[[]string](t)(scripts(embedded))
	if len(list) != len(released) {
		t.Fatalf("%d migrations, %d sums", len(list), len(released))
	}
	for i, text := range list {
		sum := sha256.Sum256([]byte(text))
		if hex.EncodeToString(sum[:]) != released[i] {
			t.Errorf("migration %d has changed: its sum is %x. Put the change into a further migration", i+1, sum)
		}
	}
}

func TestEveryOldLayoutIsBroughtForward(t *testing.T) {
	files := must[[]string](t)(filepath.Glob("testdata/layout*.sql"))
	if len(files) != len(released) {
		t.Fatalf("%d files in testdata for %d layouts", len(files), len(released))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			path := newPath(t)
			text := must[[]byte](t)(os.ReadFile(file))
			old := sql.OpenDB(connector{"file:" + path})
			if _, err := old.ExecContext(t.Context(), string(text)); err != nil {
				t.Fatal(err)
			}
			ok(t, old.Close())
			s := mustOpen(t, path)
			if c := cursorOf(t, s, "grades"); c != `{"page":3}` {
				t.Errorf("cursor is %s", c)
			}
			for _, view := range []string{"v_status", "v_runs", "v_letters", "v_slots", "v_checkpoints"} {
				n, _, err := one(t.Context(), s.r, scanTo[int], "SELECT count(*) FROM "+view)
				ok(t, err)
				if n == 0 {
					t.Errorf("%s is empty", view)
				}
			}
			ok(t, s.integrity(t.Context()))
		})
	}
}

func withFuture(t *testing.T, more ...string) []string {
	return append(must[[]string](t)(scripts(embedded)), more...)
}

func TestLayouts(t *testing.T) {
	ctx := t.Context()
	path := newPath(t)
	s := mustOpen(t, path)
	runTo(t, s, "grades", "1")
	ok(t, s.Close())
	future := withFuture(t, "ALTER TABLE job ADD COLUMN colour TEXT; UPDATE job SET colour = 'red'")

	_, err := openWith(ctx, path, Options{ReadOnly: true}, future)
	wantFault(t, err, ErrOlder, path)

	newer := must[*Store](t)(openWith(ctx, path, Options{}, future))
	colour, _, err := one(ctx, newer.r, scanTo[string], "SELECT colour FROM job")
	ok(t, err)
	if colour != "red" || cursorOf(t, newer, "grades") != "1" {
		t.Errorf("colour %q", colour)
	}
	ok(t, newer.Close())

	before := must[[]byte](t)(os.ReadFile(path))
	for _, readOnly := range []bool{false, true} {
		_, err = Open(ctx, path, Options{ReadOnly: readOnly})
		wantFault(t, err, ErrNewer, path)
	}
	if !bytes.Equal(before, must[[]byte](t)(os.ReadFile(path))) {
		t.Error("the newer file was changed")
	}
}

func TestABrokenMigrationLeavesTheOldLayout(t *testing.T) {
	ctx := t.Context()
	path := newPath(t)
	s := mustOpen(t, path)
	runTo(t, s, "grades", "1")
	ok(t, s.Close())
	_, err := openWith(ctx, path, Options{}, withFuture(t, "DROP VIEW v_status; DROP TABLE recent; CREATE TABLE job (x)"))
	if err == nil {
		t.Fatal("opened")
	}
	again := mustOpen(t, path)
	if _, err := again.Recent(ctx, "grades"); err != nil || cursorOf(t, again, "grades") != "1" {
		t.Errorf("after a migration that broke: %v", err)
	}
}

func TestNoMigrationUnderAWorkingDaemon(t *testing.T) {
	path := newPath(t)
	ok(t, mustOpen(t, path).Close())
	cmd, out := child(t, "lock", path)
	out.Scan()
	_, err := openWith(t.Context(), path, Options{}, withFuture(t, "CREATE TABLE more (x)"))
	wantFault(t, err, ErrLocked, path)
	kill(t, cmd)
	s := must[*Store](t)(openWith(t.Context(), path, Options{}, withFuture(t, "CREATE TABLE more (x)")))
	ok(t, s.Close())
}

func TestFilesOfOthersAreLeftAlone(t *testing.T) {
	for name, text := range map[string]string{
		"tables":         "CREATE TABLE user_info (id)",
		"application id": "PRAGMA application_id = 1234; CREATE TABLE a (b); DROP TABLE a",
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			db := sql.OpenDB(connector{"file:" + path})
			if _, err := db.ExecContext(t.Context(), text); err != nil {
				t.Fatal(err)
			}
			ok(t, db.Close())
			ok(t, os.Chmod(path, 0o644))
			before := must[[]byte](t)(os.ReadFile(path))
			for _, readOnly := range []bool{false, true} {
				_, err := Open(t.Context(), path, Options{ReadOnly: readOnly})
				wantFault(t, err, ErrForeign, path)
			}
			if info := must[os.FileInfo](t)(os.Stat(path)); info.Mode().Perm() != 0o644 || !bytes.Equal(before, must[[]byte](t)(os.ReadFile(path))) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestManyOpenANewFileAtOnce(t *testing.T) {
	path := newPath(t)
	errs := make(chan error)
	for range 8 {
		go func() {
			s, err := Open(t.Context(), path, Options{})
			if err == nil {
				err = s.Close()
			}
			errs <- err
		}()
	}
	for range 8 {
		ok(t, <-errs)
	}
	ok(t, mustOpen(t, path).integrity(t.Context()))
}

func ExampleRemedy() {
	err := fault(ErrFull, "milkrun.db", "moving the checkpoint of job grades", nil)
	fmt.Println(err)
	fmt.Println(Remedy(err))
	// Output:
	// milkrun.db: disk full, moving the checkpoint of job grades
	// free space (or quota) on the file system of the state file, then start again; nothing that was confirmed is lost
}
