package recorder

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// field is what the answers of one kind hold at one place.
type field struct {
	types    map[kind]int   // how often each came
	shapes   map[string]int // how its texts are written
	holders  int            // objects that could have it
	present  int            // that have it
	longest  int            // of a list
	exchange int            // the first that has it
}

// structureOf is the fields of answers by their place: "$.records[].phone".
type structureOf map[string]*field

func (s structureOf) at(place string, exchange int) *field {
	f := s[place]
	if f == nil {
		f = &field{types: map[kind]int{}, shapes: map[string]int{}, exchange: exchange}
		s[place] = f
	}
	return f
}

// add takes a value in.
func (s structureOf) add(place string, n *node, exchange int) {
	f := s.at(place, exchange)
	f.types[n.kind]++
	switch n.kind {
	case object:
		for _, m := range n.members {
			inside := place + "." + m.name
			s.add(inside, m.value, exchange)
			s[inside].present++
		}
	case list:
		f.longest = max(f.longest, len(n.items))
		for _, item := range n.items {
			s.add(place+"[]", item, exchange)
		}
	case text:
		if n.text != "" {
			f.shapes[shapeOf(n.text)]++
		}
	}
}

// count fills in how many objects there are that could have each field.
func (s structureOf) count() {
	for place, f := range s {
		if i := strings.LastIndexByte(place, '.'); i > 0 && s[place[:i]] != nil {
			f.holders = s[place[:i]].types[object]
		}
	}
}

// structure compares the fields of the answers to one kind of request.
func (c *comparer) structure(group []pair) {
	a, b := structureOf{}, structureOf{}
	for _, p := range group {
		if p.first.Answer.Body.tree != nil && p.second.Answer.Body.tree != nil {
			a.add("$", p.first.Answer.Body.tree, p.first.Number)
			b.add("$", p.second.Answer.Body.tree, p.second.Number)
		}
	}
	a.count()
	b.count()
	places := maps.Clone(a)
	maps.Copy(places, b)
	for _, place := range slices.Sorted(maps.Keys(places)) {
		c.field(group[0].endpoint, place, a, b)
	}
	c.sizes(group, a, b)
}

// field compares one place.
func (c *comparer) field(endpoint, place string, a, b structureOf) {
	x, y := a[place], b[place]
	tell := func(what What, first, second string) {
		f := Finding{Endpoint: endpoint, Place: place, What: what, First: first, Second: second}
		if x != nil {
			f.Exchange = x.exchange
		}
		if y != nil {
			f.Other = y.exchange
		}
		c.add(f)
	}
	switch {
	case y == nil:
		if b.couldHave(place) {
			tell(Removed, x.typeNames(), "none")
		}
	case x == nil:
		if a.couldHave(place) {
			tell(Added, "none", y.typeNames())
		}
	case !shared(x.types, y.types):
		tell(Type, x.typeNames(), y.typeNames())
	case x.one() != y.one() && len(x.shapes) == 1 && len(y.shapes) == 1:
		tell(Shape, cmp.Or(x.one(), "no time"), cmp.Or(y.one(), "no time"))
	case (x.present == x.holders) != (y.present == y.holders):
		tell(Missing, fmt.Sprintf("in %d of %d", x.present, x.holders), fmt.Sprintf("in %d of %d", y.present, y.holders))
	}
}

// couldHave says whether there is an object, or an element, that could have been at a place: what is within an empty list,
// or within a field that is gone itself, is no difference of its own.
func (s structureOf) couldHave(place string) bool {
	if before, ok := strings.CutSuffix(place, "[]"); ok {
		f := s[before]
		return f != nil && f.types[list] > 0 && f.longest > 0
	}
	i := strings.LastIndexByte(place, '.')
	return i > 0 && s[place[:i]] != nil && s[place[:i]].types[object] > 0
}

func (f *field) typeNames() string {
	names := make([]string, 0, len(f.types))
	for _, k := range slices.Sorted(maps.Keys(f.types)) {
		names = append(names, string(k))
	}
	return strings.Join(names, " or ")
}

// shared says whether two sets of types have one in common. Null is one only where there is no other: an empty value
// is data.
func shared(a, b map[kind]int) bool {
	for k := range a {
		if b[k] > 0 && (k != null || len(a) == 1 || len(b) == 1) {
			return true
		}
	}
	return len(a) == 1 && a[null] > 0 || len(b) == 1 && b[null] > 0
}

// one is a shape of the texts of a field.
func (f *field) one() string {
	for shape := range f.shapes {
		return shape
	}
	return ""
}

// limitNames say how much comes at once.
var limitNames = regexp.MustCompile(`^(page|max|per)?(size|limit)$|^(max)?perpage$|^countperpage$|^max(page|records|rows|items)?$|^rows$`)

// shapeOf says how a time is written, with a 9 for each digit; "" for any other text.
func shapeOf(value string) string {
	if !dates.MatchString(value) {
		return ""
	}
	shape := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '9'
		}
		return r
	}, value)
	if i := strings.IndexAny(shape, ".,"); i > 10 { // fractions of a second have as many digits as they have
		shape = shape[:i+1] + strings.TrimLeft(shape[i+1:], "9")
	}
	return shape
}

// sizes tells when a page was as long as was asked for, and is no more although there are more: the only page, and an empty
// one, say nothing.
func (c *comparer) sizes(group []pair, a, b structureOf) {
	for _, p := range group {
		asked := pageSize(p.first.Request)
		if asked == 0 {
			continue
		}
		for place, x := range a {
			y := b[place]
			if y == nil || x.longest == y.longest || max(x.longest, y.longest) != asked || min(x.longest, y.longest, len(group)-1) == 0 {
				continue
			}
			c.add(Finding{Endpoint: p.endpoint, Exchange: p.first.Number, Other: p.second.Number, Place: place, What: Size,
				First: pageOf(x.longest, asked), Second: pageOf(y.longest, asked)})
		}
		return
	}
}

func pageOf(rows, asked int) string { return fmt.Sprintf("%d rows of %d asked for", rows, asked) }

// pageSize is how many rows a request asks for, 0 when it does not say.
func pageSize(r Request) int {
	for _, p := range r.Query {
		if limitNames.MatchString(squashed(p.Name)) {
			n, _ := strconv.Atoi(p.Value)
			return n
		}
	}
	if r.Body.tree != nil {
		for _, m := range r.Body.tree.members {
			if limitNames.MatchString(squashed(m.name)) {
				n, _ := strconv.Atoi(m.value.text)
				return n
			}
		}
	}
	return 0
}
