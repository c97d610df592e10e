// Package faulty puts a stand-in behind a round-tripper that goes wrong on request, for the conformance suites.
package faulty

import (
	"net/http"
	"sync"
	"testing"

	"milkrun/sync/sandbox"
)

// Partner is a stand-in that is reached without a network.
type Partner struct {
	trip   http.RoundTripper
	faults sandbox.Faults

	mu      sync.Mutex
	stalled chan struct{} // closed by the next request, which then waits for its context; nil when all is well
}

// New returns a stand-in without faults.
func New(h http.Handler) *Partner {
	p := &Partner{}
	p.trip = sandbox.Transport(p.faults.Wrap(h))
	return p
}

// RoundTrip implements [http.RoundTripper].
func (p *Partner) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	arrived := p.stalled
	p.stalled = nil
	p.mu.Unlock()
	if arrived == nil {
		return p.trip.RoundTrip(r)
	}
	close(arrived)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// Stall makes the next request wait for its context to end. The channel is closed when it has arrived.
func (p *Partner) Stall(testing.TB) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = make(chan struct{})
	return p.stalled
}

// Faults returns what makes the next request go wrong: the kinds that every partner knows, except 429, which is a matter
// of package transport and its clock, and more.
func (p *Partner) Faults(more ...sandbox.Kind) map[string]func(testing.TB) {
	set := map[string]func(testing.TB){}
	for _, k := range append(more, sandbox.Internal, sandbox.HTML, sandbox.DropBefore, sandbox.DropAfter, sandbox.Truncate, sandbox.Break) {
		set[string(k)] = func(t testing.TB) {
			if err := p.faults.Set(sandbox.Fault{Kind: k, Next: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return set
}
