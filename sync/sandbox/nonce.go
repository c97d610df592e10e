package sandbox

import (
	"strconv"
	"sync"
	"time"
)

const (
	clockTolerance = 10 * time.Minute
	nonceLife      = 24 * time.Hour
	nonceMost      = 200_000 // the oldest are forgotten first; a timestamp that old is refused anyway
)

// fresh says whether a timestamp in Unix seconds is within the tolerance of now. It has ten digits, or nine where a
// testing/synctest bubble has put the clock back to 2000.
func fresh(timestamp string, now time.Time) bool {
	if len(timestamp) > 10 {
		return false
	}
	sec, err := strconv.ParseInt(timestamp, 10, 64)
	return err == nil && now.Sub(time.Unix(sec, 0)).Abs() <= clockTolerance
}

// nonces remembers the nonces of the last 24 hours. The zero value is empty and ready.
type nonces struct {
	mu    sync.Mutex
	seen  map[string]struct{}
	queue []spent // oldest first
}

type spent struct {
	nonce string
	at    time.Time
}

// use records a nonce and says whether it was new.
func (n *nonces) use(nonce string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.queue) > 0 && (len(n.queue) >= nonceMost || now.Sub(n.queue[0].at) > nonceLife) {
		delete(n.seen, n.queue[0].nonce)
		n.queue = n.queue[1:]
	}
	if _, used := n.seen[nonce]; used {
		return false
	}
	if n.seen == nil {
		n.seen = map[string]struct{}{}
	}
	n.seen[nonce] = struct{}{}
	n.queue = append(n.queue, spent{nonce, now})
	return true
}
