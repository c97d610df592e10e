package sqldb

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"

	"milkrun/sync/feed"
)

// Value is what a driver takes and gives.
type Value = driver.Value

// holds is what a type of the database can hold.
type holds struct {
	Type  feed.Type
	Zoned bool // of a Time: it is an instant, not a wall clock
	Bits  int  // of an Integer
}

// Column is a column of a table or query.
type Column struct {
	Name string
	Decl string // the type as the database writes it, "" when there is none
	holds
	Unsigned    bool
	Size, Scale int  // of a Text: characters; of a Decimal: digits, and those behind the point; 0 no bound
	Loose       bool // it may hold values of any type whatever it is declared as (SQLite)
	NotNull     bool
	Default     bool // it may be left out: it has a default or fills itself in
	Generated   bool // it cannot be written
	Collate     string
	Folds       string // the collation or type by which different texts are one, "" when all are told apart
	Pads        bool   // spaces at the end of a text make no other text
}

// Column reads a type as the database writes it: "character varying(20)", "bigint(20) unsigned".
func (d *Dialect) Column(name, decl string) Column {
	c := Column{Name: name, Decl: decl, Loose: d.loose}
	base, args, unsigned := splitDecl(decl)
	h, ok := d.types[base]
	if !ok {
		h = d.fallback(base)
	}
	c.holds, c.Unsigned = h, unsigned
	if len(args) > 0 && (h.Type == feed.Text || h.Type == feed.Decimal) && !d.loose {
		c.Size = args[0]
	}
	if len(args) > 1 && h.Type == feed.Decimal {
		c.Scale = args[1]
	}
	return c
}

// splitDecl takes a type apart: its lower-case name without arguments and signs, its arguments, and whether unsigned.
func splitDecl(decl string) (base string, args []int, unsigned bool) {
	base = strings.ToLower(decl)
	if open := strings.IndexByte(base, '('); open >= 0 {
		if shut := strings.IndexByte(base[open:], ')'); shut > 0 {
			for _, a := range strings.Split(base[open+1:open+shut], ",") {
				if n, err := strconv.Atoi(strings.TrimSpace(a)); err == nil {
					args = append(args, n)
				}
			}
			base = base[:open] + base[open+shut+1:]
		}
	}
	var words []string
	for _, w := range strings.Fields(base) {
		switch w {
		case "unsigned":
			unsigned = true
		case "zerofill", "signed":
		default:
			words = append(words, w)
		}
	}
	return strings.Join(words, " "), args, unsigned
}

// Feed is the column as a source announces it.
func (c Column) Feed() feed.Column {
	t := c.Type
	if c.Loose && (t == feed.Time || t == feed.Date) {
		t = feed.Any
	}
	return feed.Column{Name: c.Name, Type: t}
}

// Names returns the names of columns.
func Names(columns []Column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.Name
	}
	return out
}

// text is for values of catalogue queries.
func text(v Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []byte:
		return string(v)
	case string:
		return v
	}
	return fmt.Sprint(v)
}
