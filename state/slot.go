package state

import (
	"context"
	"fmt"
	"time"
)

// The decisions about a slot.
const (
	Ran       = "ran"
	Skipped   = "skipped"   // the run before it was still under way
	Coalesced = "coalesced" // several missed slots made up for by one run
	CaughtUp  = "caught up"
	Paused    = "paused" // by an operator
	Held      = "halted" // the job, or a connection of it, was halted
	Missed    = "missed" // past its grace
)

// Slot is what was decided about a due slot, or about a row of like slots from At through Through.
type Slot struct {
	Job       string
	At        time.Time
	Through   time.Time // zero: At
	Count     int64     // of slots; zero: 1
	Decision  string
	RunID     int64     // the run it led to, 0 for none
	DecidedAt time.Time // given by the store
	Note      string
}

const slotColumns = "job, at, through, count, decision, coalesce(run_id, 0), decided_at, note"

func scanSlot(row scanner) (s Slot, err error) {
	err = row.Scan(&s.Job, when(&s.At), when(&s.Through), &s.Count, &s.Decision, &s.RunID, when(&s.DecidedAt), &s.Note)
	return s, err
}

// Decide records decisions, all or none. A slot that has one already is ErrDecided (invariant 6).
func (s *Store) Decide(ctx context.Context, slots ...Slot) error {
	return s.write(ctx, "recording what was decided about slots", func(t *tx) error { return t.decide(slots, 0) })
}

// DecideAndStart records decisions together with the run they lead to, and returns its id. The run is noted with the
// slots that ran, were coalesced or caught up. It is ErrDecided or ErrRunning, and then neither is recorded.
func (s *Store) DecideAndStart(ctx context.Context, slots []Slot, r Run) (id int64, err error) {
	err = s.write(ctx, "starting a run of job "+r.Job+" for its slot", func(t *tx) error {
		if id, err = t.startRun(r); err != nil {
			return err
		}
		return t.decide(slots, id)
	})
	return id, err
}

func (t *tx) decide(slots []Slot, runID int64) error {
	for _, d := range slots {
		if d.Through.IsZero() {
			d.Through = d.At
		}
		d.Count = max(d.Count, 1)
		if d.RunID == 0 && leadsToRun(d.Decision) {
			d.RunID = runID
		}
		if err := t.decideOne(d); err != nil {
			return fmt.Errorf("slot %v of job %s: %w", stamp(d.At), d.Job, err)
		}
	}
	return nil
}

func leadsToRun(decision string) bool {
	return decision == Ran || decision == Coalesced || decision == CaughtUp
}

func (t *tx) decideOne(d Slot) error {
	// Rows of a job do not overlap, so the last one that begins in time is the only one that can cover it.
	old, found, err := lastSlot(t.ctx, t, d.Job, d.Through)
	if err != nil {
		return err
	}
	if found && old.covers(d.At) {
		return fmt.Errorf("%w: %s at %v", ErrDecided, old.Decision, stamp(old.DecidedAt))
	}
	return t.exec(`INSERT INTO slot (job, at, through, count, decision, run_id, decided_at, note)
		VALUES (?, ?, ?, ?, ?, nullif(?, 0), ?, ?)`,
		d.Job, stamp(d.At), stamp(d.Through), d.Count, d.Decision, d.RunID, stamp(t.now), d.Note)
}

// lastSlot returns the last decision that begins at or before a time.
func lastSlot(ctx context.Context, q querier, job string, at time.Time) (Slot, bool, error) {
	return one(ctx, q, scanSlot, "SELECT "+slotColumns+" FROM slot WHERE job = ? AND at <= ? ORDER BY at DESC LIMIT 1", job, stamp(at))
}

// covers says whether a decision that begins at or before a time is about it.
func (s Slot) covers(at time.Time) bool { return !s.Through.Before(at.Truncate(time.Millisecond)) }

// LastSlot returns the latest slot of a job that has a decision, and whether there is one.
func (s *Store) LastSlot(ctx context.Context, job string) (time.Time, bool, error) {
	at, found, err := one(ctx, s.r, scanTime, "SELECT through FROM slot WHERE job = ? ORDER BY at DESC LIMIT 1", job)
	return at, found, explain(s.path, "reading the last slot of job "+job, err)
}

// Slots returns the newest decisions about a job, newest first; job "" means all jobs, max 0 all decisions.
func (s *Store) Slots(ctx context.Context, job string, max int) ([]Slot, error) {
	w := new(where).equal("job", job)
	list, err := all(ctx, s.r, scanSlot, "SELECT "+slotColumns+" FROM slot"+w.text+" ORDER BY at DESC, job LIMIT ?",
		append(w.args, limit(max))...)
	return list, explain(s.path, "reading the slots", err)
}
