package recorder

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// deepest is how far JSON may be nested to be read as such.
const deepest = 100

// node is a JSON value. Objects keep the order of their members and members that come twice; numbers keep their digits.
type node struct {
	kind    kind
	text    string // of a string, a number or a word, unquoted
	members []member
	items   []*node
}

type member struct {
	name  string
	value *node
}

// kind is what a JSON value is, as a person calls it.
type kind string

const (
	object kind = "object"
	list   kind = "list"
	text   kind = "text"
	number kind = "number"
	truth  kind = "true or false"
	null   kind = "null"
)

func textNode(s string) *node { return &node{kind: text, text: s} }

var errDeep = errors.New("the JSON is nested too deeply")

// parse reads one JSON value and nothing behind it.
func parse(data []byte) (*node, error) {
	if !json.Valid(data) { // a decoder of tokens lets some through that is none
		return nil, errors.New("this is no JSON")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return parseNext(d, 0)
}

func parseNext(d *json.Decoder, depth int) (*node, error) {
	if depth > deepest {
		return nil, errDeep
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return parseObject(d, depth)
		}
		return parseList(d, depth)
	case string:
		return textNode(t), nil
	case json.Number:
		return &node{kind: number, text: t.String()}, nil
	case bool:
		return &node{kind: truth, text: map[bool]string{true: "true", false: "false"}[t]}, nil
	}
	return &node{kind: null, text: "null"}, nil
}

func parseObject(d *json.Decoder, depth int) (*node, error) {
	n := &node{kind: object}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := parseNext(d, depth+1)
		if err != nil {
			return nil, err
		}
		key, _ := name.(string)
		n.members = append(n.members, member{key, value})
	}
	_, err := d.Token()
	return n, err
}

func parseList(d *json.Decoder, depth int) (*node, error) {
	n := &node{kind: list}
	for d.More() {
		value, err := parseNext(d, depth+1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, value)
	}
	_, err := d.Token()
	return n, err
}

// looksLikeJSON says whether a text is worth reading as an object or list.
func looksLikeJSON(s string) bool {
	s = strings.TrimSpace(s)
	return len(s) > 1 && (s[0] == '{' && s[len(s)-1] == '}' || s[0] == '[' && s[len(s)-1] == ']')
}

// compact writes the value on one line.
func (n *node) compact() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *node) write(b *strings.Builder) {
	switch n.kind {
	case object:
		b.WriteByte('{')
		for i, m := range n.members {
			comma(b, i)
			quote(b, m.name)
			b.WriteByte(':')
			m.value.write(b)
		}
		b.WriteByte('}')
	case list:
		b.WriteByte('[')
		for i, item := range n.items {
			comma(b, i)
			item.write(b)
		}
		b.WriteByte(']')
	case text:
		quote(b, n.text)
	default:
		b.WriteString(n.text)
	}
}

func comma(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}

// quote writes a JSON string that is as readable as may be.
func quote(b *strings.Builder, s string) {
	e := json.NewEncoder(trimmed{b})
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
}

// trimmed leaves out the line break that json.Encoder ends with.
type trimmed struct{ to *strings.Builder }

// Write implements [io.Writer].
func (t trimmed) Write(p []byte) (int, error) {
	_, err := t.to.Write(bytes.TrimSuffix(p, []byte("\n")))
	return len(p), err
}

var _ io.Writer = trimmed{}

// indented writes the value on many lines, for people.
func (n *node) indented() string {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(n.compact()), "", "  "); err != nil {
		return n.compact() // what we write is JSON
	}
	return b.String()
}

// byName are the members of an object, of each name in their order.
func (n *node) byName() map[string][]*node {
	all := make(map[string][]*node, len(n.members))
	for _, m := range n.members {
		all[m.name] = append(all[m.name], m.value)
	}
	return all
}
