package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSandboxSparesRealTargets: what the stand-ins invent goes to no target of the operator's.
func TestSandboxSparesRealTargets(t *testing.T) {
	t.Chdir(t.TempDir())
	p := newPlace(t, `
[connections.partner]
type = "exchange"
url = "https://partner.example.com"
token = "x"
[connections.files]
type = "file"
dir = "%[1]s"
[jobs.in]
source = { connection = "partner", resource = "items", key = ["id"] }
sink = { connection = "files", path = "items.jsonl" }
`)
	p.run("once", "in", "--sandbox").exits(exitError).says("the connection files is a real one", "of type sqlite")
	if _, err := os.Stat(filepath.Join(p.dir, "items.jsonl")); err == nil {
		t.Error("something was delivered to a real file")
	}
}
