package envelope

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The steps at which opening a message can fail, as the Code of a [Fault].
const (
	CodeMissing   = "envelope"  // a part is missing, or not encoded as the profile says
	CodeDecrypt   = "decrypt"   // the key or the ciphertext
	CodeDigest    = "digest"    // what was decrypted is not what the sender made the digest of
	CodeSignature = "signature" // the sender is not the partner
	CodeReplay    = "replay"    // too old, or here before
)

// Fault is why a message was not opened. Its text holds nothing of the message.
type Fault struct{ Code, Text string }

// Error returns the text.
func (f *Fault) Error() string { return f.Text }

func fault(code, format string, args ...any) error {
	return &Fault{code, fmt.Sprintf(format, args...)}
}

// Party is one side of an exchange of sealed messages. It is safe for concurrent use.
type Party struct {
	profile *Profile
	own     *Private
	partner *Public
	shared  []byte
	now     func() time.Time
	seen    *nonces
}

// Party returns our side, with the keys of the configuration. Partner is the platform's public key when it was fetched, nil
// to take that of the configuration.
func (p *Profile) Party(partner *Public, now func() time.Time) (*Party, error) {
	k, err := p.parsed()
	if err != nil {
		return nil, err
	}
	if partner == nil {
		partner = k.partner
	}
	return p.Side(k.own, partner, k.shared, now), nil
}

// Side returns a side with the keys given, and not those of the configuration: for the stand-in of a platform.
func (p *Profile) Side(own *Private, partner *Public, shared []byte, now func() time.Time) *Party {
	return &Party{profile: p, own: own, partner: partner, shared: shared, now: now, seen: &nonces{}}
}

// Sealed is a message under way: its fields by their names, and the key it is encrypted with, for an answer that brings none.
type Sealed struct {
	Fields map[string]string
	key    []byte
}

// Seal encrypts a text for the partner.
func (s *Party) Seal(plain []byte) (*Sealed, error) { return s.SealWith(nil, plain) }

// SealWith seals an answer with the key of the request, which it does not repeat; with nil it is [Party.Seal].
func (s *Party) SealWith(request *Sealed, plain []byte) (*Sealed, error) {
	p := s.profile
	m := &Sealed{Fields: map[string]string{}}
	c := ciphers()[p.cipher]
	switch {
	case p.keyAlg == algPreShared:
		m.key = s.shared
	case request != nil:
		m.key = request.key
	default:
		m.key = random(c.keySize)
		wrapped, err := p.wrap(p.keyAlg, s.partner, m.key)
		if err != nil {
			return nil, fmt.Errorf("wrapping the key: %w", err)
		}
		m.Fields[p.keyField] = encode(p.keyEnc, wrapped)
	}
	if err := s.encrypt(m, c, plain); err != nil {
		return nil, fmt.Errorf("encrypting: %w", err)
	}
	sum, err := p.digestOf(plain)
	if err != nil {
		return nil, fmt.Errorf("making the digest: %w", err)
	}
	m.Fields[p.digestField] = encode(p.digestEnc, sum)
	if p.sign != signNone {
		sig, err := p.signature(s.own, plain)
		if err != nil {
			return nil, fmt.Errorf("signing: %w", err)
		}
		m.Fields[p.signField] = base64.StdEncoding.EncodeToString(sig)
	}
	s.date(m)
	return m, nil
}

func (s *Party) encrypt(m *Sealed, c suite, plain []byte) error {
	p, iv := s.profile, random(c.ivSize())
	if p.iv == ivFixed {
		iv, _ = hex.DecodeString(p.fixedIV) // checked when it was set
		iv = iv[:min(len(iv), c.ivSize())]
	}
	out, err := c.seal(m.key, iv, plain)
	if err != nil {
		return err
	}
	switch name, field := strings.CutPrefix(p.iv, ivField); {
	case field && c.ivSize() > 0:
		m.Fields[name] = encode(p.dataEnc, iv)
	case p.iv == ivPrefix:
		out = append(iv, out...)
	}
	m.Fields[p.dataField] = encode(p.dataEnc, out)
	return nil
}

// date adds time and nonce.
func (s *Party) date(m *Sealed) {
	if name := s.profile.timestampField; name != "" {
		m.Fields[name] = strconv.FormatInt(s.now().UnixMilli(), 10)
	}
	if name := s.profile.nonceField; name != "" {
		m.Fields[name] = hex.EncodeToString(random(16))
	}
}

// Open decrypts a message and proves it: digest first, over the exact bytes that were decrypted, then signature, time and
// nonce. Nothing is returned of a message that fails, and every failure is a [Fault]. Request is what the message answers, nil
// for none: an answer without a key of its own is encrypted with that one's.
func (s *Party) Open(fields map[string]string, request *Sealed) (plain []byte, opened *Sealed, err error) {
	opened = &Sealed{Fields: fields}
	if opened.key, err = s.messageKey(fields, request); err != nil {
		return nil, nil, err
	}
	if plain, err = s.decrypt(fields, opened.key); err != nil {
		return nil, nil, err
	}
	if err := s.prove(fields, plain); err != nil {
		return nil, nil, err
	}
	return plain, opened, nil
}

func (s *Party) messageKey(fields map[string]string, request *Sealed) ([]byte, error) {
	p := s.profile
	if p.keyAlg == algPreShared {
		return s.shared, nil
	}
	text, ok := fields[p.keyField]
	if !ok && request != nil {
		return request.key, nil
	}
	if !ok {
		return nil, fault(CodeMissing, "the message has no %s", p.keyField)
	}
	wrapped, err := decode(p.keyEnc, text)
	if err != nil {
		return nil, fault(CodeMissing, "%s of the message: %v", p.keyField, err)
	}
	key, err := p.unwrap(p.keyAlg, s.own, wrapped)
	if err != nil {
		return nil, fault(CodeDecrypt, "%s of the message: %v", p.keyField, err)
	}
	if size := ciphers()[p.cipher].keySize; len(key) != size {
		return nil, fault(CodeDecrypt, "%s of the message: %v", p.keyField, errUnwrap)
	}
	return key, nil
}

func (s *Party) decrypt(fields map[string]string, key []byte) ([]byte, error) {
	p := s.profile
	text, ok := fields[p.dataField]
	if !ok {
		return nil, fault(CodeMissing, "the message has no %s", p.dataField)
	}
	sealed, err := decode(p.dataEnc, text)
	if err != nil {
		return nil, fault(CodeMissing, "%s of the message: %v", p.dataField, err)
	}
	c := ciphers()[p.cipher]
	iv, sealed, err := s.vector(fields, sealed, c.ivSize())
	if err != nil {
		return nil, err
	}
	plain, err := c.open(key, iv, sealed)
	if err != nil {
		return nil, fault(CodeDecrypt, "%s of the message: %v", p.dataField, err)
	}
	return plain, nil
}

// vector finds the initialisation vector, and returns what is left of the ciphertext.
func (s *Party) vector(fields map[string]string, sealed []byte, size int) (iv, rest []byte, err error) {
	p := s.profile
	name, field := strings.CutPrefix(p.iv, ivField)
	switch {
	case size == 0:
		return nil, sealed, nil
	case field:
		if iv, err = decode(p.dataEnc, fields[name]); err != nil || len(iv) != size {
			return nil, nil, fault(CodeMissing, "the message has no %s of %d bytes", name, size)
		}
		return iv, sealed, nil
	case p.iv == ivFixed:
		iv, _ = hex.DecodeString(p.fixedIV)
		return iv, sealed, nil
	case len(sealed) < size:
		return nil, nil, fault(CodeDecrypt, "%s of the message: %v", p.dataField, errCipher)
	}
	return sealed[:size], sealed[size:], nil
}

func (s *Party) prove(fields map[string]string, plain []byte) error {
	p := s.profile
	text, ok := fields[p.digestField]
	if !ok {
		return fault(CodeMissing, "the message has no %s", p.digestField)
	}
	want, err := decode(p.digestEnc, text)
	if err != nil {
		return fault(CodeMissing, "%s of the message: %v", p.digestField, err)
	}
	got, err := p.digestOf(plain)
	if err != nil || subtle.ConstantTimeCompare(got, want) != 1 {
		return fault(CodeDigest, "the digest of what was decrypted is not the one that was sent")
	}
	if p.sign != signNone {
		sig, err := base64.StdEncoding.DecodeString(fields[p.signField])
		if err != nil || !p.signed(s.partner, plain, sig) {
			return fault(CodeSignature, "the signature in %s is not the partner's", p.signField)
		}
	}
	return s.fresh(fields)
}

// fresh checks time and nonce, where the profile has them.
func (s *Party) fresh(fields map[string]string) error {
	p, now := s.profile, s.now()
	if p.timestampField != "" {
		ms, err := strconv.ParseInt(strings.TrimSpace(fields[p.timestampField]), 10, 64)
		if off := now.Sub(time.UnixMilli(ms)); err != nil || off > p.window || off < -p.window {
			return fault(CodeReplay, "%s of the message is missing, or more than %s from our time", p.timestampField, p.window)
		}
	}
	if p.nonceField != "" {
		if nonce := fields[p.nonceField]; nonce == "" || !s.seen.add(nonce, now, p.window) {
			return fault(CodeReplay, "%s of the message is missing, or has been used", p.nonceField)
		}
	}
	return nil
}

// nonces remembers those of one window.
type nonces struct {
	mu          sync.Mutex
	old, recent map[string]bool
	turned      time.Time
}

// add says whether a nonce is new. Two generations are kept, each a window long, twice the window being how far the times
// of two good messages are apart at most.
func (n *nonces) add(nonce string, now time.Time, window time.Duration) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.recent == nil || now.Sub(n.turned) > 2*window {
		n.old, n.recent, n.turned = n.recent, map[string]bool{}, now
	}
	if n.old[nonce] || n.recent[nonce] {
		return false
	}
	n.recent[nonce] = true
	return true
}
