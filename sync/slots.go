package sync

import (
	"fmt"
	"slices"
	"time"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/schedule"
)

// late is how long after its time (and jitter) a slot still counts as seen in time. It is more than the longest pause of
// the scheduler, so that only a slot at which nobody was looking is late: the daemon was down, the machine slept, the
// clock jumped.
const late = time.Minute

// span is a row of due slots without a decision, oldest first. Only its ends and their number are kept: after a month
// without the daemon, a job that runs every second is due millions of times.
type span struct {
	first, last time.Time
	before      time.Time // the one before the last
	count       int64
}

func (s *span) add(at time.Time) {
	if s.count == 0 {
		s.first = at
	}
	s.before, s.last = s.last, at
	s.count++
}

func (s span) slot(job, decision, note string) state.Slot {
	return state.Slot{Job: job, At: s.first, Through: s.last, Count: s.count, Decision: decision, Note: note}
}

// overdue sorts the slots behind from that are due at now, with their jitter, by what may still happen to them.
type overdue struct {
	gone    span      // past their grace
	missed  span      // late, but within grace
	current time.Time // seen in time; zero when there is none
}

func findDue(job *config.Job, from, now time.Time) (o overdue) {
	for at := job.Schedule.Next(from); !at.IsZero(); at = job.Schedule.Next(at) {
		due := at.Add(schedule.Jitter(job.Name, at, job.Jitter))
		switch {
		case due.After(now):
			return o
		case now.Sub(due) <= late:
			if !o.current.IsZero() {
				o.missed.add(o.current) // a schedule of several slots a minute, all seen at once
			}
			o.current = at
		case now.Sub(due) <= job.Grace:
			o.missed.add(at)
		default:
			o.gone.add(at)
		}
	}
	return o
}

// plan is what is done about due slots: decisions that are recorded at once, and a run with the decisions that are
// recorded in the instant it begins.
type plan struct {
	decide []state.Slot
	run    bool
	start  Start
}

// decide makes the plan for due slots of a job that is not running. Every slot gets one decision, now or (with catch_up
// = "all") when the runs before it are over.
func decide(job *config.Job, o overdue) (p plan) {
	if o.gone.count > 0 {
		p.decide = append(p.decide, o.gone.slot(job.Name, state.Missed, "past its grace of "+job.Grace.String()))
	}
	switch {
	case o.missed.count > 0 && job.CatchUp == "none":
		p.decide = append(p.decide, o.missed.slot(job.Name, state.Missed, "catch_up is none"))
	case o.missed.count > 0 && job.CatchUp == "all":
		first := span{first: o.missed.first, last: o.missed.first, count: 1}
		return p.begin(state.CatchUp, first.first, first.slot(job.Name, state.CaughtUp, ""))
	case o.missed.count > 0 && o.current.IsZero():
		return p.catchUpLatest(job, o.missed)
	case o.missed.count > 0:
		into := o.missed.slot(job.Name, state.Coalesced, "made up for by the slot after them")
		return p.begin(state.Schedule, o.current, into, one(o.current).slot(job.Name, state.Ran, ""))
	}
	if !o.current.IsZero() {
		return p.begin(state.Schedule, o.current, one(o.current).slot(job.Name, state.Ran, ""))
	}
	return p
}

// catchUpLatest makes up for the last of the missed slots; the ones before it go into the same run.
func (p plan) catchUpLatest(job *config.Job, missed span) plan {
	last := one(missed.last).slot(job.Name, state.CaughtUp, "")
	if missed.count == 1 {
		return p.begin(state.CatchUp, missed.last, last)
	}
	earlier := span{first: missed.first, last: missed.before, count: missed.count - 1}
	into := earlier.slot(job.Name, state.Coalesced, fmt.Sprintf("made up for by the slot of %s", missed.last.Format(time.RFC3339)))
	return p.begin(state.CatchUp, missed.last, into, last)
}

func (p plan) begin(t state.Trigger, slot time.Time, decisions ...state.Slot) plan {
	p.run = true
	p.start = Start{Trigger: t, Slot: slot, Decisions: decisions}
	return p
}

func one(at time.Time) span { return span{first: at, last: at, count: 1} }

// all is every due slot as one span, for a decision about all of them.
func (o overdue) all() (s span) {
	for _, part := range []span{o.gone, o.missed} {
		if part.count == 0 {
			continue
		}
		if s.count == 0 {
			s.first = part.first
		}
		s.last = part.last
		s.count += part.count
	}
	if !o.current.IsZero() {
		s.add(o.current)
	}
	return s
}

// redecided is what becomes of slots whose run could not begin.
func redecided(slots []state.Slot, decision, note string) []state.Slot {
	out := slices.Clone(slots)
	for i := range out {
		out[i].Decision, out[i].Note = decision, note
	}
	return out
}

func latest(slots []state.Slot) time.Time {
	last := slots[0].Through
	for _, s := range slots {
		if s.Through.After(last) {
			last = s.Through
		}
	}
	return last
}
