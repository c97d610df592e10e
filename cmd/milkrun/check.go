package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"milkrun/sync/config"
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
	a.planSandbox()
	conf, problems := config.Load(a.configPath, config.Options{
		Registry: registry(), Overrides: a.overrides, Resolve: true, CredentialsDir: os.Getenv("CREDENTIALS_DIRECTORY"),
	})
	if asJSON {
		return a.checkJSON(conf, problems)
	}
	if len(problems) > 0 {
		problems.Print(a.stdout)
	}
	if conf == nil {
		return &exit{code: exitUsage}
	}
	fmt.Fprintf(a.stdout, "%s is right: %d connections, %d jobs\n\n", a.configPath, len(conf.Connections), len(conf.Jobs))
	printSlots(a.stdout, conf, time.Now(), 3)
	return nil
}

func (a *app) checkJSON(conf *config.Config, problems config.Problems) error {
	out := struct {
		Usable   bool            `json:"usable"`
		Problems config.Problems `json:"problems"`
		Jobs     []jobSlots      `json:"jobs"`
	}{conf != nil, problems, nil}
	if conf != nil {
		out.Jobs = slotsOf(conf, time.Now(), 3)
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
		Args:  arguments(cobra.MaximumNArgs(1)),
	}
	cmd.Flags().IntVarP(&count, "count", "n", count, "how many slots of each job")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		a.planSandbox()
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
			return a.printJSON(slotsOf(conf, time.Now(), count))
		}
		printSlots(a.stdout, conf, time.Now(), count)
		return nil
	}
	return cmd
}

// jobSlots is when a job is due.
type jobSlots struct {
	Job      string      `json:"job"`
	Schedule string      `json:"schedule"`
	Zone     string      `json:"timezone"`
	Enabled  bool        `json:"enabled"`
	Next     []time.Time `json:"next"`
}

func slotsOf(conf *config.Config, after time.Time, count int) []jobSlots {
	list := make([]jobSlots, 0, len(conf.Jobs))
	for _, job := range conf.Jobs {
		s := jobSlots{Job: job.Name, Schedule: job.Schedule.String(), Zone: job.Location.String(), Enabled: job.Enabled}
		for at := job.Schedule.Next(after); !at.IsZero() && len(s.Next) < count; at = job.Schedule.Next(at) {
			s.Next = append(s.Next, at.In(job.Location))
		}
		list = append(list, s)
	}
	return list
}

func printSlots(w io.Writer, conf *config.Config, now time.Time, count int) {
	for _, s := range slotsOf(conf, now, count) {
		state := ""
		if !s.Enabled {
			state = " (disabled)"
		}
		fmt.Fprintf(w, "%s  %s  %s%s\n", s.Job, s.Schedule, s.Zone, state)
		for _, at := range s.Next {
			fmt.Fprintf(w, "    %s  in %s\n", at.Format("Mon 2006-01-02 15:04:05 -0700"), shortly(at.Sub(now)))
		}
		if len(s.Next) == 0 {
			fmt.Fprintln(w, "    by hand only: milkrun once "+s.Job)
		}
	}
}
