package envelope

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"
)

// Public is a public key: SM2 or RSA.
type Public struct {
	sm2 *ecdsa.PublicKey
	rsa *rsa.PublicKey
}

// Private is a private key: SM2 or RSA. It prints as [secret].
type Private struct {
	sm2 *sm2.PrivateKey
	rsa *rsa.PrivateKey
}

// Format keeps the key out of whatever prints it.
func (k *Private) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[secret]")) }

// Public returns the public half.
func (k *Private) Public() *Public {
	if k.sm2 != nil {
		return &Public{sm2: &k.sm2.PublicKey}
	}
	return &Public{rsa: &k.rsa.PublicKey}
}

// ID tells keys apart: the first 16 hex digits of the SHA-256 of the key's DER.
func (k *Public) ID() string {
	sum := sha256.Sum256(k.DER())
	return hex.EncodeToString(sum[:8])
}

// DER is the key as SubjectPublicKeyInfo.
func (k *Public) DER() []byte {
	var key any = k.rsa
	if k.sm2 != nil {
		key = k.sm2
	}
	der, _ := smx509.MarshalPKIXPublicKey(key) // of the two kinds there are, none fails
	return der
}

// KeyFormats are the ways in which [ParsePublic] reads a public key; "" tries them all.
func KeyFormats() []string { return []string{"pem", "hex04", "b64der", "b64raw"} }

// ParsePublic reads a public key: pem, b64der (SubjectPublicKeyInfo), or the point of an SM2 key, in hex (hex04) or base64
// (b64raw), with its leading 04 or without.
func ParsePublic(text, format string) (*Public, error) {
	text = strings.TrimSpace(text)
	readers := map[string]func(string) (*Public, error){"pem": pemPublic, "hex04": hexPublic, "b64der": derPublic, "b64raw": rawPublic}
	if format != "" {
		k, err := readers[format](text)
		if err != nil {
			return nil, fmt.Errorf("the public key is none in the format %s: %w", format, err)
		}
		return k, nil
	}
	for _, f := range KeyFormats() {
		if k, err := readers[f](text); err == nil {
			return k, nil
		}
	}
	return nil, errors.New("the public key is in none of the formats " + strings.Join(KeyFormats(), ", "))
}

func pemPublic(text string) (*Public, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("there is no PEM block")
	}
	return fromDER(block.Bytes)
}

func derPublic(text string) (*Public, error) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, errEncoding
	}
	return fromDER(der)
}

func fromDER(der []byte) (*Public, error) {
	key, err := smx509.ParsePKIXPublicKey(der)
	if err != nil {
		if k, err := x509.ParsePKCS1PublicKey(der); err == nil {
			return &Public{rsa: k}, nil
		}
		return nil, errors.New("it is no public key")
	}
	switch k := key.(type) {
	case *rsa.PublicKey:
		return &Public{rsa: k}, nil
	case *ecdsa.PublicKey:
		if sm2.IsSM2PublicKey(k) {
			return &Public{sm2: k}, nil
		}
	}
	return nil, errors.New("it is neither an SM2 nor an RSA key")
}

func hexPublic(text string) (*Public, error) {
	point, err := hex.DecodeString(text)
	if err != nil {
		return nil, errEncoding
	}
	return point04(point)
}

func rawPublic(text string) (*Public, error) {
	point, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errEncoding
	}
	return point04(point)
}

func point04(point []byte) (*Public, error) {
	if len(point) == 64 {
		point = append([]byte{4}, point...)
	}
	if len(point) != 65 || point[0] != 4 {
		return nil, errors.New("it has not the size of an SM2 point")
	}
	k, err := sm2.NewPublicKey(point)
	if err != nil {
		return nil, errors.New("it is no point of the SM2 curve")
	}
	return &Public{sm2: k}, nil
}

// ParsePrivate reads a private key: PEM or base64 of PKCS #8, SEC 1 or PKCS #1, or for SM2 64 hex digits. An error holds
// nothing of the key.
func ParsePrivate(text string) (*Private, error) {
	text = strings.TrimSpace(text)
	if d, err := hex.DecodeString(text); err == nil && len(d) == 32 {
		k, err := sm2.NewPrivateKey(d)
		if err != nil {
			return nil, errors.New("the private key is out of the range of SM2")
		}
		return &Private{sm2: k}, nil
	}
	var der []byte
	if block, _ := pem.Decode([]byte(text)); block != nil {
		der = block.Bytes
	} else if b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), "")); err == nil {
		der = b
	}
	if key, err := smx509.ParsePKCS8PrivateKey(der); err == nil {
		return private(key)
	}
	if key, err := smx509.ParseSM2PrivateKey(der); err == nil {
		return private(key)
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return private(key)
	}
	return nil, errors.New("the private key is neither PEM, nor base64 of its DER, nor 64 hex digits of an SM2 key")
}

func private(key any) (*Private, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return &Private{rsa: k}, nil
	case *sm2.PrivateKey:
		return &Private{sm2: k}, nil
	}
	return nil, errors.New("the private key is neither SM2 nor RSA")
}

var (
	errKind    = errors.New("the key is not of the kind that the profile wants")
	errUnwrap  = errors.New("it cannot be decrypted")
	errForm    = errors.New("it has not the form that the profile says")
	errSigning = errors.New("it cannot be signed")
)

// oaep is how an algorithm pads as OAEP, nil when it does not: the hash of the padding, and that of its mask (MGF1).
func oaep(alg string) *rsa.OAEPOptions {
	switch alg {
	case algRSAOAEP:
		return &rsa.OAEPOptions{Hash: crypto.SHA256}
	case algRSAOAEP1:
		return &rsa.OAEPOptions{Hash: crypto.SHA256, MGFHash: crypto.SHA1}
	}
	return nil
}

// wrap encrypts a short text for the owner of a key, as the profile says of the keys of messages.
func (p *Profile) wrap(alg string, to *Public, plain []byte) ([]byte, error) {
	switch {
	case to == nil:
		return nil, errors.New("there is no public key of the platform")
	case alg == algSM2 && to.sm2 != nil:
		return p.wrapSM2(to.sm2, plain)
	case alg == algRSAPKCS1 && to.rsa != nil:
		return rsa.EncryptPKCS1v15(rand.Reader, to.rsa, plain) //nolint:staticcheck // what the partner's document asks for; under TLS
	case oaep(alg) != nil && to.rsa != nil:
		return rsa.EncryptOAEPWithOptions(rand.Reader, to.rsa, plain, oaep(alg))
	}
	return nil, errKind
}

func (p *Profile) wrapSM2(to *ecdsa.PublicKey, plain []byte) ([]byte, error) {
	opts := sm2.ASN1EncrypterOpts
	switch p.layout {
	case layoutC1C3C2:
		opts = sm2.NewPlainEncrypterOpts(sm2.MarshalUncompressed, sm2.C1C3C2)
	case layoutC1C2C3:
		opts = sm2.NewPlainEncrypterOpts(sm2.MarshalUncompressed, sm2.C1C2C3)
	}
	c, err := sm2.Encrypt(rand.Reader, to, plain, opts)
	if err == nil && p.layout != layoutASN1 && !p.prefix04 {
		c = c[1:]
	}
	return c, err
}

// unwrap is the inverse with the private key.
func (p *Profile) unwrap(alg string, own *Private, wrapped []byte) ([]byte, error) {
	var plain []byte
	var err error
	switch {
	case own == nil:
		return nil, errors.New("there is no private key (key.own)")
	case alg == algSM2 && own.sm2 != nil:
		return p.unwrapSM2(own.sm2, wrapped)
	case alg == algRSAPKCS1 && own.rsa != nil:
		// All failures look alike, and the digest behind them decides.
		plain, err = own.rsa.Decrypt(rand.Reader, wrapped, &rsa.PKCS1v15DecryptOptions{}) //nolint:staticcheck // what the partner's document asks for; under TLS
	case oaep(alg) != nil && own.rsa != nil:
		plain, err = own.rsa.Decrypt(rand.Reader, wrapped, oaep(alg))
	default:
		return nil, errKind
	}
	if err != nil {
		return nil, errUnwrap
	}
	return plain, nil
}

func (p *Profile) unwrapSM2(own *sm2.PrivateKey, wrapped []byte) ([]byte, error) {
	const sequence = 0x30
	order := sm2.NewPlainDecrypterOpts(sm2.C1C3C2)
	if p.layout == layoutC1C2C3 {
		order = sm2.NewPlainDecrypterOpts(sm2.C1C2C3)
	}
	if p.layout != layoutASN1 && !p.prefix04 {
		wrapped = append([]byte{4}, wrapped...)
	}
	want := byte(4)
	if p.layout == layoutASN1 {
		want = sequence
	}
	if len(wrapped) == 0 || wrapped[0] != want {
		return nil, errForm
	}
	plain, err := own.Decrypt(rand.Reader, wrapped, order)
	if err != nil {
		return nil, errUnwrap
	}
	return plain, nil
}

// keys are those of the configuration, parsed.
type keys struct {
	own     *Private
	partner *Public
	shared  []byte
}

// parsed parses the keys of the configuration, once.
func (p *Profile) parsed() (keys, error) {
	p.once.Do(func() { p.keys, p.err = p.parse() })
	return p.keys, p.err
}

func (p *Profile) parse() (k keys, err error) {
	if !p.own.Empty() {
		if k.own, err = ParsePrivate(p.own.Reveal()); err != nil {
			return k, fmt.Errorf("key.own: %w", err)
		}
	}
	if !p.partner.Empty() {
		if k.partner, err = ParsePublic(p.partner.Reveal(), ""); err != nil {
			return k, fmt.Errorf("key.partner: %w", err)
		}
	}
	if p.keyAlg != algPreShared {
		return k, nil
	}
	k.shared, err = hex.DecodeString(strings.TrimSpace(p.shared.Reveal()))
	if size := ciphers()[p.cipher].keySize; err != nil || len(k.shared) != size {
		return k, fmt.Errorf("key.shared: %s needs a key of %d bytes, in %d hex digits", p.cipher, size, 2*size)
	}
	return k, nil
}
