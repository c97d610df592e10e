package sync

import (
	"testing"
	"time"
)

// TestBlocksOutliveTheProcess: a restart is no way around a block, and does not keep a moment's rest for ever.
func TestBlocksOutliveTheProcess(t *testing.T) {
	before := newEngine(t)
	before.budgets.Account("gateway", 1).Block(10*time.Minute, "HTTP 403")
	before.budgets.Account("vendor", 1).Block(2*time.Second, "a halt")
	after := New(before.Options)
	if left, why := after.budgets.Account("gateway", 1).Open(); left < 9*time.Minute || why != "HTTP 403" {
		t.Errorf("after a restart it rests for %v: %q", left, why)
	}
	if left, why := after.budgets.Account("vendor", 1).Open(); left != 0 {
		t.Errorf("after a restart it rests for %v: %q", left, why)
	}
}
