package sync

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
)

// never fails when the sink got a record twice.
func never(t *testing.T, sink *shelf) {
	t.Helper()
	for id, n := range sink.got {
		if n > 1 {
			t.Errorf("record %s was sent %d times", id, n)
		}
	}
}

func halted(t *testing.T, e *Engine, job *config.Job, code string) state.Run {
	t.Helper()
	r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
	if err == nil || r.State != state.Halted || r.Code != code {
		t.Fatalf("state %s, code %s: %v", r.State, r.Code, err)
	}
	return r
}

func resume(t *testing.T, e *Engine, job string) {
	t.Helper()
	if ok, err := e.Store.ClearHalt(t.Context(), state.JobScope, job, "an operator", ""); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

func TestOpaqueDelivers(t *testing.T) {
	sink, e := newShelf(), newEngine(t)
	job := newJob(t, "j", &list{n: 95}, opaqueShelf{sink})
	job.Concurrency, job.BatchSize, job.PageSize = 4, 7, 20
	r := mustRun(t, e, job)
	sink.whole(t, 95)
	if open, err := e.Store.OpenIntents(t.Context(), "j"); len(open) > 0 || err != nil || r.State != state.Done {
		t.Errorf("state %s, open batches %+v, %v", r.State, open, err)
	}
}

// TestLostOutcomeIsInDoubt loses the answer to the second batch after the target acted: it is in doubt, the job halts,
// and it is not sent again, neither by the next run nor by a new process, until an operator says what became of it.
func TestLostOutcomeIsInDoubt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	e, sink := engineOn(t, path), newShelf()
	sink.lost = func(calls int) error {
		if calls == 2 {
			return errLost
		}
		return nil
	}
	job := newJob(t, "j", &list{n: 50}, opaqueShelf{sink})
	job.Concurrency = 3
	r := halted(t, e, job, "doubt")
	if r.Remedy == "" || sink.calls != 2 {
		t.Errorf("%d calls, remedy %q", sink.calls, r.Remedy)
	}
	doubts, err := e.Store.Doubts(t.Context())
	if err != nil || len(doubts) != 1 || doubts[0].Records != 10 || doubts[0].Job != "j" || len(doubts[0].Marks) != 10 || doubts[0].After != "10" {
		t.Fatalf("doubts %+v, %v", doubts, err)
	}
	resume(t, e, "j")
	e = engineOn(t, path)
	interrupted(t, path)
	halted(t, e, job, "doubt")
	if sink.calls != 2 {
		t.Fatalf("%d calls: the batch was sent again", sink.calls)
	}
	settle(t, e, doubts[0].ID, state.OutcomeSent)
	mustRun(t, e, job)
	sink.whole(t, 50)
	noMarks(t, e)
}

// settle says what became of a batch in doubt, which ends the halt of its job.
func settle(t *testing.T, e *Engine, id, outcome string) {
	t.Helper()
	done, err := e.Store.SettleIntent(t.Context(), state.Settlement{ID: id, Outcome: outcome, Who: "an operator", Why: "asked them"})
	if err != nil || !done.Resumed || done.Left != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
}

// noMarks fails when records are still remembered one by one.
func noMarks(t *testing.T, e *Engine) {
	t.Helper()
	if left, err := e.Store.Recent(t.Context(), "j"); len(left) > 0 || err != nil {
		t.Errorf("marks are left: %v, %v", left, err)
	}
}

// TestSettledAsUnsent loses a batch on its way: it is sent once more, and no other one is.
func TestSettledAsUnsent(t *testing.T) {
	sink, e := newShelf(), newEngine(t)
	sink.deliver = func(feed.Batch) ([]feed.Rejection, error) {
		if sink.calls == 3 {
			return nil, errRoute
		}
		return nil, nil
	}
	job := newJob(t, "j", &list{n: 50}, opaqueShelf{sink})
	halted(t, e, job, "doubt")
	doubts, err := e.Store.Doubts(t.Context())
	if err != nil || len(doubts) != 1 {
		t.Fatalf("doubts %+v, %v", doubts, err)
	}
	settle(t, e, doubts[0].ID, state.OutcomeResend)
	mustRun(t, e, job)
	sink.whole(t, 50)
	if sink.calls != 6 {
		t.Errorf("%d calls", sink.calls)
	}
}

// TestOpaqueBisects finds the record that makes the partner refuse a whole batch. The parts are sent once each, also when
// the outcome of one is lost, whatever became of it.
func TestOpaqueBisects(t *testing.T) {
	for lost := range 12 {
		for _, outcome := range []string{state.OutcomeSent, state.OutcomeResend} {
			sink, e := newShelf(), newEngine(t)
			sink.deliver = func(b feed.Batch) ([]feed.Rejection, error) {
				for i := range b.Len() {
					if b.Get(i, "id") == "13" {
						return nil, feed.Errorf(feed.Refuse, "-7", "a bad value")
					}
				}
				if sink.calls == lost && outcome == state.OutcomeResend {
					return nil, errLost
				}
				return nil, nil
			}
			sink.lost = func(calls int) error {
				if calls == lost {
					return errLost
				}
				return nil
			}
			job := newJob(t, "j", &list{n: 50}, opaqueShelf{sink})
			if r, _ := e.Run(t.Context(), job, Start{Trigger: state.Manual}); r.State != state.Part {
				doubts, err := e.Store.Doubts(t.Context())
				if err != nil || len(doubts) != 1 || r.Code != "doubt" {
					t.Fatalf("lost %d: state %s, doubts %+v, %v", lost, r.State, doubts, err)
				}
				settle(t, e, doubts[0].ID, outcome)
				if _, err := e.Run(t.Context(), job, Start{Trigger: state.Manual}); err != nil {
					t.Fatal(err)
				}
			}
			sink.whole(t, 50, 13)
			if open := letters(t, e, "j"); len(open) != 1 || open[0].Code != "-7" {
				t.Errorf("lost %d: letters %+v", lost, open)
			}
			noMarks(t, e)
		}
	}
}

// TestReportSettles hears of a batch from the partner's report, before the doubt is noticed and after it.
func TestReportSettles(t *testing.T) {
	for _, early := range []bool{true, false} {
		sink, e := newShelf(), newEngine(t)
		report := func() {
			open, err := e.Store.OpenIntents(t.Context(), "j")
			if err != nil || len(open) != 1 {
				t.Fatalf("%+v, %v", open, err)
			}
			_, err = e.Store.AddReport(t.Context(), state.Report{Connection: "to-j", Ref: "m-1", Batch: open[0].ID, Person: "p", Status: "SUCCESS", ReportedAt: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
		}
		sink.lost = func(calls int) error {
			if calls != 2 {
				return nil
			}
			if early {
				report()
			}
			return errLost
		}
		job := newJob(t, "j", &list{n: 50}, opaqueShelf{sink})
		if !early {
			halted(t, e, job, "doubt")
			report()
		}
		mustRun(t, e, job)
		sink.whole(t, 50)
	}
}

// rooms is an opaque shelf that is asked how much it may send.
type rooms struct {
	opaqueShelf
	room func(n int) int
}

func (r *rooms) Room(_ context.Context, n int) (int, error) { return r.room(n), nil }

// TestReportOfResend hears of a batch that an operator lets be sent again. What was not sent again by then is not.
func TestReportOfResend(t *testing.T) {
	for name, c := range map[string]struct {
		at      int // which question for room the report comes before; 0: before the run
		most    int // that may be sent at once
		twice   int // records that were sent again by then
		stopped bool
	}{
		"before the run":              {most: 10},
		"while the run reads":         {at: 1, most: 10, stopped: true},
		"when a part was sent again":  {at: 2, most: 4, twice: 4, stopped: true},
		"when all of it was, and yet": {at: 2, most: 10, twice: 10},
	} {
		t.Run(name, func(t *testing.T) {
			sink, e, asked := newShelf(), newEngine(t), 0
			sink.lost = func(int) error { return errLost }
			halted(t, e, newJob(t, "j", &list{n: 30}, opaqueShelf{sink}), "doubt")
			sink.lost = nil
			doubts, err := e.Store.Doubts(t.Context())
			if err != nil || len(doubts) != 1 {
				t.Fatalf("doubts %+v, %v", doubts, err)
			}
			settle(t, e, doubts[0].ID, state.OutcomeResend)
			room := func(n int) int {
				if asked == c.at {
					settled, err := e.Store.AddReport(t.Context(), state.Report{Connection: "to-j", Ref: "m-1", Batch: doubts[0].ID, Person: "p", Status: "SUCCESS", ReportedAt: time.Now()})
					if err != nil || len(settled) != 1 || settled[0].Late != (c.twice == 10) {
						t.Errorf("the report settles %+v, %v", settled, err)
					}
				}
				asked++
				return min(n, c.most)
			}
			if c.at == 0 {
				room(0)
			}
			asked = 1
			job := newJob(t, "j", &list{n: 30}, &rooms{opaqueShelf{sink}, room})
			if c.stopped {
				r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
				if r.State != state.Interrupted || !errors.Is(err, state.ErrReported) || len(sink.got) != 10 {
					t.Fatalf("state %s, %d records: %v", r.State, len(sink.got), err)
				}
			}
			mustRun(t, e, job)
			for id, n := range sink.got {
				if number, _ := strconv.Atoi(id); (n == 2) != (number <= c.twice) || n > 2 {
					t.Errorf("record %s was sent %d times", id, n)
				}
			}
			if len(sink.got) != 30 {
				t.Errorf("%d records were sent", len(sink.got))
			}
			noMarks(t, e)
		})
	}
}

// TestReportOfResendUnsent hears of a batch while its records are tried again and never leave: they are not tried once more.
func TestReportOfResendUnsent(t *testing.T) {
	sink, e := newShelf(), newEngine(t)
	job := newJob(t, "j", &list{n: 30}, opaqueShelf{sink})
	sink.lost = func(int) error { return errLost }
	halted(t, e, job, "doubt")
	sink.lost = nil
	doubts, err := e.Store.Doubts(t.Context())
	if err != nil || len(doubts) != 1 {
		t.Fatalf("doubts %+v, %v", doubts, err)
	}
	settle(t, e, doubts[0].ID, state.OutcomeResend)
	sink.deliver = func(feed.Batch) ([]feed.Rejection, error) {
		_, err := e.Store.AddReport(t.Context(), state.Report{Connection: "to-j", Ref: "m-1", Batch: doubts[0].ID, Person: "p", Status: "SUCCESS", ReportedAt: time.Now()})
		return nil, &feed.Error{Unsent: true, Err: errors.Join(errRoute, err)}
	}
	r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
	if r.State != state.Interrupted || !errors.Is(err, state.ErrReported) || sink.calls != 2 {
		t.Fatalf("state %s after %d calls: %v", r.State, sink.calls, err)
	}
	sink.deliver = nil
	mustRun(t, e, job)
	sink.whole(t, 30)
	noMarks(t, e)
}

// rationed may send so many records a run.
type rationed struct {
	opaqueShelf
	left int
}

func (r *rationed) Room(_ context.Context, n int) (int, error) {
	if r.left == 0 {
		return 0, &feed.Error{Verdict: feed.Fail, Code: "ration", Until: time.Now().Add(time.Hour), Err: errors.New("enough for today")}
	}
	n = min(n, r.left)
	r.left -= n
	return n, nil
}

// TestRation sends what it may, in the middle of a batch too, and goes on in the next run.
func TestRation(t *testing.T) {
	sink, e := newShelf(), newEngine(t)
	for range 10 {
		job := newJob(t, "j", &list{n: 50}, &rationed{opaqueShelf{sink}, 7})
		r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
		never(t, sink)
		if err == nil {
			break
		}
		if r.State != state.Interrupted || r.Code != state.CodeWaiting {
			t.Fatalf("state %s: %v", r.State, err)
		}
	}
	sink.whole(t, 50)
	noMarks(t, e)
}

// TestNoRangeForOpaque delivers no range: it would come once more.
func TestNoRangeForOpaque(t *testing.T) {
	sink, e := newShelf(), newEngine(t)
	_, err := e.Run(t.Context(), newJob(t, "j", rangedList{&list{n: 10}}, opaqueShelf{sink}), Start{Trigger: state.Manual, From: "1", To: "5"})
	if feed.Judge(err).Code != "range" || sink.calls > 0 {
		t.Errorf("%d calls, %v", sink.calls, err)
	}
}

func TestUnsentIsTriedAgain(t *testing.T) {
	sink, e := newShelf(), newEngine(t)
	sink.deliver = func(feed.Batch) ([]feed.Rejection, error) {
		if sink.calls%3 != 0 {
			return nil, &feed.Error{Unsent: true, Err: errRoute}
		}
		return nil, nil
	}
	r := mustRun(t, e, newJob(t, "j", &list{n: 30}, opaqueShelf{sink}))
	sink.whole(t, 30)
	if r.Counts.Retries != 6 {
		t.Errorf("%d retries", r.Counts.Retries)
	}
}

// TestOpaqueRefusal is refused for good, which is no doubt: the next run sends the batch.
func TestOpaqueRefusal(t *testing.T) {
	for _, v := range []feed.Verdict{feed.Fail, feed.HaltJob} {
		t.Run(v.String(), func(t *testing.T) {
			sink, e := newShelf(), newEngine(t)
			sink.deliver = func(feed.Batch) ([]feed.Rejection, error) { return nil, feed.Errorf(v, "400", "no") }
			job := newJob(t, "j", &list{n: 30}, opaqueShelf{sink})
			if _, err := e.Run(t.Context(), job, Start{Trigger: state.Manual}); err == nil || sink.calls != 1 {
				t.Fatalf("%d calls: %v", sink.calls, err)
			}
			if v == feed.HaltJob {
				resume(t, e, "j")
			}
			sink.deliver = nil
			mustRun(t, e, job)
			sink.whole(t, 30)
		})
	}
}

// TestOpaqueSendsNothingTwice fails in the middle of pages larger than batches: what was acknowledged is behind the
// checkpoint.
func TestOpaqueSendsNothingTwice(t *testing.T) {
	sources := []feed.Source{pagedList{&list{n: 50}}, shortPages{pagedList{&list{n: 50}}}}
	for failing := range 10 {
		sink, e := newShelf(), newEngine(t)
		sink.deliver = func(feed.Batch) ([]feed.Rejection, error) {
			if sink.calls == failing/2+1 {
				return nil, feed.Errorf(feed.Fail, "400", "no")
			}
			return nil, nil
		}
		job := newJob(t, "j", sources[failing%2], opaqueShelf{sink})
		job.Concurrency, job.PageSize = 4, 30
		if _, err := e.Run(t.Context(), job, Start{Trigger: state.Manual}); err == nil {
			t.Fatal("it should have failed")
		}
		mustRun(t, e, job)
		sink.whole(t, 50)
	}
}

// TestOpaqueMaxBad rejects more than the job allows: the batch was sent, so it is settled with its dead letters.
func TestOpaqueMaxBad(t *testing.T) {
	sink, e := rejecting("5"), newEngine(t)
	job := newJob(t, "j", &list{n: 30}, opaqueShelf{sink})
	job.OnBadRecord = "halt"
	halted(t, e, job, "max_bad")
	resume(t, e, "j")
	mustRun(t, e, job)
	sink.whole(t, 30, 5)
	if len(letters(t, e, "j")) != 1 {
		t.Error("the rejected record should be a dead letter")
	}
}

// dyingOpaque is a dying shelf for which sending twice is harm.
type dyingOpaque struct{ *dying }

func (dyingOpaque) Check(feed.Batch) []feed.Rejection { return nil }

func (d dyingOpaque) DeliverOnce(ctx context.Context, _ string, b feed.Batch) (feed.Receipt, error) {
	_, err := d.Deliver(ctx, b)
	return feed.Receipt{}, err
}

// TestOpaqueCrashesAtEveryBoundary ends a stream to an opaque sink at each boundary in turn. What was sent is never sent
// again; when that cannot be known, the batch is in doubt.
func TestOpaqueCrashesAtEveryBoundary(t *testing.T) {
	t.Parallel()
	seen := 0
	for at := 1; ; at++ {
		c, sink, path := newCrash(at), newShelf(), filepath.Join(t.TempDir(), "state.db")
		job := newJob(t, "j", &list{n: 30}, dyingOpaque{&dying{sink, c, true}})
		if !crashOnce(t, path, c, job, func(e *Engine) { behind(t, e, sink) }) {
			seen = len(c.steps)
			break
		}
		e := engineOn(t, path)
		if _, err := e.Store.Interrupt(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, err := e.Run(t.Context(), job2(t, opaqueShelf{sink}, job), Start{Trigger: state.Manual})
		never(t, sink)
		doubts, failed := e.Store.OpenIntents(t.Context(), "j")
		if failed != nil {
			t.Fatal(failed)
		}
		switch {
		case err == nil && len(sink.got) == 30 && len(doubts) == 0:
		case r.Code == "doubt" && len(doubts) > 0:
		default:
			t.Errorf("ended at %d (%s): state %s, %d records, %d doubts: %v", at, c.steps[at-1], r.State, len(sink.got), len(doubts), err)
		}
	}
	if want := 2 + 3*5; seen != want {
		t.Errorf("%d boundaries, want %d", seen, want)
	}
}

func TestOpaqueErrorsKeepTheirCause(t *testing.T) {
	sink, e := newShelf(), newEngine(t)
	sink.lost = func(int) error { return errLost }
	_, err := e.Run(t.Context(), newJob(t, "j", &list{n: 10}, opaqueShelf{sink}), Start{Trigger: state.Manual})
	if !errors.Is(err, errLost) {
		t.Errorf("the cause is gone: %v", err)
	}
}

func TestFingerprintTellsBatchesApart(t *testing.T) {
	seen := map[string]string{}
	for _, values := range [][]feed.Value{{"a", "b"}, {"ab", ""}, {"a", nil}, {"1", int64(1)}, {int64(1), "1"}, {"b", "a"}, {"a\x00string b", ""}} {
		digest := fingerprint(feed.Batch{Columns: cols, Values: values})
		if other, twice := seen[digest]; twice {
			t.Errorf("%v has the digest of %s", values, other)
		}
		seen[digest] = fmt.Sprint(values)
	}
}
