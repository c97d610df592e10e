package report

import (
	"strconv"
	"strings"
	"time"

	"milkrun/sync/catalogue"
)

// table is one table of the report, for the page and as a CSV file.
type table struct {
	Name  string // of the file and of the phrase over it, "h.NAME"
	Title string
	Head  []cell
	Rows  [][]cell
	Foot  []cell // the sums
	None  string // said when there are no rows
}

// cell is a value as people read it, and as a program does.
type cell struct {
	Text   string
	Raw    string
	Number bool
}

func text(s string) cell { return cell{Text: s, Raw: s} }

func number(n int64) cell {
	return cell{Text: grouped(n), Raw: strconv.FormatInt(n, 10), Number: true}
}

func percent(part, whole int64) cell {
	c := cell{Text: share(part, whole), Number: true}
	if whole > 0 {
		c.Raw = strconv.FormatFloat(float64(part)*100/float64(whole), 'f', 2, 64)
	}
	return c
}

func volume(n int64) cell {
	return cell{Text: inBytes(n), Raw: strconv.FormatInt(n, 10), Number: true}
}

func (r *Report) took(d time.Duration) cell {
	return cell{Text: r.span(d), Raw: strconv.FormatInt(d.Milliseconds(), 10), Number: true}
}

func (r *Report) at(t time.Time) cell {
	if t.IsZero() {
		return cell{}
	}
	return cell{Text: r.clock(t), Raw: t.In(r.zone).Format(time.RFC3339)}
}

// heads are the headings of columns; those behind the texts are numbers. A key with a unit behind a colon is that of a column whose
// numbers have it in the file; people read it at each value.
func (r *Report) heads(texts int, keys ...string) []cell {
	list := make([]cell, len(keys))
	for i, key := range keys {
		key, unit, measured := strings.Cut(key, ":")
		c := cell{Text: r.phrase(key), Raw: r.phrase(key), Number: i >= texts}
		if measured {
			c.Raw = r.phrase("in", c.Text, r.phrase("unit."+unit))
		}
		list[i] = c
	}
	return list
}

// sums is the last row of a table: a word, empty cells, and figures.
func (r *Report) sums(texts int, figures ...cell) []cell {
	return append(append([]cell{text(r.phrase("total"))}, make([]cell, texts-1)...), figures...)
}

func (r *Report) tables() []table {
	list := []table{r.partners(), r.slots(), r.quality(), r.reasons(), r.traffic(), r.timeliness(), r.incidents(), r.days()}
	for i := range list {
		list[i].Title, list[i].None = r.phrase("h."+list[i].Name), r.phrase("nothing")
	}
	return list
}

// kept blanks the figures of a line of which nothing is left.
func (r *Report) kept(l *Line, figures []cell) []cell {
	if r.Kept.Runs || l.Runs > 0 || l.Promised > 0 {
		return figures
	}
	for i := range figures {
		figures[i] = cell{Text: r.phrase("gone"), Number: true}
	}
	return figures
}

func (r *Report) partners() table {
	t := table{Name: "partners", Head: r.heads(4, "partner", "job", "from", "to", "runs", "failedruns", "read", "mended", "delivered", "rejected", "duplicates",
		"unsettled", "retries")}
	figures := func(l *Line) []cell {
		return r.kept(l, []cell{number(l.Runs), number(l.FailedRuns), number(l.Read), number(l.Mended), number(l.Delivered), number(l.Rejected),
			number(l.Duplicates), number(l.Unsettled), number(l.Retries)})
	}
	for i := range r.Lines {
		l := &r.Lines[i]
		t.Rows = append(t.Rows, append([]cell{text(l.Partner), text(l.Job), text(l.From), text(l.To)}, figures(l)...))
	}
	t.Foot = r.sums(4, figures(&r.Total)...)
	return t
}

func (r *Report) slots() table {
	t := table{Name: "slots", Head: r.heads(2, "partner", "job", "promised", "done", "kept:percent", "ontime", "late", "failed", "missed", "pending", "unknown")}
	figures := func(l *Line) []cell {
		return r.kept(l, []cell{number(l.Promised), number(l.Done()), percent(l.Done(), l.Promised-l.Pending-l.Unknown), number(l.OnTime), number(l.Late),
			number(l.Failed), number(l.Missed), number(l.Pending), number(l.Unknown)})
	}
	for i := range r.Lines {
		if l := &r.Lines[i]; l.Promised > 0 || !r.Kept.Runs {
			t.Rows = append(t.Rows, append([]cell{text(l.Partner), text(l.Job)}, figures(l)...))
		}
	}
	t.Foot = r.sums(2, figures(&r.Total)...)
	return t
}

func (r *Report) quality() table {
	t := table{Name: "quality", Head: r.heads(2, "partner", "job", "stated", "taken", "complete:percent", "duplicates", "drifts", "reread", "mended")}
	figures := func(l *Line) []cell {
		return r.kept(l, []cell{number(l.Stated), number(l.Taken), percent(l.Taken, l.Stated), number(l.Duplicates), number(l.Drifts),
			number(l.Reread), number(l.Mended)})
	}
	for i := range r.Lines {
		if l := &r.Lines[i]; l.Runs > 0 {
			t.Rows = append(t.Rows, append([]cell{text(l.Partner), text(l.Job)}, figures(l)...))
		}
	}
	t.Foot = r.sums(2, figures(&r.Total)...)
	return t
}

func (r *Report) reasons() table {
	t := table{Name: "reasons", Head: r.heads(2, "job", "reason", "records", "open")}
	var records, open int64
	for _, reason := range r.Reasons {
		code := text(reason.Code)
		if field, rule, ours := catalogue.ParseCode(reason.Code); ours {
			code.Text = r.phrase("broken", field, r.phrase("rule."+rule))
		}
		if reason.Code == "" {
			code = text(r.phrase("again"))
		}
		t.Rows = append(t.Rows, []cell{text(reason.Job), code, number(reason.Records), number(reason.Open)})
		records, open = records+reason.Records, open+reason.Open
	}
	t.Foot = r.sums(2, number(records), number(open))
	return t
}

func (r *Report) days() table {
	t := table{Name: "days", Head: r.heads(1, "day", "promised", "ontime", "late", "failed", "missed", "runs", "read", "mended", "delivered", "rejected",
		"duplicates", "unsettled", "calls")}
	row := func(f *Figures, calls int64) []cell {
		return []cell{number(f.Promised), number(f.OnTime), number(f.Late), number(f.Failed), number(f.Missed), number(f.Runs), number(f.Read),
			number(f.Mended), number(f.Delivered), number(f.Rejected), number(f.Duplicates), number(f.Unsettled), number(calls)}
	}
	var all int64
	for i := range r.Days {
		d := &r.Days[i]
		if r.Unfinished && d.Day > r.Made.Format(time.DateOnly) {
			break
		}
		var calls int64
		for _, n := range d.Calls {
			calls += n
		}
		all += calls
		t.Rows = append(t.Rows, append([]cell{text(d.Day)}, row(&d.Figures, calls)...))
	}
	t.Foot = r.sums(1, row(&r.Total.Figures, all)...)
	return t
}

func (r *Report) traffic() table {
	t := table{Name: "traffic", Head: r.heads(1, "connection", "calls", "failcalls", "success:percent", "received:bytes", "sent:bytes", "median:ms", "p95:ms", "most",
		"allowed", "used:percent")}
	var sum Traffic
	for _, c := range r.Traffic {
		allowed := cell{Text: r.phrase("norate"), Number: true}
		if c.Allowed > 0 {
			allowed = number(c.Allowed)
		}
		t.Rows = append(t.Rows, []cell{text(c.Connection), number(c.Calls), number(c.Failed), percent(c.Calls-c.Failed, c.Calls), volume(c.Received),
			volume(c.Sent), r.took(c.Median), r.took(c.P95), number(c.Most), allowed, percent(c.Most, c.Allowed)})
		sum.Calls, sum.Failed, sum.Received, sum.Sent = sum.Calls+c.Calls, sum.Failed+c.Failed, sum.Received+c.Received, sum.Sent+c.Sent
	}
	t.Foot = r.sums(1, number(sum.Calls), number(sum.Failed), percent(sum.Calls-sum.Failed, sum.Calls), volume(sum.Received), volume(sum.Sent),
		cell{}, cell{}, cell{}, cell{}, cell{})
	return t
}

func (r *Report) timeliness() table {
	t := table{Name: "timeliness", Head: r.heads(2, "interface", "job", "records", "rejected", "timed", "late", "ontime:percent", "median:ms", "p95:ms", "max:ms")}
	for _, v := range r.Timeliness {
		row := []cell{text(v.Interface), text(v.Job), number(v.Records), number(v.Rejected), number(v.Timed), number(v.Late),
			percent(v.Timed-v.Late, v.Timed)}
		for _, lag := range []time.Duration{v.Median, v.P95, v.Max} {
			c := cell{Text: "–", Number: true}
			if v.Timed > 0 {
				c = r.took(lag)
			}
			row = append(row, c)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (r *Report) incidents() table {
	t := table{Name: "incidents", Head: r.heads(6, "partner", "job", "kind", "code", "since", "ended", "lasted:ms", "impact")}
	for i := range r.Incidents {
		v := &r.Incidents[i]
		ended := r.at(v.Ended)
		if v.Ended.IsZero() {
			ended.Text = r.phrase("lasts")
		}
		impact := cell{Number: true}
		if v.Impact >= 0 {
			impact = number(v.Impact)
		}
		kind := cell{Text: r.phrase("kind." + v.Kind), Raw: v.Kind}
		t.Rows = append(t.Rows, []cell{text(v.Partner), text(v.Job), kind, text(v.Code), r.at(v.Since), ended, r.took(v.Lasted(r.end())), impact})
	}
	return t
}

// end is up to when the report knows.
func (r *Report) end() time.Time {
	if r.Unfinished {
		return r.Made
	}
	return r.To
}
