package transport

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"milkrun/sync/feed"
	"milkrun/sync/secret"
)

func TestSaid(t *testing.T) {
	long := strings.Repeat("长", 299)
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{" 系统\r\n\t繁忙 \x00\x1b[31m\u202e\u200b! ", "系统 繁忙 [31m!"},
		{"1371234\u200b5381", "137****5381"}, // what is hidden by a sign that cannot be seen
		{"bad \xff", "bad \uFFFD"},
		{"token hunter2 and a+b%26c, a b&c", "token [secret] and [secret], [secret]"},
		{"姓名：段正淳", "姓名：段**"},
		{long + "长", long + "长"},
		{long + "长长", long + "长…"},
		{long + "13712345381", long + "1…"},
	} {
		if got := Said(c.in, secret.New("hunter"), secret.New("hunter2"), secret.New("a b&c"), secret.Secret{}); got != c.want {
			t.Errorf("Said(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	if got := Code(long); got != strings.Repeat("长", 40)+"…" {
		t.Errorf("a code of %d bytes", len(got))
	}
}

func TestUnreadable(t *testing.T) {
	cause := errors.New("byte 3: unexpected x, call 13800138000")
	call := Call{Op: "partner: list page 7", Secrets: []secret.Secret{secret.New("hunter2")}}
	for name, c := range map[string]struct {
		body, want string
		err        error
	}{
		"empty":     {" \n", "empty, sent as text/html", cause},
		"html":      {"<html>\n<title>502 Bad  Gateway</title>", "HTML or XML page, not JSON, sent as text/html (<html> <title>502 Bad Gateway</title>)", cause},
		"text":      {"service busy hunter2", "is not JSON, sent as text/html (service busy [secret])", cause},
		"truncated": {`{"result":1`, "ends in the middle", io.ErrUnexpectedEOF},
		"latin":     {"{\"msg\":\"\xff\"}", "not valid UTF-8", cause},
		"other":     {`{"a":1}`, "not the JSON expected", cause},
		"no cause":  {`{"a":1}`, "not the JSON expected", nil},
		"record":    {`[{"name":"13800138000"}]`, "not the JSON expected", cause},
		"long":      {"<p>" + strings.Repeat("长", 300) + "13800138000", "HTML", cause},
	} {
		t.Run(name, func(t *testing.T) {
			e := call.Unreadable(Response{Body: []byte(c.body), Header: http.Header{"Content-Type": {"text/html\x07"}}}, c.err)
			wantError(t, e, feed.Retry, "unreadable", c.want)
			if c.err != nil && !errors.Is(e, c.err) {
				t.Error("the cause is lost")
			}
			if text := e.Error(); strings.Contains(text, "13800138000") || len([]rune(text)) > 300 || e.Remedy == "" {
				t.Errorf("too much or too little is shown: %s (%s)", text, e.Remedy)
			}
		})
	}
}
