package state

import (
	"context"
	"fmt"
	"time"
)

// Backfill is a range of a job that is read beside its forward lane, unit by unit.
type Backfill struct {
	ID               int64
	Job              string
	From, To         string
	Who, Why         string
	CreatedAt        time.Time // given by the store
	EndedAt          time.Time // zero while units are open
	Units, DoneUnits int64
}

// Unit is a piece of a backfill.
type Unit struct {
	N        int64 // from 1
	From, To string
	State    UnitState
	RunID    int64 // the last run over it, 0 for none
}

// UnitState is what has become of a unit.
type UnitState string

// The states of a unit.
const (
	UnitOpen UnitState = "open"
	UnitDone UnitState = "done"
	UnitPart UnitState = "part" // done, with dead letters
)

const backfillColumns = `b.id, b.job, b."from", b."to", b.who, b.why, b.created_at, b.ended_at,
	(SELECT count(*) FROM backfill_unit u WHERE u.backfill_id = b.id),
	(SELECT count(*) FROM backfill_unit u WHERE u.backfill_id = b.id AND u.state <> 'open')`

func scanBackfill(row scanner) (b Backfill, err error) {
	err = row.Scan(&b.ID, &b.Job, &b.From, &b.To, &b.Who, &b.Why, when(&b.CreatedAt), when(&b.EndedAt), &b.Units, &b.DoneUnits)
	return b, err
}

func scanUnit(row scanner) (u Unit, err error) {
	err = row.Scan(&u.N, &u.From, &u.To, &u.State, &u.RunID)
	return u, err
}

// Backfills returns the newest backfills, newest first; job "" means all jobs, max 0 all of them.
func (s *Store) Backfills(ctx context.Context, job string, most int) ([]Backfill, error) {
	list, err := all(ctx, s.r, scanBackfill, "SELECT "+backfillColumns+` FROM backfill b WHERE ? IN ('', b.job)
		ORDER BY b.id DESC LIMIT CASE ? WHEN 0 THEN -1 ELSE ? END`, job, most, most)
	return list, explain(s.path, "reading the backfills", err)
}

// Units returns the units of a backfill in their order.
func (s *Store) Units(ctx context.Context, backfill int64) ([]Unit, error) {
	list, err := all(ctx, s.r, scanUnit, `SELECT n, "from", "to", state, coalesce(run_id, 0) FROM backfill_unit
		WHERE backfill_id = ? ORDER BY n`, backfill)
	return list, explain(s.path, fmt.Sprintf("reading the units of backfill %d", backfill), err)
}

// AddBackfill records a backfill with its units, and that somebody asked for it, and returns its id.
func (s *Store) AddBackfill(ctx context.Context, b Backfill, units []Unit) (id int64, err error) {
	err = s.write(ctx, "recording a backfill of job "+b.Job, func(t *tx) error {
		id, _, err = one(t.ctx, t, scanTo[int64], `INSERT INTO backfill (job, "from", "to", who, why, created_at) VALUES (?, ?, ?, ?, ?, ?)
			RETURNING id`, b.Job, b.From, b.To, b.Who, b.Why, stamp(t.now))
		if err != nil {
			return err
		}
		for i, u := range units {
			err := t.exec(`INSERT INTO backfill_unit (backfill_id, n, "from", "to") VALUES (?, ?, ?, ?)`, id, i+1, u.From, u.To)
			if err != nil {
				return err
			}
		}
		return t.audit(b.Who, fmt.Sprintf("backfill %s to %s", b.From, b.To), b.Job, b.Why)
	})
	return id, err
}

// SettleUnit records what has become of a unit; the last one ends its backfill.
func (s *Store) SettleUnit(ctx context.Context, backfill int64, u Unit) error {
	return s.write(ctx, fmt.Sprintf("settling unit %d of backfill %d", u.N, backfill), func(t *tx) error {
		err := t.exec("UPDATE backfill_unit SET state = ?, run_id = ? WHERE backfill_id = ? AND n = ?", u.State, u.RunID, backfill, u.N)
		if err != nil {
			return err
		}
		return t.exec(`UPDATE backfill SET ended_at = ? WHERE id = ? AND NOT EXISTS
			(SELECT 1 FROM backfill_unit WHERE backfill_id = ? AND state = 'open')`, stamp(t.now), backfill, backfill)
	})
}
