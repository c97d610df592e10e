package alert

import (
	"testing"
	"time"

	"milkrun/sync/schedule"
)

// shanghai is the zone of the jobs in these tests.
func shanghai(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// clock reads "2026-03-02 07:00" in Shanghai.
func clock(t testing.TB, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", text, shanghai(t))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// grades is a job that runs at 01:30 and promises to be done by 07:00 and never to be stale for longer than 26 hours.
func grades(t testing.TB) Job {
	t.Helper()
	return Job{Name: "grades", Schedule: parse(t, "30 1 * * *"), Location: shanghai(t), Known: clock(t, "2026-01-01 00:00"),
		Watch: Watch{DoneBy: TimeOfDay{7, 0, true}, StaleAfter: 26 * time.Hour}}
}

func parse(t testing.TB, spec string) *schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(spec, shanghai(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ended is a run of the slot of a day, begun on time, that ended at a time.
func ended(t testing.TB, id int64, state, slot, end string) Run {
	t.Helper()
	r := Run{ID: id, State: state, Slot: clock(t, slot), StartedAt: clock(t, slot), FinishedAt: clock(t, end)}
	if state == "failed" {
		r.Error, r.Code, r.Remedy = "getEnterpriseGrades page 7: HTTP 503", "HTTP 503", "ask the partner"
	}
	return r
}
