// Package budget is what calls to one provider have in common for the life of the process, whatever connections, jobs and
// configurations come and go meanwhile: how many there may be a second, how many at once, and whether any at all. A block
// outlives the process too, where there is a [Memory].
//
// A budget is known by a name that says whose it is ("coupang api-gateway.coupang.com", the same with a vendor behind it).
// All connections that name it share it, so that many accounts at one provider are no way around its limit, and a
// reloaded configuration is none around a block.
package budget

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is calls a second.
type Rate = rate.Limit

// Memory keeps the blocks of providers for the next process, by the name of a budget. Both are called at once by several
// goroutines; what they cannot do is theirs to report.
type Memory interface {
	Block(name, why string, until time.Time)
	Blocked(name string) (until time.Time, why string) // a zero time: never
}

// worthKeeping is how long a block lasts that the next process shall know of.
const worthKeeping = time.Minute

// Book holds the budgets of a process by name. The zero Book is ready; it must not be copied once in use.
type Book struct {
	Memory Memory // nil: none

	mu   sync.Mutex
	list map[string]*Account
}

// Account returns the budget of a name, with the rate given from now on.
func (b *Book) Account(name string, most Rate) *Account {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.list == nil {
		b.list = map[string]*Account{}
	}
	a := b.list[name]
	if a == nil {
		a = &Account{name: name, memory: b.Memory, limiter: rate.NewLimiter(most, 1), turn: make(chan struct{}, 1)}
		if b.Memory != nil {
			a.until, a.why = b.Memory.Blocked(name)
		}
		b.list[name] = a
	}
	if a.limiter.Limit() != most {
		a.limiter.SetLimit(most)
	}
	return a
}

// Account is one budget. It is safe for concurrent use.
type Account struct {
	name    string
	memory  Memory
	limiter *rate.Limiter
	turn    chan struct{} // holds a token while a call is under way

	mu     sync.Mutex
	until  time.Time // the circuit is open until then: no call is made
	why    string
	level  int         // how often in a row it was throttled
	errors []time.Time // the last ones
	slow   time.Time   // until then a call costs two
}

// Turn waits until no other call of the budget is under way. Done ends the turn.
func (a *Account) Turn(ctx context.Context) (done func(), err error) {
	select {
	case a.turn <- struct{}{}:
		return func() { <-a.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Wait takes what one call costs, and waits until it is there.
func (a *Account) Wait(ctx context.Context) error {
	if err := a.limiter.Wait(ctx); err != nil || !a.slowed() {
		return err
	}
	return a.limiter.Wait(ctx)
}

func (a *Account) slowed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Now().Before(a.slow)
}

// Slow halves the rate for a while.
func (a *Account) Slow(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.slow = time.Now().Add(d)
}

// Open says for how long no call may be made, and why; 0 when calls may be.
func (a *Account) Open() (left time.Duration, why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if left = time.Until(a.until); a.until.IsZero() || left <= 0 {
		return 0, ""
	}
	return left, a.why
}

// Block opens the circuit: no call for d from now. It never ends earlier than it would.
func (a *Account) Block(d time.Duration, why string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.block(d, why)
}

func (a *Account) block(d time.Duration, why string) {
	t := time.Now().Add(d)
	if !t.After(a.until) {
		return
	}
	a.until, a.why = t, why
	if a.memory != nil && d >= worthKeeping {
		a.memory.Block(a.name, why, t)
	}
}

// Throttled opens the circuit for as long as the provider asks, and when it does not say, for least, doubled with each
// time in a row up to most. It returns for how long.
func (a *Account) Throttled(asked, least, most time.Duration, why string) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := min(least<<min(a.level, 16), most)
	a.level++
	if asked > 0 {
		d = asked
	}
	a.block(d, why)
	return d
}

// Good takes note of a call that went well.
func (a *Account) Good() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.level = 0
}

// Bad takes note of a call that went wrong. The circuit opens for d when that makes n within a span.
func (a *Account) Bad(n int, within, d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.errors = append(a.errors, now)
	if len(a.errors) > n {
		a.errors = a.errors[len(a.errors)-n:]
	}
	if len(a.errors) == n && now.Sub(a.errors[0]) <= within {
		a.block(d, fmt.Sprintf("%d calls went wrong within %v", n, within))
		a.errors = nil
	}
}
