package busipush

import (
	"encoding/binary"
	"slices"
	"strings"
)

const hexDigits = "0123456789ABCDEF"

// escapes holds for every byte what it becomes in a form: up to three bytes, the first one lowest, and their number in
// the highest byte. The number is 0 where JSON needs a backslash first.
//
//nolint:gochecknoglobals // nothing changes it, and as a field of the encoder it would cost a sixth of all encoding
var escapes = func() (table [256]uint32) {
	for c := range table {
		b := byte(c)
		switch {
		case strings.IndexByte("-._", b) >= 0, '0' <= b && b <= '9', 'A' <= b && b <= 'Z', 'a' <= b && b <= 'z':
			table[c] = 1<<24 | uint32(b)
		case b == ' ':
			table[c] = 1<<24 | '+'
		case b > ' ' && b != '"' && b != '\\':
			table[c] = 3<<24 | uint32(hexDigits[b&15])<<16 | uint32(hexDigits[b>>4])<<8 | '%'
		}
	}
	return table
}()

// escape appends valid UTF-8 as the inside of a JSON string that is itself percent-encoded for a form. Neither HTML
// characters nor letters beyond ASCII are escaped in the JSON. It is most of the work of a push, hence the table: four
// bytes are stored at once, of which the next ones overwrite what is too much.
func escape(dst []byte, s string) []byte {
	n := len(dst)
	dst = slices.Grow(dst, 3*len(s)+4)
	to := dst[:cap(dst)]
	for i := range len(s) {
		e := escapes[s[i]]
		if e == 0 {
			dst = slices.Grow(escapeJSON(to[:n], s[i]), 3*(len(s)-i)+4)
			n, to = len(dst), dst[:cap(dst)]
			continue
		}
		binary.LittleEndian.PutUint32(to[n:], e)
		n += int(e >> 24)
	}
	return to[:n]
}

// escapeJSON appends a character that JSON needs a backslash for.
func escapeJSON(dst []byte, c byte) []byte {
	dst = append(dst, "%5C"...)
	if c < ' ' {
		return append(dst, 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
}
