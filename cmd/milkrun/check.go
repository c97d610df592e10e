package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"milkrun/cmd/milkrun/standing"
	"milkrun/sync/config"
)

func (a *app) checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check jobs.toml without opening any connection, and show the next slots of every job",
		Args:  arguments(cobra.NoArgs),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.check(cmd.Context(), *asJSON) }
	return cmd
}

func (a *app) check(ctx context.Context, asJSON bool) error {
	conf, problems := a.read(true)
	if asJSON {
		return a.checkJSON(ctx, conf, problems)
	}
	problems.Print(a.stdout, a.lang)
	if conf == nil {
		return a.unusable(only(config.Error, problems))
	}
	connections, jobs := count(len(conf.Connections), "connection"), count(len(conf.Jobs), "job")
	if len(problems) > 0 {
		a.say("%s is right: %s, %s, %s\n", a.configFile(), connections, jobs, count(len(problems), "warning"))
	} else {
		a.say("%s is right: %s, %s\n", a.configFile(), connections, jobs)
	}
	a.printSlots(conf.Jobs, 3, standing.Holds{})
	for _, notice := range interfaceNotices(conf, time.Now()) {
		a.say("\n%s", a.lang.Text(notice))
	}
	for _, f := range a.renames(ctx, conf) {
		a.say("\n%s", a.lang.Text(f.Text()))
		a.sayNext(f.Remedy())
	}
	return nil
}

func (a *app) checkJSON(ctx context.Context, conf *config.Config, problems config.Problems) error {
	out := checkView{Usable: conf != nil, Problems: append(config.Problems{}, problems...), Jobs: []slotsView{}}
	if conf != nil {
		out.Jobs = viewSlots(conf.Jobs, time.Now(), 3, standing.Holds{})
		out.Notices = interfaceNotices(conf, time.Now())
		for _, f := range a.renames(ctx, conf) {
			out.Notices = append(out.Notices, f.Text()+"; "+f.Remedy())
		}
	}
	if err := a.printJSON(out); err != nil || conf != nil {
		return err
	}
	return &exit{code: exitUsage}
}
