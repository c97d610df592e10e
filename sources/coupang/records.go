package coupang

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"milkrun/sync/feed"
)

// element is one row to be: a record, and with items = "rows" one of its parts.
type element struct {
	record object
	part   object
}

// elements are the rows of records: one for each, or one for each part, and one for a record without parts.
func (l *layout) elements(records []object) []element {
	if l.items == "" {
		list := make([]element, len(records))
		for i, r := range records {
			list[i].record = r
		}
		return list
	}
	var list []element
	for _, r := range records {
		parts, _ := r[l.items].([]any)
		n := len(list)
		for _, p := range parts {
			if part, ok := p.(object); ok {
				list = append(list, element{r, part})
			}
		}
		if len(list) == n {
			list = append(list, element{record: r})
		}
	}
	return list
}

// row returns the values of an element. A field that does not hold what it should is named.
func (l *layout) row(e element) (values []feed.Value, column string, err error) {
	values = make([]feed.Value, 0, l.columns.Len())
	values, column, err = l.append(values, l.fields, e.record, "")
	if err == nil {
		values, column, err = l.append(values, l.parts, e.part, l.items+"_")
	}
	return values, column, err
}

func (l *layout) append(values []feed.Value, fields []field, from object, prefix string) ([]feed.Value, string, error) {
	for _, f := range fields {
		v, err := f.value(f.find(from))
		if err != nil {
			return values, prefix + f.name(), err
		}
		if f.personal && f.form == text && l.personal == masked {
			v[0] = veil(f.rule, v[0])
		}
		values = append(values, v...)
	}
	return values, "", nil
}

// find returns what stands at the field's path, nil when nothing does.
func (f field) find(from object) any {
	var v any = from
	for _, name := range f.path {
		o, ok := v.(object)
		if !ok {
			return nil
		}
		v = o[name]
	}
	return v
}

// reject is a record that cannot be a row: its key tells which one it is, and nothing else of it is kept.
func (s *source) reject(place int, r object, column string, err error) feed.Rejection {
	known := map[string]feed.Value{}
	for _, f := range fieldsOf(s.stream.fields) {
		if !slices.Contains(s.stream.key, f.name()) {
			continue
		}
		if v, err := f.value(f.find(r)); err == nil && f.form != amount {
			known[f.name()] = v[0]
		}
	}
	return feed.Rejection{Row: place, Code: column, Reason: column + " " + err.Error(), Record: known}
}

// seen are the rows of this reading: where windows overlap and while rows move between pages or statuses, the same row
// comes again and is left out. A row that changed is another one. What is known of it is where it first came, so that a page
// that is asked for again is the same.
type seen struct{ first map[[16]byte]feed.Cursor }

// mostSeen bounds the memory; beyond it a row may come twice, which the sink's key bears.
const mostSeen = 200_000

// before says whether a row came with another page already.
func (s *seen) before(row []feed.Value, at feed.Cursor) bool {
	sum := digest(row)
	if s.first == nil || len(s.first) >= mostSeen {
		s.first = map[[16]byte]feed.Cursor{}
	}
	where, known := s.first[sum]
	if !known {
		s.first[sum] = at
	}
	return known && where != at
}

// digest tells rows apart.
func digest(row []feed.Value) (sum [16]byte) {
	for i, v := range row {
		if t, ok := v.(time.Time); ok {
			row = slices.Clone(row)
			row[i] = t.UnixNano()
		}
	}
	text, err := json.Marshal(row)
	if err != nil {
		text = fmt.Append(nil, row)
	}
	full := sha256.Sum256(text)
	copy(sum[:], full[:])
	return sum
}
