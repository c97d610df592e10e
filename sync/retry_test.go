package sync

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
)

var policy = config.Retry{Initial: time.Second, Max: 8 * time.Second, GiveUpAfter: time.Minute}

// tried calls an operation that always fails, with a policy, and returns the waits between its calls, what
// each call was told, and the error.
func tried(ctx context.Context, a attempts, fail func(call int) error) (waits, told []time.Duration, err error) {
	a.each = func(_ *feed.Error, wait time.Duration) { told = append(told, wait) }
	last, calls := time.Now(), 0
	err = a.do(ctx, func() error {
		if calls++; calls > 1 {
			waits = append(waits, time.Since(last))
		}
		last = time.Now()
		return fail(calls)
	})
	return waits, told, err
}

var errRoute = errors.New("no route to host")

// TestBackoff looks at many series of waits: each is drawn from the whole span below the exponential one, up to the
// cap, and together they keep to the budget.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var least, most [4]time.Duration
		for round := range 300 {
			begun := time.Now()
			waits, told, err := tried(t.Context(), attempts{policy: policy}, func(int) error { return errRoute })
			if !errors.Is(err, errRoute) {
				t.Fatalf("the cause is gone: %v", err)
			}
			if total := time.Since(begun); total > policy.GiveUpAfter || total < policy.GiveUpAfter-policy.Max {
				t.Fatalf("gave up after %s with a budget of %s", total, policy.GiveUpAfter)
			}
			for i, wait := range waits {
				span := min(policy.Initial<<min(i, 10), policy.Max)
				if wait > span || wait != told[i] {
					t.Fatalf("wait %d is %s of at most %s, and %s was told", i, wait, span, told[i])
				}
				if i < len(least) {
					if round == 0 || wait < least[i] {
						least[i] = wait
					}
					most[i] = max(most[i], wait)
				}
			}
		}
		for i := range least {
			if span := policy.Initial << i; least[i] > span/10 || most[i] < span*9/10 {
				t.Errorf("wait %d lies between %s and %s; the jitter should fill 0 to %s", i, least[i], most[i], span)
			}
		}
	})
}

func TestRetryAfterIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 20 * time.Second
		waits, _, _ := tried(t.Context(), attempts{policy: policy}, func(call int) error {
			if call == 2 {
				return &feed.Error{RetryAfter: asked, Err: errRoute}
			}
			if call == 3 {
				return feed.Errorf(feed.Fail, "", "enough")
			}
			return errRoute
		})
		if len(waits) != 2 || waits[0] > policy.Initial || waits[1] < asked || waits[1] > asked+asked/10+time.Millisecond {
			t.Errorf("waited %v, the second should be %s", waits, asked)
		}
		begun := time.Now()
		waits, _, err := tried(t.Context(), attempts{policy: policy}, func(int) error {
			return &feed.Error{RetryAfter: time.Hour, Code: "HTTP 429", Err: errRoute}
		})
		if len(waits) > 0 || feed.Judge(err).Code != "HTTP 429" || time.Since(begun) > 0 {
			t.Errorf("waiting an hour is beyond the budget: waited %v, %v", waits, err)
		}
	})
}

func TestWhatIsTriedAgain(t *testing.T) {
	cases := map[string]struct {
		err     error
		refusal int
		calls   int // 0: until the budget is used up
	}{
		"unknown":         {errRoute, 1, 0},
		"retry":           {feed.Errorf(feed.Retry, "HTTP 503", "busy"), 1, 0},
		"refuse once":     {feed.Errorf(feed.Refuse, "300", "no"), 1, 1},
		"refuse thrice":   {feed.Errorf(feed.Refuse, "300", "no"), 3, 3},
		"fail":            {feed.Errorf(feed.Fail, "", "no"), 5, 1},
		"halt job":        {feed.Errorf(feed.HaltJob, "", "no"), 5, 1},
		"halt connection": {feed.Errorf(feed.HaltConnection, "302", "no"), 5, 1},
		"wrapped":         {&sideError{"c", feed.Errorf(feed.HaltJob, "", "no")}, 5, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				_, _, err := tried(t.Context(), attempts{policy: policy, refusal: c.refusal}, func(call int) error { calls = call; return c.err })
				if !errors.Is(err, c.err) {
					t.Errorf("got %v", err)
				}
				if c.calls > 0 && calls != c.calls || c.calls == 0 && calls < 5 {
					t.Errorf("%d calls, want %d", calls, c.calls)
				}
			})
		})
	}
}

// TestCancelledWhileWaiting ends the soft context in the middle of a backoff: the wait ends at once, and the error holds
// both why it ended and what had gone wrong.
func TestCancelledWhileWaiting(t *testing.T) {
	halted := &HaltedError{Halt: state.Halt{Scope: state.ConnectionScope, Name: "c"}}
	for name, c := range map[string]struct{ cause, want error }{
		"stop":           {nil, errStopped},
		"another cause":  {errors.New("signal"), errStopped},
		"timeout":        {errTimeout, errTimeout},
		"connection":     {halted, halted},
		"by an operator": {&cancelledError{"an operator"}, &cancelledError{"an operator"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				slow := attempts{policy: config.Retry{Initial: time.Hour, Max: time.Hour, GiveUpAfter: 100 * time.Hour}}
				begun := time.Now()
				time.AfterFunc(time.Microsecond, func() { cancel(c.cause) })
				waits, _, err := tried(ctx, slow, func(int) error { return feed.Errorf(feed.Retry, "HTTP 503", "%w", errRoute) })
				if !errors.Is(err, errRoute) || !errors.Is(err, c.want) && err.Error()[:10] != c.want.Error()[:10] {
					t.Errorf("got %v, want %v with its cause", err, c.want)
				}
				if len(waits) > 0 || time.Since(begun) > time.Second {
					t.Errorf("went on for %s after %v", time.Since(begun), waits)
				}
			})
		})
	}
}

// TestVerdictWhileStopping checks that what halts a connection is not lost when the run is to stop at that moment.
func TestVerdictWhileStopping(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := attempts{policy: policy}.do(ctx, func() error {
		cancel()
		return feed.Errorf(feed.HaltConnection, "302", "the key is void")
	})
	if v := feed.Judge(err).Verdict; v != feed.HaltConnection || errors.Is(err, errStopped) {
		t.Errorf("%s: %v", v, err)
	}
}

func TestRetriesAreCountedAndShown(t *testing.T) {
	sink, e := newShelf(), newEngine(t)
	failures := 3
	sink.deliver = func(feed.Batch) ([]feed.Rejection, error) {
		if failures--; failures >= 0 {
			return nil, errors.New("user 13812345678 collides")
		}
		if p := e.Running(); len(p) != 1 || p[0].GiveUpAt.Before(time.Now()) {
			t.Errorf("while it is tried again: %+v", p)
		} else {
			hides(t, p[0].Trouble, "13812345678")
		}
		return nil, nil
	}
	r := mustRun(t, e, newJob(t, "j", &list{n: 10}, sink))
	sink.whole(t, 10)
	events, err := e.Store.Events(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if r.Counts.Retries != 3 || len(events) != 3 {
		t.Errorf("%d retries, %d events", r.Counts.Retries, len(events))
	}
	for _, ev := range events {
		hides(t, ev.Text, "13812345678")
	}
}

func TestStreamGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, e := newShelf(), newEngine(t)
		sink.deliver = func(feed.Batch) ([]feed.Rejection, error) { return nil, errors.New("user 13812345678 collides") }
		job := newJob(t, "j", &list{n: 10}, sink)
		job.Retry = policy
		r, err := e.Run(t.Context(), job, Start{Trigger: state.Manual})
		if err == nil || r.State != state.Failed {
			t.Fatalf("state %s, %v", r.State, err)
		}
		hides(t, r.Error, "13812345678")
		stored, err := e.Store.Run(t.Context(), r.ID)
		if err != nil || stored.State != state.Failed || stored.Error != r.Error {
			t.Errorf("stored %+v, %v", stored, err)
		}
		if halts, err := e.Store.Halts(t.Context()); len(halts) > 0 || err != nil {
			t.Errorf("halts %v, %v", halts, err)
		}
	})
}
