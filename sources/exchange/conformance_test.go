package exchange

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/feedtest"
	"milkrun/sync/sandbox"
	"milkrun/sync/sandbox/faulty"
)

func TestConformance(t *testing.T) {
	for _, paging := range []string{"page", "cursor"} {
		t.Run(paging, func(t *testing.T) { conformance(t, paging) })
	}
}

func conformance(t *testing.T, paging string) {
	partner := sandbox.NewExchange(sandbox.ExchangeOptions{})
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
	reached := faulty.New(partner)
	c := feedtest.SourceCase{Want: want, Rejected: []string{"at"}, Secrets: []string{"sandbox-token"},
		Faults: reached.Faults(sandbox.Code500), Stall: reached.Stall}
	c.Open = func(t testing.TB) feed.Source {
		return open(t, reached, map[string]any{"paging": paging, "dates": texts("at"), "columns": texts("user_id", "n", "at")})
	}
	c.Range = &feedtest.Bounds{From: `{"page":1,"size":2}`, To: `{"page":3,"size":2}`, Want: []map[string]feed.Value{want[2], want[3], want[4]}}
	if paging == "cursor" {
		c.Range = &feedtest.Bounds{From: `{"cursor":"after-5"}`, Want: want[4:]}
		c.MoveOn = func(testing.TB) []map[string]feed.Value { return []map[string]feed.Value{add(20), add(21), add(22)} }
	}
	feedtest.Source(t, c)
}
