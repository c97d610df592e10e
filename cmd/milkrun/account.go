package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/envelope"
	"milkrun/sync/kind"
	"milkrun/sync/sandbox"
)

func (a *app) accountCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "account",
		Short: "Look after an account at a partner: change its password, deposit authorisations",
		Long: `Look after an account at a partner. A password that lives in a file is changed so that, whatever happens on the way, one
of the files holds the password that the partner takes. An enterprise's authorisation is deposited, and the licence
that the partner returns is kept in the state file, for every query about that enterprise.`,
	}, a.rotateCommand(), a.settleCommand(), a.licenceCommand())
}

func (a *app) rotateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate CONNECTION",
		Short: "Change the password of a connection, at the partner and in its file",
		Long: `Change the password of a connection. A new one is made; nobody gets to see it. It is written beside the old one (FILE.new),
then the partner is told, then it takes the old one's place (FILE.old stays), and when the partner has taken it once the
old one goes. Interrupted in between, milkrun finds out by itself which of them the partner takes, and account settle
tidies up. A running daemon goes on: it reads the file again when the partner refuses the old password.

The password must come from a file (password = "file:PATH"): an environment and systemd's credentials cannot be written.`,
		Example: `  milkrun account rotate credit --why "90 days are over"`,
		Args:    arguments(cobra.ExactArgs(1)),
	}
	why := whyFlag(cmd)
	cmd.RunE = a.stoppable(func(ctx context.Context, args []string) error {
		return a.onAccount(ctx, args[0], func(ctx context.Context, acc kind.Account, store *state.Store) error {
			if err := acc.Rotate(ctx, kind.Env{Connection: args[0], Location: time.Local}, nil); err != nil {
				return err
			}
			a.say("the password of connection %s is another one now, here and at the partner", args[0])
			return store.NoteOperation(ctx, operator(), "rotate password", args[0], *why)
		})
	})
	return cmd
}

func (a *app) settleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "settle CONNECTION",
		Short: "End a change of the password that was interrupted",
		Long: `End a change of the password that was interrupted: the partner is asked which of the passwords it takes (that of FILE,
FILE.new, FILE.old), and that one is kept as FILE. When it takes none of them, nothing is touched.`,
		Example: `  milkrun account settle credit`,
		Args:    arguments(cobra.ExactArgs(1)),
	}
	why := whyFlag(cmd)
	cmd.RunE = a.stoppable(func(ctx context.Context, args []string) error {
		return a.onAccount(ctx, args[0], func(ctx context.Context, acc kind.Account, store *state.Store) error {
			file, err := acc.Settle(ctx, kind.Env{Connection: args[0], Location: time.Local})
			if err != nil {
				return err
			}
			a.say("the partner takes the password that was in %s; it is the one of connection %s now", file, args[0])
			return store.NoteOperation(ctx, operator(), "settle password", args[0], *why)
		})
	})
	return cmd
}

// onAccount does something with a connection whose password can be changed.
func (a *app) onAccount(ctx context.Context, name string, do func(context.Context, kind.Account, *state.Store) error) error {
	return a.onConnection(ctx, name, func(ctx context.Context, conn *config.Connection, store *state.Store) error {
		acc, ok := conn.Settings.(kind.Account)
		if !ok {
			return &exit{code: exitUsage, cause: fmt.Errorf("milkrun cannot change the password of connection %s of type %s", name, conn.Type),
				remedy: "change it at the partner, and then where the configuration says it is"}
		}
		return do(ctx, acc, store)
	})
}

// onConnection finds a connection, with its secrets, and opens the state for a change.
func (a *app) onConnection(ctx context.Context, name string, do func(context.Context, *config.Connection, *state.Store) error) error {
	if a.sandboxed {
		stop, err := a.startSandbox(ctx)
		if err != nil {
			return err
		}
		defer stop()
	}
	conf, err := a.load(true)
	if err != nil {
		return err
	}
	defer a.shut(conf)
	conn, err := findConnection(conf, name)
	if err != nil {
		return err
	}
	store, err := a.change(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	return do(ctx, conn, store)
}

func findConnection(conf *config.Config, name string) (*config.Connection, error) {
	if conn := conf.Connections[name]; conn != nil {
		return conn, nil
	}
	return nil, unknown("connection", name, slices.Sorted(maps.Keys(conf.Connections)))
}

// teach has the stand-ins speak as the connections of the configuration do.
func (a *app) teach(s *sandbox.Sandbox) {
	conf, _ := a.read(false)
	if conf == nil {
		return
	}
	defer a.shut(conf)
	for _, name := range slices.Sorted(maps.Keys(conf.Connections)) {
		if profile, transform := dialectOf(conf.Connections[name]); profile != nil || transform != envelope.Plain {
			s.Credit.Speak(profile, transform)
			return
		}
	}
}

// dialectOf is how a connection speaks that can speak in several ways: the profile of its envelope, nil without one, and how
// its password is sent.
func dialectOf(c *config.Connection) (profile *envelope.Profile, pwdTransform string) {
	if speaker, ok := c.Settings.(interface {
		Dialect() (*envelope.Profile, string)
	}); ok {
		return speaker.Dialect()
	}
	return nil, envelope.Plain
}

// parseDay reads a day given on the command line; it ends at midnight.
func parseDay(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, strings.TrimSpace(text), time.Local)
	if err != nil {
		return day, usage("--%s: %q is no day; write it as 2027-01-31", flag, text)
	}
	return day.AddDate(0, 0, 1), nil
}
