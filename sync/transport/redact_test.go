package transport

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"milkrun/sync/feed"
	"milkrun/sync/secret"
	"milkrun/sync/transport/answertest"
)

// encodings are the ways in which a server may repeat what it was sent.
var encodings = map[string]func(string) string{
	"plain":     func(s string) string { return s },
	"json":      func(s string) string { return jsonText(s, true) },
	"json bare": func(s string) string { return jsonText(s, false) },
	"json solidus": func(s string) string {
		return strings.ReplaceAll(jsonText(s, true), "/", `\/`)
	},
	"json numeric": func(s string) string {
		var out strings.Builder
		for _, u := range utf16.Encode([]rune(s)) {
			fmt.Fprintf(&out, `\u%04X`, u)
		}
		return out.String()
	},
	"html":         html.EscapeString,
	"html named":   strings.NewReplacer("&", "&AMP;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;", "/", "&sol;", "%", "&percnt;").Replace,
	"html decimal": func(s string) string { return each(s, "&#%d;") },
	"html hex":     func(s string) string { return each(s, "&#X%x;") },
	"html padded":  func(s string) string { return each(s, "&#x000%X;") },
	"query":        url.QueryEscape,
	"path":         url.PathEscape,
	"percent": func(s string) string {
		return fmt.Sprintf(strings.Repeat("%%%02x", len(s)), octets(s)...)
	},
	"lower":      func(s string) string { return strings.ToLower(url.QueryEscape(s)) },
	"base64":     func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 url": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"basic":      func(s string) string { return base64.StdEncoding.EncodeToString([]byte("user:" + s)) },
	"basic 2":    func(s string) string { return base64.URLEncoding.EncodeToString([]byte("user1:" + s + ":x")) },
	"basic 3":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte("user12:" + s + "yz")) },
	"hex":        func(s string) string { return hex.EncodeToString([]byte(s)) },
	"hex upper":  func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte("u:" + s))) },
}

// outers are the encodings in which another may lie.
var outers = []string{"json", "json bare", "json solidus", "json numeric", "html", "html named", "html hex", "query", "path", "percent"}

func jsonText(s string, forHTML bool) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(forHTML)
	if err := e.Encode(s); err != nil {
		panic(err)
	}
	text := strings.TrimSuffix(out.String(), "\n")
	return text[1 : len(text)-1]
}

func each(s, format string) string {
	var out strings.Builder
	for _, r := range s {
		fmt.Fprintf(&out, format, r)
	}
	return out.String()
}

func octets(s string) []any {
	var list []any
	for i := range len(s) {
		list = append(list, s[i])
	}
	return list
}

// decodings of a text: undone once, each by the standard library.
func decodings(text string) []string {
	list := []string{text, html.UnescapeString(text), hexed(text)}
	var s string
	if json.Unmarshal([]byte(`"`+text+`"`), &s) == nil {
		list = append(list, s)
	}
	if s, err := url.QueryUnescape(text); err == nil {
		list = append(list, s)
	}
	if s, err := url.PathUnescape(text); err == nil {
		list = append(list, s)
	}
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("[] =\"", r) }) {
			for from := range min(4, len(word)) {
				b, _ := e.DecodeString(word[from:])
				list = append(list, string(b))
			}
		}
	}
	return list
}

func hexed(text string) string {
	var out []byte
	for i := 0; i+1 < len(text); i++ {
		if b, err := hex.DecodeString(text[i : i+2]); err == nil {
			out, i = append(out, b...), i+1
		}
	}
	return string(out)
}

func TestSecretsAreCutInEveryEncoding(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	alphabet := []rune(`aZ09"\/&<>'%+ =;#u-_.:?@~` + "\t\n密é😀")
	for range 60 {
		value := make([]rune, 4+r.IntN(20))
		for i := range value {
			value[i] = alphabet[r.IntN(len(alphabet))]
		}
		s := string(value)
		if strings.TrimSpace(s) != s || partOfStandIn(s) {
			continue
		}
		for name, encode := range encodings {
			hold(t, name, s, encode(s))
			for outer, again := range encodings {
				if slices.Contains(outers, outer) {
					hold(t, outer+" of "+name, s, again(encode(s)))
				}
			}
		}
	}
}

func partOfStandIn(s string) bool {
	standIn := secret.Secret{}.String()
	return strings.Contains(standIn, s)
}

// hold sees that nothing of the echo is left, nor to be decoded from what is.
func hold(t *testing.T, name, s, echo string) {
	t.Helper()
	got := Said(`bad "pwd": "`+echo+`" here`, secret.New(s))
	if !strings.Contains(got, "[secret]") {
		t.Fatalf("%s: %q as %q: %q", name, s, echo, got)
	}
	for _, text := range decodings(got) {
		if strings.Contains(text, s) || strings.Contains(text, echo) {
			t.Fatalf("%s: %q as %q: %q tells %q", name, s, echo, got, text)
		}
	}
}

func TestRedact(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"the rest stays", `{"a":"x&amp;y","pwd":"p\"w\u0026d\/1"} 100%`, `{"a":"x&amp;y","pwd":"[secret]"} 100%`},
		{"mixtures", `p%22w&amp;d\/1`, "[secret]"},
		{"three deep", `p\\\"w\\u0026d%2f1`, "[secret]"},
		{"form in JSON in HTML", "p%2522w%2526d%252f1&#10;", "[secret]&#10;"},
		{"case", `P"W&D/1`, "[secret]"},
		{"twice", `p"w&d/1p"w&d/1 p"w&d/1`, "[secret] [secret]"},
		{"basic", "Basic YWRtaW46cCJ3JmQvMQ==.", "Basic YWRtaW46[secret]==."},
		{"hidden signs", "p\"w\u200b&d/1", "[secret]"},
		{"short alone", "pin=k9; k9a ak9 k%39 密码k9错 azk5", "pin=[secret]; k9a ak9 [secret] 密码[secret]错 azk5"},
		{"short encoded", "azk= 6b39 x6b39 xazk= 6B39", "[secret]= [secret] x6b39 xazk= [secret]"},
		{"no escapes", `\ & % \u &; %4 %zz \u12 &#; \`, `\ & % \u &; %4 %zz \u12 &#; \`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Said(c.in, secret.New(`p"w&d/1`), secret.New("k9")); got != c.want {
				t.Errorf("Said(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

// A secret at the end of what is looked at is not shown in part.
func TestRedactLongText(t *testing.T) {
	s := strings.Repeat("sEcr3t!", 100)
	for _, at := range []int{0, keptOf - 100, keptOf, lookedAt - 100, lookedAt} {
		text := strings.Repeat(" ", at) + s + strings.Repeat(" ", lookedAt)
		if got := Said(text, secret.New(s)); strings.Contains(got, "sEcr3t") {
			t.Errorf("at %d: %q", at, got)
		}
	}
}

// Texts made to be expensive are read in bounded time.
func TestRedactIsBounded(t *testing.T) {
	for _, unit := range []string{"a", "%25", `\\`, "&amp;", `%5c\u0026amp;`, "YWFh", "&", `\u0025`} {
		text, s := strings.Repeat(unit, 64<<20/len(unit)/8), strings.Repeat("a", 2000)
		start := time.Now()
		Said(text, secret.New(s), secret.New(s+"b"), secret.New("aaaa"))
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: %v", unit, took)
		}
	}
}

func TestNetworkErrorsHoldNoSecret(t *testing.T) {
	broken := answertest.RoundTrip(func(*http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("malformed MIME header line: pwd=p%%22w")
	})
	call := get(address)
	call.Secrets = []secret.Secret{secret.New(`p"w`), secret.New(`p"wd`)}
	_, err := settings(t, nil).Client(broken).Do(t.Context(), call)
	wantError(t, err, feed.Retry, "network", "pwd=[secret]")
}

func TestByteOrderMarkIsIgnored(t *testing.T) {
	for body, want := range map[string]string{"\uFEFF{}": "{}", "\uFEFF": "", "{}\uFEFF": "{}\uFEFF", "\xef\xbb{}": "\xef\xbb{}"} {
		c := settings(t, nil).Client(answertest.RoundTrip(func(*http.Request) (*http.Response, error) {
			return answertest.Reply(200, body), nil
		}))
		if r, err := c.Do(t.Context(), get(address)); err != nil || string(r.Body) != want {
			t.Errorf("%q: %q, %v", body, r.Body, err)
		}
	}
}

func FuzzSaid(f *testing.F) {
	for _, s := range []string{`p"w&d/1`, "%41+b", `\u0026`, "&amp;x", "k9"} {
		f.Add(`a \" %2`+s+"&#", s)
	}
	f.Fuzz(func(t *testing.T, text, s string) {
		got := Said(text, secret.New(s))
		if len(s) >= shortSecret && !strings.ContainsAny(s, "[]*… \t\uFFFD") && !partOfStandIn(s) && strings.Contains(got, s) {
			t.Fatalf("Said(%q) tells %q: %q", text, s, got)
		}
		if n := len([]rune(got)); n > saidRunes+1 {
			t.Fatalf("%d characters", n)
		}
	})
}

// TestRedactOfALongText finds secrets wherever they stand in a text of many windows, and changes nothing else.
func TestRedactOfALongText(t *testing.T) {
	const hidden = "S3cr3t/of+length=20"
	filler := strings.Repeat("nothing to see, ", 5000)
	for _, at := range []int{0, keptOf - 9, keptOf, lookedAt - 9, lookedAt, 3*keptOf - 1, len(filler)} {
		for name, encode := range encodings {
			text := filler[:at] + encode(hidden) + filler[at:]
			if got := Redact(text, secret.New(hidden)); strings.Contains(got, encode(hidden)) || !strings.Contains(got, "[secret]") {
				t.Errorf("%s at %d is not cut out", name, at)
			} else if len(got) < len(filler) {
				t.Errorf("%s at %d: %d bytes are left of %d", name, at, len(got), len(filler))
			}
		}
	}
	if got := Redact(filler, secret.New(hidden)); got != filler {
		t.Error("a text without secrets was changed")
	}
}
