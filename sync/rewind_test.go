package sync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"milkrun/state"
	"milkrun/sync/feed"
)

// event is a record that stands at a time, and may be written later than that.
type event struct{ at, id int }

// journal is a source in the order of time, read again from ten units before the checkpoint.
type journal struct {
	events []event
	calls  int
}

const lookback = 10

// add writes events at these times.
func (j *journal) add(times ...int) {
	for _, at := range times {
		j.events = append(j.events, event{at, len(j.events) + 1})
	}
	slices.SortStableFunc(j.events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
}

func (j *journal) Fetch(_ context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	j.calls++
	p := feed.Page{Rows: feed.Batch{Columns: cols}, Next: after, Done: true, Total: -1}
	for _, e := range j.events {
		if place(e) <= padded(after) {
			continue
		}
		if p.Rows.Len() == limit {
			p.Done = false
			break
		}
		p.Rows.Values = append(p.Rows.Values, strconv.Itoa(e.id), strconv.Itoa(e.at))
		p.Next = place(e)
	}
	return p, nil
}

// place is a time and an id, of fixed width so that it sorts as text.
func place(e event) feed.Cursor { return feed.Cursor(fmt.Sprintf("%06d %06d", e.at, e.id)) }

// padded is a cursor that may be a time alone.
func padded(c feed.Cursor) feed.Cursor { return c + feed.Cursor("             "[:max(0, 13-len(c))]) }

func timeOf(c feed.Cursor) int { return number(c[:6]) }

func (j *journal) Locate(b feed.Batch, i int) feed.Cursor {
	return place(event{number(feed.Cursor(b.Get(i, "phone").(string))), number(feed.Cursor(b.Get(i, "id").(string)))})
}

func (j *journal) Reread(context.Context, []feed.Cursor) (feed.Batch, error) {
	return feed.Batch{}, errors.New("not now")
}

func (j *journal) Rewind(c feed.Cursor) feed.Cursor {
	return feed.Cursor(fmt.Sprintf("%06d", max(timeOf(c)-lookback, 0)))
}

func (j *journal) Rewound(at, c feed.Cursor) bool { return timeOf(at) >= timeOf(j.Rewind(c)) }

func upTo(n int) []int {
	times := make([]int, n)
	for i := range times {
		times[i] = i + 1
	}
	return times
}

func TestLateRecordsAreDelivered(t *testing.T) {
	for _, sizes := range [][2]int{{10, 10}, {3, 10}, {10, 4}} {
		t.Run(fmt.Sprint(sizes), func(t *testing.T) {
			source, sink, e := &journal{}, newShelf(), newEngine(t)
			job := newJob(t, "j", source, sink)
			job.PageSize, job.BatchSize, job.Concurrency = sizes[0], sizes[1], 3
			source.add(upTo(50)...)
			mustRun(t, e, job)
			sink.whole(t, 50)
			source.add(45, 41, 50, 51) // all but the last are late
			r := mustRun(t, e, job)
			sink.whole(t, 54)
			if r.Counts.Delivered != 4 || r.Counts.Skipped == 0 {
				t.Errorf("%d delivered, %d skipped", r.Counts.Delivered, r.Counts.Skipped)
			}
			source.add(49)
			mustRun(t, e, job)
			mustRun(t, e, job)
			sink.whole(t, 55)
			source.add(100, 101)
			mustRun(t, e, job)
			source.add(94)
			mustRun(t, e, job)
			sink.whole(t, 58)
			if recent, err := e.Store.Recent(t.Context(), "j"); err != nil || len(recent) > 3 {
				t.Errorf("%d places are remembered, %v", len(recent), err)
			}
		})
	}
}

// TestCheckpointNeverMovesBack fails again and again while the records before the checkpoint are read: each run would
// begin earlier than the one before it.
func TestCheckpointNeverMovesBack(t *testing.T) {
	source, sink, e := &journal{}, newShelf(), newEngine(t)
	job := newJob(t, "j", source, sink)
	job.PageSize, job.BatchSize = 3, 3
	source.add(upTo(60)...)
	mustRun(t, e, job)
	before := checkpoint(t, e, "j")
	source.add(70, 71, 72)
	sink.deliver = func(b feed.Batch) ([]feed.Rejection, error) {
		if b.Get(0, "phone") == "70" {
			return nil, feed.Errorf(feed.Fail, "503", "down")
		}
		return nil, nil
	}
	for i := range 5 {
		source.add(51+i, 51+i, 51+i) // a batch of late ones, before those that fail
		if _, err := e.Run(t.Context(), job, Start{Trigger: state.Manual}); err == nil {
			t.Fatal("it should have failed")
		}
		if got := checkpoint(t, e, "j"); got != before {
			t.Fatalf("the checkpoint moved from %q to %q", before, got)
		}
	}
	sink.deliver = nil
	mustRun(t, e, job)
	sink.whole(t, 60+3+15)
	if got := checkpoint(t, e, "j"); timeOf(got) != 72 {
		t.Errorf("the checkpoint is at %q", got)
	}
}

// TestStoppedRunRemembersItsWindow fails behind the checkpoint: what was delivered by then is not delivered again.
func TestStoppedRunRemembersItsWindow(t *testing.T) {
	source, sink, e := &journal{}, newShelf(), newEngine(t)
	job := newJob(t, "j", source, sink)
	source.add(upTo(100)...)
	sink.deliver = func(feed.Batch) ([]feed.Rejection, error) {
		if sink.calls == 6 {
			return nil, feed.Errorf(feed.Fail, "503", "down")
		}
		return nil, nil
	}
	if _, err := e.Run(t.Context(), job, Start{Trigger: state.Manual}); err == nil {
		t.Fatal("it should have failed")
	}
	source.add(48)
	mustRun(t, e, job)
	sink.whole(t, 101)
}

// TestRewoundOpaque crashes a stream with lookback into an opaque sink at each boundary: the window is not sent again.
func TestRewoundOpaque(t *testing.T) {
	t.Parallel()
	doubted := 0
	for at := 1; ; at++ {
		c, sink, path, source := newCrash(at), newShelf(), filepath.Join(t.TempDir(), "state.db"), &journal{}
		source.add(upTo(30)...)
		job := newJob(t, "j", source, dyingOpaque{&dying{sink, c, true}})
		if !crashOnce(t, path, c, job, func(*Engine) {}) {
			break
		}
		interrupted(t, path)
		e := engineOn(t, path)
		r, err := e.Run(t.Context(), job2(t, opaqueShelf{sink}, job), Start{Trigger: state.Manual})
		never(t, sink)
		switch {
		case r.Code == "doubt":
			doubted++
		case err != nil || len(sink.got) != 30:
			t.Errorf("ended at %d (%s): %d records, %v", at, c.steps[at-1], len(sink.got), err)
		}
	}
	if doubted == 0 || doubted > 3*5 {
		t.Errorf("in doubt after %d crashes", doubted)
	}
}

// TestChangeWithinOneTick: a record that is changed again before its clock moves on stands where it stood, and is delivered again, once.
func TestChangeWithinOneTick(t *testing.T) {
	source, sink, e := &versions{}, newShelf(), newEngine(t)
	job := newJob(t, "j", source, sink)
	source.add(upTo(20)...)
	mustRun(t, e, job)
	for _, c := range []struct {
		changed int
		want    int64
	}{{18, 1}, {18, 0}, {0, 1}, {0, 0}} { // and back to what it was
		source.changed = c.changed
		if r := mustRun(t, e, job); r.Counts.Delivered != c.want {
			t.Errorf("%d delivered, want %d", r.Counts.Delivered, c.want)
		}
	}
}

// versions is a journal with another column, and a record in which that is another since the first reading.
type versions struct {
	journal
	changed int
}

func (v *versions) Fetch(ctx context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	p, err := v.journal.Fetch(ctx, after, limit)
	wide := feed.Batch{Columns: feed.TextColumns("id", "phone", "status")}
	for i := range p.Rows.Len() {
		status := "paid"
		if id := strconv.Itoa(v.changed); p.Rows.Get(i, "id") == id {
			status = "sent"
		}
		wide.Values = append(append(wide.Values, p.Rows.Row(i)...), status)
	}
	p.Rows = wide
	return p, err
}
