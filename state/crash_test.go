package state

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"milkrun/sync/audit"
	"milkrun/sync/feed"
)

// step is the n-th of a series: every one delivers a record and marks it, every third refuses one besides.
func step(run int64, n int) Progress {
	p := Progress{
		Checkpoint: Checkpoint{Job: "grades", Lane: Forward, Cursor: feed.Cursor(fmt.Sprint(n)), Rows: int64(n) + 1, RunID: run},
		Counts:     Counts{Pages: 1, Delivered: 1},
		Recent:     []string{fmt.Sprint(n)},
		Exchanges:  []audit.Row{{Kind: audit.Call, At: noon, Job: "grades", RunID: run, Batch: fmt.Sprint(n)}},
	}
	if n%3 == 0 {
		p.Letters = []Letter{{Code: "300", Place: feed.Cursor(fmt.Sprint(n)), Record: "{}"}}
		p.Counts.Rejected = 1
	}
	return p
}

// checkSteps checks that every step is there as a whole or not at all, and returns how many there are.
func checkSteps(t *testing.T, s *Store, run int64) int {
	t.Helper()
	ctx := t.Context()
	c, _, err := s.Checkpoint(ctx, "grades", Forward)
	ok(t, err)
	n, err := strconv.Atoi(string(c.Cursor))
	ok(t, err)
	n++
	r := must[Run](t)(s.Run(ctx, run))
	recent := must[map[string]struct{}](t)(s.Recent(ctx, "grades"))
	letters := must[[]Letter](t)(s.Letters(ctx, LetterFilter{Job: "grades"}))
	want := (n + 2) / 3
	if c.Rows != int64(n) || r.Counts.Delivered != int64(n) || r.CursorTo != c.Cursor || len(recent) != n || len(letters) != want ||
		r.Counts.Rejected != int64(want) {
		t.Fatalf("cursor %s, rows %d, run %+v, %d marks, %d letters", c.Cursor, c.Rows, r, len(recent), len(letters))
	}
	_, exchanges, wrong, err := s.VerifyExchanges(ctx, audit.Head{})
	ok(t, err)
	if exchanges != int64(n) || len(wrong) > 0 {
		t.Fatalf("%d steps and %d exchanges: %+v", n, exchanges, wrong)
	}
	ok(t, s.integrity(ctx))
	return n
}

// advanceForever is a child that works without end, and says of every step that it is done.
func advanceForever(path string) error {
	ctx := context.Background()
	s, err := Open(ctx, path, Options{})
	if err != nil {
		return err
	}
	id, err := s.StartRun(ctx, Run{Job: "grades", Trigger: Manual, Mode: "incremental"})
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if err := s.Advance(ctx, step(id, n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func TestKilledInTheMiddle(t *testing.T) {
	for _, after := range []int{1, 2, 7, 50, 333, 1500} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			path := newPath(t)
			cmd, out := child(t, "advance", path)
			for range after {
				if !out.Scan() {
					t.Fatal("the child ended")
				}
			}
			ok(t, cmd.Process.Kill())
			said := out.Text()
			for out.Scan() { // what it had said before it died
				said = out.Text()
			}
			_ = cmd.Wait()
			confirmed, err := strconv.Atoi(said)
			ok(t, err)

			s := mustOpen(t, path)
			left := must[[]Run](t)(s.Interrupt(t.Context()))
			if len(left) != 1 || left[0].State != Interrupted || left[0].FinishedAt.IsZero() {
				t.Fatalf("left running: %+v", left)
			}
			if n := checkSteps(t, s, left[0].ID); n < confirmed+1 || n > confirmed+2 {
				t.Errorf("%d steps are there, %d were confirmed", n, confirmed+1)
			}
			if h := must[[]Change](t)(s.History(t.Context(), "grades", 0)); len(h) != 1 || h[0].Op != "run" {
				t.Errorf("history %+v", h)
			}
		})
	}
}

// The power goes: of the write-ahead log there is what had reached the disk. Wherever it ends, whole steps are left.
func TestLogCutAnywhere(t *testing.T) {
	path := newPath(t)
	s := mustOpen(t, path)
	ok(t, s.Close())
	s = mustOpen(t, path) // the layout is in the file, the log begins empty
	id := startRun(t, s, "grades")
	const steps = 8
	sizes := make([]int64, steps)
	for n := range steps {
		ok(t, s.Advance(t.Context(), step(id, n)))
		info, err := os.Stat(path + "-wal")
		ok(t, err)
		sizes[n] = info.Size()
	}
	file, log := must[[]byte](t)(os.ReadFile(path)), must[[]byte](t)(os.ReadFile(path+"-wal"))
	for cut := sizes[0]; cut <= int64(len(log)); cut += 1021 {
		want := 0
		for want < steps && sizes[want] <= cut {
			want++
		}
		broken := newPath(t)
		ok(t, os.WriteFile(broken, file, 0o600))
		ok(t, os.WriteFile(broken+"-wal", log[:cut], 0o600))
		after := mustOpen(t, broken)
		if n := checkSteps(t, after, id); n != want {
			t.Fatalf("cut at %d: %d steps, want %d", cut, n, want)
		}
		ok(t, after.Close())
	}
}

func TestAdvanceIsFast(t *testing.T) {
	s := newStore(t)
	id := startRun(t, s, "grades")
	began := time.Now()
	for n := range 200 {
		ok(t, s.Advance(t.Context(), step(id, n)))
	}
	// An ordinary disk needs some milliseconds to sync; this finds a table scan, not a slow machine.
	if each := time.Since(began) / 200; each > 50*time.Millisecond {
		t.Errorf("a step takes %v", each)
	}
}

func BenchmarkAdvance(b *testing.B) {
	for name, full := range map[string]bool{"checkpoint": false, "2000 marks": true} {
		b.Run(name, func(b *testing.B) {
			s := newStore(b)
			id := startRun(b, s, "grades")
			n := 0
			for b.Loop() {
				p := Progress{Checkpoint: Checkpoint{Job: "grades", Lane: Forward, Cursor: feed.Cursor(fmt.Sprint(n)), RunID: id}}
				for i := 0; full && i < 2000; i++ {
					p.Recent = append(p.Recent, fmt.Sprintf(`["2026-03-01T00:00:00Z",%d]`, n*2000+i))
				}
				ok(b, s.Advance(b.Context(), p))
				n++
			}
		})
	}
}
