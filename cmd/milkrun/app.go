package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync"
)

// drain is how long deliveries under way may go on after SIGTERM; the unit's TimeoutStopSec must be longer.
const drain = 60 * time.Second

// app is what all commands share: the global flags and where to write.
type app struct {
	stdout, stderr io.Writer

	configPath, statePath string
	logFormat, logLevel   string
	sandboxed             bool
	overrides             map[string]map[string]string // of the sandbox, once it runs
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "milkrun",
		Short: "Scheduled data exchanges with partners that lose, double and hide nothing",
		Long: `milkrun pulls partners' pages and pushes our batches, on a schedule, and accounts for every record.

Start here:  milkrun check            is jobs.toml right, and when will each job run?
             milkrun run --sandbox    everything, against built-in stand-ins of the partners
             milkrun status           how is it going?`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	f := root.PersistentFlags()
	f.StringVar(&a.configPath, "config", "jobs.toml", "the configuration")
	f.StringVar(&a.statePath, "state", "", "the state file (default $STATE_DIRECTORY/milkrun.db, else milkrun.db)")
	f.StringVar(&a.logFormat, "log-format", "text", "text or json")
	f.StringVar(&a.logLevel, "log-level", "info", "debug, info, warn or error")
	f.BoolVar(&a.sandboxed, "sandbox", false, "use built-in stand-ins instead of the partners, and files under "+sandboxDir)
	root.SetFlagErrorFunc(wrongFlag)
	return strict(group(root, a.runCommand(), a.onceCommand(), a.checkCommand(), a.nextCommand(), a.statusCommand(), a.runsCommand(),
		a.checkpointCommand(), a.deadCommand(), a.pauseCommand(), a.resumeCommand(), a.signCommand(), a.sandboxCommand(), a.versionCommand()))
}

// stateFile is where the state is: --state, else in systemd's directory, else here.
func (a *app) stateFile() string {
	switch {
	case a.statePath != "":
		return a.statePath
	case a.sandboxed:
		return filepath.Join(sandboxDir, "milkrun.db")
	case os.Getenv("STATE_DIRECTORY") != "":
		return filepath.Join(os.Getenv("STATE_DIRECTORY"), "milkrun.db")
	}
	return "milkrun.db"
}

// look opens the state for reading.
func (a *app) look(ctx context.Context) (*state.Store, error) {
	path := a.stateFile()
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, &exit{code: exitError, cause: fmt.Errorf("there is no state file %s", path),
			remedy: "it is made by the first run; is --state (or --sandbox) the one of the daemon?"}
	}
	return state.Open(ctx, path, state.Options{ReadOnly: true, Now: time.Now})
}

// change opens the state for an operator's change, which a running daemon sees at its next slot.
func (a *app) change(ctx context.Context) (*state.Store, error) {
	return state.Open(ctx, a.stateFile(), state.Options{Now: time.Now})
}

func (a *app) warn(err error) {
	if err != nil {
		fmt.Fprintf(a.stderr, "milkrun: %v\n", err)
	}
}

func (a *app) engine(store *state.Store, log *logrus.Logger) *sync.Engine {
	return sync.New(sync.Options{Store: store, Log: log, Now: time.Now, Drain: drain})
}

// logger writes to stderr as the flags say.
func (a *app) logger() (*logrus.Logger, error) {
	log := logrus.New()
	log.SetOutput(a.stderr)
	level, err := logrus.ParseLevel(a.logLevel)
	if err != nil {
		return nil, usage("--log-level: %q is not one of debug, info, warn, error", a.logLevel)
	}
	log.SetLevel(level)
	switch a.logFormat {
	case "text":
		log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, TimestampFormat: time.RFC3339})
	case "json":
		log.SetFormatter(&logrus.JSONFormatter{TimestampFormat: time.RFC3339Nano})
	default:
		return nil, usage("--log-format: %q is not text or json", a.logFormat)
	}
	return log, nil
}

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
