package page

import (
	stdsync "sync"
	"time"

	"milkrun/sync"
)

// meters are the speeds of the runs under way, measured from one look to the next by whoever looks.
type meters struct {
	mu   stdsync.Mutex
	runs map[int64]*meter
}

type meter struct {
	at    time.Time
	read  int64
	speed float64 // records a second, smoothed
}

const (
	smooth   = 5.0                    // about how many seconds of the past a speed is taken from: pages come in gusts
	leastGap = 400 * time.Millisecond // between two looks that say something about a speed
	oldMeter = time.Hour
)

// speed is how many records a run reads in a second.
func (m *meters) speed(p sync.Progress, now time.Time) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.runs == nil {
		m.runs = map[int64]*meter{}
	}
	one := m.runs[p.Run]
	if one == nil || p.Counts.Read < one.read { // new, or read from the beginning again
		m.forget(now)
		one = &meter{at: p.StartedAt}
		m.runs[p.Run] = one
	}
	gap := now.Sub(one.at)
	if gap < leastGap {
		return one.speed
	}
	fresh := float64(p.Counts.Read-one.read) / gap.Seconds()
	if one.speed == 0 {
		one.speed = fresh
	}
	one.speed += gap.Seconds() / (gap.Seconds() + smooth) * (fresh - one.speed)
	one.at, one.read = now, p.Counts.Read
	return one.speed
}

func (m *meters) forget(now time.Time) {
	for run, one := range m.runs {
		if now.Sub(one.at) > oldMeter {
			delete(m.runs, run)
		}
	}
}

// gauge is how far a run has come.
type gauge struct {
	Run              int64
	Label            string
	Known            bool // how much there is
	Done, Total      int64
	Percent          int64
	Amount, Speed    string
	Left, Elapsed    string
	Phase            string
	Trouble, GivesUp string
	Rejected, Retryn string
}

func (v *visit) gauge(p sync.Progress) *gauge {
	done, total := p.Begun+p.Counts.Read, p.Counts.Total
	speed := v.meters.speed(p, v.now)
	g := &gauge{Run: p.Run, Label: v.say("progress", p.Run), Done: done, Amount: v.many(done, "record"),
		Phase: v.word("phase", p.Phase), Elapsed: v.say("elapsed", v.span(v.now.Sub(p.StartedAt)))}
	if total > 0 && done <= total {
		g.Known, g.Total, g.Percent = true, total, done*100/total
		g.Amount = v.say("of", grouped(done), v.many(total, "record"))
	}
	if p.Phase == "reading" && speed >= 0.5 {
		g.Speed = v.say("speed", grouped(int64(speed+0.5)))
		if g.Known {
			left := time.Duration(float64(total-done) / speed * float64(time.Second)).Round(time.Second)
			g.Left = v.say("left", v.span(max(left, time.Second)))
		}
	}
	if n := p.Counts.Rejected; n > 0 {
		g.Rejected = v.say("rejected.n", grouped(n))
	}
	if n := p.Counts.Retries; n > 0 {
		g.Retryn = v.many(n, "retry")
	}
	if p.Trouble != "" {
		g.Trouble = v.say("trouble", v.tell(cut(p.Trouble, 400)))
		if !p.GiveUpAt.IsZero() {
			g.GivesUp = v.say("gives.up", v.ago(p.GiveUpAt, v.now))
		}
	}
	return g
}
