package main

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"milkrun/cmd/milkrun/standing"
	"milkrun/sync"
	"milkrun/sync/config"
)

func (a *app) runCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the daemon: every job by its schedule, until SIGTERM",
		Long: `Run every job by its schedule. SIGTERM (or Ctrl-C) ends the runs at the next batch border, saves their checkpoints
and stops; what was interrupted goes on at the next start. A second signal cuts off what is under way, a third kills.
With --sandbox every job also runs once at the start.`,
		Args: arguments(cobra.NoArgs),
		RunE: a.stoppable(func(ctx context.Context, _ []string) error { return a.run(ctx) }),
	}
}

func (a *app) run(ctx context.Context) error {
	s, end, err := a.begin(ctx, "", false)
	defer end()
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { s.log.Info(stopping) })()
	s.warnings.Print(a.stderr, a.lang)
	announce(s.log, s.conf)
	watching, done := context.WithCancel(context.WithoutCancel(ctx))
	defer done()
	go a.watchProgress(watching, s.engine, s.log)
	if err := a.newDaemon(s).serve(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	s.log.Info("stopped; every checkpoint is saved")
	return nil
}

// announce logs when each job is due next.
func announce(log *logrus.Logger, conf *config.Config) {
	for _, job := range conf.Jobs {
		entry := log.WithField("job", job.Name)
		next := job.Schedule.Next(time.Now())
		switch {
		case !job.Enabled:
			entry.Info("disabled")
		case next.IsZero():
			entry.Info("runs by hand only")
		default:
			entry.WithField("next", next.In(job.Location).Format(time.RFC3339)).Info("scheduled")
		}
	}
}

// watchProgress logs how far the runs are, at a pace.
func (a *app) watchProgress(ctx context.Context, engine *sync.Engine, log *logrus.Logger) {
	pace := 15 * time.Second
	if a.sandboxed || terminal(a.stderr) {
		pace = 2 * time.Second
	}
	follow(ctx, engine, pace, func(m standing.Meter) {
		log.WithFields(logrus.Fields{"job": m.Job, "run": m.Run}).Info(progressLine(m))
	})
}
