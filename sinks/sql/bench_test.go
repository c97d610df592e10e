package sql

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"milkrun/sync/dbtest"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/sqldb"
)

// benchRows is how many records BenchmarkGeneration stages; MILKRUN_BENCH_ROWS sets another number.
func benchRows(b *testing.B) int {
	text := os.Getenv("MILKRUN_BENCH_ROWS")
	if text == "" {
		return 200_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkGeneration stages and swaps records in random key order, ten pages a commit, into SQLite: the first
// generation, and later ones in which some of 1000 records are changed or gone. The rows are made outside the clock.
//
//	MILKRUN_BENCH_ROWS=1700000 go test -run '^$' -bench Generation -benchtime 1x ./sinks/sql
func BenchmarkGeneration(b *testing.B) {
	n := benchRows(b)
	for _, c := range []struct {
		name          string
		again         bool
		changed, gone int // of 1000
	}{{"first", false, 0, 0}, {"again", true, 0, 0}, {"changed", true, 10, 0}, {"removed", true, 0, 10}} {
		b.Run(c.name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				s := benchSink(b)
				if c.again {
					benchGeneration(b, s, n, 0, 0)
				}
				rate, staged := benchGeneration(b, s, n, c.changed, n*c.gone/1000)
				b.ReportMetric(rate, "rows/s")
				b.ReportMetric(staged, "staged-rows/s")
				b.ReportMetric(peakMemory(), "peak-MiB")
			}
		})
	}
}

func benchSink(b *testing.B) *Sink {
	c, err := dbtest.Connect(sqldb.NewSQLite, filepath.Join(b.TempDir(), "bench.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	s, err := (&settings{connection: c, table: "grades", key: []string{"uniscId"}, changes: true}).Open(b.Context(), kind.Env{})
	if err != nil {
		b.Fatal(err)
	}
	return s.(*Sink)
}

// benchGeneration stages and swaps n records, but for the first ones that are gone, and returns the records a second of
// both, and of staging alone.
func benchGeneration(b *testing.B, s *Sink, n, changed, gone int) (all, staging float64) {
	ctx := context.Background()
	columns := feed.TextColumns("uniscId", "enterpriseName", "assessGrade")
	g, err := s.Begin(ctx, columns, s.key, 0)
	if err != nil {
		b.Fatal(err)
	}
	var took time.Duration
	values := make([]feed.Value, 0, 30_000)
	for at := gone; at < n; at += 10_000 {
		values = benchPage(values[:0], at, min(n, at+10_000), n, changed)
		b.StartTimer()
		began := time.Now()
		_, err = g.Append(ctx, int64(at-gone), feed.Batch{Columns: columns, Values: values})
		took += time.Since(began)
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
	}
	staged := took
	b.StartTimer()
	began := time.Now()
	did, err := g.Swap(ctx, feed.SwapTerms{At: began, Expect: int64(n - gone), MaxDelete: func(int64) int64 { return int64(gone) }})
	took += time.Since(began)
	b.StopTimer()
	if err != nil || did.Deleted != int64(gone) {
		b.Fatal(did, err)
	}
	if err := g.Close(); err != nil {
		b.Fatal(err)
	}
	return float64(n) / took.Seconds(), float64(n) / staged.Seconds()
}

func benchPage(to []feed.Value, from, until, n, changed int) []feed.Value {
	grades := []string{"AA", "A", "B", "C", "D"}
	for i := from; i < until; i++ {
		key := uint64(i) * 2654435761 % 4294967296 // a permutation of the numbers of 32 bits: random order, no key twice
		grade := i % 5
		if i%1000 < changed {
			grade = (grade + 1) % 5
		}
		to = append(to, fmt.Sprintf("91140%011dMA", key), fmt.Sprintf("山西某某科技有限公司%07d", i*7919%n), grades[grade])
	}
	return to
}

// peakMemory is the largest resident size this process had, in MiB.
func peakMemory() float64 {
	text, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseFloat(fields[0], 64)
	return kib / 1024
}
