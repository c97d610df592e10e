package sync

import (
	"context"
	"time"

	"milkrun/state"
	"milkrun/sync/transport"
)

// Observer is told what happens while it happens: for metrics, alerts, and what the service manager shows. Its methods
// return at once and are called by several goroutines; what they are told is in the state file already, or will be.
type Observer interface {
	// Decided is told of every decision about slots.
	Decided(s state.Slot)
	// Began is told of a run that begins. A run for a slot is late by the time between them.
	Began(r state.Run)
	// Moved is told what has become of records of a job since it was told last, when the state file has it. Counts go down
	// when an enumeration is read from the beginning again; the total is none of what is added.
	Moved(job string, fresh state.Counts)
	// Retried is told of a call that failed and is tried again. Code is the partner's own, or empty.
	Retried(job, code string)
	// Ended is told of a run that has ended, with its state.
	Ended(r state.Run)
	// Halted is told of a halt.
	Halted(h state.Halt)
	// Asked is told of every request to an HTTP partner that is over, with "HTTP 200" and the like, else "timeout" or
	// "network", and how long it took.
	Asked(connection, code string, took time.Duration)
}

// observe tells every observer.
func (e *Engine) observe(tell func(Observer)) {
	for _, o := range e.Observers {
		tell(o)
	}
}

// traced has the observers told of the requests on a connection.
func (e *Engine) traced(ctx context.Context, connection string) context.Context {
	if len(e.Observers) == 0 {
		return ctx
	}
	return transport.WithTrace(ctx, func(code string, took time.Duration) {
		e.observe(func(o Observer) { o.Asked(connection, code, took) })
	})
}
