package busipush

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
)

var _ kind.Sink = (*settings)(nil)

const maxRecords = 2000

// settings are the keys of a sink on a busipush connection.
type settings struct {
	connection *connection
	resource   string
	columns    map[string]string // by field
	defaults   map[string]string // by field
}

// NewSink returns the settings of a sink on a connection made by [NewConnection].
func NewSink(c kind.Connection) kind.Sink {
	own, _ := c.(*connection)
	return &settings{connection: own, resource: "affairs"}
}

// Fields returns the keys.
func (s *settings) Fields() []setting.Field {
	return []setting.Field{
		setting.Choice("resource", &s.resource, []string{"affairs"}, "what is delivered", "推送内容"),
		setting.TextMap("map", &s.columns, `column of each field, as { busi_item = "item_name" }; a field left out is read from the column of its name`,
			"字段与列的对应关系，未列出的字段取同名列"),
		setting.TextMap("defaults", &s.defaults, "value of a field that is missing or blank in a record", "字段缺失或为空时的取值").
			WithDefault(`{ user_name = "未认证用户" }`),
	}
}

// Validate checks that map and defaults name fields of the interface.
func (s *settings) Validate() []setting.Problem {
	var list []setting.Problem
	problem := func(key, remedy, format string, args ...any) {
		list = append(list, setting.Problem{Key: key, Text: fmt.Sprintf(format, args...), Remedy: remedy})
	}
	names := fieldNames()
	for _, f := range slices.Sorted(maps.Keys(s.columns)) {
		if !slices.Contains(names[:], f) || s.columns[f] == "" {
			problem("map", `write { field = "column" }; the fields are `+strings.Join(names[:], ", "), "%q cannot be the field of the column %q", f, s.columns[f])
		}
	}
	for _, f := range slices.Sorted(maps.Keys(s.defaults)) {
		if !slices.Contains(names[:], f) {
			problem("defaults", "the fields are "+strings.Join(names[:], ", "), "the interface has no field %q", f)
		}
	}
	if s.defaults["id"] != "" {
		problem("defaults", "leave id out", "records without an id cannot share one")
	}
	if d := s.defaults["create_date"]; d != "" && !wireDate(d) {
		problem("defaults", `write it as "2006-01-02 15:04:05"`, "create_date is no date")
	}
	return list
}

// Limits returns the document's limit of a call.
func (s *settings) Limits() kind.Limits {
	return kind.Limits{Default: maxRecords, Max: maxRecords, Rule: "业务数据推送接口: data 每次最多 2000 条"}
}

// Open returns the sink. Nothing is sent.
func (s *settings) Open(_ context.Context, env kind.Env) (feed.Sink, error) {
	if s.connection == nil {
		return nil, feed.Errorf(feed.Fail, "", "the sink's connection %s is not of type busipush", env.Connection)
	}
	local := env.Location
	if local == nil {
		local = shanghai()
	}
	names, values := fieldNames(), [fieldCount]string{fieldUserName: "未认证用户"}
	for i, name := range names {
		if v, ok := s.defaults[name]; ok {
			values[i] = v
		}
	}
	return &sink{settings: s, label: env.Connection, client: s.connection.Client(env.RoundTripper),
		encoder: newEncoder(values, local, shanghai()), buffers: make(chan []byte, 16)}, nil
}

// shanghai is the zone of create_date; without a time zone database, its offset since 1991.
func shanghai() *time.Location {
	if zone, err := time.LoadLocation("Asia/Shanghai"); err == nil {
		return zone
	}
	return time.FixedZone("Asia/Shanghai", 8*60*60)
}
