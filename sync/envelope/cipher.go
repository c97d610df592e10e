package envelope

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"maps"
	"slices"

	"github.com/emmansun/gmsm/sm4"
)

// suite is a block cipher in a mode.
type suite struct {
	block   func(key []byte) (cipher.Block, error)
	keySize int // bytes
	mode    string
}

const (
	blockSize = 16
	gcmNonce  = 12
)

func ciphers() map[string]suite {
	return map[string]suite{
		"sm4-cbc": {sm4.NewCipher, 16, "cbc"}, "sm4-ecb": {sm4.NewCipher, 16, "ecb"}, "sm4-gcm": {sm4.NewCipher, 16, "gcm"},
		"aes-256-cbc": {aes.NewCipher, 32, "cbc"}, "aes-256-gcm": {aes.NewCipher, 32, "gcm"}, "aes-128-ecb": {aes.NewCipher, 16, "ecb"},
	}
}

func cipherNames() []string {
	return slices.SortedFunc(maps.Keys(ciphers()), func(a, b string) int {
		return slices.Index(order(), a) - slices.Index(order(), b)
	})
}

func order() []string {
	return []string{"sm4-cbc", "sm4-ecb", "sm4-gcm", "aes-256-cbc", "aes-256-gcm", "aes-128-ecb"}
}

// ivSize is the size of the initialisation vector in bytes, 0 for none.
func (s suite) ivSize() int {
	switch s.mode {
	case "cbc":
		return blockSize
	case "gcm":
		return gcmNonce
	}
	return 0
}

var errCipher = errors.New("it cannot be decrypted")

// seal encrypts; the tag of GCM stands at the end.
func (s suite) seal(key, iv, plain []byte) ([]byte, error) {
	b, err := s.block(key)
	if err != nil {
		return nil, err
	}
	if s.mode == "gcm" {
		aead, err := cipher.NewGCM(b)
		if err != nil {
			return nil, err
		}
		return aead.Seal(nil, iv, plain, nil), nil
	}
	fill := blockSize - len(plain)%blockSize
	out := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(fill)}, fill)...)
	if s.mode == "cbc" {
		cipher.NewCBCEncrypter(b, iv).CryptBlocks(out, out)
		return out, nil
	}
	for at := 0; at < len(out); at += blockSize {
		b.Encrypt(out[at:], out[at:])
	}
	return out, nil
}

// open decrypts. All mistakes are one error.
func (s suite) open(key, iv, sealed []byte) ([]byte, error) {
	if len(key) != s.keySize || len(iv) != s.ivSize() {
		return nil, errCipher
	}
	b, err := s.block(key)
	if err != nil {
		return nil, errCipher
	}
	if s.mode == "gcm" {
		aead, err := cipher.NewGCM(b)
		if err != nil {
			return nil, errCipher
		}
		if sealed, err = aead.Open(nil, iv, sealed, nil); err != nil {
			return nil, errCipher
		}
		return sealed, nil
	}
	if len(sealed) == 0 || len(sealed)%blockSize != 0 {
		return nil, errCipher
	}
	out := make([]byte, len(sealed))
	if s.mode == "cbc" {
		cipher.NewCBCDecrypter(b, iv).CryptBlocks(out, sealed)
	} else {
		for at := 0; at < len(out); at += blockSize {
			b.Decrypt(out[at:], sealed[at:])
		}
	}
	return unpad(out)
}

func unpad(b []byte) ([]byte, error) {
	fill := int(b[len(b)-1])
	if fill == 0 || fill > blockSize || fill > len(b) {
		return nil, errCipher
	}
	for _, c := range b[len(b)-fill:] {
		if int(c) != fill {
			return nil, errCipher
		}
	}
	return b[:len(b)-fill], nil
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}
