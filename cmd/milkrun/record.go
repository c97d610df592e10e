package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/recorder"
)

// recordedExchanges is how many exchanges are recorded when nobody says otherwise: enough to see what a partner does.
const recordedExchanges = 100

func (a *app) recordCommand() *cobra.Command {
	c := captured{limit: recordedExchanges}
	var out string
	cmd := &cobra.Command{
		Use:   "record JOB",
		Short: "Run one job now and write what goes over HTTP, masked, to a folder",
		Long: `Run one job now, as milkrun once does, and write every request and answer of its HTTP partners to a folder: a readable
file each, and index.json. Secrets, signatures and personal data are masked before anything is written. milkrun replay
serves the folder as a stand-in of the partner, and milkrun diff says where the partner has come to differ from it.

A job that delivers to a partner over HTTP really delivers, which takes --push. With --pull-only the pages of the source
are read and nothing else happens: nothing is delivered, no checkpoint moves, and a daemon may run beside it.`,
		Example: `  milkrun record grades --pull-only --limit 5
  milkrun record grades --out credit-2026-11 --from 1 --to 3
  milkrun record affairs --push --limit 0`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: a.stoppable(func(ctx context.Context, args []string) error { return a.record(ctx, args[0], out, c) }),
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "the folder, new or empty (default recording-JOB-TIME)")
	f.Var(atLeast{&c.limit, 0}, "limit", "how many exchanges are written; 0 is all. A run goes on beyond it, --pull-only ends")
	f.BoolVar(&c.pullOnly, "pull-only", false, "read the pages of the source and deliver nothing")
	f.BoolVar(&c.push, "push", false, "deliver to the partner, for real")
	f.StringVar(&c.start.From, "from", "", "move only what begins here")
	f.StringVar(&c.start.To, "to", "", "move only what ends here")
	f.BoolVar(&c.start.Full, "full", false, "read everything, not only what is new")
	return cmd
}

func (a *app) record(ctx context.Context, name, out string, c captured) error {
	if err := a.lookFirst(name, c); err != nil {
		return err
	}
	if out == "" {
		out = fmt.Sprintf("recording-%s-%s", name, time.Now().Format("20060102-150405"))
	}
	s, end, err := a.beginCapture(ctx, name, c)
	defer end()
	if err != nil {
		return err
	}
	folder, err := recorder.Create(out)
	if err != nil {
		return &exit{code: exitUsage, cause: err}
	}
	c.start.Trigger, c.start.Who = state.Manual, operator()
	index, err := a.capture(ctx, s, c, folder.Keep)
	if failed := folder.Finish(index); failed != nil {
		return errors.Join(err, failed)
	}
	a.sayRecorded(index, out)
	return err
}

// lookFirst refuses what cannot be recorded before anything is opened.
func (a *app) lookFirst(name string, c captured) error {
	conf, err := a.load(false)
	if err != nil {
		return err
	}
	defer a.shut(conf)
	job, err := findJob(conf, name)
	if err != nil {
		return err
	}
	return recordable(job, c)
}

// beginCapture begins a session; one that only reads pages leaves the state to a daemon.
func (a *app) beginCapture(ctx context.Context, name string, c captured) (*session, func(), error) {
	s, end, err := a.begin(ctx, name, c.pullOnly)
	if err != nil {
		return nil, end, whenLocked(err, "stop the daemon meanwhile (systemctl stop milkrun), or add --pull-only where reading is enough")
	}
	s.warnings.Print(a.stderr, a.lang)
	return s, end, heldBack(sync.Paused(ctx, s.store, s.job), s.job.Location)
}

func (a *app) sayRecorded(i recorder.Index, dir string) {
	a.say("%s recorded in %s", count(i.Exchanges, "exchange"), dir)
	if i.LeftOut > 0 {
		a.say("  %s more were not written: --limit is %d, and 0 writes all", grouped(int64(i.LeftOut)), i.Limit)
	}
	if i.Note != "" {
		a.say("  %s", i.Note)
	}
	if i.Exchanges > 0 {
		a.sayNext("milkrun replay " + dir + "\nmilkrun diff " + dir)
	}
}
