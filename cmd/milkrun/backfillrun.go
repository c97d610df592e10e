package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"milkrun/cmd/milkrun/control"
	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync"
)

// settle keeps what has become of a unit by the end of a run over it; one whose run did not come to its end stays open.
func settle(ctx context.Context, store *state.Store, backfill, unit int64, run state.Run) error {
	u := state.Unit{N: unit, State: state.UnitOpen, RunID: run.ID}
	switch run.State {
	case state.Done:
		u.State = state.UnitDone
	case state.Part:
		u.State = state.UnitPart
	}
	return store.SettleUnit(ctx, backfill, u)
}

// lastRun is the run over a unit that was begun last, as it stands; without an id when there is none.
func lastRun(ctx context.Context, store *state.Store, u state.Unit) (state.Run, error) {
	if u.RunID == 0 {
		return state.Run{}, nil
	}
	run, err := store.Run(ctx, u.RunID)
	if errors.Is(err, state.ErrNotFound) { // its history was pruned
		return state.Run{}, nil
	}
	return run, err
}

// localFiller does the work in this process, which holds the state.
type localFiller struct {
	*session
	order order
}

func (f *localFiller) plan(ctx context.Context) (*backfillPlan, error) {
	if !f.order.DryRun {
		if _, err := f.store.Interrupt(ctx); err != nil {
			return nil, err
		}
	}
	return f.order.ledger(ctx, f.store, f.job, operator())
}

func (f *localFiller) unit(ctx context.Context, p *backfillPlan, u state.Unit) (state.Run, error) {
	kept := context.WithoutCancel(ctx)
	run, err := lastRun(kept, f.store, u)
	if err == nil && !standing.Succeeded(run) {
		run, err = f.engine.Run(ctx, f.job, sync.Start{Trigger: state.Backfilled, Who: operator(), From: u.From, To: u.To})
		if run.ID == 0 || standing.Succeeded(run) && err != nil { // the latter is the state file's
			return run, heldBack(err, f.job.Location)
		}
		err = nil // the run tells it
	}
	return run, errors.Join(err, settle(kept, f.store, p.ID, u.N, run))
}

func (f *localFiller) live() []liveRun {
	return views(f.engine.Running(), func(p sync.Progress) liveRun { return viewLive(standing.NewMeter(p)) })
}

// daemonFiller has the daemon do the work.
type daemonFiller struct {
	*app
	order order
}

func (f *daemonFiller) plan(ctx context.Context) (*backfillPlan, error) {
	out, err := f.ask(ctx, "backfill", f.order)
	if err == nil && out.Backfill == nil {
		err = errors.New("the daemon answered without a backfill")
	}
	return out.Backfill, err
}

// unit asks for the unit, and when ctx ends for its end. The answer comes all the same.
func (f *daemonFiller) unit(ctx context.Context, p *backfillPlan, u state.Unit) (state.Run, error) {
	o := order{Name: f.order.Name, Backfill: p.ID, Unit: u.N}
	asking, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	defer context.AfterFunc(f.hurry, leave)()
	defer context.AfterFunc(ctx, func() {
		f.note(stopping)
		if out, err := f.ask(asking, "stop", o); err != nil || out.Run == 0 {
			leave() // it has not begun
		}
	})()
	out, err := f.ask(asking, "unit", o)
	if err == nil && out.Ended == nil {
		err = errors.New("the daemon answered without a run")
	}
	var e *exit
	if err != nil && !errors.As(err, &e) && asking.Err() == nil {
		err = fmt.Errorf("the daemon has gone in the middle of it: %w", err)
	}
	if err != nil {
		return state.Run{}, err
	}
	return *out.Ended, nil
}

func (f *daemonFiller) live() []liveRun {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var out answer
	if err := control.Call(ctx, f.socket(), operator(), "live", order{}, &out); err != nil {
		return nil // the command itself says what is wrong
	}
	return out.Running
}

// backfill plans a backfill, or finds the unfinished one of the range.
func (d *daemon) backfill(ctx context.Context, o *act) (out answer, err error) {
	job, err := findJob(o.conf, o.order.Name)
	if err != nil {
		return out, err
	}
	out.Backfill, err = o.order.ledger(ctx, d.store, job, o.who)
	return out, err
}

// unit runs a unit of a backfill, after the runs of the job that are under way and the slots that are due; one that is
// under way already is waited for. It goes on to its end when the caller goes away.
func (d *daemon) unit(ctx context.Context, o *act) (out answer, err error) {
	job, err := findJob(o.conf, o.order.Name)
	if err != nil {
		return out, err
	}
	u, err := d.unitOf(ctx, o.order)
	if err != nil {
		return out, err
	}
	if err := d.started(ctx); err != nil { // until then a run that a kill has ended looks as if it were under way
		return out, err
	}
	kept := context.WithoutCancel(ctx)
	run, err := lastRun(kept, d.store, u)
	if err != nil {
		return out, err
	}
	if !standing.Succeeded(run) && run.State != state.Running {
		if run.ID, err = d.beginUnit(ctx, job.Name, o.who, u); err != nil {
			return out, heldBack(err, job.Location)
		}
		u.RunID = run.ID
		if err := d.store.SettleUnit(kept, o.order.Backfill, u); err != nil { // so that a kill cannot hide what it came to
			return out, err
		}
	}
	if run, err = d.awaitRun(kept, job.Name, run.ID); err != nil {
		return out, err
	}
	out.Ended = &run
	return out, settle(kept, d.store, o.order.Backfill, u.N, run)
}

func (d *daemon) unitOf(ctx context.Context, o order) (state.Unit, error) {
	units, err := d.store.Units(ctx, o.Backfill)
	if err != nil {
		return state.Unit{}, err
	}
	for _, u := range units {
		if u.N == o.Unit {
			return u, nil
		}
	}
	return state.Unit{}, fmt.Errorf("backfill %d has no unit %d", o.Backfill, o.Unit)
}

// beginUnit begins a unit as soon as the job does not run.
func (d *daemon) beginUnit(ctx context.Context, job, who string, u state.Unit) (int64, error) {
	return d.beginAfter(ctx, job, sync.Start{Trigger: state.Backfilled, Who: who, From: u.From, To: u.To})
}

// beginAfter begins a run as soon as the job does not run.
func (d *daemon) beginAfter(ctx context.Context, job string, start sync.Start) (int64, error) {
	const pause = 20 * time.Millisecond // the scheduler looks at its slots when a run has ended
	if err := d.started(ctx); err != nil {
		return 0, err
	}
	for {
		id, err := d.engine.Trigger(ctx, job, start)
		var busy *sync.BusyError
		if !errors.As(err, &busy) {
			return id, err
		}
		if err := d.engine.Wait(ctx, job); err != nil {
			return 0, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// awaitRun waits for the end of a run.
func (d *daemon) awaitRun(ctx context.Context, job string, id int64) (state.Run, error) {
	for {
		run, err := d.store.Run(ctx, id)
		if err != nil || run.State != state.Running {
			return run, err
		}
		if err := d.engine.Wait(ctx, job); err != nil {
			return run, err
		}
	}
}

// stopUnit ends the run over a unit at its next batch border, if there is one under way; it answers with its number.
func (d *daemon) stopUnit(ctx context.Context, o *act) (out answer, err error) {
	u, err := d.unitOf(ctx, o.order)
	if err != nil {
		return out, err
	}
	for _, p := range d.engine.Running() {
		if u.RunID > 0 && p.Run == u.RunID && d.engine.Cancel(o.order.Name, o.who) {
			out.Run = p.Run
		}
	}
	return out, nil
}

// closing closes what can be closed.
func closing(thing any) error {
	if c, ok := thing.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
