package state

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"
)

// The scopes of a halt.
const (
	JobScope        = "job"
	ConnectionScope = "connection"
)

// Halt stops a job, or all calls on a connection, until an operator resumes it. The engine's own has no Who; a connection that
// an operator paused is a halt by that person.
type Halt struct {
	Scope                string // JobScope or ConnectionScope
	Name                 string
	At                   time.Time // zero in SetHalt: now
	Code, Reason, Remedy string
	RunID                int64 // the run that met it, 0 for none
	Who                  string
}

const haltColumns = "scope, name, at, code, reason, remedy, coalesce(run_id, 0)"

func scanHalt(row scanner) (h Halt, err error) {
	err = row.Scan(&h.Scope, &h.Name, when(&h.At), &h.Code, &h.Reason, &h.Remedy, &h.RunID)
	return h, err
}

// SetHalt halts a job or connection. One that is halted gets the new reason.
func (s *Store) SetHalt(ctx context.Context, h Halt) error {
	return s.write(ctx, fmt.Sprintf("halting %s %s", h.Scope, h.Name), func(t *tx) error {
		return t.exec(`INSERT INTO halt (scope, name, at, code, reason, remedy, run_id) VALUES (?, ?, ?, ?, ?, ?, nullif(?, 0))
			ON CONFLICT (scope, name) DO UPDATE SET at = excluded.at, code = excluded.code, reason = excluded.reason,
				remedy = excluded.remedy, run_id = excluded.run_id`,
			h.Scope, h.Name, t.orNow(h.At), h.Code, h.Reason, h.Remedy, h.RunID)
	})
}

// ClearHalt resumes a job or connection, and says whether it was halted.
func (s *Store) ClearHalt(ctx context.Context, scope, name, who, why string) (cleared bool, err error) {
	err = s.write(ctx, fmt.Sprintf("resuming %s %s", scope, name), func(t *tx) error {
		cleared, err = t.changed("DELETE FROM halt WHERE scope = ? AND name = ?", scope, name)
		if err != nil || !cleared {
			return err
		}
		return t.audit(who, "resume "+scope, name, why)
	})
	return cleared, err
}

// Halts returns all halts by scope and name, and behind them the connections that operators paused.
func (s *Store) Halts(ctx context.Context) ([]Halt, error) {
	list, err := all(ctx, s.r, scanHalt, "SELECT "+haltColumns+" FROM halt ORDER BY scope, name")
	if err == nil {
		var paused []Halt
		paused, err = s.pausedConnections(ctx)
		list = append(list, paused...)
	}
	return list, explain(s.path, "reading what is halted", err)
}

// HaltOf returns the halt of a job or connection, and whether there is one.
func (s *Store) HaltOf(ctx context.Context, scope, name string) (Halt, bool, error) {
	h, found, err := one(ctx, s.r, scanHalt, "SELECT "+haltColumns+" FROM halt WHERE scope = ? AND name = ?", scope, name)
	return h, found, explain(s.path, fmt.Sprintf("reading whether %s %s is halted", scope, name), err)
}

// Pausing is a job that an operator has paused.
type Pausing struct {
	Job      string
	At       time.Time
	Who, Why string
}

// Pause pauses a job: its slots come and go without a run. One that is paused keeps its first reason.
func (s *Store) Pause(ctx context.Context, job, who, why string) error {
	return s.write(ctx, "pausing job "+job, func(t *tx) error {
		paused, err := t.changed("INSERT INTO pause (job, at, who, why) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", job, stamp(t.now), who, why)
		if err != nil || !paused {
			return err
		}
		return t.audit(who, "pause", job, why)
	})
}

// Unpause ends a pause, and says whether there was one.
func (s *Store) Unpause(ctx context.Context, job, who, why string) (ended bool, err error) {
	err = s.write(ctx, "ending the pause of job "+job, func(t *tx) error {
		ended, err = t.changed("DELETE FROM pause WHERE job = ?", job)
		if err != nil || !ended {
			return err
		}
		return t.audit(who, "unpause", job, why)
	})
	return ended, err
}

// Paused returns the paused jobs by name.
func (s *Store) Paused(ctx context.Context) (map[string]Pausing, error) {
	list, err := all(ctx, s.r, func(row scanner) (p Pausing, err error) {
		err = row.Scan(&p.Job, when(&p.At), &p.Who, &p.Why)
		return p, err
	}, "SELECT job, at, who, why FROM pause")
	paused := make(map[string]Pausing, len(list))
	for _, p := range list {
		paused[p.Job] = p
	}
	return paused, explain(s.path, "reading what is paused", err)
}

// Audit is something an operator did.
type Audit struct {
	At   time.Time
	Who  string
	What string // "checkpoint set forward", "pause", "resume job", "dead letter 7 dropped" …
	Job  string // or the connection that was resumed
	Why  string
}

// Audit records something that an operator did and that no other record tells.
func (s *Store) Audit(ctx context.Context, who, what, job, why string) error {
	return s.write(ctx, "recording what "+who+" did", func(t *tx) error { return t.audit(who, what, job, why) })
}

func (t *tx) audit(who, what, job, why string) error {
	return t.exec("INSERT INTO operation (at, who, what, job, why) VALUES (?, ?, ?, ?, ?)", stamp(t.now), who, what, job, why)
}

// LastOperation returns when somebody last did something whose text begins like this; the zero time when never.
func (s *Store) LastOperation(ctx context.Context, who, begins string) (time.Time, error) {
	at, _, err := one(ctx, s.r, scanTime, "SELECT max(at) FROM operation WHERE who = ? AND substr(what, 1, ?) = ?", who, utf8.RuneCountInString(begins), begins)
	return at, explain(s.path, "reading what operators did", err)
}

// Operations returns what operators did, newest first; max 0 means all.
func (s *Store) Operations(ctx context.Context, max int) ([]Audit, error) {
	list, err := all(ctx, s.r, func(row scanner) (a Audit, err error) {
		err = row.Scan(when(&a.At), &a.Who, &a.What, &a.Job, &a.Why)
		return a, err
	}, "SELECT at, who, what, job, why FROM operation ORDER BY id DESC LIMIT ?", limit(max))
	return list, explain(s.path, "reading what operators did", err)
}
