package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"net/http"
	"time"

	"milkrun/sync/audit"
	"milkrun/sync/config"
	"milkrun/sync/kind"
	"milkrun/sync/mask"
)

// heard is a request of a partner, as the exchange audit will have it.
type heard struct {
	row    audit.Row
	digest hash.Hash
}

// heardKey is where the context of a request has it.
type heardKey struct{}

// hearing has what a partner reports to a handler noted in the exchange audit by [inbox.Report].
func hearing(h http.Handler, conf *config.Config, connection, path string) http.Handler {
	row := audit.Row{Kind: audit.Received, Trigger: "report", Connection: connection, Interface: path, Direction: audit.In, Status: "HTTP 200", Records: 1}
	for _, job := range conf.Jobs {
		if job.Sink.Connection.Name == connection {
			row.Purpose = cmp.Or(row.Purpose, job.Purpose)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c := &heard{row: row, digest: sha256.New()}
		c.row.At = time.Now()
		req = req.WithContext(context.WithValue(req.Context(), heardKey{}, c))
		req.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(req.Body, c), req.Body}
		h.ServeHTTP(w, req)
	})
}

// Write takes up a part of the body.
func (c *heard) Write(b []byte) (int, error) {
	c.row.Bytes += int64(len(b))
	return c.digest.Write(b)
}

// hear notes the request that brought a report, before it is answered: a partner that gets no answer reports again.
func (i *inbox) hear(ctx context.Context, r kind.Report) error {
	c, ok := ctx.Value(heardKey{}).(*heard)
	if !ok {
		return nil
	}
	c.row.Took, c.row.Batch, c.row.Digest = time.Since(c.row.At), mask.Scrub(r.Batch), audit.Sum(c.digest.Sum(nil))
	return i.daemon.store.AddExchanges(ctx, []audit.Row{c.row})
}
