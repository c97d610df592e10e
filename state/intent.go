package state

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"milkrun/sync/feed"
)

// The states of an intent.
const (
	IntentRecorded = "recorded" // nothing has left
	IntentSent     = "sent"     // it may have left
	IntentDoubt    = "doubt"    // nobody knows what became of it; never sent again by itself
	IntentSettled  = "settled"
)

// Intent is a batch for a target where sending twice is harm, written before the first byte leaves (invariant 3).
type Intent struct {
	ID        string // "" in AddIntent: a new one
	Job       string
	RunID     int64
	Seq       int64       // of the batch in its run
	After     feed.Cursor // the batch begins behind it
	Digest    string      // of the batch
	Records   int
	Payload   []byte    // masked, or nil; kept until it is settled
	State     string    // IntentRecorded …
	At        time.Time // given by the store, as is UpdatedAt
	UpdatedAt time.Time
	Who, Why  string // who settled it, when an operator did
}

const intentColumns = `id, job, coalesce(run_id, 0), seq, "after", digest, records, payload, state, at, updated_at, who, why`

func scanIntent(row scanner) (i Intent, err error) {
	err = row.Scan(&i.ID, &i.Job, &i.RunID, &i.Seq, &i.After, &i.Digest, &i.Records, &i.Payload, &i.State,
		when(&i.At), when(&i.UpdatedAt), &i.Who, &i.Why)
	return i, err
}

// AddIntent records a batch that is about to be sent and returns its id. A zero State is IntentRecorded.
func (s *Store) AddIntent(ctx context.Context, i Intent) (string, error) {
	if i.ID == "" {
		i.ID = rand.Text()
	}
	if i.State == "" {
		i.State = IntentRecorded
	}
	return i.ID, s.write(ctx, "recording a batch of job "+i.Job, func(t *tx) error {
		return t.exec(`INSERT INTO intent (id, job, run_id, seq, "after", digest, records, payload, state, at, updated_at)
			VALUES (?1, ?2, nullif(?3, 0), ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)`,
			i.ID, i.Job, i.RunID, i.Seq, i.After, i.Digest, i.Records, i.Payload, i.State, stamp(t.now))
	})
}

// MarkIntent says that a batch is about to leave (IntentSent) or that its outcome is unknown (IntentDoubt). It is
// ErrNotFound or ErrSettled.
func (s *Store) MarkIntent(ctx context.Context, id, state string) error {
	return s.write(ctx, "marking batch "+id, func(t *tx) error {
		_, err := t.openIntent(id)
		if err != nil {
			return err
		}
		if state == IntentSettled {
			return t.closeIntent(id, "", "")
		}
		return t.exec("UPDATE intent SET state = ?, updated_at = ? WHERE id = ?", state, stamp(t.now), id)
	})
}

// SettleIntent closes a batch on behalf of an operator who found out what became of it; why says what. It is
// ErrNotFound or ErrSettled. Batches the target acknowledges are settled by [Store.Advance].
func (s *Store) SettleIntent(ctx context.Context, id, who, why string) error {
	return s.write(ctx, "settling batch "+id, func(t *tx) error {
		i, err := t.openIntent(id)
		if err != nil {
			return err
		}
		if err := t.closeIntent(id, who, why); err != nil {
			return err
		}
		return t.audit(who, "settle batch "+id, i.Job, why)
	})
}

func (t *tx) closeIntent(id, who, why string) error {
	return t.exec("UPDATE intent SET state = 'settled', payload = NULL, updated_at = ?, who = ?, why = ? WHERE id = ?",
		stamp(t.now), who, why, id)
}

func (t *tx) openIntent(id string) (Intent, error) {
	i, found, err := one(t.ctx, t, scanIntent, "SELECT "+intentColumns+" FROM intent WHERE id = ?", id)
	switch {
	case err != nil:
	case !found:
		err = ErrNotFound
	case i.State == IntentSettled:
		err = fmt.Errorf("%w at %v", ErrSettled, stamp(i.UpdatedAt))
	}
	return i, err
}

// OpenIntents returns the batches of a job that are not settled, in the order they were recorded.
func (s *Store) OpenIntents(ctx context.Context, job string) ([]Intent, error) {
	list, err := all(ctx, s.r, scanIntent, "SELECT "+intentColumns+
		" FROM intent WHERE job = ? AND state <> 'settled' ORDER BY at, seq", job)
	return list, explain(s.path, "reading the open batches of job "+job, err)
}

// Doubts returns the batches in doubt of all jobs, in the order they were recorded.
func (s *Store) Doubts(ctx context.Context) ([]Intent, error) {
	list, err := all(ctx, s.r, scanIntent, "SELECT "+intentColumns+" FROM intent WHERE state = 'doubt' ORDER BY job, at, seq")
	return list, explain(s.path, "reading the batches in doubt", err)
}
