package state

import (
	"context"
	"fmt"
	"time"

	"milkrun/sync/alert"
)

var _ alert.Incidents = (*Store)(nil)

const incidentColumns = "id, partner, job, interface, kind, code, since, ended_at, impact, notified_at, escalated_at, cleared_at"

func scanIncident(row scanner) (i alert.Incident, err error) {
	err = row.Scan(&i.ID, &i.Partner, &i.Job, &i.Interface, &i.Kind, &i.Code, when(&i.Since), when(&i.EndedAt), &i.Impact,
		when(&i.NotifiedAt), when(&i.EscalatedAt), when(&i.ClearedAt))
	return i, err
}

// OpenIncidents returns the incidents that are not over, oldest first.
func (s *Store) OpenIncidents(ctx context.Context) ([]alert.Incident, error) {
	list, err := all(ctx, s.r, scanIncident, "SELECT "+incidentColumns+" FROM incident WHERE ended_at IS NULL ORDER BY since, id")
	return list, explain(s.path, "reading the incidents", err)
}

// Incidents returns what went on at any time from one moment up to another, oldest first. Zero times are no bounds.
func (s *Store) Incidents(ctx context.Context, from, to time.Time) ([]alert.Incident, error) {
	w := new(where)
	if !from.IsZero() {
		w.and("coalesce(ended_at, '9999') > ?", stamp(from))
	}
	if !to.IsZero() {
		w.and("since < ?", stamp(to))
	}
	list, err := all(ctx, s.r, scanIncident, "SELECT "+incidentColumns+" FROM incident"+w.text+" ORDER BY since, id", w.args...)
	return list, explain(s.path, "reading the incidents", err)
}

// Incident returns one, or ErrNotFound.
func (s *Store) Incident(ctx context.Context, id int64) (alert.Incident, error) {
	i, found, err := one(ctx, s.r, scanIncident, "SELECT "+incidentColumns+" FROM incident WHERE id = ?", id)
	if err == nil && !found {
		err = ErrNotFound
	}
	return i, explain(s.path, fmt.Sprintf("incident %d", id), err)
}

// SaveIncident adds an incident without an ID, and else replaces all that may change of it. It returns the id.
func (s *Store) SaveIncident(ctx context.Context, i alert.Incident) (id int64, err error) {
	id = i.ID
	err = s.write(ctx, "recording an incident of job "+i.Job, func(t *tx) error {
		if id == 0 {
			id, _, err = one(t.ctx, t, scanTo[int64], `INSERT INTO incident (partner, job, interface, kind, code, since, ended_at, impact,
				notified_at, escalated_at, cleared_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`, i.Partner, i.Job, i.Interface,
				i.Kind, i.Code, stamp(i.Since), stamp(i.EndedAt), i.Impact, stamp(i.NotifiedAt), stamp(i.EscalatedAt), stamp(i.ClearedAt))
			return err
		}
		there, err := t.changed(`UPDATE incident SET kind = ?, code = ?, ended_at = ?, impact = ?, notified_at = ?, escalated_at = ?, cleared_at = ?
			WHERE id = ?`, i.Kind, i.Code, stamp(i.EndedAt), i.Impact, stamp(i.NotifiedAt), stamp(i.EscalatedAt), stamp(i.ClearedAt), id)
		if err == nil && !there {
			err = ErrNotFound
		}
		return err
	})
	return id, err
}
