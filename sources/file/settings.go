package file

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/files"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
)

// The formats.
const (
	formatJSONL = "jsonl"
	formatCSV   = "csv"
)

// Settings are the keys of a source.
type Settings struct {
	connection   *files.Connection
	path, format string
	columns, key []string
}

// NewSource returns the settings of a source on a connection made by [files.NewConnection].
func NewSource(c kind.Connection) kind.Source {
	connection, _ := c.(*files.Connection)
	return &Settings{connection: connection}
}

// Fields lists the keys.
func (s *Settings) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("path", &s.path, "the file, below the connection's dir", "文件路径（相对于连接的 dir）").Require(),
		setting.Choice("format", &s.format, []string{formatJSONL, formatCSV},
			"format; left out, it follows from the file's ending", "文件格式；缺省时由扩展名决定"),
		setting.Texts("columns", &s.columns, "columns to read; left out, those of the CSV header or of the first JSON record",
			"要读取的列；缺省时取 CSV 表头或首条 JSON 记录的键"),
		setting.Texts("key", &s.key, "columns that tell records apart; with them a dead letter is read again from the file",
			"区分记录的主键列；设置后死信可从文件重新读取"),
	}
}

// Validate checks the path, the format and the column names.
func (s *Settings) Validate() []setting.Problem {
	var problems []setting.Problem
	say := func(key, text, remedy string) {
		problems = append(problems, setting.Problem{Key: key, Text: text, Remedy: remedy})
	}
	if s.path != "" && !filepath.IsLocal(s.path) {
		say("path", fmt.Sprintf("%q leaves the connection's dir", s.path), "name a file below dir, without ..")
	}
	if s.path != "" && s.form() == "" {
		say("format", fmt.Sprintf("cannot be told from the ending of %q", s.path), `add format = "jsonl" or format = "csv"`)
	}
	if name, twice := repeated(s.columns); twice {
		say("columns", fmt.Sprintf("names %q twice", name), "name every column once")
	}
	for _, k := range s.key {
		if len(s.columns) > 0 && !slices.Contains(s.columns, k) {
			say("key", fmt.Sprintf("%q is not in columns", k), "add it to columns")
		}
	}
	return problems
}

// form is the format as set or as the file's ending says; empty when neither does.
func (s *Settings) form() string {
	if s.format != "" {
		return s.format
	}
	switch strings.ToLower(filepath.Ext(s.path)) {
	case ".jsonl", ".ndjson":
		return formatJSONL
	case ".csv":
		return formatCSV
	}
	return ""
}

// Limits has no bound: a page ends by itself after 32 MiB.
func (s *Settings) Limits() kind.Limits { return kind.Limits{Default: 1000} }

// Open returns the source; the file is looked for when it is read.
func (s *Settings) Open(_ context.Context, env kind.Env) (feed.Source, error) {
	src := &Source{dir: s.connection.Dir, path: s.path, job: env.Job, csv: s.form() == formatCSV, columns: s.columns, key: s.key}
	if len(s.key) > 0 {
		return &Keyed{src}, nil
	}
	return src, nil
}

// repeated returns a name that stands twice in a list.
func repeated(names []string) (string, bool) {
	for i, n := range names {
		if slices.Contains(names[:i], n) {
			return n, true
		}
	}
	return "", false
}
