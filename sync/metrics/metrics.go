package metrics

import (
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/singleflight"

	"milkrun/sync/config"
)

const namespace = "milkrun"

// maxScrapes is how many scrapes may be under way at once; more are answered with 503.
const maxScrapes = 8

// Options are what the metrics are taken from, besides what the engine tells of. A nil source is left out.
type Options struct {
	Version, Commit string // of the build
	Store           Store
	// Live tells what only the daemon knows about a job, and Alerts how the channels do. They are asked at every
	// scrape, by several goroutines, and return at once.
	Live   func(job string) Live
	Alerts func() []Channel
}

// Live is what only the daemon knows about a job.
type Live struct {
	// Next is when the next run begins by the schedule, jitter included; zero: none does.
	Next time.Time
	// RetryUntil is when what fails now is no longer tried again; zero: nothing fails, or nobody knows.
	RetryUntil time.Time
}

// Channel is how an alert channel does, counted since the daemon began or the channels were configured anew.
type Channel struct {
	Name               string
	Sent, Failed, Lost int64 // messages taken, attempts that failed, messages given up
}

// Metrics counts what milkrun does. It is an Observer of the engine, and safe for concurrent use. Until
// [Metrics.Configure] is called it knows no job and no connection, and counts nothing.
type Metrics struct {
	opt      Options
	registry *prometheus.Registry
	series   series
	reading  singleflight.Group // of the state file

	mu          sync.Mutex // also held while a series is moved, so that none comes back after it was forgotten
	jobs        map[string]*job
	connections map[string]*connection
}

// New returns metrics with a registry of their own, which has those of the process and of the Go runtime too.
func New(o Options) *Metrics {
	reg := prometheus.NewRegistry()
	m := &Metrics{opt: o, registry: reg, series: newSeries(reg), jobs: map[string]*job{}, connections: map[string]*connection{}}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info", Help: "Always 1; the labels say which build this is.",
		ConstLabels: prometheus.Labels{"version": o.Version, "commit": o.Commit, "goversion": runtime.Version()}})
	build.Set(1)
	m.series.beginAll()
	reg.MustRegister(build, &collector{m, newDescs()}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler answers a scrape, as text or OpenMetrics. What cannot be collected is left out.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, EnableOpenMetrics: true,
		MaxRequestsInFlight: maxScrapes})
}

// Configure takes up a good configuration, at the start and at every reload: its jobs and connections begin at zero, so
// that the first failure is an increase, and what is not in it any more disappears.
func (m *Metrics) Configure(conf *config.Config) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.series.reloadOK.Set(1)
	m.series.reloadedAt.SetToCurrentTime()
	m.takeJobs(conf)
	m.takeConnections(conf)
}

func (m *Metrics) takeJobs(conf *config.Config) {
	for name := range m.jobs {
		if conf.Job(name) == nil {
			delete(m.jobs, name)
			m.series.forgetJob(name)
		}
	}
	for _, j := range conf.Jobs {
		if m.jobs[j.Name] == nil {
			m.jobs[j.Name] = &job{name: j.Name, codes: codes{}}
			m.series.begin(j.Name)
		}
		m.jobs[j.Name].jitter = j.Jitter
	}
}

func (m *Metrics) takeConnections(conf *config.Config) {
	for name := range m.connections {
		if conf.Connections[name] == nil {
			delete(m.connections, name)
			m.series.forgetConnection(name)
		}
	}
	for name := range conf.Connections {
		if m.connections[name] == nil {
			m.connections[name] = &connection{codes: codes{}}
		}
	}
}

// ReloadFailed notes that a configuration was refused and the one before goes on.
func (m *Metrics) ReloadFailed() { m.series.reloadOK.Set(0) }

// connection is what is known of a connection that is configured.
type connection struct{ codes codes }

// about does something to a job that is configured.
func (m *Metrics) about(name string, do func(*job)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if j := m.jobs[name]; j != nil {
		do(j)
	}
}

// on does something to a connection that is configured.
func (m *Metrics) on(name string, do func(*connection)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.connections[name]; c != nil {
		do(c)
	}
}
