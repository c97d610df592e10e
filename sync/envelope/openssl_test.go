package envelope

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/emmansun/gmsm/smx509"
)

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func asn1Signature(r, s []byte) ([]byte, error) {
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)})
}

// openssl runs the binary of OpenSSL 3, in a folder of its own, or skips the test where there is none.
type openssl struct {
	t   *testing.T
	dir string
}

func newOpenSSL(t *testing.T) openssl {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("SKIPPED: there is no openssl to compare with")
	}
	if version, err := exec.CommandContext(t.Context(), path, "version").Output(); err != nil || !strings.HasPrefix(string(version), "OpenSSL 3") {
		t.Skipf("SKIPPED: openssl is %s, not version 3", version)
	}
	return openssl{t, t.TempDir()}
}

func (o openssl) file(name string, content []byte) string {
	path := filepath.Join(o.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		o.t.Fatal(err)
	}
	return path
}

func (o openssl) run(input []byte, args ...string) []byte {
	o.t.Helper()
	cmd := exec.CommandContext(o.t.Context(), "openssl", args...)
	cmd.Stdin, cmd.Dir = bytes.NewReader(input), o.dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		o.t.Fatalf("openssl %v: %v: %s", args, err, errs.String())
	}
	return out
}

func TestDigestsAgainstOpenSSL(t *testing.T) {
	o := newOpenSSL(t)
	plain := []byte(`{"企业":"太原市测试科技有限公司","n":1.50}`)
	for alg, args := range map[string][]string{
		"sm3": {"dgst", "-sm3", "-binary"}, "sha256": {"dgst", "-sha256", "-binary"}, "md5": {"dgst", "-md5", "-binary"},
		"hmac-sm3": {"dgst", "-sm3", "-hmac", "k1", "-binary"}, "hmac-sha256": {"dgst", "-sha256", "-hmac", "k1", "-binary"},
	} {
		p := profile(t, map[string]any{"digest": map[string]any{"alg": alg, "key": secretOf("k1")}})
		if got, err := p.digestOf(plain); err != nil || !bytes.Equal(got, o.run(plain, args...)) {
			t.Errorf("%s: %x, %v", alg, got, err)
		}
	}
}

func TestCiphersAgainstOpenSSL(t *testing.T) {
	o := newOpenSSL(t)
	plain := []byte(`{"企业":"太原市测试科技有限公司"}`)
	for name, flag := range map[string]string{"sm4-cbc": "-sm4-cbc", "sm4-ecb": "-sm4-ecb", "aes-256-cbc": "-aes-256-cbc", "aes-128-ecb": "-aes-128-ecb"} {
		s := ciphers()[name]
		key, iv := random(s.keySize), random(s.ivSize())
		args := []string{"enc", flag, "-K", hex.EncodeToString(key)}
		if len(iv) > 0 {
			args = append(args, "-iv", hex.EncodeToString(iv))
		}
		sealed, err := s.seal(key, iv, plain)
		if err != nil || !bytes.Equal(sealed, o.run(plain, args...)) {
			t.Errorf("%s: ours is %x, %v", name, sealed, err)
		}
		if got := o.run(sealed, append(args, "-d")...); !bytes.Equal(got, plain) {
			t.Errorf("%s: openssl opens ours to %q", name, got)
		}
	}
}

func TestSM2AgainstOpenSSL(t *testing.T) {
	o := newOpenSSL(t)
	key := o.run(nil, "genpkey", "-algorithm", "SM2")
	keyFile := o.file("key.pem", key)
	public := o.run(nil, "pkey", "-in", keyFile, "-pubout")
	publicFile := o.file("public.pem", public)
	own, err := ParsePrivate(string(key))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := ParsePublic(string(public), "pem")
	if err != nil || theirs.ID() != own.Public().ID() {
		t.Fatal(err)
	}
	p := NewProfile()
	p.layout = layoutASN1
	secret := random(16)
	wrapped, err := p.wrap(algSM2, theirs, secret)
	if err != nil {
		t.Fatal(err)
	}
	if got := o.run(nil, "pkeyutl", "-decrypt", "-inkey", keyFile, "-in", o.file("wrapped", wrapped)); !bytes.Equal(got, secret) {
		t.Errorf("openssl unwraps %x", got)
	}
	back := o.run(nil, "pkeyutl", "-encrypt", "-pubin", "-inkey", publicFile, "-in", o.file("secret", secret))
	if got, err := p.unwrap(algSM2, own, back); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("we unwrap %x, %v", got, err)
	}
	p.sign = signSM2
	message := []byte("message digest 摘要")
	sig, err := p.signature(own, message)
	if err != nil {
		t.Fatal(err)
	}
	file := o.file("message", message)
	id := []string{"-rawin", "-digest", "sm3", "-pkeyopt", "distid:" + p.signID, "-in", file}
	if said := o.run(nil, append([]string{"pkeyutl", "-verify", "-pubin", "-inkey", publicFile, "-sigfile", o.file("sig", sig)}, id...)...); !strings.Contains(string(said), "Successfully") {
		t.Errorf("openssl says of our signature: %s", said)
	}
	if !p.signed(theirs, message, o.run(nil, append([]string{"pkeyutl", "-sign", "-inkey", keyFile}, id...)...)) {
		t.Error("openssl's signature does not verify")
	}
}

func TestRSAAgainstOpenSSL(t *testing.T) {
	o := newOpenSSL(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	der, err := smx509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParsePrivate(pemOf("PRIVATE KEY", der)); err != nil {
		t.Error(err)
	}
	own, err := ParsePrivate(text)
	if err != nil {
		t.Fatal(err)
	}
	keyFile, publicFile := o.file("key.pem", []byte(text)), o.file("public.pem", []byte(pemOf("PUBLIC KEY", own.Public().DER())))
	secret := random(32)
	for alg, opts := range map[string][]string{
		algRSAPKCS1: {"-pkeyopt", "rsa_padding_mode:pkcs1"},
		algRSAOAEP:  {"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"},
		algRSAOAEP1: {"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha1"},
	} {
		p := NewProfile()
		wrapped, err := p.wrap(alg, own.Public(), secret)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.run(nil, append([]string{"pkeyutl", "-decrypt", "-inkey", keyFile, "-in", o.file("wrapped", wrapped)}, opts...)...); !bytes.Equal(got, secret) {
			t.Errorf("%s: openssl unwraps %x", alg, got)
		}
		back := o.run(nil, append([]string{"pkeyutl", "-encrypt", "-pubin", "-inkey", publicFile, "-in", o.file("secret", secret)}, opts...)...)
		if got, err := p.unwrap(alg, own, back); err != nil || !bytes.Equal(got, secret) {
			t.Errorf("%s: we unwrap %x, %v", alg, got, err)
		}
	}
	p := NewProfile()
	p.sign = signRSA
	message := o.file("message", []byte("摘要"))
	if !p.signed(own.Public(), []byte("摘要"), o.run(nil, "dgst", "-sha256", "-sign", keyFile, message)) {
		t.Error("openssl's signature does not verify")
	}
	sig, err := p.signature(own, []byte("摘要"))
	if err != nil {
		t.Fatal(err)
	}
	if said := o.run(nil, "dgst", "-sha256", "-verify", publicFile, "-signature", o.file("sig", sig), message); !strings.Contains(string(said), "OK") {
		t.Errorf("openssl says %s", said)
	}
}

// rsaTexts are two RSA keys, made once: it takes long.
var rsaTexts = sync.OnceValue(func() (texts [2]string) {
	for i := range texts {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		texts[i] = pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	}
	return texts
})
