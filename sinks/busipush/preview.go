package busipush

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

// previewRows is how many records a preview shows.
const previewRows = 3

// Preview shows the request Deliver would send now, with the codes and the secret left out, and the first records with
// personal fields masked. Nothing is sent.
func (s *sink) Preview(ctx context.Context, b feed.Batch) (string, error) {
	if b.Len() == 0 {
		return "no records, no request\n", nil
	}
	columns, missing := s.place(b.Columns)
	if len(missing) > 0 {
		return "", s.Prepare(ctx, b.Columns)
	}
	var w strings.Builder
	out := s.encoder.encode(nil, b, columns)
	if out.records > 0 {
		if err := s.showRequest(ctx, &w, out); err != nil {
			return "", err
		}
	}
	for _, r := range out.rejected {
		fmt.Fprintf(&w, "not sent: record %d of the batch: %s\n", r.Row+1, r.Reason)
	}
	return w.String(), nil
}

func (s *sink) showRequest(ctx context.Context, w *strings.Builder, out encoded) error {
	pairs, text := s.connection.form()
	req, err := s.request(ctx, &payload{head: formHead(pairs), data: out.data})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s %s\nContent-Type: %s\nAccept: %s\nContent-Length: %d\n\n", req.Method, req.URL,
		req.Header.Get("Content-Type"), req.Header.Get("Accept"), req.ContentLength)
	for _, p := range pairs {
		if p.key == "appcode" || p.key == "modulecode" {
			hidden := pair{p.key, s.connection.appCode.String()}
			text, p = strings.Replace(text, p.String(), hidden.String(), 1), hidden
		}
		fmt.Fprintln(w, p)
	}
	fmt.Fprintf(w, "data=%d records, %d bytes as sent\n", out.records, len(out.data))
	if err := showRecords(w, out.data); err != nil {
		return fmt.Errorf("decoding the records for the preview: %w", err)
	}
	fmt.Fprintf(w, "\nstring to sign: %s%s\n", text, secretMark)
	return nil
}

// showRecords decodes what would be sent, so that it shows what the platform will see, and masks it.
func showRecords(w *strings.Builder, data []byte) error {
	text, err := url.QueryUnescape(string(data))
	if err != nil {
		return err
	}
	var records []map[string]string
	if err := json.Unmarshal([]byte(text), &records); err != nil {
		return err
	}
	for _, r := range records[:min(previewRows, len(records))] {
		for name, value := range r {
			r[name] = mask.Shown(name, value)
		}
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "  %s\n", line)
	}
	if more := len(records) - previewRows; more > 0 {
		fmt.Fprintf(w, "  … and %d more\n", more)
	}
	return nil
}
