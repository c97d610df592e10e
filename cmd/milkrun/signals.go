package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// stopping is said at the first signal.
const stopping = "stopping at the next batch border, and saving the checkpoints; a second signal cuts off what is under way, a third kills"

// stoppable runs a command that moves records, and ends it in an orderly way: the first SIGINT or SIGTERM ends its
// context, so that it drains; the second ends a.hurry, so that it drains no longer; the third kills. Every other command
// is ended by the first.
func (a *app) stoppable(f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, stop := context.WithCancel(cmd.Context())
		defer stop()
		hurry, cut := context.WithCancel(context.Background())
		defer cut()
		a.hurry = hurry
		signals := make(chan os.Signal, 2)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(signals)
		last := func() { signal.Stop(signals); cut() }
		go func() {
			for _, end := range []func(){stop, last} {
				select {
				case <-signals:
					end()
				case <-hurry.Done(): // the command is over
					return
				}
			}
		}()
		return f(ctx, args)
	}
}
