package alert

import (
	"slices"
	"testing"
	"time"
)

// about returns the finding of a kind.
func about(t *testing.T, list []finding, kind Kind) finding {
	t.Helper()
	i := slices.IndexFunc(list, func(f finding) bool { return f.Kind == kind })
	if i < 0 {
		t.Fatalf("nothing was found about %s", kind)
	}
	return list[i]
}

func TestLate(t *testing.T) {
	for _, c := range []struct {
		name, schedule, known string
		done                  string // the slot of the last success
		paused                string
		now                   string
		want                  verdict
		slot, due             string
	}{
		{name: "before the deadline", done: "2026-03-01 01:30", now: "2026-03-02 06:59", want: quiet},
		{name: "at the deadline", done: "2026-03-01 01:30", now: "2026-03-02 07:00", want: active, slot: "2026-03-02 01:30", due: "2026-03-02 07:00"},
		{name: "done in time", done: "2026-03-02 01:30", now: "2026-03-02 07:00", want: quiet},
		{name: "late in the evening", done: "2026-03-01 01:30", now: "2026-03-02 23:00", want: active, slot: "2026-03-02 01:30", due: "2026-03-02 07:00"},
		{name: "the next day, before the next deadline", done: "2026-03-01 01:30", now: "2026-03-03 06:00", want: active,
			slot: "2026-03-02 01:30", due: "2026-03-02 07:00"},
		{name: "two days", done: "2026-03-01 01:30", now: "2026-03-03 07:30", want: active, slot: "2026-03-03 01:30", due: "2026-03-03 07:00"},
		{name: "never ran", now: "2026-03-02 07:00", want: active, slot: "2026-03-02 01:30", due: "2026-03-02 07:00"},
		{name: "known since this morning", known: "2026-03-02 05:00", now: "2026-03-02 07:00", want: quiet},
		{name: "paused", done: "2026-03-01 01:30", paused: "chen", now: "2026-03-02 07:00", want: unclear},
		{name: "a weekly job, days later", schedule: "30 1 * * 1", done: "2026-02-23 01:30", now: "2026-03-06 12:00", want: active,
			slot: "2026-03-02 01:30", due: "2026-03-02 07:00"},
		{name: "a weekly job that is done", schedule: "30 1 * * 1", done: "2026-03-02 01:30", now: "2026-03-06 12:00", want: quiet},
		{name: "a yearly job", schedule: "0 0 1 1 *", known: "2020-01-01 00:00", done: "2025-01-01 00:00", now: "2026-03-02 12:00", want: active,
			slot: "2026-01-01 00:00", due: "2026-01-01 07:00"},
		{name: "a slot at the deadline has a day", schedule: "0 7 * * *", done: "2026-03-01 07:00", now: "2026-03-02 12:00", want: quiet},
		{name: "every minute", schedule: "* * * * *", done: "2026-03-02 06:58", now: "2026-03-02 07:00", want: active,
			slot: "2026-03-02 06:59", due: "2026-03-02 07:00"},
		{name: "every second", schedule: "@every 1s", done: "2026-03-01 00:00", now: "2026-03-02 07:00", want: active,
			due: "2026-03-02 07:00"},
		{name: "in the evening", schedule: "0 20 * * *", done: "2026-02-28 20:00", now: "2026-03-02 07:00", want: active,
			slot: "2026-03-01 20:00", due: "2026-03-02 07:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := grades(t)
			if c.schedule != "" {
				j.Schedule = parse(t, c.schedule)
			}
			if c.known != "" {
				j.Known = clock(t, c.known)
			}
			if c.done != "" {
				j.Success = ended(t, 7, "done", c.done, c.done)
			}
			j.PausedBy = c.paused
			f := about(t, look(World{Jobs: []Job{j}}, clock(t, c.now)), Late)
			if f.verdict != c.want {
				t.Fatalf("the verdict is %d, want %d (%+v)", f.verdict, c.want, f.Event)
			}
			if c.want == active && (!f.Since.Equal(clock(t, c.due)) || c.slot != "" && !f.Slot.Equal(clock(t, c.slot))) {
				t.Errorf("slot %s, due %s; want %s, %s", f.Slot, f.Since, c.slot, c.due)
			}
		})
	}
}

func TestLateSaysWhy(t *testing.T) {
	j := grades(t)
	j.Success = ended(t, 7, "done", "2026-03-01 01:30", "2026-03-01 02:00")
	j.Last = j.Success
	j.Running = clock(t, "2026-03-02 06:10")
	f := about(t, look(World{Jobs: []Job{j}}, clock(t, "2026-03-02 07:00")), Late)
	if f.Run != 0 || f.Text != "" || !f.Running.Equal(j.Running) {
		t.Errorf("with a run under way: %+v", f.Event)
	}
	j.Last = ended(t, 8, "failed", "2026-03-02 01:30", "2026-03-02 01:31")
	if f = about(t, look(World{Jobs: []Job{j}}, clock(t, "2026-03-02 07:00")), Late); f.Run != 8 || f.Text == "" {
		t.Errorf("after a failure: %+v", f.Event)
	}
}

func TestLateByHand(t *testing.T) {
	j := grades(t)
	j.Success = Run{ID: 9, State: "done", StartedAt: clock(t, "2026-03-02 08:00"), FinishedAt: clock(t, "2026-03-02 08:05")}
	if f := about(t, look(World{Jobs: []Job{j}}, clock(t, "2026-03-02 09:00")), Late); f.verdict != quiet || f.Run != 9 {
		t.Errorf("a run by hand after the slot does its work: %+v", f)
	}
}

func TestLateWithJitter(t *testing.T) {
	j := grades(t)
	j.Schedule, j.Jitter = parse(t, "0 6 * * *"), 3*time.Hour
	for day := 1; day <= 20; day++ {
		now := time.Date(2026, 3, day, 7, 0, 0, 0, j.Location)
		slot, due := j.lastDue(now)
		if begins := j.begins(slot); !begins.Before(due) || due.Sub(begins) > 24*time.Hour || due.After(now) {
			t.Errorf("at %s: slot %s begins %s and is due %s", now, slot, begins, due)
		}
	}
}

// On the day the clock goes forward, 02:30 is shown as 03:30; on the day it goes back, the deadline comes once.
func TestLateWhenTheClockChanges(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	d := TimeOfDay{2, 30, true}
	for _, c := range [][3]string{
		{"2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"},
		{"2026-10-24T23:00:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"},
	} {
		from, _ := time.Parse(time.RFC3339, c[0])
		first := d.after(from, berlin)
		if got := []string{first.UTC().Format(time.RFC3339), d.after(first, berlin).UTC().Format(time.RFC3339)}; !slices.Equal(got, c[1:]) {
			t.Errorf("after %s come %s, want %s", c[0], got, c[1:])
		}
		if got := d.last(first, berlin); !got.Equal(first) {
			t.Errorf("the deadline itself is not over at its instant: %s", got)
		}
	}
}

func TestStale(t *testing.T) {
	for _, c := range []struct {
		name, success, known, paused, now string
		want                              verdict
		since                             string
		never                             bool
	}{
		{name: "fresh", success: "2026-03-01 02:00", now: "2026-03-02 04:00", want: quiet},
		{name: "too old", success: "2026-03-01 02:00", now: "2026-03-02 04:01", want: active, since: "2026-03-01 02:00"},
		{name: "never", known: "2026-03-01 02:00", now: "2026-03-02 04:01", want: active, since: "2026-03-01 02:00", never: true},
		{name: "new", known: "2026-03-02 02:00", now: "2026-03-02 04:01", want: quiet},
		{name: "never seen", now: "2026-03-02 04:01", want: unclear},
		{name: "paused", success: "2026-03-01 02:00", paused: "chen", now: "2026-03-05 04:01", want: active, since: "2026-03-01 02:00"},
		{name: "the clock was set back", success: "2026-03-01 02:00", now: "2026-02-01 00:00", want: quiet},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := grades(t)
			j.Known, j.PausedBy = clock(t, c.known), c.paused
			if c.success != "" {
				j.Success = ended(t, 7, "part", c.success, c.success)
			}
			f := about(t, look(World{Jobs: []Job{j}}, clock(t, c.now)), Stale)
			if f.verdict != c.want || c.want == active && (!f.Since.Equal(clock(t, c.since)) || f.Never != c.never || f.PausedBy != c.paused) {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestFailedAndHalted(t *testing.T) {
	j := grades(t)
	w := World{Jobs: []Job{j}}
	verdicts := func(last Run, halts ...Halt) (failed, halted verdict) {
		w.Jobs[0].Last, w.Halts = last, halts
		list := look(w, clock(t, "2026-03-02 03:00"))
		return about(t, list, Failed).verdict, about(t, list, Halted).verdict
	}
	at := "2026-03-02 01:30"
	for _, c := range []struct {
		last           Run
		halts          []Halt
		failed, halted verdict
	}{
		{Run{}, nil, unclear, quiet},
		{ended(t, 1, "done", at, at), nil, quiet, quiet},
		{ended(t, 1, "part", at, at), nil, quiet, quiet},
		{ended(t, 1, "failed", at, at), nil, active, quiet},
		{ended(t, 1, "halted", at, at), []Halt{{Scope: JobScope, Name: "grades"}}, unclear, active},
		{ended(t, 1, "halted", at, at), []Halt{{Scope: JobScope, Name: "affairs"}}, unclear, quiet},
		{ended(t, 1, "done", at, at), []Halt{{Scope: ConnectionScope, Name: "grades"}}, quiet, quiet},
	} {
		if failed, halted := verdicts(c.last, c.halts...); failed != c.failed || halted != c.halted {
			t.Errorf("%s with %v: failed %d, halted %d", c.last.State, c.halts, failed, halted)
		}
	}
	connection := Halt{Scope: ConnectionScope, Name: "credit", At: clock(t, at), Reason: "HTTP 401", Jobs: []string{"grades"}}
	list := look(World{Halts: []Halt{connection}}, clock(t, "2026-03-02 03:00"))
	if len(list) != 1 || list[0].Subject != (Subject{Halted, ConnectionScope, "credit"}) || list[0].verdict != active || len(list[0].Jobs) != 1 {
		t.Errorf("a halted connection: %+v", list)
	}
}

func TestNoPromiseNoFinding(t *testing.T) {
	j := grades(t)
	j.Watch = Watch{}
	for _, f := range look(World{Jobs: []Job{j}}, clock(t, "2026-03-02 03:00")) {
		if f.Kind == Late || f.Kind == Stale {
			t.Errorf("found %+v", f)
		}
	}
}

func TestTextsAreCleaned(t *testing.T) {
	j := grades(t)
	j.Last = ended(t, 1, "failed", "2026-03-02 01:30", "2026-03-02 01:31")
	j.Last.Error = "refused:\n\tphone 13812345678, \x1b[31m zhang@example.com\xff \u202e" + string(slices.Repeat([]rune("长"), 400))
	f := about(t, look(World{Jobs: []Job{j}}, clock(t, "2026-03-02 03:00")), Failed)
	if want := "refused: phone 138****5678, [31m z****@example.com\uFFFD"; f.Text[:len(want)] != want || len([]rune(f.Text)) != longestText {
		t.Errorf("%q, %d characters", f.Text, len([]rune(f.Text)))
	}
}
