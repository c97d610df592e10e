package transport

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"milkrun/sync/transport/answertest"
)

// TestTrace is told of every request with what came of it.
func TestTrace(t *testing.T) {
	var codes []string
	ctx := WithTrace(t.Context(), func(code string, took time.Duration) {
		if took < 0 {
			t.Errorf("it took %v", took)
		}
		codes = append(codes, code)
	})
	statuses := []int{200, 503, 403, 0}
	c := settings(t, nil).Client(answertest.RoundTrip(func(*http.Request) (*http.Response, error) {
		status := statuses[0]
		if statuses = statuses[1:]; status == 0 {
			return nil, errors.New("no route to host")
		}
		return answertest.Reply(status, ""), nil
	}))
	for range len(statuses) {
		_, _ = c.Do(ctx, get(address))
	}
	if want := []string{"HTTP 200", "HTTP 503", "HTTP 403", "network"}; !slices.Equal(codes, want) {
		t.Errorf("told %q, want %q", codes, want)
	}
}
