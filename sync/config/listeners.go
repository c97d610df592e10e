package config

import (
	"fmt"
	"maps"
	"slices"

	"milkrun/sync/kind"
)

// listeners refuses two connections that partners call at one address and path: only one of them would be heard. The status
// page has an address of its own.
func (r *reader) listeners(c *Config) {
	taken := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Connections)) {
		conn := c.Connections[name]
		if conn == nil {
			continue
		}
		partner, ok := conn.Settings.(kind.Receiver)
		if !ok {
			continue
		}
		address, path := partner.Listens()
		if address == "" {
			continue
		}
		if address == c.Page.Listen {
			r.reportConnection(name, fmt.Sprintf("the connection %s receives on %s, where the status page listens", name, address), "give one of them another port")
		}
		if other, twice := taken[address+path]; twice {
			r.reportConnection(name, fmt.Sprintf("the connections %s and %s both receive on %s%s", other, name, address, path), "give each a path of its own")
		}
		taken[address+path] = name
	}
}

// reportConnection reports something wrong with a connection as a whole.
func (r *reader) reportConnection(name, text, remedy string) {
	r.report(Error, r.root.find("connections").value.(*table).find(name).at, "connections."+quoteKey(name), text, remedy)
}
