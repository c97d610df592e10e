package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"milkrun/state"
)

// timely are the metrics of interfaces, which the state file keeps: they go on where they were after a restart.
type timely struct {
	records, rejected, late, lag *prometheus.Desc // by interface, job
}

func newTimely(d *descs) (t timely) {
	const interfaceLabel = "interface"
	t.records = d.add("interface_records_total", "Records of an interface of the catalogue that were delivered.", interfaceLabel, jobLabel)
	t.rejected = d.add("interface_rejected_total", "Records of an interface that were refused, by whomever.", interfaceLabel, jobLabel)
	t.late = d.add("interface_late_total", "Records of an interface that came later than it promises.", interfaceLabel, jobLabel)
	t.lag = d.add("interface_lag_seconds", "How much later than their own time the records of an interface were delivered.", interfaceLabel, jobLabel)
	return t
}

// timeliness writes the figures of all days of the jobs that are configured. They come by interface, version, job and day.
func (s sheet) timeliness(days []state.Timeliness, k known) {
	type of struct{ name, job string }
	sums, order := map[of]*state.Timeliness{}, []of{}
	for _, day := range days {
		if !slices.ContainsFunc(k.jobs, func(j job) bool { return j.name == day.Job }) {
			continue
		}
		key := of{day.Interface, day.Job}
		if sums[key] == nil {
			sums[key] = &state.Timeliness{}
			order = append(order, key)
		}
		sums[key].Add(day)
	}
	for _, key := range order {
		sum := sums[key]
		s.put(s.d.timely.records, prometheus.CounterValue, float64(sum.Records), key.name, key.job)
		s.put(s.d.timely.rejected, prometheus.CounterValue, float64(sum.Rejected), key.name, key.job)
		s.put(s.d.timely.late, prometheus.CounterValue, float64(sum.Late), key.name, key.job)
		s.lags(sum.Lag, key.name, key.job)
	}
}

func (s sheet) lags(l state.Lags, labels ...string) {
	buckets, below := map[float64]uint64{}, uint64(0)
	for i, bound := range state.LagBounds() {
		below += uint64(max(l.Buckets[i], 0))
		buckets[bound.Seconds()] = below
	}
	metric, err := prometheus.NewConstHistogram(s.d.timely.lag, uint64(max(l.Count, 0)), float64(l.Sum)/1000, buckets, labels...)
	if err != nil {
		metric = prometheus.NewInvalidMetric(s.d.timely.lag, err)
	}
	s.out <- metric
}
