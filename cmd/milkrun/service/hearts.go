package service

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Hearts are the loops that must all turn for the daemon to count as alive. The zero Hearts has none.
type Hearts struct {
	mu  sync.Mutex
	all []*Heart
}

// Heart is one of the loops.
type Heart struct {
	of     *Hearts
	name   string
	turned bool
	why    error // it has not turned, when the loop was asked
}

// Register adds a loop, which must call Beat from now on, or Stop. Names are for the log; two hearts may share one.
func (h *Hearts) Register(name string) *Heart {
	h.mu.Lock()
	defer h.mu.Unlock()
	heart := &Heart{of: h, name: name}
	h.all = append(h.all, heart)
	return heart
}

// Beat says that the loop has turned.
func (h *Heart) Beat() {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	h.turned, h.why = true, nil
}

// Ask beats for a loop that can be asked, until ctx ends: every pace it calls answer, which may take as long, and nil is a turn.
func (h *Heart) Ask(ctx context.Context, pace time.Duration, answer func(context.Context) error) {
	defer h.Stop()
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := within(ctx, pace, answer); err == nil {
			h.Beat()
		} else {
			h.standing(err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func within(ctx context.Context, limit time.Duration, answer func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return answer(ctx)
}

func (h *Heart) standing(why error) {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	h.why = why
}

// describe is the name of the heart, and why it stands when it has said so.
func (h *Heart) describe() string {
	if h.why == nil {
		return h.name
	}
	return h.name + ": " + h.why.Error()
}

// Stop says that the loop has ended, as it should.
func (h *Heart) Stop() {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	h.of.all = slices.DeleteFunc(h.of.all, func(other *Heart) bool { return other == h })
}

// turned says whether every heart has turned since it last said so. still are those that have not.
func (h *Hearts) turned() (still []string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, heart := range h.all {
		if !heart.turned {
			still = append(still, heart.describe())
		}
	}
	if len(still) > 0 {
		return still, false
	}
	for _, heart := range h.all {
		heart.turned = false
	}
	return nil, true
}

// Pace is how often a heart should beat at least, for the watchdog to be fed in time; 0 when there is none.
func (m *Manager) Pace() time.Duration { return m.watchdog / 4 }

// Watch feeds the watchdog until ctx ends, each time when every heart has turned since the time before. late hears which
// hearts have not turned for half of the watchdog's interval, once until they turn again; then there is as much time left
// until the manager kills the daemon. Without a watchdog Watch returns at once.
func (m *Manager) Watch(ctx context.Context, hearts *Hearts, late func(still []string)) error {
	if m.watchdog <= 0 {
		return nil
	}
	tick := time.NewTicker(max(m.watchdog/8, time.Millisecond)) // 2 in the pace of the hearts
	defer tick.Stop()
	fed, told := time.Now(), false
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			still, ok := hearts.turned()
			if ok {
				if err := m.Alive(); err != nil {
					return err
				}
				fed, told = now, false
			} else if !told && now.Sub(fed) >= m.watchdog/2 {
				told = true
				late(still)
			}
		}
	}
}
