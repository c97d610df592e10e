package sql

import (
	"os"
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

// try opens a source over a connection of its own.
func try(t testing.TB, d dbtest.Database, set settings) (feed.Source, error) {
	t.Helper()
	set.connection = d.Connect(t)
	if p := set.Validate(); len(p) > 0 {
		t.Fatal(p)
	}
	return set.Open(t.Context(), kind.Env{Job: "test", Connection: "business", Location: shanghai(t)})
}

func open(t testing.TB, d dbtest.Database, set settings) feed.Source {
	t.Helper()
	s, err := try(t, d, set)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// all reads a feed to its end.
func all(t testing.TB, s feed.Source, after feed.Cursor, limit int) (rows [][]feed.Value, end feed.Cursor) {
	t.Helper()
	for {
		p, err := s.Fetch(t.Context(), after, limit)
		if err != nil {
			t.Fatalf("Fetch(%q): %v", after, err)
		}
		for i := range p.Rows.Len() {
			rows = append(rows, p.Rows.Row(i))
		}
		if after = p.Next; p.Done {
			return rows, after
		}
	}
}
