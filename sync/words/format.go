package words

import (
	"regexp"
	"strconv"
	"strings"
)

// piece is a literal of a format, or one of its verbs.
type piece struct {
	literal string
	verb    string // as it stands, "" for a literal
	arg     int    // which argument the verb shows, from 0
}

// kind is the letter of a verb.
func (p piece) kind() byte { return p.verb[len(p.verb)-1] }

// sharp says that a verb quotes or numbers its argument, so that its text cannot be replaced.
func (p piece) sharp() bool {
	return !strings.ContainsRune("svw", rune(p.kind())) || strings.ContainsAny(p.verb, "#+")
}

// verbs are those of package fmt, as far as messages use them: no star, no blank as a flag ("5 % of it" has no verb).
var verbs = regexp.MustCompile(`%(?:%|[-+#0]*[0-9]*(?:\.[0-9]+)?(?:\[([1-9])\])?[a-zA-Z])`)

// split takes a format apart.
func split(format string) (list []piece) {
	literal, next := "", 0
	flush := func() {
		if literal != "" {
			list = append(list, piece{literal: literal})
		}
		literal = ""
	}
	done := 0
	for _, m := range verbs.FindAllStringSubmatchIndex(format, -1) {
		literal += format[done:m[0]]
		done = m[1]
		verb := format[m[0]:m[1]]
		if verb == "%%" {
			literal += "%"
			continue
		}
		if m[2] >= 0 {
			n, _ := strconv.Atoi(format[m[2]:m[3]]) // one digit, says the expression
			next = n - 1
		}
		flush()
		list = append(list, piece{verb: verb, arg: next})
		next++
	}
	literal += format[done:]
	flush()
	return list
}

// letters counts what makes a literal tell one format from another.
func letters(s string) (n int) {
	for _, r := range s {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			n++
		}
	}
	return n
}

// trim takes the white space off both ends of a text. Messages are looked up without.
func trim(s string) (before, text, after string) {
	text = strings.TrimLeft(s, " \t\n")
	before = s[:len(s)-len(text)]
	text = strings.TrimRight(text, " \t\n")
	return before, text, s[len(before)+len(text):]
}
