package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrReported says that the partner has reported on a batch that was to be sent again.
var ErrReported = errors.New("the partner has just reported on it, so it is not sent again")

// Waits says that an operator lets the records of a batch be sent again, and that not all of them were taken again.
func (i Intent) Waits() bool {
	return i.State == IntentSettled && i.Outcome == OutcomeResend && i.Marks != nil
}

// shares says whether two batches of a job hold the same record.
func (i Intent) shares(other Intent) bool {
	if i.Letter != 0 || other.Letter != 0 {
		return i.Letter == other.Letter
	}
	return len(without(i.Marks, other.Marks)) < len(i.Marks)
}

// without are the marks that are not among others.
func without(marks, others []string) []string {
	known := map[string]bool{}
	for _, mark := range others {
		known[mark] = true
	}
	return slices.DeleteFunc(slices.Clone(marks), func(mark string) bool { return known[mark] })
}

// letAgain closes a batch whose records are to be sent again. Where they stand is kept: a report on it may come before.
func (t *tx) letAgain(id, who, why string) error {
	return t.exec(`UPDATE intent SET state = 'settled', outcome = 'resend', payload = coalesce(payload, CAST('[]' AS BLOB)), updated_at = ?, who = ?, why = ?
		WHERE id = ?`, stamp(t.now), who, why, id)
}

// waiting are the batches of a job whose records are to be sent again.
func waiting(ctx context.Context, q querier, job string) ([]Intent, error) {
	return all(ctx, q, scanIntent, "SELECT "+intentColumns+" FROM intent WHERE job = ? AND state = 'settled' AND payload IS NOT NULL", job)
}

// Resends returns the ids of the batches of a job whose records are to be sent again. Those of them that were reported while
// they were tried again, in vain, are settled as sent.
func (s *Store) Resends(ctx context.Context, job string) (ids []string, err error) {
	if list, err := waiting(ctx, s.r, job); err != nil || len(list) == 0 {
		return nil, explain(s.path, "reading what job "+job+" sends again", err)
	}
	err = s.write(ctx, "reading what job "+job+" sends again", func(t *tx) error {
		list, err := waiting(t.ctx, t, job)
		for _, i := range list {
			heard, failed := reportedOn(t.ctx, t, i)
			if failed != nil {
				return failed
			}
			if heard.Messages == 0 {
				ids = append(ids, i.ID)
			} else if _, err = t.reported(s.hot, i, i.Ref, false); err != nil {
				return err
			}
		}
		return err
	})
	return ids, err
}

// notSince is ErrReported when one of the batches that were to be sent again has been reported.
func (t *tx) notSince(instead []string) error {
	for _, id := range instead {
		before, found, err := intentOf(t.ctx, t, id)
		if err != nil {
			return err
		}
		if found && before.Outcome == OutcomeSent {
			return fmt.Errorf("batch %s: %w", id, ErrReported)
		}
	}
	return nil
}

// unheard is ErrReported when what is about to leave was sent before, and the partner has reported on that.
func (t *tx) unheard(i Intent) error {
	list, err := waiting(t.ctx, t, i.Job)
	for _, before := range list {
		if err != nil || !before.shares(i) {
			continue
		}
		var heard Reported
		if heard, err = reportedOn(t.ctx, t, before); heard.Messages > 0 {
			return fmt.Errorf("batch %s: %w", before.ID, ErrReported)
		}
	}
	return err
}

// supersede notes that the partner has taken the records of a batch: they wait no longer to be sent again.
func (t *tx) supersede(id string) error {
	i, found, err := intentOf(t.ctx, t, id)
	if err != nil || !found {
		return err
	}
	list, err := waiting(t.ctx, t, i.Job)
	for _, before := range list {
		if err != nil || before.ID == id || !before.shares(i) {
			continue
		}
		var payload []byte
		if rest := without(before.Marks, i.Marks); len(rest) > 0 {
			if payload, err = json.Marshal(rest); err != nil {
				return err
			}
		}
		err = t.exec("UPDATE intent SET payload = ? WHERE id = ?", payload, before.ID)
	}
	return err
}

// Reported is what was reported about the messages of a batch.
type Reported struct {
	Messages  int       // that any report names
	Delivered int       // of these
	First     time.Time // when the first was, by the partner's clock
}

// ReportedOn returns what was reported about a batch, by its id or the partner's.
func (s *Store) ReportedOn(ctx context.Context, i Intent) (Reported, error) {
	r, err := reportedOn(ctx, s.r, i)
	return r, explain(s.path, "reading the reports on batch "+i.ID, err)
}

func reportedOn(ctx context.Context, q querier, i Intent) (Reported, error) {
	r, _, err := one(ctx, q, func(row scanner) (r Reported, err error) {
		err = row.Scan(&r.Messages, &r.Delivered, when(&r.First))
		return r, err
	}, `SELECT count(DISTINCT person), count(DISTINCT iif(status = 'SUCCESS', person, NULL)), min(reported_at) FROM report
		WHERE connection = ? AND (intent = ? OR ? <> '' AND ref = ?)`, i.Connection, i.ID, i.Ref, i.Ref)
	return r, err
}

// reported settles a batch that was in doubt, or is to be sent again: a report says that the partner has it. One that is being
// sent again, or was, stays as it is, but what else is reported of it finds it; that is news with the first report.
func (t *tx) reported(h hot, i Intent, ref string, first bool) (done Settled, err error) {
	why := "the partner reported on it"
	if i.State == IntentSettled {
		left, err := t.leftAgain(i)
		if err != nil || left && !first {
			return done, err
		}
		if left {
			if err := t.exec("UPDATE intent SET ref = ? WHERE id = ? AND ref = ''", ref, i.ID); err != nil {
				return done, err
			}
			return Settled{Intent: i, Late: true}, t.audit(ReportsSettle, "batch "+i.ID+" had arrived, and was sent again", i.Job, why)
		}
		why = fmt.Sprintf("%s before it was sent again; %s had settled it as %s%s", why, i.Who, i.Outcome, because(i.Why))
	}
	if err := t.settleSent(h, i, ref, ReportsSettle, why); err != nil {
		return done, err
	}
	if err := t.audit(ReportsSettle, fmt.Sprintf("settle batch %s as %s", i.ID, OutcomeSent), i.Job, why); err != nil {
		return done, err
	}
	done.Intent = i
	done.Left, done.Resumed, err = t.endDoubt(i.Job, ReportsSettle, "the partner reported on its batch")
	return done, err
}

// leftAgain says whether the records of a batch that an operator let be sent again were, or are just leaving.
func (t *tx) leftAgain(i Intent) (bool, error) {
	if !i.Waits() {
		return true, nil
	}
	open, err := all(t.ctx, t, scanIntent, "SELECT "+intentColumns+" FROM intent WHERE job = ? AND state IN ('recorded', 'sent')", i.Job)
	return slices.ContainsFunc(open, i.shares), err
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}
