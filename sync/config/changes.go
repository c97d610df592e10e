package config

import "milkrun/sync/kind"

// unheard refuses a change feed without a schedule beside it: what is notified while nobody listens is found by a slot.
func (r *reader) unheard(j *Job, source end) {
	n, ok := j.Source.Settings.(kind.Notifier)
	if !ok || !n.Notifies() || j.Schedule == nil || !j.Schedule.Manual() || r.broken {
		return
	}
	at := source.table.at
	if e := source.table.find("changes"); e != nil {
		at = e.at
	}
	r.report(Error, at, source.sub("changes"), "the job has no schedule beside its change feed, so what is changed while nobody listens is never found",
		`add a schedule, for example "*/5 * * * *"`)
}
