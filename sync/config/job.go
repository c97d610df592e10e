package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"milkrun/sync/kind"
	"milkrun/sync/schedule"
	"milkrun/sync/setting"
)

// jobs reads [jobs.*] and looks at them together.
func (r *reader) jobs(c *Config, t *table, defaults *keys) {
	if t == nil {
		t = &table{}
	}
	var writers []writer
	for _, e := range t.entries {
		path := "jobs." + quoteKey(e.name)
		e.visible = true
		sub, ok := r.table(path, e, "[jobs.NAME]")
		if ok && r.checkName(path, e) {
			j, w := r.job(c, e, block{path, sub}, defaults.copy())
			c.Jobs = append(c.Jobs, j)
			writers = append(writers, w)
			continue
		}
		r.dangling = true
	}
	slices.SortFunc(c.Jobs, func(a, b *Job) int { return cmp.Compare(a.Name, b.Name) })
	if r.broken {
		return
	}
	if len(t.entries) == 0 && !r.problems.HasErrors() {
		r.report(Error, nowhere(), "jobs", "there is no job in this file", "add [jobs.NAME] with a source and a sink")
	}
	if len(t.entries) > 0 && !r.dangling {
		r.unused(c)
	}
	r.collisions(writers)
}

// unused warns about connections without a job.
func (r *reader) unused(c *Config) {
	for name, conn := range c.Connections {
		if conn != nil && !r.used[name] {
			e := r.root.find("connections").value.(*table).find(name)
			r.report(Warning, e.at, "connections."+quoteKey(name), "no job uses this connection", "remove it, or name it in a source or sink")
		}
	}
}

// job reads one job, and where it writes to.
func (r *reader) job(c *Config, e *entry, b block, k *keys) (*Job, writer) {
	j := &Job{Name: e.name, Line: r.line(b.table.at)}
	r.readKeys(b, k, special{"source": nil, "sink": nil})
	k.into(j)
	r.schedule(j, k)
	source, sink := r.endpoint(c, b, "source"), r.endpoint(c, b, "sink")
	if source.connection != nil {
		r.inner = nil
		settings := r.source(source)
		j.Source = Source{source.connection, r.inner, source.calls(fieldsOf(settings)), settings, digestOf(source.table, digestsOf(r.inner)...)}
	}
	if sink.connection != nil {
		settings := r.sink(sink)
		j.Sink = Sink{sink.connection, sink.calls(fieldsOf(settings)), settings, digestOf(sink.table)}
	}
	r.interfaceOf(c, j, k)
	j.Purpose = k.purposeOf(j)
	if j.Sink.Settings != nil {
		j.BatchSize = r.size(j.Name, "batch_size", k, k.batchSize, j.Sink.Settings.Limits())
	}
	if j.Source.Settings != nil {
		j.PageSize = r.size(j.Name, "page_size", k, k.pageSize, j.Source.Settings.Limits())
		if k.pageSize == 0 && j.BatchSize > 0 {
			// A checkpoint stands at the end of a page: with pages of a batch each, a crash repeats no more than is in flight.
			j.PageSize = min(j.PageSize, j.BatchSize)
		}
	}
	if j.Source.Connection != nil && j.Sink.Connection != nil && j.Schedule != nil {
		j.digest = j.fingerprint()
	}
	r.unheard(j, source)
	r.unmasked(j, source, k)
	r.retention(j, k)
	return j, newWriter(j, sink)
}

func (k *keys) into(j *Job) {
	j.Enabled, j.Location, j.Jitter, j.Timeout = k.enabled, k.location, k.jitter, k.timeout
	j.CatchUp, j.Grace, j.Overlap = k.catchUp, k.grace, k.overlap
	j.Concurrency, j.Prefetch, j.Retry, j.Mask = k.concurrency, k.prefetch, k.retry, k.mask
	j.OnBadRecord, j.MaxBad, j.Reconcile, j.ShrinkLimit = k.onBad, int64(k.maxBad), k.reconcile, k.shrink
	j.Watch, j.Retention = k.watch, k.retention
}

// schedule parses the schedule in the job's time zone, and compares the jitter with it.
func (r *reader) schedule(j *Job, k *keys) {
	var err error
	o := k.origin["schedule"]
	if j.Schedule, err = schedule.Parse(k.schedule, j.Location); err != nil {
		text, remedy := strings.TrimPrefix(err.Error(), "schedule "), ""
		if !saysWhat(text) {
			remedy = `for example "30 1 * * *"`
		}
		r.report(Error, o.at, o.path, text, remedy)
		return
	}
	r.watch(j, k)
	if gap := shortest(j.Schedule); gap > 0 && j.Jitter >= gap {
		o := k.origin["jitter"]
		r.report(Error, o.at, o.path, fmt.Sprintf("a jitter of %s reaches the next slot of job %s, %s later",
			setting.FormatDuration(j.Jitter), j.Name, setting.FormatDuration(gap)), "write less than "+setting.FormatDuration(gap))
	}
}

// watch checks when the job is to be done, where it is said for this job itself.
func (r *reader) watch(j *Job, k *keys) {
	for _, p := range j.Watch.Validate(j.Schedule) {
		if o := k.origin[p.Key]; strings.HasPrefix(o.path, "jobs.") {
			r.report(Error, o.at, o.path, p.Text, p.Remedy)
		}
	}
}

// shortest is the least time between two of the next slots, 0 without slots. The day it begins with does not matter; it
// is fixed so that a file is good or bad for ever.
func shortest(s *schedule.Schedule) time.Duration {
	at := s.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	var least time.Duration
	for range 20 {
		next := s.Next(at)
		if next.IsZero() {
			break
		}
		if gap := next.Sub(at); least == 0 || gap < least {
			least = gap
		}
		at = next
	}
	return least
}

// end is the source or sink table of a job, and the connection it names.
type end struct {
	block
	connection *Connection
}

func (r *reader) endpoint(c *Config, b block, which string) end {
	e, path := b.table.find(which), b.sub(which)
	if e == nil {
		r.dangling = true
		if !r.broken {
			r.report(Error, b.table.at, path, "this key is missing", "add "+which+" = { connection = \"NAME\", … }")
		}
		return end{}
	}
	t, ok := r.table(path, e, which+` = { connection = "NAME", … }`)
	if !ok {
		r.dangling = true
		return end{}
	}
	return end{block{path, t}, r.connectionOf(c, block{path, t})}
}

func (r *reader) connectionOf(c *Config, b block) *Connection {
	e, path := b.table.find("connection"), b.sub("connection")
	if e == nil {
		r.dangling = true
		if !r.broken {
			r.report(Error, b.table.at, path, "this key is missing", suggest("", slices.Sorted(maps.Keys(c.Connections))))
		}
		return nil
	}
	e.visible = true
	name, _ := e.value.(string)
	r.used[name] = true
	conn, known := c.Connections[name]
	if !known && !r.broken {
		r.dangling = true
		r.report(Error, e.at, path, fmt.Sprintf("there is no connection %q", name), suggest(name, slices.Sorted(maps.Keys(c.Connections))))
	}
	return conn
}

func (r *reader) source(e end) kind.Source {
	typ, ok := r.opt.Registry.Sources[e.connection.Type]
	if !ok {
		r.wrongWay(e, "source", slices.Sorted(maps.Keys(r.opt.Registry.Sources)))
		return nil
	}
	s := typ.Source(e.connection.Settings)
	r.end(e, s)
	return s
}

func (r *reader) sink(e end) kind.Sink {
	typ, ok := r.opt.Registry.Sinks[e.connection.Type]
	if !ok {
		r.wrongWay(e, "sink", slices.Sorted(maps.Keys(r.opt.Registry.Sinks)))
		return nil
	}
	s := typ.Sink(e.connection.Settings)
	r.end(e, s)
	return s
}

func (r *reader) wrongWay(e end, way string, able []string) {
	r.dangling = true
	r.report(Error, e.table.find("connection").at, e.sub("connection"),
		fmt.Sprintf("a connection of type %q is no %s", e.connection.Type, way), "types that are: "+strings.Join(able, ", "))
}

func (r *reader) end(e end, s kind.Block) {
	fields := s.Fields()
	f := r.fill(e.block, fields, nil, special{"connection": nil})
	r.finish(f, fields, s.Validate)
}

// size returns the rows of a page or batch, checked against the partner's limit.
func (r *reader) size(job, key string, k *keys, n int, l kind.Limits) int {
	if n == 0 {
		return cmp.Or(l.Default, l.Max, 1000)
	}
	if l.Max == 0 || n <= l.Max {
		return n
	}
	o := k.origin[key]
	text := fmt.Sprintf("%d is outside 1 … %d", n, l.Max)
	if strings.HasPrefix(o.path, "defaults.") {
		text += " of job " + job
	}
	if l.Rule != "" {
		text += ": " + l.Rule
	}
	r.report(Error, o.at, o.path, text, fmt.Sprintf("write at most %d", l.Max))
	return n
}
