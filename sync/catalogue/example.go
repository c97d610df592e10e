package catalogue

import (
	"math/big"
	"regexp/syntax"
	"strings"
	"time"
	"unicode/utf8"

	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

// Case is a test case of an interface: the good record with one field changed.
type Case struct {
	Field string     `json:"field"`
	Value feed.Value `json:"value"` // nil: the field is missing
	Code  string     `json:"code"`  // what the record is refused with
}

// Cases returns a record as it is on the wire that a version allows, and one bad value for every rule of every field. They
// follow from the definition alone and are the same each time; a rule that no simple value breaks has no case. A field of
// which no good value can be made has none in the record, and no cases.
func (v *Version) Cases() (good map[string]feed.Value, bad []Case) {
	good = map[string]feed.Value{}
	for _, f := range v.Fields {
		r := newRule(f, v, time.UTC)
		value, ok := r.good()
		if !ok {
			continue
		}
		good[f.Name] = value
		for b := missing; b <= forbidden; b++ {
			if value, ok := r.bad(b, value); ok {
				bad = append(bad, Case{f.Name, value, Code(f.Name, b.String())})
			}
		}
	}
	return good, bad
}

// good is a value that is allowed on the wire.
func (r *rule) good() (feed.Value, bool) {
	if r.isForbidden {
		return nil, true
	}
	for _, v := range r.candidates() {
		if r.clear(v) != kept || blank(v) {
			continue
		}
		if r.mustMask {
			v = mask.Value(r.field.class(), v)
		}
		return v, r.check(v) == kept
	}
	return nil, !r.field.Required
}

// class is the masking rule of a field's class of personal data.
func (f *Field) class() mask.Rule {
	name := f.Personal
	if name == "ip" {
		name = "ipv4"
	}
	rule, err := mask.Parse(name)
	if err != nil { // other
		rule, _ = mask.Parse("password")
	}
	return rule
}

// candidates are values that may be good, the nicest first.
func (r *rule) candidates() []feed.Value {
	f := r.field
	switch f.Type {
	case Integer, Decimal:
		return r.numbers()
	case Boolean:
		return []feed.Value{true}
	case Time, Date:
		return []feed.Value{time.Date(2026, 1, 31, 8, 30, 0, 0, time.UTC).Format(r.layout)}
	}
	var list []feed.Value
	for _, word := range f.Enum {
		list = append(list, word)
	}
	// The numbers among them belong to nobody.
	if sample := map[string]string{"name": "张三", "phone": "13800138000", "landline": "010-12345678", "id_card": "110101190001010000",
		"bank_card": "6222000000000000", "address": "北京市东城区示例路1号院2号楼3单元", "email": "someone@example.com", "ip": "192.0.2.1", "plate": "京A00000"}[f.Personal]; sample != "" {
		list = append(list, sample)
	}
	if f.Pattern != "" {
		for more := range 65 {
			if text, ok := matching(f.Pattern, more); ok {
				list = append(list, text)
			}
		}
	}
	return append(list, fitted("example", f.Short, f.Long))
}

// numbers are those at the bounds, and a few.
func (r *rule) numbers() (list []feed.Value) {
	texts := append([]string{"1", "9.9"}, r.field.Enum...)
	for _, text := range append(texts, r.field.Min, r.field.Max, "0") {
		if n, ok := new(big.Int).SetString(text, 10); ok && n.IsInt64() {
			list = append(list, n.Int64())
		} else if text != "" {
			list = append(list, text)
		}
	}
	return list
}

// fitted is a text with at least and at most so many characters; 0 is no bound.
func fitted(text string, least, most int) string {
	if n := utf8.RuneCountInString(text); n < least {
		text += strings.Repeat("x", least-n)
	}
	if runes := []rune(text); most > 0 && len(runes) > most {
		text = string(runes[:most])
	}
	return text
}

// bad is a value on the wire that breaks a rule, made from a good one.
func (r *rule) bad(b breach, good feed.Value) (feed.Value, bool) {
	f := r.field
	var list []feed.Value
	switch text, _ := good.(string); b {
	case missing:
		list = []feed.Value{nil}
	case mistyped:
		list = []feed.Value{int64(12345), "1.5.0"}
	case below:
		list = []feed.Value{beside(f.Min, -1)}
	case above:
		list = []feed.Value{beside(f.Max, 1)}
	case short:
		list = []feed.Value{fitted(text, 0, f.Short-1)}
	case long:
		list = []feed.Value{fitted(text, f.Long+1, 0)}
	case foreign:
		list = []feed.Value{text + "?", int64(999_999), "?"}
	case malformed:
		list = []feed.Value{text + "!", "!" + text, fitted("!", f.Short, f.Long), "2026-02-30"}
	case unmasked:
		for _, v := range r.candidates() {
			if r.clear(v) == kept {
				list = append(list, v)
			}
		}
	case forbidden:
		list = r.candidates()
	}
	for _, v := range list {
		if r.check(v) == b {
			return v, true
		}
	}
	return nil, false
}

// beside is a number next to a bound, as text; nil without a bound.
func beside(bound string, by int64) feed.Value {
	n, ok := new(big.Rat).SetString(bound)
	if !ok {
		return nil
	}
	n.Add(n, big.NewRat(by, 1))
	if n.IsInt() && n.Num().IsInt64() {
		return n.Num().Int64()
	}
	text, _ := strings.CutSuffix(n.FloatString(fraction(bound)), ".")
	return text
}

// fraction is how many digits stand behind the point.
func fraction(number string) int {
	_, digits, _ := strings.Cut(number, ".")
	return len(digits)
}

// matching is a text that most probably matches a regular expression: each repetition as short as it may be, and so many
// more in the first that may be longer.
func matching(pattern string, more int) (string, bool) {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", false
	}
	m := matcher{more: more}
	m.write(tree)
	return m.out.String(), !m.stuck && m.out.Len() < 1000
}

type matcher struct {
	out   strings.Builder
	more  int // repetitions still to give away
	stuck bool
}

func (m *matcher) write(x *syntax.Regexp) {
	switch x.Op {
	case syntax.OpLiteral:
		m.out.WriteString(string(x.Rune))
	case syntax.OpCharClass:
		m.class(x.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		m.out.WriteByte('x')
	case syntax.OpStar:
		m.repeat(x.Sub[0], 0, -1)
	case syntax.OpPlus:
		m.repeat(x.Sub[0], 1, -1)
	case syntax.OpQuest:
		m.repeat(x.Sub[0], 0, 1)
	case syntax.OpRepeat:
		m.repeat(x.Sub[0], x.Min, x.Max)
	case syntax.OpAlternate, syntax.OpCapture:
		m.write(x.Sub[0])
	case syntax.OpConcat:
		for _, sub := range x.Sub {
			m.write(sub)
		}
	case syntax.OpNoMatch:
		m.stuck = true
	}
}

// class writes a digit if the class has any, else its first character that can be seen.
func (m *matcher) class(ranges []rune) {
	for _, nice := range []rune{'1', '0', 'A', 'a'} {
		for i := 0; i+1 < len(ranges); i += 2 {
			if ranges[i] <= nice && nice <= ranges[i+1] {
				m.out.WriteRune(nice)
				return
			}
		}
	}
	for i := 0; i+1 < len(ranges); i += 2 {
		if first := max(ranges[i], '!'); first <= ranges[i+1] {
			m.out.WriteRune(first)
			return
		}
	}
	m.stuck = true
}

func (m *matcher) repeat(x *syntax.Regexp, least, most int) {
	n := least
	if extra := m.more; extra > 0 {
		if most >= 0 {
			extra = min(extra, most-least)
		}
		m.more -= extra
		n += extra
	}
	for i := 0; i < n && m.out.Len() < 1000; i++ {
		m.write(x)
	}
}
