package state

import (
	"errors"
	"testing"
)

func TestARecordHasOneOpenLetter(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	reject := func(letters ...Letter) int64 {
		t.Helper()
		id := startRun(t, s, "a")
		ok(t, s.Advance(ctx, Progress{Checkpoint: Checkpoint{Job: "a", Lane: Forward, RunID: id}, Letters: letters}))
		finishRun(t, s, "a", id)
		return id
	}
	reject(
		Letter{Code: "300", Reason: "first", Place: "p1", Key: "k1", Record: `{"n":1}`},
		Letter{Code: "300", Reason: "first", Key: "k1", Record: `{"n":2}`}, // a key is not a place
		Letter{Code: "300", Reason: "nameless"})
	last := reject(
		Letter{Code: "302", Reason: "second", Place: "p1", Key: "other", Record: `{"n":3}`},
		Letter{Code: "300", Reason: "again", Key: "k1"},
		Letter{Code: "300", Reason: "nameless"},
		Letter{Job: "b", Place: "p1"})
	list := must[[]Letter](t)(s.Letters(ctx, LetterFilter{Job: "a"}))
	if len(list) != 4 { // p1, k1 and two that nothing tells apart
		t.Fatalf("letters %+v", list)
	}
	l := list[0]
	if l.Tries != 2 || l.Code != "302" || l.Reason != "second" || l.Record != `{"n":3}` || l.RunID != last || l.State != LetterOpen || !l.TriedAt.After(l.At) {
		t.Errorf("letter %+v", l)
	}
	ok(t, s.SettleLetter(ctx, l.ID, LetterDropped, "operator", "a test record"))
	reject(Letter{Code: "300", Place: "p1"})
	open := must[[]Letter](t)(s.Letters(ctx, LetterFilter{Job: "a", State: LetterOpen}))
	if len(open) != 4 || open[3].ID == l.ID || open[3].Tries != 1 {
		t.Errorf("open letters %+v", open)
	}
	if n := must[map[string]int64](t)(s.OpenLetters(ctx)); n["a"] != 4 || n["b"] != 1 {
		t.Errorf("open: %v", n)
	}
	page := must[[]Letter](t)(s.Letters(ctx, LetterFilter{After: open[0].ID, Limit: 2, State: LetterOpen}))
	if len(page) != 2 || page[0].ID != open[1].ID {
		t.Errorf("second page %+v", page)
	}
}

func TestSettlingLetters(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	id := startRun(t, s, "a")
	ok(t, s.Advance(ctx, Progress{Checkpoint: Checkpoint{Job: "a", RunID: id}, Letters: []Letter{{Key: "1", At: noon}, {Key: "2"}}}))
	ok(t, s.LetterTried(ctx, 1, errors.New("still 300")))
	ok(t, s.SettleLetter(ctx, 1, LetterDelivered, "", ""))
	l := must[Letter](t)(s.Letter(ctx, 1))
	if l.State != LetterDelivered || l.Tries != 2 || l.LastError != "still 300" || l.SettledAt.IsZero() || !l.At.Equal(noon) {
		t.Errorf("letter %+v", l)
	}
	wantErr(t, s.SettleLetter(ctx, 1, LetterDropped, "", ""), ErrSettled)
	wantErr(t, s.LetterTried(ctx, 1, errors.New("x")), ErrSettled)
	wantErr(t, s.SettleLetter(ctx, 99, LetterDropped, "", ""), ErrNotFound)
	_, err := s.Letter(ctx, 99)
	wantErr(t, err, ErrNotFound)
	for _, state := range []string{LetterOpen, "lost"} {
		if err := s.SettleLetter(ctx, 2, state, "", ""); err == nil {
			t.Errorf("settled as %s", state)
		}
	}
	if did := must[[]Audit](t)(s.Operations(ctx, 1)); len(did) != 1 || did[0].What != "dead letter 1 delivered" || did[0].Job != "a" {
		t.Errorf("operations %+v", did)
	}
}
