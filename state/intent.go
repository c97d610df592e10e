package state

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
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

// The outcomes of a settled intent.
const (
	OutcomeSent   = "sent"   // the partner has it
	OutcomeUnsent = "unsent" // it never left, or was refused
	OutcomeResend = "resend" // an operator lets its records be sent again
)

// CodeDoubt is the code of the halt of a job that has a batch in doubt.
const CodeDoubt = "doubt"

// CodeWaiting is the code of a run that ended early because a rule says not now: quiet hours, or a daily ration.
const CodeWaiting = "waiting"

// Intent is a batch for a target where sending twice is harm, written before the first byte leaves (invariant 3).
type Intent struct {
	ID         string // "" in AddIntent: a new one
	Job        string
	RunID      int64
	Seq        int64       // of the batch in its run
	After      feed.Cursor // the batch begins behind it
	Digest     string      // of the batch
	Records    int
	Marks      []string  // where its records stand; kept until it is settled, and of a resend until they are sent again
	Connection string    // of the target
	Letter     int64     // the dead letter that is tried again with it, 0 for a batch of a run
	State      string    // IntentRecorded …
	Outcome    string    // OutcomeSent …, once it is settled
	Ref        string    // the partner's id of it
	Note       string    // what is not clear about it although it was taken
	At         time.Time // given by the store, as is UpdatedAt
	UpdatedAt  time.Time
	Who, Why   string // who settled it, when an operator or a report did
	// Instead are batches that AddIntent's caller read as to be sent again; see [Store.Resends].
	Instead []string
}

const intentColumns = `id, job, coalesce(run_id, 0), seq, "after", digest, records, payload, connection, coalesce(letter, 0), state,
	outcome, ref, note, at, updated_at, who, why`

func scanIntent(row scanner) (i Intent, err error) {
	var payload []byte
	err = row.Scan(&i.ID, &i.Job, &i.RunID, &i.Seq, &i.After, &i.Digest, &i.Records, &payload, &i.Connection, &i.Letter, &i.State,
		&i.Outcome, &i.Ref, &i.Note, when(&i.At), when(&i.UpdatedAt), &i.Who, &i.Why)
	if err == nil && payload != nil {
		err = json.Unmarshal(payload, &i.Marks)
	}
	return i, err
}

// AddIntent records a batch that is about to be sent and returns its id. A zero State is IntentRecorded. It is
// ErrReported when one of Instead was reported meanwhile, and ErrSettled when its dead letter was: then nothing is recorded.
func (s *Store) AddIntent(ctx context.Context, i Intent) (string, error) {
	if i.ID == "" {
		i.ID = rand.Text()
	}
	if i.State == "" {
		i.State = IntentRecorded
	}
	var payload []byte
	if i.Marks != nil {
		var err error
		if payload, err = json.Marshal(i.Marks); err != nil {
			return "", err
		}
	}
	return i.ID, s.write(ctx, "recording a batch of job "+i.Job, func(t *tx) error {
		if err := t.notSince(i.Instead); err != nil {
			return err
		}
		if i.Letter != 0 {
			if _, err := t.openLetter(i.Letter); err != nil {
				return err
			}
		}
		return t.exec(`INSERT INTO intent (id, job, run_id, seq, "after", digest, records, payload, connection, letter, state, at, updated_at)
			VALUES (?1, ?2, nullif(?3, 0), ?4, ?5, ?6, ?7, ?8, ?9, nullif(?10, 0), ?11, ?12, ?12)`,
			i.ID, i.Job, i.RunID, i.Seq, i.After, i.Digest, i.Records, payload, i.Connection, i.Letter, i.State, stamp(t.now))
	})
}

// MarkIntent says that a batch is about to leave (IntentSent), that nothing of it has gone out (IntentRecorded), or that
// nothing ever will (IntentSettled). It is ErrNotFound or ErrSettled, and ErrReported when its records have left before, and the
// partner has just reported on that: then it must not leave.
func (s *Store) MarkIntent(ctx context.Context, id, state string) error {
	return s.write(ctx, "marking batch "+id, func(t *tx) error {
		i, err := t.openIntent(id)
		if err != nil {
			return err
		}
		switch state {
		case IntentSettled:
			return t.closeIntent(id, OutcomeUnsent, "", "")
		case IntentSent:
			if err := t.unheard(i); err != nil {
				return err
			}
		}
		return t.exec("UPDATE intent SET state = ?, updated_at = ? WHERE id = ?", state, stamp(t.now), id)
	})
}

// ReportsSettle is who settles a batch in doubt when a report of the partner says that it has it.
const ReportsSettle = "status report"

// Doubt says that nobody knows what became of a batch. When a report has named it already, it is settled as sent instead,
// and reported is true. It is ErrNotFound or ErrSettled.
func (s *Store) Doubt(ctx context.Context, id string) (reported bool, err error) {
	err = s.write(ctx, "marking batch "+id+" as in doubt", func(t *tx) error {
		i, err := t.openIntent(id)
		if err != nil {
			return err
		}
		ref, found, err := one(t.ctx, t, scanTo[string], "SELECT ref FROM report WHERE intent = ? AND connection = ? LIMIT 1", id, i.Connection)
		if err != nil {
			return err
		}
		if !found {
			return t.exec("UPDATE intent SET state = 'doubt', updated_at = ? WHERE id = ?", stamp(t.now), id)
		}
		reported = true
		return t.settleSent(s.hot, i, ref, ReportsSettle, "the partner reported on it")
	})
	return reported, err
}

// Settlement is what an operator found out about a batch in doubt.
type Settlement struct {
	ID       string
	Outcome  string // OutcomeSent or OutcomeResend
	Who, Why string
}

// Settled is what settling a batch has changed.
type Settled struct {
	Intent
	Left    int  // batches of the job that are still in doubt
	Resumed bool // the job was halted for its doubts, and is no more
	Late    bool // a report came when the batch was sent again already, and settles nothing
}

// ErrNoDoubt says that a batch is not in doubt: it is being sent right now, or never left.
var ErrNoDoubt = errors.New("not in doubt")

// SettleIntent closes a batch in doubt on behalf of an operator who found out what became of it. Settled as sent, its records
// are passed over by the next run, and its dead letter is delivered; else they are sent again, unless a report comes first
// (see [Store.AddReport]). The last doubt of a job ends the halt that it was. It is ErrNotFound, ErrSettled or ErrNoDoubt.
// Batches the target acknowledges are settled by [Store.Advance].
func (s *Store) SettleIntent(ctx context.Context, p Settlement) (done Settled, err error) {
	err = s.write(ctx, "settling batch "+p.ID, func(t *tx) error {
		i, err := t.openIntent(p.ID)
		switch {
		case err != nil:
			return err
		case i.State != IntentDoubt:
			return ErrNoDoubt
		case p.Outcome == OutcomeSent:
			err = t.settleSent(s.hot, i, "", p.Who, p.Why)
		case p.Outcome == OutcomeResend:
			err = t.letAgain(i.ID, p.Who, p.Why)
		default:
			err = fmt.Errorf("a batch is settled as %s or %s", OutcomeSent, OutcomeResend)
		}
		if err != nil {
			return err
		}
		if err := t.audit(p.Who, fmt.Sprintf("settle batch %s as %s", i.ID, p.Outcome), i.Job, p.Why); err != nil {
			return err
		}
		done.Intent = i
		done.Left, done.Resumed, err = t.endDoubt(i.Job, p.Who, p.Why)
		return err
	})
	return done, err
}

// settleSent closes a batch that the partner has: what stood in it is not sent again.
func (t *tx) settleSent(h hot, i Intent, ref, who, why string) error {
	if err := t.supersede(i.ID); err != nil {
		return err
	}
	if err := t.closeIntent(i.ID, OutcomeSent, who, why); err != nil {
		return err
	}
	if ref != "" {
		if err := t.exec("UPDATE intent SET ref = ? WHERE id = ?", ref, i.ID); err != nil {
			return err
		}
	}
	if i.Letter != 0 {
		return t.exec("UPDATE letter SET state = 'delivered', settled_at = ?, who = ?, why = ? WHERE id = ? AND state = 'open'",
			stamp(t.now), who, why, i.Letter)
	}
	return t.mark(h, i.Job, i.Marks)
}

// endDoubt ends the halt of a job that has no batch in doubt any more, if that is what it was halted for.
func (t *tx) endDoubt(job, who, why string) (left int, resumed bool, err error) {
	left, _, err = one(t.ctx, t, scanTo[int], "SELECT count(*) FROM intent WHERE job = ? AND state = 'doubt'", job)
	if err != nil || left > 0 {
		return left, false, err
	}
	resumed, err = t.changed("DELETE FROM halt WHERE scope = 'job' AND name = ? AND code = ?", job, CodeDoubt)
	if err == nil && resumed {
		err = t.audit(who, "resume job", job, why)
	}
	return 0, resumed, err
}

// EndDoubt ends the halt of a job for a doubt that was settled before the halt was set.
func (s *Store) EndDoubt(ctx context.Context, job string) error {
	return s.write(ctx, "looking whether job "+job+" has batches in doubt", func(t *tx) error {
		_, _, err := t.endDoubt(job, ReportsSettle, "its batch was settled meanwhile")
		return err
	})
}

// AcknowledgeLetter closes the batch that a dead letter was tried again with: the target has taken it, so that the letter is
// delivered too.
func (s *Store) AcknowledgeLetter(ctx context.Context, letter int64, r Taken, who, why string) error {
	return s.write(ctx, fmt.Sprintf("settling dead letter %d", letter), func(t *tx) error {
		l, err := t.openLetter(letter)
		if err != nil {
			return err
		}
		if err := t.settle(s.hot, []Taken{r}); err != nil {
			return err
		}
		err = t.exec("UPDATE letter SET state = 'delivered', settled_at = ?, who = ?, why = ? WHERE id = ?", stamp(t.now), who, why, letter)
		if err != nil {
			return err
		}
		return t.audit(who, fmt.Sprintf("dead letter %d %s", letter, LetterDelivered), l.Job, why)
	})
}

func (t *tx) closeIntent(id, outcome, who, why string) error {
	return t.exec("UPDATE intent SET state = 'settled', outcome = ?, payload = NULL, updated_at = ?, who = ?, why = ? WHERE id = ?",
		outcome, stamp(t.now), who, why, id)
}

func (t *tx) openIntent(id string) (Intent, error) {
	i, found, err := intentOf(t.ctx, t, id)
	switch {
	case err != nil:
	case !found:
		err = ErrNotFound
	case i.State == IntentSettled:
		err = fmt.Errorf("%w as %s at %v", ErrSettled, i.Outcome, stamp(i.UpdatedAt))
	}
	return i, err
}

func intentOf(ctx context.Context, q querier, id string) (Intent, bool, error) {
	return one(ctx, q, scanIntent, "SELECT "+intentColumns+" FROM intent WHERE id = ?", id)
}

// Intent returns one recorded batch, or ErrNotFound.
func (s *Store) Intent(ctx context.Context, id string) (Intent, error) {
	i, found, err := intentOf(ctx, s.r, id)
	if err == nil && !found {
		err = ErrNotFound
	}
	return i, explain(s.path, "batch "+id, err)
}

// OpenIntents returns the batches of a job that are not settled, in the order they were recorded; "" for all jobs.
func (s *Store) OpenIntents(ctx context.Context, job string) ([]Intent, error) {
	list, err := all(ctx, s.r, scanIntent, "SELECT "+intentColumns+
		" FROM intent WHERE (job = ?1 OR ?1 = '') AND state <> 'settled' ORDER BY at, seq", job)
	return list, explain(s.path, "reading the open batches of job "+job, err)
}

// Doubts returns the batches in doubt of all jobs, in the order they were recorded.
func (s *Store) Doubts(ctx context.Context) ([]Intent, error) {
	list, err := all(ctx, s.r, scanIntent, "SELECT "+intentColumns+" FROM intent WHERE state = 'doubt' ORDER BY job, at, seq")
	return list, explain(s.path, "reading the batches in doubt", err)
}

// SettledIntents returns the newest settled batches, of a job or of all; limit 0 means all.
func (s *Store) SettledIntents(ctx context.Context, job string, max int) ([]Intent, error) {
	list, err := all(ctx, s.r, scanIntent, "SELECT "+intentColumns+
		" FROM intent WHERE (job = ?1 OR ?1 = '') AND state = 'settled' ORDER BY at DESC, seq DESC LIMIT ?2", job, limit(max))
	return list, explain(s.path, "reading the settled batches", err)
}
