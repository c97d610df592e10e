package service

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/sirupsen/logrus"
)

// childEnv makes the test binary do what a daemon does at its start, in a process of its own.
const childEnv = "MILKRUN_SERVICE_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "journal":
		w := Stderr()
		fmt.Fprintf(w, "journal %v\n<4>warned\n", IsJournal(w))
	case "sockets":
		_ = os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
		greet()
	default:
		os.Exit(m.Run())
	}
}

func child(t *testing.T, what string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(append(os.Environ(), childEnv+"="+what), env...)
	return cmd
}

func TestStderrIsTheJournal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	info, err := w.Stat()
	if err != nil {
		t.Fatal(err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	for _, c := range []struct{ stream, want string }{
		{fmt.Sprintf("%d:%d", stat.Dev, stat.Ino), "<3>journal true\n<4>warned\n"},
		{fmt.Sprintf("%d:%d", stat.Dev, stat.Ino+1), "journal false\n<4>warned\n"}, // redirected since
		{"", "journal false\n<4>warned\n"},
		{"x", "journal false\n<4>warned\n"},
	} {
		cmd := child(t, "journal", "JOURNAL_STREAM="+c.stream)
		cmd.Stderr = w
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 1024)
		n, err := r.Read(got)
		if err != nil || string(got[:n]) != c.want {
			t.Errorf("JOURNAL_STREAM=%s: %q, %v, want %q", c.stream, got[:n], err, c.want)
		}
	}
}

func TestFormatter(t *testing.T) {
	var out bytes.Buffer
	log := logrus.New()
	log.SetOutput(&marker{&out})
	log.SetLevel(logrus.TraceLevel)
	log.SetFormatter(Formatter(&logrus.TextFormatter{DisableTimestamp: true, DisableColors: true}))
	log.WithField("job", "grades").Info("run begins")
	log.Warn("slow")
	log.Error("two\nlines")
	log.Debug("detail")
	log.Trace("more")
	log.SetFormatter(Formatter(&logrus.JSONFormatter{DisableTimestamp: true}))
	log.Info("数据")
	want := `<6>level=info msg="run begins" job=grades
<4>level=warning msg=slow
<3>level=error msg="two\nlines"
<7>level=debug msg=detail
<7>level=trace msg=more
<6>{"level":"info","msg":"数据"}
`
	if out.String() != want {
		t.Errorf("\n%s\nwant\n%s", out.String(), want)
	}
}

type broken struct{}

func (broken) Format(*logrus.Entry) ([]byte, error) { return nil, io.ErrUnexpectedEOF }
func (broken) Write([]byte) (int, error)            { return 0, io.ErrClosedPipe }

func TestErrorsPass(t *testing.T) {
	if _, err := Formatter(broken{}).Format(&logrus.Entry{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("format: %v", err)
	}
	if _, err := (&marker{broken{}}).Write([]byte("x\n")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write: %v", err)
	}
}

func TestMark(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"one\n":                     "<3>one\n",
		"milkrun: x\n  → y\n\nz":    "<3>milkrun: x\n<3>  → y\n\n<3>z",
		"<6>info\nplain\n<8>none\n": "<6>info\n<3>plain\n<3><8>none\n",
	} {
		if got := string(mark([]byte(text), failure)); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	for level, want := range map[logrus.Level]int{logrus.PanicLevel: 2, logrus.FatalLevel: 2, logrus.ErrorLevel: 3, logrus.InfoLevel: 6} {
		if got := priority(level); got != want {
			t.Errorf("%s has priority %d, want %d", level, got, want)
		}
	}
}

// greet answers one caller on each socket with the socket's name, and prints what is wrong.
func greet() {
	all, err := Listeners()
	if again, _ := Listeners(); err != nil || len(again) > 0 || os.Getenv("LISTEN_FDS") != "" {
		fmt.Println(err, len(again))
	}
	for name, listeners := range all {
		for _, ln := range listeners {
			conn, err := ln.Accept()
			if err != nil {
				fmt.Println(err)
				continue
			}
			fmt.Fprint(conn, name)
			_ = conn.Close()
		}
	}
}

func TestSocketActivation(t *testing.T) {
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	socket, err := ln.File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	noSocket, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer noSocket.Close()
	cmd := child(t, "sockets", "LISTEN_FDS=2", "LISTEN_FDNAMES=status:wrong")
	cmd.ExtraFiles = []*os.File{socket, noSocket}
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if name, err := io.ReadAll(conn); err != nil || string(name) != "status" {
		t.Errorf("the socket says %q, %v", name, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `socket "wrong" from the service manager: `) || strings.Contains(out.String(), "close") {
		t.Errorf("said %q", out.String())
	}
}

func TestNoSockets(t *testing.T) {
	t.Setenv("LISTEN_FDS", "")
	if all, err := Listeners(); err != nil || len(all) > 0 {
		t.Errorf("%v, %v", all, err)
	}
}
