package transport

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"milkrun/sync/secret"
)

const (
	// lookedAt is how many bytes of a text are searched for secrets, and keptOf how many of a longer one are kept: what
	// lies between them is there so that a secret is seen whole that begins in what is kept.
	lookedAt = 16 << 10
	keptOf   = 8 << 10
	// nesting is how many encodings are seen through, one inside the other: the text of a form inside JSON inside JSON.
	nesting = 3
	// shortSecret is the length in bytes below which a secret is cut only where it stands alone: cut out of words, it
	// would make a text unreadable, and what is left would tell it.
	shortSecret = 4
)

// redact cuts out secrets, whatever their upper and lower case: as they are, or with any of their characters written as
// in JSON, HTML or a form, in mixtures of these and up to [nesting] deep; and in hexadecimal or base64, where they may
// also be part of what was encoded ("user:password"). Of a very long text only the beginning is left. The work is
// bounded: a few dozen readings of at most [lookedAt] bytes for each secret.
func redact(text string, secrets []secret.Secret) string {
	long := len(text) >= lookedAt
	text = text[:min(len(text), lookedAt)]
	cut := make([]bool, len(text))
	seen := map[string]bool{}
	find(original(text), needles(secrets), nesting, seen, cut)
	if long {
		text = text[:keptOf]
	}
	return without(text, cut)
}

// Redact cuts secrets out of a text of any length, in all the forms in which [Said] does. One that is longer than half of
// what is looked at in one go may escape it.
func Redact(text string, secrets ...secret.Secret) string {
	list := needles(secrets)
	cut := make([]bool, len(text))
	for from := 0; from == 0 || from+lookedAt-keptOf < len(text); from += keptOf {
		to := min(from+lookedAt, len(text))
		find(original(text[from:to]), list, nesting, map[string]bool{}, cut[from:to])
	}
	return without(text, cut)
}

// without writes the secret's stand-in for every stretch that is cut.
func without(text string, cut []bool) string {
	var out strings.Builder
	kept := 0
	for i := range len(text) {
		if !cut[i] {
			continue
		}
		out.WriteString(text[kept:i])
		if i == 0 || !cut[i-1] {
			out.WriteString(secret.Secret{}.String())
		}
		kept = i + 1
	}
	out.WriteString(text[kept:])
	return out.String()
}

// find marks the bytes of the original text that a view of it shows to be secret, and looks at the views behind it.
func find(v view, list []needle, deeper int, seen map[string]bool, cut []bool) {
	if len(list) == 0 || seen[v.text] {
		return
	}
	seen[v.text] = true
	folded, standard := fold(v.text), base64Standard.Replace(v.text)
	for _, n := range list {
		if n.base64 {
			v.mark(n, standard, cut)
		} else {
			v.mark(n, folded, cut)
		}
	}
	if deeper == 0 {
		return
	}
	for _, code := range codings {
		if inner, ok := v.decoded(code); ok {
			find(inner, list, deeper-1, seen, cut)
		}
	}
}

// needle is what is looked for.
type needle struct {
	text   string
	base64 bool // in the standard alphabet, in which case counts; else folded
	alone  bool // only where no letter or digit touches it
	// left and right are how many characters beside it hold bits of the secret too: none or one.
	left, right int
}

func needles(secrets []secret.Secret) []needle {
	var list []needle
	for _, s := range secrets {
		value := s.Reveal()
		if value == "" {
			continue
		}
		alone := len(value) < shortSecret
		list = append(list, needle{text: fold(value), alone: alone}, needle{text: hex.EncodeToString([]byte(value)), alone: alone})
		if alone {
			list = append(list, needle{text: base64.RawStdEncoding.EncodeToString([]byte(value)), base64: true, alone: true})
			continue
		}
		for before := range 3 {
			list = append(list, core(value, before))
		}
	}
	return list
}

// core is the part of a value's base64 that does not depend on what is encoded with it, when the number of bytes before
// it leaves the remainder given at division by three.
func core(value string, before int) needle {
	encoded := base64.RawStdEncoding.EncodeToString([]byte("\x00\x00"[:before] + value))
	bits := (before + len(value)) * 8
	return needle{text: encoded[(before*8+5)/6 : bits/6], base64: true, left: min(before, 1), right: min(bits%6, 1)}
}

var base64Standard = strings.NewReplacer("-", "+", "_", "/")

// fold makes small letters of ASCII capitals, and a space of a plus, which is one in a form. The length stays.
func fold(text string) string {
	folded := []byte(text)
	for i, c := range folded {
		switch {
		case 'A' <= c && c <= 'Z':
			folded[i] |= 0x20
		case c == '+':
			folded[i] = ' '
		}
	}
	return string(folded)
}

// mark finds n in text, which is that of the view in another dress. Finds may overlap.
func (v view) mark(n needle, text string, cut []bool) {
	done := 0
	for at := 0; ; at++ {
		next := strings.Index(text[at:], n.text)
		if next < 0 {
			return
		}
		at += next
		if n.alone && touched(text, at, at+len(n.text)) {
			continue
		}
		from, to := max(0, at-n.left), min(at+len(n.text)+n.right, len(text))
		for i := max(from, done); i < to; i++ {
			for j := v.from[i]; j < v.to[i]; j++ {
				cut[j] = true
			}
		}
		done = to
	}
}

// touched says whether a word goes on beyond text[from:to].
func touched(text string, from, to int) bool {
	return from > 0 && isWord(text[from-1]) && isWord(text[from]) || to < len(text) && isWord(text[to-1]) && isWord(text[to])
}

func isWord(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' }
