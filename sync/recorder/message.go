package recorder

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// mostBody is how many bytes of a body are read to be kept; of a longer one, length and digest are not known either, so
// only that it was longer.
const mostBody = 64 << 20

// request makes a request kept. base is the path of the connection's address.
func (m *masker) request(r *http.Request, base string, body []byte) Request {
	return Request{
		Method: r.Method,
		Path:   m.path(strings.TrimPrefix(r.URL.EscapedPath(), base)),
		Query:  m.query(r.URL.RawQuery),
		Header: m.header(r.Header, true),
		Body:   m.body(r.Header, body, true),
	}
}

// path masks an escaped path by its segments.
func (m *masker) path(escaped string) string {
	segments := strings.Split(escaped, "/")
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		if err != nil {
			plain = s
		}
		if masked := m.free(plain); masked != plain {
			segments[i] = masked
		}
	}
	return oneLine(strings.Join(segments, "/"))
}

func (m *masker) query(raw string) []Pair {
	var list []Pair
	for _, p := range pairsOf(raw) {
		list = append(list, Pair{oneLine(strings.ReplaceAll(m.free(p.Name), "=", "?")), oneLine(m.leaf(p.Name, p.Value, side{request: true}))})
	}
	return list
}

// pairsOf reads a form or query in its order. What cannot be unescaped stays as it is.
func pairsOf(raw string) []Pair {
	var list []Pair
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		list = append(list, Pair{unescaped(name), unescaped(value)})
	}
	return list
}

func unescaped(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// header keeps what says something about the message and not about its transport.
func (m *masker) header(h http.Header, request bool) []Pair {
	var list []Pair
	for name, values := range h {
		if isTransport(name) {
			continue
		}
		for _, v := range values {
			list = append(list, Pair{name, oneLine(m.headerValue(name, v, request))})
		}
	}
	slices.SortStableFunc(list, func(a, b Pair) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func isTransport(name string) bool {
	switch name {
	case "Content-Length", "Connection", "Keep-Alive", "Transfer-Encoding", "Accept-Encoding", "Content-Encoding", "Date", "Trailer", "Upgrade", "Te":
		return true
	}
	return false
}

func (m *masker) headerValue(name, value string, request bool) string {
	switch name {
	case "Authorization", "Proxy-Authorization":
		return m.authorization(value)
	case "Location", "Referer":
		return m.address(value)
	}
	if strings.HasPrefix(name, "X-") {
		return m.leaf(strings.TrimPrefix(name, "X-"), value, side{request: request, depth: 1})
	}
	if mark := m.mark(name, side{request: request, depth: 1}); mark != "" {
		return mark
	}
	return m.within(m.redact(value), 0)
}

// authorization keeps the scheme and the names of its parameters: "CEA algorithm=HmacSHA256, access-key=[secret], …".
func (m *masker) authorization(value string) string {
	scheme, rest, found := strings.Cut(value, " ")
	if !found {
		return secretMark
	}
	if !strings.Contains(rest, "=") || !strings.ContainsAny(rest, ", ") {
		return m.redact(scheme) + " " + secretMark
	}
	parts := strings.Split(rest, ",")
	for i, part := range parts {
		space := part[:len(part)-len(strings.TrimLeft(part, " "))]
		name, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case isVolatileName(name):
			v = volatileMark
		case squashed(name) != "algorithm" && squashed(name) != "realm" && squashed(name) != "version":
			v = secretMark
		default:
			v = m.free(v)
		}
		parts[i] = space + m.free(name) + "=" + v
	}
	return m.redact(scheme) + " " + strings.Join(parts, ",")
}

// address keeps where a redirect leads, with its query masked.
func (m *masker) address(value string) string {
	before, query, found := strings.Cut(value, "?")
	before = m.path(before)
	if !found {
		return before
	}
	var parts []string
	for _, p := range m.query(query) {
		parts = append(parts, p.Name+"="+p.Value)
	}
	return before + "?" + strings.Join(parts, "&")
}

// body makes a body kept.
func (m *masker) body(h http.Header, data []byte, request bool) Body {
	data, err := unpacked(h, data)
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	kept := Body{Form: NoBody, Size: len(data)}
	switch {
	case len(data) == 0:
		return kept
	case err != nil || !readable(data):
		kept.Form, kept.Digest = Omitted, digest(data)
		return kept
	}
	m = m.looking(string(data))
	content, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	at := side{request: request}
	if content == "application/x-www-form-urlencoded" {
		return kept.with(URLEncoded, m.form(string(data), at))
	}
	if tree, err := parse(data); err == nil {
		m.tree("", tree, at)
		return kept.with(JSON, tree)
	}
	kept.Form, kept.Text = Plain, m.prose(string(data))
	if masked := m.within(string(data), 0); masked != string(data) && kept.Text == string(data) {
		kept.Text = masked // all of it is encoded
	}
	return kept
}

func (b Body) with(form Form, tree *node) Body {
	b.Form, b.tree, b.Text = form, tree, tree.indented()
	return b
}

// form makes an object of a form; values that are JSON become part of it.
func (m *masker) form(data string, at side) *node {
	n := &node{kind: object}
	for _, p := range pairsOf(data) {
		value := textNode(p.Value)
		if inside, err := parse([]byte(p.Value)); err == nil && looksLikeJSON(p.Value) && m.mark(p.Name, at) == "" {
			value = inside
			m.tree(p.Name, value, at.within())
		} else {
			value.text = m.leaf(p.Name, p.Value, at)
		}
		n.members = append(n.members, member{m.free(p.Name), value})
	}
	return n
}

var errPacked = errors.New("the body is in an encoding that cannot be read")

// unpacked decompresses a body as the client will.
func unpacked(h http.Header, data []byte) ([]byte, error) {
	switch strings.ToLower(h.Get("Content-Encoding")) {
	case "", "identity":
		return data, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return data, err
		}
		plain, err := io.ReadAll(io.LimitReader(z, mostBody))
		if err != nil {
			return data, err
		}
		return plain, nil
	}
	return data, errPacked
}

// oneLine escapes what would end a line of the file.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xFFFD {
			return '?'
		}
		return r
	}, s)
}
