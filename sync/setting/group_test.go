package setting_test

import (
	"fmt"
	"strings"
	"testing"

	"milkrun/sync/setting"
)

func TestGroup(t *testing.T) {
	var given, inner bool
	var word string
	n := 3
	f := setting.Group("outer", &given, []setting.Field{
		setting.Text("word", &word, "a word", "词"),
		setting.Group("inner", &inner, []setting.Field{setting.Int("n", &n, "a number", "数").Between(1, 9, "rule")}, "in it", "内"),
	}, "around it", "外")
	if err := f.Set(map[string]any{"word": "x", "inner": map[string]any{"n": int64(5)}}); err != nil || word != "x" || n != 5 || !given || !inner {
		t.Errorf("%q %d %v %v, %v", word, n, given, inner, err)
	}
	for _, bad := range []any{"text", map[string]any{"wrod": "x"}, map[string]any{"inner": map[string]any{"n": int64(10)}}, map[string]any{"inner": 1}} {
		if err := f.Set(bad); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	var names []string
	for _, flat := range setting.Flat([]setting.Field{f, setting.Text("last", &word, "", "")}) {
		names = append(names, flat.Name)
	}
	if got := strings.Join(names, " "); got != "outer.word outer.inner.n last" {
		t.Errorf("flat: %s", got)
	}
	if f.Fields[1].Fields[0].Name != "n" {
		t.Error("flattening changed the fields")
	}
	any := setting.Any("k", "a thing", func(v any) error { return fmt.Errorf("not %v", v) }, "", "")
	if err := any.Set(1); err == nil || any.Type != "a thing" {
		t.Error(err)
	}
}
