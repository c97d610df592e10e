// Package answertest has the wrong answers that every partner reached over HTTP has to take: each must become an error
// that says where it happened and what to do, and that shows nothing it should not. Secrets are not to leave for another
// host either.
package answertest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"milkrun/sync/feed"
)

// MaxBody is what Case.Call sets max_body to.
const MaxBody = 4096

// Case is a source or sink under test.
type Case struct {
	// Call opens a connection to a server with max_body = [MaxBody] and makes one call.
	Call func(t testing.TB, url string) error
	// Place is what every error names: the connection, and the page or batch.
	Place []string
	// Secrets are the credentials.
	Secrets []string
	// Refusal is an answer of the partner's own that refuses the call. It holds the word MESSAGE at the place of its text.
	Refusal string
}

// personal is in the answers, and not to be in any error: a phone number, an identity card, a name behind a label.
func personal() []string {
	return []string{"13712345381", "110101199003078005", "段正淳", "\x1b", "\u202e"}
}

const message = `手机号 13712345381 身份证110101199003078005，姓名：段正淳 \u001b[31m\u202e已注销`

// longest is the most characters that an error may have besides its remedy.
const longest = 600

type fault struct {
	name    string
	answer  http.HandlerFunc
	verdict feed.Verdict
	says    string
}

// Run tries every wrong answer.
func Run(t *testing.T, c Case) {
	leaked := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked = true }))
	t.Cleanup(elsewhere.Close)
	for _, f := range faults(c, elsewhere.URL) {
		t.Run(f.name, func(t *testing.T) {
			server := httptest.NewServer(f.answer)
			defer server.Close()
			c.check(t, f, c.Call(t, server.URL))
		})
	}
	if leaked {
		t.Error("a redirect was followed to another host")
	}
}

func faults(c Case, elsewhere string) []fault {
	echo := func(w http.ResponseWriter, r *http.Request) string {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		return r.Header.Get("Authorization") + " " + string(body) + " " + strings.Join(c.Secrets, " ")
	}
	return []fault{
		{"html", page("text/html", "<html><title>登录</title>"), feed.Retry, "HTML or XML page, not JSON, sent as text/html"},
		{"empty", page("application/json", ""), feed.Retry, "the answer is empty"},
		{"text", page("text/plain; charset=GBK", "busy \xcf\xb5"), -1, "not JSON, sent as text/plain; charset=GBK"},
		{"cut JSON", page("application/json", c.Refusal[:len(c.Refusal)-2]), feed.Retry, "ends in the middle"},
		{"cut body", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "4000")
			_, _ = io.WriteString(w, c.Refusal)
		}, feed.Retry, "of 4000 bytes"},
		{"dropped", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, feed.Retry, "closed without an answer"},
		{"oversize", page("application/json", strings.Repeat(" ", MaxBody+1)), feed.Fail, "more than 4096 bytes (max_body)"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere+"/?"+strings.Join(c.Secrets, "&"), http.StatusTemporaryRedirect)
		}, feed.HaltConnection, "HTTP 307"},
		{"unauthorised", status(401), feed.HaltConnection, "HTTP 401"},
		{"too many", status(429), feed.Retry, "HTTP 429"},
		{"unavailable", status(503), feed.Retry, "HTTP 503"},
		{"echo", func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, "<p>%s %s %s", echo(w, r), strings.ReplaceAll(message, `\u001b`, "\x1b"), strings.Repeat("长", 500))
		}, feed.Retry, "HTML"},
		{"refusal", func(w http.ResponseWriter, r *http.Request) {
			text := message + strings.Join(c.Secrets, " ") + strings.Repeat("长", 500)
			page("text/html", strings.ReplaceAll(c.Refusal, "MESSAGE", text))(w, r) // the type is wrong, the answer is none the less
		}, -1, "手机号 137****5381 身份证1***************05，姓名：段** [31m已注销"},
		{"byte order mark", page("application/json", "\uFEFF"+strings.ReplaceAll(c.Refusal, "MESSAGE", "marked 13712345381")), -1, "marked 137****5381"},
		{"encoded echo", page("application/json", strings.ReplaceAll(c.Refusal, "MESSAGE", "it was "+encoded(c.Secrets)+"!")), -1, "it was [secret] [secret]"},
	}
}

// encoded is how a partner may repeat secrets.
func encoded(secrets []string) string {
	var forms []string
	for _, s := range secrets {
		forms = append(forms, hex.EncodeToString([]byte(s)), base64.StdEncoding.EncodeToString([]byte(s)), url.QueryEscape(s), strings.ToUpper(s))
	}
	return strings.Join(forms, " ")
}

func page(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, body)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, message, code) }
}

// check looks at an error; verdict -1 leaves the verdict to the partner's own tests.
func (c Case) check(t *testing.T, f fault, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("the answer was taken")
	}
	e := feed.Judge(err)
	text := e.Error()
	if f.verdict >= 0 && e.Verdict != f.verdict || e.Code == "" || e.Remedy == "" {
		t.Errorf("verdict %v, code %q, remedy %q; want %v, a code and a remedy (%s)", e.Verdict, e.Code, e.Remedy, f.verdict, text)
	}
	for _, part := range append(c.Place, f.says) {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
	for _, hidden := range append(personal(), c.Secrets...) {
		if strings.Contains(text+e.Code+e.Remedy, hidden) {
			t.Errorf("%q is shown in %q, code %q, remedy %q", hidden, text, e.Code, e.Remedy)
		}
	}
	if n := len([]rune(text)); n > longest || strings.ContainsFunc(text, unicode.IsControl) {
		t.Errorf("an error of %d characters: %q", n, text)
	}
}
