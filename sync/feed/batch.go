package feed

import "slices"

// Value is one field of a record: nil, bool, int64, float64, string, []byte or time.Time. Decimals travel as string, so
// that no digit is lost.
type Value = any

// Type is what a column holds, as far as its source knows.
type Type int

// The column types. Any is the zero value: unknown or mixed. Time and Date values are time.Time; Decimal values are
// strings.
const (
	Any Type = iota
	Text
	Integer
	Real
	Decimal
	Boolean
	Bytes
	Time
	Date
)

// Column is one field of every record of a feed.
type Column struct {
	Name string
	Type Type
}

// Columns lists the fields of every row of a batch, in order. It is shared by all batches of a feed and never changed.
type Columns struct {
	list  []Column
	index map[string]int
}

// NewColumns returns the column list. Of two equal names the first one is found by [Columns.Index].
func NewColumns(list ...Column) *Columns {
	c := &Columns{list: slices.Clone(list), index: make(map[string]int, len(list))}
	for i, col := range list {
		if _, seen := c.index[col.Name]; !seen {
			c.index[col.Name] = i
		}
	}
	return c
}

// TextColumns returns a list of columns that all hold text.
func TextColumns(names ...string) *Columns {
	list := make([]Column, len(names))
	for i, n := range names {
		list[i] = Column{n, Text}
	}
	return NewColumns(list...)
}

// Len is the number of columns.
func (c *Columns) Len() int { return len(c.list) }

// List returns the columns in order; the caller must not change them.
func (c *Columns) List() []Column { return c.list }

// Names returns the names in order.
func (c *Columns) Names() []string {
	names := make([]string, len(c.list))
	for i, col := range c.list {
		names[i] = col.Name
	}
	return names
}

// Index returns the place of a column, and whether there is one of that name.
func (c *Columns) Index(name string) (int, bool) {
	i, ok := c.index[name]
	return i, ok
}

// Equal says whether both lists hold the same columns in the same order.
func (c *Columns) Equal(o *Columns) bool { return c == o || slices.Equal(c.list, o.list) }

// Batch is rows in order. Values holds them one after the other: len(Values) == Len() * Columns.Len().
// A batch without rows may have nil Columns.
type Batch struct {
	Columns *Columns
	Values  []Value
}

// Len is the number of rows.
func (b Batch) Len() int {
	if b.Columns == nil || b.Columns.Len() == 0 {
		return 0
	}
	return len(b.Values) / b.Columns.Len()
}

// Row returns row i as a window into the batch, one value a column.
func (b Batch) Row(i int) []Value {
	w := b.Columns.Len()
	return b.Values[i*w : (i+1)*w : (i+1)*w]
}

// Slice returns the rows [i, j) as a window into the batch.
func (b Batch) Slice(i, j int) Batch {
	if b.Columns == nil {
		return b
	}
	w := b.Columns.Len()
	return Batch{b.Columns, b.Values[i*w : j*w : j*w]}
}

// Get returns the value of the named column in row i, nil when there is no such column.
func (b Batch) Get(i int, column string) Value {
	if at, ok := b.Columns.Index(column); ok {
		return b.Row(i)[at]
	}
	return nil
}

// Cursor says how far a source has been read: everything up to it has been returned. Its text is the source's own,
// JSON that a person can read; the empty cursor is the beginning.
type Cursor string

// Page is what one call of a source returns.
type Page struct {
	Rows Batch
	// Next is the cursor behind the last row. It differs from the cursor the page was asked with, unless Done.
	Next Cursor
	// Done says that nothing stands behind Next at this moment.
	Done bool
	// Total is the number of records in the whole feed as the partner states it with this page, -1 when it does not.
	Total int64
	// Bytes is the size of the page on the wire, 0 when unknown.
	Bytes int
	// Rejected are records of this page that the source itself refuses (a key that is none). They are not in Rows.
	Rejected []Rejection
	// Notes count what is odd but no reason to refuse, by kind: "uscc check digit": 3.
	Notes map[string]int
}

// Rejection is one record that will not be delivered, with the reason.
type Rejection struct {
	// Row is the place in the batch or page, counted from 0. A record that the source refused is not in the page's
	// rows: there it is the place in the partner's list.
	Row int
	// Code is short and stable ("uscc", "create_date", "300"); Reason is for people and holds no personal data.
	Code, Reason string
	// Record is what is known of a record that the source refused, for the dead-letter table. Sinks leave it nil:
	// the engine has the row.
	Record map[string]Value
	// Place is where a record that the source refused can be read again, for a source that is a Rereader; else empty.
	Place Cursor
	// NoKey says of a record that the source refused that its key cannot be read either, so that nobody can tell which
	// record of the target it is.
	NoKey bool
}
