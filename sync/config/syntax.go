package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// largest is the size in bytes that a file can have.
const largest = 1 << 20

// fresh is the beginning of a line that is a table header or a key with its value.
var fresh = regexp.MustCompile(`(?m)^[ \t]*(\[{1,2}[^\[\],=]+\]{1,2}[ \t]*(#.*)?\r?$|[A-Za-z0-9_.-]+[ \t]*=.)`)

// inHeader says whether a byte is in a line that was meant to be a table header.
func (r *reader) inHeader(at int) bool {
	_, line := r.lineAt(at)
	return bytes.HasPrefix(bytes.TrimLeft(r.text[line.from:], " \t"), []byte("["))
}

// syntax reports a syntax error and returns where reading can go on, 0 when nowhere.
func (r *reader) syntax(at span, err error) int {
	r.broken = true
	r.hideLine(at.from)
	if place, sign, meant := r.fullWidth(at.from); meant != "" {
		r.report(Error, place, "", fmt.Sprintf("%s is a full-width character", sign), fmt.Sprintf("write %s instead", meant))
	} else {
		r.report(Error, at, "", "the TOML is wrong here: "+library(err), syntaxRemedy(err.Error()))
	}
	_, line := r.lineAt(at.from)
	if line.to == len(r.text) {
		return 0
	}
	next := fresh.FindIndex(r.text[line.to+1:])
	if next == nil {
		return 0
	}
	return line.to + 1 + next[0]
}

// fullWidth finds what a Chinese keyboard writes in the place of a sign of TOML: the character at a byte, or, where it is an
// end that is missing, the last quote before it in the line. It returns where it stands, and what was meant, "" for nothing.
func (r *reader) fullWidth(at int) (place span, sign, meant string) {
	_, line := r.lineAt(at)
	if c, size := utf8.DecodeRune(r.text[at:line.to]); narrow(c) != "" {
		return span{at, at + size}, spelt(c), narrow(c)
	}
	if rest := bytes.TrimSpace(r.text[at:line.to]); len(rest) > 0 {
		return span{}, "", ""
	}
	if last := bytes.LastIndexAny(r.text[line.from:at], "“”„＂‘’＇"); last >= 0 {
		from := line.from + last
		c, size := utf8.DecodeRune(r.text[from:])
		return span{from, from + size}, string(c), narrow(c)
	}
	return span{}, "", ""
}

// spelt is a character as a person can see it.
func spelt(c rune) string {
	if unicode.IsSpace(c) {
		return fmt.Sprintf("%U", c)
	}
	return string(c)
}

// narrow is the sign of TOML that a full-width character stands for, "" for none.
func narrow(c rune) string {
	switch c {
	case '“', '”', '„', '＂':
		return `"`
	case '‘', '’', '＇':
		return "'"
	case '，', '、':
		return ","
	case '【', '［':
		return "["
	case '】', '］':
		return "]"
	case '｛':
		return "{"
	case '｝':
		return "}"
	case '＝':
		return "="
	case '＃':
		return "#"
	case '．', '。':
		return "."
	case '　', '\u00a0':
		return "a space"
	}
	return ""
}

// hideLine hides what could be a value in a line that could not be read: everything, but for keys and headers.
func (r *reader) hideLine(at int) {
	_, whole := r.lineAt(at)
	line := r.text[whole.from:whole.to]
	key, value, found := bytes.Cut(line, []byte("="))
	word := strings.TrimSpace(string(key))
	switch {
	case strings.HasPrefix(word, "[") && !found, r.harmless(word, string(line)):
		return
	case found && bareKey.MatchString(word):
		whole.from = whole.to - len(bytes.TrimLeft(value, " \t"))
	}
	if whole.from < whole.to {
		r.hidden = append(r.hidden, whole)
	}
}

// bareKey is a key that needs no quotes, dotted ones included.
var bareKey = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// harmless says whether a line that begins with key can be shown as a whole: the key is known, and no word of the line
// is the name of a secret.
func (r *reader) harmless(key, line string) bool {
	secrets, others := r.knownKeys()
	for _, s := range secrets {
		if strings.Contains(line, s) {
			return false
		}
	}
	return others[key]
}

// library is the library's message without its name.
func library(err error) string {
	var perr *unstable.ParserError
	if errors.As(err, &perr) {
		return perr.Message
	}
	return strings.TrimPrefix(err.Error(), "toml: ")
}

func syntaxRemedy(message string) string {
	switch {
	case strings.Contains(message, "start of value"), strings.Contains(message, "expected keyword"), strings.Contains(message, "must be quoted"):
		return `texts stand in double quotes: key = "value"`
	case strings.Contains(message, "expected newline"):
		return "one key a line; texts stand in double quotes"
	case strings.Contains(message, "expected '='"):
		return "write key = value"
	case strings.Contains(message, "after array value"), strings.Contains(message, "inline table key-value"):
		return "put a comma between two values, and close the bracket"
	case strings.Contains(message, "close"), strings.Contains(message, "cannot have new lines"), strings.Contains(message, "incomplete"), strings.Contains(message, "terminated"):
		return "close the bracket or quote"
	}
	return "see https://toml.io for the syntax"
}

// secondOpinion asks the library's strict decoder for what the tree lets pass: headers that reopen a dotted key and
// the like.
func (r *reader) secondOpinion() {
	var all map[string]any
	err := toml.Unmarshal(r.text, &all)
	var derr *toml.DecodeError
	if !errors.As(err, &derr) {
		return
	}
	line, column := derr.Position()
	at := min(r.starts[line-1]+column-1, len(r.text))
	r.syntax(span{at, at}, err)
}

// encoding reports a text that is not UTF-8, or no text of a person. It returns false when there is no use in reading on.
func (r *reader) encoding() bool {
	r.text = bytes.TrimPrefix(r.text, []byte("\xef\xbb\xbf"))
	r.starts = lineStarts(r.text)
	if len(r.text) > largest {
		r.report(Error, nowhere(), "", fmt.Sprintf("the file is larger than %d bytes", largest), "is it the right one?")
		return false
	}
	at := bytes.IndexFunc(r.text, func(c rune) bool { return c == utf8.RuneError })
	if utf8.Valid(r.text) || at < 0 {
		return true
	}
	r.hideLine(at)
	r.report(Error, span{at, at}, "", "this is not UTF-8", "save the file as UTF-8; an editor may have written it as GBK or UTF-16")
	return false
}
