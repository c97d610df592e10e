package credit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"milkrun/sync/envelope"
	"milkrun/sync/feed"
	"milkrun/sync/secret"
	"milkrun/sync/transport"
)

// reply is an answer of an operation of the account.
type reply map[string]any

// find returns the value at a dotted path, or of its last part beside data (E1); nil when there is neither.
func (r reply) find(path string) any {
	if path == "" {
		return nil
	}
	var v any = map[string]any(r)
	parts := strings.Split(path, ".")
	for _, part := range parts {
		m, ok := v.(map[string]any)
		if !ok {
			v = nil
			break
		}
		v = m[part]
	}
	if v == nil && len(parts) > 1 {
		v = r[parts[len(parts)-1]]
	}
	return v
}

func (r reply) text(path string) string {
	switch v := r.find(path).(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	}
	return ""
}

// operate calls an operation of the account, in clear: the operations that fetch keys cannot be encrypted with them.
func (c *Connection) operate(ctx context.Context, client *transport.Client, label, op, method string, pairs []pair, secrets []secret.Secret) (reply, error) {
	call := transport.Call{Op: label + ": " + op, Secrets: secrets, Build: func(ctx context.Context) (*http.Request, error) {
		return c.accountRequest(ctx, op, method, pairs)
	}}
	r, err := client.Do(ctx, call)
	if err != nil {
		return nil, err
	}
	return readReply(call, r)
}

func (c *Connection) accountRequest(ctx context.Context, op, method string, pairs []pair) (*http.Request, error) {
	address := c.address(c.account.path, op)
	content, body := c.write(pairs)
	if method == http.MethodGet {
		query := url.Values{}
		for _, p := range pairs {
			query.Set(p.name, p.text())
		}
		address, body = address+"?"+query.Encode(), nil
	}
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if method != http.MethodGet {
		req.Header.Set("Content-Type", content+"; charset=UTF-8")
	}
	req.Header.Set("Accept", "application/json")
	return req, nil
}

// address is where an operation is.
func (c *Connection) address(path, op string) string {
	return strings.NewReplacer("{base}", c.URL(), "{op}", op).Replace(path)
}

// readReply reads {msg, result, data}; nothing but result 1 is success.
func readReply(call transport.Call, r transport.Response) (reply, error) {
	d := json.NewDecoder(bytes.NewReader(r.Body))
	d.UseNumber()
	var body reply
	err := d.Decode(&body)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the JSON")
		}
	}
	if err != nil || body == nil {
		return nil, call.Unreadable(r, err)
	}
	if n, ok := number(body["result"]); ok && n == 1 {
		return body, nil
	}
	a, err := decode(r.Body, window{}, digitsOff)
	if err != nil {
		return nil, call.Unreadable(r, err)
	}
	return nil, (query{Call: call}).failure(a)
}

// values are what the parameters of account operations can hold.
type values map[string]secret.Secret

// params makes the parameters of an operation of the account. Everything that goes out, also transformed, is among the secrets.
func (c *Connection) params(list []string, v values, key *envelope.Public) ([]pair, []secret.Secret, error) {
	var pairs []pair
	var secrets []secret.Secret
	for _, text := range list {
		p, err := parseParam(text)
		if err != nil {
			return nil, nil, err
		}
		value := v[p.value].Reveal()
		secrets = append(secrets, texts(value)...)
		if p.transformed {
			if value, err = c.envelope.Transform(c.account.pwdTransform, key, value); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", p.name, err)
			}
			secrets = append(secrets, texts(value)...)
		}
		pairs = append(pairs, pair{p.name, value})
	}
	return pairs, secrets, nil
}

// who are the values of every account operation.
func (c *Connection) who(password secret.Secret) values {
	return values{"accessid": c.accessID, "username": c.username, "pwd": password}
}

func (c *Connection) fetchKey(ctx context.Context, client *transport.Client, label string) (*envelope.Public, string, error) {
	o := c.account.publicKey
	pairs, secrets, err := c.params(o.params, c.who(c.inForce()), nil)
	if err != nil {
		return nil, "", wrongKeys(label, err)
	}
	answer, err := c.operate(ctx, client, label, o.op, o.method, pairs, secrets)
	if err != nil {
		return nil, "", err
	}
	key, err := envelope.ParsePublic(answer.text(o.field), o.format)
	if err != nil {
		return nil, "", feed.Errorf(feed.Retry, "public key", "%s: %s: %s: %w", label, o.op, o.field, err).
			WithRemedy(transport.TriedAgain + "compare account.public_key.field and format with the platform's document")
	}
	return key, cmp.Or(answer.text(o.idField), key.ID()) + " " + key.ID(), nil
}

func (c *Connection) fetchToken(ctx context.Context, client *transport.Client, label string, key *envelope.Public) (t token, err error) {
	o := c.account.token
	pairs, secrets, err := c.params(o.params, c.who(c.inForce()), key)
	if err != nil {
		return t, wrongKeys(label, err)
	}
	answer, err := c.operate(ctx, client, label, o.op, http.MethodPost, pairs, secrets)
	if err != nil {
		return t, err
	}
	value := answer.text(o.field)
	if value == "" {
		return t, feed.Errorf(feed.Retry, "token", "%s: %s: the answer has no %s", label, o.op, o.field).
			WithRemedy(transport.TriedAgain + "compare account.token.field with the platform's document")
	}
	life := o.ttl
	if seconds, ok := number(answer.find(o.expiresField)); ok && seconds > 0 {
		life = time.Duration(min(seconds, 10*365*24*3600)) * time.Second
	}
	now := time.Now()
	// A token that lives shorter than refresh_before is used for half of its life.
	return token{secret.New(value), now.Add(life), now.Add(max(life-o.refreshBefore, life/2))}, nil
}

// wantsToken says whether an answer asks for another token.
func (o *tokenOp) wantsToken(a answered) bool {
	if !o.given || a.result == "1" {
		return false
	}
	return slices.ContainsFunc(o.errors, func(word string) bool {
		return word != "" && (a.result == word || a.code == word || strings.Contains(strings.ToLower(a.msg), strings.ToLower(word)))
	})
}
