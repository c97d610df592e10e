package transport

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxRetryAfter bounds what a partner can ask for: a Retry-After with a wrong year must not stop the connection until
// somebody restarts the daemon.
const maxRetryAfter = 24 * time.Hour

// gate holds back all callers of a client until the time its partner asked for. The zero gate is open.
type gate struct {
	mu    sync.Mutex
	until time.Time
}

// close shuts the gate for d from now; it never opens it earlier than it would.
func (g *gate) close(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t := time.Now().Add(d); t.After(g.until) {
		g.until = t
	}
}

func (g *gate) remaining() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.until.IsZero() {
		return 0
	}
	return time.Until(g.until)
}

func (g *gate) open() bool { return g.remaining() <= 0 }

func (g *gate) wait(ctx context.Context) error {
	for {
		d := g.remaining()
		if d <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(d)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// RetryAfter reads the header's seconds or HTTP date, 0 when there is none. A date is measured against the answer's own
// Date, so that clocks that differ do no harm.
func RetryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if n, err := strconv.Atoi(text); err == nil || errors.Is(err, strconv.ErrRange) { // out of range it is the nearest int
		return bounded(time.Duration(min(n, int(maxRetryAfter/time.Second))) * time.Second)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if now, err := http.ParseTime(h.Get("Date")); err == nil {
		return bounded(at.Sub(now))
	}
	return bounded(time.Until(at))
}

func bounded(d time.Duration) time.Duration { return max(0, min(d, maxRetryAfter)) }
