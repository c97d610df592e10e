// Package scan reads JSON in one pass, without building a tree: for the answers that are decoded often enough for the
// time to matter. It takes exactly what encoding/json takes, except that nothing may be nested deeper than [MaxDepth].
package scan

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep objects and lists may be nested.
const MaxDepth = 64

// Form is what kind of JSON value there is.
type Form byte

// The forms. Absent is the zero value: there is no value.
const (
	Absent Form = iota
	Null
	Boolean
	Number
	Text
	Broken    // a text that is no valid Unicode
	Container // an object or a list
)

// String returns the form as it reads in "count is …".
func (f Form) String() string {
	return [...]string{"missing", "null", "true or false", "a number", "a text", "not valid Unicode", "an object or a list"}[f]
}

// Scanner reads JSON (RFC 8259) from front to back. At the first mistake Err is set and everything after it returns at once,
// so that Err has to be looked at once, at the end. An error says at which byte; one that wraps io.ErrUnexpectedEOF says
// that the body is cut off.
type Scanner struct {
	Err   error
	body  string
	raw   []byte // the same, for reading eight bytes at once
	at    int    // next byte
	depth int
	utf8  bool // the body as a whole is valid, so no string in it has to be looked at
}

// New returns a scanner at the beginning of the body. The texts that it returns share one copy of the body.
func New(body []byte) Scanner {
	return Scanner{body: string(body), raw: body, utf8: utf8.Valid(body)}
}

// Rest is the number of bytes that have not been read.
func (s *Scanner) Rest() int { return len(s.body) - s.at }

// fail keeps the first mistake; wanted is what should stand here.
func (s *Scanner) fail(wanted string) {
	switch {
	case s.Err != nil:
	case s.at >= len(s.body):
		s.Err = fmt.Errorf("byte %d: wanted %s: %w", s.at, wanted, io.ErrUnexpectedEOF)
	default:
		s.Err = fmt.Errorf("byte %d: wanted %s", s.at, wanted)
	}
}

// Peek skips white space and returns the next byte, 0 at the end.
func (s *Scanner) Peek() byte {
	if s.at < len(s.raw) && s.raw[s.at] > ' ' {
		return s.raw[s.at]
	}
	return s.space()
}

func (s *Scanner) space() byte {
	for s.at < len(s.raw) {
		switch c := s.raw[s.at]; c {
		case ' ', '\n', '\t', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// Open enters an object or list and says whether there is something in it. Use it with [Scanner.More]:
//
//	for ok := s.Open('{'); ok; ok = s.More('}') { … }
func (s *Scanner) Open(bracket byte) bool {
	if s.Err != nil || s.Peek() != bracket {
		s.fail(string(bracket))
		return false
	}
	if s.depth++; s.depth > MaxDepth {
		s.fail(fmt.Sprintf("nothing nested deeper than %d", MaxDepth))
		return false
	}
	s.at++
	if s.Peek() == bracket+2 { // { and }, [ and ] are two apart
		s.leave()
		return false
	}
	return true
}

// More steps over a comma to the next element, or out of the object or list.
func (s *Scanner) More(bracket byte) bool {
	if s.Err != nil {
		return false
	}
	switch s.Peek() {
	case ',':
		s.at++
		return true
	case bracket:
		s.leave()
	default:
		s.fail("a comma or " + string(bracket))
	}
	return false
}

func (s *Scanner) leave() { s.at, s.depth = s.at+1, s.depth-1 }

// End wants nothing more.
func (s *Scanner) End() {
	if s.Err == nil && (s.Peek() != 0 || s.at < len(s.body)) {
		s.fail("the end")
	}
}

// Key reads a member's name and the colon.
func (s *Scanner) Key() string {
	name, _ := s.text()
	if s.Err != nil || s.Peek() != ':' {
		s.fail("a colon")
		return ""
	}
	s.at++
	return name
}

// Value reads any value. Texts come without their escapes, numbers as they stand; containers are skipped, null is empty.
func (s *Scanner) Value() (string, Form) {
	switch c := s.Peek(); c {
	case '"':
		v, valid := s.text()
		if !valid {
			return v, Broken
		}
		return v, Text
	case '{', '[':
		s.skip(c)
		return "", Container
	case 't':
		return s.word("true", Boolean)
	case 'f':
		return s.word("false", Boolean)
	case 'n':
		_, f := s.word("null", Null)
		return "", f
	default:
		return s.number()
	}
}

func (s *Scanner) word(w string, f Form) (string, Form) {
	if rest := s.body[s.at:]; !strings.HasPrefix(rest, w) {
		if strings.HasPrefix(w, rest) {
			s.at = len(s.body)
		}
		s.fail(w)
		return "", Absent
	}
	s.at += len(w)
	return w, f
}

// skip reads over an object or list.
func (s *Scanner) skip(bracket byte) {
	for ok := s.Open(bracket); ok; ok = s.More(bracket + 2) {
		if bracket == '{' {
			s.Key()
		}
		s.Value()
	}
}

// number reads -? (0|[1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
func (s *Scanner) number() (string, Form) {
	start := s.at
	s.take("-")
	if !s.take("0") {
		s.digits("a value")
	}
	if s.take(".") {
		s.digits("a digit")
	}
	if s.take("eE") {
		s.take("+-")
		s.digits("a digit")
	}
	if s.Err != nil {
		return "", Absent
	}
	return s.body[start:s.at], Number
}

// take steps over the next byte if it is one of set.
func (s *Scanner) take(set string) bool {
	if s.at < len(s.body) && strings.IndexByte(set, s.body[s.at]) >= 0 {
		s.at++
		return true
	}
	return false
}

func (s *Scanner) digits(wanted string) {
	start := s.at
	for s.at < len(s.body) && s.body[s.at]-'0' < 10 {
		s.at++
	}
	if s.at == start {
		s.fail(wanted)
	}
}

// text reads a string literal: a window into the body when it has no escapes. Valid is false when it holds bytes that are
// not UTF-8, or half of a surrogate pair; they become U+FFFD.
func (s *Scanner) text() (v string, valid bool) {
	if s.Err != nil || s.Peek() != '"' {
		s.fail("a text in quotes")
		return "", false
	}
	start := s.at + 1
	s.at = start + special(s.raw[start:])
	switch {
	case s.at >= len(s.raw):
		s.fail("the quote that ends a text")
		return "", false
	case s.raw[s.at] == '"':
		s.at++
		if v = s.body[start : s.at-1]; s.utf8 || utf8.ValidString(v) {
			return v, true
		}
		return replaced(v), false
	default:
		return s.escaped(start)
	}
}

// special returns how many bytes stand before the first quote, backslash or control character. It looks at eight bytes
// at once: subtracting sets the high bit of the first byte that is below the one subtracted (and of none before it), and
// a byte that equals another becomes zero by exclusive or. Most of a page is read here.
func special(b []byte) int {
	const (
		ones      = 0x0101010101010101
		high      = 0x80 * ones
		quote     = '"' * ones
		backslash = '\\' * ones
	)
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		q, s := x^quote, x^backslash
		if found := ((x-' '*ones)&^x | (q-ones)&^q | (s-ones)&^s) & high; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(b); i++ {
		if b[i] < ' ' || b[i] == '"' || b[i] == '\\' {
			break
		}
	}
	return i
}

// escaped goes on with a text that begins at start from its first backslash.
func (s *Scanner) escaped(start int) (string, bool) {
	out, valid := []byte(s.body[start:s.at]), true
	for s.at < len(s.body) {
		switch c := s.body[s.at]; {
		case c == '"':
			s.at++
			if s.utf8 || utf8.Valid(out) {
				return string(out), valid
			}
			return replaced(string(out)), false
		case c < ' ':
			s.fail("no control character inside a text")
			return "", false
		case c != '\\':
			out = append(out, c)
			s.at++
		default:
			r := s.escape()
			if s.Err != nil {
				return "", false
			}
			valid = valid && r >= 0
			out = utf8.AppendRune(out, r) // -1 becomes U+FFFD
		}
	}
	s.fail("the quote that ends a text")
	return "", false
}

// replaced has U+FFFD for every byte that is not UTF-8, as encoding/json has.
func replaced(v string) string { return string([]rune(v)) }

// escape reads one escape, or two that are a surrogate pair; -1 stands for half a pair.
func (s *Scanner) escape() rune {
	s.at++
	if s.take("u") {
		return s.unicode()
	}
	if s.at < len(s.body) {
		if i := strings.IndexByte(`"\/bfnrt`, s.body[s.at]); i >= 0 {
			s.at++
			return rune("\"\\/\b\f\n\r\t"[i])
		}
	}
	s.fail("an escape")
	return 0
}

func (s *Scanner) unicode() rune {
	r := s.hex()
	if !utf16.IsSurrogate(r) {
		return r
	}
	if back := s.at; strings.HasPrefix(s.body[s.at:], `\u`) {
		s.at += 2
		if pair := utf16.DecodeRune(r, s.hex()); pair != utf8.RuneError {
			return pair
		}
		if s.Err == nil {
			s.at = back
		}
	}
	return -1
}

// hex reads four hexadecimal digits.
func (s *Scanner) hex() rune {
	part := s.body[s.at:min(s.at+4, len(s.body))]
	n, err := strconv.ParseUint(part, 16, 16)
	if err != nil || len(part) < 4 {
		if len(part) < 4 {
			s.at = len(s.body)
		}
		s.fail("four hexadecimal digits")
		return 0
	}
	s.at += 4
	return rune(n)
}
