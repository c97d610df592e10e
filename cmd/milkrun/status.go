package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"milkrun/cmd/milkrun/control"
	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
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
	if err := v.fill(ctx, conf, store); err != nil {
		return nil, err
	}
	for i := range v.Jobs {
		if j := &v.Jobs[i]; j.State == string(state.Running) && j.LastRun != nil {
			run, err := store.Run(ctx, j.LastRun.ID)
			if err != nil {
				return nil, err
			}
			live := recorded(run)
			j.Live = &live
		}
	}
	return v, nil
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
		conf.Jobs = append(conf.Jobs, &config.Job{Name: name, Enabled: true, Location: time.Local,
			Source: config.Source{Connection: nobody}, Sink: config.Sink{Connection: nobody}})
	}
	slices.SortFunc(conf.Jobs, func(x, y *config.Job) int { return cmp.Compare(x.Name, y.Name) })
	return conf, err
}

// standing answers how everything stands: by the configuration the daemon goes by, whatever the file says now.
func (d *daemon) standing(ctx context.Context, o *act) (out answer, err error) {
	v := &statusView{At: time.Now(), State: d.store.Path(), Daemon: true, Config: o.configFile()}
	if err := v.fill(ctx, o.conf, d.store); err != nil {
		return out, err
	}
	v.take(d.gauges.read(d.engine))
	if digest, err := config.DigestOf(o.configFile()); err != nil || digest != o.conf.Digest {
		v.Changed = true
		if conf, problems := o.read(false); conf == nil {
			v.Problems = texts(only(config.Error, problems))
		}
	}
	out.Status = v
	return out, nil
}

// take puts the runs under way to their jobs.
func (v *statusView) take(runs []liveRun) {
	for _, live := range runs {
		at := slices.IndexFunc(v.Jobs, func(j jobView) bool { return j.Job == live.Job })
		if at < 0 {
			v.Jobs = append(v.Jobs, jobView{Job: live.Job, Reason: "the configuration has it no more; this run goes on to its end"})
			at = len(v.Jobs) - 1
		}
		j := &v.Jobs[at]
		j.Live, j.State = &live, string(state.Running)
	}
}

// fill looks at the daemon and at every job.
func (v *statusView) fill(ctx context.Context, conf *config.Config, store *state.Store) error {
	if err := v.about(ctx, store); err != nil {
		return err
	}
	held, err := heldNow(ctx, store)
	if err != nil {
		return err
	}
	letters, err := store.OpenLetters(ctx)
	if err != nil {
		return err
	}
	doubts, err := store.Doubts(ctx)
	if err != nil {
		return err
	}
	v.Jobs = make([]jobView, 0, len(conf.Jobs))
	for _, job := range conf.Jobs {
		j := jobView{Job: job.Name, Letters: letters[job.Name]}
		for _, doubt := range doubts {
			if doubt.Job == job.Name {
				j.Doubts++
			}
		}
		last, err := j.fill(ctx, store, job)
		if err != nil {
			return err
		}
		j.age(job, v.At)
		j.stand(job, last, held, v.Daemon)
		v.Jobs = append(v.Jobs, j)
	}
	return nil
}

// about says what the state file knows of the daemon that runs.
func (v *statusView) about(ctx context.Context, store *state.Store) error {
	d, found, err := store.Daemon(ctx)
	if err != nil || !found || !v.Daemon {
		return err
	}
	v.PID, v.Version, v.Since, v.LoadedAt = cmp.Or(v.PID, d.PID), d.Version, d.StartedAt, d.LoadedAt
	v.Refused, v.RefuseAt = d.Refusal, d.RefusedAt
	return nil
}

// fill adds the last run, which it returns (without an id when there is none), the next slot and the checkpoints.
func (v *jobView) fill(ctx context.Context, store *state.Store, job *config.Job) (last state.Run, err error) {
	runs, err := store.Runs(ctx, state.RunFilter{Job: job.Name, Limit: 50})
	if err != nil {
		return last, err
	}
	if last = lastOf(runs); last.ID > 0 {
		run := viewRun(last)
		v.LastRun = &run
	}
	if v.LastSuccess, err = lastSuccess(ctx, store, job.Name, runs); err != nil {
		return last, err
	}
	if job.Enabled && job.Schedule != nil {
		if slots := coming(job, time.Now(), 1); len(slots) > 0 {
			v.NextSlot = slots[0].Slot.In(job.Location)
		}
	}
	backfills, err := store.Backfills(ctx, job.Name, 1)
	if err != nil {
		return last, err
	}
	if len(backfills) > 0 && backfills[0].EndedAt.IsZero() {
		b := viewBackfill(backfills[0])
		v.Backfill = &b
	}
	return last, v.places(ctx, store, job.Name)
}

// lastOf is the run that tells how a job stands: the newest that is no unit of a backfill, or one that is under way.
func lastOf(runs []state.Run) (last state.Run) {
	for _, r := range runs {
		if r.Trigger != state.Backfilled || r.State == state.Running {
			return r
		}
	}
	if len(runs) > 0 {
		last = runs[0]
	}
	return last
}

// lastSuccess is when the last run ended that was done, or done in part; zero when none was. Newest are the job's newest
// runs: only when they tell nothing, all are searched, a backfill's too.
func lastSuccess(ctx context.Context, store *state.Store, job string, newest []state.Run) (at time.Time, err error) {
	for _, r := range newest {
		if over(r) && r.Trigger != state.Backfilled {
			return r.FinishedAt, nil
		}
	}
	for _, s := range []state.RunState{state.Done, state.Part} {
		runs, err := store.Runs(ctx, state.RunFilter{Job: job, State: s, Limit: 1})
		if err != nil {
			return at, err
		}
		if len(runs) > 0 && runs[0].FinishedAt.After(at) {
			at = runs[0].FinishedAt
		}
	}
	return at, nil
}

// places adds how far the job is.
func (v *jobView) places(ctx context.Context, store *state.Store, job string) error {
	forward, some, err := store.Checkpoint(ctx, job, state.Forward)
	if err != nil {
		return err
	}
	if some {
		v.Checkpoint, v.CheckpointAt = &forward.Cursor, forward.UpdatedAt
	}
	if v.FullPass, err = cursorNow(ctx, store, job, state.Full); err != nil {
		return err
	}
	v.LastFull, _, err = store.LastFull(ctx, job)
	return err
}

// age says how old what the target has is: by the time in the cursor, where it begins with one; else by when the
// checkpoint moved last, or the last complete pass ended.
func (v *jobView) age(job *config.Job, now time.Time) {
	since, of := v.LastFull, "complete pass"
	if v.Checkpoint != nil {
		since, of = v.CheckpointAt, "update"
		text := firstOf(*v.Checkpoint)
		if form := formOf(text); form != "" {
			if at, err := time.ParseInLocation(form, text, job.Location); err == nil {
				since, of = at, "cursor"
			}
		}
	}
	if !since.IsZero() {
		lag := max(int64(now.Sub(since).Seconds()), 0)
		v.Lag, v.LagOf = &lag, of
	}
}

// firstOf is the first value of a cursor that is a list, or {"from": list}, when it is a text; else "".
func firstOf(c feed.Cursor) string {
	var list []any
	if json.Unmarshal([]byte(c), &list) != nil {
		var from struct{ From []any }
		if json.Unmarshal([]byte(c), &from) != nil {
			return ""
		}
		list = from.From
	}
	if len(list) == 0 {
		return ""
	}
	text, _ := list[0].(string)
	return text
}

// stand says how a job stands: whether it runs, else what keeps it from running, else how its last run ended. Without a
// process that holds the state nothing runs, whatever a killed one left behind. A halt, which needs mending, counts more
// than a pause.
func (v *jobView) stand(job *config.Job, last state.Run, held holds, alive bool) {
	halts := held.halting(job)
	pause, paused := held.paused[job.Name]
	switch {
	case last.State == state.Running && alive:
		v.State = string(state.Running)
	case !job.Enabled:
		v.State, v.Reason = "disabled", "enabled = false in jobs.toml"
	case len(halts) > 0:
		v.State, v.Reason, v.Remedy, v.Resume = string(state.Halted), halts[0].Reason, halts[0].Remedy, halts[0].Name
	case paused:
		v.State, v.Reason, v.Resume = "paused", "by "+pause.Who+" since "+clock(pause.At, job.Location)+reason(pause.Why), job.Name
	default:
		v.ended(job, last)
	}
}

// ended says how the last run ended, of a job that nothing keeps from running.
func (v *jobView) ended(job *config.Job, last state.Run) {
	v.State, v.Reason = string(last.State), last.Error
	switch last.State {
	case "":
		v.State = "never ran"
	case state.Running, state.Interrupted:
		v.State, v.Reason = string(state.Interrupted), "it was stopped or killed before its end; the next run goes on from the checkpoint"
	case state.Halted:
		v.State, v.Reason = "resumed", "its halt was ended; it waits for its next slot"
		if v.NextSlot.IsZero() {
			v.Reason = "its halt was ended; it waits for milkrun once " + job.Name
		}
	case state.Failed:
		if job.Schedule != nil {
			v.Remedy = afterFailure(job, last)
		}
	}
}
