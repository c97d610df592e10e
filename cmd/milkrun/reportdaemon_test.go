package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/audit"
	"milkrun/sync/config"
	"milkrun/sync/report"
	"milkrun/sync/schedule"
)

// TestDueMonths: every month whose time came is due once, and none of which nothing is kept.
func TestDueMonths(t *testing.T) {
	zone := time.FixedZone("", 8*3600)
	at := func(text string) time.Time {
		when, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for name, c := range map[string]struct {
		cron, last, now string
		kept            time.Duration
		want            string
	}{
		"not yet":          {"0 6 1 * *", "2026-11-01 06:00", "2026-11-30 23:00", 0, ""},
		"just now":         {"0 6 1 * *", "2026-11-30 23:59", "2026-12-01 06:00", 0, "2026-11"},
		"a minute before":  {"0 6 1 * *", "2026-11-30 23:59", "2026-12-01 05:59", 0, ""},
		"while it was off": {"0 6 1 * *", "2026-09-15 00:00", "2026-11-22 00:00", 0, "2026-09 2026-10"},
		"half is gone":     {"0 6 1 * *", "2026-06-15 00:00", "2026-11-22 00:00", 90 * 24 * time.Hour, "2026-08 2026-09 2026-10"},
		"twice a month":    {"0 6 1,2 * *", "2026-10-15 00:00", "2026-11-22 00:00", 0, "2026-10"},
		"never":            {schedule.Manual, "2026-01-01 00:00", "2026-11-22 00:00", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := schedule.Parse(c.cron, zone)
			if err != nil {
				t.Fatal(err)
			}
			conf := &config.Config{Location: zone, History: c.kept}
			if !s.Manual() {
				conf.Report.Schedule = s
			}
			got := strings.Join(views(dueMonths(conf, at(c.last), at(c.now)), report.Month.String), " ")
			if got != c.want {
				t.Errorf("due are %q, want %q", got, c.want)
			}
		})
	}
}

// TestMissedReport: what was due while no daemon ran is written at the start of the next one, and is not due again.
func TestMissedReport(t *testing.T) {
	p, _ := affairsPlace(t)
	p.edit("timezone =", "history = \"3650d\"\ntimezone =")
	p.edit("[jobs.late]", "[page]\nlisten = \"off\"\n\n[report]\nschedule = \"0 0 1 * *\"\n\n[jobs.late]") // right on every day, the first too
	p.run("once", "affairs").exits(exitDone)
	seen := time.Now().AddDate(0, 0, -40)
	p.with(func(ctx context.Context, s *state.Store) error { return s.Enlist(ctx, state.Daemon{}) })
	p.execute("UPDATE daemon SET seen_at = '" + audit.Stamp(seen) + "'")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan outcome)
	go func() { ended <- p.runUntil(ctx, "run") }()
	p.until("the report is noted", func() bool { return strings.Contains(p.run("audit").exits(exitDone).out, "report on ") })
	stop()
	(<-ended).exits(exitDone)
	conf, problems := (&app{configPath: p.config}).read(false)
	if conf == nil {
		t.Fatal(problems)
	}
	list := p.files("reports", report.Before(time.Now().In(conf.Location)).String()+"*.html")
	if len(list) != 2 {
		t.Fatalf("%v were written", list)
	}
	for _, name := range list {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	d := &daemon{session: &session{conf: conf, store: p.store()}, now: conf}
	if again := dueMonths(conf, d.lastReport(t.Context(), seen), time.Now()); len(again) > 0 {
		t.Errorf("%v are due again", again)
	}
}

// TestFirstReport: a daemon on a new file has missed nothing.
func TestFirstReport(t *testing.T) {
	p, _ := affairsPlace(t)
	p.empty()
	d := &daemon{session: &session{store: p.store()}}
	if last := d.lastReport(t.Context(), time.Time{}); time.Since(last) > time.Minute {
		t.Errorf("reports are due since %s", last)
	}
}
