package state

import (
	"context"
	"fmt"
	"time"

	"milkrun/sync/feed"
)

// The operations of checkpoint_history.
const (
	opRun    = "run"
	opSet    = "set"
	opReset  = "reset"
	opUndo   = "undo"
	opImport = "import"
	opEnd    = "end"
)

// Change is one entry of a checkpoint's history: an operator's change, or what a run that moved it came to. A nil cursor
// says that there was no checkpoint.
type Change struct {
	Job      string
	Lane     Lane
	Version  int64
	Op       string // "run", "set", "reset", "undo", "import", "end" (a complete pass is over)
	From, To *feed.Cursor
	RowsFrom int64
	RowsTo   int64
	RunID    int64
	At       time.Time
	Who, Why string

	detailFrom string
}

const changeColumns = "job, lane, version, op, cursor_from, rows_from, detail_from, cursor_to, rows_to, coalesce(run_id, 0), at, who, why"

func scanChange(row scanner) (c Change, err error) {
	err = row.Scan(&c.Job, &c.Lane, &c.Version, &c.Op, &c.From, &c.RowsFrom, &c.detailFrom, &c.To, &c.RowsTo, &c.RunID,
		when(&c.At), &c.Who, &c.Why)
	return c, err
}

// History returns the newest changes of a job's checkpoints, newest first; limit 0 means all.
func (s *Store) History(ctx context.Context, job string, max int) ([]Change, error) {
	list, err := all(ctx, s.r, scanChange, "SELECT "+changeColumns+
		" FROM checkpoint_history WHERE job = ? ORDER BY at DESC, version DESC, lane LIMIT ?", job, limit(max))
	return list, explain(s.path, "reading the checkpoint history of job "+job, err)
}

// record appends the change from the present value of a checkpoint to target, nil for none, and returns its version.
func (t *tx) record(job string, lane Lane, op string, runID int64, who, why string, target *Checkpoint) (int64, error) {
	c := Change{Job: job, Lane: lane, Op: op, RunID: runID, Who: who, Why: why}
	now, found, err := checkpointOf(t.ctx, t, job, lane)
	if err != nil {
		return 0, err
	}
	if found {
		c.From, c.RowsFrom, c.detailFrom = &now.Cursor, now.Rows, now.Detail
	}
	if target != nil {
		c.To, c.RowsTo = &target.Cursor, target.Rows
	}
	return t.append(c)
}

func (t *tx) append(c Change) (int64, error) {
	last, err := t.version(c.Job, c.Lane)
	if err != nil {
		return 0, err
	}
	return last + 1, t.exec(`INSERT INTO checkpoint_history
		(job, lane, version, op, cursor_from, rows_from, detail_from, cursor_to, rows_to, run_id, at, who, why)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0), ?, ?, ?)`,
		c.Job, c.Lane, last+1, c.Op, c.From, c.RowsFrom, c.detailFrom, c.To, c.RowsTo, c.RunID, stamp(t.now), c.Who, c.Why)
}

// version returns the newest version of a checkpoint, also of one that has been removed.
func (t *tx) version(job string, lane Lane) (int64, error) {
	v, _, err := one(t.ctx, t, scanTo[int64],
		"SELECT coalesce(max(version), 0) FROM checkpoint_history WHERE job = ? AND lane = ?", job, lane)
	return v, err
}

// beforeOperator returns the value before the last change by an operator, nil when there was no checkpoint.
func (t *tx) beforeOperator(job string, lane Lane) (*Checkpoint, error) {
	c, found, err := one(t.ctx, t, scanChange, "SELECT "+changeColumns+` FROM checkpoint_history
		WHERE job = ? AND lane = ? AND op IN ('set', 'reset', 'undo', 'import') ORDER BY version DESC LIMIT 1`, job, lane)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("%w: no operator has changed it in lane %s", ErrNoUndo, lane)
	}
	if c.From == nil {
		return nil, nil
	}
	return &Checkpoint{Cursor: *c.From, Rows: c.RowsFrom, Detail: c.detailFrom}, nil
}

// settleRun appends the outcome of a run to the history of the checkpoints it moved.
func (t *tx) settleRun(runID int64) error {
	list, err := all(t.ctx, t, scanCheckpoint, "SELECT "+checkpointColumns+" FROM checkpoint WHERE run_id = ?", runID)
	if err != nil {
		return err
	}
	for _, c := range list {
		if err := t.settleCheckpoint(c); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) settleCheckpoint(c Checkpoint) error {
	last, _, err := one(t.ctx, t, scanChange,
		"SELECT "+changeColumns+" FROM checkpoint_history WHERE job = ? AND lane = ? AND version = ?", c.Job, c.Lane, c.Version)
	if err != nil || last.To != nil && *last.To == c.Cursor {
		return err
	}
	version, err := t.append(Change{Job: c.Job, Lane: c.Lane, Op: opRun, RunID: c.RunID,
		From: last.To, RowsFrom: last.RowsTo, To: &c.Cursor, RowsTo: c.Rows})
	if err != nil {
		return err
	}
	return t.exec("UPDATE checkpoint SET version = ? WHERE job = ? AND lane = ?", version, c.Job, c.Lane)
}

// idle is ErrRunning while a run of the job is under way.
func (t *tx) idle(job string) error {
	id, found, err := one(t.ctx, t, scanTo[int64], "SELECT id FROM run WHERE job = ? AND state = 'running'", job)
	if err == nil && found {
		err = fmt.Errorf("%w (run %d)", ErrRunning, id)
	}
	return err
}
