package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"milkrun/cmd/milkrun/control"
	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/words"
)

// order is what an operator asks of the daemon: a job, or a connection to resume.
type order struct {
	Name  string        `json:"name,omitempty"`
	Why   string        `json:"why,omitempty"`
	Full  bool          `json:"full,omitempty"`
	From  string        `json:"from,omitempty"`
	To    string        `json:"to,omitempty"`
	After state.Trigger `json:"trigger,omitempty"`
	Run   int64         `json:"run,omitempty"` // the run to wait for
	// Connection says that the name is a connection's.
	Connection bool `json:"connection,omitempty"`

	Letters []int64 `json:"letters,omitempty"` // dead letters, none: all open ones of the job
	DryRun  bool    `json:"dry_run,omitempty"`
	Step    string  `json:"step,omitempty"` // of a backfill's units
	As      string  `json:"as,omitempty"`   // what became of a batch in doubt
	// A recorded backfill, and a unit of it.
	Backfill int64 `json:"backfill,omitempty"`
	Unit     int64 `json:"unit,omitempty"`
	// The records that are sent again.
	Selection *feed.Selection `json:"selection,omitempty"`
}

// answer is what came of an order.
type answer struct {
	Text    string          `json:"text,omitempty"` // for the operator, in lines
	Run     int64           `json:"run,omitempty"`
	Changes []config.Change `json:"changes,omitempty"`
	Running []liveRun       `json:"running,omitempty"`
	Ended   *state.Run      `json:"ended,omitempty"`

	Status   *statusView    `json:"status,omitempty"`
	Backfill *backfillPlan  `json:"backfill,omitempty"`
	Repush   int64          `json:"repush,omitempty"`
	Fault    *control.Fault `json:"fault,omitempty"` // what went wrong after what the text tells
}

// methods are what the daemon answers at its control socket.
func (d *daemon) methods() map[string]control.Method {
	all := map[string]control.Method{
		"status": d.answering(d.standing),
		"live": d.answering(func(context.Context, *act) (answer, error) {
			return answer{Running: views(d.underWay(), viewLive)}, nil
		}),
		"pause": d.answering(func(ctx context.Context, o *act) (answer, error) { return answer{}, o.pause(ctx) }),
		"pause-connection": d.answering(func(ctx context.Context, o *act) (answer, error) {
			return answer{}, o.pauseConnection(ctx, d.engine.StopCalls)
		}),
		"resume": d.answering(func(ctx context.Context, o *act) (answer, error) {
			defer d.alerts.wake()
			return answer{}, o.resume(ctx)
		}),
		"settle": d.answering(func(ctx context.Context, o *act) (answer, error) {
			defer d.alerts.wake()
			return answer{}, o.settle(ctx)
		}),
		"trigger": d.answering(d.trigger),
		"wait":    d.answering(d.wait),
		"cancel":  d.answering(d.cancel),

		"redeliver": d.answering(d.redeliver),
		"backfill":  d.answering(d.backfill),
		"unit":      d.answering(d.unit),
		"stop":      d.answering(d.stopUnit),
		"repush":    d.answering(d.repush),

		"reload": d.answering(func(ctx context.Context, o *act) (answer, error) {
			changes, err := d.reload(context.WithoutCancel(ctx), "by "+o.who)
			if err == nil {
				o.sayRenames(ctx, d.store, d.current())
			}
			return answer{Changes: changes}, plainly(err)
		}),
		"plan": d.answering(func(ctx context.Context, o *act) (answer, error) {
			conf, changes, err := d.planned()
			if err == nil {
				o.sayRenames(ctx, d.store, conf)
			}
			return answer{Changes: changes}, plainly(err)
		}),
	}
	for _, q := range questions() {
		name, method := q.method(d)
		all[name] = method
	}
	return all
}

// answering makes a method of what is done about an order: what the operator is told becomes the answer's text.
func (d *daemon) answering(do func(context.Context, *act) (answer, error)) control.Method {
	return func(ctx context.Context, who string, in json.RawMessage) (any, error) {
		var text bytes.Buffer
		speaker := *d.app
		speaker.stdout, speaker.lang = &text, words.English // the caller translates
		o := &act{app: &speaker, conf: d.current(), store: d.store, who: who}
		if err := json.Unmarshal(in, &o.order); err != nil {
			return nil, err
		}
		out, err := do(ctx, o)
		if err != nil {
			return nil, fault(err)
		}
		out.Text = text.String()
		return out, nil
	}
}

// fault is an error as the caller gets it.
func fault(err error) *control.Fault {
	var e *exit
	if errors.As(err, &e) {
		return &control.Fault{Text: err.Error(), Remedy: e.remedy, Exit: e.code}
	}
	return &control.Fault{Text: err.Error(), Remedy: state.Remedy(err)}
}

// plainly gives a refused configuration its remedy.
func plainly(err error) error {
	var bad *refusal
	if errors.As(err, &bad) {
		return &exit{code: exitUsage, cause: err, remedy: "mend it; milkrun check shows each problem with its line"}
	}
	return err
}

func (d *daemon) trigger(ctx context.Context, o *act) (out answer, err error) {
	job, err := findJob(o.conf, o.order.Name)
	if err != nil {
		return out, err
	}
	start := sync.Start{Trigger: state.Manual, Who: o.who, Full: o.order.Full, From: o.order.From, To: o.order.To}
	if o.order.After == state.Backfilled {
		start.Trigger = state.Backfilled
	}
	if err := checkRange(ctx, d.store, job, start); err != nil {
		return out, err
	}
	if err := d.started(ctx); err != nil {
		return out, err
	}
	if out.Run, err = d.engine.Trigger(ctx, job.Name, start); err != nil {
		return out, heldBack(err, job.Location)
	}
	o.app.say("run %d of job %s has begun", out.Run, job.Name)
	o.app.sayNext(fmt.Sprintf("milkrun status --watch; milkrun runs show %d", out.Run))
	return out, d.store.Audit(ctx, o.who, fmt.Sprintf("trigger run %d", out.Run), job.Name, o.order.Why)
}

// wait answers when no run of a job is under way any more, with how a run of it ended.
func (d *daemon) wait(ctx context.Context, o *act) (out answer, err error) {
	if err := d.engine.Wait(ctx, o.order.Name); err != nil {
		return out, err
	}
	run, err := d.store.Run(ctx, o.order.Run)
	if err != nil {
		return out, err
	}
	if job := o.conf.Job(run.Job); job != nil && (run.State == state.Halted || run.State == state.Failed) {
		run.Remedy = advice(ctx, d.store, job, run)
	}
	out.Ended = &run
	return out, nil
}

func (d *daemon) cancel(ctx context.Context, o *act) (out answer, err error) {
	if _, err := findJob(o.conf, o.order.Name); err != nil && !d.runs(o.order.Name) {
		return out, err
	}
	if !d.engine.Cancel(o.order.Name, o.who) {
		o.app.say("nothing to cancel: no run of job %s is under way", o.order.Name)
		return out, nil
	}
	if err := d.engine.Wait(ctx, o.order.Name); err != nil {
		return out, err
	}
	o.app.say("the run of job %s has ended at a batch border; the next one goes on from its checkpoint", o.order.Name)
	return out, d.store.Audit(ctx, o.who, "cancel", o.order.Name, o.order.Why)
}

// runs says whether a job is under way, also one that the configuration has no more.
func (d *daemon) runs(job string) bool {
	for _, p := range d.engine.Running() {
		if p.Job == job {
			return true
		}
	}
	return false
}
