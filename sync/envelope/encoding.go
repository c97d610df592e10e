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
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// covered is what a digest or signature is made of.
func covered(over string, plain []byte) ([]byte, error) {
	if over == overCanonical {
		return canonical(plain)
	}
	return plain, nil
}
