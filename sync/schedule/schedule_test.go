package schedule_test

import (
	"strings"
	"testing"
	"time"

	"milkrun/sync/schedule"
)

const layout = "2006-01-02 15:04:05 -0700"

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func parse(t testing.TB, spec string, loc *time.Location) *schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(spec, loc)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSlots walks from a local time and compares the slots that follow.
func TestSlots(t *testing.T) {
	for _, c := range []struct {
		name, zone, spec, after string
		want                    []string
	}{
		{"nightly in Shanghai", "Asia/Shanghai", "30 1 * * *", "2026-03-07 01:30:00 +0800",
			[]string{"2026-03-08 01:30:00 +0800", "2026-03-09 01:30:00 +0800"}},
		{"Shanghai had summer time in 1991", "Asia/Shanghai", "30 2 * * *", "1991-04-13 12:00:00 +0800",
			[]string{"1991-04-14 03:00:00 +0900", "1991-04-15 02:30:00 +0900"}},
		{"Berlin spring: right after the gap", "Europe/Berlin", "30 2 * * *", "2026-03-28 02:30:00 +0100",
			[]string{"2026-03-29 03:00:00 +0200", "2026-03-30 02:30:00 +0200"}},
		{"Berlin spring: once", "Europe/Berlin", "0,20,40 2,3 * * *", "2026-03-28 03:40:00 +0100",
			[]string{"2026-03-29 03:00:00 +0200", "2026-03-29 03:20:00 +0200", "2026-03-29 03:40:00 +0200", "2026-03-30 02:00:00 +0200"}},
		{"Berlin autumn: the first pass", "Europe/Berlin", "30 2 * * *", "2026-10-24 12:00:00 +0200",
			[]string{"2026-10-25 02:30:00 +0200", "2026-10-26 02:30:00 +0100"}},
		{"Berlin autumn: asked in the second pass", "Europe/Berlin", "*/30 2-3 * * *", "2026-10-25 02:10:00 +0100",
			[]string{"2026-10-25 03:00:00 +0100", "2026-10-25 03:30:00 +0100", "2026-10-26 02:00:00 +0100"}},
		{"Berlin spring: every hour", "Europe/Berlin", "*/30 * * * *", "2026-03-29 01:15:00 +0100",
			[]string{"2026-03-29 01:30:00 +0100", "2026-03-29 03:00:00 +0200", "2026-03-29 03:30:00 +0200"}},
		{"Berlin autumn: every hour", "Europe/Berlin", "*/30 0-23 * * *", "2026-10-25 01:45:00 +0200",
			[]string{"2026-10-25 02:00:00 +0200", "2026-10-25 02:30:00 +0200", "2026-10-25 02:00:00 +0100", "2026-10-25 02:30:00 +0100", "2026-10-25 03:00:00 +0100"}},
		{"New York spring", "America/New_York", "15 2 * * 0", "2026-03-07 12:00:00 -0500",
			[]string{"2026-03-08 03:00:00 -0400", "2026-03-15 02:15:00 -0400"}},
		{"New York autumn", "America/New_York", "15 1 * * *", "2026-10-31 12:00:00 -0400",
			[]string{"2026-11-01 01:15:00 -0400", "2026-11-02 01:15:00 -0500"}},
		{"New York autumn: @hourly has no pause", "America/New_York", "@hourly", "2026-11-01 00:30:00 -0400",
			[]string{"2026-11-01 01:00:00 -0400", "2026-11-01 01:00:00 -0500", "2026-11-01 02:00:00 -0500"}},
		{"Lord Howe spring: half an hour", "Australia/Lord_Howe", "15 2 * * *", "2026-10-03 12:00:00 +1030",
			[]string{"2026-10-04 02:30:00 +1100", "2026-10-05 02:15:00 +1100"}},
		{"Lord Howe autumn: half an hour", "Australia/Lord_Howe", "45 1 * * *", "2026-04-04 12:00:00 +1100",
			[]string{"2026-04-05 01:45:00 +1100", "2026-04-06 01:45:00 +1030"}},
		{"Lord Howe autumn: every ten minutes", "Australia/Lord_Howe", "*/10 * * * *", "2026-04-05 01:40:00 +1100",
			[]string{"2026-04-05 01:50:00 +1100", "2026-04-05 01:30:00 +1030", "2026-04-05 01:40:00 +1030"}},
		{"midnight in a gap", "America/Sao_Paulo", "@daily", "2018-11-03 12:00:00 -0300",
			[]string{"2018-11-04 01:00:00 -0200", "2018-11-05 00:00:00 -0200"}},
		{"a day that never was", "Pacific/Apia", "0 9 * * *", "2011-12-29 09:00:00 -1000",
			[]string{"2011-12-31 00:00:00 +1400", "2011-12-31 09:00:00 +1400"}},
		{"leap day across 2100", "UTC", "0 0 29 2 *", "2096-03-01 00:00:00 +0000",
			[]string{"2104-02-29 00:00:00 +0000"}},
		{"day of month or day of week", "UTC", "0 0 13 * 5", "2026-11-11 00:00:00 +0000",
			[]string{"2026-11-13 00:00:00 +0000", "2026-11-20 00:00:00 +0000"}},
		{"names", "UTC", "5 4 * JAN mon-tue", "2026-01-01 00:00:00 +0000",
			[]string{"2026-01-05 04:05:00 +0000", "2026-01-06 04:05:00 +0000"}},
		{"every 90 minutes from midnight", "Asia/Shanghai", "@every 90m", "2026-01-01 00:00:00 +0800",
			[]string{"2026-01-01 01:30:00 +0800", "2026-01-01 03:00:00 +0800"}},
		{"every seven days: Mondays", "Asia/Shanghai", "@every 7d", "2026-11-22 12:00:00 +0800",
			[]string{"2026-11-23 00:00:00 +0800", "2026-11-30 00:00:00 +0800"}},
		{"every before its zero", "UTC", "@every 36h", "2000-12-30 11:00:00 +0000",
			[]string{"2000-12-30 12:00:00 +0000", "2001-01-01 00:00:00 +0000"}},
		{"every through the gap", "Europe/Berlin", "@every 30m", "2026-03-29 01:30:00 +0100",
			[]string{"2026-03-29 03:00:00 +0200", "2026-03-29 03:30:00 +0200"}},
	} {
		t.Run(c.name, func(t *testing.T) { checkSlots(t, parse(t, c.spec, zone(t, c.zone)), c.after, c.want) })
	}
}

func checkSlots(t *testing.T, s *schedule.Schedule, after string, want []string) {
	t.Helper()
	at, err := time.Parse(layout, after)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		next := s.Next(at)
		if got := next.Format(layout); got != w {
			t.Fatalf("after %s: %s, want %s", at, got, w)
		}
		at = next
	}
}

// TestOnceADay counts the slots of two years: a nightly schedule never loses or doubles a day, and an hourly one has as
// many slots as hours went by.
func TestOnceADay(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe"} {
		loc := zone(t, name)
		start, end := time.Date(2026, 1, 1, 0, 0, 0, 0, loc), time.Date(2028, 1, 1, 0, 0, 0, 0, loc)
		for spec, want := range map[string]int{
			"30 2 * * *": 730, "0 2 * * *": 730, "45 1 * * *": 730, "@every 1h": 730 * 24, "*/30 * * * *": 730 * 48,
		} {
			s, n := parse(t, spec, loc), 0
			for at := s.Next(start.Add(-time.Second)); at.Before(end); at = s.Next(at) {
				n++
			}
			if n != want {
				t.Errorf("%s in %s: %d slots, want %d", spec, name, n, want)
			}
		}
	}
}

func TestEveryIsDurable(t *testing.T) {
	s := parse(t, "@every 7m", zone(t, "Asia/Shanghai"))
	asked := time.Date(2026, 11, 22, 10, 3, 11, 500, time.UTC)
	slot := s.Next(asked)
	for d := time.Duration(0); d < 3*time.Minute; d += 999 * time.Millisecond {
		if at := asked.Add(d); at.Before(slot) && !s.Next(at).Equal(slot) {
			t.Fatalf("asked %s later: %s, want %s", d, s.Next(at), slot)
		}
	}
}

func TestManual(t *testing.T) {
	for _, spec := range []string{"manual", " manual "} {
		s := parse(t, spec, time.UTC)
		if !s.Manual() || !s.Next(time.Now()).IsZero() || s.String() != "manual" {
			t.Errorf("%q: %v, next %s", spec, s, s.Next(time.Now()))
		}
	}
	if s := parse(t, " @daily ", time.UTC); s.Manual() || s.String() != "@daily" {
		t.Errorf("%q", s)
	}
}

func TestRefused(t *testing.T) {
	for spec, want := range map[string]string{
		"":                              "it is empty",
		"  ":                            "it is empty",
		"TZ=UTC":                        "set the key timezone",
		"TZ=UTC 0 1 * * *":              "set the key timezone",
		"CRON_TZ=Asia/Seoul":            "set the key timezone",
		"0 0 30 2 *":                    "never run",
		"0 0 31 4,6 ?":                  "never run",
		"@every -5m":                    "at least 1s",
		"@every 0s":                     "at least 1s",
		"@every 500ms":                  "at least 1s",
		"@every 1.5s":                   "whole seconds",
		"@every":                        "for example",
		"@every soon":                   "for example",
		"@reboot":                       "catch_up",
		"@dayly":                        `did you mean "@daily"?`,
		"@evry 5m":                      `did you mean "@every"?`,
		"@DAILY":                        `did you mean "@daily"?`,
		"@fortnight":                    "write one of @yearly",
		"0 1 * * 7":                     "Sunday is 0",
		"0 1 * * 5-7":                   "Sunday is 0",
		"0 0 1 * * *":                   `leave the first one out: "0 1 * * *"`,
		"0 1 * *":                       "4 fields instead of 5",
		"hourly":                        "1 fields instead of 5",
		"60 1 * * *":                    "minute \"60\": 60 is outside 0 … 59",
		"0 24 * * *":                    "outside 0 … 23",
		"0 0 0 * *":                     "outside 1 … 31",
		"0 0 * 13 *":                    "outside 1 … 12",
		"0 0 L * *":                     "not supported",
		"0 0 * * 5#2":                   "not supported",
		"-1 0 * * *":                    "something is missing",
		"+1 0 * * *":                    "no number",
		"1,,2 0 * * *":                  "something is missing",
		", 0 * * *":                     "something is missing",
		"*-5 0 * * *":                   "no range",
		"*/60 0 * * *":                  "stands for 0 alone",
		"0 0 */31 * *":                  "stands for 1 alone",
		"*/0 0 * * *":                   "at least 1",
		"*/x 0 * * *":                   "at least 1",
		"*/5/2 0 * * *":                 "at least 1",
		"50-10 0 * * *":                 `"50-59,0-10"`,
		"1-2-3 0 * * *":                 "no number",
		"0 22-6 * * *":                  `"22-23,0-6"`,
		"*/9223372036854775807 * * * *": "at least 1",
		"99999999999999999999 0 * * *":  "no number",
	} {
		_, err := schedule.Parse(spec, time.UTC)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want …%s…", spec, err, want)
		}
	}
}

func TestJitter(t *testing.T) {
	slot, limit := time.Date(2026, 11, 22, 1, 30, 0, 0, time.UTC), 10*time.Minute
	first := schedule.Jitter("grades", slot, limit)
	if again := schedule.Jitter("grades", slot.In(time.FixedZone("", 8*3600)), limit); again != first {
		t.Errorf("%s and %s for the same slot", first, again)
	}
	if schedule.Jitter("affairs", slot, limit) == first || schedule.Jitter("grades", slot.Add(time.Hour), limit) == first {
		t.Error("job and slot should both matter")
	}
	if d := schedule.Jitter("grades", slot, 0); d != 0 {
		t.Errorf("%s without jitter", d)
	}
	var sum time.Duration
	for range 1000 {
		d := schedule.Jitter("grades", slot, limit)
		if d < 0 || d >= limit {
			t.Fatalf("%s is not within %s", d, limit)
		}
		sum, slot = sum+d, slot.Add(time.Hour)
	}
	if mean := sum / 1000; mean < limit*4/10 || mean > limit*6/10 {
		t.Errorf("the mean is %s of %s", mean, limit)
	}
}

func FuzzParse(f *testing.F) {
	for _, spec := range []string{"30 1 * * *", "*/10 * * * *", "@every 90m", "@daily", "0 0 29 2 *", "TZ=UTC", "CRON_TZ=x",
		"0 0 30 2 *", "@every 36500d", "1,2-5/2 ? */3 jan-mar sun", "@every 999999999999h"} {
		f.Add(spec, int64(1774745999), uint8(0))
	}
	zones := []*time.Location{time.UTC, zone(f, "Europe/Berlin"), zone(f, "America/New_York"), zone(f, "Asia/Shanghai"),
		zone(f, "Australia/Lord_Howe"), zone(f, "Pacific/Apia")}
	f.Fuzz(func(t *testing.T, spec string, unix int64, which uint8) {
		loc := zones[int(which)%len(zones)]
		s, err := schedule.Parse(spec, loc)
		if err != nil || s.Manual() {
			return
		}
		at := time.Unix(unix%(1<<32), unix%1e9) // 1833 … 2106
		for range 8 {
			next := s.Next(at)
			if !next.After(at) {
				t.Fatalf("%q: %s follows %s", spec, next, at)
			}
			at = next
		}
	})
}
