package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"milkrun/sync/config"
	"milkrun/sync/schedule"
	"milkrun/sync/setting"
)

func (a *app) checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check jobs.toml without opening any connection, and show the next slots of every job",
		Args:  arguments(cobra.NoArgs),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error { return a.check(*asJSON) }
	return cmd
}

func (a *app) check(asJSON bool) error {
	conf, problems := a.read(true)
	if asJSON {
		return a.checkJSON(conf, problems)
	}
	problems.Print(a.stdout)
	if conf == nil {
		return a.unusable(only(config.Error, problems))
	}
	warned := ""
	if len(problems) > 0 {
		warned = ", " + count(len(problems), "warning")
	}
	a.say("%s is right: %s, %s%s\n", a.configPath, count(len(conf.Connections), "connection"), count(len(conf.Jobs), "job"), warned)
	a.printSlots(conf.Jobs, 3)
	return nil
}

func (a *app) checkJSON(conf *config.Config, problems config.Problems) error {
	out := checkView{Usable: conf != nil, Problems: append(config.Problems{}, problems...), Jobs: []slotsView{}}
	if conf != nil {
		out.Jobs = viewSlots(conf.Jobs, time.Now(), 3)
	}
	if err := a.printJSON(out); err != nil || conf != nil {
		return err
	}
	return &exit{code: exitUsage}
}

func (a *app) nextCommand() *cobra.Command {
	count := 5
	cmd := &cobra.Command{
		Use:   "next [JOB]",
		Short: "Show when jobs are due next",
		Long: `Show when jobs are due next. A job with jitter begins a while after its slot, always the same for the same slot: the
time it begins is shown, too.`,
		Args: arguments(cobra.MaximumNArgs(1)),
	}
	cmd.Flags().IntVarP(&count, "count", "n", count, "how many slots of each job")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
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
		if *asJSON {
			return a.printJSON(viewSlots(conf.Jobs, time.Now(), count))
		}
		a.printSlots(conf.Jobs, count)
		return nil
	}
	return cmd
}

// coming are the next slots of a job whose runs have not begun.
func coming(job *config.Job, now time.Time, count int) []slotView {
	list := []slotView{}
	for at := job.Schedule.Next(now.Add(-job.Jitter)); !at.IsZero() && len(list) < count; at = job.Schedule.Next(at) {
		begins := at.Add(schedule.Jitter(job.Name, at, job.Jitter))
		if begins.After(now) {
			list = append(list, slotView{Slot: at, Begins: begins})
		}
	}
	return list
}

func viewSlots(jobs []*config.Job, now time.Time, count int) []slotsView {
	return views(jobs, func(job *config.Job) slotsView {
		v := slotsView{Job: job.Name, Schedule: job.Schedule.String(), Zone: job.Location.String(), Enabled: job.Enabled, Next: coming(job, now, count)}
		if job.Jitter > 0 {
			v.Jitter = setting.FormatDuration(job.Jitter)
		}
		return v
	})
}

func (a *app) printSlots(jobs []*config.Job, count int) {
	now := time.Now()
	for _, v := range viewSlots(jobs, now, count) {
		line := fmt.Sprintf("%s  %s  %s", v.Job, v.Schedule, v.Zone)
		if v.Jitter != "" {
			line += ", up to " + v.Jitter + " later"
		}
		if !v.Enabled {
			line += " (disabled)"
		}
		a.say("%s", line)
		for _, s := range v.Next {
			begins := ""
			if v.Jitter != "" {
				begins = "begins " + s.Begins.Format(time.TimeOnly) + ", "
			}
			a.say("    %s  %sin %s", clock(s.Slot, s.Slot.Location()), begins, shortly(s.Begins.Sub(now)))
		}
		if len(v.Next) == 0 {
			a.say("    by hand only: milkrun once %s", v.Job)
		}
	}
}
