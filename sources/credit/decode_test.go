package credit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"milkrun/sync/feed"
	"milkrun/sync/transport/scan"
	"milkrun/sync/uscc"
)

// FuzzDecode compares the decoder with one that builds a tree with encoding/json and then looks at it: the same documents,
// and of each the same numbers, rows, rejections and notes.
func FuzzDecode(f *testing.F) {
	for _, r := range vectors(f).Responses {
		f.Add([]byte(r.Body), byte(0), byte(9))
	}
	for _, body := range oddBodies() {
		f.Add([]byte(body), byte(0), byte(9))
		f.Add([]byte(body), byte(1), byte(2))
	}
	f.Fuzz(func(t *testing.T, body []byte, from, to byte) {
		w, before := window{int(from), int(to)}, bytes.Clone(body)
		got, err := decode(body, w, digitsWarn)
		if !bytes.Equal(before, body) {
			t.Fatal("the body was changed")
		}
		if valid := json.Valid(body); !valid && err == nil {
			t.Fatalf("%q is not JSON, but taken", body)
		} else if !valid {
			return
		}
		root := parseTree(t, body)
		if root.depth() > scan.MaxDepth {
			if err == nil {
				t.Fatalf("%q is nested too deep, but taken", body)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q is JSON, but %v", body, err)
		}
		compare(t, body, got, root.answer(w))
	})
}

func compare(t *testing.T, body []byte, got, want *answer) {
	t.Helper()
	if (got.fault != "") != (want.fault != "") {
		t.Fatalf("%q: fault %q, want %q", body, got.fault, want.fault)
	}
	if want.fault != "" {
		return
	}
	if !reflect.DeepEqual(got.values, want.values) && len(got.values)+len(want.values) > 0 {
		t.Fatalf("%q: rows %q, want %q", body, got.values, want.values)
	}
	shown := func(a *answer) string {
		var codes []string
		for _, r := range a.rejected {
			codes = append(codes, fmt.Sprint(r.Row, r.Code, r.Record))
		}
		return fmt.Sprint(a.result, a.msg, a.pageno(), a.count(), a.pagesize(), a.list, a.places, a.notes, codes)
	}
	if shown(got) != shown(want) {
		t.Fatalf("%q:\n     %s\nwant %s", body, shown(got), shown(want))
	}
}

// node is a JSON value as encoding/json sees it.
type node struct {
	form  scan.Form
	text  string
	list  bool
	names []string // of an object's members
	kids  []node
}

func parseTree(t *testing.T, body []byte) node {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var value func() node
	value = func() node {
		start := d.InputOffset()
		token, err := d.Token()
		if err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		switch v := token.(type) {
		case nil:
			return node{form: scan.Null}
		case bool:
			return node{form: scan.Boolean, text: strconv.FormatBool(v)}
		case json.Number:
			return node{form: scan.Number, text: string(v)}
		case string:
			if isBroken(body[start:d.InputOffset()], v) {
				return node{form: scan.Broken, text: v}
			}
			return node{form: scan.Text, text: v}
		}
		n := node{form: scan.Container, list: token == json.Delim('[')}
		for d.More() {
			if !n.list {
				n.names = append(n.names, value().text)
			}
			n.kids = append(n.kids, value())
		}
		if _, err := d.Token(); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		return n
	}
	return value()
}

// isBroken says whether a text, written as raw, has more U+FFFD than somebody put there.
func isBroken(raw []byte, v string) bool {
	meant := strings.Count(string(raw), "\uFFFD")
	for _, escape := range regexp.MustCompile(`\\(u[0-9a-fA-F]{4}|.)`).FindAllString(string(raw), -1) {
		if strings.EqualFold(escape, `\ufffd`) {
			meant++
		}
	}
	return !utf8.Valid(raw) || strings.Count(v, "\uFFFD") > meant
}

func (n node) depth() int {
	deepest := 0
	for _, k := range n.kids {
		deepest = max(deepest, k.depth())
	}
	if n.form == scan.Container {
		return deepest + 1
	}
	return 0
}

// get returns the member of a name, and how many there are.
func (n node) get(name string) (v node, count int) {
	for i, key := range n.names {
		if key == name {
			v = n.kids[i]
			count++
		}
	}
	return v, count
}

func (n node) isObject() bool { return n.form == scan.Container && !n.list }

// answer looks at a tree in the order of the document, not of the body.
func (n node) answer(w window) *answer {
	a := &answer{notes: map[string]int{}}
	if !n.isObject() {
		a.fault = "no object"
		return a
	}
	a.result, a.msg = n.cell(a, "result"), n.cell(a, "msg")
	data, count := n.get("data")
	if count > 1 || count == 1 && data.form != scan.Null && !data.isObject() {
		a.fault = "data"
		return a
	}
	lists := 0
	for _, side := range []struct {
		n  node
		to *numbers
	}{{n, &a.top}, {data, &a.data}} {
		side.to.pageno, side.to.count, side.to.pagesize = side.n.whole(a, "pageno"), side.n.whole(a, "count"), side.n.whole(a, "pagesize")
		list, count := side.n.get("companyList")
		if lists += count; count == 0 {
			continue
		}
		if a.list = list.form; list.form != scan.Null && !list.list {
			a.fault = "companyList"
		}
		a.places = len(list.kids)
		for i, k := range list.kids {
			k.record(a, i, i >= w.from && i < w.to)
		}
	}
	if lists > 1 {
		a.fault = "companyList twice"
	}
	if len(a.notes) == 0 {
		a.notes = nil
	}
	return a
}

func (n node) cell(a *answer, name string) cell {
	v, count := n.get(name)
	if count > 1 {
		a.fault = name
	}
	return cell{value: v.text, form: v.form}
}

func (n node) whole(a *answer, name string) whole {
	c := n.cell(a, name)
	if c.form == scan.Absent || c.form == scan.Null {
		return whole{form: c.form}
	}
	i, err := strconv.ParseInt(uscc.Trim(c.value), 10, 64)
	if err != nil || i < 0 || c.form != scan.Number && c.form != scan.Text {
		a.fault = name
	}
	return whole{i, scan.Number}
}

func (n node) record(a *answer, place int, wanted bool) {
	if !n.isObject() {
		a.fault = "record"
		return
	}
	known, code := map[string]feed.Value{}, ""
	var r [3]node
	for i, name := range []string{"uniscId", "enterpriseName", "assessGrade"} {
		for at, key := range n.names {
			if key != name {
				continue
			}
			if n.kids[at].form == scan.Container {
				a.fault = "record"
			} else if r[i].form == scan.Absent {
				r[i] = n.kids[at]
			} else {
				code = or(code, "json")
			}
		}
		switch r[i].form {
		case scan.Broken:
			code = or(code, "utf-8")
		case scan.Number, scan.Boolean:
			code = or(code, "type")
		}
		if r[i].form != scan.Absent && r[i].form != scan.Null {
			known[name] = r[i].text
		}
	}
	if !wanted {
		return
	}
	id, grade := uscc.Normalise(r[0].text), uscc.Normalise(r[2].text)
	err := uscc.Check(id)
	if errors.Is(err, uscc.Length) || errors.Is(err, uscc.Charset) {
		code = or(code, "uscc")
	} else {
		known["uniscId"] = id
	}
	if code == "" && errors.Is(err, uscc.CheckDigit) {
		a.notes["uscc check digit"]++
	}
	if !map[string]bool{"AA": true, "A": true, "B": true, "C": true, "D": true}[grade] {
		code = or(code, "grade")
	}
	if code != "" {
		a.rejected = append(a.rejected, feed.Rejection{Row: place, Code: code, Record: known})
		return
	}
	var name feed.Value
	if r[1].form == scan.Text {
		name = uscc.Trim(r[1].text)
	}
	if name == nil || name == "" {
		a.notes["no enterpriseName"]++
	}
	a.values = append(a.values, id, name, grade)
}

func or(code, next string) string {
	if code == "" {
		return next
	}
	return code
}
