// Package settingtest sets the keys of a configuration block in tests, as jobs.toml would.
package settingtest

import (
	"testing"

	"milkrun/sync/kind"
)

// Fill sets keys, and fails the test when the block does not have one of them or refuses its value.
func Fill(t testing.TB, block kind.Block, keys map[string]any) {
	t.Helper()
	found := 0
	for _, f := range block.Fields() {
		v, ok := keys[f.Name]
		if !ok {
			continue
		}
		if err := f.Set(v); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		found++
	}
	if found != len(keys) {
		t.Fatalf("one of these keys does not exist: %v", keys)
	}
}

// Valid is [Fill] of a block that has no problem then.
func Valid(t testing.TB, block kind.Block, keys map[string]any) {
	t.Helper()
	Fill(t, block, keys)
	if problems := block.Validate(); len(problems) > 0 {
		t.Fatalf("%v: %v", keys, problems)
	}
}
