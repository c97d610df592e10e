package state

import (
	"context"
	"encoding/json"
	"time"
)

// Wiring says which connections a job of the configuration uses; Asks are those that its source takes values from. Route is any
// text that is equal for jobs that move the same records to the same place.
type Wiring struct {
	Job, Source, Sink, Route string
	Asks                     []string
}

// Wire notes the jobs of the configuration with their connections, so that the file itself tells which jobs a halted
// connection stops. Jobs that are not named have none any more.
func (s *Store) Wire(ctx context.Context, jobs []Wiring) error {
	return s.write(ctx, "noting the jobs of the configuration", func(t *tx) error {
		if err := t.exec("UPDATE job SET source = NULL, sink = NULL, asks = '[]'"); err != nil {
			return err
		}
		for _, j := range jobs {
			asks, err := json.Marshal(append([]string{}, j.Asks...)) // a list, also when it is empty
			if err != nil {
				return err
			}
			err = t.exec(`INSERT INTO job (name, source, sink, asks, route) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT (name) DO UPDATE SET source = excluded.source, sink = excluded.sink, asks = excluded.asks, route = excluded.route`,
				j.Job, j.Source, j.Sink, string(asks), j.Route)
			if err != nil {
				return err
			}
		}
		return t.exec("UPDATE job SET plan = '' WHERE source IS NULL")
	})
}

// Wired says whether the configuration has a job, as [Store.Wire] last noted it.
func (s *Store) Wired(ctx context.Context, job string) (bool, error) {
	_, found, err := one(ctx, s.r, scanTo[string], "SELECT name FROM job WHERE name = ? AND source IS NOT NULL", job)
	return found, explain(s.path, "reading whether the configuration has job "+job, err)
}

// Sender is a job that has sent a batch to a target where sending twice is harm.
type Sender struct {
	Job        string
	Configured bool // the configuration has it, as it last was
}

// Senders returns the jobs that sent by a route, be they in the configuration or not; the one that sent last is first.
func (s *Store) Senders(ctx context.Context, route string) ([]Sender, error) {
	list, err := all(ctx, s.r, func(row scanner) (one Sender, err error) {
		err = row.Scan(&one.Job, &one.Configured)
		return one, err
	}, `SELECT j.name, j.source IS NOT NULL FROM job j JOIN intent i ON i.job = j.name AND i.letter IS NULL
		WHERE j.route = ? AND j.route <> ''
		GROUP BY j.name ORDER BY max(i.at) DESC`, route)
	return list, explain(s.path, "reading which jobs sent by the same route", err)
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
