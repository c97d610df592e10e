// Command milkrun is the daemon and its command line.
//
// Exit codes: 0 done, 1 error, 2 configuration or usage, 3 done in part (dead letters or doubts), 4 another instance
// holds the state, 130 interrupted.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"milkrun/state"
)

// The exit codes.
const (
	exitDone        = 0
	exitError       = 1
	exitUsage       = 2
	exitPart        = 3
	exitLocked      = 4
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a := &app{stdout: stdout, stderr: stderr}
	root := a.command()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	return a.report(err)
}

// exit ends the command with a code; with a nil cause everything has been said already.
type exit struct {
	code   int
	cause  error
	remedy string // what to do next, a line each
}

func (e *exit) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.cause.Error()
}

func (e *exit) Unwrap() error { return e.cause }

// usage is an error of the command line.
func usage(format string, args ...any) error {
	return &exit{code: exitUsage, cause: fmt.Errorf(format, args...)}
}

// report prints an error with what to do about it, and returns the exit code.
func (a *app) report(err error) int {
	var e *exit
	if !errors.As(err, &e) {
		e = &exit{code: codeOf(err), cause: err}
	}
	if e.cause == nil {
		return e.code
	}
	fmt.Fprintf(a.stderr, "milkrun: %v\n", e.cause)
	if e.remedy == "" {
		e.remedy = state.Remedy(e.cause)
	}
	arrows(a.stderr, e.remedy)
	return e.code
}

func codeOf(err error) int {
	switch {
	case errors.Is(err, state.ErrLocked):
		return exitLocked
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitError
}
