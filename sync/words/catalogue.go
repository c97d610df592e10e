package words

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/leonelquinteros/gotext"
)

//go:embed zh_CN.po
var zhCN []byte

// chinese is the catalogue, read when it is first wanted: it costs some milliseconds.
//
//nolint:gochecknoglobals // nothing changes it; a Lang is a plain word, so that it can be a flag
var chinese = sync.OnceValue(func() *catalogue { return newCatalogue(read(zhCN)) })

// read returns the translations of a PO file by their originals, without those that are empty.
func read(po []byte) map[string]string {
	file := gotext.NewPo()
	file.Parse(po)
	out := map[string]string{}
	for id, entry := range file.GetDomain().GetTranslations() {
		if text := entry.Trs[0]; id != "" && text != "" {
			out[id] = text
		}
	}
	return out
}

// catalogue is what can be said in another language.
type catalogue struct {
	formats map[string]string // translations by formats, for whoever has the arguments
	texts   map[string]string // translations by texts that have no verbs
	shapes  []*shape          // of the formats with verbs, the one with the most letters first
}

// shape is a format by which a rendered text is known, and what to say instead.
type shape struct {
	id             string
	prefix, suffix string // that a text must have
	inner          string // what it must hold besides, the longest literal between verbs
	weight         int    // letters
	expression     func() *regexp.Regexp
	args           []int  // the argument of every group of the expression
	fixed          []bool // by argument: it is quoted or a number, and is not looked into
	tail           int    // the argument that both end with, -1 without one
	translation    []piece
}

func newCatalogue(translations map[string]string) *catalogue {
	c := &catalogue{formats: translations, texts: map[string]string{}}
	for id, text := range translations {
		pieces := split(id)
		if !slices.ContainsFunc(pieces, func(p piece) bool { return p.verb != "" }) {
			c.texts[plain(pieces)] = plain(split(text))
			continue
		}
		if s := newShape(id, pieces, split(text)); s != nil {
			c.shapes = append(c.shapes, s)
		}
	}
	slices.SortFunc(c.shapes, func(a, b *shape) int {
		if a.weight != b.weight {
			return b.weight - a.weight
		}
		if len(a.args) != len(b.args) {
			return len(a.args) - len(b.args)
		}
		return strings.Compare(a.id, b.id)
	})
	return c
}

// plain is a format without verbs as it is rendered.
func plain(pieces []piece) (text string) {
	for _, p := range pieces {
		text += p.literal
	}
	return text
}

// A format of few letters is found only between single words or numbers of things, and one of fewer not at all: by it, texts would be torn
// that were never made from it.
const (
	fewLetters    = 6
	fewestLetters = 3
)

// newShape is nil when a format says too little to be known again.
func newShape(id string, pieces, translation []piece) *shape {
	s := &shape{id: id, translation: translation, fixed: make([]bool, len(pieces)), tail: tail(pieces, translation)}
	for i, p := range pieces {
		if p.verb != "" {
			s.args = append(s.args, p.arg)
			s.fixed[p.arg] = s.fixed[p.arg] || p.sharp()
			continue
		}
		s.weight += letters(p.literal)
		switch {
		case i == 0:
			s.prefix = p.literal
		case i == len(pieces)-1:
			s.suffix = p.literal
		case len(p.literal) > len(s.inner):
			s.inner = p.literal
		}
	}
	if s.weight < fewestLetters {
		return nil
	}
	open := `(.*?)`
	if s.prefix == "" && s.weight < fewLetters {
		open = `((?:[0-9,]+ )?\S+?)`
	}
	s.expression = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression(pieces, open)) })
	return s
}

// tail is the argument that a format and its translation both end with, -1 without one.
func tail(format, translation []piece) int {
	last, also := format[len(format)-1], translation[len(translation)-1]
	if last.verb == "" || also.verb == "" || last.arg != also.arg {
		return -1
	}
	return last.arg
}

// expression is what the texts look like that a format makes. It is matched in time linear in the text.
func expression(pieces []piece, open string) string {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for i, p := range pieces {
		if p.verb == "" {
			b.WriteString(regexp.QuoteMeta(p.literal))
			continue
		}
		switch p.kind() {
		case 's', 'v', 'w':
			if i+1 < len(pieces) && pieces[i+1].verb != "" { // what follows begins with punctuation, if it is anything
				b.WriteString(`((?:[^,;:(]|:\S)*)`)
				continue
			}
			b.WriteString(open)
		case 'd':
			b.WriteString(`([-+]?[0-9][0-9,]*)`)
		case 'q':
			b.WriteString(`("(?:[^"\\]|\\.)*")`)
		default:
			b.WriteString(`(\S+?)`)
		}
	}
	b.WriteString(`\z`)
	return b.String()
}

// possible are the shapes that a text, or a part of it, may have: it holds all that their texts must have.
func (c *catalogue) possible(text string) (list []*shape) {
	for _, s := range c.shapes {
		if strings.Contains(text, s.inner) && strings.Contains(text, s.prefix) && strings.Contains(text, s.suffix) {
			list = append(list, s)
		}
	}
	return list
}

// match returns the arguments that a text was made from.
func (s *shape) match(text string) (args []string, ok bool) {
	if len(text) < len(s.prefix)+len(s.suffix) || !strings.HasPrefix(text, s.prefix) || !strings.HasSuffix(text, s.suffix) ||
		!strings.Contains(text, s.inner) {
		return nil, false
	}
	groups := s.expression().FindStringSubmatch(text)
	if groups == nil {
		return nil, false
	}
	args = make([]string, len(s.fixed))
	seen := make([]bool, len(s.fixed))
	for i, arg := range s.args {
		if seen[arg] && args[arg] != groups[i+1] {
			return nil, false
		}
		args[arg], seen[arg] = groups[i+1], true
	}
	return args, true
}
