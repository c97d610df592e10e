// Package files is the connection that the file source and the file sink share: a directory.
package files

import (
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
