package state

import (
	"context"
	"fmt"
)

// PauseConnection pauses a connection: no job calls on it until it is resumed. One that is paused keeps its first reason.
func (s *Store) PauseConnection(ctx context.Context, connection, who, why string) error {
	return s.write(ctx, "pausing connection "+connection, func(t *tx) error {
		paused, err := t.changed("INSERT INTO connection_pause (connection, at, who, why) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
			connection, stamp(t.now), who, why)
		if err != nil || !paused {
			return err
		}
		return t.audit(who, "pause connection", connection, why)
	})
}

// UnpauseConnection ends the pause of a connection, and says whether there was one.
func (s *Store) UnpauseConnection(ctx context.Context, connection, who, why string) (ended bool, err error) {
	err = s.write(ctx, "ending the pause of connection "+connection, func(t *tx) error {
		ended, err = t.changed("DELETE FROM connection_pause WHERE connection = ?", connection)
		if err != nil || !ended {
			return err
		}
		return t.audit(who, "unpause connection", connection, why)
	})
	return ended, err
}

// PausedConnection returns the halt that an operator's pause of a connection is, and whether there is one.
func (s *Store) PausedConnection(ctx context.Context, connection string) (Halt, bool, error) {
	list, err := s.pausedConnections(ctx)
	for _, h := range list {
		if h.Name == connection {
			return h, true, nil
		}
	}
	return Halt{}, false, explain(s.path, "reading whether connection "+connection+" is paused", err)
}

// pausedConnections are the halts that operators' pauses are.
func (s *Store) pausedConnections(ctx context.Context) ([]Halt, error) {
	return all(ctx, s.r, func(row scanner) (h Halt, err error) {
		var why string
		if err := row.Scan(&h.Name, when(&h.At), &h.Who, &why); err != nil {
			return h, err
		}
		h.Scope, h.Code = ConnectionScope, "paused"
		h.Reason, h.Remedy = "paused by "+h.Who, "resume it when whoever paused it agrees"
		if why != "" {
			h.Reason = fmt.Sprintf("paused by %s: %s", h.Who, why)
		}
		return h, nil
	}, "SELECT connection, at, who, why FROM connection_pause ORDER BY connection")
}
