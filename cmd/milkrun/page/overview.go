package page

import (
	"cmp"
	"slices"
	"strings"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync/config"
)

// overview is the page of all jobs.
func (p *page) overview(v *visit) (content, error) {
	s, err := v.look()
	if err != nil {
		return content{}, err
	}
	data := struct {
		Halts  fragment
		Jobs   []fragment // two for each: how it stands, and how far its run is
		Conf   configView
		NoJobs bool
	}{Halts: v.halts(s), Conf: v.config(s), NoJobs: len(s.Jobs) == 0}
	for _, j := range s.Jobs {
		data.Jobs = append(data.Jobs,
			fragment{ID: "job-" + j.Name, Tag: "tbody", Class: "job", Name: "jobrow", Data: v.row(j)}, v.underWay(j, "tbody", "gaugerow"))
	}
	return content{title: v.say("nav.overview"), nav: "overview", name: "overview", data: data, live: append([]fragment{data.Halts}, data.Jobs...)}, nil
}

// underWay is how far the run of a job is; empty when it does not run.
func (v *visit) underWay(j *standing.Job, tag, name string) fragment {
	f := fragment{ID: "gauge-" + j.Name, Tag: tag, Class: "gauge", Name: name, Data: (*gauge)(nil)}
	if j.Meter != nil {
		f.Data = v.gauge(*j.Meter)
	}
	return f
}

// rowView is a job in the list of all.
type rowView struct {
	Name, Route, Schedule string
	Stand                 stand
	Spark                 spark
	Last                  *runView
	Next                  nextView
	Place                 placeView
	Lag                   string
	Overdue               []string
	Backfill              *backfillView // one with open units
	Letters               string        // "" for none
	Doubts                string
	Controls              controls
}

func (v *visit) row(j *standing.Job) rowView {
	r := rowView{Name: j.Name, Stand: v.stand(j), Spark: v.spark(j, smallShape()), Next: v.next(j), Place: v.place(j), Controls: v.controls(j)}
	if j.Config != nil {
		r.Route = j.Config.Source.Connection.Name + " → " + j.Config.Sink.Connection.Name
		r.Schedule = v.scheduleOf(j.Config)
	}
	if i := slices.IndexFunc(j.Runs, func(r state.Run) bool { return r.State != state.Running }); i >= 0 {
		last := v.viewRun(j.Runs[i])
		r.Last = &last
	}
	if lag, of := j.Lag(v.now); of != "" {
		r.Lag = v.say("lag."+of, v.roughly(lag))
	}
	for _, o := range j.Overdue {
		r.Overdue = append(r.Overdue, v.tell(o.Text))
	}
	if j.Backfill != nil {
		b := v.viewBackfill(*j.Backfill, j.Location)
		r.Backfill = &b
	}
	if j.Letters > 0 {
		r.Letters = standing.Grouped(j.Letters)
	}
	if j.Doubts > 0 {
		r.Doubts = v.many(j.Doubts, "doubt")
	}
	return r
}

// scheduleOf is when a job is due, as it stands in jobs.toml.
func (v *visit) scheduleOf(job *config.Job) string {
	if job.Schedule.Manual() {
		return v.say("schedule.manual")
	}
	return job.Schedule.String()
}

// nextView is when a job runs next.
type nextView struct {
	At, Begins stamp
	Held       bool // it passes without a run
}

func (v *visit) next(j *standing.Job) nextView {
	next := j.Next(v.now)
	n := nextView{At: v.stamp(next.Slot, j.Location), Held: j.Pause != nil || len(j.Halts) > 0}
	n.At.Ago = ""
	if !next.Slot.IsZero() {
		n.At.Ago = v.ago(next.Begins, v.now)
	}
	if !next.Begins.Equal(next.Slot) {
		n.Begins = v.stamp(next.Begins, j.Location)
	}
	return n
}

// placeView is how far a job has read.
type placeView struct {
	Words, Full string
	Behind      string // how old what the target has is, when the cursor tells
	Moved       stamp
	Complete    stamp // the last complete pass
}

func (v *visit) place(j *standing.Job) (p placeView) {
	if c, found := j.Lanes[state.Forward]; found {
		p.Words, p.Moved = v.inWords(&c.Cursor), v.stamp(c.UpdatedAt, j.Location)
	}
	if c, found := j.Lanes[state.Full]; found {
		p.Full = v.inWords(&c.Cursor)
		if p.Moved.ISO == "" {
			p.Moved = v.stamp(c.UpdatedAt, j.Location)
		}
	}
	if lag, of := j.Lag(v.now); of == standing.OfCursor {
		p.Behind = v.say("behind", v.roughly(lag))
	}
	p.Complete = v.stamp(j.LastFull, j.Location)
	return p
}

// haltView is a halt with what mends it.
type haltView struct {
	Title, Name, Code, Reason, Remedy string
	Since                             stamp
	Jobs                              []string // that wait for it, but itself
	Run                               int64
	Doubt                             bool // settling the batch ends it
	Back, Form                        string
}

// alarms are what needs somebody: halts, a configuration that was refused, and addresses that are not open.
type alarms struct {
	Halts   []haltView
	Refusal string
	Since   stamp

	Unopened []state.Unopened // addresses, in the language of the visit
}

// halts are those of all jobs and connections, the newest first.
func (v *visit) halts(s *snapshot) fragment {
	list := make([]haltView, 0, len(s.Halts))
	for _, h := range slices.SortedFunc(slices.Values(s.Halts), func(a, b state.Halt) int { return b.At.Compare(a.At) }) {
		list = append(list, v.viewHalt(s, h))
	}
	data := alarms{Halts: list}
	if d := s.refused; d != nil {
		data.Refusal, data.Since = v.tell(cut(d.Refusal, 4000)), v.stamp(d.RefusedAt, s.Config.Location)
	}
	for _, u := range s.unopened {
		data.Unopened = append(data.Unopened, state.Unopened{What: v.tell(u.What), Remedy: v.tell(u.Remedy)})
	}
	return fragment{ID: "halts", Tag: "section", Class: "halts", Name: "halts", Data: data}
}

func (v *visit) viewHalt(s *snapshot, h state.Halt) haltView {
	zone := standing.Zone(s.Config, h.Name)
	title := "scope." + h.Scope
	if h.Who != "" {
		title = "scope.paused"
	}
	view := haltView{Title: v.say(title, h.Name), Name: h.Name, Code: codeBeside(h.Code, h.Reason), Reason: v.tell(h.Reason), Remedy: v.tell(h.Remedy),
		Since: v.stamp(h.At, zone), Run: h.RunID, Doubt: h.Code == state.CodeDoubt, Back: back(v.URL.RequestURI()), Form: v.form}
	for _, j := range s.Jobs {
		if h.Scope == state.ConnectionScope && standing.Uses(j.Config, h.Name) {
			view.Jobs = append(view.Jobs, j.Name)
		}
	}
	return view
}

// configView is the configuration that the daemon works with.
type configView struct{ Path, Digest, Back, Form string }

func (v *visit) config(s *snapshot) configView {
	return configView{Path: s.Config.Path, Digest: cut(s.Config.Digest, 12), Back: back(v.URL.RequestURI()), Form: v.form}
}

// viewRun is a run for people.
func (v *visit) viewRun(r state.Run) runView {
	zone := standing.Zone(v.Config(), r.Job)
	end := r.FinishedAt
	if end.IsZero() {
		end = v.now
	}
	c := r.Counts
	view := runView{ID: r.ID, Job: r.Job, Tone: tones[string(r.State)], State: v.word("state", string(r.State)), Running: r.State == state.Running,
		Trigger: v.word("trigger", string(r.Trigger)), Mode: v.word("mode", r.Mode), Slot: v.stamp(r.Slot, zone),
		Started: v.stamp(r.StartedAt, zone), Finished: v.stamp(r.FinishedAt, zone), Took: v.span(end.Sub(r.StartedAt)),
		Read: standing.Grouped(c.Read), Delivered: standing.Grouped(c.Delivered), Rejected: standing.Grouped(c.Rejected), Skipped: standing.Grouped(c.Skipped),
		Pages: standing.Grouped(c.Pages), Retries: standing.Grouped(c.Retries), Bytes: bytesOf(c.Bytes), Records: v.many(moved(r), "record"),
		From: v.cursor(string(r.CursorFrom)), To: v.cursor(string(r.CursorTo)), Code: codeBeside(r.Code, r.Error), Error: v.tell(r.Error), Remedy: v.tell(r.Remedy)}
	if c.Total >= 0 {
		view.Total = standing.Grouped(c.Total)
	}
	if r.Summary != "" {
		view.Summary = v.sumUp(r.Summary)
	}
	view.Brief = brief(cmp.Or(view.Error, view.Summary))
	return view
}

// runView is a run for people.
type runView struct {
	ID                                                        int64
	Job, Tone, State, Trigger, Mode, Took                     string
	Running                                                   bool
	Slot, Started, Finished                                   stamp
	Read, Delivered, Rejected, Skipped, Pages, Retries, Bytes string
	Total, Records                                            string
	From, To                                                  string
	Code, Error, Remedy, Summary, Brief                       string
}

// codeBeside is a code that the text beside it does not tell.
func codeBeside(code, text string) string {
	if strings.Contains(text, code) {
		return ""
	}
	return code
}

// brief is the first line of a text.
func brief(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return cut(line, 160)
}
