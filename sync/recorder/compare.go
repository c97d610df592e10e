package recorder

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Finding is a place at which two recordings differ.
type Finding struct {
	Endpoint string `json:"endpoint"` // "POST /users/query"
	Exchange int    `json:"exchange"` // one of the first recording that shows it, 0 when none does
	Other    int    `json:"other"`    // likewise of the second
	Place    string `json:"place"`    // "status", "header Content-Type", "$.data.companyList[].uniscId"
	What     What   `json:"what"`
	First    string `json:"first"`
	Second   string `json:"second"`
}

// What says what kind of difference a finding is.
type What string

// The kinds of differences.
const (
	Status  What = "status"   // another HTTP status
	Header  What = "header"   // a header that matters
	Added   What = "added"    // a field that was not there
	Removed What = "removed"  // a field that is there no more
	Missing What = "optional" // a field that all records had, and some have no more
	Type    What = "type"     // another type
	Shape   What = "shape"    // a time or number that is written otherwise
	Code    What = "code"     // a code, or what it says
	Size    What = "size"     // a page is smaller or larger than what was asked for
	Value   What = "value"    // any value: only when that is asked for
	Asked   What = "asked"    // a request that only one of them has
	Broken  What = "broken"   // an answer that did not come, or not whole
)

// Comparison is how two recordings compare.
type Comparison struct {
	Findings []Finding
	Pairs    int // exchanges that stand in both
	// Unpaired are exchanges of the first recording whose way the second one did not go: pushes, where only pages were
	// read.
	Unpaired int
}

// Compare says where two recordings differ: in status, the headers that matter, the structure of the answers, and values
// that stay the same while data changes: codes, and the size of pages. With values, in all values. Exchanges are the same
// by their requests, in their order.
func Compare(first, second *Recording, values bool) Comparison {
	c := &comparer{masker: newComparer(), values: values, seen: map[Finding]bool{}}
	pairs := c.pair(c.settled(first), c.settled(second))
	for _, p := range pairs {
		c.exchange(p)
	}
	for _, group := range groups(pairs) {
		c.structure(group)
	}
	return Comparison{Findings: c.list, Pairs: len(pairs), Unpaired: c.unpaired}
}

// pair is an exchange of both recordings.
type pair struct {
	endpoint      string
	first, second Exchange
}

type comparer struct {
	masker   *masker
	values   bool
	list     []Finding
	seen     map[Finding]bool // without the numbers of the exchanges: each is told once
	unpaired int
}

func (c *comparer) add(f Finding) {
	key := f
	key.Exchange, key.Other = 0, 0
	if !c.seen[key] {
		c.seen[key] = true
		c.list = append(c.list, f)
	}
}

// settled is a recording without the failures that passed when they were tried again.
func (c *comparer) settled(r *Recording) *Recording {
	kept := &Recording{Index: r.Index}
	for i, e := range r.List {
		if transient(e) && c.again(e, r.List[i+1:]) {
			continue
		}
		kept.List = append(kept.List, e)
	}
	return kept
}

// Pulls is how many pages a recording asked for, without those that were asked for again.
func (r *Recording) Pulls() int {
	n := 0
	for _, e := range (&comparer{masker: newComparer()}).settled(r).List {
		if e.Side != Push {
			n++
		}
	}
	return n
}

// transient says whether a client tries again after such an answer.
func transient(e Exchange) bool {
	return e.Answer == nil || e.Error != "" || e.Answer.Status == http.StatusTooManyRequests || e.Answer.Status == http.StatusRequestTimeout || e.Answer.Status >= 500
}

// again says whether a request is among others once more.
func (c *comparer) again(e Exchange, among []Exchange) bool {
	request := c.masker.comparable(e.Request)
	return slices.ContainsFunc(among, func(o Exchange) bool {
		return o.Request.Method == e.Request.Method && near(request.compare(c.masker.comparable(o.Request))) != other
	})
}

// pair finds for each exchange of the first recording the one of the second with the same request.
func (c *comparer) pair(first, second *Recording) []pair {
	var pairs []pair
	requests := make([]asked, len(second.List))
	for i, e := range second.List {
		requests[i] = c.masker.comparable(e.Request)
	}
	taken := make([]bool, len(second.List))
	for _, e := range first.List {
		request := c.masker.comparable(e.Request)
		if i := partner(request, requests, taken); i >= 0 {
			taken[i] = true
			pairs = append(pairs, pair{endpoint(e), e, second.List[i]})
			continue
		}
		c.alone(e, first, second)
	}
	for i, e := range second.List {
		if !taken[i] && !second.more(first) && !c.again(e, first.List) {
			c.add(Finding{Endpoint: endpoint(e), Other: e.Number, Place: "request", What: Asked, First: "not asked", Second: briefly(requests[i])})
		}
	}
	return pairs
}

// alone tells of an exchange that only the first recording has, unless the second never went there.
func (c *comparer) alone(e Exchange, first, second *Recording) {
	if second.PullOnly && !first.PullOnly && e.Side != Pull {
		c.unpaired++
		return
	}
	if first.more(second) || c.again(e, second.List) {
		return
	}
	c.add(Finding{Endpoint: endpoint(e), Exchange: e.Number, Place: "request", What: Asked, First: briefly(c.masker.comparable(e.Request)), Second: "not asked"})
}

// more says whether a recording may have exchanges that the other left out above its limit.
func (r *Recording) more(than *Recording) bool {
	return than.LeftOut > 0 && len(r.List) >= len(than.List)
}

// partner is the best of the requests that are not taken, -1 when none is the same.
func partner(request asked, others []asked, taken []bool) int {
	best, how := -1, other
	for i, o := range others {
		if taken[i] || o.method != request.method || !alike(request.path, o.path) {
			continue
		}
		if n := near(request.compare(o)); n > how {
			best, how = i, n
		}
	}
	return best
}

func endpoint(e Exchange) string { return e.Request.Method + " " + e.Request.Path }

// briefly shows what a request asks for, on one line.
func briefly(a asked) string {
	var parts []string
	for _, p := range a.query {
		if p.Value != secretMark && p.Value != volatileMark {
			parts = append(parts, p.Name+"="+p.Value)
		}
	}
	if a.body.tree != nil {
		for _, m := range a.body.tree.members {
			if m.value.text != secretMark && m.value.text != volatileMark {
				parts = append(parts, m.name+"="+m.value.brief())
			}
		}
	}
	return strings.Join(parts, " ")
}

// exchange compares what can be told from one answer.
func (c *comparer) exchange(p pair) {
	a, b := p.first.Answer, p.second.Answer
	tell := func(place string, what What, first, second string) {
		c.add(Finding{p.endpoint, p.first.Number, p.second.Number, place, what, first, second})
	}
	if a == nil || b == nil || (p.first.Error == "") != (p.second.Error == "") {
		if outcome(p.first) != outcome(p.second) {
			tell("answer", Broken, outcome(p.first), outcome(p.second))
		}
		return
	}
	if a.Status != b.Status {
		tell("status", Status, strconv.Itoa(a.Status), strconv.Itoa(b.Status))
	}
	c.headers(p, tell)
	if a.Body.Form != b.Body.Form {
		tell("body", Type, string(a.Body.Form), string(b.Body.Form))
		return
	}
	if a.Body.tree == nil || b.Body.tree == nil {
		if c.values && a.Body.Text != b.Body.Text {
			tell("body", Value, shown(a.Body.Text), shown(b.Body.Text))
		}
		return
	}
	c.codes(a.Body.tree, b.Body.tree, tell)
	if c.values {
		var v comparison
		v.trees("$", a.Body.tree, b.Body.tree)
		for _, d := range v.list {
			tell(d.place, Value, d.recorded, d.come)
		}
	}
}

func outcome(e Exchange) string {
	if e.Answer == nil || e.Error != "" {
		return cmp.Or(e.Error, "no answer")
	}
	return "an answer"
}

// headers compares what a client may act on. Of others, only those of the partner's own are told when they come or go.
func (c *comparer) headers(p pair, tell func(string, What, string, string)) {
	a, b := headerMap(p.first.Answer), headerMap(p.second.Answer)
	names := maps.Clone(a)
	maps.Copy(names, b)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		switch name {
		case "Content-Type", "Www-Authenticate", "Allow":
			if normal(a[name]) != normal(b[name]) {
				tell("header "+name, Header, cmp.Or(a[name], "none"), cmp.Or(b[name], "none"))
			}
			continue
		case "Location", "Retry-After":
		default:
			if !strings.HasPrefix(name, "X-") || isVolatileName(strings.TrimPrefix(name, "X-")) {
				continue
			}
		}
		if (a[name] == "") != (b[name] == "") {
			tell("header "+name, Header, cmp.Or(a[name], "none"), cmp.Or(b[name], "none"))
		}
	}
}

func headerMap(a *Answer) map[string]string {
	m := map[string]string{}
	for _, p := range a.Header {
		m[p.Name] = p.Value
	}
	return m
}

func normal(value string) string { return strings.ToLower(strings.ReplaceAll(value, " ", "")) }

// codes compares codes and messages of the envelope: what stands outside lists.
func (c *comparer) codes(a, b *node, tell func(string, What, string, string)) {
	var walk func(place string, a, b *node)
	walk = func(place string, a, b *node) {
		others := b.byName()
		for _, m := range a.members {
			var o *node
			if same := others[m.name]; len(same) > 0 {
				o = same[0]
			}
			at := place + "." + m.name
			name := squashed(m.name)
			switch {
			case o == nil:
			case m.value.kind == object && o.kind == object:
				walk(at, m.value, o)
			case m.value.kind == list || o.kind == list || m.value.kind != o.kind:
			case m.value.text != o.text && (codeNames.MatchString(name) || messageNames.MatchString(name) || limitNames.MatchString(name)):
				tell(at, Code, m.value.text, o.text)
			}
		}
	}
	walk("$", a, b)
}

// groups are the pairs by what they ask and whether it went well: their answers are of one kind.
func groups(pairs []pair) [][]pair {
	at := map[string]int{}
	var list [][]pair
	for _, p := range pairs {
		if p.first.Answer == nil || p.second.Answer == nil || p.first.Answer.Status/100 != p.second.Answer.Status/100 {
			continue
		}
		key := fmt.Sprint(p.endpoint, " ", p.first.Answer.Status/100)
		i, ok := at[key]
		if !ok {
			i = len(list)
			at[key] = i
			list = append(list, nil)
		}
		list[i] = append(list[i], p)
	}
	return list
}
