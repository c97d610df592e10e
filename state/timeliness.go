package state

import (
	"context"
	"time"
)

// Timeliness is how an interface of the catalogue did on one day with one job. Figures that follow from others are
// methods of [Lags].
type Timeliness struct {
	Interface  string
	Version    int
	Job        string
	Day        string // "2026-11-22", in the job's time zone
	Connection string // the partner's
	// Runs came to their end, with dead letters or without; the first of them at FirstDone, the last one at LastDone, both
	// zero when there was none.
	Runs                int64
	FirstDone, LastDone time.Time
	// Records were delivered and Rejected refused: by a check, the source or the target. Late ones are among the delivered:
	// they came later than the interface promised on that day.
	Records, Rejected, Late int64
	// Lag is that of the delivered records whose own time is known.
	Lag Lags
}

// dayLayout is the form of a Timeliness.Day.
const dayLayout = time.DateOnly

const timelinessColumns = `job, interface, version, day, connection, runs, first_done, last_done, records, rejected, late,
	lag_count, lag_sum, lag_max, lags`

func scanTimeliness(row scanner) (t Timeliness, err error) {
	var most int64
	var lags string
	err = row.Scan(&t.Job, &t.Interface, &t.Version, &t.Day, &t.Connection, &t.Runs, when(&t.FirstDone), when(&t.LastDone),
		&t.Records, &t.Rejected, &t.Late, &t.Lag.Count, &t.Lag.Sum, &most, &lags)
	if err != nil {
		return t, err
	}
	t.Lag.Max = time.Duration(most) * time.Millisecond
	return t, t.Lag.decode(lags)
}

// Timeliness returns the figures of the days from the one of from up to, and without, the one of to, as these times
// themselves write their dates; a zero time is no bound. They come by interface, version, job and day.
func (s *Store) Timeliness(ctx context.Context, from, to time.Time) ([]Timeliness, error) {
	w := new(where)
	if !from.IsZero() {
		w.and("day >= ?", from.Format(dayLayout))
	}
	if !to.IsZero() {
		w.and("day < ?", to.Format(dayLayout))
	}
	list, err := all(ctx, s.r, scanTimeliness, "SELECT "+timelinessColumns+" FROM timeliness"+w.text+
		" ORDER BY interface, version, job, day", w.args...)
	return list, explain(s.path, "reading the timeliness of interfaces", err)
}

// AddTimeliness adds the figures of a run to those of its days.
func (s *Store) AddTimeliness(ctx context.Context, list []Timeliness) error {
	if len(list) == 0 {
		return nil
	}
	return s.write(ctx, "noting how timely records were", func(t *tx) error {
		for _, one := range list {
			if err := t.addTimeliness(one); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) addTimeliness(fresh Timeliness) error {
	sum, _, err := one(t.ctx, t, scanTimeliness, "SELECT "+timelinessColumns+` FROM timeliness
		WHERE interface = ? AND version = ? AND job = ? AND day = ?`, fresh.Interface, fresh.Version, fresh.Job, fresh.Day)
	if err != nil {
		return err
	}
	sum.Add(fresh)
	return t.exec("INSERT OR REPLACE INTO timeliness ("+timelinessColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		fresh.Job, fresh.Interface, fresh.Version, fresh.Day, fresh.Connection, sum.Runs, stamp(sum.FirstDone), stamp(sum.LastDone),
		sum.Records, sum.Rejected, sum.Late, sum.Lag.Count, sum.Lag.Sum, sum.Lag.Max.Milliseconds(), sum.Lag.encode())
}

// Add takes up further figures, to sum up several days, jobs or versions. What tells them apart stays as it is.
func (t *Timeliness) Add(o Timeliness) {
	t.Runs += o.Runs
	t.Records += o.Records
	t.Rejected += o.Rejected
	t.Late += o.Late
	t.Lag.Merge(o.Lag)
	if t.FirstDone.IsZero() || !o.FirstDone.IsZero() && o.FirstDone.Before(t.FirstDone) {
		t.FirstDone = o.FirstDone
	}
	if o.LastDone.After(t.LastDone) {
		t.LastDone = o.LastDone
	}
}
