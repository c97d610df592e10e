package page

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync/config"
)

// calendarView is a week of all jobs.
type calendarView struct {
	Week, Before, After string
	Zone                string
	This                bool
	Days                []dayView
	Jobs                []jobWeek
}

type dayView struct {
	Name, Date string
	Today      bool
}

type jobWeek struct {
	Job, Schedule, Zone string
	Cells               []cell
}

// cell is a day of a job: a mark for each slot at its time of day, and what became of them in words.
type cell struct {
	Day, Href, Short string
	Today            bool
	Marks            []mark
	Lines            []line
}

type mark struct {
	X, Wide string
	Tone    string
}

type line struct{ Tone, Text string }

// Bounds of what one page reads and draws.
const (
	dayWidth     = 288 // units of a day in a cell: five minutes each
	mostPlanned  = 3000
	mostDecision = 100_000
	mostRunLooks = 5000
)

// calendar is the page of a week, with what was decided about each slot.
func (p *page) calendar(v *visit) (content, error) {
	conf := p.Config()
	monday := weekOf(v, conf.Location)
	data := calendarView{Before: monday.AddDate(0, 0, -7).Format(time.DateOnly), After: monday.AddDate(0, 0, 7).Format(time.DateOnly),
		Week: v.say("week", monday.Format(time.DateOnly), monday.AddDate(0, 0, 6).Format(time.DateOnly)),
		Zone: conf.Location.String(), This: monday.Equal(mondayOf(v.now.In(conf.Location)))}
	today := v.now.In(conf.Location).Format(time.DateOnly)
	for i := range 7 {
		day := monday.AddDate(0, 0, i)
		data.Days = append(data.Days, dayView{Name: v.say("day." + strconv.Itoa(int(day.Weekday()))), Date: day.Format("01-02"), Today: day.Format(time.DateOnly) == today})
	}
	for _, job := range conf.Jobs {
		week, err := v.week(job, monday)
		if err != nil {
			return content{}, err
		}
		data.Jobs = append(data.Jobs, week)
	}
	return content{title: v.say("calendar"), nav: "calendar", name: "calendar", data: data}, nil
}

// weekOf is the Monday of the week somebody asks for, else of this one.
func weekOf(v *visit, zone *time.Location) time.Time {
	day, err := time.ParseInLocation(time.DateOnly, v.URL.Query().Get("week"), zone)
	if err != nil || day.Year() < 2000 || day.Year() > 2200 {
		day = v.now.In(zone)
	}
	return mondayOf(day)
}

func mondayOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d-(int(t.Weekday())+6)%7, 0, 0, 0, 0, t.Location())
}

// week is a job's row: its days are those of its own zone.
func (v *visit) week(job *config.Job, monday time.Time) (jobWeek, error) {
	y, m, d := monday.Date()
	begin := time.Date(y, m, d, 0, 0, 0, 0, job.Location)
	w := jobWeek{Job: job.Name, Schedule: v.scheduleOf(job)}
	if job.Location.String() != monday.Location().String() {
		w.Zone = job.Location.String()
	}
	marks, err := v.slotsBetween(job, begin, begin.AddDate(0, 0, 7))
	if err != nil {
		return w, err
	}
	for i := range 7 {
		from, to := begin.AddDate(0, 0, i), begin.AddDate(0, 0, i+1)
		c := cell{Day: from.Format(time.DateOnly), Short: v.say("day."+strconv.Itoa(int(from.Weekday()))) + " " + from.Format("01-02"),
			Href: "/calendar/" + job.Name + "/" + from.Format(time.DateOnly), Today: !v.now.Before(from) && v.now.Before(to)}
		c.fill(v, marks, from, to)
		w.Cells = append(w.Cells, c)
	}
	return w, nil
}

// due is a slot with what was decided about it; without a decision it is still to come.
type due struct {
	at       time.Time
	decision state.Slot
	run      state.RunState // "" when it is not known
}

// tone is how a slot is painted: by how its run ended, else by the decision.
func (d due) tone() string {
	switch d.decision.Decision {
	case "":
		return "due"
	case state.Skipped, state.Paused:
		return "warn"
	case state.Held, state.Missed:
		return "bad"
	}
	switch d.run {
	case "":
		return "off"
	case state.Interrupted: // another run has gone on with it
		return "ok"
	}
	return tones[string(d.run)]
}

// slotsBetween are the slots of a job in a time: those decided, and those to come.
func (v *visit) slotsBetween(job *config.Job, from, to time.Time) ([]due, error) {
	decisions, err := v.decisions(job.Name, from)
	if err != nil {
		return nil, err
	}
	ended, err := v.runStates(job.Name, decisions)
	if err != nil {
		return nil, err
	}
	var list []due
	for _, s := range slices.Backward(decisions) { // the oldest first
		for _, at := range within(job, s, from, to) {
			list = append(list, due{at: at, decision: s, run: ended[s.RunID]})
		}
	}
	if !job.Enabled {
		return list, nil
	}
	after := v.now
	if len(decisions) > 0 && decisions[0].Through.After(after) {
		after = decisions[0].Through
	}
	after = laterOf(after, from.Add(-time.Second))
	for at := job.Schedule.Next(after); !at.IsZero() && at.Before(to) && len(list) < mostPlanned; at = job.Schedule.Next(at) {
		list = append(list, due{at: at})
	}
	return list, nil
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// within are the slots of a decision in a time. A decision about a row of slots names its ends; the schedule tells those
// between.
func within(job *config.Job, s state.Slot, from, to time.Time) (list []time.Time) {
	if !s.At.Before(from) && s.At.Before(to) {
		list = append(list, s.At)
	}
	if s.Count <= 1 {
		return list
	}
	after := laterOf(s.At, from.Add(-time.Second))
	for at := job.Schedule.Next(after); !at.IsZero() && at.Before(to) && !at.After(s.Through) && len(list) < mostPlanned; at = job.Schedule.Next(at) {
		list = append(list, at)
	}
	return list
}

// decisions are those of a job since a moment, newest first.
func (v *visit) decisions(job string, since time.Time) ([]state.Slot, error) {
	for limit := 1500; ; limit *= 4 {
		list, err := v.Store.Slots(v.Context(), job, limit)
		if err != nil {
			return nil, err
		}
		if len(list) < limit || list[len(list)-1].At.Before(since) || limit >= mostDecision {
			return slices.DeleteFunc(list, func(s state.Slot) bool { return s.Through.Before(since) }), nil
		}
	}
}

// runStates is how the runs ended that slots led to.
func (v *visit) runStates(job string, slots []state.Slot) (map[int64]state.RunState, error) {
	ended := map[int64]state.RunState{}
	if len(slots) == 0 {
		return ended, nil
	}
	list, err := v.Store.Runs(v.Context(), state.RunFilter{Job: job, Limit: mostRunLooks})
	for _, r := range list {
		ended[r.ID] = r.State
	}
	return ended, err
}

// fill draws the slots of a day.
func (c *cell) fill(v *visit, list []due, from, to time.Time) {
	today := list[sortedAt(list, from):sortedAt(list, to)]
	length := to.Sub(from).Seconds()
	wide := min(max(dayWidth/float64(max(len(today), 1))-0.3, 1.2), 5)
	var words []string
	count := map[string]int64{}
	tone := map[string]string{}
	for _, d := range today {
		x := d.at.Sub(from).Seconds() / length * (dayWidth - wide)
		c.Marks = append(c.Marks, mark{X: units(x), Wide: units(wide), Tone: d.tone()})
		word := d.word(v)
		if count[word]++; count[word] == 1 {
			words = append(words, word)
			tone[word] = d.tone()
		}
	}
	for _, word := range words {
		which := standing.Grouped(count[word])
		if len(today) <= 3 {
			which = times(v, today, word, from.Location())
		}
		c.Lines = append(c.Lines, line{tone[word], which + " " + word})
	}
}

// times are the slots of a day that have the same word, by the clock.
func times(v *visit, list []due, word string, zone *time.Location) string {
	var at []string
	for _, d := range list {
		if d.word(v) == word {
			at = append(at, d.at.In(zone).Format("15:04"))
		}
	}
	return strings.Join(at, ", ")
}

// word is what became of a slot: how its run ended, where that is no success, else the decision.
func (d due) word(v *visit) string {
	if d.decision.Decision == "" {
		return v.say("slot.due")
	}
	switch d.run {
	case "", state.Done, state.Interrupted:
		return v.word("slot", d.decision.Decision)
	}
	return v.word("state", string(d.run))
}

// sortedAt is where in a list in order a moment would stand.
func sortedAt(list []due, at time.Time) int {
	i, _ := slices.BinarySearchFunc(list, at, func(d due, at time.Time) int { return d.at.Compare(at) })
	return i
}

// slotView is a slot in the list of a day.
type slotView struct {
	At, Decided      stamp
	Tone, Word, Note string
	Through          string
	Run              int64
	RunState         string
	RunTone          string
}

// day is the page of the slots of a job on a day.
func (p *page) day(v *visit) (content, error) {
	job := p.Config().Job(v.PathValue("job"))
	if job == nil {
		return content{}, errNoJob
	}
	from, err := time.ParseInLocation(time.DateOnly, v.PathValue("day"), job.Location)
	if err != nil || from.Year() < 2000 || from.Year() > 2200 {
		return content{}, errNoPage
	}
	list, err := v.slotsBetween(job, from, from.AddDate(0, 0, 1))
	if err != nil {
		return content{}, err
	}
	data := struct {
		Job, Day, Week, Before, After, Zone string
		Slots                               []slotView
	}{Job: job.Name, Day: from.Format(time.DateOnly), Week: mondayOf(from).Format(time.DateOnly), Before: from.AddDate(0, 0, -1).Format(time.DateOnly),
		After: from.AddDate(0, 0, 1).Format(time.DateOnly), Zone: job.Location.String()}
	for _, d := range list {
		data.Slots = append(data.Slots, v.slot(d, job.Location))
	}
	return content{title: v.say("slots.of", job.Name, data.Day), nav: "calendar", name: "day", data: data}, nil
}

func (v *visit) slot(d due, zone *time.Location) slotView {
	s := slotView{At: v.stamp(d.at, zone), Tone: d.tone(), Word: v.say("slot.due")}
	if d.decision.Decision == "" {
		return s
	}
	s.Word, s.Note, s.Decided, s.Run = v.word("slot", d.decision.Decision), v.tell(d.decision.Note), v.stamp(d.decision.DecidedAt, zone), d.decision.RunID
	if d.run != "" {
		s.RunState, s.RunTone = v.word("state", string(d.run)), tones[string(d.run)]
	}
	return s
}
