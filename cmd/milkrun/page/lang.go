package page

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"milkrun/cmd/milkrun/standing"
)

// lang is a language that the page speaks.
type lang string

const (
	english lang = "en"
	chinese lang = "zh"
)

const langCookie = "milkrun_lang"

func (l lang) other() lang {
	if l == chinese {
		return english
	}
	return chinese
}

// tag is the language as HTML names it.
func (l lang) tag() string {
	if l == chinese {
		return "zh-CN"
	}
	return "en"
}

// choose is the language that somebody switched to, else the one their browser likes better.
func choose(r *http.Request) lang {
	if c, err := r.Cookie(langCookie); err == nil {
		if l := lang(c.Value); l == english || l == chinese {
			return l
		}
	}
	best, weight := english, 0.0
	for one := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, rest, _ := strings.Cut(strings.ToLower(strings.TrimSpace(one)), ";")
		primary, _, _ := strings.Cut(tag, "-")
		l := lang(primary)
		if q := quality(rest); (l == english || l == chinese) && q > weight {
			best, weight = l, q
		}
	}
	return best
}

func quality(rest string) float64 {
	text, given := strings.CutPrefix(strings.TrimSpace(rest), "q=")
	if !given {
		return 1
	}
	q, err := strconv.ParseFloat(text, 64)
	if err != nil || q < 0 || q > 1 {
		return 0
	}
	return q
}

// switchLanguage keeps the language that somebody chose.
func (p *page) switchLanguage(w http.ResponseWriter, r *http.Request) {
	if !p.ours(w, p.visit(r)) {
		return
	}
	l := english
	if r.PostForm.Get("to") == string(chinese) {
		l = chinese
	}
	http.SetCookie(w, cookie(r, langCookie, string(l), 365*24*3600))
	leadBack(w, r)
}

func (l lang) phrases() map[string]string {
	out := make(map[string]string, len(phrases))
	for _, p := range phrases {
		out[p.key] = p.en
		if l == chinese {
			out[p.key] = p.zh
		}
	}
	return out
}

// say is a phrase of the page, with what stands in it. An unknown key is shown as it is; a test finds it.
func (s set) say(key string, args ...any) string {
	text, found := s.phrases[key]
	switch {
	case !found:
		return key
	case len(args) == 0:
		return text
	}
	return fmt.Sprintf(text, args...)
}

// word is what the state file calls something: "caught up", "part". What has no translation stays.
func (s set) word(kind, text string) string {
	if said, found := s.phrases[kind+"."+text]; found {
		return said
	}
	return text
}

// many is a number of things.
func (s set) many(n int64, thing string) string {
	text := s.say("n." + thing)
	if one, more, two := strings.Cut(text, "|"); two && n == 1 {
		text = one
	} else if two {
		text = more
	}
	return strings.Replace(text, "%s", standing.Grouped(n), 1)
}

// tell translates what the engine or a partner said.
func (v *visit) tell(text string) string {
	if text == "" {
		return ""
	}
	return v.Translate(string(v.lang), text)
}

// tellLines translates what was said in lines, each by itself.
func (v *visit) tellLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = v.tell(line)
	}
	return strings.Join(lines, "\n")
}
