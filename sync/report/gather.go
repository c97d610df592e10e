package report

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"milkrun/state"
	"milkrun/sync/config"
)

// gatherer counts a month.
type gatherer struct {
	Options
	report *Report
	lines  map[string]*Line    // by job
	runs   map[int64]state.Run // of the month
	order  []state.Run
	looked map[int64]bool // whether runs that exchanges name are there
	orphan bool           // an exchange names a run that is not there any more
	audit  bool           // exchanges of the month are removed
}

// compare compares pairs of texts, until two are not the same.
func compare(pairs ...string) int {
	for i := 0; i+1 < len(pairs); i += 2 {
		if c := strings.Compare(pairs[i], pairs[i+1]); c != 0 {
			return c
		}
	}
	return 0
}

// known begins a line for every job of the configuration.
func (g *gatherer) known(context.Context) error {
	for _, job := range g.Config.Jobs {
		g.line(job.Name)
	}
	return nil
}

// line is the line of a job.
func (g *gatherer) line(name string) *Line {
	if l := g.lines[name]; l != nil {
		return l
	}
	l := &Line{Job: name}
	if job := g.Config.Job(name); job != nil {
		l.Partner, l.Purpose = g.partner(job), job.Purpose
		l.From = joined(job.Source.Connection.Name, job.Source.Interface)
		l.To = joined(job.Sink.Connection.Name, job.Sink.Interface)
	}
	g.lines[name] = l
	return l
}

func joined(connection, name string) string {
	if name == "" {
		return connection
	}
	return connection + " / " + name
}

// partner is the connection of a job that leads to somebody else: the one over HTTP, or of a partner. Of two it is the one the report is
// about, else the source's; a job between databases has its sink for a partner.
func (g *gatherer) partner(job *config.Job) string {
	source, sink := job.Source.Connection, job.Sink.Connection
	switch {
	case g.Connection != "" && (source.Name == g.Connection || sink.Name == g.Connection):
		return g.Connection
	case leadsOut(g.Config, source):
		return source.Name
	}
	return sink.Name
}

// leadsOut says whether a connection leads to somebody else: over HTTP, or as [partners.*] says.
func leadsOut(conf *config.Config, c *config.Connection) bool {
	_, out := c.Settings.(interface{ URL() string })
	return out || partyOf(conf, c.Name) != c.Name
}

// partyOf is the full name of whoever is at the other end of a connection, else the connection's name.
func partyOf(conf *config.Config, connection string) string {
	for _, p := range conf.Alerts.Partners {
		if slices.Contains(p.Connections, connection) {
			return p.FullName
		}
	}
	return connection
}

// Partners are the connections that lead to somebody else, sorted.
func Partners(conf *config.Config) (names []string) {
	for name, conn := range conf.Connections {
		if leadsOut(conf, conn) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// uses says whether a job has to do with the connection the report is about.
func (g *gatherer) uses(name string) bool {
	job := g.Config.Job(name)
	return g.Connection == "" || job != nil && (job.Source.Connection.Name == g.Connection || job.Sink.Connection.Name == g.Connection)
}

// day is the day a moment falls on; nil when it is not one of the month.
func (g *gatherer) day(at time.Time) *Day {
	text := at.In(g.report.zone).Format(time.DateOnly)
	i, found := slices.BinarySearchFunc(g.report.Days, text, func(d Day, text string) int { return strings.Compare(d.Day, text) })
	if !found {
		return nil
	}
	return &g.report.Days[i]
}

// countRuns counts what the runs that began in the month moved.
func (g *gatherer) countRuns(ctx context.Context) (err error) {
	if g.order, err = g.Store.RunsIn(ctx, g.report.From, g.report.To); err != nil {
		return err
	}
	for _, run := range g.order {
		g.runs[run.ID] = run
		if !g.uses(run.Job) {
			continue
		}
		f := figuresOf(run)
		g.line(run.Job).add(&f)
		if d := g.day(run.StartedAt); d != nil {
			d.add(&f)
		}
	}
	return nil
}

// figuresOf are the figures of one run. What was read and is nowhere else was read twice when the run came to its end, and
// is not settled when it did not; what is more than was read was found by reading again.
func figuresOf(run state.Run) Figures {
	n := run.Counts
	f := Figures{Runs: 1, Read: n.Read, Delivered: n.Delivered, Rejected: n.Rejected, Duplicates: n.Skipped, Retries: n.Retries}
	rest := n.Read - n.Delivered - n.Rejected - n.Skipped
	switch over := run.State == state.Done || run.State == state.Part; {
	case rest < 0:
		f.Mended = -rest
	case over:
		f.Duplicates += rest
	default:
		f.Unsettled = rest
	}
	if run.State == state.Failed || run.State == state.Halted {
		f.FailedRuns = 1
	}
	if run.Mode == "full" && n.Total >= 0 && (run.State == state.Done || run.State == state.Part) {
		f.Stated, f.Taken = n.Total, min(n.Delivered+n.Rejected+f.Duplicates, n.Total)
	}
	var swap struct{ Reread int64 }
	if run.Summary != "" && json.Unmarshal([]byte(run.Summary), &swap) == nil {
		f.Reread = swap.Reread
	}
	return f
}

// countMending counts the readings that had to be mended.
func (g *gatherer) countMending(ctx context.Context) error {
	counts, err := g.Store.EventsIn(ctx, "drift", g.report.From, g.report.To)
	for job, n := range counts {
		if g.uses(job) {
			g.line(job).Drifts += n
		}
	}
	return err
}

// countReasons lists why records were rejected. A record is a dead letter from its first refusal on; the others are told
// in a row of their own, so that the sum is that of the runs.
func (g *gatherer) countReasons(ctx context.Context) error {
	list, err := g.Store.RefusalsIn(ctx, g.report.From, g.report.To)
	fresh := map[string]int64{}
	for _, r := range list {
		if g.uses(r.Job) {
			g.line(r.Job)
			fresh[r.Job] += r.Records
			g.report.Reasons = append(g.report.Reasons, Reason(r))
		}
	}
	for name, l := range g.lines {
		if again := l.Rejected - fresh[name]; again > 0 {
			g.report.Reasons = append(g.report.Reasons, Reason{Job: name, Records: again})
		}
	}
	slices.SortFunc(g.report.Reasons, func(a, b Reason) int {
		return cmp.Or(strings.Compare(a.Job, b.Job), again(a)-again(b), cmp.Compare(b.Records, a.Records), strings.Compare(a.Code, b.Code))
	})
	return err
}

// again puts the refusals of records that had been refused before behind the reasons.
func again(r Reason) int {
	if r.Code == "" {
		return 1
	}
	return 0
}

// judgeKept finds out whether runs of the month are removed: by the exchanges that name them, by numbers that are left out,
// by how long history is kept.
func (g *gatherer) judgeKept(ctx context.Context) error {
	k := &g.report.Kept
	k.Exchanges, k.Runs = !g.audit, !g.orphan
	if n := len(g.order); n > 0 && g.order[n-1].ID-g.order[0].ID >= int64(n) {
		k.Runs = false
	}
	if kept := g.Config.History; kept > 0 {
		if end := g.Now.Add(-kept); end.After(g.report.From) {
			k.Before = end.In(g.report.zone)
			k.Runs = k.Runs && !g.began(ctx, g.report.From)
		}
	}
	return nil
}

// began says whether milkrun worked here before a moment: then what it did may be removed.
func (g *gatherer) began(ctx context.Context, before time.Time) bool {
	runs, err := g.Store.RunsIn(ctx, time.Time{}, before)
	first := len(g.order) > 0 && g.order[0].ID > 1
	return err == nil && (len(runs) > 0 || first)
}
