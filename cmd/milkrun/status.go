package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/config"
)

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
	conf, err := a.load(false)
	if err != nil {
		return err
	}
	store, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer a.shut(store)
	v := statusView{State: store.Path(), Jobs: []jobView{}}
	v.PID, v.Daemon = state.Holder(a.stateFile())
	if err := v.fill(ctx, conf, store); err != nil {
		return err
	}
	if d, _, err := store.Daemon(ctx); err != nil {
		return err
	} else if v.Daemon && !d.RefusedAt.IsZero() {
		v.Refused = d.Refusal
	}
	if asJSON {
		return a.printJSON(v)
	}
	if v.Daemon {
		a.say("the daemon is running (pid %d), state in %s\n", v.PID, v.State)
	} else {
		a.say("no daemon is running, state in %s\n", v.State)
	}
	a.printStatus(conf, v.Jobs)
	if v.Refused != "" {
		a.say("\nthe daemon goes on with the configuration it had: %s", v.Refused)
		a.sayNext("mend the file, then milkrun reload")
	}
	return nil
}

// fill looks at every job.
func (v *statusView) fill(ctx context.Context, conf *config.Config, store *state.Store) error {
	held, err := heldNow(ctx, store)
	if err != nil {
		return err
	}
	letters, err := store.OpenLetters(ctx)
	if err != nil {
		return err
	}
	for _, job := range conf.Jobs {
		j := jobView{Job: job.Name, Letters: letters[job.Name]}
		last, err := j.fill(ctx, store, job)
		if err != nil {
			return err
		}
		j.stand(job, last, held, v.Daemon)
		v.Jobs = append(v.Jobs, j)
	}
	return nil
}

// fill adds the last run, which it returns (without an id when there is none), the next slot and the checkpoints.
func (v *jobView) fill(ctx context.Context, store *state.Store, job *config.Job) (last state.Run, err error) {
	runs, err := store.Runs(ctx, state.RunFilter{Job: job.Name, Limit: 1})
	if err != nil {
		return last, err
	}
	if len(runs) > 0 {
		last = runs[0]
		run := viewRun(last)
		v.LastRun = &run
	}
	if slots := coming(job, time.Now(), 1); len(slots) > 0 && job.Enabled {
		v.NextSlot = slots[0].Slot
	}
	if v.Checkpoint, err = cursorNow(ctx, store, job.Name, state.Forward); err != nil {
		return last, err
	}
	if v.FullPass, err = cursorNow(ctx, store, job.Name, state.Full); err != nil {
		return last, err
	}
	v.LastFull, _, err = store.LastFull(ctx, job.Name)
	return last, err
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
		v.Remedy = afterFailure(job, last)
	}
}

func (a *app) printStatus(conf *config.Config, list []jobView) {
	rows := make([][]any, len(list))
	now := time.Now()
	for i, v := range list {
		last, records, next := "never", "", "by hand"
		if v.LastRun != nil {
			last, records = ago(v.LastRun.StartedAt, now), grouped(v.LastRun.Delivered)
		}
		if !v.NextSlot.IsZero() {
			next = clock(v.NextSlot, conf.Jobs[i].Location)
		}
		rows[i] = []any{v.Job, v.State, last, records, next, cut(v.place(now), 40), grouped(v.Letters)}
	}
	a.printTable([]any{"JOB", "STATE", "LAST RUN", "RECORDS", "NEXT SLOT", "CHECKPOINT", "LETTERS"}, rows, "no jobs")
	a.printReasons(list)
}

// place writes how far a job has come.
func (v jobView) place(now time.Time) string {
	switch {
	case v.FullPass != nil:
		return "full pass, " + inWords(v.FullPass)
	case v.Checkpoint != nil:
		return inWords(v.Checkpoint)
	case !v.LastFull.IsZero():
		return "complete, " + ago(v.LastFull, now)
	}
	return "none"
}

// printReasons says below the table why jobs stand as they do, and what to do. Jobs on one halted connection share a
// reason.
func (a *app) printReasons(list []jobView) {
	type why struct{ state, reason, remedy, resume string }
	jobs := map[why][]string{}
	for _, v := range list {
		w := why{v.State, v.Reason, v.Remedy, v.Resume}
		jobs[w] = append(jobs[w], v.Job)
	}
	for _, v := range list {
		w := why{v.State, v.Reason, v.Remedy, v.Resume}
		if v.Reason == "" || jobs[w][0] != v.Job {
			continue
		}
		a.say("\n%s: %s", standing(jobs[w], v.State), v.Reason)
		a.sayNext(v.Remedy)
		if v.Resume != "" {
			a.sayNext(resuming(v.Resume))
		}
	}
}

// standing begins a sentence: "affairs is halted", "affairs, late are halted", "grades failed".
func standing(jobs []string, how string) string {
	verb := " is "
	switch {
	case how == string(state.Failed):
		verb = " "
	case len(jobs) > 1:
		verb = " are "
	}
	return fmt.Sprint(strings.Join(jobs, ", "), verb, how)
}
