package credit

import (
	"fmt"
	"strconv"

	"milkrun/sync/feed"
	"milkrun/sync/transport/scan"
	"milkrun/sync/uscc"
)

// window says which places of companyList become rows: those in [from, to). The others are read over.
type window struct{ from, to int }

// answer is what a page holds. Fault is why it is none, although it is JSON.
type answer struct {
	result, msg cell
	top, data   numbers   // beside data, and inside
	list        scan.Form // of companyList: container when it is there
	places      int       // how many elements it has
	values      []feed.Value
	rejected    []feed.Rejection
	notes       map[string]int
	fault       string
}

// numbers are the fields beside companyList.
type numbers struct{ pageno, count, pagesize whole }

// whole is a whole number, if form is number.
type whole struct {
	n    int64
	form scan.Form
}

// or returns b when w is not there.
func (w whole) or(b whole) whole {
	if w.form == scan.Number {
		return w
	}
	return b
}

// Either place will do (E1), data first.
func (a *answer) pageno() whole   { return a.data.pageno.or(a.top.pageno) }
func (a *answer) count() whole    { return a.data.count.or(a.top.count) }
func (a *answer) pagesize() whole { return a.data.pagesize.or(a.top.pagesize) }

// decoder reads an answer in one pass.
type decoder struct {
	scan.Scanner
	answer
	window window
	digits string // what is done about a wrong check digit
}

// decode reads a body. The error says where it is not JSON. The values share one copy of the body.
func decode(body []byte, w window, digits string) (*answer, error) {
	d := decoder{Scanner: scan.New(body), window: w, digits: digits}
	d.envelope()
	d.End()
	if d.Err != nil {
		return nil, d.Err
	}
	return &d.answer, nil
}

// reject the whole page; the first reason is kept.
func (d *decoder) wrong(format string, args ...any) {
	if d.fault == "" {
		d.fault = fmt.Sprintf(format, args...)
	}
}

// envelope reads {msg, result, data}.
func (d *decoder) envelope() {
	if d.Peek() != '{' {
		_, f := d.Value()
		d.wrong("the answer is %v, not an object", f)
		return
	}
	var data scan.Form
	for ok := d.Open('{'); ok; ok = d.More('}') {
		switch name := d.Key(); name {
		case "msg":
			d.cell(&d.msg, name)
		case "result":
			d.cell(&d.result, name)
		case "data":
			d.once(data, name)
			data = d.inner()
		default:
			d.member(name, &d.top)
		}
	}
}

// inner reads data; null is the same as none.
func (d *decoder) inner() scan.Form {
	if d.Peek() != '{' {
		_, f := d.Value()
		if f == scan.Container {
			d.wrong("data is a list, not an object")
		} else if f != scan.Null {
			d.wrong("data is %v, not an object", f)
		}
		return f
	}
	for ok := d.Open('{'); ok; ok = d.More('}') {
		d.member(d.Key(), &d.data)
	}
	return scan.Container
}

func (d *decoder) member(name string, to *numbers) {
	switch name {
	case "pageno":
		d.whole(&to.pageno, name)
	case "count":
		d.whole(&to.count, name)
	case "pagesize":
		d.whole(&to.pagesize, name)
	case "companyList":
		d.once(d.list, name)
		d.list = d.companies()
	default:
		d.Value()
	}
}

// once refuses a page in which a name that matters stands twice: which one is meant nobody can tell.
func (d *decoder) once(before scan.Form, name string) {
	if before != scan.Absent {
		d.wrong("%s stands twice", name)
	}
}

func (d *decoder) cell(to *cell, name string) {
	d.once(to.form, name)
	to.value, to.form = d.Value()
}

// whole reads a whole number, which may be written as a text; null is the same as none.
func (d *decoder) whole(to *whole, name string) {
	d.once(to.form, name)
	v, f := d.Value()
	to.form = f
	if f == scan.Null {
		return
	}
	n, err := strconv.ParseInt(uscc.Trim(v), 10, 64)
	if (f != scan.Number && f != scan.Text) || err != nil || n < 0 {
		d.wrong("%s is not a whole number of at least 0", name)
		return
	}
	*to = whole{n, scan.Number}
}

func (d *decoder) companies() scan.Form {
	if d.Peek() != '[' {
		_, f := d.Value()
		if f != scan.Null {
			d.wrong("companyList is %v, not a list", f)
		}
		return f
	}
	for ok := d.Open('['); ok; ok = d.More(']') {
		d.company()
		d.places++
	}
	return scan.Container
}

// company reads one record; its place in the list is d.places.
func (d *decoder) company() {
	if d.Peek() != '{' {
		_, f := d.Value()
		d.wrong("record %d of companyList is %v, not an object", d.places+1, f)
		return
	}
	var r record
	for ok := d.Open('{'); ok; ok = d.More('}') {
		at := column(d.Key())
		v, f := d.Value()
		switch {
		case at < 0:
		case f == scan.Container:
			d.wrong("%s of record %d of companyList is an object or a list", columnName(at), d.places+1)
		case r[at].form != scan.Absent:
			r[at].twice = true
		default:
			r[at].value, r[at].form = v, f
		}
	}
	if d.Err == nil && d.fault == "" && d.places >= d.window.from && d.places < d.window.to {
		d.add(&r)
	}
}
