package state

import (
	"context"
	"fmt"

	"milkrun/sync/alert"
)

var _ alert.Memory = (*Store)(nil)

const alertColumns = "kind, scope, name, open, since, occurrence, count, announced, sent_at"

func scanAlert(row scanner) (e alert.Entry, err error) {
	err = row.Scan(&e.Kind, &e.Scope, &e.Name, &e.Open, when(&e.Since), &e.Occurrence, &e.Count, &e.Announced, when(&e.SentAt))
	return e, err
}

// Alerts returns what has been said to operators, and what has not yet.
func (s *Store) Alerts(ctx context.Context) ([]alert.Entry, error) {
	list, err := all(ctx, s.r, scanAlert, "SELECT "+alertColumns+" FROM alert ORDER BY kind, scope, name")
	return list, explain(s.path, "reading the alerts", err)
}

// SaveAlert adds an entry, or replaces the one of its subject.
func (s *Store) SaveAlert(ctx context.Context, e alert.Entry) error {
	return s.write(ctx, fmt.Sprintf("remembering the alert %s of %s %s", e.Kind, e.Scope, e.Name), func(t *tx) error {
		return t.exec("INSERT OR REPLACE INTO alert ("+alertColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			e.Kind, e.Scope, e.Name, e.Open, stamp(e.Since), e.Occurrence, e.Count, e.Announced, stamp(e.SentAt))
	})
}

// ForgetAlert removes the entry of a subject.
func (s *Store) ForgetAlert(ctx context.Context, a alert.Subject) error {
	return s.write(ctx, fmt.Sprintf("forgetting the alert %s of %s %s", a.Kind, a.Scope, a.Name), func(t *tx) error {
		return t.exec("DELETE FROM alert WHERE kind = ? AND scope = ? AND name = ?", a.Kind, a.Scope, a.Name)
	})
}
