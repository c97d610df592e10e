package alert

import (
	"cmp"
	"slices"
	"time"
)

// ledger holds the entries by subject.
type ledger map[Subject]Entry

// rules are what a decision depends on beside the facts.
type rules struct {
	coolDown time.Duration
	takes    func(says, kind Kind) bool // some channel takes it; see Route.takes
	waiting  func(Subject) bool         // something about it is on its way: nothing is decided until it has arrived
}

// plan is what a decision leads to.
type plan struct {
	save   []Entry
	forget []Subject
	send   []Event
}

// decide compares what was found with what was said.
func (l ledger) decide(found []finding, now time.Time, r rules) plan {
	var p plan
	seen := map[Subject]bool{}
	for _, f := range found {
		seen[f.Subject] = true
		if r.takes(f.Kind, f.Kind) && !r.waiting(f.Subject) {
			p.weigh(l[f.Subject], f, now, r)
		}
	}
	for s, e := range l {
		switch {
		case r.waiting(s):
		case !r.takes(s.Kind, s.Kind), s.Scope != ConnectionScope && !seen[s], !e.Open && e.cooled(now, r.coolDown):
			p.forget = append(p.forget, s) // nobody listens, the job or its promise is gone, or it was long ago
		case !seen[s]: // a connection that is no longer halted
			p.weigh(e, finding{Event{Subject: s, At: now}, quiet}, now, r)
		}
	}
	slices.SortStableFunc(p.send, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.urgency(), b.urgency()), cmp.Compare(a.Name, b.Name))
	})
	return p
}

// urgency orders a list: what stands still until somebody acts comes first, what is over last.
func (e Event) urgency() int {
	if e.Over {
		return len(Kinds())
	}
	return slices.Index([]Kind{Halted, Failed, Late, Stale, Fault, Escalated}, e.Kind)
}

func (p *plan) weigh(e Entry, f finding, now time.Time, r rules) {
	switch {
	case f.verdict == active:
		p.active(e, f.Event, now, r)
	case f.verdict == quiet && e.Open:
		p.over(e, f.Event, r)
	}
}

func (p *plan) active(e Entry, event Event, now time.Time, r rules) {
	if !e.Open {
		e = Entry{Subject: event.Subject, Open: true, Since: event.Since, SentAt: e.SentAt}
	}
	if e.Occurrence != event.Occurrence {
		e.Occurrence = event.Occurrence
		e.Count++
		p.save = append(p.save, e)
	}
	if e.Announced != e.Occurrence && e.cooled(now, r.coolDown) {
		event.Since, event.Count = e.Since, e.Count
		p.send = append(p.send, event)
	}
}

// over ends an episode: in silence when nobody was told that it began, or wants to hear that it ended.
func (p *plan) over(e Entry, event Event, r rules) {
	if e.Announced == "" || !r.takes(Recovered, e.Kind) {
		e.Open = false
		p.save = append(p.save, e)
		return
	}
	event.Over, event.Occurrence, event.Since, event.Count = true, e.Occurrence, e.Since, e.Count
	p.send = append(p.send, event)
}

// said notes that an event has reached somebody.
func (e Entry) said(event Event, now time.Time) Entry {
	if event.Over {
		e.Open = false
		return e
	}
	e.Announced, e.SentAt = event.Occurrence, now
	return e
}

// cooled says whether something may be said again. A clock that was set back must not silence it.
func (e Entry) cooled(now time.Time, coolDown time.Duration) bool {
	return now.Before(e.SentAt) || now.Sub(e.SentAt) >= coolDown
}
