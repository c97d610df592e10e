package mask

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"milkrun/sync/config/near"
)

// Rule says how a field is masked. The zero Rule is password: it leaves nothing but stars.
type Rule uint8

const (
	password Rule = iota
	phone
	phoneJinlaiban
	phoneAlipay
	landline
	idCard
	idCardAlipay
	name
	nameMiddle
	bankCard
	bankCardAlipay
	address
	email
	creditCode
	ipv4
	plate
	drop
)

// definition is a rule's name in the configuration and what it makes of clear, valid, non-empty text.
type definition struct {
	name string
	hide func(string) string
}

// definitions is indexed by Rule.
var definitions = [...]definition{
	password:       {"password", stars},
	phone:          {"phone", hidePhone},
	phoneJinlaiban: {"phone_jinlaiban", ends(11, 3, 3)},
	phoneAlipay:    {"phone_alipay", ends(11, 3, 2)},
	landline:       {"landline", ends(10, 4, 2)},
	idCard:         {"id_card", hideIDCard},
	idCardAlipay:   {"id_card_alipay", ends(8, 1, 1)},
	name:           {"name", hideName},
	nameMiddle:     {"name_middle", hideNameMiddle},
	bankCard:       {"bank_card", hideBankCard},
	bankCardAlipay: {"bank_card_alipay", hideBankCardAlipay},
	address:        {"address", hideAddress},
	email:          {"email", hideEmail},
	creditCode:     {"uscc", hideCreditCode},
	ipv4:           {"ipv4", hideIPv4},
	plate:          {"plate", ends(7, 3, 1)},
	drop:           {"drop", func(string) string { return "" }},
}

// Names returns the names of all rules.
func Names() []string {
	names := make([]string, len(definitions))
	for i, d := range definitions {
		names[i] = d.name
	}
	return names
}

// Parse returns the rule of a name. The error for an unknown name says which one was probably meant, or lists them all.
func Parse(name string) (Rule, error) {
	for i, d := range definitions {
		if d.name == name {
			return Rule(i), nil
		}
	}
	if meant := meant(name); meant != "" {
		return password, fmt.Errorf("unknown masking rule %q; did you mean %q?", name, meant)
	}
	return password, fmt.Errorf("unknown masking rule %q; the rules are %s", name, strings.Join(Names(), ", "))
}

// meant returns the rule somebody misspelt or called by a column's name ("mobile"), empty when there is none.
func meant(name string) string {
	if word := near.Near(name, Names()); word != "" {
		return word
	}
	if rule, ok := Guess(name); ok {
		return rule.String()
	}
	return ""
}

// String returns the rule's name.
func (r Rule) String() string { return r.definition().name }

// definition returns that of password for a number that is no rule.
func (r Rule) definition() definition {
	if int(r) >= len(definitions) {
		r = password
	}
	return definitions[r]
}

// Apply masks a text. For drop it returns the empty text.
func (r Rule) Apply(text string) string {
	switch {
	case text == "":
		return ""
	case r == drop, r == password:
	case utf8.ValidString(text) && strings.ContainsFunc(text, isStar):
		return Scrub(text)
	}
	return r.Anew(text)
}

// Anew masks a text as Apply does, and a text that holds a star likewise: for fields of which nobody says that they come masked,
// so that a star is a part of what is to be hidden.
func (r Rule) Anew(text string) string {
	if r != drop && r != password && !utf8.ValidString(text) {
		return stars(text)
	}
	return r.definition().hide(text)
}

// Value masks the value of a record's field. Nil stays nil, and drop makes nil of everything. Numbers are masked as
// their decimal text and bytes as text, a time becomes its year ("1990-**-**"); the result of these is a string.
// A bool, or anything that is no field value, becomes four stars.
func Value(rule Rule, value any) any {
	if value == nil || rule == drop {
		return nil
	}
	switch v := value.(type) {
	case string:
		return rule.Apply(v)
	case []byte:
		return rule.Apply(string(v))
	case time.Time:
		return rule.Apply(v.Format("2006-**-**"))
	}
	return rule.Apply(decimal(reflect.ValueOf(value)))
}

// decimal returns the text of a number or of a string type without an exponent, as a person would write a phone number.
func decimal(v reflect.Value) string {
	switch {
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10)
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10)
	case v.CanFloat():
		return strconv.FormatFloat(v.Float(), 'f', -1, 64)
	case v.Kind() == reflect.String:
		return v.String()
	}
	return "****"
}
