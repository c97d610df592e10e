package alert

import (
	"fmt"
	"time"

	"milkrun/sync/schedule"
	"milkrun/sync/setting"
)

// Watch is what a job promises; the zero Watch promises nothing.
type Watch struct {
	DoneBy     TimeOfDay
	StaleAfter time.Duration // 0: never
}

// Fields returns the keys, for [jobs.NAME] and [defaults].
func (w *Watch) Fields() []setting.Field {
	return []setting.Field{
		setting.Custom("done_by", "time of day", "", w.DoneBy.set,
			`an alert is sent when the slot before this time of day is not done by then, as "07:00" in the job's time zone`,
			`此前的计划时刻到此时仍未完成则告警，如 "07:00"，按任务时区`),
		setting.Duration("stale_after", &w.StaleAfter, "an alert is sent when nothing has succeeded for this long; 0s: never",
			"超过此时长没有成功运行则告警；0s 为不告警").WithDefault(`"0s"`),
	}
}

// Validate checks the promises against the job's schedule. It is for keys the job gives itself: a done_by in [defaults]
// means nothing to a job without slots, and does no harm.
func (w *Watch) Validate(s *schedule.Schedule) []setting.Problem {
	if w.DoneBy.given && s != nil && s.Manual() {
		return []setting.Problem{{Key: "done_by", Text: "the job has no schedule, so no slot can be late",
			Remedy: "give it a schedule, or use stale_after"}}
	}
	return nil
}

// Deadline is when a slot is to be done by; the zero time when nothing is promised.
func (w *Watch) Deadline(slot time.Time, loc *time.Location) time.Time {
	if !w.DoneBy.given {
		return time.Time{}
	}
	return w.DoneBy.after(slot, loc)
}

// TimeOfDay is a time on the clock on the wall; the zero TimeOfDay is none.
type TimeOfDay struct {
	hour, minute int
	given        bool
}

// ParseTimeOfDay reads "07:00".
func ParseTimeOfDay(text string) (TimeOfDay, error) {
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return TimeOfDay{}, fmt.Errorf("%q is no time of day; write for example \"07:00\"", text)
	}
	return TimeOfDay{t.Hour(), t.Minute(), true}, nil
}

// String returns "07:00", empty when there is none.
func (t TimeOfDay) String() string {
	if !t.given {
		return ""
	}
	return fmt.Sprintf("%02d:%02d", t.hour, t.minute)
}

func (t *TimeOfDay) set(text string) error {
	parsed, err := ParseTimeOfDay(text)
	if err == nil {
		*t = parsed
	}
	return err
}

// on returns the instant on the day that is so many days after the one at falls on. A time inside the gap of a clock
// change is an hour later.
func (t TimeOfDay) on(at time.Time, days int, loc *time.Location) time.Time {
	y, m, d := at.In(loc).Date()
	return time.Date(y, m, d+days, t.hour, t.minute, 0, 0, loc)
}

// last returns the latest such instant up to now.
func (t TimeOfDay) last(now time.Time, loc *time.Location) time.Time {
	if today := t.on(now, 0, loc); !today.After(now) {
		return today
	}
	return t.on(now, -1, loc)
}

// after returns the first such instant after another one.
func (t TimeOfDay) after(at time.Time, loc *time.Location) time.Time {
	if today := t.on(at, 0, loc); today.After(at) {
		return today
	}
	return t.on(at, 1, loc)
}
