package standing

import (
	stdsync "sync"
	"time"

	"milkrun/sync"
)

// Meter is how far a run has come, with its speed.
type Meter struct {
	sync.Progress
	Speed float64 // records read in a second, smoothed

	at   time.Time // of the reading the speed is measured from
	read int64
}

const (
	smooth   = 5.0                    // about how many seconds of the past a speed is taken from: pages come in gusts
	leastGap = 150 * time.Millisecond // between two looks that say something about a speed
)

// NewMeter begins to measure a run.
func NewMeter(p sync.Progress) Meter { return Meter{Progress: p, at: p.StartedAt} }

// After is the meter as it is after a look at the run.
func (m Meter) After(p sync.Progress, now time.Time) Meter {
	if p.Counts.Read < m.read { // read from the beginning again
		m = NewMeter(p)
	}
	m.Progress = p
	gap := now.Sub(m.at)
	if gap < leastGap {
		return m
	}
	fresh := float64(p.Counts.Read-m.read) / gap.Seconds()
	if m.Speed == 0 {
		m.Speed = fresh
	}
	m.Speed += gap.Seconds() / (gap.Seconds() + smooth) * (fresh - m.Speed)
	m.at, m.read = now, p.Counts.Read
	return m
}

// Measured is how long the run had gone on when its speed was measured.
func (m Meter) Measured() time.Duration { return m.at.Sub(m.StartedAt) }

// Done is how many records of the pass have been read, with those of earlier runs of it.
func (m Meter) Done() int64 { return m.Begun + m.Counts.Read }

// Share is how much of the pass is done, in percent; ok is false when nobody knows: without a total, or when a pass that
// is read again has come to more records than there are.
func (m Meter) Share() (percent int64, ok bool) {
	if total := m.Counts.Total; total > 0 && m.Done() <= total {
		return m.Done() * 100 / total, true
	}
	return 0, false
}

// Left is the time until the partner's own total is reached; ok is false when nobody knows.
func (m Meter) Left() (d time.Duration, ok bool) {
	if _, known := m.Share(); !known || m.Speed <= 0 || m.Phase != "reading" {
		return 0, false
	}
	return time.Duration(float64(m.Counts.Total-m.Done()) / m.Speed * float64(time.Second)).Round(time.Second), true
}

// Gauges keep the meters of the runs under way, so that whoever asks gets a speed. The zero Gauges is ready.
type Gauges struct {
	mu     stdsync.Mutex
	meters map[int64]Meter
}

// Read returns the meters of the runs under way, in their order, after a look at them.
func (g *Gauges) Read(runs []sync.Progress, now time.Time) []Meter {
	g.mu.Lock()
	defer g.mu.Unlock()
	next := make(map[int64]Meter, len(runs))
	list := make([]Meter, len(runs))
	for i, p := range runs {
		m, known := g.meters[p.Run]
		if !known {
			m = NewMeter(p)
		}
		list[i] = m.After(p, now)
		next[p.Run] = list[i]
	}
	g.meters = next
	return list
}
