package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"milkrun/sync/config"
	"milkrun/sync/report"
)

// What the daemon notes among the operations when it has written the reports on a month.
const (
	reporter = "milkrun"
	reported = "report on %s"
)

// reports writes the report on the month before whenever [report] schedule says so. A configuration that is taken up
// meanwhile counts from the next look on. What was due since the last report, or without one since a daemon was seen last,
// is made up for at the start.
func (d *daemon) reports(ctx context.Context, seen time.Time) {
	const look = time.Minute // a schedule has no finer steps
	if d.started(ctx) != nil {
		return
	}
	last := d.lastReport(ctx, seen)
	due := func() {
		now := time.Now()
		for _, month := range dueMonths(d.current(), last, now) {
			d.warn(d.report(ctx, month, now))
		}
		last = now
	}
	due()
	every(ctx, look, due)
}

// lastReport is from when on reports are due.
func (d *daemon) lastReport(ctx context.Context, seen time.Time) time.Time {
	at, err := d.store.LastOperation(ctx, reporter, strings.TrimSuffix(reported, "%s"))
	d.warn(err)
	switch {
	case !at.IsZero():
		return at
	case !seen.IsZero():
		return seen
	}
	return time.Now()
}

// dueMonths are the months to report on whose time came behind one moment and up to another: each once, and none of
// which no history is kept.
func dueMonths(conf *config.Config, last, now time.Time) (list []report.Month) {
	s := conf.Report.Schedule
	if s == nil {
		return nil
	}
	for at := s.Next(last); !at.IsZero() && !at.After(now); at = s.Next(at) {
		month := report.Before(at.In(conf.Location))
		_, end := month.Bounds(conf.Location)
		gone := conf.History > 0 && !end.After(now.Add(-conf.History))
		if !gone && !slices.Contains(list, month) {
			list = append(list, month)
		}
	}
	return list
}

// report writes the reports on a month, notes that it did, and says so.
func (d *daemon) report(ctx context.Context, month report.Month, now time.Time) error {
	names, err := writeReports(ctx, d.store, d.current(), month, now)
	if err != nil {
		return fmt.Errorf("the report on %s: %w; milkrun report --month %s writes it", month, err, month)
	}
	d.log.Infof("report on %s: %s", month, strings.Join(names, ", "))
	return d.store.Audit(ctx, reporter, fmt.Sprintf(reported, month), "", "")
}
