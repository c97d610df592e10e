package alert

import (
	"fmt"
	"time"

	"milkrun/sync/schedule"
)

// verdict is how it stands with one sort of trouble.
type verdict int

const (
	quiet   verdict = iota // there is none
	active                 // there is
	unclear                // what was said about it last still holds
)

// finding is a verdict on a subject, with what there is to say.
type finding struct {
	Event
	verdict verdict
}

// look finds what is wrong in the world at a time. For each kind that a job promises, and for each halt, there is one
// finding; a connection that is not halted has none.
func look(w World, now time.Time) []finding {
	var list []finding
	jobs := map[string]bool{}
	for _, j := range w.Jobs {
		jobs[j.Name] = true
		list = append(list, j.failed(), j.halted(w.Halts, now))
		if j.DoneBy.given {
			list = append(list, j.late(now))
		}
		if j.StaleAfter > 0 {
			list = append(list, j.stale(now))
		}
	}
	for _, h := range w.Halts {
		if h.Scope == ConnectionScope {
			list = append(list, finding{h.event(w.Location), active})
		}
	}
	return list
}

// event begins an event about a job. At and counts are those of the run that is looked at.
func (j *Job) event(kind Kind, r Run) Event {
	return Event{Subject: Subject{kind, JobScope, j.Name}, Location: j.Location,
		Run: r.ID, At: r.FinishedAt, Since: r.FinishedAt, Counts: r.Counts}
}

func (j *Job) failed() finding {
	e := j.event(Failed, j.Last)
	switch j.Last.State {
	case "failed":
		e.Occurrence = fmt.Sprintf("run %d", j.Last.ID)
		e.Text, e.Code, e.Remedy = clean(j.Last.Error, longestText), j.Last.Code, clean(j.Last.Remedy, longestRemedy)
		return finding{e, active}
	case "done", "part":
		return finding{e, quiet}
	}
	return finding{e, unclear} // halted: that is said already, and the failures before it are not mended
}

func (j *Job) halted(halts []Halt, now time.Time) finding {
	for _, h := range halts {
		if h.Scope == JobScope && h.Name == j.Name {
			return finding{h.event(j.Location), active}
		}
	}
	return finding{Event{Subject: Subject{Halted, JobScope, j.Name}, Location: j.Location, At: now}, quiet}
}

func (h Halt) event(loc *time.Location) Event {
	return Event{Subject: Subject{Halted, h.Scope, h.Name}, Location: loc, Run: h.Run, At: h.At, Since: h.At, Jobs: h.Jobs,
		Occurrence: h.At.UTC().Format(time.RFC3339Nano), Text: clean(h.Reason, longestText), Code: h.Code,
		Remedy: clean(h.Remedy, longestRemedy)}
}

// late looks at the last slot whose deadline is over.
func (j *Job) late(now time.Time) finding {
	e := j.event(Late, j.Success)
	slot, due := j.lastDue(now)
	if due.IsZero() || slot.Before(j.Known) || j.Success.covers(slot) {
		return finding{e, quiet}
	}
	e = j.event(Late, Run{})
	if j.Last.covers(slot) { // it tried, and this is why it is not done
		e = j.event(Late, j.Last)
		e.Text, e.Remedy = clean(j.Last.Error, longestText), clean(j.Last.Remedy, longestRemedy)
	}
	e.At, e.Since, e.Slot, e.Running = due, due, slot, j.Running
	e.Occurrence = due.UTC().Format(time.RFC3339)
	if j.PausedBy != "" {
		return finding{e, unclear}
	}
	return finding{e, active}
}

// covers says whether a run did what a slot asked for: it was made for it or a later one, or begun after it.
func (r Run) covers(slot time.Time) bool {
	return r.ID != 0 && (!r.Slot.Before(slot) || !r.StartedAt.Before(slot))
}

// lastDue returns the last slot whose deadline is over, and that deadline: the first done_by after its run begins. Both
// are zero when there is none within 400 days.
func (j *Job) lastDue(now time.Time) (slot, due time.Time) {
	const day = 24 * time.Hour
	deadline := j.DoneBy.last(now, j.Location)
	for _, back := range []time.Duration{time.Minute, time.Hour, day, 32 * day, 400 * day} { // few slots are looked at each time
		if slot = j.lastSlot(deadline.Add(-back), deadline); !slot.IsZero() {
			return slot, j.DoneBy.after(j.begins(slot), j.Location)
		}
	}
	return slot, due
}

// lastSlot returns the last slot after from whose run begins before to.
func (j *Job) lastSlot(from, to time.Time) (last time.Time) {
	for at := j.Schedule.Next(from); !at.IsZero() && at.Before(to); at = j.Schedule.Next(at) {
		if j.begins(at).Before(to) {
			last = at
		}
	}
	return last
}

func (j *Job) begins(slot time.Time) time.Time {
	return slot.Add(schedule.Jitter(j.Name, slot, j.Jitter))
}

func (j *Job) stale(now time.Time) finding {
	e := j.event(Stale, j.Success)
	since, never := j.Success.FinishedAt, j.Success.ID == 0
	if never {
		since = j.Known
	}
	if since.IsZero() {
		return finding{e, unclear}
	}
	if now.Sub(since) <= j.StaleAfter {
		return finding{e, quiet}
	}
	e.At, e.Since, e.Occurrence = since.Add(j.StaleAfter), since, since.UTC().Format(time.RFC3339Nano)
	e.Limit, e.Never, e.Running, e.PausedBy = j.StaleAfter, never, j.Running, clean(j.PausedBy, longestRemedy)
	return finding{e, active}
}
