// Command milkrun is the daemon and its command line.
//
// Exit codes: 0 done, 1 error, 2 configuration, usage, or not a state file of this milkrun, 3 done in part (dead letters or
// doubts), 4 another instance holds the state, 130 interrupted.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"milkrun/cmd/milkrun/service"
	"milkrun/state"
	"milkrun/sync/feed"
	"milkrun/sync/words"
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
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(70) // a push is to stay below 64 MiB; it costs some 2 % of processor time
	}
	a := &app{stdout: os.Stdout, stderr: service.Stderr(), lang: words.Detect(os.Getenv)}
	os.Exit(a.execute(context.Background(), os.Args[1:]))
}

// execute runs one command line and returns its exit code.
func (a *app) execute(ctx context.Context, args []string) int {
	a.lang = language(args, a.lang)
	root := a.command()
	translate(root, a.lang)
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		return a.report(err)
	}
	return exitDone
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

// report prints an error with what to do about it, and returns the exit code.
func (a *app) report(err error) int {
	var e *exit
	if !errors.As(err, &e) {
		e = &exit{code: codeOf(err), cause: err}
	}
	if e.cause == nil {
		return e.code
	}
	a.warn(e.cause)
	a.arrows(a.stderr, cmp.Or(e.remedy, state.Remedy(e.cause), feed.Judge(e.cause).Remedy))
	return e.code
}

func codeOf(err error) int {
	switch {
	case errors.Is(err, state.ErrLocked):
		return exitLocked
	case errors.Is(err, state.ErrNewer), errors.Is(err, state.ErrOlder), errors.Is(err, state.ErrForeign): // another start meets it again
		return exitUsage
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitError
}
