package sql

import (
	"testing"

	"milkrun/sync/dbtest"
	"milkrun/sync/feed"
)

// TestRangesTouch reads two ranges with a common border, and a record that stands exactly on it: it is in the second one.
func TestRangesTouch(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		affairs(t, d) // at 10:00 of four days, two each, the last day has one
		affair(t, d, 7, "2026-03-02 09:59:59.999999")
		s := open(t, d, settings{table: "affairs", cursor: []string{"created", "id"}})
		for _, border := range []string{"2026-03-02 10:00:00", "2026-03-02T10:00", "2026-03-02T10:00:00+08:00"} {
			if d.Kind == "sqlite" && border != "2026-03-02 10:00:00" {
				continue // it compares times as text
			}
			before := between(t, s, "2026-03-01", feed.Before+" "+border)
			behind := between(t, s, border, "2026-03-09")
			if before != 3 || behind != 5 {
				t.Errorf("%s: %d records before it and %d from it on, want 3 and 5", border, before, behind)
			}
			if upTo := between(t, s, "2026-03-01", border); upTo != 5 {
				t.Errorf("up to and with %s: %d records, want 5", border, upTo)
			}
		}
		for _, bad := range []string{"<", "<x", `<["2026-03-02 10:00:00",9007199254740995]`} {
			if _, _, err := s.(feed.Ranger).Range("2026-03-01", bad); err == nil {
				t.Errorf("%s is taken for an upper bound", bad)
			}
		}
		if _, _, err := s.(feed.Ranger).Range("2026-03-02 10:00:00", "<2026-03-02 10:00:00"); err == nil {
			t.Error("a range of nothing is taken")
		}
	})
}

// between is how many records a range has.
func between(t *testing.T, s feed.Source, from, to string) int {
	t.Helper()
	after, bounded, err := s.(feed.Ranger).Range(from, to)
	if err != nil {
		t.Fatalf("%s to %s: %v", from, to, err)
	}
	rows, _ := all(t, bounded, after, 2)
	return len(rows)
}
