package config_test

import (
	"testing"

	"milkrun/sync/config"
)

func TestPageAddress(t *testing.T) {
	for listen, want := range map[string][2]string{
		"127.0.0.1:8474":              {"tcp4", "127.0.0.1:8474"},
		"0.0.0.0:8474":                {"tcp4", "0.0.0.0:8474"}, // and not [::], which a firewall may not know
		"[::]:8474":                   {"tcp", "[::]:8474"},
		"localhost:8474":              {"tcp", "localhost:8474"},
		":8474":                       {"tcp", ":8474"},
		"unix:/run/milkrun/page.sock": {"unix", "/run/milkrun/page.sock"},
	} {
		page := config.Page{Listen: listen}
		if network, address := page.Address(); network != want[0] || address != want[1] {
			t.Errorf("%s: %s %s", listen, network, address)
		}
	}
}
