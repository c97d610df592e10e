package exchange

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"milkrun/sync/exchange"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
)

var (
	_ kind.Sink      = (*settings)(nil)
	_ feed.Sink      = (*sink)(nil)
	_ feed.Preparer  = (*sink)(nil)
	_ feed.Previewer = (*sink)(nil)
	_ feed.Keyed     = (*sink)(nil)
)

// settings are the keys of a sink on an exchange connection.
type settings struct {
	exchange.Interface
	connection kind.Connection
}

// NewSink returns the settings of a sink on a connection made by [exchange.NewConnection].
func NewSink(c kind.Connection) kind.Sink {
	return &settings{Interface: exchange.NewInterface(), connection: c}
}

// Limits returns the default; the agreement has no limit.
func (s *settings) Limits() kind.Limits { return kind.Limits{Default: 1000} }

// Open returns the sink. Nothing is sent.
func (s *settings) Open(_ context.Context, env kind.Env) (feed.Sink, error) {
	c, err := exchange.Of(s.connection, env)
	if err != nil {
		return nil, err
	}
	local := env.Location
	if local == nil {
		local = time.Local
	}
	mode := "incremental"
	if env.Full {
		mode = "full"
	}
	return &sink{settings: s, connection: c, label: env.Connection, purpose: cmp.Or(env.Purpose, c.Purpose), base: env.RoundTripper, local: local,
		mode: mode, run: rand.Text()}, nil
}

// sink delivers to one interface. It is safe for concurrent use.
type sink struct {
	*settings
	connection *exchange.Connection
	base       http.RoundTripper
	local      *time.Location
	label      string // of the connection
	purpose    string // what it is for: the same as in the audit
	mode, run  string
}

// Prepare checks that every column that map and key name is there.
func (s *sink) Prepare(_ context.Context, c *feed.Columns) error {
	_, err := s.plan(c)
	return err
}

// OrderedBy implements [feed.Keyed]: the partner keeps the record of a key that came last.
func (s *sink) OrderedBy() []string { return s.Key }

// Deliver validates and encodes the records, and sends those that are fit in one call; none when there are none. What is
// rejected here carries the column's name as its code, what the partner rejects the partner's code. Errors: those of
// [exchange.Answer] and the transport's, but Refuse for HTTP 400, 413 and 422; HaltJob for an answer that does not
// account for every record.
func (s *sink) Deliver(ctx context.Context, b feed.Batch) ([]feed.Rejection, error) {
	if b.Len() == 0 {
		return nil, nil
	}
	p, err := s.plan(b.Columns)
	if err != nil {
		return nil, err
	}
	push := s.encode(p, b)
	if len(push.rows) == 0 {
		return push.rejected, nil
	}
	r := s.request(push)
	answer, err := s.connection.Post(ctx, s.base, r)
	if err != nil {
		return nil, refused(err)
	}
	theirs, err := s.account(r.Op, answer, push.rows)
	if err != nil {
		return nil, err
	}
	feed.Prove(ctx, feed.Proof{BatchID: push.id, Number: s.receipt(answer), Records: len(push.rows), Rejected: len(theirs)})
	return append(push.rejected, theirs...), nil
}

func (s *sink) request(p push) exchange.Request {
	return exchange.Request{Op: fmt.Sprintf("%s: push of %d records to %s", s.label, len(p.rows), s.Resource), Path: exchange.Path(s.Resource), Body: p.body}
}

// refused turns the HTTP statuses that blame the content of one request from a halt of the connection into Refuse: the
// engine finds the record, or the size, that is to blame.
func refused(err error) error {
	switch judged := feed.Judge(err); judged.Code {
	case "HTTP 400", "HTTP 413", "HTTP 422":
		return feed.Errorf(feed.Refuse, judged.Code, "%w", err)
	}
	return err
}

// receipt is the partner's number for a batch it has taken, "" when it gives none.
func (s *sink) receipt(answer exchange.Answer) string {
	var number any
	if json.Unmarshal(answer.Field("receipt"), &number) != nil {
		return ""
	}
	switch number := number.(type) {
	case string:
		return s.connection.Said(number)
	case float64:
		return string(answer.Field("receipt"))
	}
	return ""
}

// account reads which records the partner rejects. Every record must be accepted or rejected.
func (s *sink) account(op string, answer exchange.Answer, rows []int) ([]feed.Rejection, error) {
	var list []struct {
		Index  *int
		Code   any
		Reason string
	}
	if raw := answer.Field("rejected"); raw != nil {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, exchange.Ambiguous(op, "rejected is no list of {index, code, reason}")
		}
	}
	if answer.Field("accepted") == nil {
		return nil, exchange.Ambiguous(op, "it does not say how many of %d records it accepts (accepted is missing)", len(rows))
	}
	accepted, ok := answer.Int("accepted")
	if !ok || accepted+int64(len(list)) != int64(len(rows)) {
		return nil, exchange.Ambiguous(op, "of %d records it accepts %s and rejects %d", len(rows), s.connection.Said(string(answer.Field("accepted"))), len(list))
	}
	seen := map[int]bool{}
	rejected := make([]feed.Rejection, len(list))
	for i, r := range list {
		if r.Index == nil || *r.Index < 0 || *r.Index >= len(rows) || seen[*r.Index] {
			return nil, exchange.Ambiguous(op, "it rejects a record without an index of its own from 0 to %d", len(rows)-1)
		}
		seen[*r.Index] = true
		rejected[i] = feed.Rejection{Row: rows[*r.Index], Code: "partner", Reason: "the partner gives no reason"}
		if said := s.connection.Said(r.Reason); said != "" {
			rejected[i].Reason = fmt.Sprintf("the partner says: %q", said)
		}
		if r.Code != nil {
			rejected[i].Code = cmp.Or(s.connection.Code(fmt.Sprint(r.Code)), rejected[i].Code)
		}
	}
	return rejected, nil
}
