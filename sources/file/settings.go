package file

import (
	"context"
	"fmt"
	"slices"

	"milkrun/sync/feed"
	"milkrun/sync/files"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
)

// Settings are the keys of a source.
type Settings struct {
	connection   *files.Connection
	file         files.File
	columns, key []string
}

// NewSource returns the settings of a source on a connection made by [files.NewConnection].
func NewSource(c kind.Connection) kind.Source {
	connection, _ := c.(*files.Connection)
	return &Settings{connection: connection}
}

// Fields lists the keys.
func (s *Settings) Fields() []setting.Field {
	return append(s.file.Fields(),
		setting.Texts("columns", &s.columns, "columns to read; left out, those of the CSV header or of the first JSON record",
			"要读取的列；缺省时取 CSV 表头或首条 JSON 记录的键"),
		setting.Texts("key", &s.key, "columns that tell records apart; with them a dead letter is read again from the file",
			"区分记录的主键列；设置后死信可从文件重新读取"),
	)
}

// Validate checks the path, the format and the column names.
func (s *Settings) Validate() []setting.Problem {
	problems := s.file.Validate()
	say := func(key, text, remedy string) {
		problems = append(problems, setting.Problem{Key: key, Text: text, Remedy: remedy})
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

// Columns returns the columns that are read, nil when that is not said.
func (s *Settings) Columns() []string { return s.columns }

// Limits has no bound: a page ends by itself after 32 MiB.
func (s *Settings) Limits() kind.Limits { return kind.Limits{Default: 1000} }

// Open returns the source; the file is looked for when it is read.
func (s *Settings) Open(_ context.Context, env kind.Env) (feed.Source, error) {
	src := &Source{dir: s.connection.Dir, path: s.file.Path, job: env.Job, csv: s.file.Form() == files.CSV, columns: s.columns, key: s.key}
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
