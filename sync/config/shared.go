package config

import (
	"fmt"
	"maps"
	"slices"
)

// sharing are the settings of a connection that has budgets in common with others, as two vendors at one gateway: Shares
// returns what it says of each of them.
type sharing interface{ Shares() map[string]string }

// shared refuses connections that say different things of what they have in common: nobody would know which of them holds.
func (r *reader) shared(c *Config) {
	type said struct{ connection, value string }
	first := map[string]said{}
	for _, name := range slices.Sorted(maps.Keys(c.Connections)) {
		conn := c.Connections[name]
		if conn == nil {
			continue
		}
		s, ok := conn.Settings.(sharing)
		if !ok {
			continue
		}
		shares := s.Shares()
		for _, what := range slices.Sorted(maps.Keys(shares)) {
			other, told := first[what]
			if !told {
				first[what] = said{name, shares[what]}
				continue
			}
			if other.value != shares[what] {
				r.reportConnection(name, fmt.Sprintf("%s is one budget, and the connections %s and %s say different things of it", what, other.connection, name),
					"write the same in both, or leave it out of both")
			}
		}
	}
}
