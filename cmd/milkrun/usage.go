package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"milkrun/sync/config"
)

// usage is an error of the command line.
func usage(format string, args ...any) error {
	return &exit{code: exitUsage, cause: fmt.Errorf(format, args...)}
}

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
			cmd.Long = "Write a script to the standard output that makes a shell complete the commands, flags and their values of milkrun."
			for _, shell := range cmd.Commands() {
				shell.Long = completionHelp(shell.Name())
			}
		case "help":
			cmd.Run, cmd.RunE = nil, help
		}
	}
	return root
}

// completionHelp is how the script of a shell is used.
func completionHelp(shell string) string {
	now, always := "source <(milkrun completion "+shell+")", ""
	switch shell {
	case "bash":
		always = "milkrun completion bash > /etc/bash_completion.d/milkrun"
	case "zsh":
		always = `milkrun completion zsh > "${fpath[1]}/_milkrun"`
	case "fish":
		now, always = "milkrun completion fish | source", "milkrun completion fish > ~/.config/fish/completions/milkrun.fish"
	case "powershell":
		now, always = "milkrun completion powershell | Out-String | Invoke-Expression", "milkrun completion powershell >> $PROFILE"
	}
	return fmt.Sprintf("For this session:\n\n  %s\n\nFor every new one:\n\n  %s", now, always)
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

// oneOf is a flag that takes one of a few words.
type oneOf[T ~string] struct {
	value *T
	words []T
}

func (f oneOf[T]) String() string {
	if f.value == nil {
		return ""
	}
	return string(*f.value)
}

// Type is what stands for the value in the help.
func (oneOf[T]) Type() string { return "word" }

// Set takes a word.
func (f oneOf[T]) Set(text string) error {
	if !slices.Contains(f.words, T(text)) {
		words := views(f.words, func(w T) string { return string(w) })
		if near := config.Near(text, words); near != "" {
			return fmt.Errorf("did you mean %q?", near)
		}
		return fmt.Errorf("write one of %s", strings.Join(words, "|"))
	}
	*f.value = T(text)
	return nil
}

// atLeast is a flag that takes a whole number.
type atLeast struct {
	value *int
	least int
}

func (f atLeast) String() string {
	if f.value == nil {
		return ""
	}
	return strconv.Itoa(*f.value)
}

// Type is what stands for the value in the help.
func (atLeast) Type() string { return "number" }

// Set takes a number.
func (f atLeast) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < f.least {
		return fmt.Errorf("write a whole number of at least %d", f.least)
	}
	*f.value = n
	return nil
}

// limitFlag adds --limit to a command that lists things.
func limitFlag(cmd *cobra.Command, limit *int, things string) {
	cmd.Flags().VarP(atLeast{limit, 0}, "limit", "n", "how many "+things+"; 0 is all")
}

// first is the argument that may be left out.
func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// numbered reads the number of a thing, which a command lists.
func numbered(text, thing, lister string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, &exit{code: exitUsage, cause: fmt.Errorf("%q is no %s's number", text, thing), remedy: lister + " shows them"}
	}
	return id, nil
}
