package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/config"
)

// jobStatus is one job as an operator sees it.
type jobStatus struct {
	Job        string     `json:"job"`
	State      string     `json:"state"` // running, halted, paused, disabled, or how the last run ended; "never ran"
	Reason     string     `json:"reason,omitempty"`
	Remedy     string     `json:"remedy,omitempty"`
	LastRun    *state.Run `json:"last_run,omitempty"`
	Next       *time.Time `json:"next,omitempty"`
	Checkpoint string     `json:"checkpoint"`
	Letters    int64      `json:"open_dead_letters"`
	location   *time.Location
}

func (a *app) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how every job stands: last run, next slot, checkpoint, dead letters, halts",
		Args:  arguments(cobra.NoArgs),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context(), *asJSON) }
	return cmd
}

func (a *app) status(ctx context.Context, asJSON bool) error {
	a.planSandbox()
	conf, err := a.load(false)
	if err != nil {
		return err
	}
	store, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer func() { a.warn(store.Close()) }()
	pid, held := state.Holder(a.stateFile())
	list, err := statuses(ctx, conf, store, held)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(struct {
			Daemon int         `json:"daemon_pid"`
			Jobs   []jobStatus `json:"jobs"`
		}{pid, list})
	}
	if held {
		fmt.Fprintf(a.stdout, "the daemon is running (pid %d), state in %s\n\n", pid, store.Path())
	} else {
		fmt.Fprintf(a.stdout, "no daemon is running, state in %s\n\n", store.Path())
	}
	a.printStatus(list)
	return nil
}

// statuses looks at every job. Without a process that holds the state nothing runs, whatever a killed one left behind.
func statuses(ctx context.Context, conf *config.Config, store *state.Store, held bool) ([]jobStatus, error) {
	paused, err := store.Paused(ctx)
	if err != nil {
		return nil, err
	}
	halts, err := store.Halts(ctx)
	if err != nil {
		return nil, err
	}
	letters, err := store.OpenLetters(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]jobStatus, 0, len(conf.Jobs))
	for _, job := range conf.Jobs {
		s := jobStatus{Job: job.Name, State: "never ran", Letters: letters[job.Name], location: job.Location}
		if err := s.fill(ctx, store, job); err != nil {
			return nil, err
		}
		if s.State == string(state.Running) && !held {
			s.State, s.Reason = string(state.Interrupted), "the process was killed; the next one goes on from the checkpoint"
		}
		s.hold(job, paused, halts)
		list = append(list, s)
	}
	return list, nil
}

// fill adds the last run, the next slot and the checkpoint.
func (s *jobStatus) fill(ctx context.Context, store *state.Store, job *config.Job) error {
	runs, err := store.Runs(ctx, state.RunFilter{Job: job.Name, Limit: 1})
	if err != nil {
		return err
	}
	if len(runs) > 0 {
		s.LastRun, s.State, s.Reason, s.Remedy = &runs[0], string(runs[0].State), runs[0].Error, runs[0].Remedy
	}
	if next := job.Schedule.Next(time.Now()); !next.IsZero() && job.Enabled {
		s.Next = &next
	}
	s.Checkpoint = "none"
	for _, lane := range []state.Lane{state.Forward, state.Full} {
		cp, ok, err := store.Checkpoint(ctx, job.Name, lane)
		if err != nil {
			return err
		}
		if ok {
			s.Checkpoint = string(cp.Cursor)
		}
		if ok && lane == state.Full {
			s.Checkpoint = "complete pass under way, behind " + s.Checkpoint
		}
	}
	if last, ever, err := store.LastFull(ctx, job.Name); err != nil || !ever || s.Checkpoint != "none" {
		return err
	} else if s.LastRun != nil {
		s.Checkpoint = "complete as of " + clock(last, job.Location)
	}
	return nil
}

// hold says what keeps the job from running. A halt, which needs mending, counts more than a pause.
func (s *jobStatus) hold(job *config.Job, paused map[string]state.Pausing, halts []state.Halt) {
	running := s.LastRun != nil && s.LastRun.State == state.Running
	if p, ok := paused[job.Name]; ok && !running {
		s.State, s.Reason, s.Remedy = "paused", "by "+p.Who+": "+p.Why, "milkrun resume "+job.Name
	}
	for _, h := range halts {
		if h.Name == job.Name && h.Scope == state.JobScope || h.Scope == state.ConnectionScope &&
			(h.Name == job.Source.Connection.Name || h.Name == job.Sink.Connection.Name) {
			s.State, s.Reason = "halted", h.Reason
			s.Remedy = h.Remedy + "; then: milkrun resume " + h.Name
		}
	}
	if !job.Enabled {
		s.State, s.Reason, s.Remedy = "disabled", "enabled = false in jobs.toml", ""
	}
}

func (a *app) printStatus(list []jobStatus) {
	rows := make([][]any, 0, len(list))
	now := time.Now()
	for _, s := range list {
		last, records, next := "never", "", "by hand"
		if r := s.LastRun; r != nil {
			last = ago(r.StartedAt, now)
			records = fmt.Sprintf("%s of %s", grouped(r.Counts.Delivered), grouped(r.Counts.Read))
		}
		if s.Next != nil {
			next = clock(*s.Next, s.location)
		}
		rows = append(rows, []any{s.Job, s.State, last, records, next, cut(s.Checkpoint, 60), grouped(s.Letters)})
	}
	a.printTable([]any{"JOB", "STATE", "LAST RUN", "DELIVERED OF READ", "NEXT SLOT", "CHECKPOINT", "DEAD LETTERS"}, rows, "no jobs")
	for _, s := range list {
		if s.Reason != "" {
			fmt.Fprintf(a.stdout, "\n%s is %s: %s\n", s.Job, s.State, s.Reason)
			if s.Remedy != "" {
				fmt.Fprintf(a.stdout, "  → %s\n", s.Remedy)
			}
		}
	}
}
