package sync

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"milkrun/state"
	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

// Progress is how far a run has come.
type Progress struct {
	Job       string
	Run       int64
	Mode      string
	Phase     string // "reading", "mending" (rows moved), "merging" (the new generation becomes current)
	StartedAt time.Time
	Counts    state.Counts // ahead of the state file; Total is the partner's own, -1 unknown
	Begun     int64        // records that earlier runs of the same pass have read already
	Trouble   string       // the last error that is being tried again; "" when all is well
	GiveUpAt  time.Time    // when it is not tried again any more
}

func (r *run) progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	phase := r.phase
	if phase == "" {
		phase = "reading"
	}
	return Progress{Job: r.job.Name, Run: r.rec.ID, Mode: r.rec.Mode, Phase: phase, StartedAt: r.rec.StartedAt, Counts: r.live,
		Begun: r.begun, Trouble: r.trouble, GiveUpAt: r.giveUpAt}
}

func (r *run) setPhase(phase string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase = phase
}

// saw counts a page that was read, in the order of the feed.
func (r *run) saw(p page) {
	r.onPage(p)
	r.refusing(p.Rejected)
	r.mu.Lock()
	r.trouble, r.giveUpAt = "", time.Time{}
	r.live.Pages++
	r.live.Read += int64(p.Rows.Len() + len(p.Rejected))
	r.live.Bytes += int64(p.Bytes)
	if p.Total >= 0 {
		r.live.Total = p.Total
	}
	r.mu.Unlock()
	for _, note := range slices.Sorted(maps.Keys(p.Notes)) {
		times := ""
		if p.Notes[note] > 1 {
			times = fmt.Sprintf(" (%d times)", p.Notes[note])
		}
		r.event("note", "page behind %s: %s%s", shownCursor(p.after), note, times)
	}
}

// forecast asks a source that can count how many records there are to come, while they are being read already.
func (r *run) forecast(ctx context.Context, src feed.Source, from feed.Cursor) {
	counter, ok := src.(feed.Counter)
	if !ok {
		return
	}
	r.reading.Go(func() {
		call := r.asks("count")
		n, err := counter.Count(call.under(ctx), from)
		r.countBehind(call.under(ctx), counter)
		call.end(0, 0, err)
		if err != nil {
			r.log.WithError(err).Debug("counting what is to come")
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.live.Total = max(n, r.live.Read)
	})
}

// startOver begins the counts of records anew, for a reading from the beginning. What it costs adds up.
func (r *run) startOver() {
	r.bad.Store(0)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live.Read, r.live.Delivered, r.live.Rejected, r.live.Skipped = 0, 0, 0, 0
	r.begun, r.alike = 0, nil
}

// readAgain counts a page that was read again.
func (r *run) readAgain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live.Pages++
}

// settled counts what came of records, and returns what the state file does not have of the counts yet.
func (r *run) settled(c state.Counts) state.Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.staging {
		r.live.Delivered += c.Delivered
	}
	r.live.Rejected += c.Rejected
	r.live.Skipped += c.Skipped
	r.trouble, r.giveUpAt = "", time.Time{}
	fresh, old := r.live, r.saved
	r.saved = r.live
	return state.Counts{Pages: fresh.Pages - old.Pages, Read: fresh.Read - old.Read, Delivered: fresh.Delivered - old.Delivered,
		Rejected: fresh.Rejected - old.Rejected, Skipped: fresh.Skipped - old.Skipped, Retries: fresh.Retries - old.Retries,
		Bytes: fresh.Bytes - old.Bytes, Total: fresh.Total}
}

// attempts returns the job's way of trying again; what is named in the events.
func (r *run) attempts(refusals int, what string) attempts {
	giveUpAt := r.engine.now().Add(r.job.Retry.GiveUpAfter)
	return attempts{policy: r.job.Retry, refusal: refusals, each: func(err *feed.Error, wait time.Duration) {
		r.mu.Lock()
		r.live.Retries++
		r.trouble, r.giveUpAt = mask.Scrub(err.Error()), giveUpAt
		r.mu.Unlock()
		r.engine.observe(func(o Observer) { o.Retried(r.job.Name, err.Code) })
		r.event("retry", "%s: %v; trying again in %s", what, err.Err, wait.Round(time.Millisecond))
	}}
}

// refusing counts records that are rejected, by source or sink.
func (r *run) refusing(rejected []feed.Rejection) {
	if len(rejected) == 0 {
		return
	}
	r.bad.Add(int64(len(rejected)))
	last := rejected[len(rejected)-1]
	r.mu.Lock()
	r.lastBad = mask.Scrub(last.Code + ": " + last.Reason)
	r.mu.Unlock()
}

// tooManyBad ends a run that rejects more records than the job allows.
func (r *run) tooManyBad() error {
	bad := r.bad.Load()
	limit := r.job.MaxBad
	if r.job.OnBadRecord == "halt" {
		limit = 0
	}
	if bad <= limit {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return feed.Errorf(feed.HaltJob, "max_bad", "rejected in this run: %s, at most %d may be; the last one: %s", records(bad), limit, r.lastBad).
		WithRemedy("look at them (milkrun dead list %s), mend the cause or raise max_bad, then resume the job", r.job.Name)
}

// swapped keeps what a swap did, beyond leaving kept records as they were.
func (r *run) swapped(c feed.Changes, kept, reread int64) {
	var text strings.Builder
	fmt.Fprintf(&text, `{"inserted":%d,"updated":%d,"deleted":%d,"unchanged":%d,"reread":%d}`, c.Inserted, c.Updated, c.Deleted, c.Unchanged, reread)
	r.mu.Lock()
	r.rec.Summary = text.String()
	r.live.Delivered = c.Inserted + c.Updated + c.Unchanged - kept
	r.mu.Unlock()
	r.log.WithFields(logrus.Fields{"inserted": c.Inserted, "updated": c.Updated, "deleted": c.Deleted, "unchanged": c.Unchanged}).
		Info("the new generation is current")
}
