package transport

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// view is a text as it reads once an encoding is undone. Byte i of it comes from the bytes [from[i], to[i]) of the
// original.
type view struct {
	text     string
	from, to []int
}

func original(text string) view {
	v := view{text, make([]int, len(text)), make([]int, len(text))}
	for i := range len(text) {
		v.from[i], v.to[i] = i, i+1
	}
	return v
}

// coding undoes one encoding: next returns what the escape that text begins with stands for, and its length; 0 when it
// is none. Mark is the byte with which its escapes begin.
type coding struct {
	mark byte
	next func(text string) (string, int)
}

var codings = [...]coding{{'\\', fromJSON}, {'&', fromHTML}, {'%', fromForm}}

// decoded undoes an encoding once, throughout; ok is false when there is nothing to undo.
func (v view) decoded(c coding) (inner view, ok bool) {
	if strings.IndexByte(v.text, c.mark) < 0 {
		return v, false
	}
	var out strings.Builder
	for i := 0; i < len(v.text); {
		plain, n := v.text[i:i+1], 1
		if v.text[i] == c.mark {
			if p, size := c.next(v.text[i:]); size > 0 {
				plain, n, ok = p, size, true
			}
		}
		out.WriteString(plain)
		for range len(plain) {
			inner.from, inner.to = append(inner.from, v.from[i]), append(inner.to, v.to[i+n-1])
		}
		i += n
	}
	inner.text = out.String()
	return inner, ok
}

// fromJSON reads an escape of JSON, or one of those that JavaScript and Go have besides.
func fromJSON(text string) (string, int) {
	if len(text) < 2 {
		return "", 0
	}
	switch c := text[1]; c {
	case '"', '\\', '/', '\'':
		return text[1:2], 2
	case 'x':
		return octet(text, 2)
	case 'u':
		return utf16Escape(text)
	default:
		if at := strings.IndexByte("abfnrtv", c); at >= 0 {
			return "\a\b\f\n\r\t\v"[at : at+1], 2
		}
	}
	return "", 0
}

// utf16Escape reads \uXXXX, and two of them that are one character.
func utf16Escape(text string) (string, int) {
	r, ok := unit(text)
	if !ok {
		return "", 0
	}
	if low, ok := unit(text[6:]); ok {
		if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
			return string(both), 12
		}
	}
	return string(r), 6
}

func unit(text string) (rune, bool) {
	if len(text) < 6 || text[:2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(n), err == nil
}

// fromHTML reads a reference such as &amp; &#38; &#x26; also without its semicolon, as browsers do.
func fromHTML(text string) (string, int) {
	const longest = 40
	end := 1
	for end < len(text) && end < longest && (isWord(text[end]) || text[end] == '#') {
		end++
	}
	if end < len(text) && text[end] == ';' {
		end++
	}
	if plain := html.UnescapeString(text[:end]); plain != text[:end] {
		return plain, end
	}
	return "", 0
}

// fromForm reads %XX. A plus needs no reading, see fold.
func fromForm(text string) (string, int) { return octet(text, 1) }

// octet reads the two hexadecimal digits at the place given.
func octet(text string, at int) (string, int) {
	if len(text) < at+2 {
		return "", 0
	}
	n, err := strconv.ParseUint(text[at:at+2], 16, 8)
	if err != nil {
		return "", 0
	}
	return string([]byte{byte(n)}), at + 2
}
