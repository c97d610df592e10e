package state

import (
	"context"
	"errors"
	"fmt"
	"time"

	"milkrun/sync/feed"
)

// Trigger is what made a run start.
type Trigger string

// The triggers.
const (
	Schedule   Trigger = "schedule"
	CatchUp    Trigger = "catch-up"
	Resume     Trigger = "resume"
	Manual     Trigger = "manual"
	Backfilled Trigger = "backfill"
	Changed    Trigger = "change" // the source said that something is new
	Repushed   Trigger = "repush"
)

// Forward says that a run went on from the checkpoint; the others are beside it.
func (t Trigger) Forward() bool { return t != Backfilled && t != Repushed }

// RunState is how a run stands or ended.
type RunState string

// The states of a run.
const (
	Running     RunState = "running"
	Done        RunState = "done"
	Part        RunState = "part" // done, with dead letters or doubts
	Failed      RunState = "failed"
	Halted      RunState = "halted"
	Interrupted RunState = "interrupted" // it, or the process, was stopped in the middle
	Cancelled   RunState = "cancelled"
)

// Counts are the figures of a run. Pages and Retries count calls, Bytes is on the wire, the rest are records; Total is
// -1 when unknown.
type Counts struct {
	Pages, Read, Delivered, Rejected, Skipped, Retries, Bytes, Total int64
}

// Run is one execution of a job.
type Run struct {
	ID                   int64
	Job                  string
	Slot                 time.Time // zero when it was started by hand
	Trigger              Trigger
	Mode                 string // "incremental" or "full"
	State                RunState
	StartedAt            time.Time // zero in StartRun: now
	FinishedAt           time.Time // zero while it runs, and in FinishRun: now
	Counts               Counts
	CursorFrom, CursorTo feed.Cursor
	Error, Remedy, Code  string
	Summary              string // JSON: what a swap changed, drift found and repaired
	Waiting              int64  // records that it was to move and did not, of one that failed or was halted; -1: nobody can tell
	Polls                int64  // looks in a row that found nothing, of which this is the last; 0: a run of its own
}

const runColumns = `id, job, slot, "trigger", mode, state, started_at, finished_at, pages, read, delivered, rejected, skipped,
	retries, bytes, total, cursor_from, cursor_to, error, remedy, code, summary, polls, waiting`

func scanRun(row scanner) (r Run, err error) {
	n := &r.Counts
	err = row.Scan(&r.ID, &r.Job, when(&r.Slot), &r.Trigger, &r.Mode, &r.State, when(&r.StartedAt), when(&r.FinishedAt),
		&n.Pages, &n.Read, &n.Delivered, &n.Rejected, &n.Skipped, &n.Retries, &n.Bytes, &n.Total,
		&r.CursorFrom, &r.CursorTo, &r.Error, &r.Remedy, &r.Code, &r.Summary, &r.Polls, &r.Waiting)
	return r, err
}

// StartRun records that a run has begun and returns its id. It is ErrRunning while another run of the job is under way
// (invariant 5). ID, State, FinishedAt and CursorTo of r are not looked at.
func (s *Store) StartRun(ctx context.Context, r Run) (id int64, err error) {
	err = s.write(ctx, "starting a run of job "+r.Job, func(t *tx) error {
		id, err = t.startRun(r)
		return err
	})
	return id, err
}

func (t *tx) startRun(r Run) (int64, error) {
	if err := t.idle(r.Job); err != nil {
		return 0, err
	}
	if err := t.exec("INSERT INTO job (name) VALUES (?) ON CONFLICT DO NOTHING", r.Job); err != nil {
		return 0, err
	}
	n := r.Counts
	res, err := t.ExecContext(t.ctx, `INSERT INTO run (job, slot, "trigger", mode, state, started_at, pages, read, delivered,
		rejected, skipped, retries, bytes, total, cursor_from, cursor_to, summary)
		VALUES (?1, ?2, ?3, ?4, 'running', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14, ?15)`,
		r.Job, stamp(r.Slot), r.Trigger, r.Mode, t.orNow(r.StartedAt), n.Pages, n.Read, n.Delivered,
		n.Rejected, n.Skipped, n.Retries, n.Bytes, n.Total, r.CursorFrom, r.Summary)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// FinishRun records how a run ended: State, FinishedAt, Counts, CursorTo (empty: where Advance left it), Error, Remedy,
// Code, Summary and Waiting of r. The checkpoints it moved get an entry in their history. It is ErrNotRunning when the run is over already.
func (s *Store) FinishRun(ctx context.Context, r Run) error {
	return s.write(ctx, fmt.Sprintf("finishing run %d of job %s", r.ID, r.Job), func(t *tx) error {
		if r.State == Running {
			return errors.New("a run does not end in the state running")
		}
		n := r.Counts
		running, err := t.changed(`UPDATE run SET state = ?, finished_at = ?, pages = ?, read = ?, delivered = ?, rejected = ?,
			skipped = ?, retries = ?, bytes = ?, total = ?, cursor_to = coalesce(nullif(?, ''), cursor_to), error = ?, remedy = ?, code = ?, summary = ?, waiting = ?
			WHERE id = ? AND state = 'running'`,
			r.State, t.orNow(r.FinishedAt), n.Pages, n.Read, n.Delivered, n.Rejected,
			n.Skipped, n.Retries, n.Bytes, n.Total, r.CursorTo, r.Error, r.Remedy, r.Code, r.Summary, r.Waiting, r.ID)
		if err == nil && !running {
			err = ErrNotRunning
		}
		if err != nil {
			return err
		}
		return t.settleRun(r.ID)
	})
}

// Interrupt closes the runs that a process left running when it ended, and returns them. Their intents that were sent
// without an answer are in doubt from now on. Only the holder of the [Lock] may call it.
func (s *Store) Interrupt(ctx context.Context) (list []Run, err error) {
	err = s.write(ctx, "closing interrupted runs", func(t *tx) error {
		list, err = all(t.ctx, t, scanRun, "UPDATE run SET state = 'interrupted', finished_at = ? WHERE state = 'running' RETURNING "+runColumns,
			stamp(t.now))
		if err != nil {
			return err
		}
		for _, r := range list {
			if err := t.settleRun(r.ID); err != nil {
				return err
			}
		}
		return t.exec("UPDATE intent SET state = 'doubt', updated_at = ? WHERE state = 'sent'", stamp(t.now)) // also of dead letters
	})
	return list, err
}

// RunFilter chooses runs; zero fields choose all.
type RunFilter struct {
	Job   string
	State RunState
	Limit int
	// Before leaves out this run and newer ones: with the last id of a list the next one follows.
	Before int64
	// Forward leaves out runs beside the forward lane: backfills and re-pushes.
	Forward bool
}

// Runs returns runs, newest first.
func (s *Store) Runs(ctx context.Context, f RunFilter) ([]Run, error) {
	w := new(where).equal("job", f.Job).equal("state", string(f.State))
	if f.Before > 0 {
		w.and("id < ?", f.Before)
	}
	if f.Forward {
		w.and(`"trigger" NOT IN ('backfill', ?)`, Repushed)
	}
	list, err := all(ctx, s.r, scanRun, "SELECT "+runColumns+" FROM run"+w.text+" ORDER BY id DESC LIMIT ?",
		append(w.args, limit(f.Limit))...)
	return list, explain(s.path, "reading the runs", err)
}

// Run returns one run, or ErrNotFound.
func (s *Store) Run(ctx context.Context, id int64) (Run, error) {
	r, found, err := one(ctx, s.r, scanRun, "SELECT "+runColumns+" FROM run WHERE id = ?", id)
	if err == nil && !found {
		err = ErrNotFound
	}
	return r, explain(s.path, fmt.Sprintf("run %d", id), err)
}

// Event is something worth telling about a run.
type Event struct {
	RunID int64
	At    time.Time // zero in AddEvent: now
	Kind  string    // "retry", "drift", "bisect", "note"
	Text  string
}

// AddEvent appends an event to a run.
func (s *Store) AddEvent(ctx context.Context, e Event) error {
	return s.write(ctx, fmt.Sprintf("noting what happened in run %d", e.RunID), func(t *tx) error {
		return t.exec("INSERT INTO run_event (run_id, at, kind, text) VALUES (?, ?, ?, ?)", e.RunID, t.orNow(e.At), e.Kind, e.Text)
	})
}

// Events returns the events of a run in order.
func (s *Store) Events(ctx context.Context, runID int64) ([]Event, error) {
	list, err := all(ctx, s.r, func(row scanner) (e Event, err error) {
		err = row.Scan(&e.RunID, when(&e.At), &e.Kind, &e.Text)
		return e, err
	}, "SELECT run_id, at, kind, text FROM run_event WHERE run_id = ? ORDER BY id", runID)
	return list, explain(s.path, fmt.Sprintf("reading the events of run %d", runID), err)
}
