package state

import (
	"testing"
	"time"
)

func TestMemory(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	until := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, m := range []Memory{
		{Connection: "credit", Topic: "licence", Key: "b", Value: "old", Who: "wang", Why: "first"},
		{Connection: "credit", Topic: "licence", Key: "a", Value: "1", Until: until, Who: "wang"},
		{Connection: "credit", Topic: "licence", Key: "b", Value: "2", Who: "wang", Why: "again"},
		{Connection: "other", Topic: "licence", Key: "a", Value: "3", Who: "wang"},
	} {
		if err := s.Remember(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.Memories(ctx, "credit", "licence")
	if err != nil || len(list) != 2 || list[0].Value != "1" || !list[0].Until.Equal(until) || list[1].Value != "2" || list[1].Why != "again" || list[1].At.IsZero() || !list[1].Until.IsZero() {
		t.Errorf("%+v, %v", list, err)
	}
	if gone, err := s.Forget(ctx, "credit", "licence", "b", "wang", "void"); !gone || err != nil {
		t.Error(gone, err)
	}
	if gone, err := s.Forget(ctx, "credit", "licence", "b", "wang", "void"); gone || err != nil {
		t.Error(gone, err)
	}
	if _, found, err := s.Recall(ctx, "credit", "licence", "b"); found || err != nil {
		t.Error(found, err)
	}
	if m, found, err := s.Recall(ctx, "other", "licence", "a"); !found || err != nil || m.Value != "3" {
		t.Errorf("%+v, %v", m, err)
	}
	ops, err := s.Operations(ctx, 0)
	if err != nil || len(ops) != 5 || ops[0].What != "forget licence of b" || ops[0].Job != "credit" || ops[0].Why != "void" {
		t.Errorf("%+v, %v", ops, err)
	}
}
