package alert

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/sync/feed"
)

func TestCourierTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &inbox{refuse: func(n int) error {
			if n < 4 {
				return feed.Errorf(feed.Retry, "", "no network")
			}
			return nil
		}}
		o := newOffice(t, all("ops", b)).quietJob()
		o.open()
		o.last(1, "failed")
		began := time.Now()
		for b.count() < 4 {
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if took := time.Since(began); took != firstWait*(1+2+4) {
			t.Errorf("the fourth attempt came after %s", took)
		}
		o.expect(b, "job grades failed")
		o.shut()
		if want := []string{"warn alert channel ops does not work: no network; it is tried again, and said once", "info alert channel ops works again"}; !slices.Equal(o.log.lines, want) {
			t.Errorf("logged %q", o.log.lines)
		}
		if st := o.desk.Stats()[0]; st.Sent != 1 || st.Failed != 3 || st.Lost != 0 || !st.Since.IsZero() || st.Error != "" {
			t.Errorf("%+v", st)
		}
	})
}

// A refusal is not tried again at once, and what it was about is said ten minutes later, as it is by then.
func TestCourierGivesUp(t *testing.T) {
	for name, refusal := range map[string]error{
		"for good":    feed.Errorf(feed.Fail, "code 310000", "sign not match").WithRemedy("check secret"),
		"for a while": feed.Errorf(feed.Retry, "", "no network"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				good := false
				b := &inbox{refuse: func(int) error {
					if good {
						return nil
					}
					return refusal
				}}
				o := newOffice(t, all("ops", b)).quietJob()
				o.open()
				o.last(1, "failed")
				time.Sleep(15 * time.Minute)
				synctest.Wait()
				if n := b.count(); feed.Judge(refusal).Verdict == feed.Fail && n != 2 || feed.Judge(refusal).Verdict == feed.Retry && n < 5 {
					t.Errorf("%d attempts in 15 minutes", n)
				}
				st := o.desk.Stats()[0]
				if st.Lost != int64(map[string]int{"for good": 2, "for a while": 1}[name]) || st.Since.IsZero() || st.Error == "" || len(o.log.lines) != 1 {
					t.Errorf("%+v, logged %q", st, o.log.lines)
				}
				good = true
				o.last(2, "failed")
				time.Sleep(20 * time.Minute)
				o.expect(b, "job grades failed")
				if m := b.messages[0]; m.Events[0].Run != 2 {
					t.Errorf("what was said is old: %+v", m.Events)
				}
				o.shut()
			})
		})
	}
}

func TestOneChannelIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, bad := &inbox{}, &inbox{refuse: func(int) error { return feed.Errorf(feed.Fail, "", "no") }}
		o := newOffice(t, all("bad", bad), all("good", good)).quietJob()
		o.open()
		o.last(1, "failed")
		o.expect(good, "job grades failed")
		time.Sleep(3 * time.Hour)
		o.expect(good)
		if bad.count() != 1 {
			t.Errorf("the bad channel was tried %d times", bad.count())
		}
		o.shut()
	})
}

func TestRetryAfterIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := feed.Errorf(feed.Retry, "code 45009", "too many")
		busy.RetryAfter = time.Minute
		b := &inbox{refuse: func(n int) error {
			if n == 1 {
				return busy
			}
			return nil
		}}
		o := newOffice(t, all("ops", b)).quietJob()
		o.open()
		o.last(1, "failed")
		time.Sleep(time.Minute - time.Second)
		o.expect(b)
		time.Sleep(time.Second)
		o.expect(b, "job grades failed")
		o.shut()
	})
}

// A channel that hangs neither holds up the desk nor fills the memory.
func TestQueueIsBounded(t *testing.T) {
	c := newCourier(Route{Name: "ops"}, &book{})
	for range queueSize {
		if !c.offer(parcel{}) {
			t.Fatal("refused before it was full")
		}
	}
	if c.offer(parcel{}) || c.stat().Lost != 1 || c.stat().Queued != queueSize {
		t.Errorf("%+v", c.stat())
	}
}

// hanging is a channel that does not answer until it is let go.
type hanging struct {
	inbox
	letGo chan struct{}
}

func (h *hanging) Send(ctx context.Context, m Message) error {
	select {
	case <-h.letGo:
		return h.inbox.Send(ctx, m)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestDeskWithAFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{letGo: make(chan struct{})}
		o := newOffice(t, all("ops", h)).quietJob()
		o.open()
		for range queueSize + 1 { // one is under way
			o.desk.couriers[0].offer(parcel{})
			synctest.Wait()
		}
		o.last(1, "failed")
		if st := o.desk.Stats()[0]; st.Queued != queueSize || st.Lost != 1 {
			t.Fatalf("%+v", st)
		}
		close(h.letGo)
		time.Sleep(sendAgain - time.Minute)
		synctest.Wait()
		if got := h.take(); len(got) != queueSize+1 || slices.Contains(got, "job grades failed") {
			t.Errorf("came %q", got)
		}
		time.Sleep(2 * time.Minute)
		o.expect(&h.inbox, "job grades failed")
		o.shut()
	})
}

// A channel that hangs does not hold up the end of the daemon.
func TestDeskStopsWhileSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, all("ops", &hanging{})).quietJob()
		o.open()
		o.last(1, "failed")
		began := time.Now()
		o.shut()
		if time.Since(began) != 0 || len(o.log.lines) != 0 {
			t.Errorf("it took %s, logged %q", time.Since(began), o.log.lines)
		}
	})
}

func TestTry(t *testing.T) {
	b, refusal := &inbox{}, errors.New("no")
	c := &inbox{refuse: func(int) error { return refusal }}
	got := Try(t.Context(), []Route{{Name: "a", Channel: b}, {Name: "b", Channel: c}}, TestMessage("en", "etl-1", time.Now()))
	if want := []Result{{"a", nil}, {"b", refusal}}; !slices.Equal(got, want) || b.take()[0] != "a test alert" {
		t.Errorf("%v", got)
	}
}
