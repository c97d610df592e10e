package sql

import (
	"context"
	"slices"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

// The columns by which the sink knows what it wrote, of a job with a retention: which job it was, and when it delivered the
// row last. The time is UTC, cut to the hour, so that a row that comes again and again is written once an hour at most.
const (
	jobStamp  = "milkrun_job"
	timeStamp = "milkrun_at"
	stampForm = "2006-01-02T15:04:05Z"
)

var _ feed.Expirer = (*Sink)(nil)

// stamps is a column list with the stamps behind it, if the job keeps a retention.
func (s *Sink) stamps(c *feed.Columns) *feed.Columns {
	if !s.keeps || c == nil {
		return c
	}
	return feed.NewColumns(append(slices.Clone(c.List()), feed.Column{Name: jobStamp, Type: feed.Text}, feed.Column{Name: timeStamp, Type: feed.Text})...)
}

// stamped is a batch whose rows say who wrote them and when.
func (s *Sink) stamped(b feed.Batch, now time.Time) feed.Batch {
	if !s.keeps {
		return b
	}
	out := feed.Batch{Columns: s.stamps(b.Columns), Values: make([]feed.Value, 0, b.Len()*(b.Columns.Len()+2))}
	at := now.UTC().Truncate(time.Hour).Format(stampForm)
	for i := range b.Len() {
		out.Values = append(append(out.Values, b.Row(i)...), s.job, at)
	}
	return out
}

// Expire implements [feed.Expirer] by the stamps. A table without them holds nothing that is known to be the job's. A stamp is
// up to an hour older than the delivery, so that the moment is cut to the hour as well: nothing goes before its time.
func (s *Sink) Expire(ctx context.Context, before time.Time, note func(gone int64) error) error {
	d := s.db
	err := d.Use(ctx, func(c *sqldb.Session) error {
		table, err := c.Table(ctx, s.name)
		if err != nil || table == nil || len(lacking([]string{jobStamp, timeStamp}, sqldb.Names(table.Columns))) > 0 {
			return err
		}
		q := d.Stmt("DELETE FROM ", d.Quoted(s.name), " WHERE ", d.Quote(jobStamp), " = ").Arg(s.job).
			Add(" AND ", d.Quote(timeStamp), " < ").Arg(before.UTC().Truncate(time.Hour).Format(stampForm))
		return c.Tx(ctx, func() error {
			gone, err := c.Exec(ctx, q.String(), q.Args...)
			if err != nil || gone == 0 {
				return err
			}
			return note(gone)
		})
	})
	return s.fault(err, "delete what is older than the retention")
}
