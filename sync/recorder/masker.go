package recorder

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"milkrun/sync/mask"
	"milkrun/sync/secret"
	"milkrun/sync/transport"
)

// Masking is what there is to hide beyond what every recording hides.
type Masking struct {
	// Secrets are hidden wherever they stand.
	Secrets []secret.Secret
	// SecretNames are fields of requests that hold secrets, as the connection's keys are called.
	SecretNames []string
	// Rules are the job's masks by column.
	Rules map[string]mask.Rule
}

// masker hides what must not be kept. It is safe for concurrent use.
type masker struct {
	Masking
	// plain leaves pseudonyms unnumbered: the same value is the same text in any recording, and two may be the same. It is
	// how requests are compared.
	plain bool
	*book
}

// book is what a recording has called whom.
type book struct {
	mu    sync.Mutex
	given map[string]string // pseudonym by value
	taken map[string]int    // how many values have a pseudonym
	names map[string]nature // as judging a name takes its time
}

// nature is what the name of a field says about it.
type nature struct {
	rule                              mask.Rule
	personal, opens, volatile, groups bool
	id                                bool // it tells records apart
}

func newMasker(m Masking) *masker {
	m.Secrets = slices.DeleteFunc(slices.Clone(m.Secrets), secret.Secret.Empty)
	return &masker{Masking: m, book: &book{given: map[string]string{}, taken: map[string]int{}, names: map[string]nature{}}}
}

// newComparer returns a masker that knows no secrets and numbers nothing.
func newComparer() *masker {
	m := newMasker(Masking{})
	m.plain = true
	return m
}

// side is which part of an exchange is masked: in requests some names mean more.
type side struct {
	request bool
	depth   int // of the field below the body
}

func (s side) within() side { return side{s.request, s.depth + 1} }

// tree masks a value in place. name is that of the field it stands in, "" at the top.
func (m *masker) tree(name string, n *node, at side) {
	switch n.kind {
	case object:
		for i := range n.members {
			e := &n.members[i]
			m.tree(e.name, e.value, at.within())
			e.name = m.free(e.name) // maps keyed by phone numbers exist
		}
	case list:
		m = m.looking(n.compact()) // the secrets of a request rarely stand among its records
		for _, item := range n.items {
			m.tree(name, item, at)
		}
	case text:
		n.text = m.leaf(name, n.text, at)
	case number:
		*n = *m.digits(name, n, at)
	}
}

// mark is what stands for all of a field, "" when its value is to be looked at.
func (m *masker) mark(name string, at side) string {
	switch {
	case m.nature(name).opens:
		return secretMark
	case at.request && at.depth <= 1 && slices.Contains(m.SecretNames, name):
		return secretMark
	case at.request && at.depth <= 1 && m.nature(name).volatile:
		return volatileMark
	}
	return ""
}

// leaf masks a text that is the value of a field.
func (m *masker) leaf(name, value string, at side) string {
	if value == "" {
		return ""
	}
	if mark := m.mark(name, at); mark != "" {
		return mark
	}
	if rule, personal := m.rule(name); personal {
		return m.pseudonym(m.redact(value), rule.Apply)
	}
	if m.nature(name).groups {
		return m.group(value)
	}
	if m.nature(name).id && m.redact(value) == value && cardByChance(value) {
		return value
	}
	return m.within(m.redact(value), 0)
}

// cardByChance says whether a number is taken for a bank card by its digits alone, as one in ten of that length is.
func cardByChance(digits string) bool {
	return strings.Trim(digits, "0123456789") == "" && strings.Contains(mask.Scrub(digits), " **** ")
}

// rule says how a field is masked: as the job says, else as its name says.
func (m *masker) rule(name string) (mask.Rule, bool) {
	if rule, ok := m.Rules[name]; ok {
		return rule, true
	}
	n := m.nature(name)
	return n.rule, n.personal
}

func (m *masker) nature(name string) nature {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, ok := m.names[name]
	if ok {
		return n
	}
	if !isPageToken(name) {
		n.rule, n.personal = mask.Guess(name)
	}
	n.opens, n.volatile, n.groups, n.id = isSecretName(name), isVolatileName(name), isGroupName(name), isIDName(name)
	if len(m.names) < mostNames {
		m.names[name] = n
	}
	return n
}

// mostNames bounds what is remembered of names: in some JSON they are data.
const mostNames = 10_000

// looking returns a masker for a text: where none of the secrets is in it, one that need not look for them again.
func (m *masker) looking(body string) *masker {
	if len(m.Secrets) == 0 || m.redact(body) != body {
		return m
	}
	clean := *m
	clean.Secrets = nil
	return &clean
}

// redact cuts the secrets out.
func (m *masker) redact(value string) string {
	if len(m.Secrets) == 0 {
		return value
	}
	return transport.Redact(value, m.Secrets...)
}

// free masks text that has no name: a word of it by what it looks like.
func (m *masker) free(value string) string {
	value = m.redact(value)
	if strings.ContainsAny(value, " \t\r\n,;") {
		return mask.Scrub(value)
	}
	return m.pseudonym(value, mask.Scrub)
}

// group masks every value of a list of lists.
func (m *masker) group(value string) string {
	var b strings.Builder
	from := 0
	for i := 0; i <= len(value); i++ {
		if i == len(value) || value[i] == ',' || value[i] == ';' {
			b.WriteString(m.pseudonym(value[from:i], hideAny))
			b.WriteString(value[i:min(i+1, len(value))])
			from = i + 1
		}
	}
	return b.String()
}

// hideAny masks a value that may be anything: what Scrub does not know, it hides whole.
func hideAny(value string) string {
	if clean := mask.Scrub(value); clean != value {
		return clean
	}
	var hidden mask.Rule // the zero rule leaves nothing
	return hidden.Apply(value)
}

// pseudonym is what stands for a value in this recording.
func (m *masker) pseudonym(value string, hide func(string) string) string {
	if strings.ContainsAny(value, "*＊") || strings.Contains(value, secretMark) {
		value = mask.Scrub(value) // masked before: alike already
		if m.plain {
			return unnumbered(value)
		}
		return value
	}
	hidden := hide(value)
	if hidden == value || hidden == "" || m.plain {
		return hidden
	}
	return m.distinct(value, hidden, func(n int) string { return hidden + "#" + strconv.Itoa(n) })
}

// distinct gives the second and any further value with the same stand-in one of its own.
func (m *masker) distinct(value, hidden string, numbered func(int) string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := hidden + "\x00" + value
	if known, ok := m.given[key]; ok {
		return known
	}
	m.taken[hidden]++
	if n := m.taken[hidden]; n > 1 {
		hidden = numbered(n)
	}
	m.given[key] = hidden
	return hidden
}

// unnumbered takes away the number behind a pseudonym.
func unnumbered(value string) string {
	at := strings.LastIndexByte(value, '#')
	if at < 1 || at+1 == len(value) || strings.Trim(value[at+1:], "0123456789") != "" {
		return value
	}
	return value[:at]
}

// digits masks a number; it stays one, so that whoever reads the recording finds the types he knows. A secret does not.
func (m *masker) digits(name string, n *node, at side) *node {
	if mark := m.mark(name, at); mark != "" {
		return textNode(mark)
	}
	if m.redact(n.text) != n.text {
		return textNode(secretMark)
	}
	if _, personal := m.rule(name); !personal && (mask.Scrub(n.text) == n.text || m.nature(name).id && cardByChance(n.text)) {
		return n
	}
	return &node{kind: number, text: m.zeroed(n.text)}
}

// zeroed keeps the first three and the last four digits of a long number, and the first one of a short one. The second
// value that becomes the same counts in the place of the zeros.
func (m *masker) zeroed(value string) string {
	digits := strings.TrimPrefix(value, "-")
	if len(digits) < 2 || strings.Trim(digits, "0123456789") != "" {
		return "0"
	}
	head, tail := 1, 0
	if len(digits) >= 8 {
		head, tail = 3, 4
	}
	middle := len(digits) - head - tail
	write := func(n int) string {
		return fmt.Sprintf("%s%0*d%s", digits[:head], middle, n, digits[len(digits)-tail:])
	}
	if m.plain {
		return write(0)
	}
	return m.distinct(value, write(0), func(n int) string {
		if counted := write(n); len(counted) == len(digits) {
			return counted
		}
		return write(0) // there is no room to tell more of them apart
	})
}
