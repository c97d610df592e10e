package config

import (
	"errors"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// table is a TOML table with the place of everything in it.
type table struct {
	path    string
	at      span // its header, or the key it is the value of
	entries []*entry
	index   map[string]*entry
	closed  bool // an inline table: nothing can be added to it
	header  bool // it has had its [header]
}

// entry is one key of a table. Its value is a *table, or what setting.Field.Set takes.
type entry struct {
	name    string
	key, at span // at: the value; for a [table] the header
	value   any
	visible bool // the value may be shown in a problem's source line
}

// unread is the value of a key whose problem has been reported.
type unread struct{}

// sub returns the path of a key.
func (t *table) sub(name string) string { return block{path: t.path}.sub(name) }

// find returns a key, nil when there is none of that name.
func (t *table) find(name string) *entry { return t.index[name] }

func (t *table) add(e *entry) {
	if t.index == nil {
		t.index = map[string]*entry{}
	}
	t.entries, t.index[e.name] = append(t.entries, e), e
}

// plain returns the table as setting.Field.Set takes it.
func (t *table) plain() map[string]any {
	m := make(map[string]any, len(t.entries))
	for _, e := range t.entries {
		m[e.name] = plain(e.value)
	}
	return m
}

func plain(v any) any {
	if t, ok := v.(*table); ok {
		return t.plain()
	}
	return v
}

// name is one part of a key, with its place.
type name struct {
	text string
	at   span
}

// builder makes the tree of a text out of the parser's expressions. base is where the parsed piece begins in the text.
type builder struct {
	r       *reader
	p       unstable.Parser
	base    int
	root    *table
	current *table
}

// build parses the text. After a syntax error it goes on at the next header or key.
func (r *reader) build() {
	b := &builder{r: r, root: &table{}}
	b.current = b.root
	for from := 0; from < len(r.text); {
		b.base = from
		b.p.Reset(r.text[from:len(r.text):len(r.text)])
		for b.p.NextExpression() {
			b.expression(b.p.Expression())
		}
		if b.p.Error() == nil {
			break
		}
		at := b.errorSpan()
		if r.inHeader(at.from) {
			b.current = b.stray()
		}
		if from = r.syntax(at, b.p.Error()); from == 0 {
			break
		}
	}
	if !r.problems.HasErrors() {
		r.secondOpinion()
	}
	r.root = b.root
}

func (b *builder) expression(n *unstable.Node) {
	switch n.Kind {
	case unstable.Table:
		b.current = b.open(b.names(n.Key()))
	case unstable.ArrayTable:
		names := b.names(n.Key())
		b.r.report(Error, names[0].at, dotted(names), "[[…]] makes a list, and there are none here", "write one pair of brackets: ["+dotted(names)+"]")
		b.current = b.stray()
	case unstable.KeyValue:
		b.keyValue(b.current, n)
	}
}

// open returns the table of a [header], which may be given once.
func (b *builder) open(names []name) *table {
	at := span{names[0].at.from, names[len(names)-1].at.to}
	t := b.descend(b.root, names, at)
	if t == nil {
		return b.stray()
	}
	if t.header {
		b.r.twice(at, dotted(names), t.at)
	}
	t.header, t.at = true, at
	return t
}

// descend walks and makes the tables on a dotted path. It returns nil, having reported why, when there is none to be had.
func (b *builder) descend(t *table, names []name, at span) *table {
	for _, n := range names {
		e := t.find(n.text)
		if e == nil {
			e = &entry{name: n.text, key: n.at, at: at, value: &table{path: t.sub(n.text), at: at}}
			t.add(e)
		}
		sub, ok := e.value.(*table)
		if !ok || sub.closed {
			b.r.twice(n.at, t.sub(n.text), e.key)
			return nil
		}
		t = sub
	}
	return t
}

// keyValue adds a key with its value, which is hidden until it is known to hold no secret.
func (b *builder) keyValue(t *table, n *unstable.Node) {
	names := b.names(n.Key())
	last := names[len(names)-1]
	e := &entry{name: last.text, key: last.at, at: b.valueSpan(last.at.to, n)}
	if t = b.descend(t, names[:len(names)-1], last.at); t == nil {
		b.r.hidden = append(b.r.hidden, e.at)
		return
	}
	e.value = b.value(n.Value(), t.sub(e.name), e.at)
	if first := t.find(e.name); first != nil {
		b.r.hidden = append(b.r.hidden, e.at)
		b.r.twice(e.key, t.sub(e.name), first.key)
		return
	}
	t.add(e)
}

// valueSpan returns where the value of a key that ends at from stands.
func (b *builder) valueSpan(from int, n *unstable.Node) span {
	for from < len(b.r.text) && (b.r.text[from] == ' ' || b.r.text[from] == '\t' || b.r.text[from] == '=') {
		from++
	}
	return span{from, b.base + int(n.Raw.Offset) + int(n.Raw.Length)}
}

// value returns what a node of the key at path holds.
func (b *builder) value(n *unstable.Node, path string, at span) any {
	switch n.Kind {
	case unstable.String:
		return string(n.Data)
	case unstable.Array:
		list := []any{}
		for it := n.Children(); it.Next(); {
			list = append(list, plain(b.value(it.Node(), path, at)))
		}
		return list
	case unstable.InlineTable:
		t := &table{path: path, at: at}
		for it := n.Children(); it.Next(); {
			b.keyValue(t, it.Node())
		}
		t.closed = true
		return t
	}
	return b.scalar(n.Data, path, at)
}

// scalar leaves numbers, dates and truth values to the library.
func (b *builder) scalar(text []byte, path string, at span) any {
	var doc struct{ V any }
	if err := toml.Unmarshal(append([]byte("V = "), text...), &doc); err != nil {
		b.r.report(Error, at, path, "this value cannot be read: "+library(err), "correct the number or date")
		return unread{}
	}
	return doc.V
}

// stray returns a table for keys that belong nowhere.
func (b *builder) stray() *table {
	t := &table{}
	b.r.strays = append(b.r.strays, t)
	return t
}

func (b *builder) names(it unstable.Iterator) []name {
	var list []name
	for it.Next() {
		raw := it.Node().Raw
		from := b.base + int(raw.Offset)
		list = append(list, name{string(it.Node().Data), span{from, from + int(raw.Length)}})
	}
	return list
}

// errorSpan returns where the parser stopped.
func (b *builder) errorSpan() span {
	var perr *unstable.ParserError
	if !errors.As(b.p.Error(), &perr) || len(perr.Highlight) == 0 {
		return span{len(b.r.text), len(b.r.text)}
	}
	raw := b.p.Range(perr.Highlight)
	from := b.base + int(raw.Offset)
	return span{from, from + int(raw.Length)}
}
