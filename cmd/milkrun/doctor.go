package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/kind"
)

func (a *app) doctorCommand() *cobra.Command {
	deep, asJSON := false, false
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong, and say what to do about it",
		Long: `Look at the configuration, its secrets, the state file, the disk, the daemon, the jobs and the clock, and say about each
whether it is well and, if not, what to do. It changes nothing, works beside a running daemon, and shows no secret.

With --deep it also looks at every connection: name, network, certificate and clock of an HTTP partner, by one request
without credentials; login and rights on a database; and it reads the state file completely. Nothing is transferred.

The exit code is 1 when an error was found; warnings alone are 0.`,
		Example: `  milkrun doctor
  milkrun doctor --deep --json`,
		Args: arguments(cobra.NoArgs),
	}
	f := cmd.Flags()
	f.BoolVar(&deep, "deep", false, "look at the connections, too, and read the state file completely")
	f.BoolVar(&asJSON, "json", false, "print JSON for programs")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), deep, asJSON) }
	return cmd
}

// doctorFinding is one thing that was looked at.
type doctorFinding struct {
	On string `json:"on"` // configuration, state, daemon, machine, "job affairs", "connection credit"
	kind.Finding
}

// doctorView is what milkrun doctor found.
type doctorView struct {
	Errors   int             `json:"errors"`
	Warnings int             `json:"warnings"`
	Findings []doctorFinding `json:"findings"`
}

// doctor is one look at everything.
type doctor struct {
	app      *app
	now      time.Time
	deep     bool
	conf     *config.Config // nil when it has errors
	resolved bool           // its secrets were read
	store    *state.Store   // nil when it cannot be opened
	storeErr error          // why
	doctorView
}

func (a *app) doctor(ctx context.Context, deep, asJSON bool) error {
	d := &doctor{app: a, now: time.Now(), deep: deep, doctorView: doctorView{Findings: []doctorFinding{}}}
	if deep && a.sandboxed {
		stop, err := a.startSandbox(ctx)
		if err != nil {
			return err
		}
		defer stop()
	}
	d.examine(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	if asJSON {
		if err := a.printJSON(d.doctorView); err != nil {
			return err
		}
	} else {
		d.print()
	}
	if d.Errors > 0 {
		return &exit{code: exitError}
	}
	return nil
}

func (d *doctor) examine(ctx context.Context) {
	if d.store, d.storeErr = d.app.look(ctx); d.storeErr == nil {
		defer d.app.shut(d.store)
	}
	d.examineConfig(ctx)
	if d.conf != nil {
		defer d.app.shut(d.conf)
	}
	d.examineState(ctx)
	if d.storeErr == nil {
		d.examineDaemon(ctx)
		d.examineHolds(ctx)
		d.examineJobs(ctx)
	}
	d.examineMachine()
	if d.deep && d.conf != nil {
		d.examineConnections(ctx)
	}
}

// add keeps a finding.
func (d *doctor) add(on string, f kind.Finding) {
	switch f.Level {
	case kind.Bad:
		d.Errors++
	case kind.Warning:
		d.Warnings++
	}
	d.Findings = append(d.Findings, doctorFinding{on, f})
}

func (d *doctor) good(on, check, format string, args ...any) {
	d.add(on, kind.Found(kind.Good, check, format, args...))
}

// failed keeps an error as a finding. Those of the state file know their remedy.
func (d *doctor) failed(on, check string, err error) {
	f := kind.Failed(check, err)
	if f.Remedy == "" {
		f.Remedy = state.Remedy(err)
	}
	d.add(on, f)
}

// print writes a line for each finding, and below it what to do.
func (d *doctor) print() {
	a, p := d.app, statusLook{color: colorAuto}.paint(d.app.stdout)
	wide := 0
	for _, f := range d.Findings {
		wide = max(wide, text.StringWidth(a.lang.Text(f.On)))
	}
	for _, f := range d.Findings {
		level := text.Pad(a.lang.Text(string(f.Level)), 8, ' ')
		fmt.Fprintf(a.stdout, "%s %s  %s\n", p.level(f.Level, level), text.Pad(a.lang.Text(f.On), wide, ' '), a.lang.Text(f.Text))
		a.sayNext(f.Remedy)
	}
	a.say("")
	if d.Errors+d.Warnings == 0 {
		a.say("nothing is wrong")
		return
	}
	a.say("%s, %s", count(d.Errors, "error"), count(d.Warnings, "warning"))
}

// level colours the level of a finding.
func (p paint) level(l kind.Level, said string) string {
	return p.state(map[kind.Level]string{kind.Good: "done", kind.Warning: "part", kind.Bad: "failed"}[l], said)
}
