// Package setting describes the keys of a configuration block: what each is called, what it may hold, what it means.
// A partner lists its keys once; the checker, the reference documentation and the editor schema all read that list.
//
// A [Field] is bound to the variable that receives its value, as in package flag:
//
//	func (c *Connection) Fields() []setting.Field {
//		return []setting.Field{
//			setting.Text("accessid", &c.accessID, "access key issued by the platform", "平台分配的访问标识").Require(),
//			setting.Int("page_size", &c.size, "rows a page", "每页行数").Between(1, 1000, "A.3: pagesize at most 1000"),
//		}
//	}
//
// The values come as TOML has them: string, int64, float64, bool, []any, map[string]any. Secrets come resolved, as
// secret.Secret.
package setting

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"milkrun/sync/secret"
)

// Field is one key of a configuration block.
type Field struct {
	Name     string
	Type     string // what a person calls it: "text", "whole number", "duration", "true or false", "secret", …
	Required bool
	Default  string   // as written in TOML, for the documentation; the bound variable already holds it
	Choices  []string // the only values allowed; nil when free
	Min, Max int64    // bounds of a whole number; both 0 when free
	Rule     string   // the partner's rule the bounds or choices come from, with its clause
	En, Zh   string   // what the key means
	Fields   []Field  // the keys of the table that it holds; see Group
	set      func(v any) error
	get      func() any // nil where the value is not kept as it was written
}

// Problem is something wrong in a block: at which key, what, and what to do about it.
type Problem struct {
	Key, Text, Remedy string
	Advice            bool // it may stay as it is: a warning
}

// Require makes the key obligatory.
func (f Field) Require() Field { f.Required = true; return f }

// WithDefault documents the value of a key that is left out.
func (f Field) WithDefault(toml string) Field { f.Default = toml; return f }

// Between bounds a whole number. Rule names the partner's document when the bound comes from it, else it is empty.
func (f Field) Between(low, high int64, rule string) Field {
	f.Min, f.Max, f.Rule = low, high, rule
	return f
}

// Set checks a value and stores it in the bound variable. The error says what is wrong and what would be right.
func (f Field) Set(v any) error {
	if n, ok := v.(int64); ok && (f.Min != 0 || f.Max != 0) && (n < f.Min || n > f.Max) {
		if f.Rule != "" {
			return fmt.Errorf("%d is outside %d … %d: %s", n, f.Min, f.Max, f.Rule)
		}
		return fmt.Errorf("%d is outside %d … %d", n, f.Min, f.Max)
	}
	return f.set(v)
}

// Value returns what the bound variable holds, nil when that cannot be told: a [Custom] key keeps what it made of the text.
// A secret is a secret.Secret.
func (f Field) Value() any {
	if f.get == nil {
		return nil
	}
	return f.get()
}

// Text is a key that holds a string.
func Text(name string, to *string, en, zh string) Field {
	return typed(Field{Name: name, Type: "text", En: en, Zh: zh, Default: quoted(*to)}, to)
}

// Choice is a key that holds one of a few words.
func Choice(name string, to *string, choices []string, en, zh string) Field {
	f := Field{Name: name, Type: "text", En: en, Zh: zh, Default: quoted(*to), Choices: choices, get: current(to)}
	f.set = func(v any) error {
		s, ok := v.(string)
		if !ok || !slices.Contains(choices, s) {
			return fmt.Errorf("%v is not one of %s", v, strings.Join(choices, ", "))
		}
		*to = s
		return nil
	}
	return f
}

// Int is a key that holds a whole number.
func Int(name string, to *int, en, zh string) Field {
	f := Field{Name: name, Type: "whole number", En: en, Zh: zh, get: current(to)}
	if *to != 0 {
		f.Default = fmt.Sprint(*to)
	}
	f.set = func(v any) error {
		n, ok := v.(int64)
		if !ok {
			return mismatch(f.Type, v)
		}
		*to = int(n)
		return nil
	}
	return f
}

// Bool is a key that holds true or false.
func Bool(name string, to *bool, en, zh string) Field {
	return typed(Field{Name: name, Type: "true or false", En: en, Zh: zh, Default: fmt.Sprint(*to)}, to)
}

// Secret is a key that holds a secret: env:NAME, file:PATH, credential:NAME, or (warned about) the value itself.
func Secret(name string, to *secret.Secret, en, zh string) Field {
	return typed(Field{Name: name, Type: "secret", En: en, Zh: zh}, to)
}

// Duration is a key that holds a time span of at least zero, as "90s", "5m", "24h" or "7d".
func Duration(name string, to *time.Duration, en, zh string) Field {
	f := Field{Name: name, Type: "duration", En: en, Zh: zh, get: func() any { return FormatDuration(*to) }}
	if *to != 0 {
		f.Default = quoted(FormatDuration(*to))
	}
	f.set = func(v any) error {
		s, ok := v.(string)
		if !ok {
			return mismatch(f.Type, v)
		}
		d, err := ParseDuration(s)
		if err == nil {
			*to = d
		}
		return err
	}
	return f
}

// Texts is a key that holds a list of strings.
func Texts(name string, to *[]string, en, zh string) Field {
	f := Field{Name: name, Type: "list of texts", En: en, Zh: zh, get: current(to)}
	f.set = func(v any) error {
		list, ok := v.([]any)
		if !ok {
			return mismatch(f.Type, v)
		}
		out := make([]string, len(list))
		for i, e := range list {
			if out[i], ok = e.(string); !ok {
				return fmt.Errorf("element %d: %w", i+1, mismatch("text", e))
			}
		}
		*to = out
		return nil
	}
	return f
}

// TextMap is a key that holds a table of strings: { name = "value", … }.
func TextMap(name string, to *map[string]string, en, zh string) Field {
	f := Field{Name: name, Type: "table of texts", En: en, Zh: zh, get: current(to)}
	f.set = func(v any) error {
		table, ok := v.(map[string]any)
		if !ok {
			return mismatch(f.Type, v)
		}
		out := make(map[string]string, len(table))
		for k, e := range table {
			if out[k], ok = e.(string); !ok {
				return fmt.Errorf("%s: %w", k, mismatch("text", e))
			}
		}
		*to = out
		return nil
	}
	return f
}

// Custom is a key whose value is checked and stored by parse, from its text form.
func Custom(name, kind, deflt string, parse func(string) error, en, zh string) Field {
	f := Field{Name: name, Type: kind, En: en, Zh: zh, Default: deflt}
	f.set = func(v any) error {
		s, ok := v.(string)
		if !ok {
			return mismatch(kind, v)
		}
		return parse(s)
	}
	return f
}

// current reads a bound variable.
func current[T any](to *T) func() any { return func() any { return *to } }

func typed[T any](f Field, to *T) Field {
	f.get = current(to)
	f.set = func(v any) error {
		t, ok := v.(T)
		if !ok {
			return mismatch(f.Type, v)
		}
		*to = t
		return nil
	}
	return f
}

func mismatch(want string, v any) error {
	return fmt.Errorf("a %s is wanted here, not %s", want, describe(v))
}

func describe(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("the text %q", v)
	case secret.Secret:
		return "a secret"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	default:
		return fmt.Sprint(v)
	}
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf("%q", s)
}
