package file

import (
	"context"
	"hash/maphash"

	"milkrun/sync/feed"
	"milkrun/sync/files"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
)

// Settings are the keys of a sink.
type Settings struct {
	connection *files.Connection
	file       files.File
	key        []string
}

// NewSink returns the settings of a sink on a connection made by [files.NewConnection].
func NewSink(c kind.Connection) kind.Sink {
	connection, _ := c.(*files.Connection)
	return &Settings{connection: connection}
}

// Fields lists the keys.
func (s *Settings) Fields() []setting.Field {
	return append(s.file.Fields(),
		setting.Texts("key", &s.key, "columns that tell records apart; left out, the whole record does",
			"区分记录的主键列；缺省时以整条记录区分"),
	)
}

// Validate checks the path and the format.
func (s *Settings) Validate() []setting.Problem {
	return s.file.Validate()
}

// Limits bounds a batch, so that all batches in flight are among the lines that are remembered.
func (s *Settings) Limits() kind.Limits {
	return kind.Limits{Default: 1000, Max: 10_000,
		Rule: "records delivered again are recognised among the last 131072 lines of the file"}
}

// Open returns the sink; the file is made with the first record.
func (s *Settings) Open(context.Context, kind.Env) (feed.Sink, error) {
	return &Sink{dir: s.connection.Dir, path: s.file.Path, csv: s.file.Form() == files.CSV, key: s.key, seed: maphash.MakeSeed()}, nil
}
