package sqldb

import (
	"database/sql/driver"
	"strings"
)

// Stmt is a statement being written, with its arguments.
type Stmt struct {
	Args []driver.Value
	text strings.Builder
	d    *Dialect
}

// Stmt begins a statement.
func (d *Dialect) Stmt(parts ...string) *Stmt {
	return (&Stmt{d: d}).Add(parts...)
}

// Add appends text.
func (s *Stmt) Add(parts ...string) *Stmt {
	for _, p := range parts {
		s.text.WriteString(p)
	}
	return s
}

// Arg appends a placeholder for v.
func (s *Stmt) Arg(v driver.Value) *Stmt {
	s.Args = append(s.Args, v)
	s.text.WriteString(s.d.placeholder(len(s.Args)))
	return s
}

// Bound appends a placeholder for v, to be compared with column c.
func (s *Stmt) Bound(c Column, v driver.Value) *Stmt {
	before, after := s.d.bound(c)
	return s.Add(before).Arg(v).Add(after)
}

// String returns the text.
func (s *Stmt) String() string { return s.text.String() }

// The conditions below are on the columns of a table or subquery called t, see [Dialect.Row].

// Behind appends the condition that the row stands behind the tuple values in the order of the columns.
func (s *Stmt) Behind(columns []Column, values []driver.Value) *Stmt {
	if len(columns) > 1 && s.d.rowValues {
		s.Add("(", s.d.rows(columns), ") > (")
		for i, c := range columns {
			s.Add(comma(i)).Bound(c, values[i])
		}
		return s.Add(")")
	}
	return s.expand(columns, values, ">")
}

// expand is the long form, for a database that does not look up row values in an index: for (a, b, c) it reads
// a >= ? AND (a > ? OR (b >= ? AND (b > ? OR (c > ?)))), whose first part is the range of the index.
func (s *Stmt) expand(columns []Column, values []driver.Value, last string) *Stmt {
	end := len(values) - 1
	for i, v := range values[:end] {
		s.Compare(columns[i], ">=", v).Add(" AND (").Compare(columns[i], ">", v).Add(" OR (")
	}
	return s.Compare(columns[end], last, values[end]).Add(strings.Repeat("))", end))
}

// From appends the condition that the row does not stand before the tuple values, which may be shorter than the columns.
func (s *Stmt) From(columns []Column, values []driver.Value) *Stmt {
	return s.expand(columns, values, ">=")
}

// Equal appends the condition that the row's tuple is values.
func (s *Stmt) Equal(columns []Column, values []driver.Value) *Stmt {
	for i, c := range columns {
		if i > 0 {
			s.Add(" AND ")
		}
		s.Add(s.d.Row(c.Name), " = ").Bound(c, values[i])
	}
	return s
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ", "
}

// Compare appends the comparison of a column with v.
func (s *Stmt) Compare(c Column, op string, v driver.Value) *Stmt {
	return s.Add(s.d.Row(c.Name), " ", op, " ").Bound(c, v)
}
