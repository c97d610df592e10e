package words

import (
	"fmt"
	"strings"
)

// Lang is a language that a person reads.
type Lang string

// The languages there are.
const (
	English Lang = "en"
	Chinese Lang = "zh" // simplified
)

// Detect is the language of the environment: that of the first of LC_ALL, LC_MESSAGES and LANG that is set, else English.
func Detect(getenv func(string) string) Lang {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if locale := getenv(name); locale != "" {
			if lang, err := Parse(locale); err == nil {
				return lang
			}
			return English
		}
	}
	return English
}

// Parse takes a language ("zh") or a locale of it ("zh_CN.UTF-8", "en-GB"). The error says what could be written.
func Parse(text string) (Lang, error) {
	name := strings.ToLower(text)
	if i := strings.IndexAny(name, "_-.@"); i >= 0 {
		name = name[:i]
	}
	switch lang := Lang(name); lang {
	case English, Chinese:
		return lang, nil
	}
	return English, fmt.Errorf("%.40q is no language known here; write en or zh", text)
}
