package transport

import (
	"errors"
	"io"
	"strings"
	"testing"

	"milkrun/sync/feed"
)

func TestUnreadable(t *testing.T) {
	cause := errors.New("byte 3: unexpected x, call 13800138000")
	for name, c := range map[string]struct {
		body, want string
		err        error
	}{
		"empty":     {" \n", "empty", cause},
		"html":      {"<html>\n<title>502 Bad  Gateway</title>", "HTML or XML page, not JSON (<html> <title>502 Bad Gateway</title>)", cause},
		"text":      {"service busy", "is not JSON (service busy)", cause},
		"truncated": {`{"result":1`, "ends in the middle", io.ErrUnexpectedEOF},
		"latin":     {"{\"msg\":\"\xff\"}", "not valid UTF-8", cause},
		"other":     {`{"a":1}`, "not the JSON expected", cause},
		"no cause":  {`{"a":1}`, "not the JSON expected", nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := Unreadable("partner: list page 7", []byte(c.body), c.err)
			wantError(t, e, feed.Retry, "unreadable", c.want)
			if c.err != nil && !errors.Is(e, c.err) {
				t.Error("the cause is lost")
			}
			if strings.Contains(e.Error(), "13800138000") {
				t.Errorf("not scrubbed: %v", e)
			}
		})
	}
	if e := Unreadable("op", []byte(`[{"name":"张三"}]`), cause); strings.Contains(e.Error(), "张三") {
		t.Errorf("a record shows: %v", e)
	}
	phone := Unreadable("op", []byte("<p>"+strings.Repeat("长", 300)+"13800138000"), cause).Error()
	if len([]rune(phone)) > 300 || strings.Contains(phone, "13800138000") {
		t.Errorf("too much shown: %s", phone)
	}
}
