package sync

import (
	"context"
	"errors"

	"milkrun/state"
	"milkrun/sync/alert"
	"milkrun/sync/config"
)

// World returns how the jobs of a configuration stand, for the alerts.
func World(ctx context.Context, store *state.Store, conf *config.Config) (alert.World, error) {
	w := alert.World{Location: conf.Location}
	halts, err := store.Halts(ctx)
	paused, pausedErr := store.Paused(ctx)
	if err := errors.Join(err, pausedErr); err != nil {
		return w, err
	}
	for _, h := range halts {
		if h.Who != "" {
			continue // whoever paused it knows
		}
		w.Halts = append(w.Halts, alert.Halt{Scope: alert.Scope(h.Scope), Name: h.Name, At: h.At, Code: h.Code, Reason: h.Reason,
			Remedy: h.Remedy, Run: h.RunID, Jobs: jobsOn(conf, h)})
	}
	for _, job := range conf.Jobs {
		if !job.Enabled {
			continue
		}
		j, err := standing(ctx, store, job)
		if err != nil {
			return w, err
		}
		j.PausedBy = paused[job.Name].Who
		j.Partner, j.Interface = conf.PartnerOf(job)
		w.Jobs = append(w.Jobs, j)
	}
	return w, nil
}

func jobsOn(conf *config.Config, h state.Halt) (names []string) {
	for _, job := range conf.Jobs {
		if h.Scope == state.ConnectionScope && job.Enabled && job.Uses(h.Name) {
			names = append(names, job.Name)
		}
	}
	return names
}

// standing is how one job stands.
func standing(ctx context.Context, store *state.Store, job *config.Job) (j alert.Job, err error) {
	j = alert.Job{Watch: job.Watch, Name: job.Name, Schedule: job.Schedule, Location: job.Location, Jitter: job.Jitter}
	if j.Known, err = store.JobSince(ctx, job.Name, job.Plan()); err != nil {
		return j, err
	}
	for _, s := range []state.RunState{state.Running, state.Done, state.Part, state.Failed, state.Halted} {
		// A run beside the forward lane says nothing about what is new.
		runs, err := store.Runs(ctx, state.RunFilter{Job: job.Name, State: s, Limit: 1, Forward: true})
		if err != nil {
			return j, err
		}
		if len(runs) == 0 {
			continue
		}
		r := ended(runs[0])
		switch {
		case s == state.Running:
			j.Running = r.StartedAt
			continue
		case (s == state.Done || s == state.Part) && r.ID > j.Success.ID:
			j.Success = r
		}
		if r.ID > j.Last.ID {
			j.Last = r
		}
	}
	return j, nil
}

func ended(r state.Run) alert.Run {
	return alert.Run{ID: r.ID, State: string(r.State), Slot: r.Slot, StartedAt: r.StartedAt, FinishedAt: r.FinishedAt, Code: r.Code,
		Error: r.Error, Remedy: r.Remedy, Waiting: r.Waiting, Counts: alert.Counts{Read: r.Counts.Read, Delivered: r.Counts.Delivered, Rejected: r.Counts.Rejected}}
}
