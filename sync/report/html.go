package report

import (
	"embed"
	"html/template"
	"io"
	"strings"
	"time"

	"milkrun/sync/words"
)

//go:embed assets/report.html
var assets embed.FS

// page is what the template is given.
type page struct {
	*Report
	Tag       string // of the language
	Title     string
	Parties   string
	Period    string
	Zone      string
	MadeAt    string
	Notes     []string // what the reader must know first
	Sentences []string
	Tables    []table
	Charts    map[string]*chart
	Terms     []string
}

// HTML writes the report as one page that fetches nothing.
func (r *Report) HTML(w io.Writer) error {
	drawn, err := r.charts()
	if err != nil {
		return err
	}
	p := page{Report: r, Tag: "en", Title: r.phrase("title.of", r.month()), Parties: r.parties(), Zone: r.zone.String(),
		Period: r.From.Format(time.DateOnly) + " – " + r.To.AddDate(0, 0, -1).Format(time.DateOnly), MadeAt: r.clock(r.Made), Notes: r.notes(),
		Sentences: r.sentences(), Tables: r.tables(), Charts: drawn}
	if r.lang == "zh" {
		p.Tag = "zh-CN"
	}
	for _, key := range []string{"t.slots", "t.sum", "t.rejected", "t.complete", "t.lag", "t.calls"} {
		p.Terms = append(p.Terms, r.phrase(key))
	}
	t, err := template.New("report.html").Funcs(template.FuncMap{"t": func(key string) string { return r.phrase(key) }}).ParseFS(assets, "assets/report.html")
	if err != nil {
		return err
	}
	return t.Execute(w, p)
}

// month is how people call it.
func (r *Report) month() string {
	if r.lang == words.Chinese {
		return r.From.Format("2006 年 1 月")
	}
	return r.From.Format("January 2006")
}

func (r *Report) parties() string {
	us, them := r.Party, r.Connection
	if us == "" {
		us = r.phrase("us")
	}
	if len(r.Parties) > 0 {
		list := make([]string, len(r.Parties))
		for i, party := range r.Parties {
			list[i] = party
			if names := r.names[party]; len(names) > 0 {
				list[i] = r.phrase("known", party, strings.Join(names, r.phrase("and")))
			}
		}
		them = strings.Join(list, r.phrase("and"))
	} else if them == "" {
		them = r.phrase("all")
	}
	return us + " — " + them
}

// notes are what the reader must know before the figures.
func (r *Report) notes() (list []string) {
	if r.Unfinished {
		list = append(list, r.phrase("unfinished", r.clock(r.Made)))
	}
	if !r.Kept.Runs {
		note := r.phrase("removed")
		if !r.Kept.Before.IsZero() {
			note += " " + r.phrase("removed.before", r.clock(r.Kept.Before))
		}
		list = append(list, note)
	}
	if !r.Kept.Exchanges {
		list = append(list, r.phrase("removed.exchanges"))
	}
	return list
}

// sentences are the month in words.
func (r *Report) sentences() (list []string) {
	t := &r.Total
	add := func(key string, args ...any) { list = append(list, r.phrase(key, args...)) }
	if t.Promised == 0 {
		add("s.noslots")
	} else {
		add("s.slots", grouped(t.Done()), grouped(t.Promised), share(t.Done(), t.Promised-t.Pending-t.Unknown), grouped(t.Late))
		if t.Failed+t.Missed+t.Pending > 0 {
			add("s.notdone", grouped(t.Failed), grouped(t.Missed), grouped(t.Pending))
		}
	}
	if t.Runs == 0 {
		if r.Kept.Runs {
			add("s.quiet")
		}
	} else {
		add("s.records", grouped(t.Read), grouped(t.Delivered), grouped(t.Rejected), grouped(t.Duplicates), grouped(t.Unsettled))
	}
	if t.Drifts > 0 {
		add("s.mended", grouped(t.Drifts), grouped(t.Reread), grouped(t.Mended))
	}
	if t.Stated > 0 {
		add("s.complete", grouped(t.Stated), grouped(t.Taken), share(t.Taken, t.Stated))
	}
	var calls, failed int64
	for _, c := range r.Traffic {
		calls, failed = calls+c.Calls, failed+c.Failed
	}
	if calls > 0 {
		add("s.calls", grouped(calls), grouped(failed), grouped(t.Retries))
	}
	return append(list, r.ofIncidents())
}

func (r *Report) ofIncidents() string {
	if len(r.Incidents) == 0 {
		return r.phrase("s.noincident")
	}
	var longest time.Duration
	for i := range r.Incidents {
		longest = max(longest, r.Incidents[i].Lasted(r.end()))
	}
	return r.phrase("s.incidents", grouped(int64(len(r.Incidents))), r.span(longest))
}
