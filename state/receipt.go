package state

import (
	"context"
	"fmt"
	"time"
)

// Receipt is a partner's proof that a batch arrived.
type Receipt struct {
	RunID    int64
	At       time.Time // zero in Advance: now
	BatchID  string    // ours, as it was sent
	Number   string    // theirs, "" when they gave none
	Records  int64     // sent
	Rejected int64     // of them
}

func scanReceipt(row scanner) (r Receipt, err error) {
	err = row.Scan(&r.RunID, when(&r.At), &r.BatchID, &r.Number, &r.Records, &r.Rejected)
	return r, err
}

// Receipts returns the receipts of a run in their order, at most so many; 0 is all.
func (s *Store) Receipts(ctx context.Context, runID int64, most int) ([]Receipt, error) {
	list, err := all(ctx, s.r, scanReceipt, `SELECT run_id, at, batch_id, number, records, rejected FROM receipt
		WHERE run_id = ? ORDER BY id LIMIT ?`, runID, limit(most))
	return list, explain(s.path, fmt.Sprintf("reading the receipts of run %d", runID), err)
}

func (t *tx) receipts(p Progress) error {
	for _, r := range p.Receipts {
		err := t.exec("INSERT INTO receipt (run_id, at, batch_id, number, records, rejected) VALUES (?, ?, ?, ?, ?, ?)",
			p.Checkpoint.RunID, t.orNow(r.At), r.BatchID, r.Number, r.Records, r.Rejected)
		if err != nil {
			return err
		}
	}
	return nil
}
