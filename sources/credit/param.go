package credit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"milkrun/sync/secret"
)

// pair is one parameter of a request.
type pair struct {
	name  string
	value any // string or a whole number
}

func (p pair) text() string {
	if s, ok := p.value.(string); ok {
		return s
	}
	return fmt.Sprint(p.value)
}

// object writes pairs as a JSON object, in their order.
func object(pairs []pair) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	write := func(v any) {
		_ = e.Encode(v) // texts and numbers: cannot fail
		b.Truncate(b.Len() - 1)
	}
	b.WriteByte('{')
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte(',')
		}
		write(p.name)
		b.WriteByte(':')
		write(p.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// write returns pairs as the body of a request, the way the connection says.
func (c *Connection) write(pairs []pair) (content string, body []byte) {
	const form = "application/x-www-form-urlencoded"
	if c.body != bodyForm {
		return "application/json", object(pairs)
	}
	values := url.Values{}
	if c.formField != "" {
		values.Set(c.formField, string(object(pairs)))
		return form, []byte(values.Encode())
	}
	for _, p := range pairs {
		values.Set(p.name, p.text())
	}
	return form, []byte(values.Encode())
}

// param is one parameter of an operation of the account: what it is called, which value it has, and whether that is
// transformed.
type param struct {
	name, value string
	transformed bool
}

func paramValues() []string { return []string{"accessid", "username", "pwd", "oldPwd", "newPwd"} }

// parseParam reads "pwd", "pwd:enc" or "name=pwd:enc".
func parseParam(text string) (param, error) {
	rest, enc := strings.CutSuffix(text, ":enc")
	name, value, named := strings.Cut(rest, "=")
	if !named {
		value = name
	}
	if name == "" || !slices.Contains(paramValues(), value) {
		return param{}, fmt.Errorf("%q is no parameter; there are %s", text, strings.Join(paramValues(), ", "))
	}
	return param{name, value, enc}, nil
}

// number reads a whole number that may be written as a text.
func number(v any) (int64, bool) {
	switch v := v.(type) {
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	case string:
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// texts wraps values as secrets, for cutting them out of error texts; empty ones are left out.
func texts(values ...string) []secret.Secret {
	var list []secret.Secret
	for _, v := range values {
		if v != "" {
			list = append(list, secret.New(v))
		}
	}
	return list
}
