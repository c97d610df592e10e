package state

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Idle is a row of looks that found nothing: one row of runs and one of slots stand for all of them, so that a job that
// looks every two seconds does not leave 43,200 rows a day.
type Idle struct {
	Run     int64     // the row of runs; 0 in the first look
	Slot    Slot      // of all looks so far; Decision and RunID are not looked at
	Started time.Time // the last look
	Ended   time.Time
	Polls   int64 // looks
}

// KeepIdle records looks that found nothing, and returns the id of their run. Without a Run both rows are new; with one
// they are brought up to date: the run's times become those of the last look. The slots are decided as ran, each once
// (invariant 6); it is ErrDecided when another decision stands among them.
func (s *Store) KeepIdle(ctx context.Context, i Idle) (id int64, err error) {
	job := i.Slot.Job
	err = s.write(ctx, "noting that job "+job+" found nothing new", func(t *tx) error {
		if i.Run != 0 {
			id = i.Run
			return t.moreIdle(i)
		}
		if err := t.exec("INSERT INTO job (name) VALUES (?) ON CONFLICT DO NOTHING", job); err != nil {
			return err
		}
		res, err := t.ExecContext(t.ctx, `INSERT INTO run (job, slot, "trigger", mode, state, started_at, finished_at, polls, cursor_from, cursor_to)
			SELECT ?1, ?2, ?3, 'incremental', 'done', ?4, ?5, ?6, coalesce(max(cursor), ''), coalesce(max(cursor), '')
			FROM checkpoint WHERE job = ?1 AND lane = 'forward'`,
			job, stamp(i.Slot.Through), Schedule, stamp(i.Started), stamp(i.Ended), i.Polls)
		if err != nil {
			return err
		}
		if id, err = res.LastInsertId(); err != nil {
			return err
		}
		i.Slot.Decision, i.Slot.RunID = Ran, id
		return t.decide([]Slot{i.Slot}, id)
	})
	return id, err
}

func (t *tx) moreIdle(i Idle) error {
	last, found, err := lastSlot(t.ctx, t, i.Slot.Job, i.Slot.Through)
	switch {
	case err != nil:
		return err
	case !found || last.RunID != i.Run || !last.At.Equal(i.Slot.At.Truncate(time.Millisecond)):
		return fmt.Errorf("%w: slots of job %s up to %v", ErrDecided, i.Slot.Job, stamp(i.Slot.Through))
	}
	if err := t.exec("UPDATE slot SET through = ?, count = ?, decided_at = ? WHERE job = ? AND at = ?",
		stamp(i.Slot.Through), i.Slot.Count, stamp(t.now), i.Slot.Job, stamp(i.Slot.At)); err != nil {
		return err
	}
	there, err := t.changed("UPDATE run SET slot = ?, started_at = ?, finished_at = ?, polls = ? WHERE id = ? AND polls > 0",
		stamp(i.Slot.Through), stamp(i.Started), stamp(i.Ended), i.Polls, i.Run)
	if err == nil && !there {
		err = errors.New("its run is no row of looks")
	}
	return err
}
