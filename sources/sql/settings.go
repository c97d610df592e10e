package sql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
	"milkrun/sync/sqldb"
)

// settings are the keys of one source.
type settings struct {
	connection kind.Connection
	table      string
	query      string
	cursor     []string
	columns    []string
	lookback   time.Duration
	changes    string // the channel that is listened on
}

var _ kind.Source = (*settings)(nil)

// New returns the settings of a source on a connection of package sqldb.
func New(c kind.Connection) kind.Source { return &settings{connection: c} }

// Fields lists the keys.
func (s *settings) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("table", &s.table, "table or view to read, or schema.table", "要读取的表或视图"),
		setting.Text("query", &s.query, "SELECT to read instead of a table, without ORDER BY and LIMIT", "代替表的 SELECT 查询，不含 ORDER BY 和 LIMIT"),
		setting.Texts("cursor", &s.cursor, "columns that order the rows and tell them apart, the primary key last", "排序并唯一确定一行的列，主键放最后").Require(),
		setting.Texts("columns", &s.columns, "columns to read, the cursor's among them; all when left out", "要读取的列（须含游标列），默认全部"),
		setting.Duration("lookback", &s.lookback, "how far back every run reads again, for rows committed late", "每次运行回读的时长，用于补读迟提交的行"),
		s.changesField(),
	}
}

// Validate finds what one key alone does not show.
func (s *settings) Validate() []setting.Problem {
	var out []setting.Problem
	if (s.table == "") == (s.query == "") {
		out = append(out, setting.Problem{Key: "table", Text: "exactly one of table and query is needed", Remedy: "name a table, or write a query"})
	}
	for i, c := range s.cursor {
		if slices.Contains(s.cursor[:i], c) {
			out = append(out, setting.Problem{Key: "cursor", Text: fmt.Sprintf("column %q is named twice", c), Remedy: "name it once"})
		}
		if len(s.columns) > 0 && !slices.Contains(s.columns, c) {
			out = append(out, setting.Problem{Key: "columns", Text: fmt.Sprintf("the cursor column %q is missing", c), Remedy: "add it to columns"})
		}
	}
	if len(s.cursor) == 0 {
		out = append(out, setting.Problem{Key: "cursor", Text: "the list is empty", Remedy: `name the columns, for example ["updated_at", "id"]`})
	}
	return append(out, s.listenable()...)
}

// Columns returns the columns that are read, nil when that is not said: all.
func (s *settings) Columns() []string { return s.columns }

// Limits are the rows of a page.
func (s *settings) Limits() kind.Limits { return kind.Limits{Default: 2000} }

// Open looks at the columns and returns the source.
func (s *settings) Open(ctx context.Context, env kind.Env) (feed.Source, error) {
	db, zone, err := sqldb.Open(ctx, s.connection, env, false)
	if err != nil {
		return nil, err
	}
	src := &Source{db: db, zone: zone, lookback: s.lookback}
	src.place = fmt.Sprintf("connection %s, query of job %s", env.Connection, env.Job)
	src.from = "(" + strings.TrimRight(strings.TrimSpace(s.query), "; \n\t") + ") t"
	if s.table != "" {
		src.place = fmt.Sprintf("connection %s, table %s", env.Connection, s.table)
		src.from = db.Quoted(sqldb.ParseName(s.table)) + " t"
	}
	if err := src.describe(ctx, s); err != nil {
		return nil, err
	}
	if s.lookback > 0 {
		return rewinder{src}, nil
	}
	return src, nil
}
