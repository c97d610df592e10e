package rotation

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"milkrun/sync/secret"
)

func newFile(t testing.TB) File {
	t.Helper()
	f := File{filepath.Join(t.TempDir(), "password")}
	if err := os.WriteFile(f.Path, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// state is what the files hold: PATH, .new, .old; - where there is none.
func (f File) state(t testing.TB) string {
	t.Helper()
	var list []string
	for _, path := range []string{f.Path, f.next(), f.previous()} {
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			text = []byte("-")
		} else if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		list = append(list, strings.TrimSpace(string(text)))
	}
	return strings.Join(list, " ")
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSteps: at every boundary the old and the new secret are there.
func TestSteps(t *testing.T) {
	f := newFile(t)
	for _, step := range []struct {
		do                func() error
		state, unfinished string
	}{
		{func() error { return nil }, "old - -", ""},
		{func() error { return f.Prepare("new") }, "old new -", f.next()},
		{f.Promote, "new - old", f.previous()},
		{f.Finish, "new - -", ""},
	} {
		ok(t, step.do())
		if got := f.state(t); got != step.state || f.Unfinished() != step.unfinished {
			t.Errorf("%s, left %q; want %s, %q", got, f.Unfinished(), step.state, step.unfinished)
		}
	}
}

func TestKeep(t *testing.T) {
	for which, want := range map[int]string{0: "old - -", 1: "new - -"} {
		f := newFile(t)
		ok(t, f.Prepare("new"))
		ok(t, f.Keep(f.Candidates()[which]))
		if got := f.state(t); got != want {
			t.Errorf("keeping candidate %d: %s", which, got)
		}
	}
	f := newFile(t)
	ok(t, f.Prepare("new"))
	ok(t, f.Promote())
	ok(t, f.Keep(f.Candidates()[1]))
	if got := f.state(t); got != "old - -" {
		t.Errorf("going back: %s", got)
	}
	ok(t, f.Prepare("new"))
	ok(t, os.Link(f.Path, f.previous())) // killed in the middle of Promote
	ok(t, f.Promote())
	if got := f.state(t); got != "new - old" {
		t.Errorf("promoted after that: %s", got)
	}
}

func TestPrepareRefuses(t *testing.T) {
	f := newFile(t)
	ok(t, f.Prepare("new"))
	if err := f.Prepare("newer"); !errors.Is(err, ErrUnfinished) || f.state(t) != "old new -" {
		t.Errorf("%v, %s", err, f.state(t))
	}
	none := File{filepath.Join(t.TempDir(), "none", "password")}
	if err := none.Prepare("x"); err == nil {
		t.Error("no folder")
	}
	gone := File{filepath.Join(t.TempDir(), "password")}
	if err := gone.Prepare("x"); err == nil || gone.Unfinished() != "" {
		t.Errorf("no old secret: %v, left %q", err, gone.Unfinished())
	}
}

func TestOf(t *testing.T) {
	for origin, want := range map[string]bool{"file:/a/b": true, "env:A": false, "credential:file": false, "": false} {
		s := secret.New("x")
		if origin != "" {
			s = s.From(origin)
		}
		if f, ok := Of(s); ok != want || ok && f.Path != "/a/b" {
			t.Errorf("%s: %+v, %v", origin, f, ok)
		}
	}
	f := newFile(t)
	if again, ok := Of(f.Candidates()[0].Secret); !ok || again != f {
		t.Errorf("a candidate is of %+v", again)
	}
}

func TestGenerate(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		s := Generate(8)
		if len(s) != 20 || seen[s] || strings.ContainsAny(s, "lIO01 ") {
			t.Fatalf("%d characters, seen %v", len(s), seen[s])
		}
		seen[s] = true
	}
	if len(Generate(40)) != 40 {
		t.Error("the length is not kept")
	}
}
