package page

import (
	"strings"
	"time"

	"milkrun/state"
	"milkrun/sync/schedule"
)

// standing is how a job stands, in words.
type standing struct {
	Name, Tone, Word     string // how the state file calls it, how it is painted, and how it is said
	Reason, Remedy, Note string
}

// The tones of states: how they are painted, and which sign stands before them.
var tones = map[string]string{
	"running": "run", "done": "ok", "part": "warn", "failed": "bad", "halted": "bad", "interrupted": "warn",
	"cancelled": "off", "paused": "warn", "resumed": "off", "disabled": "off", "never": "off", "gone": "off",
}

func (v *visit) standing(name string) standing {
	return standing{Name: name, Tone: tones[name], Word: v.word("state", name)}
}

// stand says how a job stands, as milkrun status does: whether it runs, else what keeps it from running, else how its
// last run ended. A halt, which needs mending, counts more than a pause.
func (v *visit) stand(j *jobState) standing {
	switch {
	case j.progress != nil:
		return v.standing("running")
	case j.job == nil:
		return v.because("gone", v.say("gone.why"))
	case !j.job.Enabled:
		return v.because("disabled", v.say("disabled.why"))
	case len(j.halts) > 0:
		s := v.because("halted", v.tell(j.halts[0].Reason))
		s.Remedy = v.tell(j.halts[0].Remedy)
		return s
	case j.pause != nil:
		s := v.because("paused", v.say("paused.why", j.pause.Who, v.ago(j.pause.At, v.now)))
		s.Note = j.pause.Why
		return s
	}
	return v.ended(j)
}

func (v *visit) because(name, reason string) standing {
	s := v.standing(name)
	s.Reason = reason
	return s
}

// ended says how the last run of a job ended that nothing keeps from running.
func (v *visit) ended(j *jobState) standing {
	if len(j.runs) == 0 {
		return v.standing("never")
	}
	last := j.runs[0]
	switch last.State {
	case state.Interrupted:
		return v.because("interrupted", v.say("interrupted.why"))
	case state.Halted:
		return v.because("resumed", v.say("resumed.why"))
	case state.Failed:
		s := v.because("failed", v.tell(last.Error))
		s.Remedy = v.tell(last.Remedy)
		if !j.job.Schedule.Manual() {
			s.Remedy = strings.TrimSpace(s.Remedy + "\n" + v.say("failed.again"))
		}
		return s
	case state.Done, state.Part, state.Cancelled, state.Running:
		return v.because(string(last.State), v.tell(last.Error))
	}
	return v.standing(string(last.State))
}

// nextSlot is the next slot of a job whose run has not begun, and when that begins; zero when there is none.
func (v *visit) nextSlot(j *jobState) (slot, begins time.Time) {
	if j.job == nil || !j.job.Enabled {
		return slot, begins
	}
	for at := j.job.Schedule.Next(v.now.Add(-j.job.Jitter)); !at.IsZero(); at = j.job.Schedule.Next(at) {
		if begins = at.Add(schedule.Jitter(j.name, at, j.job.Jitter)); begins.After(v.now) {
			return at, begins
		}
	}
	return time.Time{}, time.Time{}
}

// controls are the buttons for a job.
type controls struct {
	Job, Back, Form                string
	Trigger, Cancel, Pause, Resume bool
	Open                           bool // shown without a click
}

func (v *visit) controls(j *jobState) controls {
	c := controls{Job: j.name, Back: back(v.URL.RequestURI()), Form: v.form}
	halted := false
	for _, h := range j.halts {
		halted = true
		c.Resume = c.Resume || h.Scope == state.JobScope
	}
	c.Cancel = j.progress != nil
	c.Trigger = j.job != nil && !c.Cancel && !halted
	c.Pause = j.job != nil && j.pause == nil
	c.Resume = c.Resume || j.pause != nil
	return c
}

// header says in a line how everything stands; it is part of every page, and read out when it changes.
func (v *visit) header() (fragment, error) {
	s, err := v.look()
	if err != nil {
		return fragment{}, err
	}
	count := map[string]int64{"halted": int64(len(s.halts))}
	for _, j := range s.jobs {
		if name := v.stand(j).Name; name != "halted" { // a halted connection is one, however many jobs it has
			count[name]++
		}
		count["letters"] += j.letters
	}
	type item struct{ Tone, Text, Href string }
	var items []item
	for _, one := range []struct{ name, tone, href string }{
		{"halted", "bad", "/#halts"}, {"failed", "bad", "/runs?state=failed"}, {"running", "run", "/runs?state=running"}, {"paused", "warn", "/"},
	} {
		if n := count[one.name]; n > 0 {
			items = append(items, item{one.tone, v.say("stand."+one.name, grouped(n)), one.href})
		}
	}
	if count["halted"]+count["failed"] == 0 {
		items = append([]item{{"ok", v.say("stand.good"), "/"}}, items...)
	}
	if n := count["letters"]; n > 0 {
		items = append(items, item{"warn", v.many(n, "letter"), "/letters"})
	}
	return fragment{ID: "stand", Tag: "p", Class: "stand", Name: "stand", Data: items}, nil
}
