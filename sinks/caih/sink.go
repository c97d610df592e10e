package caih

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/secret"
	"milkrun/sync/transport"
)

var (
	_ feed.Sink      = (*sink)(nil)
	_ feed.Opaque    = (*sink)(nil)
	_ feed.Rationed  = (*sink)(nil)
	_ feed.Preparer  = (*sink)(nil)
	_ feed.Previewer = (*sink)(nil)
)

// sink sends messages. It is safe for concurrent use.
type sink struct {
	*settings
	label  string // of the connection
	client *transport.Client
	ledger kind.Ledger
	zone   *time.Location // of the job: quiet hours, and the day of the cap
}

// Prepare checks that the columns are there.
func (s *sink) Prepare(_ context.Context, c *feed.Columns) error {
	if missing := s.missing(c); len(missing) > 0 {
		return s.columnsError(c, missing)
	}
	return nil
}

// Deliver is not how messages are sent: see DeliverOnce.
func (s *sink) Deliver(context.Context, feed.Batch) ([]feed.Rejection, error) {
	return nil, feed.Errorf(feed.Fail, "once", "%s: messages are sent once, under an id", s.label)
}

// Check returns the records that break a rule of the partner, with a code each: bad_phone, empty_variable, …
func (s *sink) Check(b feed.Batch) (list []feed.Rejection) {
	if b.Len() == 0 {
		return nil
	}
	p := s.place(b.Columns)
	for i := range b.Len() {
		_, err := s.compose(p, b.Row(i))
		if w, broken := errors.AsType[*wrong](err); broken {
			list = append(list, feed.Rejection{Row: i, Code: w.code, Reason: w.text})
		}
	}
	return list
}

// Room says how many messages may be sent now: none in quiet hours, and no more than the day's cap has left.
func (s *sink) Room(ctx context.Context, n int) (int, error) {
	now := time.Now()
	if err := s.awake(now); err != nil {
		return 0, err
	}
	if s.connection.cap == 0 || s.ledger == nil {
		return n, nil
	}
	used, err := s.ledger.Used(ctx, s.day(now))
	if err != nil {
		return 0, err
	}
	if used >= s.connection.cap {
		return 0, s.spent(now)
	}
	return min(n, s.connection.cap-used), nil
}

// awake is an error in quiet hours. They are those at which the message would arrive.
func (s *sink) awake(now time.Time) error {
	at, err := s.sendAt(now)
	if err != nil {
		return err
	}
	if at.IsZero() {
		at = now
	}
	until := s.connection.quiet.until(at.In(s.zone))
	if until.IsZero() {
		return nil
	}
	return s.waits("quiet", until, "quiet of the connection says when nothing is sent", "%s: quiet hours until %s", s.label, until.Format("2006-01-02 15:04 MST"))
}

// spent is the error that the day's cap is reached.
func (s *sink) spent(now time.Time) error {
	local := now.In(s.zone)
	until := time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, s.zone)
	return s.waits("cap", until, "daily_cap of the connection is the most a day of all its jobs", "%s: the daily cap of %d messages is reached until %s", s.label, s.connection.cap, until.Format("2006-01-02 15:04 MST"))
}

// waits is the error of a rule that says not until then; setting is where it stands.
func (s *sink) waits(code string, until time.Time, setting, format string, args ...any) error {
	e := feed.Errorf(feed.Fail, code, format, args...).WithRemedy("nothing needs to be done: the next run from then on sends the rest\n%s", setting)
	e.Until = until
	return e
}

func (s *sink) day(t time.Time) string { return t.In(s.zone).Format(time.DateOnly) }

// DeliverOnce sends records in one call with uid = id. They are counted against the cap, and noted as addressees, before.
// Errors: Refuse for a parameter that the partner does not take, HaltJob and HaltConnection for its other codes, Unsent for
// what never left; Retry without Unsent for an outcome that nobody knows, which an unknown code is too.
func (s *sink) DeliverOnce(ctx context.Context, id string, b feed.Batch) (feed.Receipt, error) {
	list, err := s.groups(b)
	switch {
	case err != nil:
		return feed.Receipt{}, err
	case len(list) == 0:
		return feed.Receipt{}, nil
	case len(list) > maxNumbers:
		return feed.Receipt{}, feed.Errorf(feed.Fail, "batch", "a batch of %d records is above %s", len(list), s.Limits().Rule)
	}
	now := time.Now()
	if err := s.book(ctx, now, id, list); err != nil {
		return feed.Receipt{}, err
	}
	receipt, err := s.call(ctx, id, list)
	err = discreet(err, id, list)
	if known := feed.Judge(err); err != nil && (known.Unsent || known.Verdict != feed.Retry) {
		err = errors.Join(err, s.unbook(context.WithoutCancel(ctx), now, len(list)))
	}
	return receipt, err
}

// book counts messages and notes to whom they go. Its errors promise that nothing was sent.
func (s *sink) book(ctx context.Context, now time.Time, id string, list []group) error {
	if err := s.awake(now); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &feed.Error{Unsent: true, Err: fmt.Errorf("%s: %w", s.label, context.Cause(ctx))}
	}
	if s.ledger == nil {
		return nil
	}
	unsent := func(err error) error {
		return &feed.Error{Verdict: feed.Fail, Code: "state", Unsent: true, Err: fmt.Errorf("%s: before anything was sent: %w", s.label, err)}
	}
	if s.connection.cap > 0 {
		_, taken, err := s.ledger.Take(ctx, s.day(now), len(list), s.connection.cap)
		if err != nil {
			return unsent(err)
		}
		if !taken {
			return s.spent(now)
		}
	}
	if err := s.ledger.Note(ctx, id, addressees(newPeople(s.connection.token), list)); err != nil {
		return errors.Join(unsent(err), s.unbook(context.WithoutCancel(ctx), now, len(list)))
	}
	return nil
}

func (s *sink) unbook(ctx context.Context, now time.Time, n int) error {
	if s.ledger == nil || s.connection.cap == 0 {
		return nil
	}
	return s.ledger.GiveBack(ctx, s.day(now), n)
}

// call sends the messages, and once more with a new timestamp when the partner does not accept the password.
func (s *sink) call(ctx context.Context, id string, list []group) (feed.Receipt, error) {
	receipt, err := s.post(ctx, id, list)
	if denied := (*unauthorised)(nil); errors.As(err, &denied) && ctx.Err() == nil {
		receipt, err = s.post(ctx, id, list)
	}
	return receipt, err
}

// post sends the messages in one request.
func (s *sink) post(ctx context.Context, id string, list []group) (feed.Receipt, error) {
	c := s.connection
	secrets := []secret.Secret{c.account, c.appID, c.token, {}}
	var sent progress
	call := transport.Call{
		Op: fmt.Sprintf("%s: %s of %s, uid %s", s.label, s.resource, messages(len(list)), id),
		Build: func(ctx context.Context) (*http.Request, error) {
			sent.built.Store(true)
			stamp := time.Now().In(shanghai()).Format(stampLayout)
			secrets[len(secrets)-1] = secret.New(password(c.token, stamp)) // the answer must not tell it either
			return s.request(ctx, s.body(id, stamp, list))
		},
		Secrets: secrets,
	}
	response, err := s.client.Do(sent.trace(ctx), call)
	if err != nil {
		return feed.Receipt{}, sent.judge(err)
	}
	return judge(call, response, s.resource, id, len(list))
}

func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}

func (s *sink) request(ctx context.Context, body any) (*http.Request, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.connection.URL()+"/"+s.resource, bytes.NewReader(bytes.TrimSpace(text.Bytes())))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json;charset=utf-8")
	req.Header.Set("Accept", "application/json")
	req.Close = true // a connection that the partner closes while it is used again would leave a doubt
	return req, nil
}

// message is the body of a call. The document does not say which fields are required: these are those of its samples (F6).
type message struct {
	Account   string `json:"account"`
	Password  string `json:"password"`
	AppID     string `json:"appId"`
	Timestamp string `json:"timestamp"`
	Phone     string `json:"phone,omitempty"`
	Params    string `json:"params,omitempty"`
	Content   string `json:"content"`
	SendTime  string `json:"sendtime,omitempty"`
	Extend    string `json:"extend,omitempty"`
	UID       string `json:"uid"`
	BatchID   string `json:"batchid,omitempty"`
}

func (s *sink) body(id, stamp string, list []group) message {
	c := s.connection
	m := message{Account: c.account.Reveal(), Password: password(c.token, stamp), AppID: c.appID.Reveal(), Timestamp: stamp,
		Content: s.head() + s.content, Extend: s.extend, UID: id, BatchID: s.batchID}
	if at, err := s.sendAt(time.Now()); err == nil && !at.IsZero() {
		m.SendTime = at.In(shanghai()).Format(timeLayout)
	}
	if s.resource == "varsms" {
		m.Params = params(list)
	} else {
		m.Phone = phones(list)
	}
	return m
}

// progress is how far a request came: what never had a connection cannot have been sent. Without a real network nothing is
// known, and nothing is promised.
type progress struct{ built, asked, connected atomic.Bool }

func (p *progress) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { p.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { p.connected.Store(true) },
	})
}

// judge adds to an error of the transport whether the request ever left. That there were too many is said before anything
// is done about a request.
func (p *progress) judge(err error) error {
	e, ok := errors.AsType[*feed.Error](err)
	if !ok {
		return err
	}
	judged := *e
	judged.Unsent = e.Unsent || !p.built.Load() || p.asked.Load() && !p.connected.Load() || e.Code == "HTTP 429"
	if !judged.Unsent && judged.Verdict == feed.Retry {
		judged.Remedy = ""
	}
	return &judged
}
