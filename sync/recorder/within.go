package recorder

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"milkrun/sync/mask"
)

const (
	// nesting is how many encodings are seen through, one inside the other.
	nesting = 3
	// shortest is how many characters an encoded text has at least: shorter words are encoded by accident.
	shortest = 12
	// opaqueBytes is from how many bytes on what nobody can read is kept as a digest. Shorter ones are keys of pages,
	// digests and the like.
	opaqueBytes = 256
)

var (
	hexText    = regexp.MustCompile(`^([0-9a-f]{2})+$|^([0-9A-F]{2})+$`)
	base64Text = regexp.MustCompile(`^[A-Za-z0-9+/]+={0,2}$|^[A-Za-z0-9_-]+={0,2}$`)
	percent    = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
)

// within masks a text by what it looks like, and what is encoded in it.
func (m *masker) within(value string, deep int) string {
	if deep < nesting {
		if masked, ok := m.document(value, deep); ok {
			return masked
		}
		for _, code := range codes() {
			if masked, ok := m.encoded(value, code, deep); ok {
				return masked
			}
		}
		value = m.words(value, deep)
	}
	return m.free(value)
}

// word is a part of a text that may be encoded by itself.
var word = regexp.MustCompile(`[A-Za-z0-9%+/=_.~-]+`)

// words masks what is encoded in the words of a text.
func (m *masker) words(value string, deep int) string {
	return word.ReplaceAllStringFunc(value, func(w string) string {
		if len(w) < shortest || w == value {
			return w
		}
		for _, code := range codes() {
			if masked, ok := m.encoded(w, code, deep); ok {
				return masked
			}
		}
		return w
	})
}

// document masks JSON and forms that are written in a text.
func (m *masker) document(value string, deep int) (string, bool) {
	if !looksLikeJSON(value) {
		return "", false
	}
	n, err := parse([]byte(value))
	if err != nil {
		return "", false
	}
	before := n.compact()
	(&inner{m, deep + 1}).tree("", n)
	if after := n.compact(); after != before {
		return after, true
	}
	return value, true
}

// inner masks a document inside a text: none of its fields is one of the request itself.
type inner struct {
	*masker
	deep int
}

func (m *inner) tree(name string, n *node) {
	switch n.kind {
	case object:
		for i := range n.members {
			e := &n.members[i]
			m.tree(e.name, e.value)
			e.name = m.free(e.name)
		}
	case list:
		for _, item := range n.items {
			m.tree(name, item)
		}
	case text:
		_, personal := m.rule(name)
		if n.text != "" && !personal && m.mark(name, side{depth: 2}) == "" && !m.nature(name).groups && !(m.nature(name).id && cardByChance(n.text)) {
			n.text = m.within(m.redact(n.text), m.deep)
			return
		}
		n.text = m.leaf(name, n.text, side{depth: 2})
	case number:
		*n = *m.digits(name, n, side{depth: 2})
	}
}

// code is a way of writing bytes as text.
type code struct {
	fits   func(string) bool
	decode func(string) ([]byte, error)
	encode func([]byte) string
}

func codes() []code {
	long := func(r *regexp.Regexp) func(string) bool {
		return func(s string) bool { return len(s) >= shortest && r.MatchString(s) }
	}
	list := []code{
		{func(s string) bool { return percent.MatchString(s) },
			func(s string) ([]byte, error) { u, err := url.QueryUnescape(s); return []byte(u), err },
			func(b []byte) string { return url.QueryEscape(string(b)) }},
		{long(hexText), hex.DecodeString, hex.EncodeToString},
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		list = append(list, code{long(base64Text), e.DecodeString, e.EncodeToString})
	}
	return list
}

// encoded masks what is encoded in a text, if it is. Long bytes that no one can read are left out.
func (m *masker) encoded(value string, c code, deep int) (string, bool) {
	if !c.fits(value) {
		return "", false
	}
	data, err := c.decode(value)
	switch {
	case err != nil:
		return "", false
	case !readable(data):
		return omitted(data), len(data) >= opaqueBytes
	}
	if masked := m.within(string(data), deep+1); masked != string(data) {
		return c.encode([]byte(masked)), true
	}
	return "", false
}

// readable says whether bytes are text that a person could read.
func readable(data []byte) bool {
	if !utf8.Valid(data) {
		return false
	}
	for _, r := range string(data) {
		if !unicode.IsGraphic(r) && !unicode.IsSpace(r) {
			return false
		}
	}
	return true
}

// omitted stands for bytes that are left out.
func omitted(data []byte) string {
	return fmt.Sprintf("%s%d bytes, sha256 %s]", omittedMark, len(data), digest(data)[:16])
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

var elements = regexp.MustCompile(`<([\pL_][\pL\pN_:.-]*)[^<>]*>([^<>]+)</`)

// prose masks a body that is neither JSON nor a form. The elements of XML are masked as fields are.
func (m *masker) prose(body string) string {
	var b strings.Builder
	done := 0
	for _, at := range elements.FindAllStringSubmatchIndex(body, -1) {
		name, from, to := body[at[2]:at[3]], at[4], at[5]
		value := body[from:to]
		if i := strings.LastIndexByte(name, ':'); i >= 0 {
			name = name[i+1:]
		}
		if masked := m.leaf(name, value, side{depth: 2}); masked != value {
			b.WriteString(body[done:from])
			b.WriteString(masked)
			done = to
		}
	}
	b.WriteString(body[done:])
	return mask.Scrub(m.words(m.redact(b.String()), 0))
}
