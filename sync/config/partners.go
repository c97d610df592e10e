package config

import (
	"fmt"
	"maps"
	"slices"

	"milkrun/sync/alert"
)

// PartnerRoutes returns the channels that reach partners' contacts, as package alert takes them.
func (a Alerts) PartnerRoutes() (routes []alert.Route) {
	for _, c := range a.Channels {
		for _, p := range a.Partners {
			on := []alert.Kind{alert.Fault, alert.Recovered}
			if slices.Contains(p.Escalate, c.Name) {
				on = []alert.Kind{alert.Escalated, alert.Recovered}
			}
			if slices.Contains(p.Channels, c.Name) || slices.Contains(p.Escalate, c.Name) {
				routes = append(routes, alert.Route{Name: c.Name, On: on, Channel: c.Settings, Partner: p.Name})
			}
		}
	}
	return routes
}

// Partner returns the partner of a name, nil when there is none.
func (a Alerts) Partner(name string) *alert.Partner {
	for _, p := range a.Partners {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// PartnerOf returns whose exchange a job is and what the partner calls it: the end of the job that is on a connection of
// theirs. The name is "" for a job of nobody's; its interface is that of its target then.
func (c *Config) PartnerOf(job *Job) (name, iface string) {
	for _, p := range c.Alerts.Partners {
		if job.Sink.Connection != nil && slices.Contains(p.Connections, job.Sink.Connection.Name) {
			return p.Name, interfaceOr(job.Sink.Interface, job)
		}
		if job.Source.Connection != nil && slices.Contains(p.Connections, job.Source.Connection.Name) {
			return p.Name, interfaceOr(job.Source.Interface, job)
		}
	}
	return "", interfaceOr(job.Sink.Interface, job)
}

func interfaceOr(name string, job *Job) string {
	if name == "" {
		return job.Name
	}
	return name
}

// partners reads [partners.*], behind the connections and channels that they name.
func (r *reader) partners(c *Config, t *table) {
	if t == nil {
		return
	}
	for _, e := range t.entries {
		path := "partners." + quoteKey(e.name)
		e.visible = true
		sub, ok := r.table(path, e, "[partners.NAME]")
		if !ok || !r.checkName(path, e) {
			continue
		}
		p, b := alert.NewPartner(e.name), block{path, sub}
		fields := p.Fields()
		r.finish(r.fill(b, fields, nil, nil), fields, p.Validate)
		r.ofPartner(c, p, b)
		c.Alerts.Partners = append(c.Alerts.Partners, p)
	}
	c.Alerts.digest += digestOf(t)
}

// ofPartner checks that what a partner names is there, and no other partner's: nobody is told of another one's exchange.
func (r *reader) ofPartner(c *Config, p *alert.Partner, b block) {
	connections := slices.Sorted(maps.Keys(c.Connections))
	var channels []string
	for _, ch := range c.Alerts.Channels {
		channels = append(channels, ch.Name)
	}
	taken := map[string]string{}
	for _, other := range c.Alerts.Partners {
		for _, name := range other.Connections {
			taken["connection "+name] = other.Name
		}
		for _, name := range slices.Concat(other.Channels, other.Escalate) {
			taken["channel "+name] = other.Name
		}
	}
	for _, named := range []struct {
		key, thing string
		names      []string
		known      []string
	}{
		{"connections", "connection", p.Connections, connections},
		{"channels", "channel", p.Channels, channels},
		{"escalate", "channel", p.Escalate, channels},
	} {
		e := b.table.find(named.key)
		if e == nil || r.broken {
			continue
		}
		for _, name := range named.names {
			if !slices.Contains(named.known, name) {
				r.report(Error, e.at, b.sub(named.key), fmt.Sprintf("there is no %s %q", named.thing, name), suggest(name, named.known))
			}
			if other := taken[named.thing+" "+name]; other != "" {
				r.report(Error, e.at, b.sub(named.key), fmt.Sprintf("the %s %q is partner %s's already", named.thing, name, other), "give each partner its own")
			}
		}
	}
}
