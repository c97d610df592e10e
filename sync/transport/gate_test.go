package transport

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/transport/answertest"
)

func TestRateIsSharedAndEven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := settings(t, map[string]any{"rate": "5/s"})
		start := time.Now()
		var mu sync.Mutex
		var at []time.Duration
		rt := answertest.RoundTrip(func(*http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Since(start))
			return answertest.Reply(200, ""), nil
		})
		var group sync.WaitGroup
		for range 11 {
			group.Go(func() { _, _ = s.Client(rt).Do(t.Context(), get(address)) })
		}
		group.Wait()
		for i, d := range at {
			if want := time.Duration(i) * 200 * time.Millisecond; (d - want).Abs() > time.Millisecond {
				t.Errorf("request %d at %v, want %v", i, d, want)
			}
		}
	})
}

func TestRetryAfterClosesTheGateForAll(t *testing.T) {
	for name, header := range map[string][]string{
		"seconds":                 {"Retry-After", "30"},
		"date":                    {"Retry-After", "Sat, 01 Jan 2000 00:00:30 GMT"},
		"date of a partner ahead": {"Retry-After", "Sat, 01 Jan 2000 08:00:30 GMT", "Date", "Sat, 01 Jan 2000 08:00:00 GMT"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				next := answertest.Reply(429, "", header...)
				c := settings(t, nil).Client(answertest.RoundTrip(func(*http.Request) (*http.Response, error) { return next, nil }))
				_, err := c.Do(t.Context(), get(address))
				if e := wantError(t, err, feed.Retry, "HTTP 429"); e.RetryAfter != 30*time.Second {
					t.Errorf("RetryAfter %v", e.RetryAfter)
				}
				start := time.Now()
				next = answertest.Reply(200, "")
				var group sync.WaitGroup
				for range 4 {
					group.Go(func() {
						if _, err := c.Do(t.Context(), get(address)); err != nil {
							t.Error(err)
						}
						if d := time.Since(start); d != 30*time.Second {
							t.Errorf("sent after %v", d)
						}
					})
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := c.Do(ctx, get(address)); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("waiting past the caller's deadline: %v", err)
				}
				group.Wait()
			})
		})
	}
}

func TestRetryAfterValues(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "-5": 0, "soon": 0, "7": 7 * time.Second, "99999999999": maxRetryAfter,
		"99999999999999999999": maxRetryAfter, "-99999999999999999999": 0,
		"Sat, 01 Jan 2000 00:00:00 GMT": 0, "Fri, 01 Jan 9999 00:00:00 GMT": maxRetryAfter,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {text}}); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
