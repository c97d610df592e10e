package sync

import (
	"context"
	"slices"
	"sync"
	"time"

	"milkrun/state"
	"milkrun/sync/catalogue"
	"milkrun/sync/feed"
)

// check holds the records of a run against the interface that its job names, and measures how timely they are. Its
// methods do nothing on a nil check, that of a job without an interface.
type check struct {
	run *run
	*catalogue.Checker

	mu       sync.Mutex
	told     []string // columns that the interface does not list, as last told
	lags     state.Lags
	late     int64
	promised time.Duration
}

func newCheck(r *run) *check {
	c := r.job.Interface.Checker(r.engine.now(), r.job.Mask, r.job.Location)
	if c == nil {
		return nil
	}
	return &check{run: r, Checker: c, promised: c.Use().Within}
}

// page takes the records that the interface does not allow out of a page: to all that follows the source has refused
// them. It is called for every page, however it is read, by several goroutines at once.
func (c *check) page(p *feed.Page) error {
	if c == nil {
		return nil
	}
	c.unlisted(p.Rows.Columns)
	refused, err := c.Check(p.Rows)
	if err != nil || len(refused) == 0 {
		return err
	}
	p.Rejected = append(slices.Clone(p.Rejected), c.rejections(p, refused)...)
	p.Rows = without(p.Rows, refused)
	return nil
}

// rejections are the refusals as those of a source. Their places are counted among all records of the page.
func (c *check) rejections(p *feed.Page, refused []catalogue.Refusal) []feed.Rejection {
	finder, _ := c.run.source.(feed.Rereader)
	taken := make(map[int]bool, len(p.Rejected))
	for _, r := range p.Rejected {
		taken[r.Row] = true
	}
	list := make([]feed.Rejection, 0, len(refused))
	row, place := -1, -1
	for _, r := range refused {
		for ; row < r.Row; row++ {
			for place++; taken[place]; place++ {
			}
		}
		one := feed.Rejection{Row: place, Code: r.Code, Reason: r.Reason, Record: recordOf(p.Rows, r.Row)}
		if finder != nil {
			one.Place = finder.Locate(p.Rows, r.Row)
		}
		list = append(list, one)
	}
	return list
}

func recordOf(b feed.Batch, row int) map[string]feed.Value {
	record := make(map[string]feed.Value, b.Columns.Len())
	for i, column := range b.Columns.List() {
		record[column.Name] = b.Row(row)[i]
	}
	return record
}

// without returns the rows of a batch that are not refused.
func without(b feed.Batch, refused []catalogue.Refusal) feed.Batch {
	kept := feed.Batch{Columns: b.Columns, Values: make([]feed.Value, 0, len(b.Values)-len(refused)*b.Columns.Len())}
	next := 0
	for _, r := range refused {
		kept.Values = append(kept.Values, b.Slice(next, r.Row).Values...)
		next = r.Row + 1
	}
	kept.Values = append(kept.Values, b.Slice(next, b.Len()).Values...)
	return kept
}

// record is an error when a single record, read again, breaks the interface.
func (c *check) record(b feed.Batch) error {
	if c == nil {
		return nil
	}
	refused, err := c.Check(b)
	if err == nil && len(refused) > 0 {
		err = feed.Errorf(feed.Refuse, refused[0].Code, "%s", refused[0].Reason)
	}
	return err
}

// unlisted says once which columns the interface does not list and lets pass.
func (c *check) unlisted(columns *feed.Columns) {
	extra := c.Unlisted(columns)
	c.mu.Lock()
	told := slices.Equal(extra, c.told)
	c.told = extra
	c.mu.Unlock()
	if len(extra) > 0 && !told {
		c.run.event("note", "the records have %v, which %s does not list", extra, c.Use().Label(c.Version()))
	}
}

// delivered measures the lag of the records of a batch that were delivered just now, as far as they are new: those of a
// first run, of a complete pass, a backfill or a re-push are old, or were delivered before.
func (c *check) delivered(b feed.Batch, rejected []feed.Rejection) {
	if c == nil || c.Use().Time == "" || c.run.lane != state.Forward || c.run.rec.CursorFrom == "" {
		return
	}
	out := make(map[int]bool, len(rejected))
	for _, r := range rejected {
		out[r.Row] = true
	}
	now := c.run.engine.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range b.Len() {
		at := c.Instant(b, i)
		if at.IsZero() || out[i] {
			continue
		}
		lag := now.Sub(at)
		c.lags.Add(lag)
		if c.promised > 0 && lag > c.promised {
			c.late++
		}
	}
}

// keep adds the figures of the run, which has ended, to those of its interface. They are kept at the end only: of a run
// that a crash ends there are none.
func (c *check) keep(ctx context.Context) {
	if c == nil || c.Version() == nil {
		return
	}
	rec := c.run.rec
	c.mu.Lock()
	defer c.mu.Unlock()
	t := state.Timeliness{Interface: c.Use().Name, Version: c.Version().Number, Job: c.run.job.Name,
		Day: rec.FinishedAt.In(c.run.job.Location).Format(time.DateOnly), Connection: c.Use().Connection,
		Records: rec.Counts.Delivered, Rejected: rec.Counts.Rejected, Late: c.late, Lag: c.lags}
	if rec.State == state.Done || rec.State == state.Part {
		t.Runs, t.FirstDone, t.LastDone = 1, rec.FinishedAt, rec.FinishedAt
	}
	if err := c.run.engine.Store.AddTimeliness(ctx, []state.Timeliness{t}); err != nil {
		c.run.log.WithError(err).Warn("noting how timely the records were")
	}
}
