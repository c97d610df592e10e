package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/setting"
)

func (a *app) nextCommand() *cobra.Command {
	count := 5
	cmd := &cobra.Command{
		Use:   "next [JOB]",
		Short: "Show when jobs are due next",
		Long: `Show when jobs are due next. A job with jitter begins a while after its slot, always the same for the same slot: the
time it begins is shown, too. The slots of a halted or paused job pass without a run; milkrun slots shows those that did.`,
		Args: arguments(cobra.MaximumNArgs(1)),
	}
	cmd.Flags().VarP(atLeast{&count, 1}, "count", "n", "how many slots of each job")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		conf, err := a.load(false)
		if err != nil {
			return err
		}
		if len(args) == 1 {
			job, err := findJob(conf, args[0])
			if err != nil {
				return err
			}
			conf.Jobs = []*config.Job{job}
		}
		held := a.heldIfKnown(cmd.Context())
		if *asJSON {
			return a.printJSON(viewSlots(conf.Jobs, time.Now(), count, held))
		}
		a.printSlots(conf.Jobs, count, held)
		return nil
	}
	return cmd
}

// heldIfKnown is what keeps jobs from running. Slots come also where the state file is not there or cannot be read.
func (a *app) heldIfKnown(ctx context.Context) standing.Holds {
	held, err := askHolds().ask(ctx, a, struct{}{})
	if !errors.Is(err, state.ErrMissing) {
		a.warn(err)
	}
	return held
}

func viewSlots(jobs []*config.Job, now time.Time, count int, held standing.Holds) []slotsView {
	return views(jobs, func(job *config.Job) slotsView {
		v := slotsView{Job: job.Name, Schedule: job.Schedule.String(), Zone: job.Location.String(), Enabled: job.Enabled,
			Held: held.How(job), Next: standing.Coming(job, now, count)}
		if job.Jitter > 0 {
			v.Jitter = setting.FormatDuration(job.Jitter)
		}
		return v
	})
}

func (a *app) printSlots(jobs []*config.Job, count int, held standing.Holds) {
	now := time.Now()
	for _, v := range viewSlots(jobs, now, count, held) {
		line := fmt.Sprintf("%s  %s  %s", v.Job, v.Schedule, v.Zone)
		if v.Jitter != "" {
			line += a.lang.Sprintf(", up to %s later", v.Jitter)
		}
		if !v.Enabled {
			line += a.lang.Aside("disabled")
		}
		if v.Held != "" {
			line += a.lang.Aside(a.lang.Sprintf("%s: milkrun status tells why", a.lang.Text(v.Held)))
		}
		a.say("%s", line)
		for _, s := range v.Next {
			text := a.lang.Sprintf("in %s", shortly(s.Begins.Sub(now)))
			if v.Jitter != "" {
				text = a.lang.Sprintf("begins %s, in %s", s.Begins.Format(time.TimeOnly), shortly(s.Begins.Sub(now)))
			}
			a.say("    %s  %s", clock(s.Slot, s.Slot.Location()), text)
		}
		if len(v.Next) == 0 {
			a.say("    by hand only: milkrun once %s", v.Job)
		}
	}
}
