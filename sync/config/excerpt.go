package config

import (
	"fmt"
	"regexp"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// span is a piece of the text, in bytes: [from, to).
type span struct{ from, to int }

// widest is how long a line can be, in bytes, to be shown below a problem.
const widest = 400

// lineStarts returns where each line of a text begins.
func lineStarts(text []byte) []int {
	starts := []int{0}
	for i, c := range text {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// lineAt returns the line a byte is in, from 1, and the line's span without its end.
func (r *reader) lineAt(at int) (line int, whole span) {
	line = sort.Search(len(r.starts), func(i int) bool { return r.starts[i] > at })
	whole = span{r.starts[line-1], len(r.text)}
	if line < len(r.starts) {
		whole.to = r.starts[line] - 1
	}
	return line, whole
}

// position returns line and column of a byte, both from 1, the column in characters.
func (r *reader) position(at int) (line, column int) {
	line, whole := r.lineAt(at)
	return line, utf8.RuneCount(r.text[whole.from:at]) + 1
}

// excerpt returns the line a span begins in, with carets below the span. Hidden spans are shown as "…".
func (r *reader) excerpt(at span) string {
	line, whole := r.lineAt(at.from)
	if whole.to-whole.from > widest {
		return ""
	}
	if h, ok := r.hiddenAt(at.from); ok {
		at = span{max(h.from, whole.from), h.to}
	}
	stop := max(at.from, min(at.to, whole.to))
	for stop < whole.to && !utf8.RuneStart(r.text[stop]) { // the library counts bytes
		stop++
	}
	before, marked := r.shown(span{whole.from, at.from}), r.shown(span{at.from, stop})
	text := before + marked + r.shown(span{stop, whole.to})
	carets := strings.Repeat("^", max(1, width(marked)))
	return fmt.Sprintf("%5d | %s\n      | %s%s\n", line, strings.TrimRight(text, " "), blank(before), carets)
}

// shown returns a piece of the text as it may be printed.
func (r *reader) shown(piece span) string {
	var b strings.Builder
	for i := piece.from; i < piece.to; {
		if h, ok := r.hiddenAt(i); ok {
			b.WriteString("…")
			i = h.to
			continue
		}
		c, size := utf8.DecodeRune(r.text[i:])
		if c == '\t' || unicode.IsPrint(c) {
			b.WriteRune(c)
		}
		i += size
	}
	return userinfo.ReplaceAllString(b.String(), "://…@")
}

// hiddenAt returns a hidden span that a byte is in.
func (r *reader) hiddenAt(at int) (span, bool) {
	for _, h := range r.hidden {
		if h.from <= at && at < h.to {
			return h, true
		}
	}
	return span{}, false
}

// userinfo is the name and password inside a URL.
var userinfo = regexp.MustCompile(`://[^/@\s"']*@`)

// blank returns what is as wide as text on a terminal, keeping its tabs.
func blank(text string) string {
	var b strings.Builder
	for _, c := range text {
		if c == '\t' {
			b.WriteByte('\t')
			continue
		}
		b.WriteString(strings.Repeat(" ", runeWidth(c)))
	}
	return b.String()
}

func width(text string) int {
	n := 0
	for _, c := range text {
		n += runeWidth(c)
	}
	return n
}

// runeWidth is 2 for what East Asian fonts draw twice as wide.
func runeWidth(c rune) int {
	wide := unicode.In(c, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) ||
		c >= 0x3000 && c <= 0x303e || c >= 0xff01 && c <= 0xff60
	if wide {
		return 2
	}
	return 1
}
