package caih

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

// previewed is how many messages a preview shows.
const previewed = 3

// Preview shows the request that would be sent now, with credentials left out and numbers and values masked. Nothing is sent.
func (s *sink) Preview(ctx context.Context, b feed.Batch) (string, error) {
	if b.Len() == 0 {
		return "no records, no request\n", nil
	}
	if missing := s.missing(b.Columns); len(missing) > 0 {
		return "", s.columnsError(b.Columns, missing)
	}
	var w strings.Builder
	var list []group
	p := s.place(b.Columns)
	for i := range b.Len() {
		g, err := s.compose(p, b.Row(i))
		if err != nil {
			fmt.Fprintf(&w, "not sent: record %d of the batch: %v\n", i+1, err)
			continue
		}
		list = append(list, s.masked(g))
	}
	if len(list) == 0 {
		return w.String(), nil
	}
	if err := s.awake(time.Now()); err != nil {
		fmt.Fprintf(&w, "not now: %v\n", err)
	}
	m := s.body("(an id)", time.Now().In(shanghai()).Format(stampLayout), list[:min(len(list), previewed)])
	m.Account, m.AppID, m.Password = "[secret]", "[secret]", "[md5 of token and timestamp]"
	body, err := json.MarshalIndent(m, "", "  ") //nolint:gosec // its secrets are replaced
	if err != nil {
		return "", err
	}
	req, err := s.request(ctx, m)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&w, "%s %s\nContent-Type: %s\n\n%s\n", req.Method, req.URL, req.Header.Get("Content-Type"), body)
	if more := len(list) - previewed; more > 0 {
		fmt.Fprintf(&w, "… and %d more messages\n", more)
	}
	return w.String(), nil
}

// masked is a message for people.
func (s *sink) masked(g group) group {
	g.phone = shown(g.phone)
	for i, v := range g.values {
		if g.values[i] = mask.Shown(s.params[i], v); s.kind == code {
			g.values[i] = "******"
		}
	}
	return g
}
