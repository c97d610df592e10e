package service

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// watched is a manager with a watchdog that notes when it is fed.
func watched(interval time.Duration) (m *Manager, fed *[]time.Duration) {
	begin := time.Now()
	fed = &[]time.Duration{}
	return &Manager{watchdog: interval, send: func(message string) error {
		if message != "WATCHDOG=1" {
			return errors.New("sent " + message)
		}
		*fed = append(*fed, time.Since(begin))
		return nil
	}}, fed
}

// turn beats a heart at a pace until ctx ends.
func turn(ctx context.Context, heart *Heart, pace time.Duration) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		heart.Beat()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func TestFedWhileEveryHeartTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval = 80 * time.Second
		m, fed := watched(interval)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var hearts Hearts
		go turn(ctx, hearts.Register("scheduler"), m.Pace())
		go turn(ctx, hearts.Register("writer"), m.Pace()/3)
		err := m.Watch(ctx, &hearts, func(still []string) { t.Errorf("late: %v", still) })
		if err != nil || len(*fed) < 100 {
			t.Fatalf("fed %d times, %v", len(*fed), err)
		}
		last := time.Duration(0)
		for _, at := range *fed {
			if at-last > interval/2 {
				t.Errorf("not fed from %s to %s", last, at)
			}
			last = at
		}
	})
}

func TestStarvedWhenOneHeartStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, fed := watched(80 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var hearts Hearts
		go turn(ctx, hearts.Register("scheduler"), time.Second)
		stuck, cancelStuck := context.WithTimeout(ctx, 10*time.Minute)
		defer cancelStuck()
		go turn(stuck, hearts.Register("writer"), time.Second)
		var late []string
		if err := m.Watch(ctx, &hearts, func(still []string) { late = append(late, strings.Join(still, "+")) }); err != nil {
			t.Fatal(err)
		}
		if last := (*fed)[len(*fed)-1]; last < 9*time.Minute || last > 10*time.Minute+20*time.Second {
			t.Errorf("fed last at %s, the writer stood from 10m", last)
		}
		if !slices.Equal(late, []string{"writer"}) {
			t.Errorf("late: %v, want the writer once", late)
		}
	})
}

func TestHeartThatRestsOrRecovers(t *testing.T) {
	var hearts Hearts
	check := func(want string) {
		t.Helper()
		still, ok := hearts.turned()
		if got := strings.Join(still, "+"); got != want || ok != (want == "") {
			t.Errorf("still %q, ok %v, want %q", got, ok, want)
		}
	}
	check("") // nobody has promised anything
	scheduler, writer := hearts.Register("scheduler"), hearts.Register("writer")
	check("scheduler+writer")
	scheduler.Beat()
	check("writer")
	writer.Beat()
	check("") // one may turn before the other
	check("scheduler+writer")
	writer.Stop()
	scheduler.Beat()
	check("")
	scheduler.Stop()
	scheduler.Stop()
	check("")
}

func TestWatchWithoutWatchdog(t *testing.T) {
	m, fed := watched(0)
	if err := m.Watch(t.Context(), &Hearts{}, nil); err != nil || len(*fed) > 0 || m.Pace() != 0 {
		t.Errorf("fed %v, %v", *fed, err)
	}
}

func TestWatchEndsWhenTheManagerIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("gone")
		m := &Manager{watchdog: time.Second, send: func(string) error { return gone }}
		if err := m.Watch(t.Context(), &Hearts{}, nil); !errors.Is(err, gone) {
			t.Errorf("error %v", err)
		}
	})
}

func TestAskedHeart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, fed := watched(80 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour+time.Second)
		defer cancel()
		begin := time.Now()
		var hearts Hearts
		go hearts.Register("scheduler").Ask(ctx, m.Pace(), func(ctx context.Context) error {
			switch gone := time.Since(begin); {
			case gone < 10*time.Minute:
				return nil
			case gone < 20*time.Minute:
				return errors.New("job grades does not answer")
			}
			<-ctx.Done() // hangs until its time is up
			return ctx.Err()
		})
		var late []string
		if err := m.Watch(ctx, &hearts, func(still []string) { late = append(late, still...) }); err != nil {
			t.Fatal(err)
		}
		if last := (*fed)[len(*fed)-1]; last < 9*time.Minute || last > 10*time.Minute+20*time.Second {
			t.Errorf("fed last at %s", last)
		}
		if !slices.Equal(late, []string{"scheduler: job grades does not answer"}) {
			t.Errorf("late: %q", late)
		}
		synctest.Wait()
		if still, ok := hearts.turned(); !ok {
			t.Errorf("%v stands after its context ended", still)
		}
	})
}
