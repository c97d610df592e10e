package credit

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzListing: whatever an answer is, reading it neither panics nor takes what encoding/json refuses; and every row of a list in
// data is there.
func FuzzListing(f *testing.F) {
	for _, body := range oddBodies() {
		f.Add(body)
	}
	for _, r := range vectors(f).Responses {
		f.Add(string(r.Body))
	}
	f.Add(`{"result":1,"data":[{"type":"土地"},{}]}`)
	f.Add(`{"result":1,"data":{"uniscId":1}}`)
	f.Fuzz(func(t *testing.T, body string) {
		l, err := readListing([]byte(body), tradingNames())
		if err != nil {
			return
		}
		if !json.Valid([]byte(body)) {
			t.Fatalf("%q is no JSON", body)
		}
		var whole struct{ Data []json.RawMessage }
		if l.fault == "" && strings.Count(body, "data") == 1 && json.Unmarshal([]byte(body), &whole) == nil && len(whole.Data) > 0 && len(whole.Data) != len(l.rows) {
			t.Fatalf("%d rows of %d", len(l.rows), len(whole.Data))
		}
		for _, row := range l.rows {
			if trade := tradeOf(row, "911400001100123440"); (trade.rejected == nil) == (trade.values == nil) {
				t.Fatalf("%+v", trade)
			}
		}
	})
}
