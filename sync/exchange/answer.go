package exchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/transport"
)

// Answer is the object a partner answered with, its code being success. Every other code is a *feed.Error:
//
//	401, 403      HaltConnection
//	429           Retry
//	other 4xx     Refuse
//	5xx           Retry
//	anything else HaltJob: an unknown code is never success
//
// What is no JSON object with one code is HaltJob too, except an answer that is empty, HTML or cut off: Retry.
type Answer struct {
	Size   int // of the body in bytes
	fields map[string]json.RawMessage
}

// Field returns the JSON of a member, nil when it is missing or null.
func (a Answer) Field(name string) json.RawMessage {
	if raw := a.fields[name]; string(raw) != "null" {
		return raw
	}
	return nil
}

// Int returns a member that is a whole number of at least zero, written as a number or a text; ok is false for all else.
func (a Answer) Int(name string) (n int64, ok bool) {
	text, ok := numeral(a.Field(name))
	n, err := strconv.ParseInt(text, 10, 64)
	return n, ok && err == nil && n >= 0
}

// read takes the answer of a call apart and judges its code.
func (c *Connection) read(call transport.Call, r transport.Response) (Answer, error) {
	a, err := parse(r.Body)
	if err != nil {
		unreadable := call.Unreadable(r, err)
		if transport.Passing(r.Body, err) {
			return a, unreadable
		}
		return a, ambiguous("%w", unreadable)
	}
	code, ok := numeral(a.Field("code"))
	if !ok {
		return a, Ambiguous(call.Op, "it has no code")
	}
	if slices.Contains(c.okCodes, code) {
		return a, nil
	}
	var message string
	_ = json.Unmarshal(a.Field("message"), &message) // a message that is no text is left out
	return a, refusal(call.Op, c.Code(code), c.Said(message))
}

func refusal(op, code, message string) error {
	e := feed.Errorf(verdict(code), code, "%s: the partner answers with the code %s: %s", op, code, message)
	switch e.Verdict {
	case feed.Retry:
		return e.WithRemedy(transport.TriedAgain + "ask the partner what it means")
	case feed.Refuse:
		return e.WithRemedy("a batch is halved until the record to blame is found, which becomes a dead letter")
	case feed.HaltConnection:
		return e.WithRemedy("check the token or the HMAC key, and whether the partner admits this machine; then resume the connection")
	case feed.HaltJob:
		return e.WithRemedy("ask the partner what the code means; if it means success, add it to ok_codes of the connection; then resume the job")
	}
	return e
}

func verdict(code string) feed.Verdict {
	n, err := strconv.Atoi(code)
	switch {
	case err != nil || len(code) != 3:
		return feed.HaltJob
	case n == 401 || n == 403:
		return feed.HaltConnection
	case n == 429, n/100 == 5:
		return feed.Retry
	case n/100 == 4:
		return feed.Refuse
	}
	return feed.HaltJob
}

// Ambiguous is the error for an answer that says neither yes nor no. Format says what is wrong with it.
func Ambiguous(op, format string, args ...any) *feed.Error {
	return ambiguous("%s: the answer is not what was agreed: %s", op, fmt.Sprintf(format, args...))
}

func ambiguous(format string, args ...any) *feed.Error {
	return feed.Errorf(feed.HaltJob, "ambiguous", format, args...).
		WithRemedy("ask the partner what was done; resuming the job repeats the call, which is safe: records are kept by key")
}

// numeral returns a JSON number or text as text.
func numeral(raw json.RawMessage) (string, bool) {
	if len(raw) > 0 && (raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9') {
		return string(raw), true
	}
	text, err := Text(raw)
	return strings.TrimSpace(text), err == nil
}

// parse reads one JSON object, and no key twice.
func parse(body []byte) (Answer, error) {
	a := Answer{Size: len(body), fields: map[string]json.RawMessage{}}
	d := json.NewDecoder(bytes.NewReader(body))
	var object json.RawMessage
	if err := d.Decode(&object); err != nil {
		return a, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return a, errors.New("something follows the JSON value")
	}
	if object[0] != '{' {
		return a, errors.New("it is no JSON object")
	}
	for key, value := range Members(object) {
		name, err := Text(key)
		if err != nil {
			return a, err
		}
		if _, twice := a.fields[name]; twice {
			return a, errors.New("it has the key " + name + " twice")
		}
		a.fields[name] = value
	}
	return a, nil
}
