package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"milkrun/cmd/milkrun/control"
)

// serve answers at a socket until the test ends, and returns its path and what stops it.
func serve(t *testing.T, methods map[string]control.Method) (path string, stop func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s")
	l, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- control.Serve(ctx, l, methods) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		ended <- nil
	}
	t.Cleanup(stop)
	return path, stop
}

type order struct {
	Job string `json:"job"`
}

func TestCall(t *testing.T) {
	var asked order
	var by string
	path, stop := serve(t, map[string]control.Method{
		"trigger": func(_ context.Context, who string, in json.RawMessage) (any, error) {
			by = who
			return map[string]int{"run": 7}, json.Unmarshal(in, &asked)
		},
		"refuse": func(context.Context, string, json.RawMessage) (any, error) {
			return nil, &control.Fault{Text: "job x is halted", Remedy: "mend it", Exit: 3}
		},
		"break": func(context.Context, string, json.RawMessage) (any, error) { return nil, errors.New("no room") },
		"empty": func(context.Context, string, json.RawMessage) (any, error) { return nil, nil },
	})
	var got struct{ Run int }
	if err := control.Call(t.Context(), path, "", "trigger", order{"grades"}, &got); err != nil || got.Run != 7 || asked.Job != "grades" {
		t.Errorf("run %d, asked %+v: %v", got.Run, asked, err)
	}
	if me, err := user.Current(); err == nil && by != me.Username {
		t.Errorf("called by %q, I am %q", by, me.Username)
	}
	var fault *control.Fault
	if err := control.Call(t.Context(), path, "", "refuse", order{}, nil); !errors.As(err, &fault) || fault.Remedy != "mend it" || fault.Exit != 3 {
		t.Errorf("refused: %v", err)
	}
	if err := control.Call(t.Context(), path, "", "break", order{}, nil); !errors.As(err, &fault) || fault.Text != "no room" {
		t.Errorf("broken: %v", err)
	}
	if err := control.Call(t.Context(), path, "", "empty", order{}, nil); err != nil {
		t.Errorf("empty: %v", err)
	}
	if err := control.Call(t.Context(), path, "", "later", order{}, nil); !errors.As(err, &fault) || !strings.Contains(fault.Remedy, "restart") {
		t.Errorf("unknown: %v", err)
	}
	if err := control.Call(t.Context(), path, "", "trigger", strings.Repeat("x", 2<<20), nil); !errors.As(err, &fault) {
		t.Errorf("a call of two megabytes: %v", err)
	}
	stop()
	if err := control.Call(t.Context(), path, "", "empty", order{}, nil); !errors.Is(err, control.ErrNoDaemon) {
		t.Errorf("after the end: %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// TestWho believes root, and nobody else, whom it acts for.
func TestWho(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	want := me.Username
	if os.Getuid() == 0 {
		want = "somebody"
	}
	path, _ := serve(t, map[string]control.Method{"who": func(_ context.Context, who string, _ json.RawMessage) (any, error) { return who, nil }})
	var got string
	if err := control.Call(t.Context(), path, "somebody", "who", nil, &got); err != nil || got != want {
		t.Errorf("%q, want %q: %v", got, want, err)
	}
}

func TestListen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	first, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
	second, err := control.Listen(path) // the first one was killed
	if err != nil {
		t.Fatalf("a socket that was left: %v", err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	_ = second.Close()
	_ = first.Close()
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Listen(path); err == nil || !strings.Contains(err.Error(), "--socket") {
		t.Errorf("in the place of a file: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
		t.Errorf("the file holds %q: %v", text, err)
	}
	if _, err := control.Listen(filepath.Join(dir, strings.Repeat("x", 120))); err == nil || !strings.Contains(err.Error(), "--socket") {
		t.Errorf("a long path: %v", err)
	}
	if _, err := control.Listen(filepath.Join(dir, "none", "s")); err == nil {
		t.Error("in a folder that is not there")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("%d files are left: %v", len(left), err)
	}
}
