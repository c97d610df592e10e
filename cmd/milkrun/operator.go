package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/mask"
)

// operator is who acts: the user who called, also through sudo.
func operator() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

func whyFlag(cmd *cobra.Command) *string {
	var why reasonFlag
	cmd.Flags().Var(&why, "why", "the reason, kept with the change; numbers of persons are masked, a name is kept: write none")
	return (*string)(&why)
}

// reasonFlag is a flag that takes what a person writes, for others to read later. It hides in it what looks personal;
// a name without a label looks like any other word.
type reasonFlag string

func (r *reasonFlag) String() string { return string(*r) }

// Type is what stands for the value in the help.
func (*reasonFlag) Type() string { return "string" }

// Set takes the text.
func (r *reasonFlag) Set(text string) error {
	*r = reasonFlag(mask.Scrub(text))
	return nil
}

// mustSay refuses a change without a reason: whoever looks at the history later needs it.
func mustSay(why string) error {
	if strings.TrimSpace(why) == "" {
		return &exit{code: exitUsage, cause: errors.New("this change needs a reason"),
			remedy: `add --why "the partner sent May again"; it is kept with the change`}
	}
	return nil
}

// sayWhen says when a change takes effect.
func (a *app) sayWhen() {
	if pid, held := state.Holder(a.stateFile()); held {
		a.say("the daemon (process %d) sees it at its next slot", pid)
		return
	}
	a.say("no daemon is running now; it holds for the next one")
}
