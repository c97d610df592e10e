package busipush

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"milkrun/sync/feed"
	"milkrun/sync/secret"
	"milkrun/sync/transport"
)

const (
	path        = "/openplatform/open/busipush.action?generate"
	contentType = "application/x-www-form-urlencoded; charset=UTF-8"
)

var (
	_ feed.Sink      = (*sink)(nil)
	_ feed.Preparer  = (*sink)(nil)
	_ feed.Previewer = (*sink)(nil)
)

// sink delivers affairs. It is safe for concurrent use.
type sink struct {
	*settings
	label   string // of the connection
	client  *transport.Client
	encoder *encoder
	buffers chan []byte // of calls that have ended; a pool would be emptied by the collector between two batches
}

// Prepare checks that every field has its column. A field with a default needs none, unless map names one.
func (s *sink) Prepare(_ context.Context, c *feed.Columns) error {
	_, missing := s.place(c)
	if len(missing) == 0 {
		return nil
	}
	return feed.Errorf(feed.Fail, "columns", "the records have no column %s; their columns are %s",
		strings.Join(missing, " and no column "), strings.Join(c.Names(), ", ")).
		WithRemedy(`name the right columns in map = { field = "column" } of the sink, or give the field a value in defaults`)
}

// place finds the column of every field, and says which there are not.
func (s *sink) place(c *feed.Columns) (columns [fieldCount]int, missing []string) {
	for f, name := range fieldNames() {
		column, named := s.columns[name]
		if !named {
			column = name
		}
		at, ok := c.Index(column)
		if !ok {
			at = -1
			if named || s.encoder.defaults[f] == "" {
				missing = append(missing, fmt.Sprintf("%q (for %s)", column, name))
			}
		}
		columns[f] = at
	}
	return columns, missing
}

// Deliver validates and encodes the records, and sends those that are fit in one call; none when there are none. What is
// rejected here carries the field's name as its code. Errors: Refuse for 300, HaltConnection for 302 and most of HTTP
// 4xx, HaltJob for an answer that is none, Retry for what usually passes.
func (s *sink) Deliver(ctx context.Context, b feed.Batch) ([]feed.Rejection, error) {
	n := b.Len()
	if n == 0 {
		return nil, nil
	}
	if n > maxRecords {
		return nil, feed.Errorf(feed.Fail, "batch", "a batch of %d records is above %s", n, s.Limits().Rule)
	}
	var buf []byte
	select {
	case buf = <-s.buffers:
	default:
	}
	columns, _ := s.place(b.Columns)
	out := s.encoder.encode(buf, b, columns)
	sent := true
	var err error
	if out.records > 0 {
		sent, err = s.send(ctx, out.records, out.data)
	}
	if sent {
		select {
		case s.buffers <- out.data:
		default: // enough are kept
		}
	}
	return out.rejected, err
}

// send posts the data. Sent says that nobody reads data any more.
func (s *sink) send(ctx context.Context, records int, data []byte) (sent bool, err error) {
	var body *payload
	call := transport.Call{
		Op: fmt.Sprintf("%s: busipush of %d records", s.label, records),
		Build: func(ctx context.Context) (*http.Request, error) {
			pairs, _ := s.connection.form()
			body = &payload{head: formHead(pairs), data: data}
			return s.request(ctx, body)
		},
		Secrets: []secret.Secret{s.connection.appCode, s.connection.moduleCode, s.connection.appSecret},
	}
	response, err := s.client.Do(ctx, call)
	if err != nil {
		return false, err
	}
	return body.drained.Load(), judge(call, response)
}

func (s *sink) request(ctx context.Context, body *payload) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.connection.URL()+path, body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = int64(len(body.head) + len(body.data))
	req.GetBody = func() (io.ReadCloser, error) { // for the audit, which reads it before it leaves, and a connection that was closed
		body.drained.Store(false) // of whoever reads the other one nothing is known: data is not used again
		return io.NopCloser(&payload{head: body.head, data: body.data}), nil
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", "application/json")
	return req, nil
}

// formHead is the form up to the value of data.
func formHead(pairs []pair) []byte {
	var head []byte
	for _, p := range pairs {
		head = append(head, url.QueryEscape(p.key)+"="+url.QueryEscape(p.value)+"&"...)
	}
	return append(head, "data="...)
}

// payload is a request body of two pieces. A server may answer before it has read everything, and the transport goes on
// reading then; drained says that all of it has been copied out, so that data may be used again.
type payload struct {
	head, data []byte
	at         int
	drained    atomic.Bool
}

// Read implements [io.Reader].
func (p *payload) Read(to []byte) (int, error) {
	part := p.head[min(p.at, len(p.head)):]
	if len(part) == 0 {
		part = p.data[p.at-len(p.head):]
	}
	n := copy(to, part)
	p.at += n
	if p.at < len(p.head)+len(p.data) {
		return n, nil
	}
	p.drained.Store(true)
	return n, io.EOF
}
