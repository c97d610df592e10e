package alert

import (
	"context"
	"sync"
	"time"

	"milkrun/sync/feed"
)

const (
	queueSize = 64 // messages; what does not fit is composed again later
	firstWait = 5 * time.Second
	longWait  = 2 * time.Minute
	giveUp    = 10 * time.Minute
)

// Stat is how a channel does.
type Stat struct {
	Channel string
	Sent    int64     // messages taken
	Failed  int64     // attempts that failed
	Lost    int64     // messages given up; their events are sent again as long as they are true
	Queued  int       // messages that wait, without the one under way
	Since   time.Time // since when it fails; zero: it works
	Error   string    // of the last failure since then
}

// parcel is a message on its way to a channel.
type parcel struct {
	message Message
	tickets []ticket
}

// courier takes messages to one channel, one after the other.
type courier struct {
	route Route
	log   Logger
	queue chan parcel

	mu sync.Mutex
	st Stat
}

func newCourier(r Route, log Logger) *courier {
	return &courier{route: r, log: log, queue: make(chan parcel, queueSize), st: Stat{Channel: r.Name}}
}

// offer hands over a parcel without waiting, and says whether there was room.
func (c *courier) offer(p parcel) bool {
	select {
	case c.queue <- p:
		return true
	default:
		c.note(func(s *Stat) { s.Lost++ })
		return false
	}
}

func (c *courier) run(ctx context.Context, arrived chan<- arrival) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-c.queue:
			a := arrival{p.tickets, c.deliver(ctx, p.message)}
			select {
			case arrived <- a:
			case <-ctx.Done():
				return
			}
		}
	}
}

// deliver sends a message until it is taken, is refused for good, or has been tried for long enough.
func (c *courier) deliver(ctx context.Context, m Message) bool {
	began := time.Now()
	for wait := firstWait; ; wait = min(2*wait, longWait) {
		err := c.route.Channel.Send(ctx, m)
		if err == nil {
			c.worked()
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		c.failed(err)
		verdict := feed.Judge(err)
		wait = max(wait, verdict.RetryAfter)
		if verdict.Verdict != feed.Retry || time.Since(began)+wait > giveUp {
			c.note(func(s *Stat) { s.Lost++ })
			return false
		}
		if !sleep(ctx, wait) {
			return false
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *courier) worked() {
	var before Stat
	c.note(func(s *Stat) {
		before = *s
		s.Sent++
		s.Since, s.Error = time.Time{}, ""
	})
	if !before.Since.IsZero() {
		c.log.Infof("alert channel %s works again", c.route.Name)
	}
}

func (c *courier) failed(err error) {
	var before Stat
	text := clean(err.Error(), longestText)
	c.note(func(s *Stat) {
		before = *s
		s.Failed++
		s.Error = text
		if s.Since.IsZero() {
			s.Since = time.Now()
		}
	})
	if !before.Since.IsZero() {
		return
	}
	if remedy := feed.Judge(err).Remedy; remedy != "" {
		text += " (" + remedy + ")"
	}
	c.log.Warnf("alert channel %s does not work: %s; it is tried again, and said once", c.route.Name, text)
}

func (c *courier) note(change func(*Stat)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.st)
}

func (c *courier) stat() Stat {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.st
	s.Queued = len(c.queue)
	return s
}

// Result is what became of a message at one channel.
type Result struct {
	Channel string
	Err     error
}

// Try sends a message once through each route, whatever it takes, all at the same time.
func Try(ctx context.Context, routes []Route, m Message) []Result {
	results := make([]Result, len(routes))
	var work sync.WaitGroup
	for i, r := range routes {
		work.Go(func() { results[i] = Result{r.Name, r.Channel.Send(ctx, m)} })
	}
	work.Wait()
	return results
}
