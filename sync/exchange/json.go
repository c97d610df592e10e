package exchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"unicode/utf8"
)

// Members yields the keys, quoted as they stand, and the values of a JSON object in the order of the document.
// The object must be valid JSON, as every json.RawMessage that was decoded is; then nothing is checked twice, and nothing
// is copied.
func Members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for rest := inside(object); len(rest) > 0; rest = next(rest) {
			n := width(rest)
			key := rest[:n]
			rest = bytes.TrimLeft(rest[n:], " \t\r\n:")
			n = width(rest)
			if !yield(key, rest[:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// Elements yields the values of a JSON list, which must be valid.
func Elements(list []byte) iter.Seq[[]byte] {
	return func(yield func(value []byte) bool) {
		for rest := inside(list); len(rest) > 0; rest = next(rest) {
			n := width(rest)
			if !yield(rest[:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// inside is what stands between the brackets; empty when there is nothing but space.
func inside(v []byte) []byte {
	v = bytes.TrimSpace(v)
	return bytes.TrimSpace(v[1 : len(v)-1])
}

func next(rest []byte) []byte { return bytes.TrimLeft(rest, " \t\r\n,") }

// width is the length of the value that v begins with.
func width(v []byte) int {
	switch v[0] {
	case '"':
		return quoted(v)
	case '{', '[':
		depth := 0
		for i := 0; ; i++ {
			switch v[i] {
			case '"':
				i += quoted(v[i:]) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	n := 1
	for n < len(v) && v[n] != ',' && v[n] > ' ' {
		n++
	}
	return n
}

// quoted is the length of the text that v begins with, with its quotes.
func quoted(v []byte) int {
	for i := 1; ; i++ {
		switch v[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

var (
	errNoText = errors.New("it is no text")
	errUTF8   = errors.New("it is not valid UTF-8")
)

// Text returns the value of a JSON text, exactly: bytes that are no UTF-8 and halves of a surrogate pair are errors
// rather than replaced.
func Text(raw []byte) (string, error) {
	switch {
	case len(raw) < 2 || raw[0] != '"':
		return "", errNoText
	case !utf8.Valid(raw):
		return "", errUTF8
	case bytes.IndexByte(raw, '\\') < 0:
		return string(raw[1 : len(raw)-1]), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", errNoText
	}
	const lost = "\uFFFD"
	if found := strings.Count(s, lost); found > 0 &&
		found > bytes.Count(raw, []byte(lost))+bytes.Count(bytes.ToLower(raw), []byte(`\ufffd`)) {
		return "", errUTF8
	}
	return s, nil
}
