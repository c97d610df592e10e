package alert

import "time"

// Overdue are the promises of jobs that are broken now, done_by and stale_after, as events of the kinds [Late] and
// [Stale]. It does not matter whether anybody is told about them.
func Overdue(w World, now time.Time) (list []Event) {
	for _, f := range look(w, now) {
		if f.verdict == active && (f.Kind == Late || f.Kind == Stale) {
			list = append(list, f.Event)
		}
	}
	return list
}
