package main

import (
	"milkrun/sync"
)

// liveRun is how far a run of the daemon is, ahead of the state file.
type liveRun struct {
	Job       string `json:"job"`
	Run       int64  `json:"run"`
	Phase     string `json:"phase"`
	Done      int64  `json:"done"`            // records read, by earlier runs of the pass too
	Total     int64  `json:"total,omitempty"` // 0 unknown
	Delivered int64  `json:"delivered"`
	Rejected  int64  `json:"rejected"`
	Retries   int64  `json:"retries"`
	Trouble   string `json:"trouble,omitempty"`
}

func liveRuns(engine *sync.Engine) []liveRun {
	return views(engine.Running(), func(p sync.Progress) liveRun {
		return liveRun{Job: p.Job, Run: p.Run, Phase: p.Phase, Done: p.Begun + p.Counts.Read, Total: max(p.Counts.Total, 0),
			Delivered: p.Counts.Delivered, Rejected: p.Counts.Rejected, Retries: p.Counts.Retries, Trouble: p.Trouble}
	})
}
