package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"milkrun/cmd/milkrun/service"
	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/recorder"
	"milkrun/sync/words"
)

// drain is how long deliveries under way may go on after SIGTERM; the unit's TimeoutStopSec must be longer.
const drain = 60 * time.Second

// app is what all commands share: the global flags and where to write.
type app struct {
	stdout, stderr io.Writer
	lang           words.Lang // that people are answered in; what programs read is English

	configPath, statePath, socketPath string
	logFormat, logLevel               string
	sandboxed                         bool
	replayed                          *recorder.Recording          // in place of partners, with --replay
	overrides                         map[string]map[string]string // of the sandbox, once it runs

	hurry context.Context // ends when a drain shall be cut short
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
	f.StringVar(&a.configPath, "config", "", "the configuration (default jobs.toml here, else "+installedConfig+")")
	f.StringVar(&a.statePath, "state", "", "the state file (default $STATE_DIRECTORY/milkrun.db, else that of the installed service, else milkrun.db)")
	f.StringVar(&a.socketPath, "socket", "", "the control socket of the daemon (default beside the state file, or in $RUNTIME_DIRECTORY)")
	a.logFormat, a.logLevel = "text", "info"
	f.Var(oneOf[string]{&a.logFormat, []string{"text", "json"}}, "log-format", "text or json")
	f.Var(oneOf[string]{&a.logLevel, []string{"debug", "info", "warn", "error"}}, "log-level", "debug, info, warn or error")
	f.Var(langFlag{&a.lang}, "lang", "the language of what people read: en or zh (default by LC_ALL, LC_MESSAGES or LANG)")
	f.BoolVar(&a.sandboxed, "sandbox", false, "use built-in stand-ins instead of the partners, and files under "+sandboxDir)
	f.Var(replayFlag{a}, "replay", "use a recording in DIR instead of the partner, stand-ins of all others, and files under "+replayDir)
	root.SetFlagErrorFunc(wrongFlag)
	return strict(bind(root, a.chapters()))
}

// look opens the state for reading.
func (a *app) look(ctx context.Context) (*state.Store, error) {
	return state.Open(ctx, a.stateFile(), state.Options{ReadOnly: true, Now: time.Now})
}

// change opens the state for an operator's change, which a running daemon sees at its next slot.
func (a *app) change(ctx context.Context) (*state.Store, error) {
	return state.Open(ctx, a.stateFile(), state.Options{Now: time.Now, Note: a.note})
}

// amend is change on a file that is there already: a mistyped --state makes no new one.
func (a *app) amend(ctx context.Context) (*state.Store, error) {
	store, err := a.look(ctx)
	if err != nil {
		return nil, err
	}
	a.shut(store)
	return a.change(ctx)
}

func (a *app) shut(c io.Closer) { a.warn(c.Close()) }

// note says something beside what the command was asked for.
func (a *app) note(text string) { fmt.Fprintf(a.stderr, "milkrun: %s\n", a.lang.Text(text)) }

func (a *app) warn(err error) {
	if err != nil {
		a.note(err.Error())
	}
}

// engine is made for a command that is stoppable.
func (a *app) engine(store *state.Store, log *logrus.Logger) *sync.Engine {
	e := sync.New(sync.Options{Store: store, Log: log, Now: time.Now, Drain: drain})
	context.AfterFunc(a.hurry, e.Hurry)
	return e
}

// logger writes to stderr as the flags say.
func (a *app) logger() (*logrus.Logger, error) {
	log := logrus.New()
	log.SetOutput(a.stderr)
	level, err := logrus.ParseLevel(a.logLevel)
	if err != nil {
		return nil, err
	}
	log.SetLevel(level)
	log.SetFormatter(a.formatter())
	return log, nil
}

// formatter formats log entries as the flags say, and in the journal, which has the time, with priorities instead.
func (a *app) formatter() logrus.Formatter {
	journal := service.IsJournal(a.stderr)
	var f logrus.Formatter = speaking{&logrus.TextFormatter{FullTimestamp: true, TimestampFormat: time.RFC3339, DisableTimestamp: journal}, a.lang}
	if a.logFormat == "json" {
		f = &logrus.JSONFormatter{TimestampFormat: time.RFC3339Nano, DisableTimestamp: journal}
	}
	if journal {
		return service.Formatter(f)
	}
	return f
}
