package report

import (
	"context"
	"time"

	"milkrun/state"
)

// countSlots counts what became of the slots of the month.
func (g *gatherer) countSlots(ctx context.Context) error {
	slots, err := g.Store.SlotsIn(ctx, g.report.From, g.report.To)
	for _, s := range slots {
		if !g.uses(s.Job) {
			continue
		}
		for at, n := range g.within(s) {
			f := g.judge(ctx, s, at, n)
			g.line(s.Job).add(&f)
			if d := g.day(at); d != nil {
				d.add(&f)
			}
		}
	}
	return err
}

// within are the slots of a row that fall into the month, by day. A row of several is spread by the job's schedule; when
// that does not tell, all of them are where the row begins.
func (g *gatherer) within(s state.Slot) map[time.Time]int64 {
	job := g.Config.Job(s.Job)
	if s.Count == 1 || job == nil || job.Schedule.Manual() {
		return map[time.Time]int64{later(s.At, g.report.From): s.Count}
	}
	spread, days, seen := map[time.Time]int64{}, map[string]time.Time{}, int64(0)
	for at := s.At; !at.IsZero() && !at.After(s.Through) && seen < s.Count; at = job.Schedule.Next(at) {
		seen++
		if at.Before(g.report.From) || !at.Before(g.report.To) {
			continue
		}
		day := at.In(g.report.zone).Format(time.DateOnly)
		if _, there := days[day]; !there {
			days[day] = at
		}
		spread[days[day]]++
	}
	return spread
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// judge says what became of n slots of a row, the first of which is at.
func (g *gatherer) judge(ctx context.Context, s state.Slot, at time.Time, n int64) Figures {
	f := Figures{Promised: n}
	madeUp := s.Decision == state.CaughtUp || s.Decision == state.Coalesced
	if s.Decision != state.Ran && !madeUp {
		f.Missed = n
		return f
	}
	run, found := g.lastOf(ctx, s.RunID)
	switch {
	case !found:
		f.Unknown = n
	case run.State == state.Running:
		f.Pending = n
	case run.State != state.Done && run.State != state.Part:
		f.Failed = n
	case madeUp || g.late(s, at, run):
		f.Late = n
	default:
		f.OnTime = n
	}
	return f
}

// late says whether a slot was done behind its deadline. In a row of slots that found nothing each was done at once.
func (g *gatherer) late(s state.Slot, at time.Time, run state.Run) bool {
	job := g.Config.Job(s.Job)
	if job == nil || s.Count > 1 {
		return false
	}
	deadline := job.Watch.Deadline(at, job.Location)
	return !deadline.IsZero() && run.FinishedAt.After(deadline)
}

// lastOf is a run, or the one that went on with it after an interruption, and so forth.
func (g *gatherer) lastOf(ctx context.Context, id int64) (state.Run, bool) {
	run, found := g.runOf(ctx, id)
	for found && run.State == state.Interrupted {
		next, goesOn := g.resumed(run)
		if !goesOn {
			break
		}
		run = next
	}
	return run, found
}

func (g *gatherer) runOf(ctx context.Context, id int64) (state.Run, bool) {
	if run, found := g.runs[id]; found || id == 0 {
		return run, found
	}
	run, err := g.Store.Run(ctx, id) // one that began in another month
	return run, err == nil
}

// resumed is the next run of a job behind an interrupted one, when that went on with it.
func (g *gatherer) resumed(run state.Run) (state.Run, bool) {
	for _, next := range g.order {
		if next.ID > run.ID && next.Job == run.Job {
			return next, next.Trigger == state.Resume
		}
	}
	return state.Run{}, false
}
