package metrics

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// descs are the metrics that are looked up at every scrape.
type descs struct {
	all []*prometheus.Desc

	stateRead                               *prometheus.Desc
	halted, paused, letters, doubts         *prometheus.Desc // by job
	checkpoint                              *prometheus.Desc // by job, lane
	connectionHalted                        *prometheus.Desc // by connection
	success, failure, next, budget          *prometheus.Desc // by job
	alertsSent, alertsFailed, alertsGivenUp *prometheus.Desc // by channel
	timely                                  timely
}

func newDescs() *descs {
	d := &descs{}
	d.stateRead = d.add("state_read_success", "Whether the state file could be read for this scrape (1) or not (0).")
	d.halted = d.add("job_halted", "Whether the job is halted until somebody resumes it (1) or not (0).", jobLabel)
	d.paused = d.add("job_paused", "Whether an operator has paused the job (1) or not (0).", jobLabel)
	d.letters = d.add("dead_letters_open", "Records that were refused and wait for somebody.", jobLabel)
	d.doubts = d.add("batches_in_doubt", "Batches of which nobody knows whether the partner took them.", jobLabel)
	d.checkpoint = d.add("checkpoint_timestamp_seconds", "When the checkpoint was moved last, in Unix time.", jobLabel, "lane")
	d.connectionHalted = d.add("connection_halted", "Whether the connection is halted until somebody resumes it (1) or not (0).", connectionLabel)
	d.success = d.add("job_last_success_timestamp_seconds", "When the last run ended that was done or done in part, backfills and re-pushes left out, in Unix time.", jobLabel)
	d.failure = d.add("job_last_failure_timestamp_seconds", "When the last run ended that failed or halted, backfills and re-pushes left out, in Unix time.", jobLabel)
	d.next = d.add("job_next_slot_timestamp_seconds", "When the next run begins by the schedule and its jitter, in Unix time.", jobLabel)
	d.budget = d.add("job_retry_budget_seconds", "How long what fails now is still tried again; absent when nothing fails.", jobLabel)
	d.alertsSent = d.add("alerts_sent_total", "Alert messages that a channel took.", "channel")
	d.alertsFailed = d.add("alert_send_failures_total", "Attempts to send an alert message that failed.", "channel")
	d.alertsGivenUp = d.add("alerts_lost_total", "Alert messages that were given up.", "channel")
	d.timely = newTimely(d)
	return d
}

func (d *descs) add(name, help string, labels ...string) *prometheus.Desc {
	desc := prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
	d.all = append(d.all, desc)
	return desc
}

// collector looks up what stands.
type collector struct {
	*Metrics
	d *descs
}

// Describe names the metrics.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range c.d.all {
		out <- desc
	}
}

// Collect looks everything up. What cannot be known is left out.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := sheet{out, c.d}
	if c.opt.Store != nil {
		now, err := c.stand()
		s.gauge(c.d.stateRead, truth(err == nil))
		if err == nil {
			s.standing(now, c.known())
			s.timeliness(now.timeliness, c.known())
		}
	}
	for _, j := range c.known().jobs {
		s.instant(c.d.success, j.success, j.name)
		s.instant(c.d.failure, j.failure, j.name)
		if c.opt.Live != nil {
			s.live(j.name, c.opt.Live(j.name))
		}
	}
	if c.opt.Alerts != nil {
		s.alerts(c.opt.Alerts())
	}
}

// known is a copy of what is configured. No source is asked under the lock: the daemon may hold one of its own when it
// configures.
type known struct {
	jobs        []job
	connections []string
}

func (m *Metrics) known() (k known) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, j := range m.jobs {
		k.jobs = append(k.jobs, *j)
	}
	k.connections = slices.Collect(maps.Keys(m.connections))
	return k
}

// sheet is what one scrape writes on.
type sheet struct {
	out chan<- prometheus.Metric
	d   *descs
}

func (s sheet) standing(now *standing, k known) {
	for _, j := range k.jobs {
		_, paused := now.paused[j.name]
		s.gauge(s.d.paused, truth(paused), j.name)
		s.gauge(s.d.halted, truth(now.jobs[j.name]), j.name)
		s.gauge(s.d.letters, float64(now.letters[j.name]), j.name)
		s.gauge(s.d.doubts, float64(now.doubts[j.name]), j.name)
		for _, c := range now.checkpoints[j.name] {
			s.instant(s.d.checkpoint, c.UpdatedAt, j.name, string(c.Lane))
		}
	}
	for _, name := range k.connections {
		s.gauge(s.d.connectionHalted, truth(now.connections[name]), name)
	}
}

func (s sheet) live(name string, l Live) {
	s.instant(s.d.next, l.Next, name)
	if !l.RetryUntil.IsZero() {
		s.gauge(s.d.budget, max(0, time.Until(l.RetryUntil).Seconds()), name)
	}
}

func (s sheet) alerts(list []Channel) {
	for _, c := range list {
		s.put(s.d.alertsSent, prometheus.CounterValue, float64(c.Sent), c.Name)
		s.put(s.d.alertsFailed, prometheus.CounterValue, float64(c.Failed), c.Name)
		s.put(s.d.alertsGivenUp, prometheus.CounterValue, float64(c.Lost), c.Name)
	}
}

// instant writes a time, unless it is zero: there was none.
func (s sheet) instant(d *prometheus.Desc, at time.Time, labels ...string) {
	if !at.IsZero() {
		s.gauge(d, float64(at.UnixMilli())/1000, labels...)
	}
}

func (s sheet) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s.put(d, prometheus.GaugeValue, v, labels...)
}

func (s sheet) put(d *prometheus.Desc, t prometheus.ValueType, v float64, labels ...string) {
	metric, err := prometheus.NewConstMetric(d, t, v, labels...)
	if err != nil {
		metric = prometheus.NewInvalidMetric(d, err)
	}
	s.out <- metric
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
