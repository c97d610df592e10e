package main

import (
	"context"
	"io"
	"maps"
	"slices"
	stdsync "sync"
	"time"

	"milkrun/sync"
	"milkrun/sync/config"
	"milkrun/sync/kind"
	"milkrun/sync/sqldb"
)

// patience is how long a connection, source or sink is looked at.
const patience = 15 * time.Second

// examineConnections looks at all connections and at what the jobs do on them, all at once.
func (d *doctor) examineConnections(ctx context.Context) {
	var looks []*deepLook
	for _, name := range slices.Sorted(maps.Keys(d.conf.Connections)) {
		c := d.conf.Connections[name]
		if p, can := c.Settings.(kind.Prober); can {
			looks = append(looks, d.lookAt(c, "connection "+name, func(ctx context.Context) []kind.Finding { return p.Probe(ctx, kind.Env{Connection: name}) }))
		}
	}
	for _, job := range d.conf.Jobs {
		env := kind.Env{Job: job.Name, Location: job.Location}
		looks = append(looks, d.lookAt(job.Source.Connection, onJob(job.Name), func(ctx context.Context) []kind.Finding { return d.probeSource(ctx, job, env) }))
		if p, can := job.Sink.Settings.(kind.Prober); can {
			env.Connection = job.Sink.Connection.Name
			looks = append(looks, d.lookAt(job.Sink.Connection, onJob(job.Name), func(ctx context.Context) []kind.Finding { return p.Probe(ctx, env) }))
		}
	}
	var all stdsync.WaitGroup
	for _, l := range looks {
		all.Go(func() { l.take(ctx) })
	}
	all.Wait()
	for _, l := range looks {
		for _, f := range l.found {
			d.add(l.on, f)
		}
	}
}

// deepLook is one look at something that may hang.
type deepLook struct {
	on    string
	probe func(context.Context) []kind.Finding
	found []kind.Finding
}

// lookAt makes a look on a connection. A database cannot be looked at without its secrets.
func (d *doctor) lookAt(c *config.Connection, on string, probe func(context.Context) []kind.Finding) *deepLook {
	if _, isSQL := c.Settings.(*sqldb.Connection); isSQL && !d.resolved {
		probe = func(context.Context) []kind.Finding {
			return []kind.Finding{kind.Found(kind.Warning, "login", "not looked at: a secret cannot be read here").WithRemedy("put the secrets where the file says")}
		}
	}
	return &deepLook{on: on, probe: probe}
}

// take looks, and gives up on what hangs even when it was told to end.
func (l *deepLook) take(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found := make(chan []kind.Finding, 1)
	go func() { found <- l.probe(ctx) }()
	late := time.NewTimer(patience + time.Second)
	defer late.Stop()
	select {
	case l.found = <-found:
	case <-late.C:
		l.found = []kind.Finding{kind.Found(kind.Bad, "time", "no answer within %v", patience).WithRemedy("look at the server and the way to it")}
	}
}

// probeSource opens a source as a run does, which looks at its table or query and reads no record; but for one that first has
// to ask a partner what to ask for, all of it, and one with a paused connection.
func (d *doctor) probeSource(ctx context.Context, job *config.Job, env kind.Env) []kind.Finding {
	s := job.Source
	if d.storeErr == nil {
		if err := sync.Paused(ctx, d.store, job); err != nil {
			return []kind.Finding{kind.Found(kind.Good, "source", "its source is not opened: %v", err)}
		}
	}
	if i := slices.IndexFunc(s.Inner, isHTTP); i >= 0 {
		return []kind.Finding{kind.Found(kind.Good, "source", "its source is not opened: what it asks for comes from the partner of connection %s", s.Inner[i].Name)}
	}
	env.Connection = s.Connection.Name
	source, err := s.Settings.Open(ctx, env)
	if err != nil {
		return []kind.Finding{kind.Failed("source", err)}
	}
	if c, can := source.(io.Closer); can {
		if err := c.Close(); err != nil {
			return []kind.Finding{kind.Failed("source", err)}
		}
	}
	return []kind.Finding{kind.Found(kind.Good, "source", "its source can be opened")}
}
