package page

import (
	"strconv"
	"strings"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync/feed"
	"milkrun/sync/setting"
)

// job is the page of one job.
func (p *page) job(v *visit) (content, error) {
	j, err := v.find(v.PathValue("job"))
	if err != nil {
		return content{}, err
	}
	runs := j.Runs[:min(len(j.Runs), 10)]
	backfills, err := v.backfills(j)
	if err != nil {
		return content{}, err
	}
	doubts, err := v.doubts(j)
	if err != nil {
		return content{}, err
	}
	acts := v.controls(j)
	acts.Ranged = acts.Trigger
	data := struct {
		Name                            string
		Head, Gauge, Doubts, Runs, Acts fragment
		Backfills                       []backfillView
		Facts                           factsView
	}{
		Name:      j.Name,
		Head:      fragment{ID: "head-" + j.Name, Tag: "div", Class: "head", Name: "jobhead", Data: v.row(j)},
		Gauge:     v.underWay(j, "div", "gauge"),
		Doubts:    doubts,
		Runs:      fragment{ID: "runs-" + j.Name, Tag: "div", Class: "block", Name: "jobruns", Data: v.jobRuns(j, runs)},
		Acts:      fragment{ID: "acts-" + j.Name, Tag: "div", Class: "acts", Name: "controls", Data: acts},
		Backfills: backfills,
		Facts:     v.facts(j),
	}
	return content{title: j.Name, nav: "overview", name: "job", data: data,
		live: []fragment{data.Head, data.Gauge, data.Doubts, data.Acts, data.Runs}}, nil
}

type jobRunsView struct {
	Job   string
	Spark spark
	Runs  []runView
}

func (v *visit) jobRuns(j *standing.Job, runs []state.Run) jobRunsView {
	list := make([]runView, len(runs))
	for i, r := range runs {
		list[i] = v.viewRun(r)
	}
	return jobRunsView{Job: j.Name, Spark: v.spark(j, largeShape()), Runs: list}
}

// factsView is what the configuration says of a job.
type factsView struct {
	Configured                     bool
	Source, Sink, Schedule, Jitter string
	Zone, Promises                 string
}

func (v *visit) facts(j *standing.Job) factsView {
	if j.Config == nil {
		return factsView{}
	}
	f := factsView{Configured: true, Source: j.Config.Source.Connection.Name + " (" + j.Config.Source.Connection.Type + ")",
		Sink: j.Config.Sink.Connection.Name + " (" + j.Config.Sink.Connection.Type + ")", Schedule: v.scheduleOf(j.Config), Zone: j.Location.String()}
	if j.Config.Jitter > 0 {
		f.Jitter = v.say("jitter", setting.FormatDuration(j.Config.Jitter))
	}
	var promises []string
	if by := j.Config.Watch.DoneBy.String(); by != "" {
		promises = append(promises, v.say("done.by", by))
	}
	if within := j.Config.Watch.StaleAfter; within > 0 {
		promises = append(promises, v.say("stale.after", setting.FormatDuration(within)))
	}
	f.Promises = strings.Join(promises, v.say("list"))
	return f
}

// checkpoint is the page of how far a job has read, with its history.
func (p *page) checkpoint(v *visit) (content, error) {
	j, err := v.find(v.PathValue("job"))
	if err != nil {
		return content{}, err
	}
	limit := v.limit(50, 5000)
	changes, err := p.Store.History(v.Context(), j.Name, limit+1)
	if err != nil {
		return content{}, err
	}
	more := len(changes) > limit
	changes = changes[:min(len(changes), limit)]
	data := checkpointView{Job: j.Name, LastFull: v.stamp(j.LastFull, j.Location)}
	if more {
		data.More = strconv.Itoa(limit * 10)
	}
	for _, lane := range []state.Lane{state.Forward, state.Full} {
		if one := v.lane(j, lane, changes); one != nil {
			data.Lanes = append(data.Lanes, *one)
		}
	}
	for _, c := range changes {
		data.Changes = append(data.Changes, v.change(j, c))
	}
	return content{title: v.say("checkpoint.of", j.Name), nav: "overview", name: "checkpoint", data: data}, nil
}

// checkpointView is how far a job has read and how it came there.
type checkpointView struct {
	Job      string
	LastFull stamp
	Lanes    []laneView
	Changes  []changeView
	More     string // the next limit, "" when all are shown
}

type laneView struct {
	Job, Lane, Word, Words, Cursor, Delivered, By string
	Version                                       int64
	Moved                                         stamp
	There                                         bool   // there is a checkpoint
	Undo                                          string // what an undo brings back
	Undoable                                      bool
	Back, Form                                    string
}

// lane is one position of a job; nil when it has none and never had one that an operator changed.
func (v *visit) lane(j *standing.Job, lane state.Lane, changes []state.Change) *laneView {
	c, found := j.Lanes[lane]
	l := laneView{Job: j.Name, Lane: string(lane), Word: v.say("lane." + string(lane) + ".text"), There: found, Back: back(v.URL.RequestURI()), Form: v.page.form}
	if found {
		l.Words, l.Cursor, l.Version = v.inWords(&c.Cursor), string(c.Cursor), c.Version
		l.Moved, l.By = v.stamp(c.UpdatedAt, j.Location), v.by(c.RunID, c.Who, c.Why)
		began := v.stamp(c.StartedAt, j.Location)
		l.Delivered = v.say("delivered.since", v.many(c.Rows, "record"), began.Date+" "+began.Clock+" "+began.Zone)
	}
	for _, one := range changes { // the newest first
		if one.Lane == lane && one.Who != "" {
			l.Undoable, l.Undo = true, v.inWords(one.From)
			break
		}
	}
	if !found && !l.Undoable && lane == state.Full {
		return nil
	}
	return &l
}

type changeView struct {
	At                       stamp
	Lane, What, From, To, By string
	Version, Run             int64
	Operator                 bool
}

func (v *visit) change(j *standing.Job, c state.Change) changeView {
	return changeView{At: v.stamp(c.At, j.Location), Lane: v.word("lane", string(c.Lane)), What: v.word("op", c.Op), From: v.inWords(c.From),
		To: v.inWords(c.To), By: v.by(c.RunID, c.Who, c.Why), Version: c.Version, Run: c.RunID, Operator: c.Who != ""}
}

// by says who moved a checkpoint.
func (v *visit) by(run int64, who, why string) string {
	switch {
	case who == "":
		return v.say("by.run", run)
	case why == "":
		return who
	}
	return who + ": " + why
}

// cursor is a cursor for people, "" for none.
func (v *visit) cursor(text string) string {
	if text == "" {
		return ""
	}
	c := feed.Cursor(text)
	return v.inWords(&c)
}

// limit is how many rows somebody asks for.
func (v *visit) limit(usual, most int) int {
	n, err := strconv.Atoi(v.URL.Query().Get("limit"))
	if err != nil || n <= 0 {
		return usual
	}
	return min(n, most)
}
