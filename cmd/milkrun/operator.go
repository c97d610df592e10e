package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"milkrun/state"
)

// group makes a command of subcommands, which refuses any other word instead of printing its help.
func group(cmd *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(subs...)
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		names := make([]string, len(subs))
		for i, sub := range subs {
			names[i] = sub.Name()
		}
		return unknown(cmd.CommandPath()+" command", args[0], names)
	}
	return cmd
}

// arguments makes a wrong number of arguments an error of usage that shows the right form.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &exit{code: exitUsage, cause: fmt.Errorf("%s: %w", cmd.CommandPath(), err), remedy: "write: " + cmd.UseLine()}
		}
		return nil
	}
}

func whyFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("why", "", "the reason, kept with the change")
}

// mustSay refuses a change without a reason: whoever looks at the history later needs it.
func mustSay(why string) error {
	if strings.TrimSpace(why) == "" {
		return &exit{code: exitUsage, cause: errors.New("this change needs a reason"),
			remedy: `add --why "the partner sent May again"; it is kept with the change`}
	}
	return nil
}

// amend opens a state file that is there already for an operator's change. A mistyped --state makes no new one.
func (a *app) amend(ctx context.Context) (*state.Store, error) {
	store, err := a.look(ctx)
	if err != nil {
		return nil, err
	}
	a.shut(store)
	return a.change(ctx)
}

func (a *app) shut(c io.Closer) { a.warn(c.Close()) }

func (a *app) say(format string, args ...any) { fmt.Fprintf(a.stdout, format+"\n", args...) }

// sayWhen says when a change takes effect.
func (a *app) sayWhen() {
	if pid, held := state.Holder(a.stateFile()); held {
		a.say("the daemon (process %d) sees it at its next slot", pid)
		return
	}
	a.say("no daemon is running now; it holds for the next one")
}
