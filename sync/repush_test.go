package sync

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	stdsync "sync"
	"testing"

	"milkrun/state"
	"milkrun/sync/feed"
)

// choosy is a list of which records can be chosen by their number.
type choosy struct{ *list }

func (c choosy) Select(_ context.Context, s feed.Selection) (feed.Source, error) {
	if s.Where != "" {
		return nil, feed.Errorf(feed.Fail, "selection", "no conditions here")
	}
	return &some{s.IDs}, nil
}

func (c choosy) Identify(place feed.Cursor) string { return string(place) }

func (c choosy) Compare(a, b feed.Cursor) (int, bool) { return number(a) - number(b), true }

// some is a source of records with these ids, as far as they are numbers.
type some struct{ ids []string }

func (s *some) Fetch(_ context.Context, after feed.Cursor, limit int) (feed.Page, error) {
	from := number(after)
	to := min(from+limit, len(s.ids))
	p := feed.Page{Rows: feed.Batch{Columns: cols}, Next: feed.Cursor(strconv.Itoa(to)), Done: to == len(s.ids), Total: -1}
	for _, id := range s.ids[from:to] {
		if number(feed.Cursor(id)) > 0 {
			p.Rows.Values = append(p.Rows.Values, id, "13800000000")
		}
	}
	return p, nil
}

func repushOf(t *testing.T, e *Engine, ids ...string) Start {
	t.Helper()
	id, err := e.Store.AddRepush(t.Context(), state.Repush{Job: "j", Selection: "ids", Who: "me", Why: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return Start{Trigger: state.Repushed, Repush: &Repush{ID: id, Selection: feed.Selection{IDs: ids}, Who: "me"}}
}

// TestRepushLinks: the records come again, no checkpoint moves, the letters of those that arrive are closed, and it is kept
// which run had them before.
func TestRepushLinks(t *testing.T) {
	source, sink, e := &list{n: 30}, newShelf(), newEngine(t)
	job := newJob(t, "j", choosy{source}, sink)
	bad := map[string]bool{"7": true, "25": true}
	sink.deliver = func(b feed.Batch) (rejected []feed.Rejection, err error) {
		for i := range b.Len() {
			if bad[b.Get(i, "id").(string)] {
				rejected = append(rejected, feed.Rejection{Row: i, Code: "bad", Reason: "no"})
			}
		}
		return rejected, nil
	}
	mustRun(t, e, job)
	source.n = 40
	mustRun(t, e, job)
	delete(bad, "7")
	r, err := e.Run(t.Context(), job, repushOf(t, e, "7", "25", "33", "nowhere"))
	if err != nil || r.State != state.Part || r.Counts.Delivered != 2 || r.Counts.Rejected != 1 {
		t.Fatalf("%v: %+v", err, r)
	}
	if got := checkpoint(t, e, "j"); got != "40" {
		t.Errorf("the checkpoint is at %s", got)
	}
	order, err := e.Store.RepushOf(t.Context(), r.ID)
	if err != nil || !slices.Equal(order.Origins, []state.Origin{{Run: 2, Records: 1}, {Run: 1, Records: 2}}) {
		t.Errorf("%v: origins %+v", err, order.Origins)
	}
	open, err := e.Store.Letters(t.Context(), state.LetterFilter{State: state.LetterOpen})
	if err != nil || len(open) != 1 || open[0].Place != "25" || open[0].RunID != r.ID {
		t.Errorf("%v: open letters %+v", err, open)
	}
	closed, err := e.Store.Letters(t.Context(), state.LetterFilter{State: state.LetterDelivered})
	if err != nil || len(closed) != 1 || closed[0].Who != "me" || closed[0].Why != "re-pushed in run 3" {
		t.Errorf("%v: closed letters %+v", err, closed)
	}
	events, err := e.Store.Events(t.Context(), r.ID)
	if err != nil || len(events) != 1 || events[0].Text != "1 of the records named are not there: nowhere" {
		t.Errorf("%v: events %+v", err, events)
	}
}

// TestRepushIsRefused where a record that comes twice is harm, where no record can be chosen, and where the selection is bad;
// none of that halts the job.
func TestRepushIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		source feed.Source
		sink   feed.Sink
		sel    feed.Selection
	}{
		"no selector": {&list{n: 3}, newShelf(), feed.Selection{IDs: []string{"1"}}},
		"selection":   {choosy{&list{n: 3}}, newShelf(), feed.Selection{Where: "x"}},
	} {
		e := newEngine(t)
		job := newJob(t, "j", c.source, c.sink)
		if err := e.CheckRepush(t.Context(), job, c.sel); feed.Judge(err).Verdict != feed.Fail {
			t.Errorf("%s: %v", name, err)
		}
		start := repushOf(t, e)
		start.Repush.Selection = c.sel
		if r, err := e.Run(t.Context(), job, start); err == nil || r.State != state.Failed {
			t.Errorf("%s: %v, %s", name, err, r.State)
		}
		if halts, err := e.Store.Halts(t.Context()); err != nil || len(halts) > 0 {
			t.Errorf("%s: %v %+v", name, err, halts)
		}
	}
}

// TestRepushSurvivesCrashes ends the process at one step after the other: the checkpoint stays, no letter is closed whose
// record did not arrive, and the same order again brings all of them.
func TestRepushSurvivesCrashes(t *testing.T) {
	for at := 1; ; at++ {
		path := filepath.Join(t.TempDir(), "state.db")
		source, sink := &list{n: 40}, newShelf()
		job := newJob(t, "j", choosy{source}, sink)
		job.BatchSize, job.PageSize, job.Concurrency = 3, 3, 2
		refusing := true
		sink.deliver = func(b feed.Batch) (rejected []feed.Rejection, err error) {
			for i := range b.Len() {
				if id := b.Get(i, "id").(string); refusing && (id == "5" || id == "12") {
					rejected = append(rejected, feed.Rejection{Row: i, Code: "bad", Reason: "no"})
				}
			}
			return rejected, nil
		}
		e := engineOn(t, path)
		mustRun(t, e, job)
		refusing = false
		ids := []string{"2", "3", "5", "8", "9", "11", "12", "30"}
		var mu stdsync.Mutex
		steps := 0
		e.Step = func(string) error {
			mu.Lock()
			defer mu.Unlock()
			if steps++; steps >= at {
				return errCrash
			}
			return nil
		}
		_, err := e.Run(t.Context(), job, repushOf(t, e, ids...))
		whole := err == nil
		if !whole && !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		next := engineOn(t, path)
		if _, err := next.Store.Interrupt(t.Context()); err != nil {
			t.Fatal(err)
		}
		closed, err := next.Store.Letters(t.Context(), state.LetterFilter{State: state.LetterDelivered})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range closed {
			if sink.got[string(l.Place)] == 0 {
				t.Errorf("step %d: the letter of record %s is closed, which never arrived", at, l.Place)
			}
		}
		if _, err := next.Run(t.Context(), job, repushOf(t, next, ids...)); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if sink.got[id] < 1 {
				t.Errorf("step %d: record %s never arrived", at, id)
			}
		}
		if open, err := next.Store.OpenLetters(t.Context()); err != nil || open["j"] != 0 {
			t.Errorf("step %d: %v, open letters %v", at, err, open)
		}
		if got := checkpoint(t, next, "j"); got != "40" {
			t.Errorf("step %d: the checkpoint is at %s", at, got)
		}
		if whole {
			if at < 10 {
				t.Errorf("only %d steps", at)
			}
			return
		}
		if t.Failed() {
			return
		}
	}
}
