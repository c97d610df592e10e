package transport

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"milkrun/sync/feed"
	"milkrun/sync/mask"
	"milkrun/sync/secret"
)

// How many characters of a partner's text are shown.
const (
	saidRunes    = 300
	excerptRunes = 120
	codeRunes    = 40
)

// Said returns a text of the partner fit for an error, a log or a dead letter: one line of at most 300 characters,
// without control characters and others that cannot be seen, without what looks personal, and without the secrets of
// the request, which some servers repeat: see redact for the forms in which they are found.
func Said(text string, secrets ...secret.Secret) string { return shown(text, saidRunes, secrets) }

// Code is [Said] for what is a short code when all is well: at most 40 characters.
func Code(text string, secrets ...secret.Secret) string { return shown(text, codeRunes, secrets) }

func shown(text string, most int, secrets []secret.Secret) string {
	text = redact(text, secrets)
	if line := oneLine(text); line != text { // what stood between the characters of a secret may have gone
		text = redact(line, secrets)
	}
	text = mask.Scrub(text)
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// oneLine leaves what can be seen, and single spaces.
func oneLine(text string) string {
	visible := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return strings.Join(strings.Fields(visible), " ")
}

// Unreadable says what is wrong with a 2xx answer that is not the JSON expected. The error names c.Op, the content type
// and what the body looks like; its verdict is Retry, as a gateway's error page or a cut line usually passes. What is no
// JSON is shown in a short excerpt. JSON is not: its beginning is records, and scrubbing knows few names of persons.
func (c Call) Unreadable(r Response, err error) *feed.Error {
	what, remedy := complaint(r.Body, err)
	if kind := r.Header.Get("Content-Type"); kind != "" {
		what += ", sent as " + Code(kind, c.Secrets...)
	}
	if text := bytes.TrimSpace(r.Body); len(text) > 0 && !isJSON(text) {
		what += " (" + excerpt(text, c.Secrets) + ")"
	}
	if err == nil {
		return feed.Errorf(feed.Retry, "unreadable", "%s: %s", c.Op, what).WithRemedy("%s", remedy)
	}
	return feed.Errorf(feed.Retry, "unreadable", "%s: %s: %w", c.Op, what, quoting{err, c.Secrets}).WithRemedy("%s", remedy)
}

// complaint says what a body looks like, and what to do if it goes on to.
func complaint(body []byte, err error) (what, remedy string) {
	text := bytes.TrimSpace(body)
	switch {
	case len(text) == 0:
		return "the answer is empty", TriedAgain + "ask the partner why its answers are empty"
	case text[0] == '<':
		return "the answer is an HTML or XML page, not JSON",
			TriedAgain + "a gateway, a login page or a maintenance page answers in place of the interface: check url and the proxy, or ask the partner"
	case !isJSON(text):
		return "the answer is not JSON", TriedAgain + "check url, and compare the answer with the partner's document"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the answer ends in the middle of the JSON", TriedAgain + "ask the partner what cuts its answers off, or ask for fewer rows a call"
	case !utf8.Valid(body):
		return "the answer is not valid UTF-8", TriedAgain + "ask the partner to answer in UTF-8"
	default:
		return "the answer is not the JSON expected", TriedAgain + "compare the answer with the partner's document, or ask the partner"
	}
}

// TriedAgain begins the remedies of errors that are tried again by themselves.
const TriedAgain = "it is tried again by itself; if it goes on, "

// Passing says whether a body that cannot be read for the reason given looks like a gateway's page or a cut line: like
// what another try may mend.
func Passing(body []byte, err error) bool {
	text := bytes.TrimSpace(body)
	return len(text) == 0 || text[0] == '<' || errors.Is(err, io.ErrUnexpectedEOF)
}

// isJSON says whether a body begins like the object or list that partners answer with.
func isJSON(trimmed []byte) bool {
	return len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[')
}

// excerpt returns the beginning of a body.
func excerpt(body []byte, secrets []secret.Secret) string {
	return shown(string(body[:min(len(body), lookedAt)]), excerptRunes, secrets)
}

// quoting is an error whose text may quote the body.
type quoting struct {
	error
	secrets []secret.Secret
}

func (q quoting) Error() string { return Said(q.error.Error(), q.secrets...) }
func (q quoting) Unwrap() error { return q.error }

// target names where a redirect leads, without the query, which may hold what was sent.
func target(answer *http.Response, secrets []secret.Secret) string {
	u, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || u.Path == "" && u.Host == "" {
		return ""
	}
	return " to " + Said((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String(), secrets...)
}
