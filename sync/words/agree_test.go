package words

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// keeps are the parts of a message that a person types, looks up or counts, which no translation may change: numbers,
// flags, keys, names of variables, addresses, texts in backquotes, commands.
var keeps = regexp.MustCompile("[0-9]+|--[a-z-]+|[a-z]+_[a-z_]+|\\b[A-Z][A-Z_]{2,}\\b|https?://\\S*[a-z/]|`[^`]+`|\\.[a-z]+\\b|" +
	"milkrun (alert|audit|check|checkpoint|dead|doctor|next|once|pause|plan|reload|resume|sandbox|sign|slots|status)( (list|show|set|reset|undo|export|import|history|retry|drop|test))?\\b")

// latin is punctuation of the one script beside letters of the other.
var latin = regexp.MustCompile(`\p{Han}[,:;?!] |\p{Han}[,:;?!]$|\p{Han}\. `)

func TestTranslationsAgree(t *testing.T) {
	for id, text := range read(zhCN) {
		if have, want := shown(text), shown(id); !maps.Equal(have, want) {
			t.Errorf("%q has the verbs %v, its translation %v", id, want, have)
		}
		if word := lost(id, text); word != "" {
			t.Errorf("%q holds %s, its translation does not: %q", id, word, text)
		}
		if at := latin.FindString(text); at != "" {
			t.Errorf("the translation of %q has %q", id, at)
		}
		if _, trimmed, _ := trim(text); trimmed != text {
			t.Errorf("the translation of %q begins or ends with white space", id)
		}
	}
}

// lost is something that a message keeps and its translation does not, "" for nothing. A heading keeps nothing.
func lost(id, text string) string {
	if id == strings.ToUpper(id) {
		return ""
	}
	for _, word := range keeps.FindAllString(bare(id), -1) {
		if !strings.Contains(bare(text), word) {
			return word
		}
	}
	return ""
}

// shown is how each argument is shown by a format.
func shown(format string) map[string]bool {
	out := map[string]bool{}
	for _, p := range split(format) {
		if p.verb != "" {
			out[fmt.Sprint(p.arg, numbered.ReplaceAllString(p.verb, ""))] = true
		}
	}
	return out
}

var numbered = regexp.MustCompile(`\[[0-9]\]`)

// bare is a format without its verbs.
func bare(format string) string { return verbs.ReplaceAllString(format, "%") }

// rendered are the texts that a format makes of values that are easy to find again.
func rendered(id string) (text string, values []string) {
	text = verbs.ReplaceAllStringFunc(id, func(verb string) string {
		if verb == "%%" {
			return "%"
		}
		p := split(id)[slices.IndexFunc(split(id), func(p piece) bool { return p.verb == verb })]
		value := fmt.Sprintf("zq%dk", len(values)+7001)
		if numbered.MatchString(verb) {
			value = fmt.Sprintf("zq%dk", p.arg+7001)
		}
		switch p.kind() {
		case 'd':
			value = value[2:6]
		case 'q':
			value = `"` + value + `"`
		}
		values = append(values, value)
		return value
	})
	return text, values
}

// A text is found again by its format, however it is wrapped, and keeps its values.
func TestTextsAreFoundAgain(t *testing.T) {
	c := chinese()
	weak := 0
	for _, id := range slices.Sorted(maps.Keys(c.formats)) {
		text, values := rendered(id)
		got := Chinese.Text(text)
		for _, v := range values {
			if !strings.Contains(got, v) {
				t.Errorf("%q becomes %q, without %s", text, got, v)
			}
		}
		if got == text && c.formats[id] != id && letters(bare(id)) >= fewLetters {
			t.Errorf("%q is not known again", text)
		}
		if got == text {
			weak++
		}
	}
	t.Logf("%d of %d are too short to be known again, or the same in both languages", weak, len(c.formats))
}
