package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/audit"
	"milkrun/sync/config"
)

func (a *app) auditExportCommand() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the exchanges of some time, for the partner or an auditor",
		Long: `Write every exchange of some time with its purpose, to the standard output: who (job, run, trigger, operator), with whom
(connection, interface), what for, which way, which batch, how many records, the digest of the body, the fingerprint of the
credential, and what the partner answered. There is no personal data in it and no secret. With --connection it holds what one
partner may see.

A day means the whole day in the time zone of the configuration: --to 2026-11-30 includes the 30th.`,
		Example: `  milkrun audit export --from 2026-11-01 --to 2026-11-30 --connection credit --csv > credit-2026-11.csv
  milkrun audit export --from 2026-11-22T08:00:00+08:00 --json`,
		Args: arguments(cobra.NoArgs),
	}
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "the first day, or a time (RFC 3339)")
	f.StringVar(&o.to, "to", "", "the last day, or a time before which the last one began")
	f.StringVar(&o.connection, "connection", "", "only those on this connection")
	f.BoolVar(&o.csv, "csv", false, "print CSV, which is the default")
	f.BoolVar(&o.json, "json", false, "print JSON for programs")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.auditExport(cmd.Context(), o) }
	return cmd
}

type exportOptions struct {
	from, to, connection string
	csv, json            bool
}

func (a *app) auditExport(ctx context.Context, o exportOptions) error {
	if o.csv && o.json {
		return usage("--csv and --json: give one of them")
	}
	conf, _ := a.read(false)
	f, err := o.filter(zoneOf(conf))
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
	out := bufio.NewWriter(a.stdout)
	form := audit.NewCSV
	if o.json {
		form = audit.NewJSON
	}
	w, err := form(out)
	if err != nil {
		return err
	}
	err = store.EachExchange(ctx, f, w.Write)
	return errors.Join(err, w.Close(), out.Flush())
}

func (o exportOptions) filter(zone *time.Location) (f state.ExchangeFilter, err error) {
	f.Connection = o.connection
	if f.From, err = momentOf(o.from, zone, 0); err != nil {
		return f, usage("--from: %w", err)
	}
	if f.To, err = momentOf(o.to, zone, 1); err != nil {
		return f, usage("--to: %w", err)
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return f, usage("--from %s is not before --to %s", o.from, o.to)
	}
	return f, nil
}

// momentOf reads a time, or a day: its beginning, or with days that of a day so much later. "" is the zero time.
func momentOf(text string, zone *time.Location, days int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return at.AddDate(0, 0, days), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("%q is no day and no time; write 2026-11-30 or 2026-11-30T08:00:00+08:00", text)
	}
	return at, nil
}

// zoneOf is the time zone of a configuration, else that of this machine.
func zoneOf(conf *config.Config) *time.Location {
	if conf == nil {
		return time.Local
	}
	return conf.Location
}

// knownConnection refuses a connection that neither the configuration nor the exchanges know. "" is all.
func knownConnection(ctx context.Context, store *state.Store, conf *config.Config, name string) error {
	if name == "" {
		return nil
	}
	names, err := store.ExchangeConnections(ctx)
	if err != nil {
		return err
	}
	if conf != nil {
		for known := range conf.Connections {
			names = append(names, known)
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); slices.Contains(names, name) {
		return nil
	}
	return unknown("connection", name, names)
}
