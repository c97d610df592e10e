package state

import (
	"context"
	"fmt"
	"time"

	"milkrun/sync/feed"
)

// Lane is one of the two positions a job can have at a time.
type Lane string

// The lanes.
const (
	Forward Lane = "forward" // the incremental position
	Full    Lane = "full"    // a complete pass that is under way
)

// Checkpoint says how far a job has read in a lane: everything up to Cursor is delivered or a dead letter.
type Checkpoint struct {
	Job     string
	Lane    Lane
	Version int64 // of its newest [Change], 0 when there is none; given by the store
	Cursor  feed.Cursor
	Rows    int64  // delivered since the lane began
	Detail  string // JSON, the engine's own
	RunID   int64  // the run that moved it, 0 when an operator did
	// StartedAt is when the lane began, UpdatedAt when the cursor was moved last.
	StartedAt, UpdatedAt time.Time
	Who, Why             string // the operator who moved it, when one did
}

const checkpointColumns = "job, lane, version, cursor, rows, detail, coalesce(run_id, 0), started_at, updated_at, who, why"

func scanCheckpoint(row scanner) (c Checkpoint, err error) {
	err = row.Scan(&c.Job, &c.Lane, &c.Version, &c.Cursor, &c.Rows, &c.Detail, &c.RunID,
		when(&c.StartedAt), when(&c.UpdatedAt), &c.Who, &c.Why)
	return c, err
}

// Checkpoint returns the checkpoint of a job in a lane, and whether there is one.
func (s *Store) Checkpoint(ctx context.Context, job string, lane Lane) (Checkpoint, bool, error) {
	c, found, err := checkpointOf(ctx, s.r, job, lane)
	return c, found, explain(s.path, "reading the checkpoint of job "+job, err)
}

func checkpointOf(ctx context.Context, q querier, job string, lane Lane) (Checkpoint, bool, error) {
	return one(ctx, q, scanCheckpoint,
		"SELECT "+checkpointColumns+" FROM checkpoint WHERE job = ? AND lane = ?", job, lane)
}

// Checkpoints returns all checkpoints by job and lane.
func (s *Store) Checkpoints(ctx context.Context) ([]Checkpoint, error) {
	list, err := all(ctx, s.r, scanCheckpoint, "SELECT "+checkpointColumns+" FROM checkpoint ORDER BY job, lane")
	return list, explain(s.path, "reading the checkpoints", err)
}

// SetCheckpoint moves a checkpoint to a cursor on behalf of an operator, and forgets the recent marks of the job: what
// stands behind the cursor is to be read again. It is ErrRunning while a run of the job is under way.
func (s *Store) SetCheckpoint(ctx context.Context, job string, lane Lane, cursor feed.Cursor, who, why string) error {
	return s.write(ctx, "setting the checkpoint of job "+job, func(t *tx) error {
		return t.operate(job, lane, opSet, who, why, &Checkpoint{Cursor: cursor})
	})
}

// ResetCheckpoint removes a checkpoint on behalf of an operator: the job begins at the beginning. It is ErrNotFound
// when there is none, and ErrRunning while a run of the job is under way.
func (s *Store) ResetCheckpoint(ctx context.Context, job string, lane Lane, who, why string) error {
	return s.write(ctx, "resetting the checkpoint of job "+job, func(t *tx) error {
		_, found, err := checkpointOf(t.ctx, t, job, lane)
		if err == nil && !found {
			err = fmt.Errorf("%w: it has none in lane %s", ErrNotFound, lane)
		}
		if err != nil {
			return err
		}
		return t.operate(job, lane, opReset, who, why, nil)
	})
}

// UndoCheckpoint brings back the value before the last change by an operator, whatever runs have done since, and
// returns it; a zero StartedAt says that there was no checkpoint then. An undo is such a change itself, so a second one
// takes the first one back. It is ErrNoUndo when no operator changed it, and ErrRunning while a run of the job is under
// way.
func (s *Store) UndoCheckpoint(ctx context.Context, job string, lane Lane, who, why string) (Checkpoint, error) {
	c := Checkpoint{Job: job, Lane: lane}
	err := s.write(ctx, "undoing the last change to the checkpoint of job "+job, func(t *tx) error {
		before, err := t.beforeOperator(job, lane)
		if err != nil {
			return err
		}
		if err := t.operate(job, lane, opUndo, who, why, before); err != nil || before == nil {
			return err
		}
		c, _, err = checkpointOf(t.ctx, t, job, lane)
		return err
	})
	return c, err
}

// operate does what all changes by operators have in common. A nil target removes the checkpoint.
func (t *tx) operate(job string, lane Lane, op string, who, why string, target *Checkpoint) error {
	if err := t.idle(job); err != nil {
		return err
	}
	version, err := t.record(job, lane, op, 0, who, why, target)
	if err != nil {
		return err
	}
	if err := t.place(job, lane, version, who, why, target); err != nil {
		return err
	}
	if err := t.exec("DELETE FROM recent WHERE job = ?", job); err != nil {
		return err
	}
	return t.audit(who, "checkpoint "+op+" "+string(lane), job, why)
}

func (t *tx) place(job string, lane Lane, version int64, who, why string, target *Checkpoint) error {
	if target == nil {
		return t.exec("DELETE FROM checkpoint WHERE job = ? AND lane = ?", job, lane)
	}
	return t.exec(`INSERT INTO checkpoint (job, lane, version, cursor, rows, detail, started_at, updated_at, who, why)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (job, lane) DO UPDATE SET version = excluded.version, cursor = excluded.cursor, rows = excluded.rows,
			detail = excluded.detail, run_id = NULL, started_at = excluded.started_at, updated_at = excluded.updated_at,
			who = excluded.who, why = excluded.why`,
		job, lane, version, target.Cursor, target.Rows, target.Detail, t.orNow(target.StartedAt), stamp(t.now), who, why)
}

// EndLane removes the checkpoint of a complete pass that is over and keeps the time, see [Store.LastFull]. Ending the
// forward lane only removes its checkpoint. A lane that is not there is no error.
func (s *Store) EndLane(ctx context.Context, job string, lane Lane) error {
	return s.write(ctx, fmt.Sprintf("ending the %s pass of job %s", lane, job), func(t *tx) error {
		c, found, err := checkpointOf(t.ctx, t, job, lane)
		if err != nil {
			return err
		}
		if found {
			if _, err := t.record(job, lane, opEnd, c.RunID, "", "", nil); err != nil {
				return err
			}
			if err := t.place(job, lane, 0, "", "", nil); err != nil {
				return err
			}
		}
		if lane != Full {
			return nil
		}
		return t.lastFull(job, t.now)
	})
}

// LastFull returns when the last complete pass of a job ended, and whether there was one.
func (s *Store) LastFull(ctx context.Context, job string) (time.Time, bool, error) {
	at, found, err := one(ctx, s.r, scanTime, "SELECT last_full FROM job WHERE name = ? AND last_full IS NOT NULL", job)
	return at, found, explain(s.path, "reading the last complete pass of job "+job, err)
}

// SetLastFull says when the last complete pass of a job ended.
func (s *Store) SetLastFull(ctx context.Context, job string, at time.Time) error {
	return s.write(ctx, "noting the complete pass of job "+job, func(t *tx) error { return t.lastFull(job, at) })
}

func (t *tx) lastFull(job string, at time.Time) error {
	return t.exec("INSERT INTO job (name, last_full) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET last_full = excluded.last_full",
		job, stamp(at))
}
