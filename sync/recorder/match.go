package recorder

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// asked is a request in the form in which requests are compared: masked, and without what is another in every request.
type asked struct {
	method, path string
	query        []Pair
	body         Body
}

// comparable puts a request of a recording, or one that just came in, into that form. The header is no part of it: it
// holds the authorisation.
func (m *masker) comparable(r Request) asked {
	a := asked{method: r.Method, path: m.path(r.Path), body: r.Body}
	for _, p := range r.Query {
		a.query = append(a.query, Pair{p.Name, m.leaf(p.Name, p.Value, side{request: true})})
	}
	slices.SortStableFunc(a.query, func(x, y Pair) int { return cmp.Compare(x.Name, y.Name) })
	if r.Body.tree != nil {
		a.body.tree = r.Body.tree.clone()
		m.tree("", a.body.tree, side{request: true})
	}
	return a
}

func (n *node) clone() *node {
	c := *n
	c.members, c.items = slices.Clone(n.members), slices.Clone(n.items)
	for i := range c.members {
		c.members[i].value = c.members[i].value.clone()
	}
	for i := range c.items {
		c.items[i] = c.items[i].clone()
	}
	return &c
}

// difference is a place at which two requests are not the same.
type difference struct {
	place          string // "method", "path", "?page", "$.records[0].id"
	recorded, come string
	shifts         bool // both are times, or both are ids that nobody chose: another day they are others
}

// String tells it to a person.
func (d difference) String() string {
	return fmt.Sprintf("%s: recorded %s, came %s", d.place, shown(d.recorded), shown(d.come))
}

func shown(s string) string {
	if s == "" {
		return "nothing"
	}
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return strconv.Quote(s)
}

// mostDifferences is how many differences are looked for: more say no more.
const mostDifferences = 1000

// compare lists where a request that came differs from a recorded one.
func (recorded asked) compare(come asked) []difference {
	var c comparison
	c.values("method", recorded.method, come.method)
	c.values("path", recorded.path, come.path)
	c.query(recorded.query, come.query)
	switch {
	case recorded.body.tree != nil && come.body.tree != nil:
		c.trees("$", recorded.body.tree, come.body.tree)
	case recorded.body.Form == Omitted:
		c.values("body", recorded.body.Digest, come.body.Digest)
	default:
		c.values("body", recorded.body.Text, come.body.Text)
	}
	return c.list
}

type comparison struct{ list []difference }

func (c *comparison) add(place, recorded, come string) {
	if len(c.list) < mostDifferences {
		c.list = append(c.list, difference{place, recorded, come, shifts(recorded) && shifts(come)})
	}
}

func (c *comparison) values(place, recorded, come string) {
	if !alike(recorded, come) {
		c.add(place, recorded, come)
	}
}

func (c *comparison) query(recorded, come []Pair) {
	count := map[string]int{}
	for _, p := range recorded {
		c.values("?"+p.Name, p.Value, nth(come, p.Name, count[p.Name]))
		count[p.Name]++
	}
	for _, p := range come {
		if count[p.Name]--; count[p.Name] < 0 && p.Value != volatileMark {
			c.add("?"+p.Name, "", p.Value)
		}
	}
}

// nth is the value of the parameter of a name with a number, from 0.
func nth(list []Pair, name string, n int) string {
	for _, p := range list {
		if p.Name == name {
			if n == 0 {
				return p.Value
			}
			n--
		}
	}
	return ""
}

func (c *comparison) trees(place string, recorded, come *node) {
	switch {
	case len(c.list) >= mostDifferences:
	case recorded.kind == object && come.kind == object:
		c.objects(place, recorded, come)
	case recorded.kind == list && come.kind == list:
		c.lists(place, recorded, come)
	case recorded.kind == object || recorded.kind == list || come.kind == object || come.kind == list:
		if recorded.text != secretMark && recorded.text != volatileMark {
			c.add(place, recorded.brief(), come.brief())
		}
	default:
		c.values(place, recorded.text, come.text)
	}
}

func (c *comparison) objects(place string, recorded, come *node) {
	count, others := map[string]int{}, come.byName()
	for _, m := range recorded.members {
		n := count[m.name]
		count[m.name]++
		switch same := others[m.name]; {
		case n < len(same):
			c.trees(place+"."+m.name, m.value, same[n])
		case m.value.text != volatileMark:
			c.add(place+"."+m.name, m.value.brief(), "")
		}
	}
	for _, m := range come.members {
		if count[m.name]--; count[m.name] < 0 && m.value.text != volatileMark {
			c.add(place+"."+m.name, "", m.value.brief())
		}
	}
}

func (c *comparison) lists(place string, recorded, come *node) {
	if len(recorded.items) != len(come.items) {
		c.add(place, strconv.Itoa(len(recorded.items))+" elements", strconv.Itoa(len(come.items))+" elements")
		return
	}
	for i := range recorded.items {
		c.trees(fmt.Sprintf("%s[%d]", place, i), recorded.items[i], come.items[i])
	}
}

// brief is what a value is, in a word for the larger ones.
func (n *node) brief() string {
	switch n.kind {
	case object:
		return "an object"
	case list:
		return strconv.Itoa(len(n.items)) + " elements"
	}
	return n.text
}

// alike says whether a value that came is what was recorded, in which the marks stand for anything.
func alike(recorded, come string) bool {
	if recorded == come || recorded == volatileMark || come == volatileMark || recorded == secretMark {
		return true
	}
	pieces := strings.Split(strings.ReplaceAll(recorded, volatileMark, secretMark), secretMark)
	if len(pieces) == 1 {
		return false
	}
	rest, ok := strings.CutPrefix(come, pieces[0])
	for _, piece := range pieces[1 : len(pieces)-1] {
		if !ok {
			return false
		}
		_, rest, ok = strings.Cut(rest, piece)
	}
	return ok && strings.HasSuffix(rest, pieces[len(pieces)-1])
}

var (
	dates = regexp.MustCompile(`^\d{4}[-/.]?\d{2}([-/.]?\d{2})?([T ]?\d{2}:?\d{2}(:?\d{2}([.,]\d+)?)?)?(Z| ?[+-]\d{2}:?\d{2})?$|^1\d{9}(\d{3})?$`)
	// ids are long and have both digits and letters, or are UUIDs.
	ids = regexp.MustCompile(`^[0-9A-Za-z_-]{16,}$`)
)

// shifts says whether a value is a time, or an id that nobody chose.
func shifts(value string) bool {
	return dates.MatchString(value) || ids.MatchString(value) && strings.ContainsAny(value, "0123456789") && strings.ContainsAny(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
}

// nearness is how two requests stand to each other.
type nearness int

const (
	other nearness = iota
	shifted
	same
)

func near(list []difference) nearness {
	switch {
	case len(list) == 0:
		return same
	case slices.ContainsFunc(list, func(d difference) bool { return !d.shifts }):
		return other
	}
	return shifted
}
