package coupang

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/transport"
	"milkrun/sync/transport/budget"
)

// caller makes the calls of one source. All callers of a vendor share its budgets: one call at a time, so many a second,
// and none while a circuit is open.
type caller struct {
	connection *connection
	client     *transport.Client
	account    budgets
	notes      map[string]int // what was odd about the last answer
}

// request is one GET.
type request struct {
	op     string
	path   string
	params []param
	// patient asks the gateway for more than the 3 s it usually gives its providers.
	patient bool
}

// get sends a request, signed anew at every attempt; a signature that counts as expired is made once more, within the same
// turn: nobody else asks before it is known whether that helped. What goes wrong is a *feed.Error, those of open circuits and of
// a verdict on the connection among them: then nothing was sent.
func (k *caller) get(ctx context.Context, q request) (transport.Call, transport.Response, error) {
	call := transport.Call{
		Op:      q.op,
		Build:   func(ctx context.Context) (*http.Request, error) { return k.build(ctx, q) },
		Secrets: k.connection.secrets(),
	}
	call.Refused = func(status int, header http.Header, body []byte) *feed.Error {
		return k.judge(call, status, header, body)
	}
	r, err := k.inTurn(ctx, call)
	if err == nil {
		k.heed(r.Header)
	}
	return call, r, err
}

// inTurn makes the attempts of a call while no other job of the vendor calls. What halts the connection is left for those
// that wait for their turn: they would call before they hear of the halt.
func (k *caller) inTurn(ctx context.Context, call transport.Call) (transport.Response, error) {
	done, err := k.account.vendor.Turn(ctx)
	if err != nil {
		return transport.Response{}, waiting(call.Op, err)
	}
	defer done()
	r, err := k.once(ctx, call)
	if err != nil && feed.Judge(err).Code == codeExpired {
		r, err = k.once(ctx, call)
	}
	if err == nil {
		k.account.vendor.Good()
	} else if e := feed.Judge(err); e.Verdict == feed.HaltConnection && !e.Unsent {
		k.connection.verdict.pass(k, e)
	}
	return r, err
}

// once makes one attempt within the budgets, unless the connection is to be halted or a circuit is open.
func (k *caller) once(ctx context.Context, call transport.Call) (transport.Response, error) {
	if err := k.barred(call.Op); err != nil {
		return transport.Response{}, err
	}
	for _, a := range k.account.all() {
		if err := a.Wait(ctx); err != nil {
			return transport.Response{}, waiting(call.Op, err)
		}
	}
	if err := k.barred(call.Op); err != nil { // by a call of another vendor
		return transport.Response{}, err
	}
	return k.client.Do(ctx, call)
}

func waiting(op string, err error) *feed.Error {
	return feed.Errorf(feed.Retry, "", "%s: waiting for its turn: %w", op, err)
}

// barred is why nothing may be sent: the verdict that another job met on the connection, or an open circuit.
func (k *caller) barred(op string) error {
	if e := k.connection.verdict.on(op); e != nil {
		return e
	}
	return k.closed(op)
}

// closed is the error of an open circuit.
func (k *caller) closed(op string) error {
	for _, a := range k.account.all() {
		left, why := a.Open()
		if left <= 0 {
			continue
		}
		e := feed.Errorf(feed.Retry, "circuit", "%s: nothing is sent for another %v: %s", op, left.Round(time.Second), why).
			WithRemedy(transport.TriedAgain + "lower rate and provider_rate of the connection")
		e.RetryAfter, e.Unsent = left, true
		return e
	}
	return nil
}

// heed looks at what the headers of a good answer warn of.
func (k *caller) heed(h http.Header) {
	k.notes = map[string]int{}
	if h.Get("X-CAG-Warnings") != "" {
		k.account.vendor.Slow(time.Minute)
		k.notes["X-CAG-Warnings: near the limit, so calls are made at half the rate for a minute"] = 1
	}
	if skew := clockSkew(h); skew > tooSkewed || skew < -tooSkewed {
		k.notes["this machine's clock is more than a minute off"] = 1
	}
}

func (k *caller) build(ctx context.Context, q request) (*http.Request, error) {
	u, err := url.Parse(k.connection.URL())
	if err != nil {
		return nil, err
	}
	if u.Path, err = url.PathUnescape(q.path); err != nil {
		return nil, err
	}
	u.RawPath, u.RawQuery = q.path, query(q.params)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json;charset=UTF-8")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("X-Requested-By", k.connection.vendor)
	if k.connection.market != "" {
		req.Header.Set("X-MARKET", k.connection.market)
	}
	if q.patient {
		req.Header.Set("X-EXTENDED-TIMEOUT", strconv.FormatInt(extended.Milliseconds(), 10))
	}
	k.connection.authorize(req, time.Now())
	return req, nil
}

// query writes the parameters in the order of their names.
func query(params []param) string {
	params = slices.Clone(params)
	slices.SortStableFunc(params, func(a, b param) int { return strings.Compare(a.name, b.name) })
	list := make([]string, len(params))
	for i, p := range params {
		list[i] = escape(p.name) + "=" + escape(p.value)
	}
	return strings.Join(list, "&")
}

// escape writes a value as the documents do: %20 for a space, a colon as it is.
func escape(s string) string {
	return strings.NewReplacer("+", "%20", "%3A", ":").Replace(url.QueryEscape(s))
}

func (b budgets) all() []*budget.Account {
	if b.rocket == nil {
		return []*budget.Account{b.provider, b.vendor}
	}
	return []*budget.Account{b.provider, b.vendor, b.rocket}
}

// describe names a call for error texts, without what is in it: the resource with its sweep, the id, the page, the window.
func describe(label string, c cursor, id string, paged bool) string {
	text := strings.TrimSpace(label + " " + c.Sweep)
	if id != "" {
		text = fmt.Sprintf("%s of id %s", text, id)
	}
	const minute = "2006-01-02T15:04"
	switch from, to := c.From.Format(minute), c.To.Format(minute); {
	case c.From.IsZero() && paged:
		return fmt.Sprintf("%s page %d", text, c.Page+1)
	case c.From.IsZero():
		return text
	case paged:
		return fmt.Sprintf("%s page %d from %s to %s", text, c.Page+1, from, to)
	default:
		return fmt.Sprintf("%s from %s to %s", text, from, to)
	}
}
