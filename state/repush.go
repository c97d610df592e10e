package state

import (
	"context"
	"fmt"
	"time"
)

// Repush is an operator's order to send some records again, after they were corrected or were lost at the partner.
type Repush struct {
	ID        int64
	Job       string
	Selection string // which records, in words and without personal data
	Digest    string // SHA-256 of the selection as it was given, in hex
	Who, Why  string
	CreatedAt time.Time // given by the store
	RunID     int64     // the run that does it; 0 before it, or when it was pruned
	Origins   []Origin  // empty in a list
}

// Origin is how many of the records a run has sent, or refused, before.
type Origin struct {
	Run     int64 `json:"run"` // 0: nobody knows which
	Records int64 `json:"records"`
}

const repushColumns = "id, job, selection, digest, who, why, created_at, coalesce(run_id, 0)"

func scanRepush(row scanner) (r Repush, err error) {
	err = row.Scan(&r.ID, &r.Job, &r.Selection, &r.Digest, &r.Who, &r.Why, when(&r.CreatedAt), &r.RunID)
	return r, err
}

// AddRepush records the order, and that somebody gave it, and returns its id.
func (s *Store) AddRepush(ctx context.Context, r Repush) (id int64, err error) {
	err = s.write(ctx, "recording a re-push of job "+r.Job, func(t *tx) error {
		id, _, err = one(t.ctx, t, scanTo[int64], `INSERT INTO repush (job, selection, digest, who, why, created_at)
			VALUES (?, ?, ?, ?, ?, ?) RETURNING id`, r.Job, r.Selection, r.Digest, r.Who, r.Why, stamp(t.now))
		if err != nil {
			return err
		}
		return t.audit(r.Who, fmt.Sprintf("repush %d: %s", id, r.Selection), r.Job, r.Why)
	})
	return id, err
}

// joinRepush notes which run carries out an order.
func (t *tx) joinRepush(id, run int64) error {
	there, err := t.changed("UPDATE repush SET run_id = ? WHERE id = ?", run, id)
	if err == nil && !there {
		err = fmt.Errorf("re-push %d: %w", id, ErrNotFound)
	}
	return err
}

// StartRepush is [Store.StartRun] for the run of an order, which it notes there in the same transaction.
func (s *Store) StartRepush(ctx context.Context, repush int64, r Run) (id int64, err error) {
	err = s.write(ctx, "starting a re-push of job "+r.Job, func(t *tx) error {
		if id, err = t.startRun(r); err != nil {
			return err
		}
		return t.joinRepush(repush, id)
	})
	return id, err
}

// repushed writes what a step of a re-push settles beside its records.
func (t *tx) repushed(p Progress) error {
	if err := t.origins(p.Repush, p.Origins); err != nil {
		return err
	}
	for _, id := range p.Resolved {
		err := t.exec("UPDATE letter SET state = 'delivered', settled_at = ?, who = ?, why = ? WHERE id = ? AND state = 'open'",
			stamp(t.now), p.Who, fmt.Sprintf("re-pushed in run %d", p.Checkpoint.RunID), id)
		if err != nil {
			return err
		}
	}
	return nil
}

// origins adds up which runs had the records before.
func (t *tx) origins(repush int64, list []Origin) error {
	for _, o := range list {
		err := t.exec(`INSERT INTO repush_origin (repush_id, run_id, records) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET records = records + excluded.records`, repush, o.Run, o.Records)
		if err != nil {
			return err
		}
	}
	return nil
}

// Repushes returns the newest re-pushes, newest first; job "" means all jobs, most 0 all of them.
func (s *Store) Repushes(ctx context.Context, job string, most int) ([]Repush, error) {
	w := new(where).equal("job", job)
	list, err := all(ctx, s.r, scanRepush, "SELECT "+repushColumns+" FROM repush"+w.text+" ORDER BY id DESC LIMIT ?", append(w.args, limit(most))...)
	return list, explain(s.path, "reading the re-pushes", err)
}

// Repush returns one, or ErrNotFound.
func (s *Store) Repush(ctx context.Context, id int64) (Repush, error) {
	return s.repush(ctx, fmt.Sprintf("re-push %d", id), "id = ?", id)
}

// RepushOf returns the one that a run carried out, or ErrNotFound.
func (s *Store) RepushOf(ctx context.Context, run int64) (Repush, error) {
	return s.repush(ctx, fmt.Sprintf("the re-push of run %d", run), "run_id = ?", run)
}

func (s *Store) repush(ctx context.Context, what, condition string, id int64) (Repush, error) {
	r, found, err := one(ctx, s.r, scanRepush, "SELECT "+repushColumns+" FROM repush WHERE "+condition, id)
	if err == nil && !found {
		err = ErrNotFound
	}
	if err == nil {
		r.Origins, err = all(ctx, s.r, func(row scanner) (o Origin, err error) {
			err = row.Scan(&o.Run, &o.Records)
			return o, err
		}, "SELECT run_id, records FROM repush_origin WHERE repush_id = ? ORDER BY run_id DESC", r.ID)
	}
	return r, explain(s.path, what, err)
}
