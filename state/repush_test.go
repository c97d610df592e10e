package state

import (
	"errors"
	"slices"
	"testing"
	"time"

	"milkrun/sync/alert"
)

func TestRepush(t *testing.T) {
	s := newStore(t)
	first := must[int64](t)(s.StartRun(t.Context(), Run{Job: "orders", Trigger: Schedule, Mode: "incremental"}))
	ok(t, s.Advance(t.Context(), Progress{Checkpoint: Checkpoint{Job: "orders", Lane: Forward, Cursor: "9", RunID: first},
		Letters: []Letter{{Code: "bad", Reason: "no", Place: "5", Record: "{}"}}}))
	ok(t, s.FinishRun(t.Context(), Run{ID: first, Job: "orders", State: Part}))
	letters := must[[]Letter](t)(s.Letters(t.Context(), LetterFilter{}))

	id := must[int64](t)(s.AddRepush(t.Context(), Repush{Job: "orders", Selection: "ids 5, 6", Digest: "d", Who: "me", Why: "wrong"}))
	if _, err := s.StartRepush(t.Context(), id+1, Run{Job: "orders", Trigger: Repushed, Mode: "incremental"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("an order that is none: %v", err)
	}
	run := must[int64](t)(s.StartRepush(t.Context(), id, Run{Job: "orders", Trigger: Repushed, Mode: "incremental"}))
	for range 2 {
		ok(t, s.Advance(t.Context(), Progress{Checkpoint: Checkpoint{Job: "orders", RunID: run}, Repush: id, Who: "me", Resolved: []int64{letters[0].ID},
			Origins: []Origin{{Run: first, Records: 1}}, Receipts: []Receipt{{BatchID: "b1", Number: "R-1", Records: 2, Rejected: 1}}}))
	}
	ok(t, s.FinishRun(t.Context(), Run{ID: run, Job: "orders", State: Done}))
	for _, read := range []func() (Repush, error){
		func() (Repush, error) { return s.Repush(t.Context(), id) }, func() (Repush, error) { return s.RepushOf(t.Context(), run) },
	} {
		if r, err := read(); err != nil || r.RunID != run || r.Why != "wrong" || !slices.Equal(r.Origins, []Origin{{first, 2}}) {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if _, err := s.Repush(t.Context(), 99); !errors.Is(err, ErrNotFound) {
		t.Errorf("no re-push: %v", err)
	}
	if list := must[[]Repush](t)(s.Repushes(t.Context(), "orders", 1)); len(list) != 1 || list[0].ID != id {
		t.Errorf("%+v", list)
	}
	receipts := must[[]Receipt](t)(s.Receipts(t.Context(), run, 1))
	if len(receipts) != 1 || receipts[0].Number != "R-1" || receipts[0].Records != 2 || receipts[0].Rejected != 1 || receipts[0].At.IsZero() {
		t.Errorf("%+v", receipts)
	}
	if l := must[Letter](t)(s.Letter(t.Context(), letters[0].ID)); l.State != LetterDelivered || l.Who != "me" || l.Why != "re-pushed in run 2" {
		t.Errorf("%+v", l)
	}
	cp, _, err := s.Checkpoint(t.Context(), "orders", Forward)
	if err != nil || cp.Cursor != "9" {
		t.Errorf("the checkpoint is %+v, %v", cp, err)
	}
	forward := must[[]Run](t)(s.Runs(t.Context(), RunFilter{Job: "orders", Forward: true}))
	if len(forward) != 1 || forward[0].ID != first {
		t.Errorf("forward runs %+v", forward)
	}
}

func TestIncidents(t *testing.T) {
	s := newStore(t)
	i := alert.Incident{Partner: "acme", Job: "push", Interface: "orders", Kind: alert.Failed, Code: "503", Since: noon, Impact: -1}
	i.ID = must[int64](t)(s.SaveIncident(t.Context(), i))
	if _, err := s.SaveIncident(t.Context(), alert.Incident{Job: "push", Interface: "orders", Kind: alert.Late, Since: noon}); err == nil {
		t.Error("a second one of the job is open")
	}
	i.Kind, i.Impact, i.NotifiedAt, i.EndedAt = alert.Halted, 12, noon.Add(time.Minute), noon.Add(time.Hour)
	must[int64](t)(s.SaveIncident(t.Context(), i))
	if got := must[alert.Incident](t)(s.Incident(t.Context(), i.ID)); got != i {
		t.Errorf("%+v, want %+v", got, i)
	}
	open := i
	open.ID, open.EndedAt, open.Since = 0, time.Time{}, noon.Add(2*time.Hour)
	open.ID = must[int64](t)(s.SaveIncident(t.Context(), open))
	if list := must[[]alert.Incident](t)(s.OpenIncidents(t.Context())); len(list) != 1 || list[0] != open {
		t.Errorf("open: %+v", list)
	}
	for _, c := range []struct {
		from, to time.Duration
		want     int
	}{{-time.Hour, 0, 0}, {-time.Hour, time.Minute, 1}, {30 * time.Minute, 40 * time.Minute, 1}, {time.Hour, 2 * time.Hour, 0}, {5 * time.Hour, 6 * time.Hour, 1}, {0, 9 * time.Hour, 2}} {
		if list := must[[]alert.Incident](t)(s.Incidents(t.Context(), noon.Add(c.from), noon.Add(c.to))); len(list) != c.want {
			t.Errorf("from %s to %s: %+v", c.from, c.to, list)
		}
	}
	if _, err := s.Incident(t.Context(), 99); !errors.Is(err, ErrNotFound) {
		t.Errorf("no incident: %v", err)
	}
}
