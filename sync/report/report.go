package report

import (
	"context"
	"fmt"
	"slices"
	"time"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/words"
)

// Options say what to report on.
type Options struct {
	Store  *state.Store
	Config *config.Config
	Month  Month
	Now    time.Time
	// Connection limits the report to one partner, so that it holds nothing of others; "" is all.
	Connection string
	Lang       words.Lang
}

// Report is what happened in a month. Times are in the zone of the configuration.
type Report struct {
	Month      string     `json:"month"`
	From       time.Time  `json:"from"`
	To         time.Time  `json:"to"` // the first moment behind it
	Unfinished bool       `json:"unfinished"`
	Party      string     `json:"party,omitempty"`
	Parties    []string   `json:"parties"` // the others
	Connection string     `json:"connection,omitempty"`
	Purposes   []string   `json:"purposes"`
	Made       time.Time  `json:"made_at"`
	Head       string     `json:"chain_head"`
	Kept       Kept       `json:"kept"`
	Total      Line       `json:"total"`
	Lines      []Line     `json:"lines"`
	Days       []Day      `json:"days"`
	Reasons    []Reason   `json:"rejections"`
	Traffic    []Traffic  `json:"traffic"`
	Timeliness []Timely   `json:"timeliness"`
	Incidents  []Incident `json:"incidents"`

	lang  words.Lang
	zone  *time.Location
	names map[string][]string // by party: the connections that stand for it in the tables
}

// Kept says whether everything that the month's figures are counted from is there still.
type Kept struct {
	Runs      bool      `json:"runs"`             // with slots, events and settled dead letters
	Exchanges bool      `json:"exchanges"`        // of the audit
	Before    time.Time `json:"before,omitempty"` // runs that ended before are removed; zero when none are
}

// Figures are counted for a job, a partner, a day or all. Read + Mended = Delivered + Rejected + Duplicates + Unsettled.
type Figures struct {
	Runs       int64 `json:"runs"`
	FailedRuns int64 `json:"failed_runs"` // failed or halted
	Read       int64 `json:"read"`
	Delivered  int64 `json:"delivered"`
	Rejected   int64 `json:"rejected"`   // refusals; a record that is refused every night counts every night
	Duplicates int64 `json:"duplicates"` // read twice, or delivered by an earlier run already
	Unsettled  int64 `json:"unsettled"`  // read by a run that did not come to its end; a later one reads them again
	Mended     int64 `json:"mended"`     // found by reading pages again, because rows had moved
	Retries    int64 `json:"retries"`    // calls
	Stated     int64 `json:"stated"`     // by the partner, of complete readings that came to their end
	Taken      int64 `json:"taken"`      // of those: delivered, rejected or a duplicate
	Drifts     int64 `json:"drifts"`     // readings that were mended
	Reread     int64 `json:"reread"`     // pages, for that

	Promised int64 `json:"promised"` // slots that were due
	OnTime   int64 `json:"on_time"`
	Late     int64 `json:"late"`    // done, but behind done_by, or made up for later
	Failed   int64 `json:"failed"`  // slots whose run did not come to its end
	Missed   int64 `json:"missed"`  // slots without a run: skipped, missed, paused, halted
	Pending  int64 `json:"pending"` // under way
	Unknown  int64 `json:"unknown"` // whose run is removed from the history
}

func (f *Figures) add(o *Figures) {
	to, from := f.all(), o.all()
	for i := range to {
		*to[i] += *from[i]
	}
}

// all are the figures, in the order of their columns.
func (f *Figures) all() []*int64 {
	return []*int64{&f.Runs, &f.FailedRuns, &f.Read, &f.Delivered, &f.Rejected, &f.Duplicates, &f.Unsettled, &f.Mended, &f.Retries,
		&f.Stated, &f.Taken, &f.Drifts, &f.Reread, &f.Promised, &f.OnTime, &f.Late, &f.Failed, &f.Missed, &f.Pending, &f.Unknown}
}

// Done is how many slots were done, late ones too.
func (f *Figures) Done() int64 { return f.OnTime + f.Late }

// Line is one job, or the sum of all.
type Line struct {
	Partner string `json:"partner"` // the connection whose partner it is
	Job     string `json:"job"`
	From    string `json:"from"` // connection and interface it is read from
	To      string `json:"to"`
	Purpose string `json:"purpose,omitempty"`
	Figures
}

// Day is one day of the month.
type Day struct {
	Day   string           `json:"day"` // "2026-11-22"
	Calls map[string]int64 `json:"calls"`
	Figures
}

// Reason is why records were rejected.
type Reason struct {
	Job     string `json:"job"`
	Code    string `json:"code"`    // "" for the refusals of records that had been refused before
	Records int64  `json:"records"` // first refused in the month; with an empty code refusals
	Open    int64  `json:"open"`    // of them, still refused
}

// Make counts a month.
func Make(ctx context.Context, o Options) (*Report, error) {
	zone := o.Config.Location
	from, to := o.Month.Bounds(zone)
	r := &Report{Month: o.Month.String(), From: from, To: to, Unfinished: o.Now.Before(to), Party: o.Config.Report.Party,
		Connection: o.Connection, Made: o.Now.In(zone), lang: o.Lang, zone: zone, names: map[string][]string{}, Purposes: []string{}, Parties: []string{}}
	if o.Now.Before(from) {
		return nil, fmt.Errorf("the month %s has not begun", r.Month)
	}
	head, err := o.Store.ExchangeHead(ctx)
	if err != nil {
		return nil, err
	}
	r.Head = head.String()
	for i := range o.Month.days() {
		r.Days = append(r.Days, Day{Day: from.AddDate(0, 0, i).Format(time.DateOnly), Calls: map[string]int64{}})
	}
	g := &gatherer{Options: o, report: r, lines: map[string]*Line{}, runs: map[int64]state.Run{}, looked: map[int64]bool{}}
	for _, gather := range []func(context.Context) error{g.known, g.countRuns, g.countSlots, g.countMending, g.countReasons, g.countTraffic,
		g.countTimeliness, g.listIncidents, g.judgeKept} {
		if err := gather(ctx); err != nil {
			return nil, err
		}
	}
	g.sumUp()
	return r, nil
}

// Name is what the report is called as a file, without an ending: "2026-11", "2026-11-credit".
func (r *Report) Name() string {
	if r.Connection == "" {
		return r.Month
	}
	return r.Month + "-" + r.Connection
}

// sumUp puts the lines in order, and their sum under them.
func (g *gatherer) sumUp() {
	r := g.report
	for _, l := range g.lines {
		if r.Connection != "" && !g.uses(l.Job) || l.Figures == (Figures{}) && g.Config.Job(l.Job) == nil {
			continue
		}
		r.Lines = append(r.Lines, *l)
		r.Total.add(&l.Figures)
		g.meet(l.Partner)
		if l.Purpose != "" && !slices.Contains(r.Purposes, l.Purpose) {
			r.Purposes = append(r.Purposes, l.Purpose)
		}
	}
	slices.SortFunc(r.Lines, func(a, b Line) int { return compare(a.Partner, b.Partner, a.Job, b.Job) })
	slices.Sort(r.Purposes)
	slices.Sort(r.Parties)
}

// meet takes up the party at the other end of a connection.
func (g *gatherer) meet(connection string) {
	r, party := g.report, partyOf(g.Config, connection)
	if party != "" && !slices.Contains(r.Parties, party) {
		r.Parties = append(r.Parties, party)
	}
	if party != connection && !slices.Contains(r.names[party], connection) {
		r.names[party] = append(r.names[party], connection)
		slices.Sort(r.names[party])
	}
}
