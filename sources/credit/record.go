package credit

import (
	"errors"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/transport/scan"
	"milkrun/sync/uscc"
)

// The columns, in the order of the document.
const (
	atCode = iota
	atName
	atGrade
	width
)

const (
	codeName  = "uniscId"
	nameName  = "enterpriseName"
	gradeName = "assessGrade"
)

// What is done about a code whose check digit is wrong.
const (
	digitsOff    = "off"
	digitsWarn   = "warn"
	digitsReject = "reject"
)

// noteDigit counts codes with a wrong check digit, noteName records without a name.
const (
	noteDigit = "uscc check digit"
	noteName  = "no " + nameName
)

// cell is one value as the partner wrote it.
type cell struct {
	value string
	form  scan.Form
	twice bool
}

type record [width]cell

func column(key string) int {
	switch key {
	case codeName:
		return atCode
	case nameName:
		return atName
	case gradeName:
		return atGrade
	}
	return -1
}

func columnName(at int) string { return [width]string{codeName, nameName, gradeName}[at] }

// add checks a record and appends its values, or its rejection.
func (d *decoder) add(r *record) {
	id, err := creditCode(r[atCode].value)
	wrongDigit := errors.Is(err, uscc.CheckDigit)
	if wrongDigit && d.digits != digitsReject {
		err = nil
	}
	if err != nil {
		id = ""
	}
	for at := range r {
		if c, reason := r[at].problem(); c != "" {
			d.reject(r, id, c, columnName(at)+" "+reason)
			return
		}
	}
	if err != nil {
		d.reject(r, id, "uscc", codeName+": "+err.Error())
		return
	}
	if wrongDigit && d.digits == digitsWarn {
		d.note(noteDigit)
	}
	g := gradeOf(r[atGrade].value)
	if g == nil {
		d.reject(r, id, "grade", gradeName+" is none of AA, A, B, C, D")
		return
	}
	d.room()
	d.values = append(d.values, id, d.name(&r[atName]), g)
}

// problem returns why a value cannot be used whatever it says. A missing one is no problem yet.
func (c *cell) problem() (code, reason string) {
	switch {
	case c.twice:
		return "json", "stands twice in the record"
	case c.form == scan.Broken:
		return "utf-8", "is not valid Unicode"
	case c.form == scan.Number || c.form == scan.Boolean:
		return "type", "is " + c.form.String() + "; a text is wanted"
	}
	return "", ""
}

// creditCode returns a code in normal form; the error is an [uscc.Error].
func creditCode(v string) (string, error) {
	err := uscc.Check(v)
	if err != nil && !errors.Is(err, uscc.CheckDigit) {
		v = uscc.Normalise(v)
		err = uscc.Check(v)
	}
	return v, err
}

// gradeOf returns the grade meant, nil for none. The values are constants, which cost no allocation a record.
func gradeOf(v string) feed.Value {
	for range 2 {
		switch v {
		case "AA":
			return "AA"
		case "A":
			return "A"
		case "B":
			return "B"
		case "C":
			return "C"
		case "D":
			return "D"
		}
		v = uscc.Normalise(v) // grades have the same blemishes as codes
	}
	return nil
}

// name returns the trimmed name. A record without one is kept: its grade is what counts.
func (d *decoder) name(c *cell) feed.Value {
	v := uscc.Trim(c.value)
	if v == "" {
		d.note(noteName)
	}
	if c.form != scan.Text {
		return nil
	}
	return v
}

func (d *decoder) note(kind string) {
	if d.notes == nil {
		d.notes = make(map[string]int)
	}
	d.notes[kind]++
}

// room makes place for the page at its first record.
func (d *decoder) room() {
	if d.values == nil {
		left := d.Rest()/len(`{"uniscId":"","assessGrade":""}`) + 1
		d.values = make([]feed.Value, 0, width*min(left, d.window.to-d.window.from))
	}
}

// reject leaves the record out; id is its code in normal form, "" when it is none. What is known of the record is copied,
// so that a dead letter does not hold on to the whole page.
func (d *decoder) reject(r *record, id, code, reason string) {
	known := make(map[string]feed.Value, width)
	for at := range r {
		if r[at].form != scan.Absent && r[at].form != scan.Null {
			known[columnName(at)] = strings.Clone(strings.ToValidUTF8(r[at].value, "\uFFFD"))
		}
	}
	if id != "" {
		known[codeName] = strings.Clone(id)
	}
	d.rejected = append(d.rejected, feed.Rejection{Row: d.places, Code: code, Reason: reason, Record: known, NoKey: id == ""})
}
