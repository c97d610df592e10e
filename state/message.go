package state

import (
	"context"
	"time"
)

// The states of a message.
const (
	MessageSending   = "sending"
	MessageUnknown   = "unknown"  // its batch is in doubt
	MessageUnsent    = "unsent"   // its batch never left, was refused, or is sent again under another id
	MessageAccepted  = "accepted" // taken by the partner, and no report yet
	MessageUnclear   = "unclear"  // likewise, but the partner did not take every one of the batch
	MessageDelivered = "delivered"
	MessageFailed    = "failed"
)

// Message is one message of a batch and what became of it, as far as it was reported. There is no number in it.
type Message struct {
	Job, Connection string
	Batch           string // the id of its intent
	Ref             string // the partner's id of the batch
	Person          string // keyed digest of the number
	Shown           string // the number, masked
	Copies          int
	State           string // MessageSending …
	Code            string // of the report
	ReportedAt      time.Time
	At              time.Time // when its batch was recorded
}

// Addressee is to whom a batch goes.
type Addressee struct {
	Person, Shown string
	Copies        int
}

// AddMessages records to whom a batch goes. A second time it changes nothing.
func (s *Store) AddMessages(ctx context.Context, batch string, list []Addressee) error {
	return s.write(ctx, "recording to whom batch "+batch+" goes", func(t *tx) error {
		st, err := t.PrepareContext(t.ctx, "INSERT INTO message (intent, person, shown, copies) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
		if err != nil {
			return err
		}
		defer st.Close()
		for _, a := range list {
			if _, err := st.ExecContext(t.ctx, batch, a.Person, a.Shown, a.Copies); err != nil {
				return err
			}
		}
		return nil
	})
}

// MessageFilter chooses messages; zero fields choose all. Those behind a message come page by page.
type MessageFilter struct {
	Job, State, Batch string
	Since             time.Time // their batch was recorded then or later
	After             *Message
	Limit             int
}

// Messages returns messages in the order of their batches.
func (s *Store) Messages(ctx context.Context, f MessageFilter) ([]Message, error) {
	w := new(where).equal("job", f.Job).equal("state", f.State).equal("batch", f.Batch)
	if !f.Since.IsZero() {
		w.and("at >= ?", stamp(f.Since))
	}
	if f.After != nil {
		w.and("(at, batch, person) > (?, ?, ?)", stamp(f.After.At))
		w.args = append(w.args, f.After.Batch, f.After.Person)
	}
	list, err := all(ctx, s.r, func(row scanner) (m Message, err error) {
		err = row.Scan(&m.Job, &m.Connection, &m.Batch, &m.Ref, &m.Person, &m.Shown, &m.Copies, &m.State, &m.Code, when(&m.ReportedAt), when(&m.At))
		return m, err
	}, "SELECT job, connection, batch, ref, person, shown, copies, state, code, reported_at, at FROM v_messages"+w.text+
		" ORDER BY at, batch, person LIMIT ?", append(w.args, limit(f.Limit))...)
	return list, explain(s.path, "reading the messages", err)
}

// Report is what a partner reports about one message.
type Report struct {
	Connection    string
	Ref           string // the partner's id of the batch
	Batch         string // our id of it, "" when the report has none
	Person, Shown string
	Status, Code  string
	ReportedAt    time.Time
	ReceivedAt    time.Time // given by the store
}

// AddReport records a report. One that is there already changes nothing. A batch that it names, in doubt or settled as to be
// sent again and not sent again yet, is settled as sent, whichever of its messages it is about: the partner has the batch.
// These are returned as they were before, and once also one that was sent again already.
func (s *Store) AddReport(ctx context.Context, r Report) (settled []Settled, err error) {
	err = s.write(ctx, "recording a status report", func(t *tx) error {
		named, err := all(t.ctx, t, scanIntent, "SELECT "+intentColumns+" FROM intent WHERE connection = ?1 AND (id = ?2 OR ref <> '' AND ref = ?3)"+
			" AND (state = 'doubt' OR outcome = 'resend')", r.Connection, r.Batch, r.Ref)
		if err != nil {
			return err
		}
		for _, i := range named {
			heard, err := reportedOn(t.ctx, t, i)
			if err != nil {
				return err
			}
			done, err := t.reported(s.hot, i, r.Ref, heard.Messages == 0)
			if err != nil {
				return err
			}
			if done.ID != "" {
				settled = append(settled, done)
			}
		}
		return t.exec(`INSERT INTO report (connection, ref, person, status, code, reported_at, intent, shown, received_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			r.Connection, r.Ref, r.Person, r.Status, r.Code, stamp(r.ReportedAt), r.Batch, r.Shown, stamp(t.now))
	})
	return settled, err
}

// Orphans returns reports about messages that nobody here has sent, newest first; limit 0 means all.
func (s *Store) Orphans(ctx context.Context, max int) ([]Report, error) {
	list, err := all(ctx, s.r, func(row scanner) (r Report, err error) {
		err = row.Scan(&r.Connection, &r.Ref, &r.Batch, &r.Person, &r.Shown, &r.Status, &r.Code, when(&r.ReportedAt), when(&r.ReceivedAt))
		return r, err
	}, `SELECT connection, ref, intent, person, shown, status, code, reported_at, received_at FROM report r
		WHERE NOT EXISTS (SELECT 1 FROM message m JOIN intent i ON i.id = m.intent
			WHERE m.person = r.person AND i.connection = r.connection AND (i.id = r.intent OR i.ref <> '' AND i.ref = r.ref))
		ORDER BY received_at DESC LIMIT ?`, limit(max))
	return list, explain(s.path, "reading the reports without a message", err)
}
