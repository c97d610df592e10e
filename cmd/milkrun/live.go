package main

import (
	"context"
	"strings"
	stdsync "sync"
	"time"

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

// live is a meter's reading.
func (m *meter) live() liveRun {
	p := m.p
	v := liveRun{Job: p.Job, Run: p.Run, Mode: p.Mode, Phase: p.Phase, StartedAt: p.StartedAt, Done: m.done(), Total: max(p.Counts.Total, 0),
		Speed: int64(m.speed), Pages: p.Counts.Pages, Delivered: p.Counts.Delivered, Rejected: p.Counts.Rejected, Retries: p.Counts.Retries,
		Trouble: p.Trouble, GiveUpAt: p.GiveUpAt, Text: m.figures()}
	if percent, known := m.share(); known {
		v.Percent = &percent
	}
	if left, known := m.left(); known {
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

// gauges keep the meters of the daemon's runs, so that whoever asks gets a speed.
type gauges struct {
	mu     stdsync.Mutex
	meters meters
}

// keep reads the meters until ctx ends.
func (g *gauges) keep(ctx context.Context, engine *sync.Engine) {
	every(ctx, time.Second, func() { g.read(engine) })
}

// read returns the runs under way.
func (g *gauges) read(engine *sync.Engine) []liveRun {
	g.mu.Lock()
	defer g.mu.Unlock()
	runs := engine.Running()
	g.meters = g.meters.after(runs, time.Now())
	list := make([]liveRun, 0, len(runs))
	for _, p := range runs {
		if p.Run > 0 { // else it is about to begin, or dead letters are tried again
			list = append(list, g.meters[p.Run].live())
		}
	}
	return list
}

// recorded is what the state file says of a run that is under way.
func recorded(r state.Run) liveRun {
	m := newMeter(sync.Progress{Job: r.Job, Run: r.ID, Mode: r.Mode, Phase: "reading", StartedAt: r.StartedAt})
	m.update(sync.Progress{Job: r.Job, Run: r.ID, Mode: r.Mode, Phase: "reading", StartedAt: r.StartedAt, Counts: r.Counts}, time.Now())
	return m.live()
}
