package main

import (
	"maps"

	"milkrun/sync/config"
	"milkrun/sync/kind"
	"milkrun/sync/mask"
)

// hiding is how a recording masks fields, by their names on the wire: as the job masks its columns, as its interface says what is
// personal, and as the partner's own documents do.
func hiding(job *config.Job) map[string]mask.Rule {
	rules := map[string]mask.Rule{}
	if job.Interface.Interface != nil {
		for _, v := range job.Interface.Versions {
			for _, f := range v.Fields {
				if rule, personal := job.Interface.Personal(f.Name); personal {
					rules[f.Name] = rule
				}
			}
		}
	}
	maps.Copy(rules, job.Mask)
	of := func(column string) (mask.Rule, bool) {
		rule, ok := rules[column]
		return rule, ok
	}
	wire := map[string]mask.Rule{}
	for _, settings := range []any{job.Source.Settings, job.Sink.Settings} {
		if p, ok := settings.(kind.Personal); ok {
			maps.Copy(wire, p.Personal(of))
		}
	}
	maps.Copy(wire, rules)
	return wire
}
