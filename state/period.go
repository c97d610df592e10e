package state

import (
	"context"
	"time"
)

// RunsIn returns the runs that began in a span of time, from ≤ began < to, in their order.
func (s *Store) RunsIn(ctx context.Context, from, to time.Time) ([]Run, error) {
	list, err := all(ctx, s.r, scanRun, "SELECT "+runColumns+" FROM run WHERE started_at >= ? AND started_at < ? ORDER BY id", stamp(from), stamp(to))
	return list, explain(s.path, "reading the runs of some time", err)
}

// SlotsIn returns the decisions about slots in a span of time, from ≤ slot < to, by time. A row of like slots may reach beyond it.
func (s *Store) SlotsIn(ctx context.Context, from, to time.Time) ([]Slot, error) {
	list, err := all(ctx, s.r, scanSlot, "SELECT "+slotColumns+" FROM slot WHERE through >= ? AND at < ? ORDER BY at, job", stamp(from), stamp(to))
	return list, explain(s.path, "reading the slots of some time", err)
}

// Refusal counts the records of a job that were first refused in some time, for one reason.
type Refusal struct {
	Job, Code string
	Records   int64
	Open      int64 // of them, still refused
}

// RefusalsIn counts the dead letters that came up in a span of time, from ≤ first refused < to, by job and code.
func (s *Store) RefusalsIn(ctx context.Context, from, to time.Time) ([]Refusal, error) {
	list, err := all(ctx, s.r, func(row scanner) (r Refusal, err error) {
		err = row.Scan(&r.Job, &r.Code, &r.Records, &r.Open)
		return r, err
	}, `SELECT job, code, count(*), sum(state = 'open') FROM letter WHERE at >= ? AND at < ? GROUP BY job, code ORDER BY job, 3 DESC, code`,
		stamp(from), stamp(to))
	return list, explain(s.path, "counting the dead letters of some time", err)
}

// EventsIn counts the runs that began in a span of time and of which something of one kind was noted, by job.
func (s *Store) EventsIn(ctx context.Context, kind string, from, to time.Time) (map[string]int64, error) {
	counts := map[string]int64{}
	_, err := all(ctx, s.r, func(row scanner) (struct{}, error) {
		var job string
		var n int64
		err := row.Scan(&job, &n)
		counts[job] = n
		return struct{}{}, err
	}, `SELECT r.job, count(DISTINCT r.id) FROM run_event e JOIN run r ON r.id = e.run_id
		WHERE e.kind = ? AND r.started_at >= ? AND r.started_at < ? GROUP BY r.job`, kind, stamp(from), stamp(to))
	return counts, explain(s.path, "counting events", err)
}
