package sql

import (
	"context"
	"fmt"
	"hash/crc32"
	"slices"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
	"milkrun/sync/sqldb"
)

// settings are the keys of one sink.
type settings struct {
	connection kind.Connection
	table      string
	key        []string
	changes    bool
}

var _ kind.Sink = (*settings)(nil)

// New returns the settings of a sink on a connection of package sqldb.
func New(c kind.Connection) kind.Sink { return &settings{connection: c, changes: true} }

// Fields lists the keys.
func (s *settings) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("table", &s.table, "table to write to, or schema.table; made on first use", "目标表，首次使用时自动创建").Require(),
		setting.Texts("key", &s.key, "columns that tell the records apart", "唯一标识一条记录的列").Require(),
		setting.Bool("changes", &s.changes, "whether TABLE_changes records what differs from one complete reading to the next", "是否在 TABLE_changes 中记录两次全量之间的变化"),
	}
}

// Validate finds what one key alone does not show.
func (s *settings) Validate() []setting.Problem {
	if len(s.key) == 0 {
		return []setting.Problem{{Key: "key", Text: "the list is empty", Remedy: `name the columns, for example ["id"]`}}
	}
	var out []setting.Problem
	for i, c := range s.key {
		if slices.Contains(s.key[:i], c) {
			out = append(out, setting.Problem{Key: "key", Text: fmt.Sprintf("column %q is named twice", c), Remedy: "name it once"})
		}
	}
	return out
}

// Retains says that rows can be deleted by their age; see package config.
func (s *settings) Retains() bool { return true }

// Limits are the records of a batch.
func (s *settings) Limits() kind.Limits { return kind.Limits{Default: 10000} }

// Open returns the sink.
func (s *settings) Open(ctx context.Context, env kind.Env) (feed.Sink, error) {
	db, zone, err := sqldb.Open(ctx, s.connection, env, true)
	if err != nil {
		return nil, err
	}
	return &Sink{
		db: db, job: env.Job, keeps: env.Retention > 0, name: sqldb.ParseName(s.table), key: s.key, changes: s.changes, zone: zone, writer: db.Writer(zone),
		place: fmt.Sprintf("connection %s, table %s", env.Connection, s.table), staging: staging(s.table, env.Job),
	}, nil
}

// longest is how many bytes the name of a table may have in every database, with that of an index beside it.
const longest = 59

// staging is what the name of a job's staging table ends with. Two jobs never stage into one table; where the name of the
// job makes it too long for the database, a sum takes its place.
func staging(table, job string) string {
	suffix := "__staging_" + job
	if len(sqldb.ParseName(table).Table)+len(suffix) > longest {
		suffix = fmt.Sprintf("__staging_%08x", crc32.ChecksumIEEE([]byte(job)))
	}
	return suffix
}
