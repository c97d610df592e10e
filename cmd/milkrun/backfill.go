package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"milkrun/cmd/milkrun/control"
	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
)

// backfillPlan is a backfill with its units, as it is recorded; ID 0 is none that is recorded.
type backfillPlan struct {
	ID      int64        `json:"id,omitempty"`
	Resumed bool         `json:"resumed,omitempty"` // it was begun before
	Units   []state.Unit `json:"units"`
}

func (a *app) backfillCommand() *cobra.Command {
	var o order
	cmd := &cobra.Command{
		Use:   "backfill JOB",
		Short: "Move a range of a job again, in units, beside its schedule",
		Long: `Move what stands between --from and --to, both included, without looking at the checkpoint or moving it. The range is
split into units by --step: times by a duration ("1d", "6h", in the job's time zone), whole numbers and the pages of a
paged partner by a count. Without --step it is one unit. The units run one after the other, and a slot of the schedule
that comes due goes first. What has become of each is kept: the same command again goes on with the units that are open.

Ctrl-C ends the unit under way at its next batch border; it is run again from its beginning. A unit that fails ends the
command. The running daemon does the work; without one it is done here. A target for which delivering twice is harm has
no backfill, nor has a source that cannot be read from one place to another.`,
		Example: `  milkrun backfill affairs --from 2026-11-01 --to 2026-11-30 --step 1d --why "they lost November"
  milkrun backfill grades --from 1 --to 500 --step 100 --dry-run
  milkrun backfill list affairs`,
		Args: arguments(cobra.ExactArgs(1)),
	}
	f := cmd.Flags()
	f.StringVar(&o.From, "from", "", "where the range begins")
	f.StringVar(&o.To, "to", "", "where it ends")
	f.StringVar(&o.Step, "step", "", "how much of it a unit is: 1d, 6h, or a count")
	f.BoolVar(&o.DryRun, "dry-run", false, "show the units, and record and move nothing")
	why := whyFlag(cmd)
	cmd.RunE = a.stoppable(func(ctx context.Context, args []string) error {
		o.Name, o.Why = args[0], *why
		if o.From == "" || o.To == "" {
			return &exit{code: exitUsage, cause: errors.New("a backfill has a --from and a --to"), remedy: "milkrun backfill --help shows examples"}
		}
		return a.runBackfill(ctx, o)
	})
	cmd.AddCommand(a.backfillListCommand())
	return cmd
}

// filler does the work of a backfill: in the daemon, or here.
type filler interface {
	plan(ctx context.Context) (*backfillPlan, error)
	// unit runs a unit to its end; when ctx ends, the run ends at its next batch border.
	unit(ctx context.Context, p *backfillPlan, u state.Unit) (state.Run, error)
	live() []liveRun
}

func (a *app) runBackfill(ctx context.Context, o order) error {
	var f filler = &daemonFiller{app: a, order: o}
	p, err := f.plan(ctx)
	if errors.Is(err, control.ErrNoDaemon) {
		s, end, beginning := a.begin(ctx, o.Name, o.DryRun)
		defer end()
		if beginning != nil {
			return whenLocked(beginning, "a daemon that cannot be talked to holds it, or a milkrun once: stop that first (systemctl stop milkrun)")
		}
		f = &localFiller{session: s, order: o}
		p, err = f.plan(ctx)
	}
	if err != nil {
		return err
	}
	if o.DryRun {
		a.printUnits(o, p)
		return nil
	}
	return a.fillUnits(ctx, o, f, p)
}

func (a *app) printUnits(o order, p *backfillPlan) {
	rows := views(p.Units, func(u state.Unit) []any { return []any{u.N, u.From, u.To} })
	a.printTable([]any{"UNIT", "FROM", "TO"}, rows, "")
	a.say("\n%s of job %s; nothing was recorded or moved", count(len(p.Units), "unit"), o.Name)
}

// fillUnits runs the open units of a backfill, one after the other.
func (a *app) fillUnits(ctx context.Context, o order, f filler, p *backfillPlan) error {
	open := 0
	for _, u := range p.Units {
		if u.State == state.UnitOpen || u.State == "" {
			open++
		}
	}
	if p.Resumed {
		a.say("backfill %d of job %s goes on: %d of %s are done", p.ID, o.Name, len(p.Units)-open, count(len(p.Units), "unit"))
	} else {
		a.say("backfill %d of job %s: %s to %s in %s", p.ID, o.Name, o.From, o.To, count(len(p.Units), "unit"))
	}
	asBar := terminal(a.stderr)
	var delivered, rejected int64
	for i, u := range p.Units {
		if u.State != state.UnitOpen && u.State != "" {
			continue
		}
		if ctx.Err() != nil {
			return a.interruptedAt(o, p, u)
		}
		stop := a.showUnit(f, o.Name, fmt.Sprintf("%d/%d ", i+1, len(p.Units)), asBar)
		run, err := f.unit(ctx, p, u)
		stop()
		if err != nil || run.State != state.Done && run.State != state.Part {
			return a.unitFailed(o, p, u, run, err)
		}
		delivered += run.Counts.Delivered
		rejected += run.Counts.Rejected
		a.say("unit %d of %d, %s to %s: %s delivered, %s rejected (run %d)", i+1, len(p.Units), u.From, u.To,
			count(run.Counts.Delivered, "record"), grouped(run.Counts.Rejected), run.ID)
	}
	a.say("backfill %d of job %s is done: %s delivered now, %s rejected", p.ID, o.Name, count(delivered, "record"), grouped(rejected))
	if rejected > 0 {
		a.sayNext("milkrun dead list " + o.Name)
		return &exit{code: exitPart}
	}
	return nil
}

// again is the command line that goes on.
func (o order) again() string {
	return fmt.Sprintf("milkrun backfill %s --from %q --to %q", o.Name, o.From, o.To)
}

func (a *app) interruptedAt(o order, p *backfillPlan, u state.Unit) error {
	return &exit{code: exitInterrupted, cause: fmt.Errorf("backfill %d of job %s was stopped before unit %d of %d", p.ID, o.Name, u.N, len(p.Units)),
		remedy: o.again() + " goes on with it"}
}

// unitFailed is the error of a backfill that does not go on.
func (a *app) unitFailed(o order, p *backfillPlan, u state.Unit, run state.Run, err error) error {
	on := o.again() + " goes on with this unit"
	switch {
	case run.State == state.Cancelled, run.State == state.Interrupted, errors.Is(err, context.Canceled):
		return &exit{code: exitInterrupted, cause: fmt.Errorf("backfill %d of job %s was stopped in unit %d of %d", p.ID, o.Name, u.N, len(p.Units)), remedy: on}
	case run.ID == 0:
		var e *exit
		if errors.As(err, &e) {
			return &exit{code: e.code, cause: fmt.Errorf("unit %d of %d: %w", u.N, len(p.Units), e.cause), remedy: e.remedy + "\n" + on}
		}
		return &exit{code: exitError, cause: fmt.Errorf("unit %d of %d: %w", u.N, len(p.Units), err), remedy: on}
	}
	remedy := run.Remedy
	if run.State == state.Halted {
		remedy += "\nmilkrun status names what to resume"
	}
	return &exit{code: exitError, cause: fmt.Errorf("unit %d of %d, %s to %s, %s: %s", u.N, len(p.Units), u.From, u.To, run.State, run.Error),
		remedy: remedy + "\n" + on + fmt.Sprintf("; milkrun runs show %d tells what happened", run.ID)}
}

// showUnit shows on a terminal how far the unit under way is, until the returned function is called.
func (a *app) showUnit(f filler, job, head string, asBar bool) (stop func()) {
	if !asBar {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		every(ctx, 500*time.Millisecond, func() {
			for _, v := range f.live() {
				if v.Job == job {
					redraw(a.stderr, head+v.bar(a.lang))
				}
			}
		})
	}()
	return func() { cancel(); <-done; redraw(a.stderr, "") }
}

// ledger finds the unfinished backfill of a range, or plans a new one, and records it unless it is only shown.
func (o order) ledger(ctx context.Context, store *state.Store, job *config.Job, who string) (*backfillPlan, error) {
	if !o.DryRun {
		if p, err := o.unfinished(ctx, store); p != nil || err != nil {
			return p, err
		}
	}
	s := stretch{from: o.From, to: o.To, step: o.Step, zone: job.Location}
	cp, _, err := store.Checkpoint(ctx, job.Name, state.Forward)
	if err != nil {
		return nil, err
	}
	s.like = cp.Cursor
	p := &backfillPlan{}
	if p.Units, err = s.units(); err != nil {
		return nil, err
	}
	if err := fillable(ctx, store, job, o, p.Units); err != nil {
		return nil, err
	}
	if o.DryRun {
		return p, nil
	}
	p.ID, err = store.AddBackfill(ctx, state.Backfill{Job: job.Name, From: o.From, To: o.To, Who: who, Why: o.Why}, p.Units)
	return p, err
}

func (o order) unfinished(ctx context.Context, store *state.Store) (*backfillPlan, error) {
	list, err := store.Backfills(ctx, o.Name, 0)
	if err != nil {
		return nil, err
	}
	for _, b := range list {
		if b.EndedAt.IsZero() && b.From == o.From && b.To == o.To {
			units, err := store.Units(ctx, b.ID)
			return &backfillPlan{ID: b.ID, Resumed: true, Units: units}, err
		}
	}
	return nil, nil
}

// fillable refuses jobs and ranges of which no backfill can be made, before anything is recorded.
func fillable(ctx context.Context, store *state.Store, job *config.Job, o order, units []state.Unit) (err error) {
	sink, err := job.Sink.Settings.Open(ctx, kind.Env{Job: job.Name, Connection: job.Sink.Connection.Name, Location: job.Location, Purpose: job.Purpose})
	if err != nil {
		return fmt.Errorf("opening the target of job %s: %w", job.Name, err)
	}
	defer func() { err = errors.Join(err, closing(sink)) }()
	if err := twice(job.Name, sink); err != nil {
		return err
	}
	if err := checkRange(ctx, store, job, sync.Start{From: o.From, To: o.To}); err != nil {
		return err
	}
	last := units[len(units)-1]
	return errors.Join(checkRange(ctx, store, job, sync.Start{From: units[0].From, To: units[0].To}), checkRange(ctx, store, job, sync.Start{From: last.From, To: last.To}))
}

// twice refuses a target for which it is harm when a record comes again: a unit may have to be run again.
func twice(job string, sink any) error {
	if _, opaque := sink.(feed.Opaque); !opaque {
		return nil
	}
	return &exit{code: exitUsage, cause: fmt.Errorf("there is no backfill of job %s: its target cannot tell a record that comes again, and a unit may have to be run twice", job),
		remedy: "to deliver from another place on, once, set the checkpoint (milkrun checkpoint set)"}
}
