package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"milkrun/sync"
)

// meter turns how far a run has come into a speed and a time that is left.
type meter struct {
	p     sync.Progress
	since time.Time // of the reading the speed is measured from
	read  int64
	speed float64 // records a second, smoothed
}

func newMeter(p sync.Progress) *meter { return &meter{p: p, since: p.StartedAt} }

func (m *meter) update(p sync.Progress, now time.Time) {
	if gone := now.Sub(m.since).Seconds(); gone > 0 {
		fresh := float64(p.Counts.Read-m.read) / gone
		if m.speed == 0 {
			m.speed = fresh
		}
		m.speed += 0.3 * (fresh - m.speed)
	}
	m.p, m.since, m.read = p, now, p.Counts.Read
}

// done is how many records of the pass have been read, with those of earlier runs of it.
func (m *meter) done() int64 { return m.p.Begun + m.p.Counts.Read }

// left is the time until the partner's own total is reached; ok is false when nobody knows.
func (m *meter) left() (d time.Duration, ok bool) {
	if m.p.Counts.Total < 0 || m.speed <= 0 || m.p.Phase != "reading" {
		return 0, false
	}
	return time.Duration(float64(max(m.p.Counts.Total-m.done(), 0)) / m.speed * float64(time.Second)), true
}

// line is the progress in one line.
func (m *meter) line() string {
	c := m.p.Counts
	text := fmt.Sprintf("%s: %s", m.p.Phase, grouped(m.done()))
	if c.Total > 0 {
		text += fmt.Sprintf(" of %s (%d %%)", grouped(c.Total), m.done()*100/c.Total)
	}
	text += " records"
	if m.p.Phase == "reading" {
		text += fmt.Sprintf(", %s a second", grouped(int64(m.speed)))
	}
	if left, ok := m.left(); ok {
		text += ", " + shortly(left) + " left"
	}
	if c.Rejected > 0 {
		text += fmt.Sprintf(", %s rejected", grouped(c.Rejected))
	}
	if c.Retries > 0 {
		text += fmt.Sprintf(", %s retries", grouped(c.Retries))
	}
	if m.p.Trouble != "" {
		text += ", trying again after: " + cut(m.p.Trouble, 80)
	}
	return text
}

// showProgress shows the runs under way until ctx ends: a bar on a terminal, else a line now and then.
func showProgress(ctx context.Context, w io.Writer, engine *sync.Engine) (wait func()) {
	done := make(chan struct{})
	show := paced
	if terminal(w) {
		show = bars
	}
	go func() { defer close(done); show(ctx, w, engine) }()
	return func() { <-done }
}

func paced(ctx context.Context, w io.Writer, engine *sync.Engine) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	var m *meter
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, p := range engine.Running() {
				if m == nil {
					m = newMeter(p)
				}
				m.update(p, now)
				fmt.Fprintln(w, m.line())
			}
		}
	}
}

func bars(ctx context.Context, w io.Writer, engine *sync.Engine) {
	writer := progress.NewWriter()
	writer.SetOutputWriter(w)
	writer.SetUpdateFrequency(200 * time.Millisecond)
	writer.SetTrackerLength(30)
	writer.SetAutoStop(false)
	writer.Style().Visibility.ETA = true
	writer.Style().Visibility.Speed = true
	writer.Style().Visibility.Value = true
	go writer.Render()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var tracker *progress.Tracker
	for {
		for _, p := range engine.Running() {
			if tracker == nil {
				tracker = &progress.Tracker{Message: p.Job, Units: progress.UnitsDefault}
				writer.AppendTracker(tracker)
			}
			if p.Counts.Total > 0 { // one more than there are: at its total a tracker calls itself done, and merging comes after it
				tracker.UpdateTotal(max(p.Counts.Total, p.Begun+p.Counts.Read) + 1)
			}
			message := p.Job + " " + p.Phase
			if p.Trouble != "" {
				message += ", trying again after: " + cut(p.Trouble, 60)
			}
			tracker.UpdateMessage(message)
			tracker.SetValue(p.Begun + p.Counts.Read)
		}
		select {
		case <-ctx.Done():
			if tracker != nil {
				tracker.MarkAsDone()
			}
			writer.Stop()
			for writer.IsRenderInProgress() {
				time.Sleep(10 * time.Millisecond)
			}
			return
		case <-tick.C:
		}
	}
}
