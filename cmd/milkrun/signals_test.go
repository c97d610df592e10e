package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// started is a command line in a process of its own.
type started struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner // of both outputs
}

func (p *place) start(mode string, args ...string) *started {
	p.t.Helper()
	cmd := p.command(mode, args...)
	r, w, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = r.Close() })
	return &started{p.t, cmd, bufio.NewScanner(r)}
}

// until reads the outputs up to a text.
func (s *started) until(text string) {
	s.t.Helper()
	var seen []string
	for s.lines.Scan() {
		seen = append(seen, s.lines.Text())
		if strings.Contains(s.lines.Text(), text) {
			return
		}
	}
	s.t.Fatalf("it never says %q:\n%s", text, strings.Join(seen, "\n"))
}

func (s *started) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the end, and returns its exit code and the signal that killed it.
func (s *started) ends() (code int, killed syscall.Signal) {
	s.t.Helper()
	for s.lines.Scan() { // what it still says does not matter
	}
	_ = s.cmd.Wait()
	status, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok {
		s.t.Fatal("no wait status")
	}
	if status.Signaled() {
		return -1, status.Signal()
	}
	return status.ExitStatus(), 0
}

func TestOneSignalEndsTheDaemon(t *testing.T) {
	t.Parallel()
	p, _ := affairsPlace(t)
	d := p.start("plain", "run")
	d.until("scheduled")
	d.until("scheduled")
	d.signal(syscall.SIGTERM)
	d.until("stopped; every checkpoint is saved")
	if code, killed := d.ends(); code != exitDone || killed != 0 {
		t.Errorf("exit code %d, signal %d", code, killed)
	}
}

// TestASecondSignalCutsADrainShort: the partner does not answer; one signal would wait for it for a minute.
func TestASecondSignalCutsADrainShort(t *testing.T) {
	t.Parallel()
	arrived, left := make(chan bool, 9), make(chan bool, 9)
	partner := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // until then the server does not notice that the caller has gone
		arrived <- true
		<-r.Context().Done()
		left <- true
	}))
	t.Cleanup(partner.Close)
	p, _ := affairsPlace(t)
	p.edit(p.box.Settings()["busipush"]["url"], partner.URL)
	began := time.Now()
	once := p.start("plain", "once", "affairs")
	<-arrived
	once.signal(os.Interrupt)
	once.until("stopping at the next batch border")
	once.signal(os.Interrupt)
	if code, killed := once.ends(); code != exitInterrupted || killed != 0 {
		t.Errorf("exit code %d, signal %d", code, killed)
	}
	<-left
	if took := time.Since(began); took > drain/2 {
		t.Errorf("it took %s", took)
	}
	p.run("runs").exits(exitDone).says("interrupted")
}

// stubborn is a command that takes no notice of being asked to end.
func stubborn() {
	a := &app{stdout: os.Stdout, stderr: os.Stderr}
	cmd := a.versionCommand()
	cmd.RunE = a.stoppable(func(ctx context.Context, _ []string) error {
		fmt.Println("ready")
		<-ctx.Done()
		fmt.Println("asked")
		<-a.hurry.Done()
		fmt.Println("hurried")
		select {}
	})
	cmd.SetArgs([]string{})
	_ = cmd.ExecuteContext(context.Background())
}

func TestAThirdSignalKills(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "")
	s := p.start("stubborn")
	for _, says := range []string{"ready", "asked", "hurried"} {
		s.until(says)
		s.signal(syscall.SIGTERM)
	}
	if _, killed := s.ends(); killed != syscall.SIGTERM {
		t.Errorf("signal %d", killed)
	}
}

// TestOtherCommandsEndAtOnce: one that waits for an answer is not asked to end, it ends.
func TestOtherCommandsEndAtOnce(t *testing.T) {
	p, _ := affairsPlace(t)
	pipe := p.dir + "/pipe"
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	s := p.start("plain", "sign", "jinlaiban", "--body", pipe) // it waits for somebody to write
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s.signal(os.Interrupt)
	if _, killed := s.ends(); killed != syscall.SIGINT {
		t.Errorf("signal %d", killed)
	}
}
