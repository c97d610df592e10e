// Package uscc reads unified social credit codes (统一社会信用代码) after GB 32100-2015.
//
// A code has 18 characters out of 31 (digits and capital letters without I, O, S, V and Z); the 3rd to the 8th are
// the digits of the registering authority's district, the last is a check digit. Codes issued in the pilot phase are
// legal although their check digit is wrong (91350100M0001TGQXM), which is why [CheckDigit] is an error of its own: refuse
// on the others, warn on this one.
package uscc

import (
	"strings"
	"unicode"
)

// Size is the number of characters of a code.
const Size = 18

// Error is what is wrong with a code.
type Error uint8

// The errors, in the order in which they are looked for.
const (
	Length     Error = iota + 1 // not 18 characters
	Charset                     // a character that cannot stand at its place
	CheckDigit                  // well formed, but the check digit is another
)

// Error describes the error without quoting the code.
func (e Error) Error() string {
	switch e {
	case Length:
		return "a unified social credit code has 18 characters (GB 32100-2015)"
	case Charset:
		return "a unified social credit code holds digits and capital letters without I, O, S, V, Z, and digits from the 3rd to the 8th place (GB 32100-2015)"
	default:
		return "the check digit of the unified social credit code is wrong (GB 32100-2015)"
	}
}

// Check returns nil for a good code, else an [Error]. The code must be in normal form. It does not allocate.
func Check(code string) error {
	if len(code) != Size {
		return Length
	}
	// The weights are the powers of 3 modulo 31 (clause 4.4): the sum comes by Horner's rule from the right, and with the
	// check digit added it is a multiple of 31. 30 × 3^17 fits easily, so the modulus is taken once.
	var sum uint64
	for i := Size - 2; i >= 0; i-- {
		v := values[code[i]]
		if v == none || i >= 2 && i < 8 && v > 9 {
			return Charset
		}
		sum = 3*sum + uint64(v)
	}
	last := values[code[Size-1]]
	switch {
	case last == none:
		return Charset
	case (sum+uint64(last))%31 != 0:
		return CheckDigit
	}
	return nil
}

// values holds the value of every byte, none for those that are no character of a code. It is a constant of 256 bytes
// so that looking up needs no bounds check and nothing can change it.
const values = none16 + none16 + none16 +
	"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09" + "\xff\xff\xff\xff\xff\xff\xff" + // 0-9, then : ; < = > ? @
	"\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\xff\x12\x13\x14\x15\x16\xff" + // A-O, without I and O
	"\x17\x18\x19\xff\x1a\x1b\xff\x1c\x1d\x1e\xff\xff\xff\xff\xff\xff" + // P-Y, without S and V
	none16 + none16 + none64 + none64

const (
	none   = 0xff
	none16 = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	none64 = none16 + none16 + none16 + none16
)

// Normalise returns a code as it is meant: without surrounding spaces and curly quotes, in capital letters, with
// full-width characters made half-width. Other mistakes stay, for [Check] to find. Clean text is returned as it is.
func Normalise(s string) string {
	if clean(s) {
		return s
	}
	return strings.ToUpper(Trim(strings.Map(halfWidth, s)))
}

// Trim cuts white space and curly quotes, which the samples of partners' documents are full of, from both ends.
func Trim(s string) string {
	if n := len(s); n >= 3 && isInk(s[0]) && (isInk(s[n-1]) && s[n-1] < 0x80 || isInk(s[n-3]) && s[n-3] >= 0x80) {
		return s
	}
	return strings.TrimFunc(s, isMargin)
}

// isInk says that c begins a visible ASCII character or a common Chinese one (U+4000 to U+9FFF, of three bytes), which
// are the ends of nearly all texts: there is nothing to trim then.
func isInk(c byte) bool { return c > ' ' && c < 0x7f || c >= 0xe4 && c <= 0xe9 }

func isMargin(r rune) bool {
	switch r {
	case '‘', '’', '“', '”', '\u200b', '\ufeff':
		return true
	}
	return unicode.IsSpace(r)
}

func halfWidth(r rune) rune {
	if r >= '！' && r <= '～' {
		return r - '！' + '!'
	}
	return r
}

// clean says whether s holds nothing but digits and capital letters.
func clean(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < '0' || c > 'Z' || c > '9' && c < 'A' {
			return false
		}
	}
	return true
}
