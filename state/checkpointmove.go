package state

import (
	"context"
	"errors"
	"fmt"
)

// What a place can not be moved for; they are returned wrapped with the job.
var (
	ErrBegun   = errors.New("job has begun already")
	ErrInDoubt = errors.New("a batch is in doubt")
)

// MoveCheckpoint gives a renamed job the place of its old name: forward checkpoint, recent marks, batches and the time of the last
// complete pass. Dead letters, runs and a complete pass under way stay with the old one. It is ErrNotFound when that has no
// place, ErrInDoubt when nobody knows what became of a batch of it, ErrBegun when the other has a place of its own or has delivered
// records since it last lost one, and ErrRunning while a run of either is under way. Moving it back takes it back.
func (s *Store) MoveCheckpoint(ctx context.Context, from, to, who, why string) error {
	return s.write(ctx, fmt.Sprintf("moving the place of job %s to job %s", from, to), func(t *tx) error {
		if err := errors.Join(t.idle(from), t.idle(to)); err != nil {
			return err
		}
		if err := t.movable(from, to); err != nil {
			return err
		}
		if err := t.moveForward(from, to, who, why); err != nil {
			return err
		}
		for _, query := range []string{
			"UPDATE recent SET job = ?2 WHERE job = ?1",
			"UPDATE intent SET job = ?2 WHERE job = ?1 AND letter IS NULL",
			// The route tells whose batches these are before a daemon has seen the new name.
			`INSERT INTO job (name, last_full, route) SELECT ?2, last_full, route FROM job WHERE name = ?1
				ON CONFLICT (name) DO UPDATE SET last_full = excluded.last_full, route = iif(route = '', excluded.route, route)`,
			"UPDATE job SET last_full = NULL WHERE name = ?1",
		} {
			if err := t.exec(query, from, to); err != nil {
				return err
			}
		}
		return t.audit(who, "checkpoint move from "+from, to, why)
	})
}

// movable says why a place cannot be moved, nil when it can.
func (t *tx) movable(from, to string) error {
	for _, c := range []struct {
		query, job string
		refused    bool // when there is such a row; else when there is none
		err        error
	}{
		{"SELECT count(*) FROM intent WHERE job = ? AND state IN ('sent', 'doubt')", from, true, ErrInDoubt},
		{`SELECT (SELECT count(*) FROM checkpoint WHERE job = ?1 AND lane = 'forward') + (SELECT count(*) FROM recent WHERE job = ?1)
			+ (SELECT count(*) FROM intent WHERE job = ?1 AND letter IS NULL)`, from, false, ErrNotFound},
		{`SELECT (SELECT count(*) FROM checkpoint WHERE job = ?1) + (SELECT count(*) FROM recent WHERE job = ?1)
			+ (SELECT count(*) FROM intent WHERE job = ?1 AND letter IS NULL)
			+ (SELECT count(*) FROM run WHERE job = ?1 AND delivered > 0 AND started_at > coalesce(
				(SELECT max(at) FROM checkpoint_history WHERE job = ?1 AND op = 'reset'), ''))`, to, true, ErrBegun},
	} {
		n, _, err := one(t.ctx, t, scanTo[int64], c.query, c.job)
		if err == nil && n > 0 == c.refused {
			err = fmt.Errorf("job %s: %w", c.job, c.err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// moveForward moves the checkpoint itself. That it is gone stands in the history also when there was none, only marks.
func (t *tx) moveForward(from, to, who, why string) error {
	c, found, err := checkpointOf(t.ctx, t, from, Forward)
	if err != nil {
		return err
	}
	if _, err := t.record(from, Forward, opReset, 0, who, why, nil); err != nil {
		return err
	}
	if err := t.place(from, Forward, 0, "", "", nil); err != nil || !found {
		return err
	}
	version, err := t.record(to, Forward, opSet, 0, who, why, &c)
	if err != nil {
		return err
	}
	return t.place(to, Forward, version, who, why, &c)
}
