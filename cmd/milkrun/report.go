package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/report"
	"milkrun/sync/words"
)

func (a *app) reportCommand() *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Write the report on a month, for a partner",
		Long: `Write the report on a month: what was promised and done, pulled, pushed and rejected with its reasons, completeness,
duplicates, rows that moved and were mended, late slots, incidents, requests against the quota, volume, timeliness. It is one
HTML file that needs nothing else, or a folder of CSV files. With --connection it holds nothing of other partners.

The month is one of the configuration's time zone, by default the one before this. It may be the current one, which the report
says. Where the history has been pruned the report says so. With [report] schedule the daemon writes it by itself.`,
		Example: `  milkrun report --month 2026-11 --connection credit --lang zh --out credit-2026-11.html
  milkrun report --csv reports/2026-11`,
		Args: arguments(cobra.NoArgs),
	}
	f := cmd.Flags()
	f.StringVar(&o.month, "month", "", "the month, as 2026-11 (default the one before this)")
	f.StringVar(&o.connection, "connection", "", "only what the partner on this connection may see")
	f.StringVar(&o.out, "out", "", "the HTML file (default milkrun-MONTH.html here)")
	f.StringVar(&o.csv, "csv", "", "a folder for CSV files, one for each table")
	f.BoolVar(&o.json, "json", false, "print JSON for programs, and write no file")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.monthly(cmd.Context(), o) }
	return cmd
}

type reportOptions struct {
	month, connection, out, csv string
	json                        bool
}

func (a *app) monthly(ctx context.Context, o reportOptions) error {
	conf, problems := a.read(false)
	if err := a.judge(conf, problems); err != nil {
		return err
	}
	defer a.shut(conf)
	now := time.Now()
	month, err := o.of(now.In(conf.Location))
	if err != nil {
		return err
	}
	store, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	if err := knownConnection(ctx, store, conf, o.connection); err != nil {
		return err
	}
	r, err := report.Make(ctx, report.Options{Store: store, Config: conf, Month: month, Now: now, Connection: o.connection, Lang: a.lang})
	if err != nil {
		return err
	}
	if o.json {
		return a.printJSON(r)
	}
	return a.writeReport(r, o)
}

// of is the month that is asked for.
func (o reportOptions) of(now time.Time) (report.Month, error) {
	if o.month == "" {
		return report.Before(now), nil
	}
	month, err := report.ParseMonth(o.month)
	if err != nil {
		return month, usage("--month: %w", err)
	}
	if from, _ := month.Bounds(now.Location()); from.After(now) {
		return month, usage("--month: %s has not begun", o.month)
	}
	return month, nil
}

func (a *app) writeReport(r *report.Report, o reportOptions) error {
	if o.csv != "" {
		if err := r.CSV(o.csv); err != nil {
			return err
		}
		a.say("%s: one CSV file for each table", words.Verbatim(o.csv))
		if o.out == "" {
			return nil
		}
	}
	name := o.out
	if name == "" {
		name = "milkrun-" + r.Name() + ".html"
	}
	if err := htmlFile(name, r); err != nil {
		return err
	}
	a.say("%s: the report on %s", words.Verbatim(name), r.Month)
	if r.Unfinished {
		a.sayNext("the month is not over; the report says so")
	}
	return nil
}

// htmlFile writes a report; its name never stands for half a file.
func htmlFile(name string, r *report.Report) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".milkrun-report-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the cause is what counts
		}
	}()
	err = errors.Join(r.HTML(f), f.Chmod(0o640), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// writeReports writes the reports on a month into the folder of the configuration: the whole, and one for each partner.
// It returns their names.
func writeReports(ctx context.Context, store *state.Store, conf *config.Config, month report.Month, now time.Time) (names []string, err error) {
	folder := conf.Report.Out
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(filepath.Dir(store.Path()), folder)
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, err
	}
	for _, connection := range append([]string{""}, report.Partners(conf)...) {
		r, err := report.Make(ctx, report.Options{Store: store, Config: conf, Month: month, Now: now, Connection: connection, Lang: words.Lang(conf.Report.Lang)})
		if err != nil {
			return names, err
		}
		name := filepath.Join(folder, r.Name()+".html")
		if err := htmlFile(name, r); err != nil {
			return names, err
		}
		names = append(names, name)
	}
	return names, nil
}
