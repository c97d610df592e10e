package transport

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// counting is a layer that counts what goes through.
type counting struct {
	http.RoundTripper
	seen int
}

func (c *counting) Over(network http.RoundTripper) http.RoundTripper {
	c.RoundTripper = network
	return c
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.seen++
	return c.RoundTripper.RoundTrip(r)
}

// TestLayerStandsOnTheConnectionsNetwork: what is recorded goes over the certificates of the connection.
func TestLayerStandsOnTheConnectionsNetwork(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("fine")) }))
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	layer := &counting{}
	s := settings(t, map[string]any{"url": server.URL, "ca_file": ca})
	defer s.Close()
	for range 2 {
		if r, err := s.Client(layer).Do(t.Context(), get(server.URL)); err != nil || string(r.Body) != "fine" {
			t.Fatalf("%s, %v", r.Body, err)
		}
	}
	if layer.seen != 2 {
		t.Errorf("%d requests went through the layer", layer.seen)
	}
}
