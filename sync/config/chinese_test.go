package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"milkrun/sync/config"
	"milkrun/sync/words"
)

// Whatever is wrong in a file is said in Chinese as well: what a problem is put together from must be in the catalogue as it
// is put together.
func TestBadInChinese(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, problems := config.Parse(filepath.Base(file), text, options())
		for _, p := range problems {
			for _, english := range []string{p.Text, p.Remedy} {
				if got := words.Chinese.Text(english); english != "" && !han(got) && !invented(english) {
					t.Errorf("%s:%d: only in English: %s", filepath.Base(file), p.Line, got)
				}
			}
		}
	}
}

// invented says whether the kinds of partners that the tests make up say a text.
func invented(text string) bool {
	return slices.ContainsFunc([]string{"4.1: at most", "sends secrets in the clear", "use https://", "has been closed", "take another"},
		func(s string) bool { return strings.Contains(text, s) })
}

func han(text string) bool {
	for _, c := range text {
		if unicode.Is(unicode.Han, c) {
			return true
		}
	}
	return false
}
