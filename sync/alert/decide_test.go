package alert

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// episode is a ledger that is fed with findings about one subject, as if one channel took everything at once.
type episode struct {
	t       *testing.T
	ledger  ledger
	rules   rules
	now     time.Time
	subject Subject
}

func newEpisode(t *testing.T) *episode {
	return &episode{t: t, ledger: ledger{}, now: clock(t, "2026-03-02 01:00"), subject: Subject{Failed, JobScope, "grades"},
		rules: rules{time.Hour, func(_, _ Kind) bool { return true }, func(Subject) bool { return false }}}
}

// find decides, and returns what is said: "failed run 1 ×2", "over ×2"; empty for nothing.
func (e *episode) find(v verdict, occurrence string) (said string) {
	e.t.Helper()
	p := e.ledger.decide([]finding{{Event{Subject: e.subject, Occurrence: occurrence, Since: e.now, At: e.now}, v}}, e.now, e.rules)
	for _, entry := range p.save {
		e.ledger[entry.Subject] = entry
	}
	for _, s := range p.forget {
		delete(e.ledger, s)
	}
	for _, event := range p.send {
		e.ledger[event.Subject] = e.ledger[event.Subject].said(event, e.now)
		if said += fmt.Sprintf("%s %s ×%d", event.Kind, event.Occurrence, event.Count); event.Over {
			said = fmt.Sprintf("over ×%d", event.Count)
		}
	}
	return said
}

func TestEpisode(t *testing.T) {
	type step struct {
		after      time.Duration
		verdict    verdict
		occurrence string
		want       string
	}
	for name, steps := range map[string][]step{
		"an occurrence is said once": {
			{0, active, "run 1", "failed run 1 ×1"}, {time.Minute, active, "run 1", ""}, {5 * time.Hour, active, "run 1", ""},
			{time.Minute, quiet, "", "over ×1"}, {time.Minute, quiet, "", ""},
		},
		"more of it waits for the cool-down, and is counted": {
			{0, active, "run 1", "failed run 1 ×1"}, {10 * time.Minute, active, "run 2", ""}, {10 * time.Minute, active, "run 3", ""},
			{39 * time.Minute, active, "run 3", ""}, {time.Minute, active, "run 3", "failed run 3 ×3"}, {time.Minute, quiet, "", "over ×3"},
		},
		"a job that comes and goes speaks twice in a cool-down": {
			{0, active, "run 1", "failed run 1 ×1"}, {time.Minute, quiet, "", "over ×1"}, {time.Minute, active, "run 3", ""},
			{time.Minute, quiet, "", ""}, {time.Minute, active, "run 5", ""}, {time.Hour, active, "run 5", "failed run 5 ×1"}, {time.Minute, quiet, "", "over ×1"},
		},
		"unclear changes nothing": {
			{0, unclear, "", ""}, {0, active, "run 1", "failed run 1 ×1"}, {time.Hour, unclear, "", ""}, {time.Minute, quiet, "", "over ×1"},
		},
		"nothing was wrong": {{0, quiet, "", ""}, {24 * time.Hour, quiet, "", ""}},
		"a clock that was set back does not silence": {
			{0, active, "run 1", "failed run 1 ×1"}, {-24 * time.Hour, active, "run 2", "failed run 2 ×2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEpisode(t)
			for i, s := range steps {
				e.now = e.now.Add(s.after)
				if got := e.find(s.verdict, s.occurrence); got != s.want {
					t.Fatalf("step %d says %q, want %q", i+1, got, s.want)
				}
			}
		})
	}
}

func TestEpisodeWithoutEars(t *testing.T) {
	e := newEpisode(t)
	e.rules.takes = func(says, kind Kind) bool { return says != Recovered }
	if got := e.find(active, "run 1"); got != "failed run 1 ×1" {
		t.Error(got)
	}
	if got := e.find(quiet, ""); got != "" || e.ledger[e.subject].Open {
		t.Errorf("nobody wants to hear that it is over: %q, %+v", got, e.ledger)
	}
	e.rules.takes = func(_, _ Kind) bool { return false }
	if got := e.find(active, "run 2"); got != "" || len(e.ledger) != 0 {
		t.Errorf("nobody listens at all: %q, %+v", got, e.ledger)
	}
}

func TestEpisodeOnItsWay(t *testing.T) {
	e := newEpisode(t)
	waiting := true
	e.rules.waiting = func(Subject) bool { return waiting }
	if got := e.find(active, "run 1"); got != "" || len(e.ledger) != 0 {
		t.Errorf("%q, %+v", got, e.ledger)
	}
	waiting = false
	if got := e.find(active, "run 1"); got != "failed run 1 ×1" {
		t.Error(got)
	}
}

func TestForgetting(t *testing.T) {
	now := clock(t, "2026-03-02 01:00")
	gone := Entry{Subject: Subject{Failed, JobScope, "removed"}, Open: true, Announced: "run 1"}
	late := Entry{Subject: Subject{Late, JobScope, "grades"}, Open: true, Announced: "x"} // its done_by was taken out
	recent := Entry{Subject: Subject{Halted, ConnectionScope, "recent"}, SentAt: now.Add(-time.Minute)}
	old := Entry{Subject: Subject{Halted, ConnectionScope, "old"}, SentAt: now.Add(-2 * time.Hour)}
	l := ledger{}
	for _, e := range []Entry{gone, late, recent, old} {
		l[e.Subject] = e
	}
	j := grades(t)
	j.Watch = Watch{}
	p := l.decide(look(World{Jobs: []Job{j}}, now), now, newEpisode(t).rules)
	if len(p.forget) != 3 || slices.Contains(p.forget, recent.Subject) || len(p.send) != 0 || len(p.save) != 0 {
		t.Errorf("%+v", p)
	}
}

func TestConnectionResumed(t *testing.T) {
	e := newEpisode(t)
	e.subject = Subject{Halted, ConnectionScope, "credit"}
	if got := e.find(active, "1"); got != "halted 1 ×1" {
		t.Fatal(got)
	}
	p := e.ledger.decide(nil, e.now, e.rules)
	if len(p.send) != 1 || !p.send[0].Over || p.send[0].Name != "credit" {
		t.Errorf("%+v", p)
	}
}

func TestOrder(t *testing.T) {
	var found []finding
	for _, s := range []Subject{{Stale, JobScope, "a"}, {Failed, JobScope, "c"}, {Failed, JobScope, "b"}, {Late, JobScope, "a"}, {Halted, JobScope, "z"}} {
		found = append(found, finding{Event{Subject: s, Occurrence: "1"}, active})
	}
	over := Entry{Subject: Subject{Halted, JobScope, "y"}, Open: true, Announced: "1"}
	found = append(found, finding{Event{Subject: over.Subject}, quiet})
	p := ledger{over.Subject: over}.decide(found, clock(t, "2026-03-02 01:00"), newEpisode(t).rules)
	var got []string
	for _, e := range p.send {
		got = append(got, string(e.Says())+" "+e.Name)
	}
	if want := []string{"halted z", "failed b", "failed c", "late a", "stale a", "recovered y"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
