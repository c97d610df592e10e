package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"milkrun/sync/alert"
	"milkrun/sync/alert/channel"
)

// config reads the tree.
func (r *reader) config() *Config {
	c := &Config{Path: r.name, Digest: digest(r.text), Location: time.UTC, Connections: map[string]*Connection{},
		History: 90 * 24 * time.Hour, AuditHistory: KeptAudit, Page: newPage(), Report: newReport(), Alerts: Alerts{Settings: alert.NewSettings()}}
	r.conf = c
	top := block{"", r.root}
	var defaults, connections, page, alerts, reports, partners, jobs *table
	section := func(to **table) func(string, *entry) {
		return func(path string, e *entry) { *to, _ = r.table(path, e, "["+path+"…]") }
	}
	r.fill(top, topFields(c), nil, special{"defaults": section(&defaults), "connections": section(&connections),
		"page": section(&page), "alerts": section(&alerts), "report": section(&reports), "partners": section(&partners), "jobs": section(&jobs)})
	k := newKeys(c.Location)
	if defaults != nil {
		r.readKeys(block{"defaults", defaults}, k, nil)
	}
	r.connections(c, connections)
	r.shared(c)
	r.page(c, page)
	r.listeners(c)
	r.alerts(c, alerts)
	r.partners(c, partners)
	r.reports(c, reports)
	r.catalogue(c)
	r.jobs(c, jobs, k)
	if r.literals && r.fromFile {
		r.checkMode(nowhere(), "", r.name)
	}
	return c
}

// connections reads [connections.*]. A connection that cannot be made is there as a nil, so that jobs on it are not
// blamed.
func (r *reader) connections(c *Config, t *table) {
	if t == nil {
		return
	}
	for _, e := range t.entries {
		path := "connections." + quoteKey(e.name)
		e.visible = true
		sub, ok := r.table(path, e, "[connections.NAME]")
		if ok && r.checkName(path, e) {
			c.Connections[e.name] = r.connection(e, block{path, sub})
		} else {
			c.Connections[e.name] = nil
		}
	}
}

func (r *reader) connection(e *entry, b block) *Connection {
	t := b.table.find("type")
	if t == nil {
		if !r.broken {
			r.report(Error, b.table.at, b.sub("type"), "this key is missing", "known types are "+strings.Join(r.opt.Registry.types(), ", "))
		}
		return nil
	}
	t.visible = true
	typ, _ := t.value.(string)
	settings := r.opt.Registry.connection(typ)
	if settings == nil {
		r.report(Error, t.at, b.sub("type"), fmt.Sprintf("there is no type %q", typ), suggest(typ, r.opt.Registry.types()))
		return nil
	}
	fields := settings.Fields()
	r.secrets = nil
	f := r.fill(b, fields, r.opt.Overrides[typ], special{"type": nil})
	r.finish(f, fields, settings.Validate)
	r.warnings(f, settings)
	conn := &Connection{Name: e.name, Type: typ, Settings: settings, Line: r.line(b.table.at), purpose: b.table.text("purpose")}
	conn.digest = digestOf(b.table, append(r.secrets, fmt.Sprint(r.opt.Overrides[typ]))...)
	return r.same(conn)
}

// same returns the connection of the configuration before, when it is the same one.
func (r *reader) same(conn *Connection) *Connection {
	if r.opt.Before == nil {
		return conn
	}
	if old := r.opt.Before.Connections[conn.Name]; old != nil && old.digest == conn.digest {
		conn.Settings = old.Settings
	}
	return conn
}

// checkName checks the name of a job or connection, which the command line takes as an argument.
func (r *reader) checkName(path string, e *entry) bool {
	if goodName.MatchString(e.name) {
		return true
	}
	r.report(Error, e.key, path, "this is no name", "use a-z, 0-9, - and _, a letter or digit first, 64 characters at most")
	return false
}

var goodName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// knownKeys returns the names of all keys that hold secrets, and the set of all others.
func (r *reader) knownKeys() (secrets []string, others map[string]bool) {
	others = map[string]bool{"type": true, "source": true, "sink": true}
	for _, k := range engineKeys() {
		others[k] = true
	}
	blocks := append((&Page{}).Fields(), alert.NewPartner("").Fields()...)
	for _, typ := range r.opt.Registry.types() {
		blocks = append(blocks, r.opt.Registry.connection(typ).Fields()...)
	}
	for _, typ := range channel.Types() {
		blocks = append(blocks, channel.New(typ).Fields()...)
	}
	for _, f := range leaves(blocks) {
		if f.Type == secretType {
			secrets = append(secrets, f.Name)
		} else {
			others[f.Name] = true
		}
	}
	for _, name := range secrets {
		delete(others, name) // the address of a robot is a secret
	}
	return secrets, others
}
