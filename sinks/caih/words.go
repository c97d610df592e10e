package caih

import (
	_ "embed" // the list of banned words
	"fmt"
	"os"
	"strings"
)

//go:embed words.txt
var bannedByDefault string

// bannedWords are lists of words by what they hold for: "全部", "非验证码", "通知", "推广".
type bannedWords map[string][]string

// readWords reads a list of banned words; the built-in one without a path.
func readWords(path string) (bannedWords, error) {
	if path == "" {
		return parseWords(bannedByDefault)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	words, err := parseWords(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return words, nil
}

func parseWords(text string) (bannedWords, error) {
	words, scope := bannedWords{}, scopeAll
	for i, line := range strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			scope = strings.Trim(line, "[]")
			if scope != scopeAll && scope != scopeNoCode && scope != notice && scope != marketing {
				return nil, fmt.Errorf("line %d: %s is none of [全部], [非验证码], [通知], [推广]", i+1, line)
			}
		default:
			words[scope] = append(words[scope], line)
		}
	}
	return words, nil
}

const (
	scopeAll    = "全部"
	scopeNoCode = "非验证码"
)

// scopes are the lists that hold for a kind of content.
func scopes(kind string) []string {
	if kind == code {
		return []string{scopeAll}
	}
	return []string{scopeAll, scopeNoCode, kind}
}

// in returns a banned word that is in a text of a kind of content, "" when there is none.
func (w bannedWords) in(kind, text string) string {
	text = strings.ToLower(text)
	for _, scope := range scopes(kind) {
		for _, word := range w[scope] {
			if strings.Contains(text, strings.ToLower(word)) {
				return word
			}
		}
	}
	return ""
}
