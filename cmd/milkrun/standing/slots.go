package standing

import (
	"time"

	"milkrun/sync/config"
	"milkrun/sync/schedule"
)

// Slot is a time at which a job is due, and when its run begins: later by the jitter, which is the same every time one
// asks.
type Slot struct {
	Slot   time.Time `json:"slot"`
	Begins time.Time `json:"begins"`
}

// Coming are the next slots of a job whose runs have not begun, in its time zone. Whether the job is enabled does not
// matter.
func Coming(job *config.Job, now time.Time, count int) []Slot {
	list := []Slot{}
	for at := job.Schedule.Next(now.Add(-job.Jitter)); !at.IsZero() && len(list) < count; at = job.Schedule.Next(at) {
		begins := at.Add(schedule.Jitter(job.Name, at, job.Jitter))
		if begins.After(now) {
			list = append(list, Slot{at.In(job.Location), begins.In(job.Location)})
		}
	}
	return list
}

// Next is the slot a job runs at next; zero when it is disabled, or not due any more.
func (j *Job) Next(now time.Time) (s Slot) {
	if j.Config == nil || !j.Config.Enabled {
		return s
	}
	for _, s := range Coming(j.Config, now, 1) {
		return s
	}
	return s
}
