package setting

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"milkrun/sync/secret"
)

// bound has a variable for each kind of key.
type bound struct {
	text, choice, custom string
	number               int
	yes                  bool
	hidden               secret.Secret
	span                 time.Duration
	list                 []string
	table                map[string]string
}

func (b *bound) fields() map[string]Field {
	list := []Field{
		Text("text", &b.text, "a text", "文本").Require(),
		Choice("choice", &b.choice, []string{"a", "b"}, "", ""),
		Int("number", &b.number, "", "").Between(1, 1000, "A.3: pagesize at most 1000"),
		Int("free", &b.number, "", ""),
		Int("bounded", &b.number, "", "").Between(-5, 5, ""),
		Bool("yes", &b.yes, "", ""),
		Secret("hidden", &b.hidden, "", ""),
		Duration("span", &b.span, "", ""),
		Texts("list", &b.list, "", ""),
		TextMap("table", &b.table, "", ""),
		Custom("custom", "rate", `"5/s"`, func(s string) error {
			if s == "" {
				return errors.New("is empty")
			}
			b.custom = s
			return nil
		}, "", ""),
	}
	fields := map[string]Field{}
	for _, f := range list {
		fields[f.Name] = f
	}
	return fields
}

func TestSet(t *testing.T) {
	for _, c := range []struct {
		key   string
		value any
		want  bound
	}{
		{"text", "x", bound{text: "x"}},
		{"text", "", bound{}},
		{"choice", "b", bound{choice: "b"}},
		{"number", int64(1000), bound{number: 1000}},
		{"number", int64(1), bound{number: 1}},
		{"free", int64(-7), bound{number: -7}},
		{"bounded", int64(-5), bound{number: -5}},
		{"yes", true, bound{yes: true}},
		{"span", "1h30m", bound{span: 90 * time.Minute}},
		{"list", []any{"a", "b"}, bound{list: []string{"a", "b"}}},
		{"list", []any{}, bound{list: []string{}}},
		{"table", map[string]any{"k": "v"}, bound{table: map[string]string{"k": "v"}}},
		{"custom", "3/s", bound{custom: "3/s"}},
	} {
		var b bound
		if err := b.fields()[c.key].Set(c.value); err != nil || !reflect.DeepEqual(b, c.want) {
			t.Errorf("%s = %v gives %+v, %v", c.key, c.value, b, err)
		}
	}
	var b bound
	if err := b.fields()["hidden"].Set(secret.New("x")); err != nil || b.hidden.Reveal() != "x" {
		t.Errorf("a secret gives %q, %v", b.hidden.Reveal(), err)
	}
}

func TestValue(t *testing.T) {
	b := bound{text: "x", choice: "b", number: 7, yes: true, hidden: secret.New("s"), span: 90 * time.Minute, list: []string{"a"}, table: map[string]string{"k": "v"}, custom: "3/s"}
	for key, want := range map[string]any{"text": "x", "choice": "b", "number": 7, "yes": true, "hidden": b.hidden, "span": "1h30m",
		"list": b.list, "table": b.table, "custom": nil} {
		if got := b.fields()[key].Value(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
}

func TestSetRefuses(t *testing.T) {
	for _, c := range []struct {
		key   string
		value any
		want  string
	}{
		{"text", int64(5), "a text is wanted here, not 5"},
		{"text", []any{"a"}, "a text is wanted here, not a list"},
		{"text", map[string]any{}, "a text is wanted here, not a table"},
		{"text", secret.New("password"), "a text is wanted here, not a secret"},
		{"choice", "c", "c is not one of a, b"},
		{"choice", int64(1), "1 is not one of a, b"},
		{"number", "5", `a whole number is wanted here, not the text "5"`},
		{"number", 1.5, "a whole number is wanted here, not 1.5"},
		{"number", int64(1500), "1500 is outside 1 … 1000: A.3: pagesize at most 1000"},
		{"number", int64(0), "0 is outside 1 … 1000: A.3: pagesize at most 1000"},
		{"bounded", int64(6), "6 is outside -5 … 5"},
		{"yes", "true", `a true or false is wanted here, not the text "true"`},
		{"hidden", "plain", `a secret is wanted here, not the text "plain"`},
		{"span", int64(5), "a duration is wanted here, not 5"},
		{"span", "5", `"5" is no duration; write for example "90s", "5m", "24h" or "7d"`},
		{"list", "a", `a list of texts is wanted here, not the text "a"`},
		{"list", []any{"a", int64(2)}, "element 2: a text is wanted here, not 2"},
		{"table", []any{}, "a table of texts is wanted here, not a list"},
		{"table", map[string]any{"k": true}, "k: a text is wanted here, not true"},
		{"custom", int64(5), "a rate is wanted here, not 5"},
		{"custom", "", "is empty"},
	} {
		var b bound
		err := b.fields()[c.key].Set(c.value)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s = %v: %v, want %s", c.key, c.value, err, c.want)
		}
		if !reflect.DeepEqual(b, bound{}) {
			t.Errorf("%s = %v was refused, but stored as %+v", c.key, c.value, b)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	var b bound
	for name, f := range b.fields() {
		if err := f.Set(secret.New("hush")); err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDescription(t *testing.T) {
	b := bound{text: "t", choice: "a", number: 7, span: 48 * time.Hour}
	fields := b.fields()
	for name, want := range map[string]string{
		"text": `"t"`, "choice": `"a"`, "number": "7", "yes": "false", "hidden": "", "span": `"2d"`, "list": "", "custom": `"5/s"`,
	} {
		if got := fields[name].Default; got != want {
			t.Errorf("the default of %s is %s, want %s", name, got, want)
		}
	}
	if f := fields["text"]; !f.Required || f.En != "a text" || f.Zh != "文本" {
		t.Errorf("text is %+v", f)
	}
	if f := fields["number"]; f.Min != 1 || f.Max != 1000 || f.Rule == "" || f.Required {
		t.Errorf("number is %+v", f)
	}
	if f := fields["list"].WithDefault("[]"); f.Default != "[]" || fields["list"].Default != "" {
		t.Errorf("WithDefault gives %q and leaves %q", f.Default, fields["list"].Default)
	}
	if got := (&bound{}).fields()["text"].Default; got != "" {
		t.Errorf("an empty text has the default %s", got)
	}
}
