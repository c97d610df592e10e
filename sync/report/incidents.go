package report

import (
	"context"
	"slices"
	"strings"
	"time"

	"milkrun/state"
)

// Timely is how late records of one interface came.
type Timely struct {
	Interface string        `json:"interface"`
	Job       string        `json:"job"`
	Records   int64         `json:"records"`
	Rejected  int64         `json:"rejected"`
	Timed     int64         `json:"timed"` // of the delivered: their lag is known
	Late      int64         `json:"late"`  // of those
	Median    time.Duration `json:"-"`
	P95       time.Duration `json:"-"`
	Max       time.Duration `json:"-"`
	MedianMS  int64         `json:"median_ms"`
	P95MS     int64         `json:"p95_ms"`
	MaxMS     int64         `json:"max_ms"`
}

// countTimeliness sums up the days of the month by interface and job.
func (g *gatherer) countTimeliness(ctx context.Context) error {
	list, err := g.Store.Timeliness(ctx, g.report.From, g.report.To)
	if err != nil {
		return err
	}
	type key struct{ name, job string }
	sums := map[key]*state.Timeliness{}
	for _, t := range list {
		if g.Connection != "" && t.Connection != g.Connection && !g.uses(t.Job) {
			continue
		}
		if sum := sums[key{t.Interface, t.Job}]; sum != nil {
			sum.Add(t)
		} else {
			sums[key{t.Interface, t.Job}] = &t
		}
	}
	for _, t := range sums {
		l := &t.Lag
		v := Timely{Interface: t.Interface, Job: t.Job, Records: t.Records, Rejected: t.Rejected, Timed: l.Count, Late: t.Late,
			Median: l.Quantile(0.5), P95: l.Quantile(0.95), Max: l.Max}
		v.MedianMS, v.P95MS, v.MaxMS = v.Median.Milliseconds(), v.P95.Milliseconds(), v.Max.Milliseconds()
		g.report.Timeliness = append(g.report.Timeliness, v)
	}
	slices.SortFunc(g.report.Timeliness, func(a, b Timely) int { return compare(a.Interface, b.Interface, a.Job, b.Job) })
	return nil
}

// Incident is a time in which a job did not work.
type Incident struct {
	Partner string    `json:"partner"`
	Job     string    `json:"job"`
	Kind    string    `json:"kind"` // failed, halted, late, stale
	Code    string    `json:"code,omitempty"`
	Since   time.Time `json:"since"`
	Ended   time.Time `json:"ended,omitzero"` // zero while it lasts
	Impact  int64     `json:"impact"`         // records that waited, -1 unknown
}

// Lasted is how long it was, up to a moment when it is not over.
func (i *Incident) Lasted(until time.Time) time.Duration {
	if !i.Ended.IsZero() {
		until = i.Ended
	}
	return until.Sub(i.Since)
}

// listIncidents lists what went wrong in the month: as it was recorded, and for jobs of which nothing was (a daemon that
// was not running records nothing) as their runs tell.
func (g *gatherer) listIncidents(ctx context.Context) error {
	list, err := g.Store.Incidents(ctx, g.report.From, g.report.To)
	if err != nil {
		return err
	}
	told := map[string]bool{}
	for _, i := range list {
		told[i.Job] = true
		g.incident(Incident{Job: i.Job, Kind: string(i.Kind), Code: i.Code, Since: i.Since, Ended: i.EndedAt, Impact: i.Impact})
	}
	for _, i := range derived(g.order) {
		if !told[i.Job] {
			g.incident(i)
		}
	}
	slices.SortFunc(g.report.Incidents, func(a, b Incident) int {
		if c := a.Since.Compare(b.Since); c != 0 {
			return c
		}
		return strings.Compare(a.Job, b.Job)
	})
	return nil
}

func (g *gatherer) incident(i Incident) {
	if !g.uses(i.Job) {
		return
	}
	i.Partner, i.Since = g.line(i.Job).Partner, i.Since.In(g.report.zone)
	if !i.Ended.IsZero() {
		i.Ended = i.Ended.In(g.report.zone)
	}
	g.report.Incidents = append(g.report.Incidents, i)
}

// derived are the incidents that runs tell of: from the first one that failed or was halted to the next that succeeded.
func derived(runs []state.Run) (list []Incident) {
	open := map[string]int{} // by job, the place in list
	for _, run := range runs {
		at, under := open[run.Job]
		switch run.State {
		case state.Failed, state.Halted:
			if !under {
				open[run.Job] = len(list)
				list = append(list, Incident{Job: run.Job, Kind: string(run.State), Code: run.Code, Since: run.StartedAt, Impact: -1})
			} else if run.State == state.Halted {
				list[at].Kind, list[at].Code = string(run.State), run.Code
			}
		case state.Done, state.Part:
			if under {
				list[at].Ended = run.FinishedAt
				delete(open, run.Job)
			}
		}
	}
	return list
}
