package caih

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
)

// group is one message: a number, and the values of the variables.
type group struct {
	phone  string
	values []string
}

// key is equal for equal messages.
func (g group) key() string { return g.phone + "," + strings.Join(g.values, ",") }

var mobile = regexp.MustCompile(`^1[3-9]\d{9}$`)

// The codes of rejected records.
const (
	badPhone      = "bad_phone"
	emptyVariable = "empty_variable"
	separator     = "separator_in_value"
	brackets      = "forbidden_brackets"
	badValue      = "bad_value"
	badCode       = "bad_code"
	tooLong       = "too_long"
	bannedWord    = "banned_word"
)

// wrong is why a record cannot be sent; its text does not quote the record.
type wrong struct{ code, text string }

func (w *wrong) Error() string { return w.text }

func no(code, format string, args ...any) error {
	return &wrong{code, fmt.Sprintf(format, args...)}
}

// place is where the columns of a batch stand.
type place struct {
	phone int
	vars  []int
}

func (s *settings) place(c *feed.Columns) place {
	var p place
	p.phone, _ = c.Index(s.phone)
	for _, name := range s.params {
		at, _ := c.Index(name)
		p.vars = append(p.vars, at)
	}
	return p
}

// compose makes a message of a record, or says which rule it breaks.
func (s *settings) compose(p place, row []feed.Value) (group, error) {
	g := group{values: make([]string, len(p.vars))}
	phone, ok := text(row[p.phone])
	if !ok || !mobile.MatchString(phone) {
		return g, no(badPhone, "column %s: no mobile number of 11 digits (%s手机号)", s.phone, interfaceAt)
	}
	g.phone = phone
	length := utf8.RuneCountInString(s.head()+s.content) - len(p.vars)*len(variable)
	for i, at := range p.vars {
		value, err := s.value(s.params[i], row[at])
		if err != nil {
			return g, err
		}
		g.values[i] = value
		length += utf8.RuneCountInString(value)
	}
	if length > maxRunes {
		return g, no(tooLong, "with its values the text has %d characters (%s内容最长 500 个字, 含变量)", length, interfaceAt)
	}
	return g, nil
}

// value is the text of a variable.
func (s *settings) value(column string, v feed.Value) (string, error) {
	value, ok := text(v)
	if s.fullwidth {
		value = strings.NewReplacer(",", "，", ";", "；").Replace(value)
	}
	switch {
	case !ok && v != nil:
		return "", no(badValue, "column %s: a value that is no text and no number; write it as text in the source", column)
	case strings.TrimSpace(value) == "":
		return "", no(emptyVariable, "column %s is empty (%s变量值不能为空)", column, interfaceAt)
	case strings.ContainsAny(value, ",;"):
		return "", no(separator, `column %s holds "," or ";", which part the values (%sparams); fullwidth = true replaces them`, column, interfaceAt)
	case strings.ContainsAny(value, "【】"):
		return "", no(brackets, "column %s holds 【 or 】 (%s变量值)", column, auditAt)
	case strings.ContainsFunc(value, hidden):
		return "", no(badValue, "column %s holds a line break or a character that cannot be seen (%s变量值)", column, auditAt)
	case s.kind == code && !alphanumeric.MatchString(value):
		return "", no(badCode, "column %s: a code has letters and digits only (%s验证码)", column, auditAt)
	}
	if word := s.words.in(s.kind, value); word != "" {
		return "", no(bannedWord, "column %s holds the banned word %q (%s违禁词)", column, word, auditAt)
	}
	return value, nil
}

var alphanumeric = regexp.MustCompile(`^[0-9A-Za-z]+$`)

func hidden(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) || r == utf8.RuneError
}

// text is a value as it is sent.
func text(v feed.Value) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, utf8.ValidString(v)
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

// groups are the messages of a batch that Check let pass, equal ones once.
func (s *settings) groups(b feed.Batch) (list []group, err error) {
	p, seen := s.place(b.Columns), make(map[string]bool, b.Len())
	for i := range b.Len() {
		g, err := s.compose(p, b.Row(i))
		if err != nil {
			return nil, feed.Errorf(feed.HaltJob, "record", "record %d of the batch was not checked: %w", i+1, err)
		}
		if !seen[g.key()] {
			seen[g.key()] = true
			list = append(list, g)
		}
	}
	return list, nil
}

// params are the groups as varsms takes them: number and values, parted by commas, groups by semicolons.
func params(list []group) string {
	wire := make([]string, len(list))
	for i, g := range list {
		wire[i] = g.key()
	}
	return strings.Join(wire, ";")
}

// phones are the numbers as sendsms takes them.
func phones(list []group) string {
	wire := make([]string, len(list))
	for i, g := range list {
		wire[i] = g.phone
	}
	return strings.Join(wire, ",")
}

// addressees are to whom the groups go.
func addressees(p people, list []group) (to []kind.Addressee) {
	at := make(map[string]int, len(list))
	for _, g := range list {
		i, known := at[g.phone]
		if !known {
			i = len(to)
			at[g.phone] = i
			to = append(to, kind.Addressee{Person: p.digest(g.phone), Shown: shown(g.phone)})
		}
		to[i].Copies++
	}
	return to
}
