package transport

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"time"

	"milkrun/sync/audit"
	"milkrun/sync/secret"
)

// Exchange is one request that was made, with its answer or without one, for the audit.
type Exchange struct {
	Begun          time.Time
	Took           time.Duration // without the waiting for its turn
	Status         string        // "HTTP 200" and the like, else the code of its error ("timeout", "network")
	Sent, Received Body          // Received is that of a 2xx answer
	Key            string        // audit.Fingerprint of the call's secrets
}

// Body is a body as it is without TLS, Content-Encoding and byte order mark. The digest of none is zero.
type Body struct {
	Bytes int64
	Sum   audit.Sum
}

func bodyOf(b []byte) Body {
	if len(b) == 0 {
		return Body{}
	}
	return Body{int64(len(b)), sha256.Sum256(b)}
}

type exchangeKey struct{}

// WithExchanges has every request under the context told when it is over. One that could not be built is none.
func WithExchanges(ctx context.Context, tell func(Exchange)) context.Context {
	return context.WithValue(ctx, exchangeKey{}, tell)
}

// noting is an exchange under way; nil when nobody wants to know of it.
type noting struct {
	Exchange
	tell  func(Exchange)
	built bool
}

func note(ctx context.Context) *noting {
	tell, ok := ctx.Value(exchangeKey{}).(func(Exchange))
	if !ok {
		return nil
	}
	return &noting{tell: tell, Exchange: Exchange{Begun: time.Now()}}
}

// leaves looks at a request that is about to leave. A body that can be read only once is put into memory for that.
func (n *noting) leaves(req *http.Request, secrets []secret.Secret) error {
	if n == nil {
		return nil
	}
	n.built, n.Key = true, audit.Fingerprint(secrets)
	if req.Body == nil || req.Body == http.NoBody {
		return nil
	}
	if req.GetBody == nil {
		all, err := io.ReadAll(req.Body)
		if err != nil {
			return err
		}
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(all)), nil }
		if req.Body, err = req.GetBody(); err != nil {
			return err
		}
	}
	again, err := req.GetBody()
	if err != nil {
		return err
	}
	defer again.Close()
	h := sha256.New()
	if n.Sent.Bytes, err = io.Copy(h, again); err == nil && n.Sent.Bytes > 0 {
		h.Sum(n.Sent.Sum[:0])
	}
	return err
}

// over tells of an exchange that has come to its end.
func (n *noting) over(status string, body []byte) {
	if n == nil || !n.built {
		return
	}
	n.Took, n.Status, n.Received = time.Since(n.Begun), status, bodyOf(body)
	n.tell(n.Exchange)
}
