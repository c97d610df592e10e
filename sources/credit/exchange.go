package credit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"milkrun/sync/envelope"
	"milkrun/sync/feed"
	"milkrun/sync/secret"
	"milkrun/sync/transport"
	"milkrun/sync/transport/scan"
	"milkrun/sync/uscc"
)

// operationCall is one call of an operation of 数据共享.
type operationCall struct {
	label   string // for error texts
	address string
	params  []pair // of the operation; the system's own are added
}

// key tells requests apart.
func (o operationCall) key() string { return o.label + string(object(o.params)) }

// exchange calls an operation with everything the connection wants of it, token and envelope, and returns the answer as if it
// had been sent in clear. A token that is not taken is fetched anew, once. Of a message that cannot be proved nothing is
// returned: the first time its request may be tried again, and the platform's key is fetched before; the second time in a row the
// connection halts.
func (c *Connection) exchange(ctx context.Context, client *transport.Client, o operationCall) (transport.Call, transport.Response, error) {
	token, err := c.login(ctx, client, o.label)
	if err != nil {
		return transport.Call{}, transport.Response{}, err
	}
	call, r, err := c.once(ctx, client, o, token)
	if c.account.token.given && c.expired(r, err) {
		c.logout(ctx, token)
		if token, err = c.login(ctx, client, o.label); err != nil {
			return call, transport.Response{}, err
		}
		call, r, err = c.once(ctx, client, o, token)
	}
	return call, r, err
}

// expired says whether an answer, or the lack of one, is about the token.
func (c *Connection) expired(r transport.Response, err error) bool {
	if err != nil {
		return feed.Judge(err).Code == "HTTP 401"
	}
	return c.account.token.wantsToken(peek(r.Body))
}

// once sends one request.
func (c *Connection) once(ctx context.Context, client *transport.Client, o operationCall, token secret.Secret) (transport.Call, transport.Response, error) {
	var party *envelope.Party
	var key *envelope.Public
	if !c.plain() {
		var err error
		if party, key, err = c.partner(ctx, client, o.label); err != nil {
			return transport.Call{}, transport.Response{}, err
		}
	}
	pwd, err := c.envelope.Transform(c.account.pwdTransform, key, c.inForce().Reveal())
	if err != nil {
		return transport.Call{}, transport.Response{}, wrongKeys(o.label, err)
	}
	var sealed *envelope.Sealed
	call := transport.Call{Op: o.label, Secrets: append(c.secrets(), texts(token.Reveal(), pwd)...), Build: func(ctx context.Context) (*http.Request, error) {
		var pairs []pair
		var err error
		if pairs, sealed, err = c.seal(party, c.system(token, pwd), o.params); err != nil {
			return nil, wrongKeys(o.label, err)
		}
		return c.post(ctx, o.address, pairs, token)
	}}
	r, err := client.Do(ctx, call)
	if err == nil && party != nil {
		err = c.open(ctx, party, o.key(), call, sealed, &r)
	}
	return call, r, err
}

// system are the parameters of every call: accessid, username, and pwd unless a token takes its place (E6).
func (c *Connection) system(token secret.Secret, pwd string) []pair {
	pairs := []pair{{"accessid", c.accessID.Reveal()}, {"username", c.username.Reveal()}}
	if c.account.sendPwd {
		pairs = append(pairs, pair{"pwd", pwd})
	}
	if name, ok := strings.CutPrefix(c.account.token.sendAs, "body:"); ok && !token.Empty() {
		pairs = append(pairs, pair{name, c.account.token.prefix + token.Reveal()})
	}
	return pairs
}

// seal puts what the profile says into the envelope, and leaves the rest beside it.
func (c *Connection) seal(party *envelope.Party, system, params []pair) ([]pair, *envelope.Sealed, error) {
	if party == nil {
		return slices.Concat(system, params), nil, nil
	}
	outside, inside := system, params
	if c.envelope.Mode() == envelope.Whole {
		outside, inside = nil, slices.Concat(system, params)
	}
	sealed, err := party.Seal(object(inside))
	if err != nil {
		return nil, nil, err
	}
	pairs := slices.Clone(outside)
	for _, name := range slices.Sorted(maps.Keys(sealed.Fields)) {
		pairs = append(pairs, pair{name, sealed.Fields[name]})
	}
	return pairs, sealed, nil
}

func (c *Connection) post(ctx context.Context, address string, pairs []pair, token secret.Secret) (*http.Request, error) {
	content, body := c.write(pairs)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", content+"; charset=UTF-8")
	req.Header.Set("Accept", "application/json")
	if name, ok := strings.CutPrefix(c.account.token.sendAs, "header:"); ok && !token.Empty() {
		req.Header.Set(name, c.account.token.prefix+token.Reveal())
	}
	return req, nil
}

// open takes an answer out of the envelope, in place. An answer in clear is taken only when it says that something failed: one
// that says success in clear may be anybody's.
func (c *Connection) open(ctx context.Context, party *envelope.Party, key string, call transport.Call, sealed *envelope.Sealed, r *transport.Response) error {
	var outside map[string]json.RawMessage
	if err := json.Unmarshal(r.Body, &outside); err != nil {
		return call.Unreadable(*r, err)
	}
	fields := map[string]string{}
	for _, name := range c.envelope.FieldNames() {
		if text := plainText(outside[name]); text != "" {
			fields[name] = text
		}
	}
	if a := peek(r.Body); fields[c.envelope.DataField()] == "" && a.failed() {
		if containsAny(a.msg, "解密", "摘要", "密钥", "公钥", "签名", "验签") {
			c.forgetKey(ctx) // it may be ours that is old
		}
		return nil
	}
	plain, _, err := party.Open(fields, sealed)
	if err != nil {
		*r = transport.Response{}
		return c.incident(ctx, call.Op, key, err)
	}
	c.sound(key)
	if !json.Valid(plain) {
		r.Body = plain
		return call.Unreadable(*r, errors.New("what was decrypted is not JSON"))
	}
	if c.envelope.Mode() == envelope.Whole {
		r.Body = plain
		return nil
	}
	for _, name := range c.envelope.FieldNames() {
		delete(outside, name)
	}
	outside["data"] = plain
	r.Body, err = json.Marshal(outside)
	return err
}

// inEnvelope says whether an answer, or its data, is encrypted.
func (c *Connection) inEnvelope(body []byte) bool {
	var outside map[string]json.RawMessage
	return json.Unmarshal(body, &outside) == nil && plainText(outside[c.envelope.DataField()]) != ""
}

// plainText is a JSON text or number as text, "" for everything else.
func plainText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	return ""
}

// incident is the error of a message that was not proved.
func (c *Connection) incident(ctx context.Context, op, key string, err error) error {
	code := envelope.CodeMissing
	var f *envelope.Fault
	if errors.As(err, &f) {
		code = f.Code
	}
	c.forgetKey(ctx)
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	if !c.session.faults[key] {
		c.session.faults[key] = true
		return feed.Errorf(feed.Retry, code, "%s: the answer was thrown away: %w", op, err).
			WithRemedy(transport.TriedAgain + "the connection halts: compare keys and algorithms of envelope with the platform's")
	}
	delete(c.session.faults, key)
	return feed.Errorf(feed.HaltConnection, code, "%s: the answer was thrown away, the second time in a row: %w", op, err).
		WithRemedy("this may be an attack: ask the platform whether it changed keys or algorithms, and who is between it and here; then resume the connection")
}

// sound says that a message was proved.
func (c *Connection) sound(key string) {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	delete(c.session.faults, key)
}

// answered is what an answer says of itself.
type answered struct{ result, code, msg string }

func (a answered) failed() bool { return a.result != "" && a.result != "1" }

// peek reads result, code and msg; what cannot be read is empty.
func peek(body []byte) (a answered) {
	s := scan.New(body)
	if s.Peek() != '{' {
		return a
	}
	for ok := s.Open('{'); ok; ok = s.More('}') {
		name := s.Key()
		value, form := s.Value()
		if form != scan.Text && form != scan.Number {
			continue
		}
		switch name {
		case "result":
			a.result = uscc.Trim(value)
		case "code", "errorcode":
			a.code = uscc.Trim(value)
		case "msg", "message":
			a.msg = value
		}
	}
	return a
}
