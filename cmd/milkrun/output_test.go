package main

import (
	"bytes"
	"testing"

	"milkrun/sync/words"
)

// TestTableCannotSteerTheTerminal: what a record holds is shown, and does nothing.
func TestTableCannotSteerTheTerminal(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out, lang: words.English}
	a.printTable([]any{"KEY", "STATE"}, [][]any{{"A\x1b[31m\n\u202e订 单", "open"}}, "")
	if got, want := out.String(), "KEY                     STATE\nA\\x1b[31m\\n\\u202e订 单  open\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
