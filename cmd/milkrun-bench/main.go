// Command milkrun-bench measures how fast milkrun is on this machine, as ratios to what the same machine does without it.
//
// It builds the real milkrun, runs it and everything it is compared with as processes of their own against milkrun's
// sandbox on loopback, and prints Markdown tables; docs/performance.md says what their lines mean. A line that falls
// short is no failure: the exit code is 1 only when something did not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// limit bounds the whole.
const limit = 30 * time.Minute

// bench is one run of the program.
type bench struct {
	rows, affairs int
	runs          int // of which the median counts
	milkrun, dir  string
	rounds        []round
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "milkrun-bench:", err)
		os.Exit(1)
	}
}

// start runs the bench, or what the bench starts as its own child.
func start(ctx context.Context, args []string) error {
	if len(args) == 5 && args[0] == childFlag {
		return child(ctx, args[1], args[2], args[3], args[4])
	}
	b := new(bench)
	f := flag.NewFlagSet("milkrun-bench", flag.ContinueOnError)
	f.IntVar(&b.rows, "rows", 1_700_000, "grades to pull; the short pull has a 17th of them, the long one three times as many")
	f.IntVar(&b.affairs, "affairs", 1_000_000, "affairs to push")
	f.IntVar(&b.runs, "runs", 3, "runs of each measurement, except the two longest; the median counts")
	f.StringVar(&b.milkrun, "milkrun", "", "the milkrun to measure (default: build it)")
	only := f.String("only", "", "only the lines whose name contains this")
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if b.rows < 17 || b.affairs < 10 || b.runs < 1 {
		return errors.New("-rows is at least 17, -affairs at least 10, -runs at least 1")
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return b.run(ctx, *only)
}

// run measures in a temporary folder, on the disk of os.TempDir.
func (b *bench) run(ctx context.Context, only string) (err error) {
	if b.dir, err = os.MkdirTemp("", "milkrun-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.build(ctx); err != nil {
		return err
	}
	return b.report(ctx, only)
}

// build makes the milkrun binary from the source tree the program is run in, of packages compiled as for a release
// (packaging/build.sh) and not with the flags of whoever runs the bench: -race would make another binary.
func (b *bench) build(ctx context.Context) (err error) {
	if b.milkrun != "" {
		b.milkrun, err = filepath.Abs(b.milkrun)
		return err
	}
	b.milkrun = filepath.Join(b.dir, "milkrun")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "netgo,osusergo,sqlite_omit_load_extension", "-o", b.milkrun, "./cmd/milkrun")
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building milkrun: %w\n%s(run this in the source tree, or name a binary with -milkrun)", err, out)
	}
	return nil
}
