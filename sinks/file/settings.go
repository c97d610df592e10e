package file

import (
	"context"
	"fmt"
	"hash/maphash"
	"path/filepath"
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

// Settings are the keys of a sink.
type Settings struct {
	connection   *files.Connection
	path, format string
	key          []string
}

// NewSink returns the settings of a sink on a connection made by [files.NewConnection].
func NewSink(c kind.Connection) kind.Sink {
	connection, _ := c.(*files.Connection)
	return &Settings{connection: connection}
}

// Fields lists the keys.
func (s *Settings) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("path", &s.path, "the file, below the connection's dir", "文件路径（相对于连接的 dir）").Require(),
		setting.Choice("format", &s.format, []string{formatJSONL, formatCSV},
			"format; left out, it follows from the file's ending", "文件格式；缺省时由扩展名决定"),
		setting.Texts("key", &s.key, "columns that tell records apart; left out, the whole record does",
			"区分记录的主键列；缺省时以整条记录区分"),
	}
}

// Validate checks the path and the format.
func (s *Settings) Validate() []setting.Problem {
	var problems []setting.Problem
	if s.path != "" && !filepath.IsLocal(s.path) {
		problems = append(problems, setting.Problem{Key: "path",
			Text: fmt.Sprintf("%q leaves the connection's dir", s.path), Remedy: "name a file below dir, without .."})
	}
	if s.path != "" && s.form() == "" {
		problems = append(problems, setting.Problem{Key: "format",
			Text: fmt.Sprintf("cannot be told from the ending of %q", s.path), Remedy: `add format = "jsonl" or format = "csv"`})
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

// Limits bounds a batch, so that all batches in flight are among the lines that are remembered.
func (s *Settings) Limits() kind.Limits {
	return kind.Limits{Default: 1000, Max: 10_000,
		Rule: "records delivered again are recognised among the last 131072 lines of the file"}
}

// Open returns the sink; the file is made with the first record.
func (s *Settings) Open(context.Context, kind.Env) (feed.Sink, error) {
	return &Sink{dir: s.connection.Dir, path: s.path, csv: s.form() == formatCSV, key: s.key, seed: maphash.MakeSeed()}, nil
}
