package sync

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/state"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
)

// hides fails when a text holds a secret.
func hides(t *testing.T, text, secret string) {
	t.Helper()
	if text == "" || strings.Contains(text, secret) {
		t.Errorf("%q is shown in %q", secret, text)
	}
}

// TestVerdicts meets an error of each verdict at the source and at the sink.
func TestVerdicts(t *testing.T) {
	cases := []struct {
		verdict feed.Verdict
		state   state.RunState
		scope   string
	}{
		{feed.Fail, state.Failed, ""},
		{feed.HaltJob, state.Halted, state.JobScope},
		{feed.HaltConnection, state.Halted, state.ConnectionScope},
	}
	for _, c := range cases {
		for side, name := range map[string]string{"source": "from-j", "sink": "to-j"} {
			t.Run(c.verdict.String()+" at the "+side, func(t *testing.T) {
				bad := feed.Errorf(c.verdict, "302", "the key is void").WithRemedy("ask for a new one")
				source, sink, e := &list{n: 30}, newShelf(), newEngine(t)
				if side == "sink" {
					sink.deliver = func(feed.Batch) ([]feed.Rejection, error) { return nil, bad }
				} else {
					source.fetch = func(int) error { return bad }
				}
				job := newJob(t, "j", source, sink)
				r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
				if !errors.Is(err, bad) || r.State != c.state || r.Code != "302" || r.Remedy != "ask for a new one" {
					t.Fatalf("run %+v: %v", r, err)
				}
				if c.scope == state.JobScope {
					name = "j"
				}
				haltedAs(t, e, c.scope, name, r.ID)
				var halted *HaltedError
				_, err = e.Run(t.Context(), job, Start{Trigger: state.Manual})
				if blocked := errors.As(err, &halted); blocked != (c.scope != "") {
					t.Errorf("the next run: %v", err)
				}
				if c.scope == "" {
					return
				}
				if _, err := e.Store.ClearHalt(t.Context(), c.scope, name, "an operator", "mended"); err != nil {
					t.Fatal(err)
				}
				source.fetch, sink.deliver = nil, nil
				mustRun(t, e, job)
				sink.whole(t, 30)
			})
		}
	}
}

func haltedAs(t *testing.T, e *Engine, scope, name string, run int64) {
	t.Helper()
	halts, err := e.Store.Halts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if scope == "" {
		if len(halts) > 0 {
			t.Errorf("halts: %+v", halts)
		}
		return
	}
	if len(halts) != 1 || halts[0].Scope != scope || halts[0].Name != name || halts[0].RunID != run || halts[0].Code != "302" || halts[0].Remedy == "" {
		t.Errorf("halts: %+v, want %s %s by run %d", halts, scope, name, run)
	}
}

// TestHaltedConnectionStopsItsOtherRuns halts a connection while another job runs on it, and a third one elsewhere.
func TestHaltedConnectionStopsItsOtherRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t)
		beside, elsewhere := newGate("1"), newGate("1")
		neighbour, other := newJob(t, "neighbour", &list{n: 50}, beside), newJob(t, "other", &list{n: 20}, elsewhere)
		sink := newShelf()
		sink.deliver = func(feed.Batch) ([]feed.Rejection, error) {
			return nil, feed.Errorf(feed.HaltConnection, "302", "the key is void").WithRemedy("ask for a new one")
		}
		job := newJob(t, "j", &list{n: 10}, sink)
		neighbour.Sink.Connection = job.Sink.Connection
		stopped, going := inBackground(t, e, neighbour), inBackground(t, e, other)
		synctest.Wait()
		r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
		if err == nil {
			t.Fatal("the run should have failed")
		}
		haltedAs(t, e, state.ConnectionScope, "to-j", r.ID)
		synctest.Wait()
		beside.doors["1"] <- nil
		end := <-stopped
		var halted *HaltedError
		if !errors.As(end.err, &halted) || end.run.State != state.Halted || halted.Name != "to-j" {
			t.Errorf("the neighbour: %s, %v", end.run.State, end.err)
		}
		if got := checkpoint(t, e, "neighbour"); got != "10" || beside.calls != 1 {
			t.Errorf("the neighbour's checkpoint is at %q after %d calls", got, beside.calls)
		}
		if _, err := e.Run(t.Context(), neighbour, Start{Trigger: state.Manual}); !errors.As(err, &halted) || !halted.fresh {
			t.Errorf("the neighbour ran again: %v", err)
		}
		elsewhere.doors["1"] <- nil
		if end := <-going; end.err != nil || end.run.State != state.Done {
			t.Errorf("the other job: %s, %v", end.run.State, end.err)
		}
		haltedAs(t, e, state.ConnectionScope, "to-j", r.ID)
	})
}

func TestOpenFails(t *testing.T) {
	for side, name := range map[string]string{"source": "from-j", "sink": "to-j"} {
		t.Run(side, func(t *testing.T) {
			e := newEngine(t)
			job := newJob(t, "j", &list{n: 10}, newShelf())
			bad := feed.Errorf(feed.HaltConnection, "302", "the certificate is void").WithRemedy("renew it")
			if side == "source" {
				job.Source.Settings = fixedSource{fixed{err: bad}}
			} else {
				job.Sink.Settings = fixedSink{fixed{err: bad}}
			}
			r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
			if !errors.Is(err, bad) || r.State != state.Halted {
				t.Errorf("state %s: %v", r.State, err)
			}
			haltedAs(t, e, state.ConnectionScope, name, r.ID)
		})
	}
}

// starting is a sink that cannot be opened at first.
type starting struct {
	fixedSink
	failures int
}

func (s *starting) Open(context.Context, kind.Env) (feed.Sink, error) {
	if s.failures--; s.failures >= 0 {
		return nil, errors.New("the database system is starting up")
	}
	return s.sink, nil
}

// TestOpenIsTriedAgain opens a database that is starting: a source opened meanwhile is closed each time, once.
func TestOpenIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, source := newShelf(), &counted{list: &list{n: 30}}
		job := newJob(t, "j", source, sink)
		job.Sink.Settings = &starting{fixedSink{fixed{sink: sink}}, 3}
		job.Retry.GiveUpAfter = time.Minute
		mustRun(t, newEngine(t), job)
		sink.whole(t, 30)
		if source.closed != 4 {
			t.Errorf("closed %d times, it was opened 4 times", source.closed)
		}
		job.Sink.Settings = &starting{fixedSink{fixed{sink: sink}}, 1 << 30}
		r, err := newEngine(t).Run(t.Context(), job, Start{Trigger: state.Manual})
		if err == nil || r.State != state.Failed {
			t.Errorf("state %s: %v", r.State, err)
		}
	})
}

// counted counts how often it is closed.
type counted struct {
	*list
	closed int
}

func (c *counted) Close() error {
	c.closed++
	return nil
}

// TestCursorMustMove meets a source that stays where it is, and one that runs in a circle.
func TestCursorMustMove(t *testing.T) {
	for name, source := range map[string]feed.Source{
		"stands still":    &list{n: 30, still: true},
		"circle of two":   circle{list: &list{n: 1000}, length: 2},
		"circle of seven": circle{list: &list{n: 1000}, length: 7},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t)
				r, err := e.Run(t.Context(), newJob(t, "j", source, newShelf()), Start{Trigger: state.Manual})
				if err == nil || r.State != state.Halted || r.Code != "cursor" || r.Counts.Pages > 30 {
					t.Errorf("state %s, code %s, %d pages: %v", r.State, r.Code, r.Counts.Pages, err)
				}
				if halt, ok, err := e.Store.HaltOf(t.Context(), state.JobScope, "j"); !ok || err != nil || halt.Remedy == "" {
					t.Errorf("halt %+v, %v", halt, err)
				}
			})
		})
	}
}

// circle is a source whose cursor comes back to where it was after some pages.
type circle struct {
	*list
	length int
}

func (c circle) Fetch(_ context.Context, after feed.Cursor, _ int) (feed.Page, error) {
	n := number(after)
	return feed.Page{Rows: rowsOf(cols, n, n+1), Next: feed.Cursor(strconv.Itoa(n%c.length + 1)), Total: -1}, nil
}

func TestCancelByAnOperator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, e := newGate("11"), newEngine(t)
		if e.Cancel("j", "an operator") {
			t.Error("there was nothing to cancel")
		}
		ended := inBackground(t, e, newJob(t, "j", &list{n: 50}, sink))
		synctest.Wait()
		if !e.Cancel("j", "an operator") {
			t.Error("the run was not found")
		}
		synctest.Wait()
		sink.doors["11"] <- nil
		end := <-ended
		if end.run.State != state.Cancelled || !strings.Contains(end.run.Error, "an operator") {
			t.Errorf("state %s: %v", end.run.State, end.err)
		}
		if got := checkpoint(t, e, "j"); got != "20" {
			t.Errorf("the checkpoint is at %q", got)
		}
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, sink := newEngine(t), newShelf()
		slow := &list{n: 50, fetch: func(after int) error { time.Sleep(10 * time.Second); return nil }}
		job := newJob(t, "j", slow, sink)
		job.Timeout = 25 * time.Second
		r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
		if !errors.Is(err, errTimeout) || r.State != state.Failed || !strings.Contains(r.Error, "timeout") {
			t.Errorf("state %s: %v", r.State, err)
		}
		if got := checkpoint(t, e, "j"); got != "20" {
			t.Errorf("the checkpoint is at %q", got)
		}
		job.Timeout, slow.fetch = 0, nil
		mustRun(t, e, job)
		sink.whole(t, 50)
	})
}
