package page

import (
	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
)

// stand is how a job stands, in words.
type stand struct {
	Tone, Word     string // how it is painted, and how it is said
	Reason, Remedy string
}

// The tones of states: how they are painted, and which sign stands before them.
var tones = map[string]string{
	"running": "run", "done": "ok", "part": "warn", "failed": "bad", "halted": "bad", "interrupted": "warn",
	"cancelled": "off", "paused": "warn", "resumed": "off", "disabled": "off", standing.Never: "off", "gone": "off",
}

// stand says how a job stands. The page is the daemon's, which holds the state file.
func (v *visit) stand(j *standing.Job) stand {
	s := j.Stand(true)
	return stand{Tone: tones[s.State], Word: v.word("state", s.State), Reason: v.tell(s.Reason), Remedy: v.tellLines(s.Remedy)}
}

// controls are the buttons for a job.
type controls struct {
	Job, Back, Form                string
	Trigger, Cancel, Pause, Resume bool
	Ranged                         bool // a run can be asked for with a range
}

func (v *visit) controls(j *standing.Job) controls {
	c := controls{Job: j.Name, Back: back(v.URL.RequestURI()), Form: v.form}
	halted := false
	for _, h := range j.Halts {
		halted = true
		c.Resume = c.Resume || h.Scope == state.JobScope
	}
	c.Cancel = j.Meter != nil
	c.Trigger = j.Config != nil && !c.Cancel && !halted
	c.Pause = j.Config != nil && j.Pause == nil
	c.Resume = c.Resume || j.Pause != nil
	return c
}

// header says in a line how everything stands; it is part of every page, and read out when it changes.
func (v *visit) header() (fragment, error) {
	s, err := v.look()
	if err != nil {
		return fragment{}, err
	}
	count := map[string]int64{"halted": int64(len(s.Halts))}
	for _, j := range s.Jobs {
		if name := j.Stand(true).State; name != "halted" { // a halted connection is one, however many jobs it has
			count[name]++
		}
		count["letters"] += j.Letters
	}
	type item struct{ Tone, Text, Href string }
	var items []item
	for _, one := range []struct{ name, tone, href string }{
		{"halted", "bad", "/#halts"}, {"failed", "bad", "/runs?state=failed"}, {"running", "run", "/runs?state=running"}, {"paused", "warn", "/"},
	} {
		if n := count[one.name]; n > 0 {
			items = append(items, item{one.tone, v.say("stand."+one.name, standing.Grouped(n)), one.href})
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
