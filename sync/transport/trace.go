package transport

import (
	"context"
	"time"
)

type traceKey struct{}

// WithTrace has every request under the context told to trace when it is over: with "HTTP 200" and the like, else the
// code of its error ("timeout", "network"), and how long it took, without the waiting for its turn.
func WithTrace(ctx context.Context, trace func(code string, took time.Duration)) context.Context {
	return context.WithValue(ctx, traceKey{}, trace)
}

func traced(ctx context.Context, code string, begun time.Time) {
	if trace, ok := ctx.Value(traceKey{}).(func(string, time.Duration)); ok {
		trace(code, time.Since(begun))
	}
}
