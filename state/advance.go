package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"milkrun/sync/audit"
)

// Progress is one step of a run.
type Progress struct {
	// Checkpoint says how far the run has come; its RunID is the run, and must be set. The store itself gives Version
	// and UpdatedAt. Without a Lane no checkpoint moves: only the rest is written, for Job and RunID.
	Checkpoint Checkpoint
	// Counts are those of this step; they are added to the run's. A Total above 0 replaces the run's.
	Counts Counts
	// Letters are the records refused in this step. Their zero Job, RunID and At become those of the step.
	Letters []Letter
	// Recent are the places of the records delivered in this step, for a source with lookback.
	Recent []string
	// Receipts are what the partner gave for the batches of this step; their zero At becomes now.
	Receipts []Receipt
	// Repush is the order that the step belongs to, 0 for none; Origins are the runs that had its records before, and
	// Resolved the open dead letters of its records, which are closed as delivered by Who.
	Repush   int64
	Origins  []Origin
	Resolved []int64
	Who      string
	// Forget takes away marks made by Recent.
	Forget []string
	// Settled are the intents that the target has acknowledged with this step.
	Settled []Taken
	// Exchanges are appended to the audit's chain; see [Store.AddExchanges].
	Exchanges []audit.Row
}

// Taken says that the target has taken a batch for which sending twice is harm.
type Taken struct {
	ID        string // of the intent
	Ref, Note string // see Intent
	Settled   bool   // it is settled already: a report came before the answer
}

// hot holds the prepared statements of Advance.
type hot struct {
	move, begin, count, letter, mark, marks, settle, exchange *sql.Stmt
}

const (
	sqlMove = `UPDATE checkpoint SET cursor = ?, rows = ?, detail = ?, run_id = ?, updated_at = ?, who = '', why = ''
		WHERE job = ? AND lane = ?`
	sqlBegin = `INSERT INTO checkpoint (job, lane, version, cursor, rows, detail, run_id, started_at, updated_at)
		SELECT ?1, ?2, coalesce(max(version), 0), ?3, ?4, ?5, ?6, ?7, ?8 FROM checkpoint_history WHERE job = ?1 AND lane = ?2`
	sqlCount = `UPDATE run SET pages = pages + ?1, read = read + ?2, delivered = delivered + ?3, rejected = rejected + ?4,
		skipped = skipped + ?5, retries = retries + ?6, bytes = bytes + ?7, total = iif(?8 > 0, ?8, total),
		cursor_to = coalesce(?9, cursor_to) WHERE id = ?10 AND state = 'running'`
	sqlLetter = `INSERT INTO letter (job, run_id, at, code, reason, place, "key", record, tried_at)
		VALUES (?1, nullif(?2, 0), ?3, ?4, ?5, ?6, ?7, ?8, ?3)
		ON CONFLICT (job, coalesce('place ' || nullif(place, ''), 'key ' || nullif("key", ''))) WHERE state = 'open'
		DO UPDATE SET run_id = excluded.run_id, code = excluded.code, reason = excluded.reason,
		    "key" = excluded."key", record = excluded.record, tries = tries + 1, tried_at = excluded.tried_at`
	sqlSettle = `UPDATE intent SET state = 'settled', outcome = 'sent', ref = ?, note = ?, payload = NULL, updated_at = ?
		WHERE id = ? AND state <> 'settled'`
)

func (h *hot) prepare(ctx context.Context, db *sql.DB) error {
	for _, p := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&h.move, sqlMove}, {&h.begin, sqlBegin}, {&h.count, sqlCount},
		{&h.letter, sqlLetter}, {&h.mark, sqlMarks(1)}, {&h.marks, sqlMarks(chunk)}, {&h.settle, sqlSettle},
		{&h.exchange, sqlExchange},
	} {
		st, err := db.PrepareContext(ctx, p.text) //nolint:sqlclosecheck // Store.Close does
		if err != nil {
			return err
		}
		*p.to = st
	}
	return nil
}

func (h *hot) close() error {
	var err error
	for _, st := range []*sql.Stmt{h.move, h.begin, h.count, h.letter, h.mark, h.marks, h.settle, h.exchange} {
		err = errors.Join(err, st.Close())
	}
	return err
}

// Advance makes a step of a run durable: the checkpoint, the run's counters, the dead letters that the checkpoint
// passes, the marks, the settled intents and the exchanges in one transaction, so that none is there without the others (invariant 1).
// The rows themselves must be durable at the sink before (invariant 2). It is ErrNotRunning when the run is over, and
// then nothing is written.
func (s *Store) Advance(ctx context.Context, p Progress) error {
	c := p.Checkpoint
	return s.write(ctx, "moving the checkpoint of job "+c.Job, func(t *tx) error {
		if err := t.count(s.hot, p); err != nil {
			return err
		}
		if c.Lane != "" {
			if err := t.move(s.hot, c); err != nil {
				return err
			}
		}
		if err := t.letters(s.hot, p); err != nil {
			return err
		}
		if err := t.forget(c.Job, p.Forget); err != nil {
			return err
		}
		if err := t.mark(s.hot, c.Job, p.Recent); err != nil {
			return err
		}
		if err := errors.Join(t.receipts(p), t.repushed(p)); err != nil {
			return err
		}
		if err := t.settle(s.hot, p.Settled); err != nil {
			return err
		}
		return t.exchanges(s.hot, p.Exchanges)
	})
}

// run executes a prepared statement and says whether it changed any row.
func (t *tx) run(st *sql.Stmt, args ...any) (bool, error) {
	res, err := t.StmtContext(t.ctx, st).ExecContext(t.ctx, args...) //nolint:sqlclosecheck // the transaction's end does
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

func (t *tx) count(h hot, p Progress) error {
	var cursor any
	if p.Checkpoint.Lane != "" {
		cursor = string(p.Checkpoint.Cursor)
	}
	n := p.Counts
	running, err := t.run(h.count, n.Pages, n.Read, n.Delivered, n.Rejected, n.Skipped, n.Retries, n.Bytes, n.Total,
		cursor, p.Checkpoint.RunID)
	if err == nil && !running {
		err = fmt.Errorf("%w: run %d", ErrNotRunning, p.Checkpoint.RunID)
	}
	return err
}

func (t *tx) move(h hot, c Checkpoint) error {
	moved, err := t.run(h.move, c.Cursor, c.Rows, c.Detail, c.RunID, stamp(t.now), c.Job, c.Lane)
	if err != nil || moved {
		return err
	}
	_, err = t.run(h.begin, c.Job, c.Lane, c.Cursor, c.Rows, c.Detail, c.RunID, t.orNow(c.StartedAt), stamp(t.now))
	return err
}

func (t *tx) letters(h hot, p Progress) error {
	for _, l := range p.Letters {
		if l.Job == "" {
			l.Job = p.Checkpoint.Job
		}
		if l.RunID == 0 {
			l.RunID = p.Checkpoint.RunID
		}
		if _, err := t.run(h.letter, l.Job, l.RunID, t.orNow(l.At), l.Code, l.Reason, l.Place, l.Key, l.Record); err != nil {
			return fmt.Errorf("dead letter %s %s: %w", l.Place, l.Code, err)
		}
	}
	return nil
}

func (t *tx) settle(h hot, list []Taken) error {
	for _, r := range list {
		if r.Settled {
			continue
		}
		if err := t.supersede(r.ID); err != nil {
			return err
		}
		open, err := t.run(h.settle, r.Ref, r.Note, stamp(t.now), r.ID)
		if err == nil && !open {
			err = fmt.Errorf("intent %s: %w, or there is none", r.ID, ErrSettled)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
