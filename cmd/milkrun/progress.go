package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"milkrun/sync"
	"milkrun/sync/words"
)

// meter turns how far a run has come into a speed and a time that is left.
type meter struct {
	p     sync.Progress
	since time.Time // of the reading the speed is measured from
	read  int64
	speed float64 // records a second, smoothed
}

// smooth is about how many seconds of the past the speed is taken from: pages come in gusts.
const smooth = 5

func newMeter(p sync.Progress) *meter { return &meter{p: p, since: p.StartedAt} }

func (m *meter) update(p sync.Progress, now time.Time) {
	if gone := now.Sub(m.since).Seconds(); gone > 0 {
		fresh := float64(p.Counts.Read-m.read) / gone
		if m.speed == 0 {
			m.speed = fresh
		}
		m.speed += gone / (gone + smooth) * (fresh - m.speed)
	}
	m.p, m.since, m.read = p, now, p.Counts.Read
}

// done is how many records of the pass have been read, with those of earlier runs of it.
func (m *meter) done() int64 { return m.p.Begun + m.p.Counts.Read }

// share is how much of the pass is done, in percent; ok is false when nobody knows: without a total, or when a pass that
// is read again has come to more records than there are.
func (m *meter) share() (percent int64, ok bool) {
	if total := m.p.Counts.Total; total > 0 && m.done() <= total {
		return m.done() * 100 / total, true
	}
	return 0, false
}

// left is the time until the partner's own total is reached; ok is false when nobody knows.
func (m *meter) left() (d time.Duration, ok bool) {
	if _, known := m.share(); !known || m.speed <= 0 || m.p.Phase != "reading" {
		return 0, false
	}
	return time.Duration(float64(m.p.Counts.Total-m.done()) / m.speed * float64(time.Second)).Round(time.Second), true
}

// line is the progress in one line, with the trouble there is.
func (m *meter) line() string {
	if m.p.Trouble == "" {
		return m.figures()
	}
	return m.figures() + ", trying again after: " + strings.ReplaceAll(m.p.Trouble, "\n", "; ")
}

// figures is the progress without its trouble.
func (m *meter) figures() string {
	c := m.p.Counts
	line := m.p.Phase + ": "
	if percent, known := m.share(); known {
		line += fmt.Sprintf("%s of %s (%d %%)", grouped(m.done()), count(c.Total, "record"), percent)
	} else {
		line += count(m.done(), "record")
	}
	if m.p.Phase == "reading" && m.since.Sub(m.p.StartedAt) >= time.Second {
		line += fmt.Sprintf(", %s a second", grouped(int64(m.speed)))
	}
	if left, ok := m.left(); ok {
		line += ", " + shortly(left) + " left"
	}
	if c.Rejected > 0 {
		line += fmt.Sprintf(", %s rejected", grouped(c.Rejected))
	}
	if c.Retries > 0 {
		line += ", " + count(c.Retries, "retry")
	}
	return line
}

// bar is the line of progress behind a bar, when it is known how much is left.
func (m *meter) bar(lang words.Lang) string {
	line := m.p.Job + " " + lang.Text(m.line())
	if percent, known := m.share(); known {
		return barOf(percent) + line
	}
	return line
}

func barOf(percent int64) string {
	full := int(percent * barLength / 100)
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", barLength-full) + "] "
}

const barLength = 30

// meters are those of the runs under way, by run.
type meters map[int64]*meter

// after returns the meters as they are after these runs have been looked at.
func (ms meters) after(runs []sync.Progress, now time.Time) meters {
	next := make(meters, len(runs))
	for _, p := range runs {
		m := ms[p.Run]
		if m == nil {
			m = newMeter(p)
		}
		m.update(p, now)
		next[p.Run] = m
	}
	return next
}

// follow calls each at a pace with the meter of every run under way, until ctx ends.
func follow(ctx context.Context, engine *sync.Engine, pace time.Duration, each func(*meter)) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	var now meters
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-tick.C:
			now = now.after(engine.Running(), at)
			for _, m := range now {
				each(m)
			}
		}
	}
}

// showProgress shows the run under way until the returned function is called: as a bar on a terminal, else as a line now
// and then.
func (a *app) showProgress(engine *sync.Engine, asBar bool) (stop func()) {
	pace, each := 5*time.Second, func(m *meter) { fmt.Fprintln(a.stderr, a.lang.Text(m.line())) }
	if asBar {
		pace, each = 200*time.Millisecond, func(m *meter) { redraw(a.stderr, m.bar(a.lang)) }
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); follow(ctx, engine, pace, each) }()
	return func() {
		cancel()
		<-done
		if asBar {
			redraw(a.stderr, "") // the summary of the run says how it ended, and with how much
		}
	}
}

// redraw writes over the last line of a terminal; it must not be longer than one.
func redraw(w io.Writer, line string) { fmt.Fprint(w, "\r\x1b[K"+text.Trim(line, width(w)-1)) }
