package busipush

import (
	"fmt"
	"testing"

	"milkrun/sync/feed"
	"milkrun/sync/feedtest"
	"milkrun/sync/sandbox"
	"milkrun/sync/sandbox/faulty"
)

func TestConformance(t *testing.T) {
	rows := feed.Batch{Columns: allColumns()}
	changed := feed.Batch{Columns: allColumns()}
	var want, wantChanged []string
	for i := range 8 {
		row := goodRow(fmt.Sprint("编号 ", i))
		rows.Values, want = append(rows.Values, row...), append(want, shownAffair(row))
		row = append([]feed.Value(nil), row...)
		row[fieldBusiDetail] = "第二版"
		changed.Values, wantChanged = append(changed.Values, row...), append(wantChanged, shownAffair(row))
	}
	bad := func(f int, v feed.Value) feedtest.BadRow {
		row := goodRow("bad")
		row[f] = v
		return feedtest.BadRow{Row: row, Code: fieldNames()[f]}
	}
	feedtest.Sink(t, feedtest.SinkCase{
		Target: target, Rows: rows, Want: want, Changed: changed, WantChanged: wantChanged, Missing: "busi_item",
		Secrets: []string{"sandbox-appcode", "sandbox-modulecode", "sandbox-appsecret"},
		Bad: []feedtest.BadRow{bad(fieldID, " "), bad(fieldUserID, nil), bad(fieldBusiItem, ""), bad(fieldCreateDate, "昨天"),
			bad(fieldUserName, "\xff\xfe")},
	})
}

func shownAffair(row []feed.Value) string {
	return fmt.Sprintf("{ID:%s UserID:%s UserPhone:%s UserName:%s BusiItem:%s BusiDetail:%s CreateDate:%s}", row...)
}

func target(t testing.TB) feedtest.Target {
	b := sandbox.NewBusipush(sandbox.BusipushOptions{Keep: true})
	partner, ids := faulty.New(b), map[string]bool{}
	for i := range 8 {
		ids[fmt.Sprint("编号 ", i)] = true
	}
	return feedtest.Target{
		Open: func(t testing.TB) feed.Sink { return onSandbox(t, b, partner, nil) },
		Stored: func(testing.TB) (list []string) {
			for id := range ids {
				if a, ok := b.Affair(id); ok {
					list = append(list, fmt.Sprintf("%+v", a))
				}
			}
			if extra := b.Records() - len(list); extra != 0 {
				list = append(list, fmt.Sprint(extra, " other records"))
			}
			return list
		},
		Faults: partner.Faults(sandbox.State300, sandbox.State302, sandbox.Stateless),
		Stall:  partner.Stall,
	}
}
