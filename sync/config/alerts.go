package config

import (
	"fmt"
	"strings"

	"milkrun/sync/alert"
	"milkrun/sync/alert/channel"
)

// Alerts is [alerts]. Without channels nobody is told anything.
type Alerts struct {
	alert.Settings
	Channels []AlertChannel   // in the order of the file
	Partners []*alert.Partner // [partners.*], likewise
	digest   string
}

// Same says that nothing of it is another than in b, secrets included.
func (a Alerts) Same(b Alerts) bool { return a.digest == b.digest }

// AlertChannel is one [alerts.channels.NAME].
type AlertChannel struct {
	Name, Type string
	Settings   channel.Channel
}

// Routes returns the channels as package alert takes them, without those that reach partners' contacts.
func (a Alerts) Routes() []alert.Route {
	routes := make([]alert.Route, 0, len(a.Channels))
	theirs := map[string]bool{}
	for _, r := range a.PartnerRoutes() {
		theirs[r.Name] = true
	}
	for _, c := range a.Channels {
		if !theirs[c.Name] {
			routes = append(routes, alert.Route{Name: c.Name, On: c.Settings.Kinds(), Channel: c.Settings})
		}
	}
	return routes
}

// alerts reads [alerts].
func (r *reader) alerts(c *Config, t *table) {
	if t == nil {
		return
	}
	r.secrets = nil
	defer func() { c.Alerts.digest = digestOf(t, r.secrets...) }()
	b := block{"alerts", t}
	var channels *table
	fields := c.Alerts.Fields()
	f := r.fill(b, fields, nil, special{"channels": func(path string, e *entry) { channels, _ = r.table(path, e, "[alerts.channels.NAME]") }})
	r.finish(f, fields, c.Alerts.Validate)
	if channels == nil {
		return
	}
	for _, e := range channels.entries {
		path := "alerts.channels." + quoteKey(e.name)
		e.visible = true
		if sub, ok := r.table(path, e, "[alerts.channels.NAME]"); ok && r.checkName(path, e) {
			r.alertChannel(c, e.name, block{path, sub})
		}
	}
}

func (r *reader) alertChannel(c *Config, name string, b block) {
	t := b.table.find("type")
	if t == nil {
		if !r.broken {
			r.report(Error, b.table.at, b.sub("type"), "this key is missing", "known types are "+strings.Join(channel.Types(), ", "))
		}
		return
	}
	t.visible = true
	typ, _ := t.value.(string)
	settings := channel.New(typ)
	if settings == nil {
		r.report(Error, t.at, b.sub("type"), fmt.Sprintf("there is no type %q", typ), suggest(typ, channel.Types()))
		return
	}
	fields := settings.Fields()
	r.finish(r.fill(b, fields, nil, special{"type": nil}), fields, settings.Validate)
	c.Alerts.Channels = append(c.Alerts.Channels, AlertChannel{name, typ, settings})
}
