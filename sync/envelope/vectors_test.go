package envelope

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// vectorFile holds values computed by OpenSSL and by the examples of the standards, GB/T 32918.5 among them.
type vectorFile struct {
	Plaintext string `json:"plaintext_utf8"`
	SM3       []struct{ Msg, Hex string }
	SM4       struct {
		Key string
		ECB string                   `json:"ecb_pkcs7_b64"`
		CBC struct{ IV, B64 string } `json:"cbc_pkcs7"`
		GCM struct {
			Nonce string
			B64   string `json:"ct_and_tag_b64"`
		}
	}
	SM2 struct {
		D, PX, PY, ID string
		Sign          struct{ Msg, R, S string } `json:"sign_example"`
		Encrypt       struct{ PT, CT string }    `json:"encrypt_example_std_c1c3c2"`
		Wrapped       struct {
			Key    string
			C1C3C2 string `json:"c1c3c2_hex"`
			C1C2C3 string `json:"c1c2c3_hex"`
			ASN1   string `json:"asn1_hex"`
		} `json:"wrapped_sm4_key"`
	}
	AES struct {
		Key256, IV string
		CBC        string `json:"aes256cbc_b64"`
		ECB        string `json:"aes128ecb_key_first16_b64"`
		GCM        string `json:"aes256gcm_nonce_first12_ct_tag_b64"`
	}
	Digest struct{ SHA256, MD5 string }
}

func vectors(t testing.TB) (v vectorFile) {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil || v.Plaintext == "" {
		t.Fatal(err)
	}
	return v
}

func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		if b, err = base64.StdEncoding.DecodeString(text); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func TestCipherVectors(t *testing.T) {
	v := vectors(t)
	key := bytesOf(t, v.AES.Key256)
	for name, c := range map[string]struct {
		key, iv []byte
		sealed  string
	}{
		"sm4-ecb":     {bytesOf(t, v.SM4.Key), nil, v.SM4.ECB},
		"sm4-cbc":     {bytesOf(t, v.SM4.Key), bytesOf(t, v.SM4.CBC.IV), v.SM4.CBC.B64},
		"sm4-gcm":     {bytesOf(t, v.SM4.Key), bytesOf(t, v.SM4.GCM.Nonce), v.SM4.GCM.B64},
		"aes-256-cbc": {key, bytesOf(t, v.AES.IV), v.AES.CBC},
		"aes-128-ecb": {key[:16], nil, v.AES.ECB},
		"aes-256-gcm": {key, bytesOf(t, v.AES.IV)[:12], v.AES.GCM},
	} {
		s := ciphers()[name]
		plain, err := s.open(c.key, c.iv, bytesOf(t, c.sealed))
		if err != nil || string(plain) != v.Plaintext {
			t.Errorf("%s opens to %q, %v", name, plain, err)
		}
		sealed, err := s.seal(c.key, c.iv, []byte(v.Plaintext))
		if got := base64.StdEncoding.EncodeToString(sealed); err != nil || got != c.sealed {
			t.Errorf("%s seals to %s, %v", name, got, err)
		}
	}
	if len(cipherNames()) != 6 {
		t.Errorf("ciphers without a vector: %v", cipherNames())
	}
}

func TestDigestVectors(t *testing.T) {
	v := vectors(t)
	p := NewProfile()
	for _, c := range v.SM3 {
		if sum, err := p.digestOf([]byte(c.Msg)); err != nil || hex.EncodeToString(sum) != c.Hex {
			t.Errorf("SM3 of %q is %x, %v", c.Msg, sum, err)
		}
	}
	for alg, want := range map[string]string{"sha256": v.Digest.SHA256, "md5": v.Digest.MD5} {
		p.digest = alg
		if sum, err := p.digestOf([]byte(v.Plaintext)); err != nil || hex.EncodeToString(sum) != want {
			t.Errorf("%s is %x, %v", alg, sum, err)
		}
	}
}

func TestSM2Vectors(t *testing.T) {
	v := vectors(t)
	own, err := ParsePrivate(v.SM2.D)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ParsePublic(v.SM2.PX+v.SM2.PY, "hex04")
	if err != nil || public.ID() != own.Public().ID() {
		t.Fatalf("the public key is another: %v", err)
	}
	p := NewProfile()
	if plain, err := p.unwrap(algSM2, own, bytesOf(t, v.SM2.Encrypt.CT)); err != nil || string(plain) != v.SM2.Encrypt.PT {
		t.Errorf("the standard's example opens to %q, %v", plain, err)
	}
	for layout, text := range map[string]string{layoutC1C3C2: v.SM2.Wrapped.C1C3C2, layoutC1C2C3: v.SM2.Wrapped.C1C2C3, layoutASN1: v.SM2.Wrapped.ASN1} {
		for _, prefixed := range []bool{true, false} {
			p.layout, p.prefix04 = layout, prefixed
			wrapped := bytesOf(t, text)
			if !prefixed && layout != layoutASN1 {
				wrapped = wrapped[1:]
			}
			if key, err := p.unwrap(algSM2, own, wrapped); err != nil || hex.EncodeToString(key) != v.SM2.Wrapped.Key {
				t.Errorf("%s, prefix %v: %x, %v", layout, prefixed, key, err)
			}
		}
	}
	signature, err := asn1Signature(bytesOf(t, v.SM2.Sign.R), bytesOf(t, v.SM2.Sign.S))
	p.sign, p.signID = signSM2, v.SM2.ID
	if err != nil || !p.signed(public, []byte(v.SM2.Sign.Msg), signature) {
		t.Errorf("the standard's signature does not verify: %v", err)
	}
	if p.signed(public, []byte(v.SM2.Sign.Msg+"."), signature) {
		t.Error("it verifies for another message")
	}
}

func TestKeyFormats(t *testing.T) {
	v := vectors(t)
	point := bytesOf(t, "04"+v.SM2.PX+v.SM2.PY)
	k, err := ParsePublic(hex.EncodeToString(point), "")
	if err != nil {
		t.Fatal(err)
	}
	for format, text := range map[string]string{
		"hex04": strings.ToUpper(hex.EncodeToString(point)), "b64raw": base64.StdEncoding.EncodeToString(point[1:]),
		"b64der": base64.StdEncoding.EncodeToString(k.DER()), "pem": pemOf("PUBLIC KEY", k.DER()),
	} {
		for _, f := range []string{format, ""} {
			if got, err := ParsePublic(" "+text+"\n", f); err != nil || got.ID() != k.ID() {
				t.Errorf("%s as %q: %v", format, f, err)
			}
		}
	}
	for _, bad := range []string{"", "zz", "04" + v.SM2.PX, "04" + v.SM2.PX + v.SM2.PX, base64.StdEncoding.EncodeToString(point)[:40]} {
		for _, f := range append(KeyFormats(), "") {
			if _, err := ParsePublic(bad, f); err == nil {
				t.Errorf("%q passes as %q", bad, f)
			}
		}
	}
	for _, bad := range []string{"", strings.Repeat("f", 64), strings.Repeat("0", 64), "abcd", pemOf("PRIVATE KEY", []byte{1, 2, 3})} {
		_, err := ParsePrivate(bad)
		if err == nil {
			t.Errorf("the private key %q passes", bad)
		} else if len(bad) > 10 && strings.Contains(err.Error(), bad[:10]) {
			t.Errorf("the error quotes the key: %v", err)
		}
	}
}

// TestOAEPOfJava opens what OpenSSL wrapped with SHA-256 and, in MGF1, SHA-1; with another hash in MGF1 nothing does.
func TestOAEPOfJava(t *testing.T) {
	text, err := os.ReadFile("testdata/oaep.json")
	if err != nil {
		t.Fatal(err)
	}
	v := struct {
		Key     string `json:"private_key_der"`
		Plain   string `json:"plain"`
		Wrapped []byte `json:"wrapped"`
	}{}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	own, err := ParsePrivate(v.Key)
	if err != nil {
		t.Fatal(err)
	}
	p := NewProfile()
	if got, err := p.unwrap(algRSAOAEP1, own, v.Wrapped); err != nil || string(got) != v.Plain {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := p.unwrap(algRSAOAEP, own, v.Wrapped); err == nil {
		t.Errorf("with SHA-256 in MGF1: %q", got)
	}
}
