package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"milkrun/sync/config"
)

// TestSchema holds the schema for editors against the checker: what it refuses, the checker refuses too, and what an
// editor can see it finds.
func TestSchema(t *testing.T) {
	var text bytes.Buffer
	if err := config.Schema(&text, registry()); err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(&text)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("jobs.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("jobs.json")
	if err != nil {
		t.Fatal(err)
	}
	refused := func(text string) error {
		var v map[string]any
		if toml.Unmarshal([]byte(text), &v) == nil { // else there is nothing for a schema
			return schema.Validate(v)
		}
		return nil
	}
	if err := refused(good); err != nil {
		t.Errorf("a good file: %v", err)
	}
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(strings.TrimSuffix(path, "toml") + "txt")
		if err != nil {
			t.Fatal(err)
		}
		wrong := refused(string(text))
		if wrong != nil {
			found[strings.TrimSuffix(filepath.Base(path), ".toml")] = true
		}
		if onlyWarns := !strings.Contains(strings.ReplaceAll(string(want), ": warning: ", ""), "toml:"); wrong != nil && onlyWarns {
			t.Errorf("%s: the schema refuses what the checker takes: %v", path, wrong)
		}
	}
	for _, name := range []string{"alert-channels", "bad-choice", "bad-duration", "missing-connection", "missing-required", "missing-sink",
		"missing-type", "name-of-job", "page-size-zero", "unknown-connection-key", "unknown-job-key", "unknown-resource",
		"unknown-source-key", "unknown-top-key", "unknown-type", "value-out-of-bounds"} {
		if !found[name] {
			t.Errorf("the schema takes %s", name)
		}
	}
}
