package sql

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

// BenchmarkRead reads a table of affairs from SQLite in pages of 2000, by a composite cursor with an index.
//
//	MILKRUN_BENCH_ROWS=1000000 go test -run '^$' -bench Read -benchtime 1x ./sources/sql
func BenchmarkRead(b *testing.B) {
	n := 100_000
	if text := os.Getenv("MILKRUN_BENCH_ROWS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	d := servers.New(b, "sqlite")
	d.Exec(b, `CREATE TABLE user_affairs (id INTEGER PRIMARY KEY, create_date TEXT NOT NULL, user_name TEXT, phone TEXT, title TEXT, state INTEGER, org TEXT, note TEXT)`,
		`WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < `+strconv.Itoa(n)+`)
		INSERT INTO user_affairs SELECT i, datetime(1767225600 + i / 3, 'unixepoch'), '用户' || i, '139' || printf('%08d', i), '企业设立登记办件 ' || i, i % 5, '山西省某某局', NULL FROM c`,
		`CREATE INDEX by_date ON user_affairs (create_date, id)`)
	b.ResetTimer()
	for range b.N {
		s := open(b, d, settings{table: "user_affairs", cursor: []string{"create_date", "id"}})
		var after feed.Cursor
		began, rows := time.Now(), 0
		for done := false; !done; {
			p, err := s.Fetch(b.Context(), after, 2000)
			if err != nil {
				b.Fatal(err)
			}
			rows, after, done = rows+p.Rows.Len(), p.Next, p.Done
		}
		if rows != n {
			b.Fatalf("%d rows", rows)
		}
		b.ReportMetric(float64(n)/time.Since(began).Seconds(), "rows/s")
	}
}

// BenchmarkReadLimit steps through the same rows in one query and keeps nothing: what SQLite and its driver can do.
func BenchmarkReadLimit(b *testing.B) {
	const n = 100_000
	d := servers.New(b, "sqlite")
	d.Exec(b, `CREATE TABLE a (id INTEGER PRIMARY KEY, create_date TEXT, user_name TEXT, phone TEXT, title TEXT, state INTEGER, org TEXT, note TEXT)`,
		`WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < `+strconv.Itoa(n)+`)
		INSERT INTO a SELECT i, datetime(1767225600 + i / 3, 'unixepoch'), '用户' || i, '139' || printf('%08d', i), '企业设立登记办件 ' || i, i % 5, '山西省某某局', NULL FROM c`)
	b.ResetTimer()
	for range b.N {
		began := time.Now()
		d.Use(b, func(ctx context.Context, s *sqldb.Session) error {
			return s.Read(ctx, "SELECT * FROM a", nil, func([]sqldb.Value) error { return nil })
		})
		b.ReportMetric(n/time.Since(began).Seconds(), "rows/s")
	}
}
