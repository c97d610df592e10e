package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/kind"
)

// manySlots is after how many slots without a good run a job is worth a word.
const manySlots = 3

func onJob(name string) string { return "job " + name }

// examineHolds looks what stands still: halts, which somebody has to end, and pauses, which somebody wanted.
func (d *doctor) examineHolds(ctx context.Context) {
	held, err := standing.Held(ctx, d.store)
	if d.report("halts", err) {
		return
	}
	for _, h := range held.Halts {
		if h.Who != "" {
			d.add(h.Scope+" "+h.Name, kind.Found(kind.Warning, "pause", "since %s %s", clock(h.At, d.zone(h.Name)), h.Reason).WithRemedy("%s", resuming(h.Name)))
			continue
		}
		d.add(h.Scope+" "+h.Name, kind.Found(kind.Bad, "halt", "halted since %s: %s", clock(h.At, d.zone(h.Name)), h.Reason).WithRemedy("%s", cure(h)))
	}
	for _, name := range slices.Sorted(maps.Keys(held.Paused)) {
		p := held.Paused[name]
		d.add(onJob(name), kind.Found(kind.Warning, "pause", "paused since %s by %s%s", clock(p.At, d.zone(name)), p.Who, reason(p.Why)).WithRemedy("%s", resuming(name)))
	}
}

// zone is the zone that times of a job are shown in.
func (d *doctor) zone(job string) *time.Location {
	if d.conf == nil {
		return time.Local
	}
	return standing.Zone(d.conf, job)
}

// examineJobs looks at dead letters, at batches in doubt, at runs that nobody is working on, and at jobs that have not
// succeeded for long.
func (d *doctor) examineJobs(ctx context.Context) {
	before := len(d.Findings)
	letters, err := d.store.OpenLetters(ctx)
	if d.report("dead letters", err) {
		return
	}
	for _, job := range slices.Sorted(maps.Keys(letters)) {
		d.add(onJob(job), kind.Found(kind.Warning, "dead letters", "%s wait for somebody", count(letters[job], "dead letter")).WithRemedy("milkrun dead list %s", job))
	}
	doubts, err := d.store.Doubts(ctx)
	if d.report("doubts", err) {
		return
	}
	for _, i := range doubts {
		d.add(onJob(i.Job), kind.Found(kind.Bad, "doubt", "nobody knows whether batch %s of %s was sent at %s", i.ID, count(i.Records, "record"), clock(i.At, d.zone(i.Job))).
			WithRemedy("ask the partner what became of it, then: milkrun doubt settle %s --as sent|resend --note …; it is not sent again by itself", i.ID))
	}
	d.examineLeft(ctx)
	if d.conf != nil {
		for _, job := range d.conf.Jobs {
			d.examineStale(ctx, job)
		}
	}
	if d.conf != nil && len(d.Findings) == before {
		d.good("jobs", "jobs", "no dead letters, no doubts, and none without a good run for long")
	}
}

// examineLeft looks for runs that count as under way although nobody works on them.
func (d *doctor) examineLeft(ctx context.Context) {
	runs, err := d.store.Runs(ctx, state.RunFilter{State: state.Running})
	if d.report("runs", err) {
		return
	}
	if _, held := d.holder(); held {
		return
	}
	for _, r := range runs {
		d.add(onJob(r.Job), kind.Found(kind.Warning, "run", "run %d was left open when milkrun was killed", r.ID).
			WithRemedy("nothing: the next start closes it, and goes on from its checkpoint"))
	}
}

// examineStale looks whether a job has had no good run for some slots, or for as long as its stale_after.
func (d *doctor) examineStale(ctx context.Context, job *config.Job) {
	if !job.Enabled {
		return
	}
	runs, err := d.store.Runs(ctx, state.RunFilter{Job: job.Name, Limit: 1})
	if d.report("runs", err) || len(runs) == 0 {
		return
	}
	last, err := d.lastGood(ctx, job.Name)
	if d.report("runs", err) {
		return
	}
	since, said := last, "since "+clock(last, job.Location)
	if last.IsZero() {
		since, said = runs[0].StartedAt, "yet"
	}
	slots, at := 0, job.Schedule.Next(since)
	for ; slots < manySlots && !at.IsZero() && at.Before(d.now); at = job.Schedule.Next(at) {
		slots++
	}
	promised := job.Watch.StaleAfter > 0 && d.now.Sub(since) > job.Watch.StaleAfter
	if slots < manySlots && !promised {
		return
	}
	d.add(onJob(job.Name), kind.Found(kind.Warning, "stale", "no run has succeeded %s", said).
		WithRemedy("%s", cmp.Or(runs[0].Remedy, "milkrun runs "+job.Name+" shows its runs, milkrun slots "+job.Name+" why it did not run")))
}

// lastGood is when the last run of a job began that succeeded, zero when none did.
func (d *doctor) lastGood(ctx context.Context, job string) (last time.Time, err error) {
	for _, s := range []state.RunState{state.Done, state.Part} {
		runs, err := d.store.Runs(ctx, state.RunFilter{Job: job, State: s, Limit: 1})
		if err != nil {
			return last, err
		}
		if len(runs) > 0 && runs[0].StartedAt.After(last) {
			last = runs[0].StartedAt
		}
	}
	return last, nil
}
