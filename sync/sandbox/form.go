package sandbox

import (
	"bytes"
	"fmt"
)

const formType = "application/x-www-form-urlencoded"

// pair is one decoded parameter of a form or query. Both parts lie in the buffer it was read from.
type pair struct{ key, value []byte }

// parseForm decodes a form in place and appends its parameters to pairs. It reads what
// net/url reads, and takes ';' as any other byte.
func parseForm(pairs []pair, b []byte) ([]pair, error) {
	for len(b) > 0 {
		var part []byte
		part, b = split(b, '&')
		if len(part) == 0 {
			continue
		}
		k, v := split(part, '=')
		key, err1 := unescape(k)
		value, err2 := unescape(v)
		if err1 != nil {
			return nil, err1
		}
		if err2 != nil {
			return nil, fmt.Errorf("%s: %w", key, err2)
		}
		pairs = append(pairs, pair{key, value})
	}
	return pairs, nil
}

func split(b []byte, sep byte) (before, after []byte) {
	if i := bytes.IndexByte(b, sep); i >= 0 {
		return b[:i:i], b[i+1:]
	}
	return b, nil
}

// unescape decodes percent signs and pluses within b, which only gets shorter.
func unescape(b []byte) ([]byte, error) {
	to := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '%' {
			if i+2 >= len(b) || hexValues[b[i+1]]|hexValues[b[i+2]] > 15 {
				return nil, fmt.Errorf("a percent sign without two hex digits at byte %d", i)
			}
			c = hexValues[b[i+1]]<<4 | hexValues[b[i+2]]
			i += 2
		} else if c == '+' {
			c = ' '
		}
		b[to] = c
		to++
	}
	return b[:to], nil
}

// hexValues holds the value of every byte as a hex digit, 0xff for one that is none. It is a string because a string
// can be constant; a lookup because digits and letters alternate too irregularly for a branch.
const (
	none4     = "\xff\xff\xff\xff"
	none16    = none4 + none4 + none4 + none4
	letters   = "\xff\x0a\x0b\x0c\x0d\x0e\x0f\xff" + none4 + none4
	digits    = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\xff\xff" + none4
	hexValues = none16 + none16 + none16 + digits + letters + none16 + letters + none16 +
		none16 + none16 + none16 + none16 + none16 + none16 + none16 + none16
)

// formParams decodes a form into a map; of a repeated parameter the first value counts.
func formParams(body []byte) (map[string]string, error) {
	pairs, err := parseForm(nil, body)
	if err != nil {
		return nil, err
	}
	p := make(map[string]string, len(pairs))
	for _, kv := range pairs {
		if _, seen := p[string(kv.key)]; !seen {
			p[string(kv.key)] = string(kv.value)
		}
	}
	return p, nil
}
