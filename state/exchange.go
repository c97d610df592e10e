package state

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"time"

	"milkrun/sync/audit"
)

// The columns of an exchange in the order of their places in audit.Row.
const exchangeColumns = `seq, kind, at, took, job, run_id, "trigger", operator, connection, interface, purpose, direction, batch,
	records, rejected, bytes, digest, "key", status, code, hash`

const sqlExchange = "INSERT INTO exchange (" + exchangeColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

const sqlHead = "SELECT seq, hash, at FROM exchange ORDER BY seq DESC LIMIT 1"

func scanExchange(row scanner) (r audit.Row, err error) {
	var took int64
	var at string
	var digest, hash sql.RawBytes // copied into the row before the next
	err = row.Scan(&r.Seq, &r.Kind, &at, &took, &r.Job, &r.RunID, &r.Trigger, &r.Operator, &r.Connection, &r.Interface, &r.Purpose,
		&r.Direction, &r.Batch, &r.Records, &r.Rejected, &r.Bytes, &digest, &r.Key, &r.Status, &r.Code, &hash)
	r.Took = time.Duration(took) * time.Millisecond
	copy(r.Digest[:], digest)
	copy(r.Hash[:], hash)
	if err == nil {
		err = when(&r.At).Scan(at)
	}
	r.Foreign = stamp(r.At) != at || !bytes.Equal(blob(r.Digest), digest) || len(hash) != len(r.Hash)
	return r, err
}

func scanHead(row scanner) (h audit.Head, err error) {
	var hash []byte
	err = row.Scan(&h.Seq, &hash, when(&h.At))
	copy(h.Hash[:], hash)
	return h, err
}

// AddExchanges appends exchanges to the chain, in one transaction. Seq and Hash are given by the store. [Store.Advance] does the
// same in the transaction that moves the checkpoint.
func (s *Store) AddExchanges(ctx context.Context, list []audit.Row) error {
	if len(list) == 0 {
		return nil
	}
	return s.write(ctx, "noting exchanges", func(t *tx) error { return t.exchanges(s.hot, list) })
}

func (t *tx) exchanges(h hot, list []audit.Row) error {
	if len(list) == 0 {
		return nil
	}
	head, err := t.head()
	if err != nil {
		return err
	}
	insert := t.StmtContext(t.ctx, h.exchange) //nolint:sqlclosecheck // the transaction's end does
	for _, r := range list {
		r.Seq = head.Seq + 1
		r.At, r.Took = r.At.UTC().Truncate(time.Millisecond), r.Took.Truncate(time.Millisecond)
		r.Hash = r.Link(head.Hash)
		if _, err := insert.ExecContext(t.ctx, r.Seq, r.Kind, stamp(r.At), r.Took.Milliseconds(), r.Job, r.RunID, r.Trigger, r.Operator,
			r.Connection, r.Interface, r.Purpose, r.Direction, r.Batch, r.Records, r.Rejected, r.Bytes, blob(r.Digest), r.Key, r.Status,
			r.Code, r.Hash[:]); err != nil {
			return fmt.Errorf("exchange %d: %w", r.Seq, err)
		}
		head = audit.Head{Seq: r.Seq, Hash: r.Hash}
	}
	return nil
}

// blob stores the digest of nothing as nothing.
func blob(s audit.Sum) []byte {
	if s == (audit.Sum{}) {
		return []byte{}
	}
	return s[:]
}

// head is the newest row. The chain is never empty once it has begun: pruning leaves the row that stands for what is gone.
func (t *tx) head() (audit.Head, error) {
	head, _, err := one(t.ctx, t, scanHead, sqlHead)
	return head, err
}

// ExchangeHead returns the newest exchange; the zero Head when there is none.
func (s *Store) ExchangeHead(ctx context.Context) (audit.Head, error) {
	head, _, err := one(ctx, s.r, scanHead, sqlHead)
	return head, explain(s.path, "reading the newest exchange", err)
}

// ExchangeFilter chooses exchanges by when they began: From ≤ At < To. Zero fields choose all.
type ExchangeFilter struct {
	From, To   time.Time
	Connection string
	Job        string
}

// EachExchange calls each with every exchange in the order of the chain, until it returns an error. Reading holds nobody up; what is
// added meanwhile is left out.
func (s *Store) EachExchange(ctx context.Context, f ExchangeFilter, each func(audit.Row) error) error {
	w := new(where).equal("connection", f.Connection).equal("job", f.Job)
	if !f.From.IsZero() {
		w.and("at >= ?", stamp(f.From))
	}
	if !f.To.IsZero() {
		w.and("at < ?", stamp(f.To))
	}
	rows, err := s.r.QueryContext(ctx, "SELECT "+exchangeColumns+" FROM exchange"+w.text+" ORDER BY seq", w.args...)
	if err != nil {
		return explain(s.path, "reading the exchanges", err)
	}
	defer rows.Close() // rows.Err tells what went wrong
	for rows.Next() {
		r, err := scanExchange(rows)
		if err != nil {
			return explain(s.path, "reading the exchanges", err)
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return explain(s.path, "reading the exchanges", rows.Err())
}

// VerifyExchanges looks at the whole chain. kept is the head that was kept elsewhere, zero for none. Through is the newest row.
func (s *Store) VerifyExchanges(ctx context.Context, kept audit.Head) (through audit.Head, rows int64, wrong []audit.Finding, err error) {
	anchor, err := s.ExchangeAnchor(ctx)
	if err != nil {
		return through, 0, nil, err
	}
	written, _, err := one(ctx, s.r, scanTo[int64], "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'exchange'")
	if err != nil {
		return through, 0, nil, explain(s.path, "reading how many exchanges there were", err)
	}
	v := audit.NewVerify(anchor, kept)
	err = s.EachExchange(ctx, ExchangeFilter{}, func(r audit.Row) error { v.Row(&r); return nil })
	return v.Last(), v.Rows(), v.End(written), err
}

// ExchangeAnchor returns what stands for the rows that were pruned; the zero Anchor when none were.
func (s *Store) ExchangeAnchor(ctx context.Context) (audit.Anchor, error) {
	a, _, err := one(ctx, s.r, func(row scanner) (a audit.Anchor, err error) {
		var digest []byte
		err = row.Scan(&a.Through, &digest)
		copy(a.Hash[:], digest)
		return a, err
	}, "SELECT records, digest FROM exchange WHERE kind = 'pruned' ORDER BY records DESC LIMIT 1")
	return a, explain(s.path, "reading which exchanges were pruned", err)
}

// OldExchanges counts the exchanges that began before a moment, up to the first that did not.
func (s *Store) OldExchanges(ctx context.Context, before time.Time) (int64, error) {
	last, err := s.lastOldExchange(ctx, before)
	if err != nil || last == 0 {
		return 0, err
	}
	n, _, err := one(ctx, s.r, scanTo[int64], "SELECT count(*) FROM exchange WHERE seq <= ?", last)
	return n, explain(s.path, "counting the old exchanges", err)
}

// lastOldExchange is the last row of the old beginning of the chain, 0 for none. The newest row always stays.
func (s *Store) lastOldExchange(ctx context.Context, before time.Time) (int64, error) {
	last, _, err := one(ctx, s.r, scanTo[int64], `SELECT coalesce(
		(SELECT min(seq) FROM exchange WHERE at >= ?1) - 1,
		(SELECT max(seq) - 1 FROM exchange), 0)`, stamp(before))
	return last, explain(s.path, "looking for old exchanges", err)
}

// PruneExchanges removes the exchanges that began before a moment, a little at a time, and returns how many. First a row is
// added that stands for them, with the number and the hash of the last one and with who had them removed ("": the daemon), so that
// the chain behind it stays verifiable.
func (s *Store) PruneExchanges(ctx context.Context, before time.Time, who string) (n int64, err error) {
	last, err := s.lastOldExchange(ctx, before)
	if err != nil || last <= 0 {
		return 0, err
	}
	anchor, err := s.ExchangeAnchor(ctx)
	if err != nil {
		return 0, err
	}
	if last > anchor.Through {
		if err := s.anchor(ctx, last, before, who); err != nil {
			return 0, err
		}
	}
	for { // also what an interrupted pruning left
		began, more := time.Now(), int64(0)
		err := s.write(ctx, "removing old exchanges", func(t *tx) error {
			res, err := t.ExecContext(t.ctx, "DELETE FROM exchange WHERE seq IN (SELECT seq FROM exchange WHERE seq <= ? ORDER BY seq LIMIT ?)",
				max(last, anchor.Through), bite)
			if err == nil {
				more, err = res.RowsAffected()
			}
			return err
		})
		if n += more; err != nil || more < bite {
			return n, err
		}
		rest(ctx, time.Since(began))
	}
}

// anchor adds the row that stands for all rows through last.
func (s *Store) anchor(ctx context.Context, last int64, before time.Time, who string) error {
	return s.write(ctx, "noting which exchanges are removed", func(t *tx) error {
		end, found, err := one(t.ctx, t, scanHead, "SELECT seq, hash, at FROM exchange WHERE seq = ?", last)
		if err == nil && !found {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		return t.exchanges(s.hot, []audit.Row{{Kind: audit.Pruned, At: t.now, Operator: who, Records: end.Seq, Digest: end.Hash,
			Batch: "before " + audit.Stamp(before)}})
	})
}

// ExchangeConnections returns the names of all connections that there are exchanges on, sorted.
func (s *Store) ExchangeConnections(ctx context.Context) ([]string, error) {
	list, err := all(ctx, s.r, scanTo[string], "SELECT DISTINCT connection FROM exchange WHERE connection <> '' ORDER BY connection")
	return list, explain(s.path, "reading the connections of exchanges", err)
}

// OldestExchange returns when the oldest exchange that is left began; the zero time when there is none.
func (s *Store) OldestExchange(ctx context.Context) (time.Time, error) {
	at, _, err := one(ctx, s.r, scanTime, "SELECT at FROM exchange ORDER BY seq LIMIT 1")
	return at, explain(s.path, "reading the oldest exchange", err)
}
