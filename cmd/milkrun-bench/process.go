package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// processLimit bounds every single process.
const processLimit = 10 * time.Minute

// measurement is what a process did, and what it cost.
type measurement struct {
	rows      int
	wall, cpu time.Duration
	peak      int64 // bytes of memory at the most
	bare      bool  // of a part of a process only, or computed: cpu and peak mean nothing
}

func (m measurement) rate() float64 { return float64(m.rows) / m.wall.Seconds() }

// cpuPerRow is in microseconds.
func (m measurement) cpuPerRow() float64 { return float64(m.cpu.Microseconds()) / float64(m.rows) }

func (m measurement) mebi() float64 { return float64(m.peak) / (1 << 20) }

// process runs a program to its end and returns what it cost and what it printed.
//
// The kernel counts the memory of the parent at the moment of the fork towards the peak of the child, so this program
// has to stay small: whatever needs memory is done in a child.
func process(ctx context.Context, path string, args ...string) (measurement, string, error) {
	ctx, cancel := context.WithTimeout(ctx, processLimit)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begin := time.Now()
	err := cmd.Run()
	m := measurement{wall: time.Since(begin)}
	if err != nil {
		return m, "", fmt.Errorf("%s: %w\n%s%s", strings.Join(cmd.Args, " "), errors.Join(err, ctx.Err()), &stdout, &stderr)
	}
	m.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		m.peak = usage.Maxrss
		if runtime.GOOS == "linux" {
			m.peak *= 1024
		}
	}
	return m, stdout.String(), nil
}

// self runs this program as a child that does one thing with n rows or requests. One that prints a duration has timed
// the part that counts.
func self(ctx context.Context, n int, what, url, file string) (measurement, error) {
	path, err := os.Executable()
	if err != nil {
		return measurement{}, err
	}
	m, out, err := process(ctx, path, childFlag, what, url, file, strconv.Itoa(n))
	m.rows = n
	if out != "" && err == nil {
		m.bare = true
		m.wall, err = time.ParseDuration(out)
	}
	return m, err
}

// sandbox is a running stand-in of the partners.
type sandbox struct {
	url string
	cmd *exec.Cmd
}

// serve starts milkrun's sandbox with so many grades, all of whose answers are late.
func (b *bench) serve(ctx context.Context, grades int, late time.Duration) (*sandbox, error) {
	cmd := exec.CommandContext(ctx, b.milkrun, "sandbox", "--addr", "127.0.0.1:0", "--enterprises", strconv.Itoa(grades))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &sandbox{cmd: cmd}
	if s.url, err = address(out); err == nil && late > 0 {
		fault := fmt.Sprintf(`[{"kind":"latency","delay_ms":%d}]`, late.Milliseconds())
		_, err = ask(ctx, http.MethodPost, s.url+"/faults", `{"credit":`+fault+`,"busipush":`+fault+`}`)
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// address reads where the sandbox listens, from the first line it prints.
func address(out io.Reader) (string, error) {
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	at := strings.Index(line, "http://")
	if at < 0 {
		return "", fmt.Errorf("the sandbox does not say where it listens: %q, %w", line, err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }() // until the sandbox ends
	return strings.TrimSpace(line[at:]), nil
}

// tells checks that the sandbox's own account of itself contains a text.
func (s *sandbox) tells(ctx context.Context, text string) error {
	got, err := ask(ctx, http.MethodGet, s.url+"/", "")
	if err == nil && !strings.Contains(got, text) {
		err = fmt.Errorf("the sandbox should tell %q, and tells\n%s", text, got)
	}
	return err
}

func ask(ctx context.Context, method, url, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", method, url, answer.Status, text)
	}
	return string(text), err
}

// stop ends the sandbox, which has nothing to save.
func (s *sandbox) stop() error {
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	_ = s.cmd.Wait() // how it ends is of no interest
	return nil
}
