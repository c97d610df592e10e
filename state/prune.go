package state

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// What is kept of the history whatever its age: an operator looks at the newest things of a job also when they are old,
// and engine, alerts and metrics ask for the last run of a kind.
const (
	kept      = 20 // newest runs of a job, and newest changes to a checkpoint
	keptAudit = 2  // years
)

// Pruned is how many rows of the history are removed, or would be.
type Pruned struct {
	Runs       int64 `json:"runs"` // with what was noted about them
	Slots      int64 `json:"slots"`
	Letters    int64 `json:"dead_letters"`       // that are settled
	Changes    int64 `json:"checkpoint_changes"` // to checkpoints
	Batches    int64 `json:"batches"`            // recorded for targets where sending twice is harm, and settled
	Reports    int64 `json:"reports"`            // of partners, about messages of such batches
	Backfills  int64 `json:"backfills"`          // that are over
	Repushes   int64 `json:"repushes"`           // whose runs go, too
	Incidents  int64 `json:"incidents"`          // that are over
	Timeliness int64 `json:"timeliness"`         // days of an interface with a job
	Operations int64 `json:"operations"`         // of operators
	Exchanges  int64 `json:"exchanges"`          // of the audit; see [Store.PruneExchanges]
}

// Total is how many rows that is.
func (p Pruned) Total() int64 {
	return p.Runs + p.Slots + p.Letters + p.Changes + p.Batches + p.Reports + p.Backfills + p.Repushes + p.Incidents + p.Timeliness + p.Operations + p.Exchanges
}

// Prunable counts what Prune would remove.
func (s *Store) Prunable(ctx context.Context, before time.Time) (p Pruned, err error) {
	for _, h := range s.histories(before, &p) {
		if *h.count, _, err = one(ctx, s.r, scanTo[int64], "SELECT count(*) FROM ("+h.old+")", h.args...); err != nil {
			return p, explain(s.path, "counting the old "+h.name, err)
		}
	}
	return p, nil
}

// Prune removes the history that ended before a moment, a little at a time, so that nobody waits for long: runs, decisions
// about slots, settled dead letters and batches, changes to checkpoints, backfills and incidents that are over, re-pushes,
// figures of timeliness. Operations are kept for at least two years.
//
// It never removes what is open: runs under way, open letters and incidents, batches that are not settled. Nor what is needed: the
// newest 20 runs of a job and the last one of each kind and outcome; the last decision about its slots; the newest 20
// changes to a checkpoint and the last one by an operator; its newest batch; the newest re-push and
// incident, whose number is not given again; and a run that something which is kept names.
//
// When ctx ends it stops between two steps; what is removed until then stays removed. With a who it is recorded as an
// operation when it removed anything.
func (s *Store) Prune(ctx context.Context, before time.Time, who, why string) (p Pruned, err error) {
	for _, h := range s.histories(before, &p) {
		if err := s.removeOld(ctx, h); err != nil {
			return p, fmt.Errorf("removing the old %s: %w", h.name, err)
		}
	}
	if p.Total() > 0 && who != "" {
		err = s.write(ctx, "recording what was removed", func(t *tx) error {
			return t.audit(who, fmt.Sprintf("prune of what ended before %s: %d rows", before.UTC().Format(time.RFC3339), p.Total()), "", why)
		})
	}
	if err == nil {
		_, err = s.w.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)") // waits for nobody
		err = explain(s.path, "merging its log", err)
	}
	return p, err
}

// history is a table of things that are over some time.
type history struct {
	name   string
	table  string
	key    string // the columns that tell its rows apart
	old    string // a query for the keys of the rows that may go
	args   []any
	count  *int64 // where to count them
	weight int    // of a row with what goes with it
}

// Rows that may go, whatever else has gone already. ?1 is the moment before which everything is old, ?2 is kept.
const (
	oldSlot = `s.through < ?1 AND s.at <> (SELECT max(at) FROM slot n WHERE n.job = s.job)`

	oldChange = `h.at < ?1
		AND h.version <= (SELECT max(version) FROM checkpoint_history n WHERE n.job = h.job AND n.lane = h.lane) - ?2
		AND (h.job, h.lane, h.version) NOT IN (SELECT job, lane, max(version) FROM checkpoint_history
			WHERE op IN ('set', 'reset', 'undo', 'import') GROUP BY job, lane)`

	oldBatch = `i.state = 'settled' AND i.updated_at < ?1
		AND (i.job, i.at) NOT IN (SELECT job, max(at) FROM intent GROUP BY job)`

	oldReport = `r.received_at < ?1 AND NOT EXISTS (SELECT 1 FROM intent i
		WHERE i.connection = r.connection AND (i.id = r.intent OR i.ref <> '' AND i.ref = r.ref) AND NOT (` + oldBatch + `))`

	oldBackfill = `b.ended_at < ?1`

	oldRepush = `p.created_at < ?1 AND p.id < (SELECT max(id) FROM repush)
		AND NOT EXISTS (SELECT 1 FROM run r WHERE r.id = p.run_id AND NOT (` + oldRun + `))`

	oldIncident = `i.ended_at < ?1 AND i.id < (SELECT max(id) FROM incident)`

	oldRun = `r.state <> 'running' AND r.finished_at < ?1
		AND r.id NOT IN (SELECT max(id) FROM run GROUP BY job, state, "trigger", mode)
		AND (SELECT count(*) FROM (SELECT 1 FROM run n WHERE n.job = r.job AND n.id > r.id LIMIT ?2)) = ?2
		AND NOT EXISTS (SELECT 1 FROM checkpoint c WHERE c.run_id = r.id)
		AND NOT EXISTS (SELECT 1 FROM halt t WHERE t.run_id = r.id)
		AND NOT EXISTS (SELECT 1 FROM letter l WHERE l.run_id = r.id AND l.state = 'open')
		AND NOT EXISTS (SELECT 1 FROM intent i WHERE i.run_id = r.id AND i.state <> 'settled')
		AND NOT EXISTS (SELECT 1 FROM slot s WHERE s.run_id = r.id AND NOT (` + oldSlot + `))
		AND NOT EXISTS (SELECT 1 FROM checkpoint_history h WHERE h.run_id = r.id AND NOT (` + oldChange + `))
		AND r.id NOT IN (SELECT u.run_id FROM backfill_unit u JOIN backfill b ON b.id = u.backfill_id
			WHERE u.run_id IS NOT NULL AND NOT coalesce(` + oldBackfill + `, FALSE))`
)

// histories lists what can be old: runs behind what names them, which is less work.
func (s *Store) histories(before time.Time, p *Pruned) []history {
	audit := s.moment().AddDate(-keptAudit, 0, 0)
	if before.Before(audit) {
		audit = before
	}
	at, few := []any{stamp(before)}, []any{stamp(before), kept}
	day := before.UTC().Add(-12 * time.Hour).Format(dayLayout) // is not over everywhere; the days before it are
	return []history{
		{"slots", "slot", "job, at", "SELECT s.job, s.at FROM slot s WHERE " + oldSlot, at, &p.Slots, 1},
		{"dead letters", "letter", "id", "SELECT id FROM letter WHERE state <> 'open' AND settled_at < ?1", at, &p.Letters, 1},
		{"checkpoint changes", "checkpoint_history", "job, lane, version", "SELECT h.job, h.lane, h.version FROM checkpoint_history h WHERE " + oldChange,
			few, &p.Changes, 1},
		{"batches", "intent", "id", "SELECT i.id FROM intent i WHERE " + oldBatch, at, &p.Batches, 100},
		{"reports", "report", "connection, ref, person, status, code, reported_at", "SELECT r.connection, r.ref, r.person, r.status, r.code, r.reported_at FROM report r WHERE " + oldReport,
			at, &p.Reports, 1},
		{"backfills", "backfill", "id", "SELECT b.id FROM backfill b WHERE " + oldBackfill, at, &p.Backfills, 10},
		{"re-pushes", "repush", "id", "SELECT p.id FROM repush p WHERE " + oldRepush, few, &p.Repushes, 5},
		{"incidents", "incident", "id", "SELECT i.id FROM incident i WHERE " + oldIncident, at, &p.Incidents, 1},
		{"timeliness", "timeliness", "interface,version,job,day", "SELECT t.interface, t.version, t.job, t.day FROM timeliness t WHERE t.day < ?1",
			[]any{day}, &p.Timeliness, 1},
		{"runs", "run", "id", "SELECT r.id FROM run r WHERE " + oldRun, few, &p.Runs, 10},
		{"operations", "operation", "id", "SELECT id FROM operation WHERE at < ?1", []any{stamp(audit)}, &p.Operations, 1},
	}
}

// bite is how many rows go in one transaction: some milliseconds.
const bite = 500

// removeOld looks once which rows are old, which nothing changes, and removes them in small transactions, with a pause as
// long as the work after each: half of the time belongs to others.
func (s *Store) removeOld(ctx context.Context, h history) error {
	if s.w == nil {
		return s.write(ctx, "removing history", nil)
	}
	width := strings.Count(h.key, ",") + 1
	keys, err := all(ctx, s.r, rowOf(width), h.old, h.args...)
	if err != nil {
		return explain(s.path, "reading it", err)
	}
	marks := "(?" + strings.Repeat(", ?", width-1) + ")"
	remove := fmt.Sprintf("DELETE FROM %s WHERE (%s) = %s", h.table, h.key, marks)
	for len(keys) > 0 {
		n := min(len(keys), max(1, bite/h.weight))
		began := time.Now()
		err := s.write(ctx, "removing it", func(t *tx) error {
			st, err := t.PrepareContext(t.ctx, remove)
			if err != nil {
				return err
			}
			defer st.Close()
			for _, key := range keys[:n] {
				if _, err := st.ExecContext(t.ctx, key...); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		*h.count += int64(n)
		keys = keys[n:]
		rest(ctx, time.Since(began))
	}
	return nil
}

// rest waits, unless ctx ends before.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// rowOf reads a row of some columns.
func rowOf(width int) func(scanner) ([]any, error) {
	return func(row scanner) ([]any, error) {
		values, to := make([]any, width), make([]any, width)
		for i := range values {
			to[i] = &values[i]
		}
		return values, row.Scan(to...)
	}
}

// Waste is how many bytes of the file hold nothing, and how many it has. SQLite uses them for what comes next; only Compact
// gives them back.
func (s *Store) Waste(ctx context.Context) (free, size int64, err error) {
	read := func(expression string) (n int64) {
		if err == nil {
			n, _, err = one(ctx, s.r, scanTo[int64], "SELECT "+expression)
		}
		return n
	}
	free = read("(SELECT freelist_count FROM pragma_freelist_count) * (SELECT page_size FROM pragma_page_size)")
	size = read("(SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)")
	return free, size, explain(s.path, "reading its size", err)
}

// Compact writes the file anew without the space that holds nothing. Nobody else can write meanwhile, and it needs room for
// the file once more: it is for the holder of the [Lock].
func (s *Store) Compact(ctx context.Context) error {
	if s.w == nil {
		return s.write(ctx, "compacting it", nil)
	}
	_, err := s.w.ExecContext(ctx, "VACUUM")
	if err == nil {
		_, err = s.w.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	}
	return explain(s.path, "compacting it", err)
}
