package page

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var (
	inTemplate = regexp.MustCompile(`\bt "([a-z.]+)"`)
	inCode     = regexp.MustCompile(`\bsay\("([a-z.]+)"[,)]`)
	counted    = regexp.MustCompile(`\bmany\([^"\n]*"([a-z]+)"\)`)
	refused    = regexp.MustCompile(`"(err\.[a-z.]+)"`)
	verb       = regexp.MustCompile(`%(\[\d\])?[0-9]*[sdq]`)
)

// Every phrase that is used exists, in both languages, with the same values in it; and every phrase is used.
func TestPhrases(t *testing.T) {
	used := usedPhrases(t)
	known := map[string]bool{}
	for _, p := range phrases {
		if known[p.key] {
			t.Errorf("%s is there twice", p.key)
		}
		known[p.key] = true
		family, _, _ := strings.Cut(p.key, ".")
		byName := slices.Contains([]string{"state", "trigger", "mode", "lane", "slot", "op", "event", "phase", "scope", "stand", "day", "lag"}, family) || strings.HasSuffix(p.key, ".remedy")
		if !used[p.key] && !byName {
			t.Errorf("%s is never said", p.key)
		}
		if (p.en == "") != (p.zh == "") {
			t.Errorf("%s is said in one language only", p.key)
		}
		if hasHan(p.en) && p.key != "switch.title" && p.key != "switch" {
			t.Errorf("%s: the English is %q", p.key, p.en)
		}
		if one, more, two := strings.Cut(p.en, "|"); two && (verbs(one) != verbs(more) && !strings.Contains(p.key, "n.try")) {
			t.Errorf("%s: %q and %q", p.key, one, more)
		}
		if !strings.Contains(p.en, "|") && verbs(p.en) != verbs(p.zh) {
			t.Errorf("%s: %q and %q hold other values", p.key, p.en, p.zh)
		}
	}
	for key := range used {
		if !known[key] {
			t.Errorf("there is no phrase %s", key)
		}
	}
}

// usedPhrases are the keys that templates and code name.
func usedPhrases(t *testing.T) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	files, err := filepath.Glob("assets/*.html")
	if err != nil {
		t.Fatal(err)
	}
	code, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(files, code...) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, "_test.go") || path == "words.go" {
			continue
		}
		for _, pattern := range []*regexp.Regexp{inTemplate, inCode, refused} {
			for _, found := range pattern.FindAllStringSubmatch(string(text), -1) {
				used[found[1]] = true
			}
		}
		for _, found := range counted.FindAllStringSubmatch(string(text), -1) {
			used["n."+found[1]] = true
		}
	}
	return used
}

func verbs(text string) string {
	list := verb.FindAllString(text, -1)
	for i, one := range list {
		list[i] = regexp.MustCompile(`\[\d\]`).ReplaceAllString(one, "")
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func hasHan(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

func TestChooseLanguage(t *testing.T) {
	for _, one := range []struct {
		accept, cookie string
		want           lang
	}{
		{"", "", english}, {"zh-CN,zh;q=0.9,en;q=0.8", "", chinese}, {"en-GB,en;q=0.9,zh;q=0.8", "", english}, {"de,zh;q=0.5", "", chinese},
		{"de,fr", "", english}, {"zh-Hant-TW", "", chinese}, {"zh;q=0.3, en;q=0.7", "", english}, {"zh;q=0, en;q=0.1", "", english}, {"zh;q=x", "", english},
		{"zh-CN", "en", english}, {"en", "zh", chinese}, {"en", "klingon", english}, {"*", "", english}, {"ZH-cn", "", chinese},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Language", one.accept)
		if one.cookie != "" {
			r.AddCookie(&http.Cookie{Name: langCookie, Value: one.cookie})
		}
		if got := choose(r); got != one.want {
			t.Errorf("%q with cookie %q: %s", one.accept, one.cookie, got)
		}
	}
}

func TestSwitchLanguage(t *testing.T) {
	w := newWorld(t, nil)
	status, body, _ := w.post("/language", map[string][]string{"to": {"zh"}, "back": {"/runs"}})
	if status != http.StatusOK || !strings.Contains(plain(body), "尚无运行。") {
		t.Errorf("%d %s", status, plain(body))
	}
	if _, body, _ := w.ask("/", "Accept-Language", "en"); !strings.Contains(body, `lang="zh-CN"`) {
		t.Error("the choice is not kept")
	}
	if _, body, _ := w.post("/language", map[string][]string{"to": {"en"}, "back": {"//evil.example"}}); !strings.Contains(plain(body), "There are no jobs") && !strings.Contains(plain(body), "Overview") {
		t.Errorf("back to English: %s", plain(body))
	}
}
