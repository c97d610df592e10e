package recorder

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"milkrun/sync/transport"
)

// Options are what a recorder works with.
type Options struct {
	Masking
	Connections []Connection // of the job that is recorded
	// Limit is how many exchanges are kept; 0 is all.
	Limit int
	// Full is told once when as many are over; nil when nobody cares.
	Full func()
	// Keep is given every exchange when it is over, one at a time, in no order.
	Keep func(Exchange) error
	// Network replaces the network of every connection; nil in a command.
	Network http.RoundTripper
}

// Recorder lets requests through and keeps what goes by, up to its limit. It changes neither requests nor answers, and
// goes wrong only when the network does: what cannot be kept is told by [Recorder.End]. It is safe for concurrent use.
type Recorder struct {
	options Options
	masker  *masker

	mu   sync.Mutex
	sent int   // requests so far
	over int   // exchanges so far
	kept int   // those of them that could be
	err  error // the first exchange that could not be kept
}

var _ transport.Layer = (*Recorder)(nil)

// New returns a recorder.
func New(o Options) *Recorder { return &Recorder{options: o, masker: newMasker(o.Masking)} }

// Over implements [transport.Layer].
func (r *Recorder) Over(network http.RoundTripper) http.RoundTripper {
	if r.options.Network != nil {
		network = r.options.Network
	}
	return &tap{r, network}
}

// RoundTrip records over the network that was given instead of that of a connection, for who knows no layers.
func (r *Recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	return r.Over(http.DefaultTransport).RoundTrip(req)
}

// Tally is how many exchanges there were.
type Tally struct{ Kept, LeftOut int }

// End says how many exchanges were kept, and why one was not.
func (r *Recorder) End() (Tally, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Tally{Kept: r.kept, LeftOut: r.sent - r.kept}, r.err
}

// tap is a recorder on a network.
type tap struct {
	*Recorder
	network http.RoundTripper
}

// CloseIdleConnections passes on what clients ask for when they are closed.
func (t *tap) CloseIdleConnections() {
	if c, ok := t.network.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip implements [http.RoundTripper].
func (t *tap) RoundTrip(req *http.Request) (*http.Response, error) {
	number, keep := t.begin()
	if !keep {
		return t.network.RoundTrip(req)
	}
	body, req, err := bodyOf(req)
	if err != nil {
		return nil, err
	}
	p := &passing{tap: t, number: number, asked: req.Clone(context.WithoutCancel(req.Context())), body: body, at: time.Now()}
	answer, err := t.network.RoundTrip(req)
	if err != nil {
		p.over(t.said(err))
		return nil, err
	}
	p.answer, p.from = answer, answer.Body
	answer.Body = p
	return answer, nil
}

// begin counts a request and says whether it is kept.
func (r *Recorder) begin() (number int, keep bool) {
	r.mu.Lock()
	r.sent++
	number = r.sent
	r.mu.Unlock()
	limit := r.options.Limit
	return number, limit == 0 || number <= limit
}

// said is an error fit to be kept.
func (r *Recorder) said(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return transport.Said(err.Error(), r.masker.Secrets...)
}

// bodyOf reads the body of a request, and returns a request with the same one. Request bodies are made in memory.
func bodyOf(req *http.Request) ([]byte, *http.Request, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, req, nil
	}
	body, err := io.ReadAll(req.Body)
	if err := errors.Join(err, req.Body.Close()); err != nil {
		return nil, nil, err
	}
	same := req.Clone(req.Context())
	same.Body = io.NopCloser(bytes.NewReader(body))
	same.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return body, same, nil
}

// connection is the one that a request belongs to, by its address, with the path of that.
func (r *Recorder) connection(u *url.URL) (conn Connection, base string) {
	for _, c := range r.options.Connections {
		address, err := url.Parse(c.URL)
		if err != nil || address.Host != u.Host {
			continue
		}
		path := strings.TrimRight(address.EscapedPath(), "/")
		if len(path) >= len(base) && strings.HasPrefix(u.EscapedPath(), path) && (conn.Name == "" || len(path) > len(base)) {
			conn, base = c, path
		}
	}
	return conn, base
}

func (r *Recorder) keep(e Exchange) {
	if r.count(e) && r.options.Full != nil {
		r.options.Full()
	}
}

// count keeps an exchange, and says whether there are as many now as there may be.
func (r *Recorder) count(e Exchange) (full bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over++
	if err := r.options.Keep(e); err == nil {
		r.kept++
	} else if r.err == nil {
		r.err = err
	}
	return r.over == r.options.Limit
}

// passing is an exchange on its way: the body of its answer, which is kept while its reader reads it. It is masked when
// all is over, so that the partner does not wait for it.
type passing struct {
	tap    *tap
	number int
	asked  *http.Request
	body   []byte // of the request
	at     time.Time

	answer *http.Response // nil while there is none
	from   io.ReadCloser
	data   []byte
	once   sync.Once
}

// Read implements [io.Reader].
func (p *passing) Read(to []byte) (int, error) {
	n, err := p.from.Read(to)
	if len(p.data) <= mostBody {
		p.data = append(p.data, to[:n]...)
	}
	switch {
	case err == io.EOF:
		p.over("")
	case err != nil:
		p.over("the answer broke off: " + p.tap.said(err))
	}
	return n, err
}

// rest is how many bytes more than its reader wanted are read of an answer, so that an error page is kept whole.
const rest = 64 << 10

// Close implements [io.Closer].
func (p *passing) Close() error {
	p.once.Do(func() {
		more, err := io.ReadAll(io.LimitReader(p.from, rest))
		p.data = append(p.data, more...)
		switch {
		case err != nil:
			p.finish("the answer broke off: " + p.tap.said(err))
		case len(more) == rest:
			p.finish("nobody read the answer to its end")
		default:
			p.finish("")
		}
	})
	return p.from.Close()
}

func (p *passing) over(text string) { p.once.Do(func() { p.finish(text) }) }

// finish masks and keeps the exchange.
func (p *passing) finish(text string) {
	took, m := time.Since(p.at), p.tap.masker
	conn, base := p.tap.connection(p.asked.URL)
	e := Exchange{Number: p.number, Connection: conn.Name, Side: conn.Side, At: p.at, Took: took, Error: text, Request: m.request(p.asked, base, p.body)}
	if p.answer != nil {
		e.Answer = &Answer{Status: p.answer.StatusCode, Header: m.header(p.answer.Header, false), Body: Body{Form: Omitted, Size: len(p.data)}}
		if len(p.data) <= mostBody {
			e.Answer.Body = m.body(p.answer.Header, p.data, false)
		}
	}
	p.tap.keep(e)
}
