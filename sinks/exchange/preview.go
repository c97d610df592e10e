package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"milkrun/sync/exchange"
	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

// previewRows is how many records a preview shows.
const previewRows = 3

// Preview shows the request Deliver would send now, with token and key left out, and the first records with personal
// fields masked. Nothing is sent.
func (s *sink) Preview(ctx context.Context, b feed.Batch) (string, error) {
	if b.Len() == 0 {
		return "no records, no request\n", nil
	}
	p, err := s.plan(b.Columns)
	if err != nil {
		return "", err
	}
	var w strings.Builder
	push := s.encode(p, b)
	if len(push.rows) > 0 {
		req, err := s.connection.NewRequest(ctx, s.request(push))
		if err != nil {
			return "", fmt.Errorf("building the request: %w", err)
		}
		fmt.Fprintf(&w, "%s %s\nContent-Type: %s\nAccept: %s\nAuthorization: %s\nContent-Length: %d\n\n", req.Method, req.URL,
			req.Header.Get("Content-Type"), req.Header.Get("Accept"), s.connection.ShownAuthorization(req), req.ContentLength)
		head, _, _ := strings.Cut(string(push.body), string(push.records))
		fmt.Fprintf(&w, "%s[\n", head)
		showRecords(&w, push.records, len(push.rows))
		fmt.Fprint(&w, "]}\n")
	}
	for _, r := range push.rejected {
		fmt.Fprintf(&w, "not sent: record %d of the batch: %s\n", r.Row+1, r.Reason)
	}
	return w.String(), nil
}

func showRecords(w *strings.Builder, records []byte, count int) {
	i := 0
	for record := range exchange.Elements(records) {
		if i++; i > previewRows {
			fmt.Fprintf(w, "  … and %d more\n", count-previewRows)
			return
		}
		separator := "  {"
		for key, value := range exchange.Members(record) {
			fmt.Fprintf(w, "%s%s: %s", separator, key, shown(key, value))
			separator = ", "
		}
		fmt.Fprintln(w, "}")
	}
}

// shown masks a value, and is JSON again.
func shown(key, value []byte) string {
	name, _ := exchange.Text(key)
	text, err := exchange.Text(value)
	if err != nil {
		text = string(value) // a number, true, false or null
	}
	if text != "null" {
		text = mask.Shown(name, text)
	}
	if err != nil && json.Valid([]byte(text)) {
		return text
	}
	return string(appendText(nil, text))
}
