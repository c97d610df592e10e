package near_test

import (
	"strings"
	"testing"

	"milkrun/sync/config/near"
)

func TestNear(t *testing.T) {
	keys := []string{"schedule", "timezone", "page_size", "batch_size", "mask", "grace"}
	for word, want := range map[string]string{
		"schedule":  "schedule",
		"shcedule":  "schedule",
		"Schedule":  "schedule",
		"scedule":   "schedule",
		"page-size": "page_size",
		"pagesize":  "page_size",
		"batchsize": "batch_size",
		"msak":      "mask",
		"msk":       "mask",
		"mk":        "",
		"x":         "",
		"":          "",
		"时区":        "",
		"colour":    "",
	} {
		if got := near.Near(word, keys); got != want {
			t.Errorf("Near(%q) = %q, want %q", word, got, want)
		}
	}
	if got := near.Near("Asia/Shangai", []string{"Asia/Singapore", "Asia/Shanghai"}); got != "Asia/Shanghai" {
		t.Errorf("got %q", got)
	}
	if got := near.Near(strings.Repeat("x", 100_000), []string{strings.Repeat("x", 70)}); got != "" {
		t.Errorf("got %q", got)
	}
}
