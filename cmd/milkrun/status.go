package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"milkrun/cmd/milkrun/control"
	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/schedule"
)

func (a *app) statusCommand() *cobra.Command {
	look := statusLook{every: 2 * time.Second, color: colorAuto}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how every job stands: what runs, what is wrong, what comes next",
		Long: `Show how every job stands: the last run, the next slot, how old what the target has is (LAG), dead letters (DEAD), and
how far the checkpoint is; below that, every run under way with what is being tried again, and every job that needs
somebody, with what to do. It asks the running daemon, and looks at the state file without one. With --watch it shows it
again and again, until Ctrl-C.`,
		Example: `  milkrun status --watch
  milkrun status --json`,
		Args: arguments(cobra.NoArgs),
	}
	f := cmd.Flags()
	f.BoolVar(&look.watch, "watch", false, "show it again and again, until Ctrl-C")
	f.DurationVar(&look.every, "every", look.every, "how often --watch does")
	f.Var(oneOf[string]{&look.color, []string{colorAuto, colorAlways, colorNever}}, "color", "auto (on a terminal, and without NO_COLOR), always or never")
	f.BoolVar(&look.json, "json", false, "print JSON for programs")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if look.watch {
			return a.watchStatus(cmd.Context(), look)
		}
		v, err := a.standing(cmd.Context())
		if err != nil {
			return err
		}
		if look.json {
			return a.printJSON(v)
		}
		a.printStatus(v, look.paint(a.stdout), width(a.stdout))
		return nil
	}
	return cmd
}

// standing asks the daemon how everything stands, and looks at the state file itself where it cannot be asked.
func (a *app) standing(ctx context.Context) (*statusView, error) {
	asking, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, unasked := a.ask(asking, "status", order{})
	if unasked == nil && out.Status != nil {
		return out.Status, nil
	}
	v, err := a.standingOfFile(ctx)
	switch {
	case errors.Is(unasked, control.ErrNoDaemon):
		return v, err
	case err != nil && unasked != nil && errors.Is(err, fs.ErrPermission):
		return nil, unasked
	case err == nil && unasked != nil:
		a.note("the daemon was not asked: " + unasked.Error())
	}
	return v, err
}

// standingOfFile looks at the state file. Jobs are those of the configuration or, where that is broken, those that the
// state file knows.
func (a *app) standingOfFile(ctx context.Context) (*statusView, error) {
	store, err := a.look(ctx)
	if err != nil {
		return nil, err
	}
	defer a.shut(store)
	v := &statusView{At: time.Now(), State: store.Path(), Config: a.configFile()}
	v.PID, v.Daemon = state.Holder(a.stateFile())
	conf, problems := a.read(false)
	if conf == nil {
		v.Problems = texts(only(config.Error, problems))
		if conf, err = remembered(ctx, store); err != nil {
			return nil, err
		}
	}
	runs, err := underWay(ctx, store, v.Daemon)
	if err != nil {
		return nil, err
	}
	err = v.fill(ctx, conf, store, runs)
	return v, err
}

// underWay is what the state file says of the runs that a process is at.
func underWay(ctx context.Context, store *state.Store, alive bool) ([]standing.Meter, error) {
	if !alive {
		return nil, nil
	}
	runs, err := store.Runs(ctx, state.RunFilter{State: state.Running})
	return views(runs, recorded), err
}

func texts(list config.Problems) []string {
	return views(list, func(p config.Problem) string { return p.String() })
}

// remembered are the jobs that the state file knows, as a configuration with nothing in it but their names.
func remembered(ctx context.Context, store *state.Store) (*config.Config, error) {
	names := map[string]bool{}
	runs, err := store.Runs(ctx, state.RunFilter{Limit: 1000})
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		names[r.Job] = true
	}
	checkpoints, err := store.Checkpoints(ctx)
	for _, c := range checkpoints {
		names[c.Job] = true
	}
	conf := &config.Config{}
	for name := range names {
		nobody := &config.Connection{}
		conf.Jobs = append(conf.Jobs, &config.Job{Name: name, Enabled: true, Location: time.Local, Schedule: &schedule.Schedule{},
			Source: config.Source{Connection: nobody}, Sink: config.Sink{Connection: nobody}})
	}
	slices.SortFunc(conf.Jobs, func(x, y *config.Job) int { return cmp.Compare(x.Name, y.Name) })
	return conf, err
}

// standing answers how everything stands: by the configuration the daemon goes by, whatever the file says now.
func (d *daemon) standing(ctx context.Context, o *act) (out answer, err error) {
	v := &statusView{At: time.Now(), State: d.store.Path(), Daemon: true, Config: o.configFile()}
	if err := v.fill(ctx, o.conf, d.store, d.underWay()); err != nil {
		return out, err
	}
	if digest, err := config.DigestOf(o.configFile()); err != nil || digest != o.conf.Digest {
		v.Changed = true
		if conf, problems := o.read(false); conf == nil {
			v.Problems = texts(only(config.Error, problems))
		}
	}
	out.Status = v
	return out, nil
}

// fill looks at the daemon and at every job. Runs are those under way, where they are known.
func (v *statusView) fill(ctx context.Context, conf *config.Config, store *state.Store, runs []standing.Meter) error {
	if err := v.about(ctx, store); err != nil {
		return err
	}
	board, err := standing.Look(ctx, store, conf, runs, v.At)
	if err != nil {
		return err
	}
	v.Jobs = views(board.Jobs, func(j *standing.Job) jobView { return viewJob(j, v.At, v.Daemon) })
	return nil
}

// about says what the state file knows of the daemon that runs.
func (v *statusView) about(ctx context.Context, store *state.Store) error {
	d, found, err := store.Daemon(ctx)
	if err != nil || !found || !v.Daemon {
		return err
	}
	v.PID, v.Version, v.Since, v.LoadedAt = cmp.Or(v.PID, d.PID), d.Version, d.StartedAt, d.LoadedAt
	v.Refused, v.RefuseAt, v.Unopened = d.Refusal, d.RefusedAt, d.Unopened
	return nil
}

// viewJob is a job for people and programs. Alive is whether a process works on the state file.
func viewJob(j *standing.Job, now time.Time, alive bool) jobView {
	s := j.Stand(alive)
	v := jobView{Job: j.Name, State: s.State, Reason: s.Reason, Remedy: s.Remedy, Resume: s.Resume, LastSuccess: j.LastSuccess, NextSlot: j.Next(now).Slot,
		LastFull: j.LastFull, Letters: j.Letters, Doubts: j.Doubts, Overdue: j.Overdue}
	if last := j.Last(); last.ID > 0 {
		run := viewRun(last)
		v.LastRun = &run
	}
	if c, found := j.Lanes[state.Forward]; found {
		v.Checkpoint, v.CheckpointAt = &c.Cursor, c.UpdatedAt
	}
	if c, found := j.Lanes[state.Full]; found {
		v.FullPass = &c.Cursor
	}
	if lag, of := j.Lag(now); of != "" {
		seconds := int64(lag.Seconds())
		v.Lag, v.LagOf = &seconds, of
	}
	if j.Backfill != nil {
		b := viewBackfill(*j.Backfill)
		v.Backfill = &b
	}
	if j.Meter != nil {
		live := viewLive(*j.Meter)
		v.Live = &live
	}
	return v
}
