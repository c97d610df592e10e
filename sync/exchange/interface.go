package exchange

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"milkrun/sync/mask"
	"milkrun/sync/setting"
)

// Interface is what a source and a sink say of one interface of the agreement's catalogue (clause 二.1).
type Interface struct {
	Resource string
	Layout   Layout
	Map      map[string]string // column by wire field; nil: every field travels under its own name
	Key      []string          // columns
}

// NewInterface returns the defaults.
func NewInterface() Interface { return Interface{Layout: DefaultLayout} }

// Fields returns the keys.
func (i *Interface) Fields() []setting.Field {
	return []setting.Field{
		setting.Text("resource", &i.Resource, "name of the interface, the last part of its address", "接口名称，即地址的最后一段").Require(),
		DateFormat(&i.Layout),
		setting.TextMap("map", &i.Map, `column of each field, as { phone = "user_phone" }; when given, only these fields travel`,
			"字段与列的对应关系；设置后仅传输所列字段"),
		setting.Texts("key", &i.Key, "columns that tell the records apart", "记录的唯一键（列名）"),
	}
}

// Personal implements [kind.Personal]: a field is masked as the column that it becomes, or comes from.
func (i *Interface) Personal(rule func(column string) (mask.Rule, bool)) map[string]mask.Rule {
	list := map[string]mask.Rule{}
	for field, column := range i.Map {
		if r, ok := rule(column); ok {
			list[field] = r
		}
	}
	return list
}

// Validate checks the name of the resource and the map.
func (i *Interface) Validate() []setting.Problem {
	var list []setting.Problem
	for part := range strings.SplitSeq(strings.Trim(i.Resource, "/"), "/") {
		if i.Resource != "" && (part == "" || part == "." || part == ".." || strings.ContainsAny(part, "?#\\\r\n")) {
			list = append(list, setting.Problem{Key: "resource", Text: fmt.Sprintf("%q cannot be a part of an address", i.Resource),
				Remedy: `write the interface's name, as resource = "users"`})
			break
		}
	}
	for _, field := range slices.Sorted(maps.Keys(i.Map)) {
		if field == "" || i.Map[field] == "" {
			list = append(list, setting.Problem{Key: "map", Text: fmt.Sprintf("the field %q has the column %q", field, i.Map[field]),
				Remedy: `write { field = "column" }, or leave the field out`})
		}
	}
	if i.Map != nil && len(i.Map) == 0 {
		list = append(list, setting.Problem{Key: "map", Text: "no field would travel", Remedy: "name the fields, or leave map out"})
	}
	for _, column := range i.Key {
		if i.Map != nil && !slices.Contains(slices.Collect(maps.Values(i.Map)), column) {
			list = append(list, setting.Problem{Key: "key", Text: fmt.Sprintf("map has no field for the column %q", column),
				Remedy: "add it to map: the key has to travel"})
		}
	}
	return list
}
