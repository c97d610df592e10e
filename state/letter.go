package state

import (
	"context"
	"fmt"
	"time"

	"milkrun/sync/feed"
)

// The states of a dead letter.
const (
	LetterOpen      = "open"
	LetterDelivered = "delivered"
	LetterDropped   = "dropped"
)

// Letter is a dead letter: a record that was refused. There is at most one open letter for a record, known by its
// place, or by its key when it has no place; refused again, the letter counts another try.
type Letter struct {
	ID           int64
	Job          string
	RunID        int64     // the run that met it last
	At           time.Time // first refused
	Code, Reason string    // of the last refusal
	Place        feed.Cursor
	Record       string // JSON object, masked
	Key          string
	State        string // LetterOpen, LetterDelivered or LetterDropped
	Tries        int
	TriedAt      time.Time
	LastError    string // of the last attempt to deliver the letter
	SettledAt    time.Time
	Who, Why     string // who settled it
}

const letterColumns = `id, job, coalesce(run_id, 0), at, code, reason, place, record, "key", state, tries, tried_at, last_error,
	settled_at, who, why`

func scanLetter(row scanner) (l Letter, err error) {
	err = row.Scan(&l.ID, &l.Job, &l.RunID, when(&l.At), &l.Code, &l.Reason, &l.Place, &l.Record, &l.Key, &l.State, &l.Tries,
		when(&l.TriedAt), &l.LastError, when(&l.SettledAt), &l.Who, &l.Why)
	return l, err
}

// LetterFilter chooses dead letters; zero fields choose all. Those after a letter's id come page by page.
type LetterFilter struct {
	Job   string
	State string
	After int64
	Limit int
}

// Letters returns dead letters, oldest first.
func (s *Store) Letters(ctx context.Context, f LetterFilter) ([]Letter, error) {
	w := new(where).and("id > ?", f.After).equal("job", f.Job).equal("state", f.State)
	list, err := all(ctx, s.r, scanLetter, "SELECT "+letterColumns+" FROM letter"+w.text+" ORDER BY id LIMIT ?",
		append(w.args, limit(f.Limit))...)
	return list, explain(s.path, "reading the dead letters", err)
}

// OpenLetters returns the number of open dead letters by job.
func (s *Store) OpenLetters(ctx context.Context) (map[string]int64, error) {
	counts := map[string]int64{}
	_, err := all(ctx, s.r, func(row scanner) (struct{}, error) {
		var job string
		var n int64
		err := row.Scan(&job, &n)
		counts[job] = n
		return struct{}{}, err
	}, "SELECT job, count(*) FROM letter WHERE state = 'open' GROUP BY job")
	return counts, explain(s.path, "counting the dead letters", err)
}

// Letter returns one dead letter, or ErrNotFound.
func (s *Store) Letter(ctx context.Context, id int64) (Letter, error) {
	l, found, err := letterOf(ctx, s.r, id)
	if err == nil && !found {
		err = ErrNotFound
	}
	return l, explain(s.path, fmt.Sprintf("dead letter %d", id), err)
}

func letterOf(ctx context.Context, q querier, id int64) (Letter, bool, error) {
	return one(ctx, q, scanLetter, "SELECT "+letterColumns+" FROM letter WHERE id = ?", id)
}

// SettleLetter closes an open dead letter as delivered or dropped. It is ErrNotFound or ErrSettled.
func (s *Store) SettleLetter(ctx context.Context, id int64, state, who, why string) error {
	return s.write(ctx, fmt.Sprintf("settling dead letter %d", id), func(t *tx) error {
		l, err := t.openLetter(id)
		if err != nil {
			return err
		}
		if state == LetterOpen {
			return fmt.Errorf("a letter is settled as %s or %s", LetterDelivered, LetterDropped)
		}
		err = t.exec("UPDATE letter SET state = ?, settled_at = ?, who = ?, why = ? WHERE id = ?", state, stamp(t.now), who, why, id)
		if err != nil {
			return err
		}
		return t.audit(who, fmt.Sprintf("dead letter %d %s", id, state), l.Job, why)
	})
}

// SupersedeLetters closes the open letters of a job that were last refused before a moment, and returns how many: a
// complete reading that began then did not refuse their records again.
func (s *Store) SupersedeLetters(ctx context.Context, job string, before time.Time) (n int64, err error) {
	err = s.write(ctx, "closing dead letters of job "+job, func(t *tx) error {
		res, err := t.ExecContext(t.ctx, `UPDATE letter SET state = 'delivered', settled_at = ?, why = 'a later complete reading did not refuse it'
			WHERE job = ? AND state = 'open' AND tried_at < ?`, stamp(t.now), job, stamp(before))
		if err == nil {
			n, err = res.RowsAffected()
		}
		return err
	})
	return n, err
}

// LetterTried notes an attempt to deliver an open dead letter that did not succeed. It is ErrNotFound or ErrSettled.
func (s *Store) LetterTried(ctx context.Context, id int64, cause error) error {
	return s.write(ctx, fmt.Sprintf("noting the attempt at dead letter %d", id), func(t *tx) error {
		if _, err := t.openLetter(id); err != nil {
			return err
		}
		return t.exec("UPDATE letter SET tries = tries + 1, tried_at = ?, last_error = ? WHERE id = ?", stamp(t.now), cause.Error(), id)
	})
}

func (t *tx) openLetter(id int64) (Letter, error) {
	l, found, err := letterOf(t.ctx, t, id)
	switch {
	case err != nil:
	case !found:
		err = ErrNotFound
	case l.State != LetterOpen:
		err = fmt.Errorf("%w as %s at %v", ErrSettled, l.State, stamp(l.SettledAt))
	}
	return l, err
}
