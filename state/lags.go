package state

import (
	"encoding/json"
	"fmt"
	"time"
)

// lagBounds are the upper bounds of all buckets of [Lags] but the last, which has none.
var lagBounds = [...]time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour,
	6 * time.Hour, 24 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour,
}

// Lags is how much later than their own time records were delivered: exact sums, and a small fixed histogram. Its size
// does not depend on how many they are. The zero Lags is that of no record.
type Lags struct {
	Count   int64 // records
	Sum     int64 // milliseconds: of many late records more than a Duration can hold
	Max     time.Duration
	Buckets [len(lagBounds) + 1]int64 // records by lag: up to 1s, 5s, 15s, 1m, 5m, 15m, 1h, 6h, 24h, 3d, 7d, and more
}

// LagBounds returns the upper bounds of the buckets but the last, which has none.
func LagBounds() []time.Duration { return append([]time.Duration(nil), lagBounds[:]...) }

// Add counts a record. One delivered before its own time has no lag: a clock is wrong.
func (l *Lags) Add(lag time.Duration) {
	lag = max(lag, 0).Truncate(time.Millisecond)
	at := 0
	for at < len(lagBounds) && lag > lagBounds[at] {
		at++
	}
	l.Buckets[at]++
	l.Count++
	l.Sum += lag.Milliseconds()
	l.Max = max(l.Max, lag)
}

// Merge counts what another has counted.
func (l *Lags) Merge(o Lags) {
	l.Count += o.Count
	l.Sum += o.Sum
	l.Max = max(l.Max, o.Max)
	for i, n := range o.Buckets {
		l.Buckets[i] += n
	}
}

// Average is the mean lag, 0 of no record.
func (l *Lags) Average() time.Duration {
	if l.Count == 0 {
		return 0
	}
	return time.Duration(l.Sum/l.Count) * time.Millisecond
}

// Quantile is the lag that a share of the records (0 … 1) does not exceed. It is estimated within its bucket, as if lags
// were spread evenly there; never above Max. 0 of no record.
func (l *Lags) Quantile(share float64) time.Duration {
	rank, below := share*float64(l.Count), int64(0)
	for i, n := range l.Buckets {
		if n == 0 || float64(below+n) < rank {
			below += n
			continue
		}
		low, high := time.Duration(0), l.Max
		if i > 0 {
			low = lagBounds[i-1]
		}
		if i < len(lagBounds) {
			high = min(high, lagBounds[i])
		}
		part := (rank - float64(below)) / float64(n)
		return (low + time.Duration(max(part, 0)*float64(high-low))).Truncate(time.Millisecond)
	}
	return l.Max
}

// encode is the histogram as it is stored: without the empty buckets at its end.
func (l *Lags) encode() string {
	last := len(l.Buckets)
	for last > 0 && l.Buckets[last-1] == 0 {
		last--
	}
	text, err := json.Marshal(l.Buckets[:last])
	if err != nil {
		return "[]" // numbers always marshal
	}
	return string(text)
}

func (l *Lags) decode(text string) error {
	var counts []int64
	if err := json.Unmarshal([]byte(text), &counts); err != nil || len(counts) > len(l.Buckets) {
		return fmt.Errorf("stored lags %q: not a list of at most %d numbers", text, len(l.Buckets))
	}
	copy(l.Buckets[:], counts)
	return nil
}
