package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"milkrun/sync/feed"
	"milkrun/sync/secret"
)

// maxIdle is how many open connections are kept for the next request: more than any job has requests in flight, so that
// none of them pays for a TLS handshake again.
const maxIdle = 64

// Client sends the requests of one connection. One rate limiter and one Retry-After gate hold for all jobs on it.
// It is safe for concurrent use. [Settings.Client] makes it.
type Client struct {
	http    *http.Client
	limiter *rate.Limiter
	gate    gate
	timeout time.Duration
	maxBody int
	broken  error        // why no request can be sent at all
	usual   atomic.Int64 // size of the last body of unstated length, as a guess for the next
}

// Call is one request.
type Call struct {
	// Op is what is being done, for error texts: "getEnterpriseGrades page 7".
	Op string
	// Build makes the request. It is called at every attempt, after the waiting, so that timestamps and nonces are fresh.
	// An error that is no *feed.Error ends the run.
	Build func(ctx context.Context) (*http.Request, error)
	// Secrets are what the request carries; should the answer repeat them, they are cut out of error texts. The first that is
	// not empty names us to the partner (an access id, an application code, a token): the audit keeps its fingerprint.
	Secrets []secret.Secret
	// Refused judges an answer that is not 2xx before the client does, by its status, header and the beginning of its
	// body; nil leaves it to the client. For partners whose statuses mean more than HTTP says.
	Refused func(status int, header http.Header, body []byte) *feed.Error
}

// Response is a 2xx answer. The body is whole, decompressed, without a UTF-8 byte order mark, and the caller's to keep.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Layer is a round-tripper that stands on the real network of a connection, with its certificates, instead of taking its
// place. A client goes by what Over returns.
type Layer interface {
	http.RoundTripper
	Over(network http.RoundTripper) http.RoundTripper
}

func newClient(s *Settings, base http.RoundTripper) *Client {
	c := &Client{limiter: rate.NewLimiter(s.rate, 1), timeout: s.timeout, maxBody: s.maxBody}
	if layer, ok := base.(Layer); ok || base == nil {
		base, c.broken = network(s)
		if ok {
			base = layer.Over(base)
		}
	}
	c.http = &http.Client{
		Transport: base,
		// A redirect is judged, never followed: it could carry the secrets of the body to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

func network(s *Settings) (http.RoundTripper, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          maxIdle,
		MaxIdleConnsPerHost:   maxIdle,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		ReadBufferSize:        32 << 10,
	}
	roots, err := s.roots()
	if err != nil {
		return t, fmt.Errorf("ca_file: %w", err)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return t, nil
}

// Do waits for the gate and the limiter, builds the request, sends it once and returns a 2xx answer with its whole body.
// It neither retries nor follows redirects.
//
// Everything else is a *feed.Error that names call.Op and holds no query string, no secret and no unscrubbed body:
//   - Retry: network errors, timeouts, truncated bodies, and HTTP 408, 425, 429 and 5xx. A Retry-After among these closes
//     the gate for every caller of this client until its time.
//   - Fail: a body above max_body, or in an encoding nobody asked for.
//   - HaltConnection: every other status. Its Code is "HTTP 403" and the like.
//
// All of them say what to do. When ctx ends, the error wraps both its error and its cause.
func (c *Client) Do(ctx context.Context, call Call) (Response, error) {
	if c.broken != nil {
		return Response{}, feed.Errorf(feed.HaltConnection, "ca_file", "%s: %w", call.Op, c.broken).
			WithRemedy("mend ca_file of the connection, then resume it")
	}
	if err := c.wait(ctx); err != nil {
		return Response{}, feed.Errorf(feed.Retry, "", "%s: waiting for its turn: %w", call.Op, ended(ctx, err))
	}
	limited, cancel := context.WithTimeoutCause(ctx, c.timeout, errTimeout)
	defer cancel()
	begun := time.Now()
	x := note(ctx)
	r, err := c.send(limited, call, x)
	if err != nil {
		judged := c.judge(limited, call, err)
		traced(ctx, judged.Code, begun)
		x.over(judged.Code, nil)
		return Response{}, judged
	}
	status := fmt.Sprintf("HTTP %d", r.Status)
	traced(ctx, status, begun)
	x.over(status, r.Body)
	return r, nil
}

// wait returns when the gate is open and the limiter has a token. The gate may have closed while the token was waited for.
func (c *Client) wait(ctx context.Context) error {
	for {
		if err := c.gate.wait(ctx); err != nil {
			return err
		}
		if err := c.limiter.Wait(ctx); err != nil {
			return err
		}
		if c.gate.open() {
			return nil
		}
	}
}

func (c *Client) send(ctx context.Context, call Call, x *noting) (Response, error) {
	req, err := build(ctx, call)
	if err != nil {
		return Response{}, err
	}
	if err := x.leaves(req, call.Secrets); err != nil {
		return Response{}, feed.Errorf(feed.Fail, "", "reading the request: %w", err)
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return Response{}, err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return Response{}, c.refused(answer, call)
	}
	body, err := c.read(answer)
	if err != nil {
		return Response{}, err
	}
	return Response{Status: answer.StatusCode, Header: answer.Header, Body: body}, nil
}

func build(ctx context.Context, call Call) (*http.Request, error) {
	req, err := call.Build(ctx)
	if err != nil {
		if _, judged := errors.AsType[*feed.Error](err); judged {
			return nil, err
		}
		return nil, feed.Errorf(feed.Fail, "", "building the request: %w", err)
	}
	if req.Context() != ctx {
		req = req.WithContext(ctx)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "milkrun")
	}
	return req, nil
}

// judge turns what send returns into a *feed.Error that begins with call.Op.
func (c *Client) judge(ctx context.Context, call Call, err error) *feed.Error {
	op := call.Op
	if e, ok := errors.AsType[*feed.Error](err); ok {
		judged := *e
		judged.Err = fmt.Errorf("%s: %w", op, err)
		return &judged
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // its text holds the whole address, with the query
	}
	if errors.Is(context.Cause(ctx), errTimeout) {
		return feed.Errorf(feed.Retry, "timeout", "%s: no complete answer within %v (timeout)", op, c.timeout).
			WithRemedy(TriedAgain + "raise timeout of the connection, or ask for fewer rows a call")
	}
	if ctx.Err() != nil {
		return feed.Errorf(feed.Retry, "", "%s: %w", op, ended(ctx, err))
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the connection was closed without an answer (%w)", err)
	}
	e := feed.Errorf(feed.Retry, "network", "%s: %w", op, quoting{err, call.Secrets}) // a malformed header is quoted
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		e.Code = "certificate"
		return e.WithRemedy("check url; if the partner has an authority of its own, name its certificate in ca_file")
	}
	return e.WithRemedy(TriedAgain + "check url, and whether this machine reaches the partner (network, firewall, proxy)")
}

// ended returns why ctx has ended, such that both its error and its cause can be asked for; err when it has not.
func ended(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case cause == nil:
		return err
	case errors.Is(cause, ctx.Err()):
		return cause
	}
	return fmt.Errorf("%w (%w)", cause, ctx.Err())
}

var errTimeout = errors.New("request timeout")
