package config

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"milkrun/sync/alert"
	"milkrun/sync/alert/channel"
	"milkrun/sync/kind"
	"milkrun/sync/setting"
)

// object is a piece of a JSON Schema.
type object = map[string]any

// Schema writes the JSON Schema of jobs.toml, for editors. It reads the same lists as the checker. What depends on two
// places at once, as the keys of a source do on the type of its connection, the checker alone can say: there the schema
// takes the keys of all types.
func Schema(w io.Writer, reg Registry) error {
	top := fields(topFields(&Config{}))
	job := jobSchema()
	properties(job)["source"], properties(job)["sink"] = reg.ends()
	job["required"] = []string{"source", "sink"}
	parts := object{
		"defaults": jobSchema(), "jobs": named(job), "connections": named(reg.connectionSchema()),
		"page": fields((&Page{}).Fields()), "alerts": alertSchema(), "partners": named(fields(alert.NewPartner("").Fields())), "report": fields((&Report{}).Fields()),
	}
	for name, part := range parts {
		properties(top)[name] = part
	}
	return written(w, top, "milkrun jobs.toml")
}

// written writes a whole schema.
func written(w io.Writer, top object, title string) error {
	top["$schema"], top["title"] = "https://json-schema.org/draft/2020-12/schema", title
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(top)
}

// jobSchema is what [defaults] and a job have in common.
func jobSchema() object {
	k := newKeys(time.UTC)
	o := fields(slices.Concat(k.fields(), []setting.Field{k.maskField()}))
	properties(o)["retry"] = fields(k.retryFields())
	return o
}

func properties(o object) object { return o["properties"].(object) }

// fields is a table of keys.
func fields(list []setting.Field) object {
	props, required := object{}, []string{}
	for _, f := range list {
		props[f.Name] = schemaOf(f)
		if f.Required {
			required = append(required, f.Name)
		}
	}
	o := object{"type": "object", "properties": props, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

func schemaOf(f setting.Field) object {
	if f.Fields != nil {
		o := fields(f.Fields)
		o["description"] = description(f)
		return o
	}
	o := object{"type": "string", "description": description(f)}
	switch f.Type {
	case "whole number":
		o["type"] = "integer"
		if f.Min != 0 || f.Max != 0 {
			o["minimum"], o["maximum"] = f.Min, f.Max
		}
	case "true or false":
		o["type"] = "boolean"
	case "duration":
		o["pattern"] = `^([0-9]+d|0|([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+)$`
	case "list of texts":
		o["type"], o["items"] = "array", object{"type": "string"}
	case kind.ValuesType:
		o["type"] = []any{"array", "object"}
	case "table of texts":
		o["type"], o["additionalProperties"] = "object", object{"type": "string"}
	}
	if len(f.Choices) > 0 {
		o["enum"] = f.Choices
	}
	if value, ok := defaultValue(f); ok {
		o["default"] = value
	}
	return o
}

// defaultValue is the default of a key as JSON has it.
func defaultValue(f setting.Field) (any, bool) {
	var v any
	if f.Default == "" || json.Unmarshal([]byte(f.Default), &v) != nil {
		return nil, false
	}
	return v, true
}

func description(f setting.Field) string {
	text := f.En + "\n" + f.Zh
	if f.Rule != "" {
		text += "\n" + f.Rule
	}
	return text
}

// named is a table of tables, each with a name of its own.
func named(o object) object {
	return object{"type": "object", "patternProperties": object{goodName.String(): o}, "additionalProperties": false}
}

// typed is a table whose other keys depend on the key type.
func typed(types []string, keys func(string) []setting.Field) object {
	variants := make([]object, len(types))
	for i, typ := range types {
		o := fields(keys(typ))
		properties(o)["type"] = object{"const": typ}
		required, _ := o["required"].([]string)
		o["required"] = append([]string{"type"}, required...)
		variants[i] = object{"if": object{"properties": object{"type": object{"const": typ}}}, "then": o}
	}
	return object{"type": "object", "required": []string{"type"}, "properties": object{"type": object{"enum": types}}, "allOf": variants}
}

func (reg Registry) connectionSchema() object {
	return typed(reg.types(), func(typ string) []setting.Field { return reg.connection(typ).Fields() })
}

func alertSchema() object {
	settings := alert.NewSettings()
	o := fields(settings.Fields())
	properties(o)["channels"] = named(typed(channel.Types(), func(typ string) []setting.Field { return channel.New(typ).Fields() }))
	return o
}

// ends are the keys that sources and sinks of all types take together.
func (reg Registry) ends() (source, sink object) {
	var sources, sinks []setting.Field
	for _, typ := range reg.types() {
		conn := reg.connection(typ)
		if t, ok := reg.Sources[typ]; ok {
			sources = append(sources, t.Source(conn).Fields()...)
		}
		if t, ok := reg.Sinks[typ]; ok {
			sinks = append(sinks, t.Sink(conn).Fields()...)
		}
	}
	return endSchema(sources), endSchema(sinks)
}

// endSchema is a source or sink. Keys that several types have and mean differently take what any of them takes.
func endSchema(list []setting.Field) object {
	o := object{"type": "object", "required": []string{"connection"}, "additionalProperties": false}
	props := object{"connection": object{"type": "string", "description": "NAME of a [connections.NAME]\n[connections.NAME] 的名称"}}
	for _, f := range list {
		one := schemaOf(f)
		if before, ok := props[f.Name].(object); ok {
			one = merged(before, one)
		}
		props[f.Name] = one
	}
	o["properties"] = props
	return o
}

func merged(a, b object) object {
	delete(a, "default")
	if text := b["description"].(string); !strings.Contains(a["description"].(string), text) {
		a["description"] = a["description"].(string) + "\n" + text
	}
	if a["type"] != b["type"] {
		a["type"] = []any{a["type"], b["type"]}
	}
	choices, ok := a["enum"].([]string)
	more, both := b["enum"].([]string)
	if delete(a, "enum"); ok && both {
		all := slices.Concat(choices, more)
		slices.Sort(all)
		a["enum"] = slices.Compact(all)
	}
	return a
}
