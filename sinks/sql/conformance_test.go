package sql

import (
	"testing"

	"milkrun/sync/dbtest"
	"milkrun/sync/feed"
	"milkrun/sync/feedtest"
)

// TestConformance holds the sink to the contract on all three databases.
func TestConformance(t *testing.T) {
	columns := feed.NewColumns(
		feed.Column{Name: "id", Type: feed.Text}, feed.Column{Name: "企业名称", Type: feed.Text}, feed.Column{Name: "n", Type: feed.Integer},
	)
	rows := batch(columns,
		[]feed.Value{"a", "山西'\"`\\", int64(1)}, []feed.Value{"b", "tab\there", int64(-1)}, []feed.Value{"c", nil, nil},
		[]feed.Value{"d", "", int64(1<<63 - 1)}, []feed.Value{"e", "😀\n", int64(0)}, []feed.Value{"f", `\N`, int64(5)},
		[]feed.Value{"A", "a key in another case", int64(6)},
	)
	changed := batch(columns,
		[]feed.Value{"a", "山西", int64(2)}, []feed.Value{"b", "TAB\there", int64(-1)}, []feed.Value{"c", "x", nil},
		[]feed.Value{"d", nil, int64(1<<63 - 1)}, []feed.Value{"e", "😀", int64(0)}, []feed.Value{"f", `\n`, int64(5)},
		[]feed.Value{"A", "a Key in another case", int64(6)},
	)
	for _, name := range []string{"sqlite", "postgres", "mysql"} {
		t.Run(name, func(t *testing.T) {
			feedtest.Sink(t, feedtest.SinkCase{
				Target: func(t testing.TB) feedtest.Target { return target(servers.New(t, name)) },
				Rows:   rows, Want: shown(rows), Changed: changed, WantChanged: shown(changed),
				Bad: []feedtest.BadRow{
					{Row: []feed.Value{"x", "name", "a word"}, Code: "n"}, {Row: []feed.Value{nil, "name", int64(1)}, Code: "id"},
					{Row: []feed.Value{"x", "\xff", int64(1)}, Code: "企业名称"}, {Row: []feed.Value{"x", "name", 1.5}, Code: "n"},
				},
				Missing: "id", Key: []string{"id"}, Secrets: []string{"a word"},
			})
		})
	}
}

func target(d dbtest.Database) feedtest.Target {
	return feedtest.Target{
		Open: func(t testing.TB) feed.Sink { return open(t, d, "target", "id") },
		Stored: func(t testing.TB) []string {
			if !d.Has(t, "target") {
				return nil
			}
			return d.Rows(t, `SELECT "id", "企业名称", "n" FROM "target"`)
		},
	}
}
