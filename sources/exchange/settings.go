package exchange

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"milkrun/sync/exchange"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
	"milkrun/sync/transport/pageno"
)

var _ kind.Source = (*settings)(nil)

// settings are the keys of a source on an exchange connection.
type settings struct {
	exchange.Interface
	connection kind.Connection
	paging     string
	fields     []string // wire names in order
	dates      []string // columns
}

// NewSource returns the settings of a source on a connection made by [exchange.NewConnection].
func NewSource(c kind.Connection) kind.Source {
	return &settings{Interface: exchange.NewInterface(), connection: c, paging: "page"}
}

// Fields returns the keys.
func (s *settings) Fields() []setting.Field {
	return append(s.Interface.Fields(),
		setting.Choice("paging", &s.paging, []string{"page", "cursor"}, "how the partner divides its records: by page number or by cursor", "分页方式：页码或游标"),
		setting.Texts("columns", &s.fields, "fields to take, in order; without it and map, those of the first record", "所取字段及顺序；不填且未设 map 时取首条记录的字段"),
		setting.Texts("dates", &s.dates, "columns that hold dates in date_format; all others are left as they come", "按 date_format 解析的日期列"),
	)
}

// Validate checks that columns, map, key and dates fit together.
func (s *settings) Validate() []setting.Problem {
	list := s.Interface.Validate()
	problem := func(key, remedy, format string, args ...any) {
		list = append(list, setting.Problem{Key: key, Text: fmt.Sprintf(format, args...), Remedy: remedy})
	}
	if s.paging == "page" && len(s.Key) == 0 {
		problem("key", `name the columns that tell records apart, as key = ["user_id"]`,
			"paging by page number needs a key: records move between pages while they are read")
	}
	for _, f := range s.fields {
		if _, ok := s.Map[f]; s.Map != nil && !ok {
			problem("columns", "add it to map, or take it out of columns", "map has no column for the field %q", f)
		}
	}
	columns := s.known()
	for i, c := range columns {
		if slices.ContainsFunc(columns[:i], func(o column) bool { return o.name == c.name }) {
			problem("columns", "name every column once", "two fields become the column %q", c.name)
		}
	}
	for key, names := range map[string][]string{"key": s.Key, "dates": s.dates} {
		for _, n := range names {
			if len(columns) > 0 && !slices.ContainsFunc(columns, func(c column) bool { return c.name == n }) {
				problem(key, "name a column of columns or map", "there is no column %q", n)
			}
		}
	}
	return list
}

// column is a field of the partner and the name it gets.
type column struct{ wire, name string }

// known returns the columns as far as the settings name them: those of columns in order, then those only map names.
func (s *settings) known() []column {
	var list []column
	for _, f := range s.fields {
		list = append(list, column{f, cmp.Or(s.Map[f], f)})
	}
	for _, f := range slices.Sorted(maps.Keys(s.Map)) {
		if !slices.Contains(s.fields, f) {
			list = append(list, column{f, s.Map[f]})
		}
	}
	return list
}

// Columns returns the names of the columns as far as the settings name them, nil when they name none.
func (s *settings) Columns() []string {
	var names []string
	for _, c := range s.known() {
		names = append(names, c.name)
	}
	return names
}

// usualPage is how many records a page has unless page_size says otherwise.
const usualPage = 500

// Enumerates says that everything there is is read every time: pages that are counted; see package config.
func (s *settings) Enumerates() bool { return s.paging == "page" }

// Limits returns the default; the agreement has no limit.
func (s *settings) Limits() kind.Limits { return kind.Limits{Default: usualPage} }

// Open returns the source: a [pageno.Source] when the partner counts pages. Nothing is asked for.
func (s *settings) Open(_ context.Context, env kind.Env) (feed.Source, error) {
	c, err := exchange.Of(s.connection, env)
	if err != nil {
		return nil, err
	}
	r := &reader{settings: s, label: env.Connection + ": " + s.Resource, connection: c, base: env.RoundTripper, local: env.Location}
	if r.local == nil {
		r.local = time.Local
	}
	if list := s.known(); len(list) > 0 {
		if r.shape, err = s.shapeOf(list); err != nil {
			return nil, err
		}
	}
	if s.paging == "cursor" {
		return &byCursor{r}, nil
	}
	return &pageno.Source{Ask: r.page, Label: r.label, Columns: s.Key, Usual: usualPage, Max: math.MaxInt32}, nil
}
