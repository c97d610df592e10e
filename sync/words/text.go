package words

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of the work that one text may make. Beyond them it stays as it is.
const (
	longest  = 16 << 10 // bytes
	readings = 1000     // parts of a text that are looked up
	seams    = 16       // places where a part may fall in two
	shapes   = 6        // formats that are tried on a part
	deepest  = 24
)

// Text translates a text that is rendered already: by the catalogue as a whole, else by the formats it was made from,
// with what they hold translated likewise. What is unknown, or a single word within a text, which may be a name, stays.
func (l Lang) Text(rendered string) string {
	if l != Chinese || len(rendered) > longest {
		return rendered
	}
	before, text, after := trim(rendered)
	if text == "" {
		return rendered
	}
	c := chinese()
	if t, ok := c.texts[text]; ok {
		return before + t + after
	}
	return before + c.inner(text) + after
}

// Aside is a text in brackets, to be put behind another.
func (l Lang) Aside(text string) string {
	if l == Chinese {
		return "（" + l.Text(text) + "）"
	}
	return " (" + text + ")"
}

// inner translates a text that may be a part of another.
func (c *catalogue) inner(text string) string {
	if len(text) > longest || !strings.Contains(text, " ") {
		return text
	}
	return (&reader{catalogue: c, shapes: c.possible(text), known: map[string]reading{}}).best(text, 0).text
}

// reader finds out what a text was made from.
type reader struct {
	*catalogue
	shapes []*shape // those that a part of the text may have
	known  map[string]reading
	work   int
}

// reading is one way to understand a text.
type reading struct {
	text   string // translated
	weight int    // letters that the catalogue explains, 0 when the text is as it was
}

// best is the reading that explains the most letters; among equals a text of the catalogue, then the format with the
// most letters, then the first seam.
func (r *reader) best(s string, depth int) reading {
	if found, ok := r.known[s]; ok {
		return found
	}
	best := reading{text: s}
	if !strings.Contains(s, " ") || depth > deepest {
		return best
	}
	if r.work++; r.work > readings {
		return best
	}
	if t, ok := r.texts[s]; ok {
		best = reading{t, letters(s)}
	} else {
		best = better(r.byShape(s, depth), r.bySeam(s, depth), best)
	}
	r.known[s] = best
	return best
}

func better(list ...reading) reading {
	best := list[0]
	for _, one := range list[1:] {
		if one.weight > best.weight {
			best = one
		}
	}
	if best.weight == 0 {
		return list[len(list)-1]
	}
	return best
}

func (r *reader) byShape(s string, depth int) (best reading) {
	tried := 0
	for _, shape := range r.shapes {
		args, ok := shape.match(s)
		if !ok {
			continue
		}
		if one := r.apply(shape, args, depth); one.weight > best.weight {
			best = one
		}
		if tried++; tried == shapes {
			break
		}
	}
	return best
}

// apply says with a format's translation what its arguments say.
func (r *reader) apply(s *shape, args []string, depth int) reading {
	out := reading{weight: s.weight}
	parts := make([]reading, len(args))
	for i, arg := range args {
		parts[i] = reading{text: arg}
		if !s.fixed[i] {
			parts[i] = r.argument(arg, depth+1)
		}
		out.weight += parts[i].weight
		if i != s.tail && strings.Contains(arg, ": ") || strings.Contains(arg, "; ") {
			out.weight-- // a wrap is better read as one, and so are two sentences
		}
	}
	before := false // the part before was translated
	for _, p := range s.translation {
		part := reading{text: p.literal}
		if p.verb != "" {
			part = parts[p.arg]
		}
		out.text = attach(out.text, part.text, before || part.weight > 0)
		before = part.weight > 0
	}
	return out
}

// argument reads what a format holds. One that goes on where the format ends (": …", what a partner said) takes on the
// punctuation of the translation.
func (r *reader) argument(s string, depth int) reading {
	if rest, ok := strings.CutPrefix(s, ": "); ok {
		one := r.whole(rest, depth)
		return reading{"：" + one.text, one.weight}
	}
	return r.whole(s, depth)
}

// whole is the best reading of a text with its white space.
func (r *reader) whole(s string, depth int) reading {
	before, text, after := trim(s)
	one := r.best(text, depth)
	return reading{before + one.text + after, one.weight}
}

// attach puts a part behind a text. The blank that a translation keeps beside a value goes where the value turns out to
// be Chinese too.
func attach(text, part string, translated bool) string {
	if left, blank := strings.CutSuffix(text, " "); translated && blank && endsChinese(left) && beginsChinese(part) {
		return left + part
	}
	if right, blank := strings.CutPrefix(part, " "); translated && blank && endsChinese(text) && beginsChinese(right) {
		return text + right
	}
	return text + part
}

func beginsChinese(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return isChinese(r)
}

func endsChinese(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return isChinese(r)
}

// isChinese takes the punctuation with it.
func isChinese(r rune) bool {
	return unicode.Is(unicode.Han, r) || strings.ContainsRune("，。：；、？！（）“”", r)
}

// bySeam reads a text as two, which were put together by the program.
func (r *reader) bySeam(s string, depth int) (best reading) {
	found := 0
	for i := 1; i < len(s)-1 && found < seams; i++ {
		seam := seamAt(s[i:])
		if seam == "" {
			continue
		}
		found++
		left := r.whole(s[:i], depth+1)
		behind, end := s[i+len(seam):], ""
		if seam == " (" && closes(behind) {
			behind, end = strings.TrimSuffix(behind, ")"), ")"
		}
		if one := join(left, seam, r.whole(behind, depth+1), end); one.weight > best.weight {
			best = one
		}
		glued := r.whole(strings.TrimPrefix(s[i:], " "), depth+1) // the catalogue may hold the second part with its seam
		if weight := left.weight + glued.weight; glued.weight > 0 && weight > best.weight {
			best = reading{left.text + glued.text, weight}
		}
		i += len(seam) - 1
	}
	return best
}

// seamAt is what joins two texts at the beginning of s, "" when nothing does.
func seamAt(s string) string {
	for _, seam := range []string{": ", "; ", ", ", "\n", " ("} {
		if strings.HasPrefix(s, seam) {
			return seam
		}
	}
	return ""
}

// closes says whether the last sign of s is the bracket that ends what a bracket before s began.
func closes(s string) bool {
	open := 1
	for i, c := range s {
		switch c {
		case '(':
			open++
		case ')':
			open--
		}
		if open == 0 {
			return i == len(s)-1
		}
	}
	return false
}

// join puts two readings together, with the punctuation of the language they are in now; end is the bracket that a seam
// began.
func join(left reading, seam string, right reading, end string) reading {
	weight := left.weight + right.weight
	if weight > 0 {
		switch seam {
		case ": ":
			seam = "："
		case "; ":
			seam = "；"
		case ", ":
			if left.weight > 0 && right.weight > 0 {
				seam = "，"
			}
		case " (":
			if end != "" && right.weight > 0 {
				seam, end = "（", "）"
			}
		}
	}
	return reading{left.text + seam + right.text + end, weight}
}
