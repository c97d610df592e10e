package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// The names of labels; see the package comment on job_name.
const (
	jobLabel        = "job_name"
	connectionLabel = "connection"
	codeLabel       = "code"
)

// series are the metrics that events move.
type series struct {
	slots    *prometheus.CounterVec // by job, decision
	lateness *prometheus.GaugeVec   // by job, as all below
	started  *prometheus.CounterVec // and trigger
	ended    *prometheus.CounterVec // and state
	running  *prometheus.GaugeVec
	duration *prometheus.HistogramVec

	pages, bytes, read, delivered, rejected, skipped *prometheus.CounterVec

	retries  *prometheus.CounterVec   // and code
	halts    *prometheus.CounterVec   // by scope
	requests *prometheus.HistogramVec // by connection, code
	inFlight *prometheus.GaugeVec     // by connection

	reloadOK, reloadedAt prometheus.Gauge
}

func newSeries(reg prometheus.Registerer) series {
	m := maker{promauto.With(reg)}
	return series{
		slots:    m.counter("slots_total", "Slots about which something was decided, by the decision.", jobLabel, "decision"),
		lateness: m.gauge("slot_lateness_seconds", "How much later than its schedule and jitter say the last run for a slot began.", jobLabel),
		started:  m.counter("runs_started_total", "Runs that began, by what made them begin.", jobLabel, "trigger"),
		ended:    m.counter("runs_ended_total", "Runs that ended, by the state they ended in.", jobLabel, "state"),
		running:  m.gauge("job_running", "Whether a run of the job is under way (1) or not (0).", jobLabel),
		duration: m.histogram("run_duration_seconds", "How long runs took.",
			[]float64{1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 28800}, jobLabel),
		pages:     m.counter("pages_read_total", "Pages read from sources.", jobLabel),
		bytes:     m.counter("read_bytes_total", "Bytes read from sources, as they came over the wire.", jobLabel),
		read:      m.counter("rows_read_total", "Records read from sources, again those of an enumeration that starts over.", jobLabel),
		delivered: m.counter("rows_delivered_total", "Records that sinks accepted; those of an enumeration when they become current.", jobLabel),
		rejected:  m.counter("rows_rejected_total", "Records that were refused and became dead letters.", jobLabel),
		skipped:   m.counter("rows_skipped_total", "Records that an earlier run had delivered already.", jobLabel),
		retries:   m.counter("retries_total", "Calls that failed and were tried again, by the partner's code.", jobLabel, codeLabel),
		halts:     m.counter("halts_total", "Halts of a job or a connection, until somebody resumed it.", "scope"),
		requests: m.histogram("request_duration_seconds", "How long requests to partners took, by the HTTP status or the partner's code.",
			[]float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}, connectionLabel, codeLabel),
		inFlight:   m.gauge("requests_in_flight", "Requests to partners that wait for their answer.", connectionLabel),
		reloadOK:   m.plain("config_last_reload_successful", "Whether the configuration was good when it was read last (1) or not (0)."),
		reloadedAt: m.plain("config_last_reload_success_timestamp_seconds", "When a good configuration was taken up last, in Unix time."),
	}
}

// forgettable is a metric with labels.
type forgettable interface {
	DeletePartialMatch(prometheus.Labels) int
}

func (s *series) forgetJob(name string) {
	forget(jobLabel, name, s.slots, s.lateness, s.started, s.ended, s.running, s.duration,
		s.pages, s.bytes, s.read, s.delivered, s.rejected, s.skipped, s.retries)
}

func (s *series) forgetConnection(name string) { forget(connectionLabel, name, s.requests, s.inFlight) }

func forget(label, value string, list ...forgettable) {
	for _, f := range list {
		f.DeletePartialMatch(prometheus.Labels{label: value})
	}
}

// maker makes and registers metrics.
type maker struct{ factory promauto.Factory }

func (m maker) counter(name, help string, labels ...string) *prometheus.CounterVec {
	return m.factory.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func (m maker) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return m.factory.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func (m maker) plain(name, help string) prometheus.Gauge {
	return m.factory.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
}

func (m maker) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return m.factory.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}
