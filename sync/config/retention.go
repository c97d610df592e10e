package config

import (
	"fmt"
	"time"

	"milkrun/sync/setting"
)

// retaining are the settings of a sink that knows what it wrote and when, so that a retention can be kept.
type retaining interface{ Retains() bool }

// leastRetention is the shortest: records are stamped to the hour.
const leastRetention = 24 * time.Hour

// retention checks that a retention can be kept.
func (r *reader) retention(j *Job, k *keys) {
	o := k.origin["retention"]
	if j.Retention == 0 || j.Sink.Settings == nil {
		return
	}
	sink, able := j.Sink.Settings.(retaining)
	if !able || !sink.Retains() {
		r.report(Error, o.at, o.path, fmt.Sprintf("the sink of job %s does not know when it wrote a record, so nothing can be deleted by age", j.Name),
			"leave it out, or deliver into a table of a database")
		return
	}
	if source, known := j.Source.Settings.(enumerating); known && source.Enumerates() {
		r.report(Error, o.at, o.path, fmt.Sprintf("job %s reads everything there is every time, and its table holds just that: what is gone at the source is deleted anyway", j.Name),
			"leave it out")
		return
	}
	if j.Retention < leastRetention {
		r.report(Error, o.at, o.path, setting.FormatDuration(j.Retention)+" is less than a day", `write for example "90d"`)
	}
}
