package main

import (
	"slices"
	"strings"
	"time"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/words"
)

// liveRun is how far a run of the daemon is, ahead of the state file.
type liveRun struct {
	Job       string    `json:"job"`
	Run       int64     `json:"run"`
	Mode      string    `json:"mode"`
	Phase     string    `json:"phase"` // reading, mending or merging
	StartedAt time.Time `json:"started_at"`
	Done      int64     `json:"done"`              // records read, by earlier runs of the pass too
	Total     int64     `json:"total,omitempty"`   // 0 unknown
	Percent   *int64    `json:"percent,omitempty"` // null: nobody knows
	Speed     int64     `json:"records_per_second"`
	Left      int64     `json:"seconds_left,omitempty"` // 0: nobody knows
	Pages     int64     `json:"pages"`
	Delivered int64     `json:"delivered"`
	Rejected  int64     `json:"rejected"`
	Retries   int64     `json:"retries"`
	Trouble   string    `json:"trouble,omitempty"`    // the last error, while it is being tried again
	GiveUpAt  time.Time `json:"gives_up_at,omitzero"` // when it is not tried again any more
	Text      string    `json:"text"`                 // all of that but the trouble, for people
}

// viewLive is a meter's reading.
func viewLive(m standing.Meter) liveRun {
	v := liveRun{Job: m.Job, Run: m.Run, Mode: m.Mode, Phase: m.Phase, StartedAt: m.StartedAt, Done: m.Done(), Total: max(m.Counts.Total, 0),
		Speed: int64(m.Speed), Pages: m.Counts.Pages, Delivered: m.Counts.Delivered, Rejected: m.Counts.Rejected, Retries: m.Counts.Retries,
		Trouble: m.Trouble, GiveUpAt: m.GiveUpAt, Text: figures(m)}
	if percent, known := m.Share(); known {
		v.Percent = &percent
	}
	if left, known := m.Left(); known {
		v.Left = int64(left.Seconds())
	}
	return v
}

// bar is the reading in one line, behind a bar when it is known how much is left.
func (v liveRun) bar(lang words.Lang) string {
	line := v.Job + " " + lang.Text(v.Text)
	if v.Trouble != "" {
		line += ", " + lang.Sprintf("trying again after: %s", strings.ReplaceAll(v.Trouble, "\n", "; "))
	}
	if v.Percent != nil {
		return barOf(*v.Percent) + line
	}
	return line
}

// underWay are the runs under way, with their speed.
func (d *daemon) underWay() []standing.Meter {
	runs := slices.DeleteFunc(d.engine.Running(), func(p sync.Progress) bool { return p.Run == 0 }) // about to begin, or dead letters
	return d.gauges.Read(runs, time.Now())
}

// recorded is what the state file says of a run that is under way.
func recorded(r state.Run) standing.Meter {
	p := sync.Progress{Job: r.Job, Run: r.ID, Mode: r.Mode, Phase: "reading", StartedAt: r.StartedAt, Counts: r.Counts}
	return standing.NewMeter(p).After(p, time.Now())
}
