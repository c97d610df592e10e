package busipush

import (
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"milkrun/sync/kind"
	"milkrun/sync/secret"
)

func TestSignReproducesTheVectors(t *testing.T) {
	list := readVectors(t).Sign
	if len(list) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range list {
		for _, order := range []string{"pairs", "keys"} {
			c := testConnection(t, map[string]any{"sort": order, "appsecret": secret.New(v.AppSecret)})
			want, signature := v.Pairs, v.Sign
			if order == "keys" {
				want, signature = v.Keys, v.SignKeys
			}
			got, err := c.Sign(kind.SignRequest{Params: v.Params})
			if err != nil || got.Signature != signature || got.Params["sign"] != signature {
				t.Errorf("%s by %s: signature %s, %v; want %s", v.ID, order, got.Signature, err, signature)
			}
			if masked := strings.TrimSuffix(want, v.AppSecret) + secretMark; got.StringToSign != masked {
				t.Errorf("%s by %s: string to sign %q, want %q", v.ID, order, got.StringToSign, masked)
			}
		}
	}
}

func TestSignTakesTimestampAndNonce(t *testing.T) {
	c := testConnection(t, nil)
	got, _ := c.Sign(kind.SignRequest{Timestamp: "1615978623", Nonce: "1234567890"})
	if got.Signature != "a42b8f3a6afbf34add6c338a8e6fc684" {
		t.Errorf("signature %s of %s", got.Signature, got.StringToSign)
	}
	fresh, _ := c.Sign(kind.SignRequest{})
	if fresh.Params["timestamp"] == "" || fresh.Params["nonce"] == "" || fresh.Signature == got.Signature {
		t.Errorf("nothing was chosen freshly: %v", fresh)
	}
}

func TestSortAndGenerate(t *testing.T) {
	params := map[string]string{"item": "z", "item2": "a", "appcode": "", "modulecode": "", "nonce": "n", "timestamp": "1"}
	for _, c := range []struct {
		name string
		keys map[string]any
		want string
	}{
		{"pairs", nil, "item2=a&item=z&nonce=n&timestamp=1"},
		{"keys", map[string]any{"sort": "keys"}, "item=z&item2=a&nonce=n&timestamp=1"},
		{"generate", map[string]any{"sign_generate": true}, "generate=&item2=a&item=z&nonce=n&timestamp=1"},
	} {
		got, _ := testConnection(t, c.keys).Sign(kind.SignRequest{Params: maps.Clone(params)})
		if got.StringToSign != c.want+secretMark {
			t.Errorf("%s: %q, want %q", c.name, got.StringToSign, c.want)
		}
	}
}

func TestUUIDNonce(t *testing.T) {
	form, seen := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`), map[string]bool{}
	c := testConnection(t, nil)
	for range 1000 {
		n := c.newNonce()
		if !form.MatchString(n) || seen[n] {
			t.Fatalf("%s is no UUID of version 4, or was there before", n)
		}
		seen[n] = true
	}
}

func TestDigitNoncesDoNotRepeat(t *testing.T) {
	var d digits
	seen := map[string]bool{}
	begin := time.Unix(1_700_000_000, 0)
	check := func(n string) {
		t.Helper()
		if v, err := strconv.ParseInt(n, 10, 64); err != nil || len(n) != 10 || v < 0 {
			t.Fatalf("%q has not ten digits", n)
		}
		if seen[n] {
			t.Fatalf("%s came twice", n)
		}
		seen[n] = true
	}
	for range noncePerSec + 10 { // more than a second has
		check(d.next(begin))
	}
	for second := range 24 * 60 * 60 { // a whole day, the clock going back every now and then
		check(d.next(begin.Add(time.Duration(second-second%7*3) * time.Second)))
	}
}

func TestRestartedDigitNoncesDoNotRepeatNextSecond(t *testing.T) {
	var a, b digits
	now := time.Unix(1_700_000_000, 0)
	seen := map[string]bool{}
	for range 1000 {
		seen[a.next(now)] = true
	}
	for range 1000 {
		if n := b.next(now.Add(time.Second)); seen[n] {
			t.Fatalf("%s came again after a restart", n)
		}
	}
}
