package main

import (
	"strings"
	"testing"

	"milkrun/sync/sandbox"
)

// TestConnectionsOfTheSandbox: what milkrun sandbox prints for jobs.toml is a configuration, and reaches the stand-ins.
func TestConnectionsOfTheSandbox(t *testing.T) {
	s, err := sandbox.Start(t.Context(), "127.0.0.1:0", sandbox.Options{Credit: sandbox.CreditOptions{Count: 20}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var printed strings.Builder
	printConnections(&printed, s.Settings())
	p := newPlace(t, printed.String()+`
[connections.db]
type = "sqlite"
dsn  = "db.sqlite"

[jobs.grades]
source = { connection = "credit", resource = "grades" }
sink   = { connection = "db", table = "grades", key = ["uniscId"] }
`)
	t.Chdir(p.dir)
	p.run("once", "grades").exits(exitDone)
}
