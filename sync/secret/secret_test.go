package secret

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const value = "correct horse"

// holder has secrets in every place from which something may print them.
type holder struct {
	Exported Secret
	hidden   Secret
	list     []Secret
	table    map[string]Secret
	any      any
	pointer  *Secret
}

func holding() holder {
	s := New(value)
	return holder{s, s, []Secret{s}, map[string]Secret{"k": s}, s, &s}
}

func TestNothingPrintsIt(t *testing.T) {
	h := holding()
	var out []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%T", "%10.3v", "%c"} {
		out = append(out, fmt.Sprintf(verb, h.Exported), fmt.Sprintf(verb, h), fmt.Sprintf(verb, &h),
			fmt.Sprintf(verb, h.list), fmt.Sprintf(verb, h.table), fmt.Sprintf(verb, h.pointer))
	}
	out = append(out, fmt.Sprint(h.Exported), fmt.Sprintln(h), h.Exported.String(), fmt.Errorf("wrapped: %v", h.Exported).Error())
	for _, text := range []any{h, &h, h.list, h.table} {
		raw, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(raw))
	}
	raw, err := xml.Marshal(h.Exported)
	if err != nil {
		t.Fatal(err)
	}
	out = append(out, string(raw), logged(h))
	for _, text := range out {
		for _, hidden := range []string{value, fmt.Sprintf("%x", value), fmt.Sprintf("%X", value), "correct"} {
			if strings.Contains(text, hidden) {
				t.Errorf("the secret is in %s", text)
			}
		}
	}
	if got := fmt.Sprintf("%v %s %#v", h.Exported, h.Exported, h.Exported); got != "[secret] [secret] [secret]" {
		t.Errorf("a secret prints as %s", got)
	}
}

func logged(h holder) string {
	var text bytes.Buffer
	for _, l := range []*slog.Logger{slog.New(slog.NewTextHandler(&text, nil)), slog.New(slog.NewJSONHandler(&text, nil))} {
		l.Info("a", "secret", h.Exported, "pointer", h.pointer, "struct", h, "list", h.list)
	}
	return text.String()
}

func TestReveal(t *testing.T) {
	if got := New(value).Reveal(); got != value {
		t.Errorf("Reveal is %q", got)
	}
	for s, empty := range map[Secret]bool{{}: true, New(""): true, New("x"): false} {
		if s.Empty() != empty {
			t.Errorf("Empty of %q is %v", s.Reveal(), s.Empty())
		}
	}
	if (Secret{}).Reveal() != "" || fmt.Sprint(Secret{}) != "[secret]" {
		t.Error("the zero secret")
	}
}
