package coupang

import (
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/mask"
)

// form is what a field holds.
type form int

const (
	text form = iota
	whole64
	truth
	fraction
	amount // becomes three columns: NAME_units, NAME_nanos, NAME_currency
	moment
	structure // JSON
)

// field is one field of a record, and what becomes of it.
type field struct {
	path     []string // "receiver", "name"
	form     form
	personal bool
	rule     mask.Rule // of a personal field
}

// name is the column of a field: the path with underscores.
func (f field) name() string { return strings.Join(f.path, "_") }

// fieldsOf reads the field list of a stream: "name:form", where no form is text, and "name!rule" for what is personal.
func fieldsOf(list string) []field {
	forms := map[string]form{"i": whole64, "b": truth, "d": fraction, "m": amount, "ts": moment, "j": structure}
	var all []field
	for word := range strings.SplitSeq(list, ",") {
		if word == "" {
			continue
		}
		f := field{}
		name, rule, personal := strings.Cut(word, "!")
		if personal {
			f.personal = true
			f.form, f.rule = forms[rule], ruleOf(rule)
		} else {
			var kind string
			name, kind, _ = strings.Cut(word, ":")
			f.form = forms[kind]
		}
		f.path = strings.Split(name, ".")
		all = append(all, f)
	}
	return all
}

// ruleOf is how a personal field is masked; free text leaves nothing but stars.
func ruleOf(word string) mask.Rule {
	rule, err := mask.Parse(word)
	if err != nil {
		rule, _ = mask.Parse("password")
	}
	return rule
}

// What becomes of personal fields.
const (
	dropped = "drop"
	masked  = "mask"
	raw     = "raw"
)

// Item lists: JSON in one column, or a row for each element.
const (
	asJSON = "json"
	asRows = "rows"
)

// layout is how the records of a stream become rows.
type layout struct {
	fields   []field
	columns  *feed.Columns
	width    int    // columns of the record itself
	personal string // dropped, masked or raw
	items    string // the list that is exploded, "" for none
	parts    []field
	known    map[string]field // every field of the document by its own name: what is personal, and what is not
	guessed  guesses          // about the names of other fields
}

// layoutOf returns the layout of a stream. A field that is personal has no column unless it is asked for.
func (s *stream) layoutOf(personal, items string) *layout {
	l := &layout{personal: personal, known: map[string]field{}}
	for _, f := range append(fieldsOf(s.fields), fieldsOf(s.parts)...) {
		l.known[f.path[len(f.path)-1]] = f
	}
	if items == asRows {
		l.items = s.items
	}
	var columns []feed.Column
	add := func(to *[]field, f field, prefix string) {
		if f.personal && personal == dropped || f.name() == l.items {
			return
		}
		*to = append(*to, f)
		columns = append(columns, f.columns(prefix)...)
	}
	for _, f := range fieldsOf(s.fields) {
		add(&l.fields, f, "")
	}
	l.width = len(columns)
	if l.items != "" {
		for _, f := range fieldsOf(s.parts) {
			add(&l.parts, f, l.items+"_")
		}
	}
	l.columns = feed.NewColumns(columns...)
	return l
}

// columns are what a field becomes.
func (f field) columns(prefix string) []feed.Column {
	name := prefix + f.name()
	if f.form == amount {
		return []feed.Column{{Name: name + "_units", Type: feed.Integer}, {Name: name + "_nanos", Type: feed.Integer}, {Name: name + "_currency", Type: feed.Text}}
	}
	types := map[form]feed.Type{whole64: feed.Integer, truth: feed.Boolean, fraction: feed.Decimal, moment: feed.Time}
	typ, ok := types[f.form]
	if !ok || f.personal {
		typ = feed.Text
	}
	return []feed.Column{{Name: name, Type: typ}}
}
