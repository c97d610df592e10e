package sqldb

import (
	"context"
	"slices"
	"strings"

	"milkrun/sync/feed"
)

// Table is a table as it stands in the database.
type Table struct {
	Name    Name
	Columns []Column
	Unique  [][]string // the columns of each unique constraint, the primary key among them; "name(10)" for a part of one
}

// Table returns what is known of a table or view, nil when there is none.
func (s *Session) Table(ctx context.Context, n Name) (*Table, error) { return s.d.describe(ctx, s, n) }

// Column returns the column of that name.
func (t *Table) Column(name string) (Column, bool) {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return Column{}, false
	}
	return t.Columns[i], true
}

// HasKey says whether these columns are unique together by a constraint, in whatever order.
func (t *Table) HasKey(key []string) bool {
	return slices.ContainsFunc(t.Unique, func(u []string) bool { return sameSet(u, key) })
}

func sameSet(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// groupUnique reads rows of (index, column), sorted by index.
func (t *Table) groupUnique() func(row []Value) error {
	var last string
	return func(row []Value) error {
		if index := text(row[0]); index != last || len(t.Unique) == 0 {
			last, t.Unique = index, append(t.Unique, nil)
		}
		i := len(t.Unique) - 1
		t.Unique[i] = append(t.Unique[i], text(row[1]))
		return nil
	}
}

// collate notes the collation by which an index of SQLite tells texts apart.
func (t *Table) collate(column, collation string) {
	for i := range t.Columns {
		if t.Columns[i].Name == column {
			t.Columns[i].Collate = collation
			t.Columns[i].Pads = t.Columns[i].Pads || strings.EqualFold(collation, "rtrim")
			if !strings.EqualFold(collation, "rtrim") && !strings.EqualFold(collation, "binary") {
				t.Columns[i].Folds = collation
			}
		}
	}
}

// create returns the statement that makes a table for these columns, with a primary key.
func (d *Dialect) create(n Name, columns []feed.Column, key []string) string {
	var parts []string
	var keys []Column
	for _, c := range columns {
		def := d.Quote(c.Name) + " " + d.creates[c.Type]
		if slices.Contains(key, c.Name) {
			keys = append(keys, Column{Name: c.Name, holds: holds{Type: c.Type}})
			def = d.Quote(c.Name) + " " + d.keyType(c.Type) + " NOT NULL"
		}
		parts = append(parts, def)
	}
	parts = append(parts, "PRIMARY KEY ("+d.List("", key)+")")
	return "CREATE TABLE IF NOT EXISTS " + d.Quoted(n) + " (" + strings.Join(parts, ", ") + ")" + d.tableTail(keys)
}

// keyType is the type of a key column; a key whose type nobody knows is text.
func (d *Dialect) keyType(t feed.Type) string {
	if t == feed.Text || t == feed.Any {
		return d.keyText
	}
	return d.creates[t]
}

// TypeFor is the type of a new column that holds values of t.
func (d *Dialect) TypeFor(t feed.Type) string { return d.creates[t] }

// Definitions returns columns as they are written in CREATE TABLE, of the same types and collations.
func (d *Dialect) Definitions(columns []Column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = d.Quote(c.Name) + " " + c.Decl
		if c.Collate != "" {
			out[i] += " COLLATE " + c.Collate
		}
	}
	return out
}
