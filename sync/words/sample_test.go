package words

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// sample has one of each kind of text. Those that are no messages say so.
const sample = `package sample

const unit = "a share of %d"

type record struct {
	A int ` + "`json:\"no message at all\"`" + `
}

func f() {
	_ = fmt.Errorf("reading %s: %w", name, err)
	_ = feed.Errorf(feed.Retry, "no message here", "cut").WithRemedy("two words")
	say("one " + unit + " more\n")
	say("%s: %s", a, b)
	text := "it is " + name + " again"
	text += "; and more of it"
	db.Exec("this is no message")
	rows := "SELECT a FROM b"
	if text == "x" || strings.Contains(text, "no message either") {}
	switch text { case "no message in a case": }
	setting.Int("size", &n, "rows a page", "每页行数")
	setting.Int("size", &n, "of page_size rows", "每页行数")
	count(n, "retry")
	printTable([]any{"JOB"}, nil, "none")
	cmd := &cobra.Command{Use: "show this job", Short: "Show", Example: "milkrun once grades", Long: "see milkrun next"}
	key, layout := "on_bad_record", "2006-01-02 15:04"
	say("milkrun dead list %s --only all", job)
}
`

func TestRules(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sample.go"), []byte(sample), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &extraction{at: map[string]int{}}
	if err := e.folder(dir, "sample"); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range e.list {
		got = append(got, m.id)
		if m.id == "rows a page" && m.zh != "每页行数" || m.id == "of page_size rows" && m.zh != "" {
			t.Errorf("%s: %q stands beside it", m.id, m.zh)
		}
	}
	want := []string{"a share of %d", "reading %s: %w", "two words", "cut", "one a share of %d more", "it is %s again", "; and more of it",
		"rows a page", "of page_size rows", "%d retry", "%d retries", "none", "JOB", "Show", "see milkrun next"}
	if !slices.Equal(got, want) {
		t.Errorf("messages\n%q\nwant\n%q", got, want)
	}
}
