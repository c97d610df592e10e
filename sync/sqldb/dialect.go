package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"milkrun/sync/feed"
)

// Dialect is where one database differs from the others. It is data as far as possible, and never changed.
type Dialect struct {
	// Name is the connection type: sqlite, postgres, mysql.
	Name string

	dsnHelp, dsnHelpZh, dsnExample string
	file                           bool // the DSN is a path
	check                          func(dsn string) error
	exists                         func(dsn string) error
	open                           func(dsn string) (*sql.DB, error)
	options                        []option // PRAGMAs and what they must read back as
	wal                            string   // switches to WAL and returns the mode
	perSession                     []string

	quote       string
	numbered    bool // placeholders are $1, $2, …
	begin       string
	lock        string // see [Session.Lock]; "" where begin does it
	rowValues   bool   // (a, b) > (?, ?) is looked up in an index
	differs     string // of two expressions, NULL being a value
	asText      string
	ordered     string // ends a subquery whose order the outer statement is to keep; "" when that gains nothing
	tempExists  string // CREATE TEMP TABLE prefix
	dropTemp    string
	deleteIn    string // target, source, columns joined
	upsertTail  func(d *Dialect, key, rest []string) string
	implicitDDL bool // a CREATE or DROP ends the transaction, and indexes are made with their table
	sorts       bool // see [Dialect.Sorts]

	types     map[string]holds
	fallback  func(base string) holds // for what is not in types
	loose     bool                    // a column may hold any value, whatever it is declared as
	creates   map[feed.Type]string
	keyText   string // the type of a text in a primary key
	tableTail func(key []Column) string
	selects   func(c Column, quoted string) string
	bounds    func(c Column) (before, after string)

	describe func(ctx context.Context, s *Session, t Name) (*Table, error)
	copies   bool // rows are loaded with COPY, and merged from a temporary table
	fused    bool // see [Session.Load]
	chunk    int  // rows of an INSERT
	maxArgs  int
	judge    func(err error) (fault, bool)
}

type option struct{ name, value string }

// Name is the name of a table, perhaps in a schema.
type Name struct{ Schema, Table string }

// ParseName reads table or schema.table.
func ParseName(s string) Name {
	if schema, table, ok := strings.Cut(s, "."); ok {
		return Name{schema, table}
	}
	return Name{"", s}
}

// With returns the name of a table beside this one.
func (n Name) With(suffix string) Name { return Name{n.Schema, n.Table + suffix} }

// String returns the name as it is written in jobs.toml.
func (n Name) String() string {
	if n.Schema == "" {
		return n.Table
	}
	return n.Schema + "." + n.Table
}

// Quote returns an identifier as SQL.
func (d *Dialect) Quote(name string) string {
	return d.quote + strings.ReplaceAll(name, d.quote, d.quote+d.quote) + d.quote
}

// Quoted returns a table name as SQL.
func (d *Dialect) Quoted(n Name) string {
	if n.Schema == "" {
		return d.Quote(n.Table)
	}
	return d.Quote(n.Schema) + "." + d.Quote(n.Table)
}

// QuoteAll returns identifiers as SQL, each after prefix.
func (d *Dialect) QuoteAll(prefix string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = prefix + d.Quote(n)
	}
	return out
}

// List returns identifiers as SQL, with commas, each after prefix.
func (d *Dialect) List(prefix string, names []string) string {
	return strings.Join(d.QuoteAll(prefix, names), ", ")
}

// Row returns a column of the table called t. It is never a bare name: SQLite takes a quoted name that it does not know
// for a text, and ORDER BY takes a bare name for the expression that was selected under it.
func (d *Dialect) Row(column string) string { return "t." + d.Quote(column) }

func (d *Dialect) rows(columns []Column) string { return d.List("t.", Names(columns)) }

// Select returns the expression that reads a column of t in the form [Reader.Value] takes.
func (d *Dialect) Select(c Column) string {
	q := d.Row(c.Name)
	if e := d.selects(c, q); e != q {
		return e + " AS " + d.Quote(c.Name)
	}
	return q
}

// Differs returns the condition that two expressions differ, NULL being a value like others.
func (d *Dialect) Differs(a, b string) string { return fmt.Sprintf(d.differs, a, b) }

// AsText returns an expression's text.
func (d *Dialect) AsText(e string) string { return fmt.Sprintf(d.asText, e) }

// Ordered returns the end of a subquery that gives its rows in order to the statement around it; "" when the database
// finds its own way.
func (d *Dialect) Ordered(by string) string {
	if d.ordered == "" {
		return ""
	}
	return " ORDER BY " + by + d.ordered
}

// ImplicitDDL says that creating or dropping a table or index ends a transaction.
func (d *Dialect) ImplicitDDL() bool { return d.implicitDDL }

// Sorts says that many rows in random order are best sorted into a table of their own before they are compared with
// another one in that order.
func (d *Dialect) Sorts() bool { return d.sorts }

// CreateTemp begins the statement that makes a temporary table.
func (d *Dialect) CreateTemp(name string) string { return d.tempExists + d.Quote(name) }

// DropTemp returns the statement that drops a temporary table if it is there.
func (d *Dialect) DropTemp(name string) string { return d.dropTemp + d.Temp(name) }

// Temp returns the name of a temporary table as SQL, in a form that reaches no lasting table of the same name.
func (d *Dialect) Temp(name string) string {
	switch {
	case d.file:
		return "temp." + d.Quote(name)
	case d.numbered:
		return "pg_temp." + d.Quote(name)
	}
	return d.Quote(name)
}

// Literal returns a text as SQL.
func (d *Dialect) Literal(s string) string {
	if d.quote == "`" {
		s = strings.ReplaceAll(s, `\`, `\\`)
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// DeleteIn returns the statement that deletes the rows of target whose columns are among those of source; where is a
// condition on source, or empty.
func (d *Dialect) DeleteIn(target, source string, columns []string, where string) string {
	on := make([]string, len(columns))
	for i, c := range columns {
		on[i] = "t." + d.Quote(c) + " = s." + d.Quote(c)
	}
	if where != "" {
		where = " WHERE " + where
	}
	r := strings.NewReplacer("{target}", target, "{source}", source, "{columns}", d.List("", columns),
		"{where}", where, "{on}", strings.Join(on, " AND "))
	return r.Replace(d.deleteIn)
}

// Upsert returns what follows INSERT … VALUES or SELECT: a row whose key is there already gets the new values, if they
// differ.
func (d *Dialect) Upsert(key, rest []string) string { return d.upsertTail(d, key, rest) }

// Copies says that rows are loaded in bulk into a temporary table and merged from there.
func (d *Dialect) Copies() bool { return d.copies }

func (d *Dialect) placeholder(i int) string {
	if d.numbered {
		return fmt.Sprintf("$%d", i)
	}
	return "?"
}

func (d *Dialect) bound(c Column) (before, after string) {
	if d.bounds == nil {
		return "", ""
	}
	return d.bounds(c)
}

// onConflict is the upsert of SQLite and PostgreSQL. The old row is called by the table's own alias t.
func onConflict(d *Dialect, key, rest []string) string {
	head := " ON CONFLICT (" + d.List("", key) + ") DO "
	if len(rest) == 0 {
		return head + "NOTHING"
	}
	var set, differ []string
	for _, c := range rest {
		q := d.Quote(c)
		set = append(set, q+" = excluded."+q)
		differ = append(differ, d.Differs("t."+q, "excluded."+q))
	}
	return head + "UPDATE SET " + strings.Join(set, ", ") + " WHERE " + strings.Join(differ, " OR ")
}

// onDuplicate is the upsert of MySQL, which leaves rows alone that have the values already.
func onDuplicate(d *Dialect, key, rest []string) string {
	if len(rest) == 0 {
		rest = key[:1]
	}
	var set []string
	for _, c := range rest {
		q := d.Quote(c)
		set = append(set, q+" = VALUES("+q+")")
	}
	return " ON DUPLICATE KEY UPDATE " + strings.Join(set, ", ")
}

// IndexName is the name of an index on table n for CREATE INDEX, and IndexedTable that of the table: SQLite has the
// schema before the one, PostgreSQL before the other.
func (d *Dialect) IndexName(n Name, suffix string) string {
	if d.file {
		return d.Quoted(n.With(suffix))
	}
	return d.Quote(n.Table + suffix)
}

// IndexedTable is described at IndexName.
func (d *Dialect) IndexedTable(n Name) string {
	if d.file {
		return d.Quote(n.Table)
	}
	return d.Quoted(n)
}
