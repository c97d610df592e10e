package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/mattn/go-sqlite3"

	"milkrun/sync/feed"
)

// busy is how long a statement waits for another writer, in milliseconds. The wait cannot be broken off, so it is short;
// who waits for longer, while a generation of some million rows is swapped in, is tried again by the engine.
const busy = "10000"

func sqlite() *Dialect {
	return &Dialect{
		Name: "sqlite", file: true, dsnExample: `"business.db"`,
		dsnHelp: "path of the SQLite file", dsnHelpZh: "SQLite 文件路径",
		check: checkFile, exists: fileExists, open: openSQLite,
		options: []option{{"busy_timeout", busy}, {"synchronous", "2"}},
		wal:     "PRAGMA journal_mode = WAL",
		// Fewer, larger checkpoints: the same page is then copied into the file less often. The cache stays at the
		// small default on purpose: SQLite sorts in runs of the cache's size, and runs that fit into the processor's
		// cache sort twice as fast as runs of 32 MB (see the sink's documentation).
		perSession: []string{"PRAGMA wal_autocheckpoint = 4000", "PRAGMA journal_size_limit = 67108864"},

		quote: `"`, begin: "BEGIN IMMEDIATE", rowValues: true,
		differs: "%s COLLATE BINARY IS NOT %s", asText: "CAST(%s AS TEXT)",
		// Without a LIMIT the planner drops the order of a subquery.
		ordered:    " LIMIT -1",
		tempExists: "CREATE TEMP TABLE ", dropTemp: "DROP TABLE IF EXISTS ",
		sorts:      true,
		deleteIn:   "DELETE FROM {target} WHERE ({columns}) IN (SELECT {columns} FROM {source}{where})",
		upsertTail: onConflict,

		types: map[string]holds{
			"boolean": {Type: feed.Boolean}, "bool": {Type: feed.Boolean},
			"date": {Type: feed.Date}, "datetime": {Type: feed.Time}, "timestamp": {Type: feed.Time},
		},
		fallback: affinity, loose: true,
		creates: map[feed.Type]string{
			feed.Any: "", feed.Text: "TEXT", feed.Integer: "INTEGER", feed.Real: "REAL", feed.Decimal: "TEXT",
			feed.Boolean: "BOOLEAN", feed.Bytes: "BLOB", feed.Time: "DATETIME", feed.Date: "DATE",
		},
		keyText: "TEXT", tableTail: withoutRowID, selects: bare,
		describe: describeSQLite,
		// The driver binds the arguments of a query in one call into C, those of an Exec one by one.
		fused: true, chunk: 50, maxArgs: 32766,
		judge: judgeSQLite,
	}
}

// affinity is how SQLite itself reads a declared type.
func affinity(base string) holds {
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(base, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("int"):
		return holds{Type: feed.Integer, Bits: 64}
	case has("char", "clob", "text"):
		return holds{Type: feed.Text}
	case has("blob"):
		return holds{Type: feed.Bytes}
	case has("real", "float", "double"):
		return holds{Type: feed.Real}
	}
	return holds{Type: feed.Any}
}

// bare hides the declared type from the driver, which would make a time of whatever stands in a column declared as
// date, datetime or timestamp (of text it cannot read: the year 1), and true of every number in a boolean one.
func bare(c Column, quoted string) string {
	if c.Type == feed.Time || c.Type == feed.Date || c.Type == feed.Boolean {
		return "+" + quoted
	}
	return quoted
}

// withoutRowID saves a third of the space when the key is not the row number anyway.
func withoutRowID(key []Column) string {
	if len(key) == 1 && key[0].Type == feed.Integer {
		return ""
	}
	return " WITHOUT ROWID"
}

func checkFile(dsn string) error {
	path, query, err := splitFile(dsn)
	if err != nil {
		return err
	}
	if path == "" || path == ":memory:" || query.Get("mode") == "memory" {
		return errors.New("a database in memory would be another one for every connection")
	}
	return nil
}

// splitFile reads a path or a file: URI.
func splitFile(dsn string) (path string, query url.Values, err error) {
	rest, ok := strings.CutPrefix(dsn, "file:")
	if !ok {
		return dsn, url.Values{}, nil
	}
	rest, text, _ := strings.Cut(rest, "?")
	if query, err = url.ParseQuery(text); err != nil {
		return "", nil, errors.New("the options behind ? are not name=value&name=value")
	}
	if path, err = url.PathUnescape(strings.TrimPrefix(rest, "//")); err != nil {
		return "", nil, errors.New("the path has a % that is not followed by two hexadecimal digits")
	}
	return path, query, nil
}

func fileExists(dsn string) error {
	path, _, err := splitFile(dsn)
	if err != nil {
		return err
	}
	if _, err = os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return feed.Errorf(feed.Fail, "no file", "the database %s does not exist", path).
			WithRemedy("check dsn; a relative path counts from the folder milkrun was started in")
	}
	return nil
}

func openSQLite(dsn string) (*sql.DB, error) {
	path, query, err := splitFile(dsn)
	if err != nil {
		return nil, err
	}
	for k, v := range map[string]string{"_busy_timeout": busy, "_synchronous": "FULL", "_txlock": "immediate"} {
		query.Set(k, v)
	}
	return sql.Open("sqlite3", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+query.Encode())
}

func describeSQLite(ctx context.Context, s *Session, t Name) (*Table, error) {
	table := &Table{Name: t}
	schema := ""
	if t.Schema != "" {
		schema = s.d.Quote(t.Schema) + "."
	}
	var primary []string
	err := s.Read(ctx, "PRAGMA "+schema+"table_xinfo("+s.d.Quote(t.Table)+")", nil, func(row []Value) error {
		c := s.d.Column(text(row[1]), text(row[2]))
		c.NotNull = row[3] != int64(0)
		c.Default = row[4] != nil || row[6] != int64(0)
		c.Generated = row[6] != int64(0)
		if at, _ := row[5].(int64); at > 0 {
			primary = append(primary, c.Name)
			// A rowid alias fills itself in.
			c.Default = c.Default || strings.EqualFold(c.Decl, "integer")
		}
		table.Columns = append(table.Columns, c)
		return nil
	})
	if err != nil || len(table.Columns) == 0 {
		return nil, err
	}
	if len(primary) > 0 {
		table.Unique = append(table.Unique, primary)
	}
	return table, uniqueSQLite(ctx, s, schema, table)
}

func uniqueSQLite(ctx context.Context, s *Session, schema string, table *Table) error {
	var indexes []string
	err := s.Read(ctx, "PRAGMA "+schema+"index_list("+s.d.Quote(table.Name.Table)+")", nil, func(row []Value) error {
		if row[2] == int64(1) && row[4] == int64(0) { // unique, not partial
			indexes = append(indexes, text(row[1]))
		}
		return nil
	})
	for _, index := range indexes {
		if err != nil {
			return err
		}
		var names []string
		err = s.Read(ctx, "PRAGMA "+schema+"index_xinfo("+s.d.Quote(index)+")", nil, func(row []Value) error {
			if row[5] == int64(1) {
				names = append(names, text(row[2])) // "" for an expression, which is no column
				table.collate(text(row[2]), text(row[4]))
			}
			return nil
		})
		table.Unique = append(table.Unique, names)
	}
	return err
}

func judgeSQLite(err error) (fault, bool) {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return fault{}, false
	}
	f := fault{code: fmt.Sprintf("sqlite %d", e.ExtendedCode), verdict: feed.Retry}
	switch e.Code {
	case sqlite3.ErrConstraint, sqlite3.ErrMismatch, sqlite3.ErrTooBig:
		f.verdict, f.remedy = feed.Refuse, remedyRecord
		if e.ExtendedCode == sqlite3.ErrConstraintTrigger {
			f.text = triggerText
		}
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		f.remedy = "another program is writing to the file; it is tried again meanwhile. If it stays: end the program, or the transaction it left open"
	case sqlite3.ErrError, sqlite3.ErrSchema, sqlite3.ErrAuth:
		f.verdict, f.remedy = feed.HaltJob, remedyNames
	case sqlite3.ErrFull:
		f.verdict, f.remedy = feed.Fail, "the disk is full: make room; the next run goes on where this one stopped"
	case sqlite3.ErrIoErr:
		f.remedy = "look at the disk of the file and of the temporary folder: it is full, gone, or failing (the system's log tells)"
	case sqlite3.ErrReadonly, sqlite3.ErrPerm, sqlite3.ErrCantOpen:
		f.verdict, f.remedy = feed.HaltConnection, "make the folder if it is not there, and let the user that runs milkrun write to it and to the file"
	case sqlite3.ErrNotADB, sqlite3.ErrCorrupt:
		f.verdict, f.remedy = feed.HaltConnection, "the file is damaged or no SQLite database: restore it from a backup"
	}
	return f, true
}
