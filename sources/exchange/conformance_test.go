package exchange

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/feedtest"
	"milkrun/sync/sandbox"
)

func TestConformance(t *testing.T) {
	for _, paging := range []string{"page", "cursor"} {
		t.Run(paging, func(t *testing.T) { conformance(t, paging) })
	}
}

func conformance(t *testing.T, paging string) {
	partner, faults := sandbox.NewExchange(sandbox.ExchangeOptions{}), &sandbox.Faults{}
	var records []json.RawMessage
	var want []map[string]feed.Value
	add := func(i int) map[string]feed.Value {
		records = append(records, json.RawMessage(fmt.Sprintf(`{"user_id":"u%d","n":%d,"at":"2021-03-17 18:57:%02d"}`, i, i, i)))
		partner.Serve("users", records)
		return map[string]feed.Value{"user_id": fmt.Sprint("u", i), "n": int64(i), "at": time.Date(2021, 3, 17, 10, 57, i, 0, time.UTC)}
	}
	for i := range 7 {
		want = append(want, add(i))
	}
	records = append(records[:3:3], append([]json.RawMessage{json.RawMessage(`{"user_id":"bad","n":0,"at":"gestern"}`)}, records[3:]...)...)
	partner.Serve("users", records)
	stall := make(chan struct{}, 1)
	var arrived chan struct{}
	rt := roundTripper(func(r *http.Request) (*http.Response, error) {
		select {
		case <-stall:
			close(arrived)
			<-r.Context().Done()
			return nil, r.Context().Err()
		default:
			return sandbox.Transport(faults.Wrap(partner)).RoundTrip(r)
		}
	})
	c := feedtest.SourceCase{Want: want, Rejected: []string{"at"}, Secrets: []string{"sandbox-token"}, Faults: map[string]func(testing.TB){}}
	c.Open = func(t testing.TB) feed.Source {
		return open(t, rt, map[string]any{"paging": paging, "dates": texts("at"), "columns": texts("user_id", "n", "at")})
	}
	for _, k := range []sandbox.Kind{sandbox.DropBefore, sandbox.DropAfter, sandbox.Truncate, sandbox.Break, sandbox.HTML, sandbox.Internal, sandbox.Code500} {
		c.Faults[string(k)] = func(t testing.TB) {
			if err := faults.Set(sandbox.Fault{Kind: k, Next: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.Stall = func(testing.TB) <-chan struct{} {
		arrived = make(chan struct{})
		stall <- struct{}{}
		return arrived
	}
	if paging == "cursor" {
		c.MoveOn = func(testing.TB) []map[string]feed.Value { return []map[string]feed.Value{add(20), add(21), add(22)} }
	}
	feedtest.Source(t, c)
}
