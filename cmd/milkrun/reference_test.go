package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"testing"

	"milkrun/sync/config"
)

var update = flag.Bool("update", false, "write the reference documentation")

// TestReference keeps the reference of jobs.toml, and the schemas, what the checker checks by.
func TestReference(t *testing.T) {
	for path, write := range map[string]func(io.Writer) error{
		"../../docs/config.md":              func(w io.Writer) error { return config.Reference(w, registry(), "en") },
		"../../docs/config.zh-CN.md":        func(w io.Writer) error { return config.Reference(w, registry(), "zh") },
		"../../docs/jobs.schema.json":       func(w io.Writer) error { return config.Schema(w, registry()) },
		"../../docs/interfaces.schema.json": config.CatalogueSchema,
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, b.Bytes()) {
			t.Errorf("%s is out of date: go test ./cmd/milkrun -run TestReference -update", path)
		}
	}
}

// TestTypesOnBothSides makes sure that a connection made for a source serves a sink of the same type.
func TestTypesOnBothSides(t *testing.T) {
	reg := registry()
	for name, source := range reg.Sources {
		sink, both := reg.Sinks[name]
		if !both {
			continue
		}
		c := source.Connection()
		if source.Source(c) == nil || sink.Sink(c) == nil {
			t.Errorf("type %s: its connection does not serve both sides", name)
		}
	}
}
