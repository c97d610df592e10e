package config_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"milkrun/sync/config"
)

// refusing returns what a schema says of a text.
func refusing(t *testing.T, write func(io.Writer) error) func(text string) error {
	t.Helper()
	var text bytes.Buffer
	if err := write(&text); err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(&text)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(text string) error {
		var v map[string]any
		if toml.Unmarshal([]byte(text), &v) == nil { // else there is nothing for a schema
			return schema.Validate(v)
		}
		return nil
	}
}

// TestCatalogueSchema holds the schema of the catalogue against the shipped one, and against what an editor can see of bad ones.
func TestCatalogueSchema(t *testing.T) {
	refused := refusing(t, config.CatalogueSchema)
	shipped, err := os.ReadFile("../../docs/interfaces.toml")
	if err != nil {
		t.Fatal(err)
	}
	days := regexp.MustCompile(`= (\d{4}-\d\d-\d\d)`) // as editors give them to a schema
	if err := refused(days.ReplaceAllString(string(shipped), `= "$1"`)); err != nil {
		t.Errorf("the shipped catalogue: %v", err)
	}
	const whole = "[a]\nconnection = \"p\"\n[a.v1]\nfrom = \"2026-12-01\"\n[a.v1.fields]\nn = { type = \"decimal\", min = 0.5, max = \"2\", enum = [1, \"2\"] }\n"
	if err := refused(whole); err != nil {
		t.Errorf("a good one: %v", err)
	}
	for right, wrong := range map[string]string{
		"connection =": "link =", "[a.v1.fields]": "[a.v1.felds]", "a.v1": "a.version1", "decimal": "money", "min = 0.5": "least = 0.5",
		"from =": "form =", "2026-12-01": "December", `connection = "p"`: `title = "p"`, "enum = [": "required = [",
	} {
		if refused(strings.ReplaceAll(whole, right, wrong)) == nil {
			t.Errorf("the schema takes %s in place of %s", wrong, right)
		}
	}
}

// TestSchema holds the schema for editors against the checker: what it refuses, the checker refuses too, and what an
// editor can see it finds.
func TestSchema(t *testing.T) {
	refused := refusing(t, func(w io.Writer) error { return config.Schema(w, registry()) })
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
