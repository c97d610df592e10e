package envelope

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

const (
	encBase64   = "base64"
	encHex      = "hex"
	encHexLower = "hex-lower"
	encHexUpper = "hex-upper"
)

// encode writes bytes as text.
func encode(enc string, b []byte) string {
	switch enc {
	case encBase64:
		return base64.StdEncoding.EncodeToString(b)
	case encHexUpper:
		return strings.ToUpper(hex.EncodeToString(b))
	}
	return hex.EncodeToString(b)
}

var errEncoding = errors.New("it is not encoded as the profile says")

// decode is the inverse. Line breaks in base64 are passed over, which MIME encoders put there.
func decode(enc, text string) ([]byte, error) {
	if enc == encBase64 {
		b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(text))
		if err != nil {
			return nil, errEncoding
		}
		return b, nil
	}
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return nil, errEncoding
	}
	return b, nil
}

// canonical is a JSON text with its names sorted and without spaces. Numbers keep their digits.
func canonical(text []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, errors.New("it is not JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON")
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return plainSeparators(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// plainSeparators writes U+2028 and U+2029 as they are: Go alone escapes them, for the sake of old JavaScript, and the other side
// does not.
func plainSeparators(text []byte) []byte {
	out := text[:0]
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '\\':
			out = append(out, text[i])
		case bytes.HasPrefix(text[i:], []byte(`\u2028`)), bytes.HasPrefix(text[i:], []byte(`\u2029`)):
			out = append(out, 0xe2, 0x80, 0xa8+text[i+5]-'8')
			i += 5
		default:
			out = append(out, text[i], text[i+1])
			i++
		}
	}
	return out
}

// covered is what a digest or signature is made of.
func covered(over string, plain []byte) ([]byte, error) {
	if over == overCanonical {
		return canonical(plain)
	}
	return plain, nil
}
