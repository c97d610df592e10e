package transport

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"milkrun/sync/audit"
	"milkrun/sync/secret"
	"milkrun/sync/transport/answertest"
)

// TestExchanges tells of each request that was made: what left and what came, as the other side sees it.
func TestExchanges(t *testing.T) {
	const sent = "the request"
	key := secret.New("access-id")
	for name, c := range map[string]struct {
		body   io.Reader
		answer func() (*http.Response, error)
		status string
		came   string
	}{
		"read again": {strings.NewReader(sent), func() (*http.Response, error) { return answertest.Reply(200, "answer"), nil }, "HTTP 200", "answer"},
		"read once":  {io.MultiReader(strings.NewReader(sent)), func() (*http.Response, error) { return answertest.Reply(200, "answer"), nil }, "HTTP 200", "answer"},
		"compressed": {strings.NewReader(sent), func() (*http.Response, error) {
			return answertest.Reply(200, gzipped("answer"), "Content-Encoding", "gzip"), nil
		}, "HTTP 200", "answer"},
		"refused":      {strings.NewReader(sent), func() (*http.Response, error) { return answertest.Reply(503, "busy"), nil }, "HTTP 503", ""},
		"no network":   {strings.NewReader(sent), func() (*http.Response, error) { return nil, errors.New("no route to host") }, "network", ""},
		"says nothing": {strings.NewReader(sent), func() (*http.Response, error) { return answertest.Reply(200, ""), nil }, "HTTP 200", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var told []Exchange
			ctx := WithExchanges(t.Context(), func(x Exchange) { told = append(told, x) })
			client := settings(t, nil).Client(answertest.RoundTrip(func(r *http.Request) (*http.Response, error) {
				if body, err := io.ReadAll(r.Body); err != nil || string(body) != sent {
					t.Errorf("the partner gets %q, %v", body, err)
				}
				return c.answer()
			}))
			_, _ = client.Do(ctx, Call{Op: "push", Secrets: []secret.Secret{{}, key}, Build: func(ctx context.Context) (*http.Request, error) {
				return http.NewRequestWithContext(ctx, http.MethodPost, address, c.body)
			}})
			want := Exchange{Status: c.status, Sent: bodyOf([]byte(sent)), Received: bodyOf([]byte(c.came)), Key: audit.Fingerprint([]secret.Secret{key})}
			if len(told) != 1 || told[0].Begun.IsZero() || told[0].Took < 0 {
				t.Fatalf("told %+v", told)
			}
			got := told[0]
			got.Begun, got.Took = want.Begun, want.Took
			if got != want || got.Sent.Sum != sha256.Sum256([]byte(sent)) {
				t.Errorf("told %+v, want %+v", got, want)
			}
		})
	}
}

// TestUnbuiltIsNoExchange: what never became a request is none.
func TestUnbuiltIsNoExchange(t *testing.T) {
	ctx := WithExchanges(t.Context(), func(x Exchange) { t.Errorf("told %+v", x) })
	client := settings(t, nil).Client(answertest.RoundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("sent") }))
	_, _ = client.Do(ctx, Call{Op: "push", Build: func(context.Context) (*http.Request, error) { return nil, errors.New("no such date") }})
}
