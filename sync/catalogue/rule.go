package catalogue

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

// breach is a rule that a value does not keep; the zero breach is none.
type breach uint8

const (
	kept breach = iota
	missing
	mistyped
	below
	above
	short
	long
	foreign
	malformed
	unmasked
	forbidden
)

// rules are the names of the breaches, as they stand in the codes of dead letters. They are stable.
var rules = [...]string{"", "required", "type", "min", "max", "min_length", "max_length", "enum", "pattern", "masked", "never"}

func (b breach) String() string { return rules[b] }

// rule is a field, ready to hold values of one column against.
type rule struct {
	field    *Field
	at       int // the column, -1: there is none
	pattern  *regexp.Regexp
	enum     map[string]struct{}
	min, max *decimal
	layout   string
	zone     *time.Location
	outgoing bool // what leaves is masked first
	masked   bool // by the job
	mask     mask.Rule
	private  bool // its values are not shown

	clear                 func(feed.Value) breach // holds a value that is not masked against the type and the rest
	mustMask, isForbidden bool
}

// newRule compiles a field, whose pattern and bounds are known to be good.
func newRule(f *Field, v *Version, zone *time.Location) *rule {
	r := &rule{field: f, zone: zone, layout: string(f.Layout),
		mustMask: f.MustMask(), isForbidden: f.Forbidden()}
	if f.Pattern != "" {
		r.pattern = regexp.MustCompile(whole(f.Pattern))
	}
	if len(f.Enum) > 0 {
		r.enum = make(map[string]struct{}, len(f.Enum))
		for _, word := range f.Enum {
			r.enum[word] = struct{}{}
		}
	}
	if low, ok := parseDecimal(f.Min); ok {
		r.min = &low
	}
	if high, ok := parseDecimal(f.Max); ok {
		r.max = &high
	}
	r.clear = map[string]func(feed.Value) breach{Text: r.text, Integer: r.number, Decimal: r.number, Boolean: boolean,
		Time: r.clock, Date: r.clock, Any: func(feed.Value) breach { return kept }}[f.Type]
	switch {
	case r.layout != "":
	case f.Type == Date:
		r.layout = string(dateOnly)
	default:
		r.layout = string(v.Dates)
	}
	return r
}

// check says which rule a value breaks, as it was read and as it leaves.
func (r *rule) check(v feed.Value) breach {
	if blank(v) {
		if r.field.Required {
			return missing
		}
		return kept
	}
	switch {
	case r.isForbidden:
		if r.outgoing && r.masked && blank(mask.Value(r.mask, v)) {
			return kept
		}
		return forbidden
	case r.mustMask && !r.outgoing:
		if starred(v) {
			return kept
		}
		return unmasked
	case r.mustMask && starred(v):
		return kept // masked before it came here
	}
	if b := r.clear(v); b != kept || !r.mustMask {
		return b
	}
	return r.leaving(v)
}

// leaving says whether a value that must leave masked does. Only the rule for credit codes can leave one as it is.
func (r *rule) leaving(v feed.Value) breach {
	switch {
	case !r.masked:
		return unmasked
	case r.mask.String() != sparing:
		return kept
	}
	if out := mask.Value(r.mask, v); blank(out) || starred(out) {
		return kept
	}
	return unmasked
}

// sparing is the masking rule that leaves some values as they are: those of organisations.
const sparing = "uscc"

func (r *rule) text(v feed.Value) breach {
	text, ok := v.(string)
	if bytes, is := v.([]byte); is {
		text, ok = string(bytes), true
	}
	if !ok || !utf8.ValidString(text) {
		return mistyped
	}
	if r.field.Short > 0 || r.field.Long > 0 {
		switch n := utf8.RuneCountInString(text); {
		case n < r.field.Short:
			return short
		case r.field.Long > 0 && n > r.field.Long:
			return long
		}
	}
	if _, listed := r.enum[text]; r.enum != nil && !listed {
		return foreign
	}
	if r.pattern != nil && !r.pattern.MatchString(text) {
		return malformed
	}
	return kept
}

// number takes numbers, and text that is one: a file has nothing else.
func (r *rule) number(v feed.Value) breach {
	var buf [32]byte
	switch n := v.(type) {
	case int64:
		return r.amount(string(strconv.AppendInt(buf[:0], n, 10)))
	case float64:
		if math.IsNaN(n) || math.IsInf(n, 0) {
			return mistyped
		}
		return r.amount(string(strconv.AppendFloat(buf[:0], n, 'f', -1, 64)))
	case string:
		return r.amount(n)
	case []byte:
		return r.amount(string(n))
	}
	return mistyped
}

func (r *rule) amount(text string) breach {
	d, ok := parseDecimal(text)
	switch {
	case !ok, r.field.Type == Integer && !d.integral():
		return mistyped
	case r.min != nil && d.compare(*r.min) < 0:
		return below
	case r.max != nil && d.compare(*r.max) > 0:
		return above
	}
	if _, listed := r.enum[text]; r.enum != nil && !listed {
		return foreign
	}
	return kept
}

// boolean takes what databases and files have for it, too.
func boolean(v feed.Value) breach {
	switch b := v.(type) {
	case bool:
		return kept
	case int64:
		if b == 0 || b == 1 {
			return kept
		}
	case string:
		if b == "true" || b == "false" {
			return kept
		}
	}
	return mistyped
}

func (r *rule) clock(v feed.Value) breach {
	switch t := v.(type) {
	case time.Time:
		return kept
	case string:
		if _, err := time.ParseInLocation(r.layout, t, r.zone); err == nil {
			return kept
		}
		return malformed
	}
	return mistyped
}

// instant is the time that a value says, zero when it says none: a time, a text of one, or seconds or milliseconds since
// 1970.
func (r *rule) instant(v feed.Value) time.Time {
	switch t := v.(type) {
	case time.Time:
		return t
	case int64:
		if t > 100_000_000_000 { // the year 5138 in seconds, 1973 in milliseconds
			return time.UnixMilli(t)
		}
		return time.Unix(t, 0)
	case string:
		if at, err := time.ParseInLocation(r.layout, t, r.zone); err == nil {
			return at
		}
	}
	return time.Time{}
}

// blank says that there is no value: nothing, or only white space.
func blank(v feed.Value) bool {
	switch t := v.(type) {
	case nil:
		return true
	case string:
		return t == "" || t[0] <= ' ' && strings.TrimSpace(t) == ""
	case []byte:
		return len(t) == 0
	}
	return false
}

// starred says that a value has been masked: there is a star in it.
func starred(v feed.Value) bool {
	switch t := v.(type) {
	case string:
		return strings.IndexByte(t, '*') >= 0 || strings.Contains(t, "＊")
	case []byte:
		return starred(string(t))
	}
	return false
}
