package words

import (
	"fmt"
	"reflect"
	"strings"
)

// Verbatim is a text that stays as it is in every language: a record, a request.
type Verbatim string

// Sprintf is fmt.Sprintf with the format translated. Arguments that are errors, Stringers or texts are translated as
// [Lang.Text] does, where the format shows them as they are (%s, %v, %w) and not quoted; of texts, single words stay, as
// they may be names, unless they are of a type of their own (a state of a run), and no [Verbatim].
func (l Lang) Sprintf(format string, args ...any) string {
	if l != Chinese {
		return fmt.Sprintf(unwrapping(format), args...)
	}
	c := chinese()
	args = c.arguments(split(format), args)
	before, id, after := trim(format)
	if text, ok := c.formats[id]; ok {
		format = before + text + after
	}
	return fmt.Sprintf(unwrapping(format), args...)
}

// unwrapping makes a format of fmt.Errorf one of fmt.Sprintf.
func unwrapping(format string) string {
	if !strings.Contains(format, "w") {
		return format
	}
	return verbs.ReplaceAllStringFunc(format, func(verb string) string {
		if strings.HasSuffix(verb, "w") {
			return strings.TrimSuffix(verb, "w") + "v"
		}
		return verb
	})
}

// arguments translates those that a format shows as they are.
func (c *catalogue) arguments(format []piece, args []any) []any {
	shown := make([]bool, len(args))
	for _, p := range format {
		if p.verb != "" && p.arg < len(args) {
			shown[p.arg] = !p.sharp()
		}
	}
	for _, p := range format { // one that is also quoted or counted must stay what it is
		if p.verb != "" && p.arg < len(args) && p.sharp() {
			shown[p.arg] = false
		}
	}
	out := make([]any, len(args))
	for i, arg := range args {
		out[i] = arg
		if shown[i] {
			out[i] = c.argument(arg)
		}
	}
	return out
}

func (c *catalogue) argument(arg any) any {
	v := reflect.ValueOf(arg)
	switch v.Kind() {
	case reflect.Invalid:
		return arg
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		if v.IsNil() { // its methods may not stand that
			return arg
		}
	}
	switch a := arg.(type) {
	case Verbatim:
		return arg
	case string:
		return c.within(a)
	case error:
		return Chinese.Text(a.Error())
	case fmt.Stringer:
		return Chinese.Text(a.String())
	}
	if v.Kind() == reflect.String {
		return Chinese.Text(v.String())
	}
	return arg
}

// within translates a text that stands within another.
func (c *catalogue) within(s string) string {
	if rest, ok := strings.CutPrefix(s, ": "); ok {
		return "：" + c.within(rest)
	}
	before, text, after := trim(s)
	return before + c.inner(text) + after
}
