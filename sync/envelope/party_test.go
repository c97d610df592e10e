package envelope

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"milkrun/sync/secret"
	"milkrun/sync/setting"
)

const (
	ourKey   = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
	theirKey = "128b2fa8bd433c6c068c8d803dff79792a519a55171b1b650c23661d15897263"
)

func secretOf(text string) secret.Secret { return secret.New(text) }

// profile returns one with these keys set, as the table of a connection sets them.
func profile(t testing.TB, keys map[string]any) *Profile {
	t.Helper()
	p := NewProfile()
	if err := p.Group("envelope").Set(keys); err != nil {
		t.Fatal(err)
	}
	return p
}

// sides returns both ends of a profile.
func sides(t testing.TB, p *Profile, now func() time.Time) (ours, theirs *Party) {
	t.Helper()
	a, b := keyPairs(t, p)
	k, err := p.parsed()
	if err != nil {
		t.Fatal(err)
	}
	ours = p.Side(a, b.Public(), k.shared, now)
	return ours, p.Side(b, a.Public(), k.shared, now)
}

func keyPairs(t testing.TB, p *Profile) (a, b *Private) {
	t.Helper()
	texts := [2]string{ourKey, theirKey}
	if p.RSA() {
		texts = rsaTexts()
	}
	list := make([]*Private, 2)
	for i, text := range texts {
		var err error
		if list[i], err = ParsePrivate(text); err != nil {
			t.Fatal(err)
		}
	}
	return list[0], list[1]
}

// TestEveryProfile seals and opens with all algorithms, places and encodings, both ways.
func TestEveryProfile(t *testing.T) {
	plain := []byte(`{"data":[{"enterpriseName":"太原市测试科技有限公司","bidPrice":"595000.00"}]}`)
	n := 0
	for _, key := range []map[string]any{
		{"alg": "sm2"}, {"alg": "sm2", "sm2_layout": "c1c2c3", "enc": "hex"}, {"alg": "sm2", "sm2_layout": "asn1"}, {"alg": "sm2", "prefix04": false},
		{"alg": "rsa-oaep"}, {"alg": "rsa-oaep-mgf1-sha1"}, {"alg": "rsa-pkcs1"}, {"alg": "pre-shared"},
	} {
		for _, name := range cipherNames() {
			for _, iv := range []string{"random-prefix", "field:iv", "fixed"} {
				c := ciphers()[name]
				cipher := map[string]any{"alg": name, "iv": iv, "enc": []string{"base64", "hex"}[n%2]}
				if iv == "fixed" {
					cipher["fixed_iv"] = strings.Repeat("0a", c.ivSize())
				}
				if key["alg"] == "pre-shared" {
					key["shared"] = secretOf(strings.Repeat("1f", c.keySize))
				}
				digests := []string{"sm3", "sha256", "md5", "hmac-sm3", "hmac-sha256"}
				sign := map[string]any{"alg": "none"}
				if n%2 == 0 {
					sign["alg"] = map[bool]string{true: "rsa-sha256", false: "sm2"}[strings.HasPrefix(key["alg"].(string), "rsa")]
				}
				p := profile(t, map[string]any{"key": maps.Clone(key), "cipher": cipher, "sign": sign,
					"digest":      map[string]any{"alg": digests[n%5], "over": []string{"plaintext", "canonical-json"}[n%2], "enc": []string{"hex-lower", "hex-upper", "base64"}[n%3], "key": secretOf("k")},
					"anti_replay": map[string]any{"timestamp_field": "ts", "nonce_field": "nonce"}})
				n++
				ours, theirs := sides(t, p, time.Now)
				request, err := ours.Seal(plain)
				if err != nil {
					t.Fatal(key, cipher, err)
				}
				for _, name := range p.FieldNames() {
					if request.Fields[name] == "" && (name != "iv" || c.ivSize() > 0) {
						t.Fatalf("%v %v: no %s in %v", key, cipher, name, request.Fields)
					}
				}
				got, opened, err := theirs.Open(request.Fields, nil)
				if err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("%v %v: %q, %v", key, cipher, got, err)
				}
				answer, err := theirs.SealWith(opened, plain)
				if err != nil {
					t.Fatal(err)
				}
				if got, _, err = ours.Open(answer.Fields, request); err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("%v %v: the answer is %q, %v", key, cipher, got, err)
				}
			}
		}
	}
	if n != 8*6*3 {
		t.Errorf("%d profiles", n)
	}
}

// TestTampering: whatever is changed on the way is found, and the error says at which step.
func TestTampering(t *testing.T) {
	p := profile(t, map[string]any{"sign": map[string]any{"alg": "sm2"}, "cipher": map[string]any{"iv": "field:iv"}, "anti_replay": map[string]any{"timestamp_field": "ts", "nonce_field": "nonce"}})
	now := time.Now()
	ours, theirs := sides(t, p, func() time.Time { return now })
	message := []byte(`{"uniscId":"91140107MA0GT3RT7Y"}`)
	other, err := ours.Seal([]byte(`{"uniscId":"911400001100123440"}`))
	if err != nil {
		t.Fatal(err)
	}
	flip := func(text string) string {
		b, _ := base64.StdEncoding.DecodeString(text)
		b[len(b)/2] ^= 1
		return base64.StdEncoding.EncodeToString(b)
	}
	for name, c := range map[string]struct {
		change func(f map[string]string)
		code   string
	}{
		"none":              {func(map[string]string) {}, ""},
		"digest of other":   {func(f map[string]string) { f["digest"] = other.Fields["digest"] }, CodeDigest},
		"digest one bit":    {func(f map[string]string) { f["digest"] = "0" + f["digest"][1:] }, "?digest"},
		"digest cut":        {func(f map[string]string) { f["digest"] = f["digest"][:32] }, CodeDigest},
		"digest upper case": {func(f map[string]string) { f["digest"] = strings.ToUpper(f["digest"]) }, ""},
		"no digest":         {func(f map[string]string) { delete(f, "digest") }, CodeMissing},
		"empty digest":      {func(f map[string]string) { f["digest"] = "" }, CodeDigest},
		"digest no hex":     {func(f map[string]string) { f["digest"] = "xyz" }, CodeMissing},
		"signature":         {func(f map[string]string) { f["sign"] = other.Fields["sign"] }, CodeSignature},
		"no signature":      {func(f map[string]string) { delete(f, "sign") }, CodeSignature},
		"key":               {func(f map[string]string) { f["encryptKey"] = flip(f["encryptKey"]) }, CodeDecrypt},
		"no key":            {func(f map[string]string) { delete(f, "encryptKey") }, CodeMissing},
		"vector":            {func(f map[string]string) { f["iv"] = flip(f["iv"]) }, CodeDigest},
		"short vector":      {func(f map[string]string) { f["iv"] = "AAAA" }, CodeMissing},
		"no data":           {func(f map[string]string) { delete(f, "data") }, CodeMissing},
		"odd data":          {func(f map[string]string) { f["data"] = "AAAA" }, CodeDecrypt},
		"data no base64":    {func(f map[string]string) { f["data"] = "%%" }, CodeMissing},
		"other data": {func(f map[string]string) {
			f["data"], f["iv"], f["encryptKey"] = other.Fields["data"], other.Fields["iv"], other.Fields["encryptKey"]
		}, CodeDigest},
		"old":      {func(f map[string]string) { f["ts"] = fmt.Sprint(now.Add(-11 * time.Minute).UnixMilli()) }, CodeReplay},
		"early":    {func(f map[string]string) { f["ts"] = fmt.Sprint(now.Add(11 * time.Minute).UnixMilli()) }, CodeReplay},
		"no time":  {func(f map[string]string) { delete(f, "ts") }, CodeReplay},
		"no nonce": {func(f map[string]string) { delete(f, "nonce") }, CodeReplay},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := ours.Seal(message)
			if err != nil {
				t.Fatal(err)
			}
			before := m.Fields["digest"]
			c.change(m.Fields)
			code := c.code
			if code == "?digest" {
				code = CodeDigest
				if m.Fields["digest"] == before {
					m.Fields["digest"] = "1" + before[1:]
				}
			}
			plain, _, err := theirs.Open(m.Fields, nil)
			var f *Fault
			switch {
			case code == "" && (err != nil || !bytes.Equal(plain, message)):
				t.Errorf("%q, %v", plain, err)
			case code != "" && (!errors.As(err, &f) || f.Code != code || plain != nil):
				t.Errorf("%q, %v (%+v), want %s", plain, err, f, code)
			case err != nil && (strings.Contains(err.Error(), "91140107") || strings.Contains(err.Error(), before)):
				t.Errorf("the error tells of the message: %v", err)
			}
		})
	}
}

func TestReplay(t *testing.T) {
	p := profile(t, map[string]any{"anti_replay": map[string]any{"timestamp_field": "ts", "nonce_field": "nonce", "window": "10m"}})
	now := time.Now()
	ours, theirs := sides(t, p, func() time.Time { return now })
	m, err := ours.Seal([]byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	open := func() error { _, _, err := theirs.Open(m.Fields, nil); return err }
	if err := open(); err != nil {
		t.Fatal(err)
	}
	for _, later := range []time.Duration{0, time.Minute, 9 * time.Minute, 5 * time.Minute, time.Hour} {
		now = now.Add(later)
		var f *Fault
		if err := open(); !errors.As(err, &f) || f.Code != CodeReplay {
			t.Errorf("after %v more: %v", later, err)
		}
	}
}

func TestTransform(t *testing.T) {
	p := NewProfile()
	own, _ := keyPairs(t, p)
	for way, want := range map[string]string{Plain: "abc", MD5: "900150983cd24fb0d6963f7d28e17f72", SM3: "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"} {
		if got, err := p.Transform(way, nil, "abc"); err != nil || got != want {
			t.Errorf("%s: %s, %v", way, got, err)
		}
	}
	sent, err := p.Transform(SM2, own.Public(), "Pässwort-1")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Untransform(SM2, own, sent); err != nil || got != "Pässwort-1" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := p.Transform(RSA, own.Public(), "x"); err == nil {
		t.Error("an SM2 key passes for RSA")
	}
	if _, err := p.Transform(SM2, nil, "x"); err == nil {
		t.Error("no key passes")
	}
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		keys map[string]any
		want string
	}{
		"off":            {map[string]any{"mode": "none", "key": map[string]any{"alg": "pre-shared"}}, ""},
		"default":        {map[string]any{}, ""},
		"pre-shared":     {map[string]any{"key": map[string]any{"alg": "pre-shared"}}, "envelope.key.shared"},
		"hmac":           {map[string]any{"digest": map[string]any{"alg": "hmac-sm3"}}, "envelope.digest.key"},
		"fixed":          {map[string]any{"cipher": map[string]any{"iv": "fixed", "fixed_iv": "0a0b"}}, "envelope.cipher.fixed_iv"},
		"fixed unused":   {map[string]any{"cipher": map[string]any{"fixed_iv": "0a0b"}}, "envelope.cipher.fixed_iv"},
		"fixed with ecb": {map[string]any{"cipher": map[string]any{"alg": "sm4-ecb", "iv": "fixed"}}, ""},
		"sign":           {map[string]any{"sign": map[string]any{"alg": "sm2"}}, "envelope.key.own"},
		"kinds":          {map[string]any{"key": map[string]any{"own": secretOf("x")}, "sign": map[string]any{"alg": "rsa-sha256"}}, "envelope.sign.alg"},
		"one name":       {map[string]any{"digest": map[string]any{"field": "data"}}, "envelope.cipher.field"},
		"no name":        {map[string]any{"digest": map[string]any{"field": ""}}, "envelope.cipher.field"},
	} {
		var keys []string
		for _, problem := range profile(t, c.keys).Validate("envelope") {
			keys = append(keys, problem.Key)
			if problem.Text == "" || problem.Remedy == "" {
				t.Errorf("%s: %+v", name, problem)
			}
		}
		if got := strings.Join(keys, " "); got != c.want {
			t.Errorf("%s: problems at %q, want %q", name, got, c.want)
		}
	}
	for _, bad := range []map[string]any{
		{"mode": "some"}, {"cipher": map[string]any{"alg": "des"}}, {"cipher": map[string]any{"iv": "field:"}}, {"cipher": map[string]any{"fixed_iv": "xy"}},
		{"digest": map[string]any{"on_mismatch": "accept"}}, {"digest": map[string]any{"alg": "sha1"}}, {"chiper": map[string]any{}}, {"key": map[string]any{"layout": "asn1"}},
	} {
		if err := NewProfile().Group("envelope").Set(bad); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	for _, f := range setting.Flat([]setting.Field{NewProfile().Group("envelope")}) {
		if f.En == "" || f.Zh == "" {
			t.Errorf("%s is not explained", f.Name)
		}
	}
}

func TestWrongKeysAreNamed(t *testing.T) {
	for key, text := range map[string]string{"own": "no key", "partner": "no key", "shared": "abcd"} {
		p := profile(t, map[string]any{"key": map[string]any{"alg": "pre-shared", "shared": secretOf(strings.Repeat("00", 16)), key: secretOf(text)}})
		if err := p.CheckKeys(); err == nil || !strings.Contains(err.Error(), "key."+key) || strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", key, err)
		}
	}
	own, err := ParsePrivate(ourKey)
	if err != nil || strings.Contains(fmt.Sprintf("%v %+v %#v %s", own, own, own, own), ourKey[:8]) {
		t.Errorf("the key shows: %v", err)
	}
}

// FuzzOpen: whatever arrives, opening it neither panics nor returns what was not proved.
func FuzzOpen(f *testing.F) {
	profiles := []map[string]any{
		{}, {"key": map[string]any{"sm2_layout": "asn1", "enc": "hex"}, "cipher": map[string]any{"alg": "aes-256-gcm", "iv": "field:iv"}},
		{"key": map[string]any{"alg": "pre-shared", "shared": secretOf(strings.Repeat("00", 16))}, "cipher": map[string]any{"alg": "sm4-ecb"}, "digest": map[string]any{"over": "canonical-json"}},
		{"key": map[string]any{"prefix04": false}, "sign": map[string]any{"alg": "sm2"}, "anti_replay": map[string]any{"timestamp_field": "ts", "nonce_field": "n"}},
	}
	type pair struct{ ours, theirs *Party }
	var list []pair
	for i, keys := range profiles {
		ours, theirs := sides(f, profile(f, keys), time.Now)
		list = append(list, pair{ours, theirs})
		m, err := ours.Seal([]byte(`{"a":1}`))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), m.Fields["data"], m.Fields["encryptKey"], m.Fields["digest"], m.Fields["iv"], m.Fields["sign"])
	}
	f.Add(byte(0), "", hex.EncodeToString(make([]byte, 97)), "00", "", "")
	f.Fuzz(func(t *testing.T, which byte, data, key, digest, iv, sign string) {
		p := list[int(which)%len(list)]
		fields := map[string]string{"data": data, "encryptKey": key, "digest": digest, "iv": iv, "sign": sign,
			"ts": fmt.Sprint(time.Now().UnixMilli()), "n": hex.EncodeToString(random(8))}
		plain, opened, err := p.theirs.Open(fields, nil)
		if err != nil {
			var fault *Fault
			if plain != nil || opened != nil || !errors.As(err, &fault) {
				t.Fatalf("%q with %v", plain, err)
			}
			return
		}
		sum, err := p.theirs.profile.digestOf(plain)
		want, _ := decode(p.theirs.profile.digestEnc, digest)
		if err != nil || !slices.Equal(sum, want) {
			t.Fatalf("%q was opened with the digest %q", plain, digest)
		}
	})
}
