package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"milkrun/state"
	"milkrun/sync/schedule"
)

// job is what is known of a job that is configured.
type job struct {
	name             string
	jitter           time.Duration
	counts           state.Counts // of the run under way, as told by Moved
	codes            codes
	success, failure time.Time // the end of the last run that was done or part, and of the last that failed or halted
	seeded           bool      // those of earlier runs are read from the state file
}

// beginAll makes the series that belong to no job, so that they begin at zero.
func (s *series) beginAll() {
	for _, scope := range []string{state.JobScope, state.ConnectionScope} {
		s.halts.WithLabelValues(scope)
	}
}

// begin makes the series of a job, so that they begin at zero.
func (s *series) begin(name string) {
	for _, d := range []string{state.Ran, state.Skipped, state.Coalesced, state.CaughtUp, state.Paused, state.Held, state.Missed} {
		s.slots.WithLabelValues(name, d)
	}
	for _, t := range []state.Trigger{state.Schedule, state.CatchUp, state.Resume, state.Manual, state.Changed} {
		s.started.WithLabelValues(name, string(t))
	}
	for _, end := range []state.RunState{state.Done, state.Part, state.Failed, state.Halted, state.Interrupted, state.Cancelled} {
		s.ended.WithLabelValues(name, string(end))
	}
	for _, c := range []*prometheus.CounterVec{s.pages, s.bytes, s.read, s.delivered, s.rejected, s.skipped} {
		c.WithLabelValues(name)
	}
	s.running.WithLabelValues(name)
	s.duration.WithLabelValues(name)
	s.retries.WithLabelValues(name, codes{}.label(""))
}

// Decided counts the slots of a decision.
func (m *Metrics) Decided(s state.Slot) {
	m.about(s.Job, func(*job) {
		m.series.slots.WithLabelValues(s.Job, s.Decision).Add(float64(max(s.Count, 1)))
	})
}

// Began counts a run that begins, and says how late it is. One that goes on with an interrupted run is not late: its slot
// had its run.
func (m *Metrics) Began(r state.Run) {
	m.about(r.Job, func(j *job) {
		j.counts = state.Counts{}
		m.series.started.WithLabelValues(r.Job, string(r.Trigger)).Inc()
		m.series.running.WithLabelValues(r.Job).Set(1)
		if !r.Slot.IsZero() && r.Trigger != state.Resume {
			due := r.Slot.Add(schedule.Jitter(r.Job, r.Slot, j.jitter))
			m.series.lateness.WithLabelValues(r.Job).Set(max(0, r.StartedAt.Sub(due).Seconds()))
		}
	})
}

// Moved counts what has become of records, see the package comment on starting over.
func (m *Metrics) Moved(name string, fresh state.Counts) {
	m.about(name, func(j *job) {
		for _, c := range []struct {
			series *prometheus.CounterVec
			sum    *int64
			fresh  int64
		}{
			{m.series.pages, &j.counts.Pages, fresh.Pages},
			{m.series.bytes, &j.counts.Bytes, fresh.Bytes},
			{m.series.read, &j.counts.Read, fresh.Read},
			{m.series.delivered, &j.counts.Delivered, fresh.Delivered},
			{m.series.rejected, &j.counts.Rejected, fresh.Rejected},
			{m.series.skipped, &j.counts.Skipped, fresh.Skipped},
		} {
			c.series.WithLabelValues(name).Add(float64(grown(c.sum, c.fresh)))
		}
	})
}

// grown takes up a change to a sum, and returns by how much a counter of what was done grows.
func grown(sum *int64, fresh int64) int64 {
	*sum = max(0, *sum+fresh)
	if fresh < 0 {
		return *sum // it began anew, and stands there already
	}
	return fresh
}

// Retried counts a call that is tried again.
func (m *Metrics) Retried(name, code string) {
	m.about(name, func(j *job) { m.series.retries.WithLabelValues(name, j.codes.label(code)).Inc() })
}

// Ended counts a run that has ended.
func (m *Metrics) Ended(r state.Run) {
	m.about(r.Job, func(j *job) {
		m.series.ended.WithLabelValues(r.Job, string(r.State)).Inc()
		m.series.running.WithLabelValues(r.Job).Set(0)
		m.series.duration.WithLabelValues(r.Job).Observe(max(0, r.FinishedAt.Sub(r.StartedAt).Seconds()))
		j.note(r)
	})
}

// note keeps when a run ended well or badly, if it is the last that did. One that was interrupted or cancelled did neither, and
// one beside the forward lane says nothing about what is new.
func (j *job) note(r state.Run) {
	if !r.Trigger.Forward() {
		return
	}
	switch r.State {
	case state.Done, state.Part:
		j.success = later(j.success, r.FinishedAt)
	case state.Failed, state.Halted:
		j.failure = later(j.failure, r.FinishedAt)
	}
}

// Idled notes that a poll of a job found nothing, which is a success.
func (m *Metrics) Idled(name string, last time.Time) {
	m.about(name, func(j *job) { j.success = later(j.success, last) })
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Halted counts a halt. Which halts there are is read from the state file.
func (m *Metrics) Halted(h state.Halt) { m.series.halts.WithLabelValues(h.Scope).Inc() }

// Asked counts a request to a partner.
func (m *Metrics) Asked(name, code string, took time.Duration) {
	m.on(name, func(c *connection) {
		m.series.requests.WithLabelValues(name, c.codes.label(code)).Observe(took.Seconds())
	})
}

// Asking notes that a request leaves; answered is called once, when it is over in whatever way. It is no part of the
// Observer: whoever sends requests calls it.
func (m *Metrics) Asking(name string) (answered func()) {
	var begun *connection
	m.on(name, func(c *connection) {
		begun = c
		m.series.inFlight.WithLabelValues(name).Inc()
	})
	return func() {
		m.on(name, func(c *connection) {
			if c == begun { // not one that a reload took away and brought back
				m.series.inFlight.WithLabelValues(name).Dec()
			}
		})
	}
}
