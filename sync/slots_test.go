package sync

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/schedule"
)

// scheduled is a job with a schedule, in UTC.
func scheduled(t *testing.T, spec string) *config.Job {
	t.Helper()
	job := newJob(t, "j", &list{n: 5}, newShelf())
	job.Schedule = schedules(t, spec, time.UTC)
	return job
}

func schedules(t *testing.T, spec string, loc *time.Location) *schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(spec, loc)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// onDay is a time on a certain day.
func onDay(clock string) time.Time {
	at, err := time.Parse("2006-01-02 15:04:05", "2030-05-06 "+clock)
	if err != nil {
		panic(err)
	}
	return at
}

// shownSlots is decisions in short.
func shownSlots(list []state.Slot) []string {
	var text []string
	for _, s := range list {
		text = append(text, fmt.Sprintf("%s %s-%s ×%d", s.Decision, s.At.Format("15:04"), s.Through.Format("15:04"), s.Count))
	}
	return text
}

// TestDecide makes plans for an hourly job.
func TestDecide(t *testing.T) {
	cases := []struct {
		name, catchUp, from, now string
		decide, start            []string
		slot                     string
	}{
		{"nothing due", "all", "10:00:00", "10:59:59", nil, nil, ""},
		{"in time", "latest", "10:00:00", "11:00:00", nil, []string{"ran 11:00-11:00 ×1"}, "11:00"},
		{"a minute late", "latest", "10:00:00", "11:01:00", nil, []string{"ran 11:00-11:00 ×1"}, "11:00"},
		{"late", "latest", "10:00:00", "11:01:01", nil, []string{"caught up 11:00-11:00 ×1"}, "11:00"},
		{"two late", "latest", "10:00:00", "12:30:00", nil, []string{"coalesced 11:00-11:00 ×1", "caught up 12:00-12:00 ×1"}, "12:00"},
		{"many late", "latest", "00:00:00", "12:30:00", []string{"missed 01:00-09:00 ×9"}, []string{"coalesced 10:00-11:00 ×2", "caught up 12:00-12:00 ×1"}, "12:00"},
		{"late and in time", "latest", "08:00:00", "11:00:05", nil, []string{"coalesced 09:00-10:00 ×2", "ran 11:00-11:00 ×1"}, "11:00"},
		{"one gone", "latest", "00:00:00", "03:59:30", []string{"missed 01:00-01:00 ×1"}, []string{"coalesced 02:00-02:00 ×1", "caught up 03:00-03:00 ×1"}, "03:00"},
		{"all of them", "all", "00:00:00", "12:00:30", []string{"missed 01:00-09:00 ×9"}, []string{"caught up 10:00-10:00 ×1"}, "10:00"},
		{"none of them", "none", "00:00:00", "12:30:00", []string{"missed 01:00-09:00 ×9", "missed 10:00-12:00 ×3"}, nil, ""},
		{"none, but in time", "none", "09:00:00", "12:00:30", []string{"missed 10:00-11:00 ×2"}, []string{"ran 12:00-12:00 ×1"}, "12:00"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			job := scheduled(t, "0 * * * *")
			job.CatchUp, job.Grace = c.catchUp, 3*time.Hour-time.Minute
			p := decide(job, findDue(job, onDay(c.from), onDay(c.now)))
			if !slices.Equal(shownSlots(p.decide), c.decide) || !slices.Equal(shownSlots(p.start.Decisions), c.start) {
				t.Errorf("decides %q and begins with %q, want %q and %q", shownSlots(p.decide), shownSlots(p.start.Decisions), c.decide, c.start)
			}
			slot := ""
			if p.run {
				slot = p.start.Slot.Format("15:04")
			}
			if slot != c.slot {
				t.Errorf("runs slot %q, want %q", slot, c.slot)
			}
		})
	}
}

// TestJitterPutsOff checks that a slot is due after its jitter, and counts as late from then on.
func TestJitterPutsOff(t *testing.T) {
	job := scheduled(t, "0 * * * *")
	job.Jitter = 30 * time.Minute
	at := onDay("11:00:00")
	put := schedule.Jitter("j", at, job.Jitter)
	if put < time.Second {
		t.Fatalf("the jitter is %s; take another day", put)
	}
	from := onDay("10:00:00")
	if o := findDue(job, from, at.Add(put-time.Millisecond)); o.all().count > 0 {
		t.Errorf("due too early: %+v", o)
	}
	if o := findDue(job, from, at.Add(put+late)); !o.current.Equal(at) {
		t.Errorf("not seen in time: %+v", o)
	}
	if o := findDue(job, from, at.Add(put+late+1)); o.missed.count != 1 {
		t.Errorf("not late: %+v", o)
	}
}

// TestEveryDueSlotIsInOnePart sorts the same slots at many instants: none is left out, none is in two parts.
func TestEveryDueSlotIsInOnePart(t *testing.T) {
	for _, spec := range []string{"* * * * *", "@every 7s", "*/10 * * * *"} {
		job := scheduled(t, spec)
		job.Grace = 20 * time.Minute
		from := onDay("10:00:00")
		for now := from; now.Before(onDay("11:00:00")); now = now.Add(13 * time.Second) {
			o, want := findDue(job, from, now), int64(0)
			for at := job.Schedule.Next(from); !at.After(now); at = job.Schedule.Next(at) {
				want++
			}
			got := o.gone.count + o.missed.count
			if !o.current.IsZero() {
				got++
			}
			all := o.all()
			if got != want || all.count != want || want > 0 && !all.first.Equal(job.Schedule.Next(from)) {
				t.Fatalf("%s at %s: %d slots of %d: %+v", spec, now, got, want, o)
			}
		}
	}
}
