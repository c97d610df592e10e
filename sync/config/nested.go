package config

import (
	"fmt"
	"strings"

	"milkrun/sync/kind"
	"milkrun/sync/setting"
)

// put stores one value, also one that is a table, and returns whether it was good.
func (r *reader) put(path string, e *entry, f setting.Field, over map[string]string) bool {
	t, isTable := e.value.(*table)
	switch {
	case f.Fields != nil:
		return r.group(path, e, f, beneath(over, f.Name))
	case f.Type == kind.ValuesType && isTable:
		e.visible = true
		return r.values(block{path, t}, f)
	}
	return r.set(path, e, f)
}

// group fills a table that is the value of a key.
func (r *reader) group(path string, e *entry, f setting.Field, over map[string]string) bool {
	e.visible = true
	t, ok := r.table(path, e, f.Name+" = { … }")
	if !ok {
		return false
	}
	_ = f.Set(map[string]any{}) // it is there
	filled := r.fill(block{path, t}, f.Fields, over, nil)
	r.finish(filled, f.Fields, func() []setting.Problem { return nil })
	for _, wrong := range filled.wrong {
		ok = ok && !wrong
	}
	return ok
}

// beneath are the overrides of the keys in a table, whose names begin with that of the table.
func beneath(over map[string]string, name string) map[string]string {
	var sub map[string]string
	for key, value := range over {
		if rest, ok := strings.CutPrefix(key, name+"."); ok {
			if sub == nil {
				sub = map[string]string{}
			}
			sub[rest] = value
		}
	}
	return sub
}

// spot is where a key of a block is, be it in a table of the block ("cipher.alg"), or where the last table around it is.
func (f filling) spot(key string) (at span, path string) {
	at, path = f.table.at, f.path
	if key == "" {
		return at, path
	}
	t := f.table
	for _, name := range strings.Split(key, ".") {
		path = block{path: path}.sub(name)
		if e := t.find(name); e != nil {
			at = e.at
			t, _ = e.value.(*table)
		}
		if t == nil {
			t = &table{}
		}
	}
	return at, path
}

// values reads a source whose one column another source wants.
func (r *reader) values(b block, f setting.Field) bool {
	before := len(r.problems)
	inner := kind.Inner{}
	e := end{b, r.connectionOf(r.conf, b)}
	column := setting.Text("column", &inner.Column, "which of its columns", "所需的列").Require()
	if e.connection == nil {
		return false
	}
	inner.Connection = e.connection.Name
	typ, ok := r.opt.Registry.Sources[e.connection.Type]
	if !ok {
		inner.Source = r.source(e) // which says why not
		return false
	}
	inner.Source = typ.Source(e.connection.Settings)
	fields := append(inner.Source.Fields(), column)
	r.byColumn(b, fields)
	filled := r.fill(b, fields, nil, special{"connection": nil})
	r.finish(filled, fields, inner.Source.Validate)
	r.inner = append(r.inner, e.connection)
	if len(r.problems) > before {
		return false
	}
	if err := f.Set(inner); err != nil {
		r.report(Error, b.table.at, b.path, fmt.Sprint(err), "")
		return false
	}
	return true
}

// byColumn orders the rows of a source that has to be told how by the column that is wanted, unless it is told.
func (r *reader) byColumn(b block, fields []setting.Field) {
	column := b.table.find("column")
	if column == nil || b.table.find("cursor") != nil {
		return
	}
	for _, f := range fields {
		if f.Name == "cursor" && f.Required {
			b.table.add(&entry{name: "cursor", key: column.key, at: column.at, value: []any{plain(column.value)}})
		}
	}
}

// warnings reports what a connection finds odd about itself, and still takes.
func (r *reader) warnings(f filling, settings kind.Connection) {
	w, ok := settings.(interface{ Warnings() []setting.Problem })
	if !ok || r.broken {
		return
	}
	for _, p := range w.Warnings() {
		at, path := f.spot(p.Key)
		r.report(Warning, at, path, p.Text, p.Remedy)
	}
}

// leaves are the keys of a block and of the tables in it.
func leaves(fields []setting.Field) []setting.Field {
	var list []setting.Field
	for _, f := range fields {
		if f.Fields != nil {
			list = append(list, leaves(f.Fields)...)
		}
		list = append(list, f)
	}
	return list
}
