package page

import (
	"net/url"
	"slices"
	"strconv"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
)

// choice is an entry of a list to choose from.
type choice struct {
	Value, Text string
	Chosen      bool
}

// filterView are the fields above a list.
type filterView struct {
	Jobs, States []choice
}

func (v *visit) filter(job, chosen string, states []string) (f filterView) {
	f.Jobs = []choice{{"", v.say("all.jobs"), job == ""}}
	for _, j := range v.Config().Jobs {
		f.Jobs = append(f.Jobs, choice{j.Name, j.Name, j.Name == job})
	}
	if job != "" && !slices.ContainsFunc(f.Jobs, func(c choice) bool { return c.Chosen }) {
		f.Jobs = append(f.Jobs, choice{job, job, true})
	}
	f.States = []choice{{"", v.say("all.states"), chosen == ""}}
	for _, s := range states {
		f.States = append(f.States, choice{s, v.word("state", s), s == chosen})
	}
	return f
}

const runsAtOnce = 100

var runStates = []string{"done", "part", "failed", "halted", "interrupted", "cancelled", "running"}

// runs is the list of runs.
func (p *page) runs(v *visit) (content, error) {
	q := v.URL.Query()
	job, chosen := cut(q.Get("job"), 80), q.Get("state")
	before, _ := strconv.ParseInt(q.Get("before"), 10, 64) // what is no number is the first page
	list, err := p.Store.Runs(v.Context(), state.RunFilter{Job: job, State: state.RunState(chosen), Before: before, Limit: runsAtOnce + 1})
	if err != nil {
		return content{}, err
	}
	data := struct {
		Filter      filterView
		Runs        []runView
		First, Next string
	}{Filter: v.filter(job, chosen, runStates)}
	here := url.Values{"job": {job}, "state": {chosen}}
	if before > 0 {
		data.First = "/runs?" + here.Encode()
	}
	if len(list) > runsAtOnce {
		list = list[:runsAtOnce]
		here.Set("before", strconv.FormatInt(list[len(list)-1].ID, 10))
		data.Next = "/runs?" + here.Encode()
	}
	for _, r := range list {
		data.Runs = append(data.Runs, v.viewRun(r))
	}
	return content{title: v.say("runs"), nav: "runs", name: "runs", data: data}, nil
}

// mostEvents is how many events a page shows; the rest are in the state file.
const mostEvents = 300

type eventView struct {
	At         stamp
	Full       bool // the day is shown: it is another one than that of the event before
	Kind, Text string
	Tone       string
}

type runPage struct {
	Run    runView
	Events []eventView
	Cut    string
}

// run is the page of one run.
func (p *page) run(v *visit) (content, error) {
	id, err := strconv.ParseInt(v.PathValue("id"), 10, 64)
	if err != nil {
		return content{}, errNoPage
	}
	r, err := p.Store.Run(v.Context(), id)
	if err != nil {
		return content{}, err
	}
	events, err := p.Store.Events(v.Context(), id)
	if err != nil {
		return content{}, err
	}
	data := v.runPage(p.ahead(r), events)
	body := fragment{ID: "run-" + strconv.FormatInt(id, 10), Tag: "div", Class: "run", Name: "runbody", Data: data}
	gauge := fragment{ID: "gauge-" + r.Job, Tag: "div", Class: "gauge", Name: "gauge", Data: p.gaugeOf(v, id)}
	c := content{title: v.say("run.of", id, r.Job), nav: "runs", name: "run", data: struct {
		Run         runView
		Body, Gauge fragment
	}{data.Run, body, gauge}}
	if r.State == state.Running || v.Header.Get("Accept") == eventStream {
		c.live = []fragment{gauge, body}
	}
	return c, nil
}

// ahead puts what a run has done since it saved its counts into its record.
func (p *page) ahead(r state.Run) state.Run {
	for _, one := range p.Running() {
		if one.Run == r.ID && r.State == state.Running {
			r.Counts = one.Counts
		}
	}
	return r
}

func (p *page) gaugeOf(v *visit, run int64) *gauge {
	list := p.Running()
	i := slices.IndexFunc(list, func(one standing.Meter) bool { return one.Run == run })
	if i < 0 {
		return nil
	}
	return v.gauge(list[i])
}

func (v *visit) runPage(r state.Run, events []state.Event) runPage {
	data := runPage{Run: v.viewRun(r)}
	zone := standing.Zone(v.Config(), r.Job)
	if n := len(events); n > mostEvents {
		events = events[n-mostEvents:]
		data.Cut = v.say("events.cut", mostEvents, v.many(int64(n), "event"))
	}
	day := ""
	for _, e := range events {
		at := v.stamp(e.At, zone)
		tone := map[string]string{"retry": "warn", "drift": "warn", "bisect": "warn"}[e.Kind]
		data.Events = append(data.Events, eventView{At: at, Full: at.Date != day, Kind: v.word("event", e.Kind), Text: v.tell(cut(e.Text, 4000)), Tone: tone})
		day = at.Date
	}
	return data
}
