package sync

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/transport/budget"
)

// Options are what an engine works with.
type Options struct {
	Store *state.Store
	Log   *logrus.Logger
	Now   func() time.Time // the wall clock
	// Drain is how long deliveries under way may go on after a run was asked to stop.
	Drain time.Duration
	// Observers are told what happens.
	Observers []Observer
	// RoundTripper replaces the network of all partners; nil in the daemon.
	RoundTripper http.RoundTripper
	// Step is called at every step boundary of a run; an error ends the run there. For crash tests; nil in the daemon.
	Step func(name string) error
}

// Engine runs jobs. One engine works on one state file, which its caller has locked (state.TakeLock).
type Engine struct {
	Options
	budgets budget.Book // outlives every configuration
	expired sync.Map    // by job: the moment its retention was kept up to
	mu      sync.Mutex
	running map[string]*run // by job: invariant 5
	serving atomic.Pointer[server]
	started chan struct{} // closed when Serve looks after the jobs
	rush    chan struct{} // closed when runs that drain shall not take their time
	hurried sync.Once
}

// New returns an engine.
func New(o Options) *Engine {
	return &Engine{Options: o, budgets: budget.Book{Memory: circuits{o.Store, o.Log}}, running: map[string]*run{}, rush: make(chan struct{}),
		started: make(chan struct{})}
}

// Started is closed once Serve, which is called once, looks after the jobs: from then on they can be triggered and reloaded.
func (e *Engine) Started() <-chan struct{} { return e.started }

// Hurry cuts off the deliveries of runs that were asked to stop. What is settled is still saved.
func (e *Engine) Hurry() { e.hurried.Do(func() { close(e.rush) }) }

func (e *Engine) now() time.Time { return e.Now() }

// Start says why and how a run begins.
type Start struct {
	Trigger state.Trigger
	// Slot is the slot the run belongs to, zero for one started by hand. Decisions are recorded in the same instant as
	// the run, so that no crash comes between them.
	Slot      time.Time
	Decisions []state.Slot
	// Who began it by hand, for the audit; "" when a schedule did.
	Who string
	// Full asks for a complete pass of an incremental job.
	Full bool
	// From and To bound the run to a range that is read without looking at the checkpoint or moving it.
	From, To string
	// Repush sends chosen records again, likewise beside the checkpoint.
	Repush *Repush

	poll  bool                       // a run that would find nothing is not recorded, and Run returns errIdle
	begun func(run int64, err error) // told once that the run is recorded, or why it does not begin
}

// ranged says that the run is beside the forward lane.
func (s Start) ranged() bool { return s.From != "" || s.To != "" || s.Repush != nil }

// BusyError says that the job is running already.
type BusyError struct {
	Job string
	Run int64
}

// Error names the run.
func (e *BusyError) Error() string {
	return fmt.Sprintf("job %s is running already (run %d)", e.Job, e.Run)
}

// HaltedError says that a job may not run until an operator acts.
type HaltedError struct {
	state.Halt
	fresh bool // no run was begun
}

// Error gives the reason of the halt.
func (e *HaltedError) Error() string {
	if e.Who != "" {
		return fmt.Sprintf("%s %s is %s (since %s)", e.Scope, e.Name, e.Reason, e.At.Format(time.RFC3339))
	}
	return fmt.Sprintf("%s %s is halted since %s: %s", e.Scope, e.Name, e.At.Format(time.RFC3339), e.Reason)
}

// Run runs a job now, to its end, and returns what the state file says of it. The error is nil when everything was
// delivered or became a dead letter. A *BusyError or *HaltedError means that no run was begun.
func (e *Engine) Run(ctx context.Context, job *config.Job, start Start) (state.Run, error) {
	r, err := e.enter(ctx, job)
	if err != nil {
		start.tell(0, err)
		return state.Run{}, err
	}
	defer e.leave(r)
	defer r.close()
	err = e.Blocked(ctx, job) // after enter: a halt that comes now cancels the run
	if err == nil {
		err = r.start(start)
	}
	start.tell(r.id(), err)
	if err != nil {
		return state.Run{}, err
	}
	if err = r.execute(start); err == nil {
		r.expire(ctx)
	}
	return r.finish(err)
}

func (s Start) tell(run int64, err error) {
	if s.begun != nil {
		s.begun(run, err)
	}
}

// Blocked returns a *HaltedError when the job, or a connection of it, is halted.
func (e *Engine) Blocked(ctx context.Context, job *config.Job) error {
	halts, err := e.Store.Halts(ctx)
	if err != nil {
		return err
	}
	for _, h := range halts {
		onJob := h.Scope == state.JobScope && h.Name == job.Name
		if onJob || h.Scope == state.ConnectionScope && job.Uses(h.Name) {
			h.At = h.At.In(job.Location)
			return &HaltedError{Halt: h, fresh: true}
		}
	}
	return nil
}

// enter keeps invariant 5: one run per job at a time.
func (e *Engine) enter(ctx context.Context, job *config.Job) (*run, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.running[job.Name]; r != nil {
		return nil, &BusyError{Job: job.Name, Run: r.id()}
	}
	r := newRun(ctx, e, job)
	e.running[job.Name] = r
	return r, nil
}

// busy is the error that a job is running.
func (e *Engine) busy(job string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	busy := &BusyError{Job: job}
	if r := e.running[job]; r != nil {
		busy.Run = r.id()
	}
	return busy
}

func (e *Engine) leave(r *run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.running, r.job.Name)
	r.cancel(nil)
	close(r.over)
}

// Wait returns when no run of the job is under way, or ctx ends.
func (e *Engine) Wait(ctx context.Context, job string) error {
	e.mu.Lock()
	r := e.running[job]
	e.mu.Unlock()
	if r == nil {
		return nil
	}
	select {
	case <-r.over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// halt records that nothing more may happen on a job or connection, and stops the runs that are on it now.
func (e *Engine) halt(ctx context.Context, h state.Halt) error {
	if err := e.Store.SetHalt(ctx, h); err != nil {
		return err
	}
	e.observe(func(o Observer) { o.Halted(h) })
	e.Log.WithFields(logrus.Fields{"scope": h.Scope, "name": h.Name, "code": h.Code, "remedy": h.Remedy}).Error("halted: " + h.Reason)
	if h.Scope == state.ConnectionScope {
		e.StopCalls(h)
	}
	return nil
}

// StopCalls ends the runs that are on a halted connection, at their next call, but the one that met the halt. It returns how many
// that are.
func (e *Engine) StopCalls(h state.Halt) (stopped int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.running {
		if r.job.Uses(h.Name) && (h.RunID == 0 || r.id() != h.RunID) {
			r.cancel(&HaltedError{Halt: h})
			stopped++
		}
	}
	return stopped
}

// Running returns the progress of the runs under way, in no order.
func (e *Engine) Running() []Progress {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]Progress, 0, len(e.running))
	for _, r := range e.running {
		if !r.peeking.Load() {
			list = append(list, r.progress())
		}
	}
	return list
}

// Cancel asks the run of a job to stop at the next batch border. It says whether there is one.
func (e *Engine) Cancel(job, who string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.running[job]
	if r != nil {
		r.cancel(&cancelledError{who})
	}
	return r != nil
}

// cancelledError ends a run that an operator cancelled.
type cancelledError struct{ who string }

func (e *cancelledError) Error() string { return "cancelled by " + e.who }

// errTimeout ends a run that reached its job's timeout.
var errTimeout = errors.New("the job's timeout is reached; the next run goes on from the checkpoint")
