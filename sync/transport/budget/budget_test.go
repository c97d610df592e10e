package budget

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Book
		a := b.Account("x", 10)
		if b.Account("x", 5) != a || b.Account("y", 5) == a {
			t.Fatal("an account is not known by its name")
		}
		begun := time.Now()
		for range 11 {
			if err := a.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("at the rate that was given last, 11 calls took %v, want 2s", took)
		}
		a.Slow(time.Minute)
		begun = time.Now()
		for range 5 {
			_ = a.Wait(t.Context())
		}
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("slowed, 5 calls took %v, want 2s", took)
		}
	})
}

func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := new(Book).Account("x", 1)
		done, err := a.Turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.Turn(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("two at once: %v", err)
		}
		done()
		if done, err = a.Turn(t.Context()); err != nil {
			t.Fatal(err)
		}
		done()
	})
}

func TestCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := new(Book).Account("x", 1)
		if left, _ := a.Open(); left != 0 {
			t.Errorf("blocked for %v before anything happened", left)
		}
		a.Block(time.Hour, "first")
		a.Block(time.Minute, "second")
		if left, why := a.Open(); left != time.Hour || why != "first" {
			t.Errorf("blocked for %v: %s", left, why)
		}
		time.Sleep(time.Hour)
		if left, why := a.Open(); left != 0 || why != "" {
			t.Errorf("still blocked for %v: %s", left, why)
		}
		for _, want := range []time.Duration{5, 10, 20, 30, 30} {
			if got := a.Throttled(0, 5*time.Minute, 30*time.Minute, "429"); got.Minutes() != float64(want) {
				t.Errorf("throttled for %v, want %d minutes", got, want)
			}
		}
		if got := a.Throttled(7*time.Second, 5*time.Minute, 30*time.Minute, "429"); got != 7*time.Second {
			t.Errorf("asked for 7s, %v", got)
		}
		a.Good()
		if got := a.Throttled(0, 5*time.Minute, 30*time.Minute, "429"); got != 5*time.Minute {
			t.Errorf("after a good call %v", got)
		}
	})
}

func TestErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := new(Book).Account("x", 1)
		for i := range 40 {
			if a.Bad(3, time.Second, time.Minute); i%2 == 1 {
				time.Sleep(time.Second + time.Millisecond)
			}
		}
		if left, _ := a.Open(); left != 0 {
			t.Errorf("two errors a second block for %v", left)
		}
		for range 3 {
			a.Bad(3, time.Second, time.Minute)
		}
		if left, why := a.Open(); left != time.Minute || why != "3 calls went wrong within 1s" {
			t.Errorf("blocked for %v: %s", left, why)
		}
	})
}
