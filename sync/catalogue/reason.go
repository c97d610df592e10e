package catalogue

import (
	"fmt"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

// codePrefix begins the codes of the records that an interface does not allow.
const codePrefix = "check:"

// Code is the code of a record whose field breaks a rule.
func Code(field, rule string) string { return codePrefix + field + ":" + rule }

// ParseCode splits a code made by [Code].
func ParseCode(code string) (field, rule string, ok bool) {
	rest, ok := strings.CutPrefix(code, codePrefix)
	at := strings.LastIndexByte(rest, ':')
	if !ok || at < 0 {
		return "", "", false
	}
	return rest[:at], rest[at+1:], true
}

// SplitReason splits the reason of a refusal into the version that was not kept ("orders@2") and what is wrong.
func SplitReason(reason string) (version, text string) {
	version, text, found := strings.Cut(reason, ": ")
	if name, number, pinned := strings.Cut(version, "@"); !found || !pinned || name == "" || !digits(number) {
		return "", reason
	}
	return version, text
}

// reason says how a value breaks a rule, in English; the value itself only when it is not personal.
func (r *rule) reason(b breach, v feed.Value) string {
	f := r.field
	text := ""
	switch b {
	case missing:
		return fmt.Sprintf("%s is missing", f.Name)
	case unmasked:
		return fmt.Sprintf("%s is not masked", f.Name)
	case forbidden:
		return fmt.Sprintf("%s must not be exchanged", f.Name)
	case mistyped:
		text = fmt.Sprintf("%s has another type than %s", f.Name, f.Type)
	case below:
		text = fmt.Sprintf("%s is below %s", f.Name, f.Min)
	case above:
		text = fmt.Sprintf("%s is above %s", f.Name, f.Max)
	case short:
		text = fmt.Sprintf("%s is shorter than %d characters", f.Name, f.Short)
	case long:
		text = fmt.Sprintf("%s is longer than %d characters", f.Name, f.Long)
	case foreign:
		text = fmt.Sprintf("%s is none of %s", f.Name, strings.Join(f.Enum, " "))
	case malformed:
		text = fmt.Sprintf("%s does not have the form %s", f.Name, r.form())
	}
	if shown := r.shown(v); shown != "" {
		text += fmt.Sprintf(", it is %q", shown)
	}
	return text
}

// form is what a text must look like.
func (r *rule) form() string {
	if r.field.Type == Time || r.field.Type == Date {
		return letters(r.layout)
	}
	return r.field.Pattern
}

// shown is a value for people, "" when it is personal or too long to help.
func (r *rule) shown(v feed.Value) string {
	if r.private || blank(v) {
		return ""
	}
	text := mask.Scrub(fmt.Sprint(v))
	if bytes, ok := v.([]byte); ok {
		text = mask.Scrub(string(bytes))
	}
	const most = 40
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}

// letters writes a layout of package time in the letters of a date format.
func letters(layout string) string {
	return strings.NewReplacer("2006", "yyyy", "01", "MM", "02", "dd", "15", "HH", "04", "mm", "05", "ss", "Z07:00", "XXX", "Z0700", "XX",
		"000000", "SSSSSS", "000", "SSS").Replace(layout)
}
