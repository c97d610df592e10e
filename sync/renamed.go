package sync

import (
	"context"
	"fmt"
	"slices"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
)

const codeRenamed = "renamed"

// Forerunner is a job that is gone from the configuration, and whose place another one seems to take under a new name: that
// one reads the same, sends to the same partner, where sending twice is harm, and would begin at the beginning.
type Forerunner struct {
	Job, By string
	doubt   bool // nobody knows what became of a batch of it
}

// ForerunnerOf returns the one of a job that has not begun, nil when there is none. Configured says whether a job is in the
// configuration.
func ForerunnerOf(ctx context.Context, store *state.Store, job *config.Job, configured func(state.Sender) bool) (*Forerunner, error) {
	if _, once := job.Sink.Settings.(kind.Once); !once {
		return nil, nil
	}
	_, begun, err := store.Checkpoint(ctx, job.Name, state.Forward)
	if err != nil || begun {
		return nil, err
	}
	senders, err := store.Senders(ctx, job.Route())
	if err != nil || slices.ContainsFunc(senders, func(s state.Sender) bool { return s.Job == job.Name }) {
		return nil, err
	}
	i := slices.IndexFunc(senders, func(s state.Sender) bool { return !configured(s) })
	if i < 0 {
		return nil, nil
	}
	return before(ctx, store, senders[i].Job, job.Name)
}

func before(ctx context.Context, store *state.Store, old, by string) (*Forerunner, error) {
	open, err := store.OpenIntents(ctx, old)
	if err != nil {
		return nil, err
	}
	doubt := slices.ContainsFunc(open, func(i state.Intent) bool { return i.State != state.IntentRecorded }) // of such a one nothing has left
	return &Forerunner{Job: old, By: by, doubt: doubt}, nil
}

// Text says what is seen.
func (f *Forerunner) Text() string {
	return fmt.Sprintf("job %s looks like job %s under a new name: it would begin at the first record, and send again all that %[2]s has sent", f.By, f.Job)
}

// Remedy is what to do beforehand, a line each.
func (f *Forerunner) Remedy() string {
	return f.step() + fmt.Sprintf("\nif it is another job, or shall send everything again: milkrun resume %s, once its first run has halted", f.By)
}

// step is what to do when it is the same job.
func (f *Forerunner) step() string {
	move := fmt.Sprintf("if it is the same job, give it the old place before it runs: milkrun checkpoint move %s %s --yes --why renamed", f.Job, f.By)
	if f.doubt {
		return fmt.Sprintf("a batch of job %s is in doubt: settle it first (milkrun doubt list %[1]s)", f.Job) + "\n" + move
	}
	return move
}

// renamed halts a job before it sends anything, when it seems to be an old one under a new name. Resuming it accepts that.
func (r *run) renamed() error {
	ctx := context.WithoutCancel(r.soft)
	f, err := ForerunnerOf(ctx, r.engine.Store, r.job, func(s state.Sender) bool { return s.Configured })
	if err != nil || f == nil {
		return err
	}
	halted, err := r.engine.Store.Runs(ctx, state.RunFilter{Job: r.job.Name, State: state.Halted})
	if err != nil {
		return err
	}
	lost, err := r.engine.Store.History(ctx, r.job.Name, 1) // a place that it had before: what was accepted until then says nothing
	if err != nil {
		return err
	}
	if slices.ContainsFunc(halted, func(h state.Run) bool {
		return h.Code == codeRenamed && (len(lost) == 0 || h.StartedAt.After(lost[0].At))
	}) {
		r.event("renamed", "it begins at the first record, although job %s has sent from the same place", f.Job)
		return nil
	}
	return feed.Errorf(feed.HaltJob, codeRenamed, "%s; nothing was sent", f.Text()).WithRemedy("%s\nif it is another job, or shall send everything again, resume it as it is", f.step())
}
