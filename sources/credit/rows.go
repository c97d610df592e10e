package credit

import (
	"fmt"
	"slices"

	"milkrun/sync/transport/scan"
)

// listing is an answer whose data is one record, or a list of them: getEnterpriseGrade, getPublicResourcesTrading.
type listing struct {
	answer
	rows [][]cell // one cell a column
	form scan.Form
}

// lister reads one in one pass. names are the columns.
type lister struct {
	decoder
	names []string
	top   []cell // beside data (E1)
	rows  [][]cell
	form  scan.Form
}

// readListing reads an answer. The error says where it is not JSON.
func readListing(body []byte, names []string) (*listing, error) {
	l := lister{decoder: decoder{Scanner: scan.New(body)}, names: names, top: make([]cell, len(names))}
	l.envelope()
	l.End()
	if l.Err != nil {
		return nil, l.Err
	}
	if l.rows == nil && l.form != scan.Container && slices.ContainsFunc(l.top, func(c cell) bool { return c.form != scan.Absent }) {
		l.rows, l.form = [][]cell{l.top}, scan.Container
	}
	return &listing{l.answer, l.rows, l.form}, nil
}

func (l *lister) envelope() {
	if l.Peek() != '{' {
		_, f := l.Value()
		l.wrong("the answer is %v, not an object", f)
		return
	}
	for ok := l.Open('{'); ok; ok = l.More('}') {
		switch name := l.Key(); name {
		case "msg":
			l.cell(&l.msg, name)
		case "result":
			l.cell(&l.result, name)
		case "data":
			l.once(l.form, name)
			l.data()
		default:
			l.member(l.top, name, "the answer")
		}
	}
}

// data reads an object or a list of them; null is the same as none.
func (l *lister) data() {
	switch l.Peek() {
	case '{':
		l.form = scan.Container
		l.row()
	case '[':
		l.form = scan.Container
		for ok := l.Open('['); ok; ok = l.More(']') {
			l.row()
		}
	default:
		if _, l.form = l.Value(); l.form != scan.Null {
			l.wrong("data is %v, not an object or a list", l.form)
		}
	}
}

func (l *lister) row() {
	if l.Peek() != '{' {
		_, f := l.Value()
		l.wrong("record %d of data is %v, not an object", len(l.rows)+1, f)
		return
	}
	cells := make([]cell, len(l.names))
	for ok := l.Open('{'); ok; ok = l.More('}') {
		l.member(cells, l.Key(), fmt.Sprintf("record %d of data", len(l.rows)+1))
	}
	l.rows = append(l.rows, cells)
}

func (l *lister) member(to []cell, name, of string) {
	at := slices.Index(l.names, name)
	v, f := l.Value()
	switch {
	case at < 0:
	case f == scan.Container:
		l.wrong("%s of %s is an object or a list", name, of)
	case to[at].form != scan.Absent:
		to[at].twice = true
	default:
		to[at].value, to[at].form = v, f
	}
}
