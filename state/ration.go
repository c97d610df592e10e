package state

import (
	"context"
	"fmt"
)

// Take counts n against the daily ration of a connection before they are sent, durably, unless that would be more than
// most: then it counts nothing and taken is false. Left is what the day has left afterwards.
func (s *Store) Take(ctx context.Context, connection, day string, n, most int) (left int, taken bool, err error) {
	err = s.write(ctx, "counting what connection "+connection+" sends", func(t *tx) error {
		used, _, err := one(t.ctx, t, scanTo[int], "SELECT used FROM ration WHERE connection = ? AND day = ?", connection, day)
		if err != nil {
			return err
		}
		if left = max(most-used, 0); n > left {
			return nil
		}
		left, taken = left-n, true
		return t.exec(`INSERT INTO ration (connection, day, used) VALUES (?, ?, ?)
			ON CONFLICT (connection, day) DO UPDATE SET used = used + excluded.used`, connection, day, n)
	})
	return left, taken, err
}

// GiveBack takes back what was counted for what certainly was not sent.
func (s *Store) GiveBack(ctx context.Context, connection, day string, n int) error {
	return s.write(ctx, "counting what connection "+connection+" sends", func(t *tx) error {
		return t.exec("UPDATE ration SET used = max(used - ?, 0) WHERE connection = ? AND day = ?", n, connection, day)
	})
}

// Used is how much of the ration of a day a connection has used.
func (s *Store) Used(ctx context.Context, connection, day string) (int, error) {
	used, _, err := one(ctx, s.r, scanTo[int], "SELECT used FROM ration WHERE connection = ? AND day = ?", connection, day)
	return used, explain(s.path, fmt.Sprintf("reading what connection %s has sent on %s", connection, day), err)
}
