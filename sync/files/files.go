// Package files is what the file source and the file sink share: a connection that is a directory, and a file in it.
package files

import (
	"fmt"
	"path/filepath"
	"strings"

	"milkrun/sync/kind"
	"milkrun/sync/setting"
)

// Connection is a directory in which the files are.
type Connection struct{ Dir string }

// NewConnection returns the settings of a connection, with the working directory as default.
func NewConnection() kind.Connection { return &Connection{Dir: "."} }

// Fields lists the keys.
func (c *Connection) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("dir", &c.Dir, "directory in which the files are", "文件所在目录"),
	}
}

// Validate checks what needs no look at the disk.
func (c *Connection) Validate() []setting.Problem {
	if c.Dir == "" {
		return []setting.Problem{{Key: "dir", Text: "is empty", Remedy: `write "." for the working directory`}}
	}
	return nil
}

// Close has nothing to end: files are open during a call only.
func (c *Connection) Close() error { return nil }

// The formats.
const (
	JSONL = "jsonl"
	CSV   = "csv"
)

// File is the keys that name a file in a connection's directory.
type File struct{ Path, Format string }

// Fields lists the keys.
func (f *File) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("path", &f.Path, "the file, below the connection's dir", "文件路径（相对于连接的 dir）").Require(),
		setting.Choice("format", &f.Format, []string{JSONL, CSV},
			"format; left out, it follows from the file's ending", "文件格式；缺省时由扩展名决定"),
	}
}

// Validate checks the path and the format.
func (f *File) Validate() []setting.Problem {
	var problems []setting.Problem
	if f.Path != "" && !filepath.IsLocal(f.Path) {
		problems = append(problems, setting.Problem{Key: "path",
			Text: fmt.Sprintf("%q leaves the connection's dir", f.Path), Remedy: "name a file below dir, without .."})
	}
	if f.Path != "" && f.Form() == "" {
		problems = append(problems, setting.Problem{Key: "format",
			Text: fmt.Sprintf("cannot be told from the ending of %q", f.Path), Remedy: `add format = "jsonl" or format = "csv"`})
	}
	return problems
}

// Form is the format as set or as the file's ending says; empty when neither does.
func (f *File) Form() string {
	if f.Format != "" {
		return f.Format
	}
	switch strings.ToLower(filepath.Ext(f.Path)) {
	case ".jsonl", ".ndjson":
		return JSONL
	case ".csv":
		return CSV
	}
	return ""
}
