package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"milkrun/sync/report"
)

// reports writes the report on the month before whenever [report] schedule says so. A configuration that is taken up
// meanwhile counts from the next look on. What was due while the daemon was down is not made up for: milkrun report does that.
func (d *daemon) reports(ctx context.Context) {
	const look = time.Minute // a schedule has no finer steps
	last := time.Now()
	every(ctx, look, func() {
		conf, now := d.current(), time.Now()
		if s := conf.Report.Schedule; s != nil {
			if due := s.Next(last); !due.IsZero() && !due.After(now) {
				d.warn(d.report(ctx, now))
			}
		}
		last = now
	})
}

// report writes the reports on the month before, and says so.
func (d *daemon) report(ctx context.Context, now time.Time) error {
	conf := d.current()
	month := report.Before(now.In(conf.Location))
	names, err := writeReports(ctx, d.store, conf, month, now)
	if err != nil {
		return fmt.Errorf("the report on %s: %w; milkrun report --month %s writes it", month, err, month)
	}
	d.log.Infof("report on %s: %s", month, strings.Join(names, ", "))
	return nil
}
