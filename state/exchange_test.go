package state

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"milkrun/sync/audit"
)

// exchangeAt is a row whose time tells them apart.
func exchangeAt(at time.Time) audit.Row {
	return audit.Row{Kind: audit.Call, At: at, Took: 35 * time.Millisecond, Job: "grades", RunID: 7, Trigger: "schedule", Connection: "credit",
		Interface: "grades", Purpose: "信用评估", Direction: audit.In, Batch: "beginning", Records: 1000, Rejected: 2, Bytes: 12345,
		Digest: audit.Sum{1}, Key: "0123456789", Status: "HTTP 200", Code: "302"}
}

// addDays appends one exchange for each of some days from noon on.
func addDays(t testing.TB, s *Store, days int) {
	t.Helper()
	for i := range days {
		ok(t, s.AddExchanges(t.Context(), []audit.Row{exchangeAt(noon.AddDate(0, 0, i))}))
	}
}

func exchanges(t testing.TB, s *Store, f ExchangeFilter) (list []audit.Row) {
	t.Helper()
	ok(t, s.EachExchange(t.Context(), f, func(r audit.Row) error { list = append(list, r); return nil }))
	return list
}

func verify(t testing.TB, s *Store, kept audit.Head) []audit.Finding {
	t.Helper()
	_, _, wrong, err := s.VerifyExchanges(t.Context(), kept)
	ok(t, err)
	return wrong
}

func wantWhole(t testing.TB, s *Store, kept audit.Head) {
	t.Helper()
	if wrong := verify(t, s, kept); len(wrong) > 0 {
		t.Fatalf("the chain is wrong: %+v", wrong)
	}
}

func TestExchangesComeBack(t *testing.T) {
	s := newStore(t)
	if h := must[audit.Head](t)(s.ExchangeHead(t.Context())); h != (audit.Head{}) || h.String() != "" {
		t.Errorf("head of nothing is %v", h)
	}
	wantWhole(t, s, audit.Head{})
	ok(t, s.AddExchanges(t.Context(), nil))
	addDays(t, s, 2)
	got := exchanges(t, s, ExchangeFilter{})
	want := exchangeAt(noon)
	want.Seq, want.Hash = 1, got[0].Hash
	if len(got) != 2 || got[0] != want || got[1].Seq != 2 {
		t.Fatalf("got %+v", got)
	}
	head := must[audit.Head](t)(s.ExchangeHead(t.Context()))
	if head.Seq != 2 || head.Hash != got[1].Link(got[0].Hash) {
		t.Errorf("head %v", head)
	}
	wantWhole(t, s, head)
	day := ExchangeFilter{From: noon.AddDate(0, 0, 1), To: noon.AddDate(0, 0, 2), Connection: "credit", Job: "grades"}
	if got := exchanges(t, s, day); len(got) != 1 || got[0].Seq != 2 {
		t.Errorf("on the second day %+v", got)
	}
	day.Connection = "other"
	if got := exchanges(t, s, day); len(got) != 0 {
		t.Errorf("with another %+v", got)
	}
}

func TestExchangesAreAppendOnly(t *testing.T) {
	s := newStore(t)
	addDays(t, s, 3)
	for _, statement := range []string{
		"UPDATE exchange SET records = 0", "UPDATE exchange SET hash = x'' WHERE seq = 2", "DELETE FROM exchange", "DELETE FROM exchange WHERE seq = 1",
	} {
		if _, err := s.w.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "rows of exchange") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	wantWhole(t, s, audit.Head{})
}

// TestTamperedFile is somebody with a shell who takes the triggers away.
func TestTamperedFile(t *testing.T) {
	for name, c := range map[string]struct {
		statement     string
		what          string
		from, through int64
	}{
		"altered":           {"UPDATE exchange SET records = records + 1 WHERE seq = 3", audit.Altered, 3, 3},
		"purpose":           {"UPDATE exchange SET purpose = 'x' WHERE seq = 1", audit.Altered, 1, 1},
		"removed":           {"DELETE FROM exchange WHERE seq IN (2, 3)", audit.Missing, 2, 3},
		"first removed":     {"DELETE FROM exchange WHERE seq = 1", audit.Missing, 1, 1},
		"cut off":           {"DELETE FROM exchange WHERE seq > 4", audit.Truncated, 5, 6},
		"cut off deeper":    {"DELETE FROM exchange WHERE seq > 4; UPDATE sqlite_sequence SET seq = 4 WHERE name = 'exchange'", audit.Truncated, 5, 6},
		"digest in short":   {"UPDATE exchange SET digest = x'01' WHERE seq = 3", audit.Altered, 3, 3},
		"digest and more":   {"UPDATE exchange SET digest = CAST(digest || x'00' AS BLOB) WHERE seq = 3", audit.Altered, 3, 3},
		"hash and more":     {"UPDATE exchange SET hash = CAST(hash || x'00' AS BLOB) WHERE seq = 3", audit.Altered, 3, 3},
		"time in short":     {"UPDATE exchange SET at = replace(at, '.000Z', 'Z') WHERE seq = 3", audit.Altered, 3, 3},
		"time and more":     {"UPDATE exchange SET at = replace(at, '.000Z', '.0001Z') WHERE seq = 3", audit.Altered, 3, 3},
		"nothing as zeros":  {"UPDATE exchange SET digest = zeroblob(32) WHERE seq = 6", audit.Altered, 6, 6},
		"nothing as a byte": {"UPDATE exchange SET digest = x'00' WHERE seq = 6", audit.Altered, 6, 6},
		"false anchor": {`DELETE FROM exchange WHERE seq < 3;
			UPDATE exchange SET kind = 'pruned', records = 2 WHERE seq = 6`, audit.Altered, 3, 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			addDays(t, s, 5)
			plain := exchangeAt(noon.AddDate(0, 0, 5))
			plain.Digest = audit.Sum{} // as a row of a database has none
			ok(t, s.AddExchanges(t.Context(), []audit.Row{plain}))
			kept := must[audit.Head](t)(s.ExchangeHead(t.Context()))
			_, err := s.w.ExecContext(t.Context(), "DROP TRIGGER exchange_stays; DROP TRIGGER exchange_kept; "+c.statement)
			ok(t, err)
			wrong := verify(t, s, kept)
			if len(wrong) == 0 || wrong[0].What != c.what || wrong[0].From != c.from || wrong[0].Through != c.through {
				t.Errorf("found %+v", wrong)
			}
		})
	}
}

func TestPruneExchanges(t *testing.T) {
	s := newStore(t)
	addDays(t, s, 10)
	all := exchanges(t, s, ExchangeFilter{})
	kept := audit.Head{Seq: 9, Hash: all[8].Hash}
	if n := must[int64](t)(s.OldExchanges(t.Context(), noon.AddDate(0, 0, 4))); n != 4 {
		t.Errorf("%d are old", n)
	}
	if n := must[int64](t)(s.PruneExchanges(t.Context(), noon.AddDate(0, 0, 4), "an operator")); n != 4 {
		t.Errorf("%d removed", n)
	}
	left := exchanges(t, s, ExchangeFilter{})
	if mark := left[len(left)-1]; len(left) != 7 || left[0].Seq != 5 || mark.Kind != audit.Pruned || mark.Records != 4 || mark.Digest != all[3].Hash ||
		mark.Operator != "an operator" {
		t.Fatalf("left %+v", left)
	}
	wantWhole(t, s, kept)
	if n := must[int64](t)(s.PruneExchanges(t.Context(), noon.AddDate(0, 0, 4), "")); n != 0 || len(exchanges(t, s, ExchangeFilter{})) != 7 {
		t.Errorf("%d removed again", n)
	}
	addDays(t, s, 1) // one from before, in a later row: rows go from the beginning only
	if n := must[int64](t)(s.PruneExchanges(t.Context(), noon.AddDate(0, 0, 5), "")); n != 1 {
		t.Errorf("%d removed then", n)
	}
	wantWhole(t, s, kept)
	ok(t, s.AddExchanges(t.Context(), []audit.Row{exchangeAt(noon)}))
	newest := must[audit.Head](t)(s.ExchangeHead(t.Context()))
	if n := must[int64](t)(s.PruneExchanges(t.Context(), noon.AddDate(1, 0, 0), "")); n == 0 {
		t.Error("nothing removed of what is all old")
	}
	if left := exchanges(t, s, ExchangeFilter{}); len(left) != 2 || left[0].Seq != newest.Seq {
		t.Errorf("left %+v", left)
	}
	wantWhole(t, s, newest)
}

// TestPruneCutShort is a pruning that ended after its mark was written.
func TestPruneCutShort(t *testing.T) {
	s := newStore(t)
	addDays(t, s, 10)
	before := noon.AddDate(0, 0, 4)
	ok(t, s.anchor(t.Context(), 4, before, ""))
	wantWhole(t, s, audit.Head{})
	_, err := s.w.ExecContext(t.Context(), "DELETE FROM exchange WHERE seq <= 2")
	ok(t, err)
	wantWhole(t, s, audit.Head{})
	if n := must[int64](t)(s.PruneExchanges(t.Context(), before, "")); n != 2 {
		t.Errorf("%d removed", n)
	}
	wantWhole(t, s, audit.Head{})
	if got := exchanges(t, s, ExchangeFilter{}); got[0].Seq != 5 {
		t.Errorf("the first is %d", got[0].Seq)
	}
}

func TestPruneExchangesNotTheLast(t *testing.T) {
	s := newStore(t)
	addDays(t, s, 1)
	if n := must[int64](t)(s.PruneExchanges(t.Context(), noon.AddDate(1, 0, 0), "")); n != 0 {
		t.Errorf("%d removed", n)
	}
	addDays(t, s, 1)
	if n := must[int64](t)(s.PruneExchanges(t.Context(), noon.AddDate(1, 0, 0), "")); n != 1 {
		t.Errorf("%d removed", n)
	}
	wantWhole(t, s, audit.Head{})
}

// TestRestoredExchanges: a restoration is in the chain it brings back, and a head kept since is missed.
func TestRestoredExchanges(t *testing.T) {
	path := newPath(t)
	s := mustOpen(t, path)
	addDays(t, s, 3)
	copied := filepath.Join(t.TempDir(), "copy.db")
	must[Copy](t)(Backup(t.Context(), path, copied))
	addDays(t, s, 2)
	kept := must[audit.Head](t)(s.ExchangeHead(t.Context()))
	ok(t, s.Close())
	must[Restored](t)(Restore(t.Context(), path, Restoration{From: copied, Who: "an operator", Now: func() time.Time { return noon }}))
	s = mustOpen(t, path)
	got := exchanges(t, s, ExchangeFilter{})
	if last := got[len(got)-1]; len(got) != 4 || last.Kind != audit.Restored || last.Operator != "an operator" || last.Batch != "copy.db" {
		t.Errorf("restored %+v", got)
	}
	wantWhole(t, s, audit.Head{})
	if wrong := verify(t, s, kept); len(wrong) != 1 || wrong[0].What != audit.Truncated {
		t.Errorf("against the head of before: %+v", wrong)
	}
}

// TestExchangesOfSeveral: what several programs add is one chain.
func TestExchangesOfSeveral(t *testing.T) {
	path := newPath(t)
	stores := []*Store{mustOpen(t, path), mustOpen(t, path)}
	done := make(chan error)
	for i, s := range stores {
		go func() {
			var err error
			for n := 0; n < 20 && err == nil; n++ {
				r := exchangeAt(noon)
				r.Batch = fmt.Sprint(i, n)
				err = s.AddExchanges(context.Background(), []audit.Row{r, r})
			}
			done <- err
		}()
	}
	for range stores {
		ok(t, <-done)
	}
	wantWhole(t, stores[0], audit.Head{})
	if n := len(exchanges(t, stores[0], ExchangeFilter{})); n != 80 {
		t.Errorf("%d rows", n)
	}
}
