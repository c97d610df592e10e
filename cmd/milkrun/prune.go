package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/setting"
)

// keptHistory is how long the history is kept when nobody says otherwise.
const keptHistory = 90 * 24 * time.Hour

func (a *app) pruneCommand() *cobra.Command {
	older := age{keptHistory}
	dry, asJSON := false, false
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove the history that nobody needs any more",
		Long: `Remove what ended longer ago than --older: runs with what was noted about them, decisions about slots, dead letters and
batches that are settled, changes to checkpoints, backfills, re-pushes, incidents that are over, daily figures of timeliness. It
works beside a running daemon, a little at a time.

Whatever its age, this stays: what is open (dead letters, batches in doubt, halts, pauses, incidents); the newest 20 runs of a job and
its last of each outcome; the last decision about its slots; the newest 20 changes to a checkpoint, and the last by a
person; every checkpoint. What people changed (milkrun audit) is kept for two years at least, and the exchanges with partners
as long as audit_history of the configuration says, three years when it says nothing, and all while it cannot be used.

The space is used for what comes next. The file gets smaller only when no daemon runs.`,
		Example: `  milkrun prune --dry-run
  milkrun prune --older 30d --why "the disk is small"`,
		Args: arguments(cobra.NoArgs),
	}
	why := whyFlag(cmd)
	f := cmd.Flags()
	f.Var(&older, "older", "how long ago it ended, as 90d or 720h; a day at least")
	f.BoolVar(&dry, "dry-run", false, "say what would be removed, and remove nothing")
	f.BoolVar(&asJSON, "json", false, "print JSON for programs")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.prune(cmd.Context(), time.Now().Add(-older.Duration), dry, asJSON, *why)
	}
	return cmd
}

// audited is the moment before which exchanges go, when history before another moment goes: by the configuration's
// audit_history, and never later than that. some is false when they are kept for ever, or nobody knows for how long.
func (a *app) audited(before time.Time) (moment time.Time, some bool) {
	conf, _ := a.read(false)
	if conf == nil {
		a.note("the exchanges with partners are left alone: how long they are kept is in the configuration, which cannot be used (milkrun check)")
		return before, false
	}
	if moment = time.Now().Add(-conf.AuditHistory); moment.After(before) {
		moment = before
	}
	return moment, conf.AuditHistory > 0
}

// age is a flag that takes a time span of a day at least.
type age struct{ time.Duration }

func (a *age) String() string { return setting.FormatDuration(a.Duration) }

// Type is what stands for the value in the help.
func (*age) Type() string { return "duration" }

// Set takes "90d", "720h" …
func (a *age) Set(text string) error {
	d, err := setting.ParseDuration(text)
	if err == nil && d < 24*time.Hour {
		err = fmt.Errorf("%q is less than a day", text)
	}
	a.Duration = d
	return err
}

func (a *app) prune(ctx context.Context, before time.Time, dry, asJSON bool, why string) (err error) {
	if dry {
		return a.pruneDry(ctx, before, asJSON)
	}
	store, err := a.amend(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	lock, err := state.TakeLock(a.stateFile()) // without a daemon the file can be made smaller, too
	if err != nil && !errors.Is(err, state.ErrLocked) {
		return err
	}
	if lock != nil {
		defer lock.Release()
	}
	p, err := store.Prune(ctx, before, operator(), why)
	if err != nil {
		return err
	}
	audited, some := a.audited(before)
	if some {
		if p.Exchanges, err = store.PruneExchanges(ctx, audited, operator()); err != nil {
			return err
		}
	}
	if asJSON {
		err = a.printJSON(p)
	} else {
		a.sayPruned("removed", before, audited, p)
	}
	if err != nil || lock == nil {
		return err
	}
	return a.compact(ctx, store, asJSON)
}

func (a *app) pruneDry(ctx context.Context, before time.Time, asJSON bool) error {
	store, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	p, err := store.Prunable(ctx, before)
	if err != nil {
		return err
	}
	audited, some := a.audited(before)
	if some {
		if p.Exchanges, err = store.OldExchanges(ctx, audited); err != nil {
			return err
		}
	}
	if asJSON {
		return a.printJSON(p)
	}
	a.sayPruned("would be removed", before, audited, p)
	return nil
}

// sayPruned says what was or would be removed.
func (a *app) sayPruned(what string, before, audited time.Time, p state.Pruned) {
	zone := a.zones().of("")
	if p.Total() == 0 {
		a.say("nothing that ended before %s is there to be removed", clock(before, zone))
		return
	}
	a.say("%s, ended before %s:", a.lang.Text(what), clock(before, zone))
	for _, part := range []struct {
		n    int64
		name string
	}{
		{p.Runs, "run"}, {p.Slots, "slot decision"}, {p.Letters, "settled dead letter"}, {p.Changes, "checkpoint change"},
		{p.Batches, "settled batch"}, {p.Reports, "status report"}, {p.Backfills, "backfill"}, {p.Repushes, "re-push"},
		{p.Incidents, "incident"}, {p.Timeliness, "daily figure"}, {p.Operations, "operation"},
	} {
		if part.n > 0 {
			a.say("  %s", count(part.n, part.name))
		}
	}
	if p.Exchanges > 0 {
		a.say("  %s, from before %s", count(p.Exchanges, "exchange"), clock(audited, zone))
	}
}

// compact makes the file smaller when that is worth it: a fourth of it holds nothing, and more than a mebibyte.
func (a *app) compact(ctx context.Context, store *state.Store, quiet bool) error {
	free, total, err := store.Waste(ctx)
	if err != nil || free < 1<<20 || free < total/4 {
		return err
	}
	if err := store.Compact(ctx); err != nil {
		return err
	}
	if !quiet {
		a.say("%s has %s now, and had %s", store.Path(), inBytes(total-free), inBytes(total))
	}
	return nil
}
