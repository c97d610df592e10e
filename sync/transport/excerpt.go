package transport

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"milkrun/sync/feed"
	"milkrun/sync/mask"
	"milkrun/sync/secret"
)

const excerptRunes = 120

// Unreadable says what is wrong with a 2xx body that is not the JSON expected. The error names op and what the body looks
// like; its verdict is Retry, as a gateway's error page or a cut line usually passes. What is no JSON is shown in a short
// scrubbed excerpt. JSON is not: its beginning is records, and scrubbing knows no names of persons.
func Unreadable(op string, body []byte, err error) *feed.Error {
	what := looksLike(body, err)
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && !isJSON(trimmed) {
		what += " (" + excerpt(trimmed) + ")"
	}
	if err == nil {
		return feed.Errorf(feed.Retry, "unreadable", "%s: %s", op, what)
	}
	return feed.Errorf(feed.Retry, "unreadable", "%s: %s: %w", op, what, scrubbed{err})
}

func looksLike(body []byte, err error) string {
	trimmed := bytes.TrimSpace(body)
	switch {
	case len(trimmed) == 0:
		return "the answer is empty"
	case trimmed[0] == '<':
		return "the answer is an HTML or XML page, not JSON"
	case !isJSON(trimmed):
		return "the answer is not JSON"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the answer ends in the middle of the JSON"
	case !utf8.Valid(body):
		return "the answer is not valid UTF-8"
	default:
		return "the answer is not the JSON expected"
	}
}

// isJSON says whether a body begins like the object or list that partners answer with.
func isJSON(trimmed []byte) bool {
	return len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[')
}

// excerpt returns the beginning of a body in one line without anything personal or secret.
func excerpt(body []byte) string {
	cut := body[:min(len(body), errorRead)]
	text := mask.Scrub(strings.ToValidUTF8(string(cut), "\uFFFD"))
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	runes := []rune(text)
	if len(runes) > excerptRunes {
		return string(runes[:excerptRunes]) + "…"
	}
	return text
}

// Redact returns a text from the partner without the secrets of the request, which some servers repeat in their error
// pages; also where they stand as in a form. For error texts only.
func Redact(body []byte, secrets ...secret.Secret) []byte {
	longest := slices.SortedFunc(slices.Values(secrets), func(a, b secret.Secret) int { // one may be part of another
		return len(b.Reveal()) - len(a.Reveal())
	})
	for _, s := range longest {
		for _, form := range []string{s.Reveal(), url.QueryEscape(s.Reveal())} {
			if form != "" {
				body = bytes.ReplaceAll(body, []byte(form), []byte(s.String()))
			}
		}
	}
	return body
}

// scrubbed is an error whose text may quote the body.
type scrubbed struct{ error }

func (s scrubbed) Error() string { return mask.Scrub(s.error.Error()) }
func (s scrubbed) Unwrap() error { return s.error }
