package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"milkrun/state"
	"milkrun/sync/config"
)

// group makes a command of subcommands, which refuses any other word instead of printing its help.
func group(cmd *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(subs...)
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return unknown(cmd.CommandPath()+" command", args[0], commandNames(cmd))
	}
	return cmd
}

// strict makes the commands that cobra adds as strict about unknown words as ours.
func strict(root *cobra.Command) *cobra.Command {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "completion":
			group(cmd)
		case "help":
			cmd.Run, cmd.RunE = nil, help
		}
	}
	return root
}

// help shows the help of the command that is named by args.
func help(cmd *cobra.Command, args []string) error {
	about, rest, err := cmd.Root().Find(args)
	if err != nil {
		return usage("%w", err)
	}
	if len(rest) > 0 {
		return unknown(about.CommandPath()+" command", rest[0], commandNames(about))
	}
	about.InitDefaultHelpFlag() // so that it is listed
	return about.Help()
}

// commandNames are the subcommands of a command, also those that cobra adds (completion).
func commandNames(cmd *cobra.Command) (names []string) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return names
}

// wrongFlag makes a wrong flag an error of usage that names the one that was probably meant.
func wrongFlag(cmd *cobra.Command, err error) error {
	e := &exit{code: exitUsage, cause: fmt.Errorf("%s: %w", cmd.CommandPath(), err), remedy: cmd.CommandPath() + " --help lists the flags"}
	var missing *pflag.NotExistError
	if !errors.As(err, &missing) {
		return e
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := config.Near(missing.GetSpecifiedName(), names); near != "" {
		e.remedy = fmt.Sprintf("did you mean --%s? %s", near, e.remedy)
	}
	return e
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

// sayWhen says when a change takes effect.
func (a *app) sayWhen() {
	if pid, held := state.Holder(a.stateFile()); held {
		a.say("the daemon (process %d) sees it at its next slot", pid)
		return
	}
	a.say("no daemon is running now; it holds for the next one")
}
