package coupang

import (
	"sync"

	"milkrun/sync/feed"
)

// verdict is what halts a connection, from the answer that says so until the halt is recorded: all its jobs share it, so that
// none asks once more what Coupang may block it for. It ends when the source that met it is closed, which the engine does
// after it has recorded the halt; whoever is let in by an operator then, asks again.
type verdict struct {
	mu  sync.Mutex
	err *feed.Error
	by  *caller
}

// pass keeps a verdict for the others.
func (v *verdict) pass(by *caller, err *feed.Error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err, v.by = err, by
}

// on is the verdict as the error of another call, which is not sent; nil when there is none.
func (v *verdict) on(op string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err == nil {
		return nil
	}
	e := feed.Errorf(v.err.Verdict, v.err.Code, "%s: not asked, for another job was told: %w", op, v.err.Err).WithRemedy("%s", v.err.Remedy)
	e.Unsent = true
	return e
}

// over ends the verdict that a source met.
func (v *verdict) over(by *caller) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.by == by {
		v.err, v.by = nil, nil
	}
}

// Close ends what the source keeps others from. Nothing is to be closed besides.
func (s *source) Close() error {
	s.caller.connection.verdict.over(s.caller)
	if s.parent != nil {
		return s.parent.Close()
	}
	return nil
}
