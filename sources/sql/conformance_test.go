package sql

import (
	"fmt"
	"testing"
	"time"

	"milkrun/sync/dbtest"
	"milkrun/sync/feed"
	"milkrun/sync/feedtest"
)

// affairs makes a table with ties in its first cursor column, and returns what a source should read.
func affairs(t testing.TB, d dbtest.Database) []map[string]feed.Value {
	t.Helper()
	moment := map[string]string{"sqlite": "DATETIME", "postgres": "TIMESTAMP", "mysql": "DATETIME(6)"}[d.Kind]
	d.Exec(t, `CREATE TABLE "affairs" ("id" BIGINT NOT NULL PRIMARY KEY, "created" `+moment+` NOT NULL, "name" VARCHAR(50), "sum" DECIMAL(12,2))`)
	var want []map[string]feed.Value
	for i := range int64(7) {
		want = append(want, affair(t, d, i, fmt.Sprintf("2026-03-0%d 10:00:00", 1+i/2)))
	}
	return want
}

func affair(t testing.TB, d dbtest.Database, i int64, created string) map[string]feed.Value {
	t.Helper()
	id := 9007199254740993 + i // beyond what a float64 tells apart
	d.Exec(t, fmt.Sprintf(`INSERT INTO "affairs" VALUES (%d, '%s', '办件 ''%d''', 12.5)`, id, created, i))
	row := map[string]feed.Value{"id": id, "created": created, "name": fmt.Sprintf("办件 '%d'", i), "sum": "12.50"}
	if d.Kind == "sqlite" {
		row["sum"] = 12.5
		return row
	}
	at, err := time.ParseInLocation(time.DateTime, created, shanghai(t))
	if err != nil {
		t.Fatal(err)
	}
	row["created"] = at
	return row
}

func TestConformance(t *testing.T) {
	kinds := map[string]settings{
		"table":    {table: "affairs", cursor: []string{"created", "id"}},
		"lookback": {table: "affairs", cursor: []string{"created", "id"}, lookback: 25 * time.Hour},
		"query":    {query: `SELECT * FROM affairs WHERE id > 0;`, cursor: []string{"created", "id"}},
	}
	for name, set := range kinds {
		t.Run(name, func(t *testing.T) {
			servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
				want := affairs(t, d)
				feedtest.Source(t, feedtest.SourceCase{
					Open:  func(t testing.TB) feed.Source { return open(t, d, set) },
					Want:  want,
					Range: &feedtest.Bounds{From: "2026-03-02", To: "2026-03-03", Want: want[2:6]},
					MoveOn: func(t testing.TB) []map[string]feed.Value {
						return []map[string]feed.Value{affair(t, d, 7, "2026-03-09 10:00:00"), affair(t, d, 8, "2026-03-09 10:00:00")}
					},
				})
			})
		})
	}
}
