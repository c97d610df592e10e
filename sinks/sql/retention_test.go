package sql

import (
	"errors"
	"strings"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
)

// TestRetention: what this job delivered longer ago than its retention goes, and nothing else, on all three databases.
func TestRetention(t *testing.T) {
	columns := feed.NewColumns(feed.Column{Name: "id", Type: feed.Text}, feed.Column{Name: "name", Type: feed.Text})
	for _, name := range []string{"sqlite", "postgres", "mysql"} {
		t.Run(name, func(t *testing.T) {
			d := servers.New(t, name)
			keeping := func(job string, retention time.Duration) *Sink {
				s := New(d.Connect(t)).(*settings)
				s.table, s.key = "orders", []string{"id"}
				if !s.Retains() {
					t.Error("the sink cannot keep a retention")
				}
				out, err := s.Open(t.Context(), kind.Env{Job: job, Connection: "target", Location: shanghai(t), Retention: retention})
				if err != nil {
					t.Fatal(err)
				}
				return out.(*Sink)
			}
			put := func(s *Sink, at time.Time, ids ...string) {
				var rows [][]feed.Value
				for _, id := range ids {
					rows = append(rows, []feed.Value{id, "x"})
				}
				b := s.stamped(batch(columns, rows...), at)
				deliver(t, open(t, d, "orders", "id"), b)
			}
			s, other := keeping("orders", 90*24*time.Hour), keeping("elsewhere", 90*24*time.Hour)
			var n int64
			note := func(gone int64) error { n = gone; return nil }
			if err := s.Expire(t.Context(), time.Now(), note); n != 0 || err != nil {
				t.Errorf("without a table: %d, %v", n, err)
			}
			now := time.Now().Truncate(time.Hour)
			put(s, now.Add(-90*24*time.Hour+59*time.Minute), "of the same hour")
			put(s, now.Add(-100*24*time.Hour), "old", "renewed")
			put(other, now.Add(-100*24*time.Hour), "of another job")
			d.Exec(t, `INSERT INTO "orders" ("id", "name") VALUES ('by hand', 'x')`)
			deliver(t, s, batch(columns, []feed.Value{"renewed", "x"}, []feed.Value{"new", "x"})) // the same values: delivered again all the same
			due := now.Add(58*time.Minute - 90*24*time.Hour)
			if err := s.Expire(t.Context(), due, func(int64) error { return errors.New("cannot be noted") }); err == nil {
				t.Error("deleted without being noted")
			}
			if err := s.Expire(t.Context(), due, note); n != 1 || err != nil {
				t.Errorf("%d deleted, %v", n, err)
			}
			if got := strings.Join(d.Rows(t, `SELECT "id" FROM "orders" ORDER BY "id"`), " "); got != "by hand new of another job of the same hour renewed" {
				t.Errorf("left is %s", got)
			}
			if _, err := s.Begin(t.Context(), columns, []string{"id"}, 0); feed.Judge(err).Verdict != feed.HaltJob {
				t.Errorf("a complete reading with a retention: %v", err)
			}
		})
	}
}

// TestRetentionOfAnOldTable: a table without the stamps has to be altered first, and nothing in it is deleted.
func TestRetentionOfAnOldTable(t *testing.T) {
	d := servers.New(t, "sqlite")
	columns := feed.NewColumns(feed.Column{Name: "id", Type: feed.Text})
	deliver(t, open(t, d, "orders", "id"), batch(columns, []feed.Value{"a"}))
	s := open(t, d, "orders", "id")
	s.keeps = true
	if err := s.Expire(t.Context(), time.Now().Add(time.Hour), func(int64) error { return errors.New("deleted") }); err != nil {
		t.Error(err)
	}
	err := s.Prepare(t.Context(), columns)
	if e := feed.Judge(err); e.Verdict != feed.HaltJob || !strings.Contains(err.Error(), "no column milkrun_job") || !strings.Contains(err.Error(), "milkrun_at") {
		t.Errorf("%v", err)
	}
}
