package sandbox

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Transport returns a round-tripper that calls h itself, without a network; it works in a testing/synctest bubble.
// A handler that panics with [http.ErrAbortHandler] is a dropped connection: [io.ErrUnexpectedEOF] in place of the
// answer, or in the middle of its body when a part of it was flushed before. A request whose context ends is an error
// even when the handler has acted, as on a real network.
func Transport(h http.Handler) http.RoundTripper { return transport{h} }

type transport struct{ handler http.Handler }

// RoundTrip runs the handler in the calling goroutine.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body := req.Body
	if body == nil {
		body = http.NoBody
	}
	defer func() { _ = body.Close() }()
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	in, err := serverRequest(req, body)
	if err != nil {
		return nil, err
	}
	rec := newRecorder()
	dropped := rec.serve(t.handler, in)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if dropped && rec.flushed == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return rec.response(req, dropped), nil
}

// serverRequest is the request as a server would see it.
func serverRequest(req *http.Request, body io.ReadCloser) (*http.Request, error) {
	in := req.Clone(req.Context())
	in.RequestURI = req.URL.RequestURI()
	u, err := url.ParseRequestURI(in.RequestURI)
	if err != nil {
		return nil, err
	}
	in.URL, in.Body, in.RemoteAddr = u, body, "127.0.0.1:0"
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	if in.Method == "" {
		in.Method = http.MethodGet
	}
	return in, nil
}

// recorder is a ResponseWriter that keeps the answer.
type recorder struct {
	header  http.Header
	status  int
	body    []byte
	flushed int // how much of it, with the header, has left for sure; 0 when nothing has
	sent    http.Header
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
		r.sent = r.header.Clone()
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.body = append(r.body, b...)
	return len(b), nil
}

// Flush marks what was written as sent.
func (r *recorder) Flush() {
	r.WriteHeader(http.StatusOK)
	r.flushed = len(r.body)
}

// serve runs a handler and says whether it dropped the connection.
func (r *recorder) serve(h http.Handler, req *http.Request) (dropped bool) {
	defer func() {
		p := recover()
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			dropped = true
		} else if p != nil {
			panic(p)
		}
	}()
	h.ServeHTTP(r, req)
	r.WriteHeader(http.StatusOK)
	return false
}

func (r *recorder) response(req *http.Request, dropped bool) *http.Response {
	var body io.Reader = bytes.NewReader(r.body)
	length := int64(len(r.body))
	if dropped {
		body = io.MultiReader(bytes.NewReader(r.body[:r.flushed]), broken{})
		length = -1
		if n, err := strconv.ParseInt(r.sent.Get("Content-Length"), 10, 64); err == nil {
			length = n
		}
	}
	return &http.Response{
		Status: strconv.Itoa(r.status) + " " + http.StatusText(r.status), StatusCode: r.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.sent, Body: io.NopCloser(body), ContentLength: length, Request: req,
	}
}

// broken is the end of a body whose connection was dropped.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// drain reads what is left of a request, so that its answer is not lost to a connection closed over unread bytes.
func drain(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
