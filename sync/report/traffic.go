package report

import (
	"context"
	"slices"
	"strings"
	"time"

	"milkrun/state"
	"milkrun/sync/audit"
)

// Traffic is what went over one connection, as the audit has it.
type Traffic struct {
	Connection string        `json:"connection"`
	Calls      int64         `json:"calls"`        // requests
	Failed     int64         `json:"failed_calls"` // that were not answered, or not accepted
	Received   int64         `json:"bytes_received"`
	Sent       int64         `json:"bytes_sent"`
	Median     time.Duration `json:"-"`
	P95        time.Duration `json:"-"`
	MedianMS   int64         `json:"median_ms"`
	P95MS      int64         `json:"p95_ms"`
	Busiest    string        `json:"busiest_day"` // with Most requests
	Most       int64         `json:"most_calls_a_day"`
	Allowed    int64         `json:"allowed_calls_a_day"` // by rate; 0: no rate

	took []time.Duration
}

// countTraffic counts the requests of the month.
func (g *gatherer) countTraffic(ctx context.Context) error {
	by := map[string]*Traffic{}
	err := g.Store.EachExchange(ctx, state.ExchangeFilter{From: g.report.From, To: g.report.To, Connection: g.Connection}, func(row audit.Row) error {
		if _, looked := g.looked[row.RunID]; row.RunID > 0 && !looked {
			_, there := g.runOf(ctx, row.RunID)
			g.looked[row.RunID] = there
			g.orphan = g.orphan || !there
		}
		if row.Kind != audit.Call {
			return nil
		}
		t := by[row.Connection]
		if t == nil {
			t = &Traffic{Connection: row.Connection}
			by[row.Connection] = t
		}
		t.add(row)
		if d := g.day(row.At); d != nil {
			d.Calls[row.Connection]++
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range by {
		g.finish(t)
		g.report.Traffic = append(g.report.Traffic, *t)
	}
	slices.SortFunc(g.report.Traffic, func(a, b Traffic) int { return strings.Compare(a.Connection, b.Connection) })
	return g.auditKept(ctx)
}

func (t *Traffic) add(row audit.Row) {
	t.Calls++
	if row.Code != "" {
		t.Failed++
	}
	if row.Direction == audit.In {
		t.Received += row.Bytes
	} else {
		t.Sent += row.Bytes
	}
	t.took = append(t.took, row.Took)
}

func (g *gatherer) finish(t *Traffic) {
	slices.Sort(t.took)
	t.Median, t.P95 = t.took[len(t.took)/2], t.took[len(t.took)*95/100]
	t.MedianMS, t.P95MS = t.Median.Milliseconds(), t.P95.Milliseconds()
	for _, d := range g.report.Days {
		if n := d.Calls[t.Connection]; n > t.Most {
			t.Most, t.Busiest = n, d.Day
		}
	}
	if c := g.Config.Connections[t.Connection]; c != nil {
		if limited, ok := c.Settings.(interface{ PerDay() int64 }); ok {
			t.Allowed = limited.PerDay()
		}
	}
}

// auditKept finds out whether exchanges of the month are removed.
func (g *gatherer) auditKept(ctx context.Context) error {
	anchor, err := g.Store.ExchangeAnchor(ctx)
	if err != nil || anchor.Through == 0 {
		return err
	}
	oldest, err := g.Store.OldestExchange(ctx)
	g.audit = oldest.After(g.report.From)
	return err
}
