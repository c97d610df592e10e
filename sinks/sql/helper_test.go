package sql

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"milkrun/sync/dbtest"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
)

var servers dbtest.Servers

func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }

func shanghai(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// open opens a sink over a connection of its own.
func open(t testing.TB, d dbtest.Database, table string, key ...string) *Sink {
	t.Helper()
	s := New(d.Connect(t)).(*settings)
	s.table, s.key = table, key
	if p := s.Validate(); len(p) > 0 {
		t.Fatal(p)
	}
	out, err := s.Open(t.Context(), kind.Env{Job: "test", Connection: "target", Location: shanghai(t)})
	if err != nil {
		t.Fatal(err)
	}
	return out.(*Sink)
}

// batch returns rows against columns.
func batch(columns *feed.Columns, rows ...[]feed.Value) feed.Batch {
	b := feed.Batch{Columns: columns}
	for _, r := range rows {
		b.Values = append(b.Values, r...)
	}
	return b
}

func deliver(t testing.TB, s *Sink, b feed.Batch) []feed.Rejection {
	t.Helper()
	rejected, err := s.Deliver(t.Context(), b)
	if err != nil {
		t.Fatalf("Deliver: %v", err)
	}
	return rejected
}

// shown returns the rows of a batch as [dbtest.Database.Rows] does.
func shown(b feed.Batch) []string {
	out := make([]string, b.Len())
	for i := range out {
		parts := make([]string, len(b.Row(i)))
		for j, v := range b.Row(i) {
			parts[j] = fmt.Sprint(v)
		}
		out[i] = strings.Join(parts, "|")
	}
	return out
}
