package envelope

import (
	"crypto"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"hash"
	"strings"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
)

// digestOf returns the digest of a text as bytes.
func (p *Profile) digestOf(plain []byte) ([]byte, error) {
	text, err := covered(p.digestOver, plain)
	if err != nil {
		return nil, err
	}
	name, keyed := strings.CutPrefix(p.digest, "hmac-")
	h := newHash(name)
	if keyed {
		h = hmac.New(func() hash.Hash { return newHash(name) }, []byte(p.digestKey.Reveal()))
	}
	h.Write(text)
	return h.Sum(nil), nil
}

func newHash(name string) hash.Hash {
	switch name {
	case "sha256":
		return sha256.New()
	case "md5":
		return md5.New()
	}
	return sm3.New()
}

// signature signs a text.
func (p *Profile) signature(own *Private, plain []byte) ([]byte, error) {
	text, err := covered(p.signOver, plain)
	if err != nil {
		return nil, err
	}
	switch {
	case own == nil:
		return nil, errSigning
	case p.sign == signSM2 && own.sm2 != nil:
		return own.sm2.Sign(rand.Reader, text, sm2.NewSM2SignerOption(true, []byte(p.signID)))
	case p.sign == signRSA && own.rsa != nil:
		sum := sha256.Sum256(text)
		return rsa.SignPKCS1v15(rand.Reader, own.rsa, crypto.SHA256, sum[:])
	}
	return nil, errKind
}

// signed says whether a signature is the partner's.
func (p *Profile) signed(partner *Public, plain, signature []byte) bool {
	text, err := covered(p.signOver, plain)
	switch {
	case err != nil || partner == nil:
		return false
	case p.sign == signSM2 && partner.sm2 != nil:
		return sm2.VerifyASN1WithSM2(partner.sm2, []byte(p.signID), text, signature)
	case p.sign == signRSA && partner.rsa != nil:
		sum := sha256.Sum256(text)
		return rsa.VerifyPKCS1v15(partner.rsa, crypto.SHA256, sum[:], signature) == nil
	}
	return false
}

// The ways a password can be sent; see [Profile.Transform].
const (
	Plain = "plain"
	MD5   = "md5"
	SM3   = "sm3"
	SM2   = "sm2"
	RSA   = "rsa"
)

// Transform returns a password as it is sent: as it is, as lower-case hex of its MD5 or SM3, or encrypted with the
// partner's public key and encoded as the keys of messages are (layout, prefix04, enc). RSA pads as key.alg says when that
// is an RSA one, else as PKCS #1.
func (p *Profile) Transform(way string, partner *Public, password string) (string, error) {
	alg := algSM2
	switch way {
	case Plain:
		return password, nil
	case MD5, SM3:
		h := newHash(way)
		h.Write([]byte(password))
		return encode(encHexLower, h.Sum(nil)), nil
	case RSA:
		alg = algRSAPKCS1
		if oaep(p.keyAlg) != nil {
			alg = p.keyAlg
		}
	}
	wrapped, err := p.wrap(alg, partner, []byte(password))
	if err != nil {
		return "", err
	}
	return encode(p.keyEnc, wrapped), nil
}

// Untransform is what the partner makes of a password that was encrypted for the owner of a key.
func (p *Profile) Untransform(way string, own *Private, text string) (string, error) {
	alg := algSM2
	if way == RSA {
		alg = algRSAPKCS1
		if oaep(p.keyAlg) != nil {
			alg = p.keyAlg
		}
	}
	wrapped, err := decode(p.keyEnc, text)
	if err != nil {
		return "", err
	}
	plain, err := p.unwrap(alg, own, wrapped)
	return string(plain), err
}
