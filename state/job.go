package state

import (
	"context"
	"time"
)

// Wiring says which connections a job of the configuration uses.
type Wiring struct{ Job, Source, Sink string }

// Wire notes the jobs of the configuration with their connections, so that the file itself tells which jobs a halted
// connection stops. Jobs that are not named have none any more.
func (s *Store) Wire(ctx context.Context, jobs []Wiring) error {
	return s.write(ctx, "noting the jobs of the configuration", func(t *tx) error {
		if err := t.exec("UPDATE job SET source = NULL, sink = NULL"); err != nil {
			return err
		}
		for _, j := range jobs {
			err := t.exec(`INSERT INTO job (name, source, sink) VALUES (?, ?, ?)
				ON CONFLICT (name) DO UPDATE SET source = excluded.source, sink = excluded.sink`, j.Job, j.Source, j.Sink)
			if err != nil {
				return err
			}
		}
		return t.exec("UPDATE job SET plan = '' WHERE source IS NULL")
	})
}

// JobSince returns since when a daemon knows when the job is due, which is now if the plan (any text that tells; empty is
// never) is another than it was. Slots before that are never due. A store that is opened for reading only does not keep it.
func (s *Store) JobSince(ctx context.Context, job, plan string) (time.Time, error) {
	const query = "SELECT since FROM job WHERE name = ? AND plan = ? AND since IS NOT NULL"
	at, found, err := one(ctx, s.r, scanTime, query, job, plan)
	if err != nil || found {
		return at, explain(s.path, "reading since when job "+job+" is known", err)
	}
	if s.w == nil {
		return s.moment(), nil
	}
	err = s.write(ctx, "noting when job "+job+" is due", func(t *tx) error {
		err := t.exec(`INSERT INTO job (name, plan, since) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET plan = excluded.plan, since = excluded.since`, job, plan, stamp(t.now))
		if err != nil {
			return err
		}
		at, _, err = one(t.ctx, t, scanTime, query, job, plan)
		return err
	})
	return at, err
}
