package catalogue

import (
	"testing"
	"time"

	"milkrun/sync/feed"
)

// sample is an order interface of ten fields, and a page of good records.
func sample(t testing.TB, rows int) (*Checker, feed.Batch) {
	i := interfaceOf(
		field(t, "order_no", keys{"required": true, "pattern": "SO[0-9]{8,20}"}),
		field(t, "user_name", keys{"required": true, "personal": "name", "max_length": int64(64)}),
		field(t, "user_phone", keys{"required": true, "personal": "phone", "pattern": "1[0-9]{10}"}),
		field(t, "address", keys{"personal": "address", "max_length": int64(200)}),
		field(t, "product", keys{"required": true, "max_length": int64(100)}),
		field(t, "spec", keys{"max_length": int64(100)}),
		field(t, "quantity", keys{"type": "integer", "required": true, "min": "1", "max": "100000"}),
		field(t, "price", keys{"type": "decimal", "required": true, "min": "0.01"}),
		field(t, "status", keys{"required": true, "enum": []any{"已支付", "已发货", "已完成"}}),
		field(t, "updated_at", keys{"type": "time", "required": true}),
	)
	c := Use{Interface: i, Outgoing: true}.Checker(noon, masks(t, map[string]string{"user_name": "name", "user_phone": "phone", "address": "address"}), time.UTC)
	names := make([]string, 10)
	for n, f := range i.Versions[0].Fields {
		names[n] = f.Name
	}
	b := feed.Batch{Columns: feed.TextColumns(names...)}
	for range rows {
		b.Values = append(b.Values, "SO2026112200001", "王小明", "13912345678", "北京市海淀区中关村大街1号", "茶叶", "500g", int64(3), "129.90", "已支付", "2026-11-22 12:00:00")
	}
	return c, b
}

func TestGoodRecordsCostNoAllocation(t *testing.T) {
	c, b := sample(t, 100)
	if _, err := c.Check(b); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(20, func() {
		if refused, err := c.Check(b); err != nil || len(refused) > 0 {
			t.Fatal(refused, err)
		}
	}); n >= 100 { // the race detector makes package regexp allocate for some of its matches; otherwise there are none
		t.Errorf("%v allocations for a page of 100 good records", n)
	}
}

// BenchmarkCheck holds pages of 1,000 records of ten fields against an interface.
func BenchmarkCheck(b *testing.B) {
	c, page := sample(b, 1000)
	b.ReportAllocs()
	for b.Loop() {
		if refused, err := c.Check(page); err != nil || len(refused) > 0 {
			b.Fatal(refused, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/record")
}
