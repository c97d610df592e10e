package page

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
)

const (
	lettersAtOnce = 50
	longestRecord = 4 << 10   // bytes of a record in a list
	longestShown  = 256 << 10 // and on its own page
)

var letterStates = []string{state.LetterOpen, state.LetterDelivered, state.LetterDropped}

// letterView is a dead letter for people. The record is as masked as it is kept.
type letterView struct {
	ID, Run                           int64
	Job, Tone, State, Code, Reason    string
	Key, Place, Record, LastError, By string
	Tries                             string
	At, Tried, Settled                stamp
	Open                              bool
	Back, Form                        string
}

// letters is the list of dead letters, a page at a time.
func (p *page) letters(v *visit) (content, error) {
	q := v.URL.Query()
	job, chosen := cut(q.Get("job"), 80), q.Get("state")
	if !q.Has("state") {
		chosen = state.LetterOpen
	}
	after, _ := strconv.ParseInt(q.Get("after"), 10, 64) // what is no number is the first page
	list, err := p.Store.Letters(v.Context(), state.LetterFilter{Job: job, State: chosen, After: after, Limit: lettersAtOnce + 1})
	if err != nil {
		return content{}, err
	}
	data := struct {
		Filter           filterView
		Letters          []letterView
		First, Next, Job string
		Open             bool // there is something to act on
		Back, Form       string
	}{Filter: v.filter(job, chosen, letterStates), Job: job, Back: back(v.URL.RequestURI()), Form: p.form}
	here := url.Values{"job": {job}, "state": {chosen}}
	if after > 0 {
		data.First = "/letters?" + here.Encode()
	}
	if len(list) > lettersAtOnce {
		list = list[:lettersAtOnce]
		here.Set("after", strconv.FormatInt(list[len(list)-1].ID, 10))
		data.Next = "/letters?" + here.Encode()
	}
	for _, l := range list {
		data.Open = data.Open || l.State == state.LetterOpen
		data.Letters = append(data.Letters, v.viewLetter(l, longestRecord))
	}
	return content{title: v.say("letters"), nav: "letters", name: "letters", data: data}, nil
}

// letter is the page of one dead letter.
func (p *page) letter(v *visit) (content, error) {
	id, err := strconv.ParseInt(v.PathValue("id"), 10, 64)
	if err != nil {
		return content{}, errNoPage
	}
	l, err := p.Store.Letter(v.Context(), id)
	if err != nil {
		return content{}, err
	}
	return content{title: v.say("letter", id), nav: "letters", name: "letter", data: v.viewLetter(l, longestShown)}, nil
}

func (v *visit) viewLetter(l state.Letter, longest int) letterView {
	zone := standing.Zone(v.Config(), l.Job)
	view := letterView{ID: l.ID, Run: l.RunID, Job: l.Job, State: v.word("state", l.State), Code: l.Code, Reason: v.tell(l.Reason), Key: l.Key,
		Place: v.cursor(string(l.Place)), Record: cut(indented(l.Record), longest), LastError: v.tell(l.LastError), Tries: v.many(int64(l.Tries), "try"),
		At: v.stamp(l.At, zone), Tried: v.stamp(l.TriedAt, zone), Settled: v.stamp(l.SettledAt, zone), Open: l.State == state.LetterOpen,
		Back: back(v.URL.RequestURI()), Form: v.page.form}
	view.Tone = map[string]string{state.LetterOpen: "warn", state.LetterDelivered: "ok"}[l.State]
	if view.Tone == "" {
		view.Tone = "off"
	}
	if l.Who != "" || l.Why != "" {
		view.By = v.by(0, l.Who, l.Why)
		if l.Who == "" {
			view.By = v.tell(l.Why)
		}
	}
	return view
}

func indented(record string) string {
	var out bytes.Buffer
	if json.Indent(&out, []byte(record), "", "  ") != nil {
		return record
	}
	return out.String()
}

// changes is the list of what operators did.
func (p *page) changes(v *visit) (content, error) {
	limit := v.limit(100, 5000)
	list, err := p.Store.Operations(v.Context(), limit+1)
	if err != nil {
		return content{}, err
	}
	type operation struct {
		At                 stamp
		Who, What, On, Why string
		Job                bool
	}
	data := struct {
		List []operation
		More string
	}{}
	if len(list) > limit {
		list = list[:limit]
		data.More = "/changes?limit=" + strconv.Itoa(limit*10)
	}
	conf := p.Config()
	for _, o := range list {
		data.List = append(data.List, operation{At: v.stamp(o.At, standing.Zone(conf, o.Job)), Who: o.Who, What: v.tell(o.What), On: o.Job, Why: o.Why,
			Job: conf.Job(o.Job) != nil})
	}
	return content{title: v.say("nav.changes"), nav: "changes", name: "changes", data: data}, nil
}
