package state

import (
	"testing"
	"time"
)

// sending is a store with one batch of two messages that is being sent.
func sending(t *testing.T) (*Store, string) {
	t.Helper()
	s := newStore(t)
	run := startRun(t, s, "sms")
	id := must[string](t)(s.AddIntent(t.Context(), Intent{Job: "sms", RunID: run, Records: 2, Connection: "dx", Marks: []string{"1", "2"}, State: IntentSent}))
	ok(t, s.AddMessages(t.Context(), id, []Addressee{{Person: "p1", Shown: "138****0001", Copies: 1}, {Person: "p2", Shown: "138****0002", Copies: 2}}))
	ok(t, s.AddMessages(t.Context(), id, []Addressee{{Person: "p1", Shown: "138****0001", Copies: 1}}))
	return s, id
}

func statesOf(t *testing.T, s *Store, f MessageFilter) (list []string) {
	t.Helper()
	for _, m := range must[[]Message](t)(s.Messages(t.Context(), f)) {
		list = append(list, m.Person+" "+m.State+" "+m.Code)
	}
	return list
}

func wantStates(t *testing.T, s *Store, want ...string) {
	t.Helper()
	got := statesOf(t, s, MessageFilter{})
	if len(got) != len(want) {
		t.Fatalf("messages %q, want %q", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("messages %q, want %q", got, want)
			return
		}
	}
}

func TestMessages(t *testing.T) {
	s, id := sending(t)
	wantStates(t, s, "p1 sending ", "p2 sending ")
	must[bool](t)(s.Doubt(t.Context(), id))
	wantStates(t, s, "p1 unknown ", "p2 unknown ")
	must[Settled](t)(s.SettleIntent(t.Context(), Settlement{ID: id, Outcome: OutcomeResend, Who: "li"}))
	wantStates(t, s, "p1 unsent ", "p2 unsent ")
	if recent := must[map[string]struct{}](t)(s.Recent(t.Context(), "sms")); len(recent) != 0 {
		t.Errorf("%v are known as sent", recent)
	}
	if got := statesOf(t, s, MessageFilter{State: MessageUnsent, Limit: 1}); len(got) != 1 {
		t.Errorf("%q", got)
	}
	first := must[[]Message](t)(s.Messages(t.Context(), MessageFilter{Limit: 1}))[0]
	if rest := must[[]Message](t)(s.Messages(t.Context(), MessageFilter{After: &first})); len(rest) != 1 || rest[0].Person != "p2" || rest[0].Copies != 2 {
		t.Errorf("behind the first: %+v", rest)
	}
}

// TestReportsInAnyOrder lets them come before the answer, twice and in the wrong order.
func TestReportsInAnyOrder(t *testing.T) {
	s, id := sending(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	report := func(person, status, code string, after time.Duration) []Settled {
		t.Helper()
		return must[[]Settled](t)(s.AddReport(t.Context(), Report{Connection: "dx", Ref: "m-1", Person: person, Status: status, Code: code, ReportedAt: at.Add(after)}))
	}
	report("p1", "SUCCESS", "DELIVRD", time.Minute)
	if orphans := must[[]Report](t)(s.Orphans(t.Context(), 0)); len(orphans) != 1 {
		t.Fatalf("%+v", orphans)
	}
	run := must[[]Run](t)(s.Runs(t.Context(), RunFilter{}))[0].ID
	ok(t, s.Advance(t.Context(), Progress{Checkpoint: Checkpoint{Job: "sms", RunID: run}, Settled: []Taken{{ID: id, Ref: "m-1", Note: "1 of 2"}}}))
	wantStates(t, s, "p1 delivered DELIVRD", "p2 unclear ")
	report("p1", "FAIL", "UNDELIV", 0) // older
	report("p1", "SUCCESS", "DELIVRD", time.Minute)
	report("p2", "FAIL", "UNDELIV", 0)
	wantStates(t, s, "p1 delivered DELIVRD", "p2 failed UNDELIV")
	report("p2", "SUCCESS", "DELIVRD", time.Hour)
	wantStates(t, s, "p1 delivered DELIVRD", "p2 delivered DELIVRD")
	n, _, err := one(t.Context(), s.r, scanTo[int], "SELECT count(*) FROM report")
	if err != nil || n != 4 {
		t.Errorf("%d reports are kept, %v", n, err)
	}
	if orphans := must[[]Report](t)(s.Orphans(t.Context(), 0)); len(orphans) != 0 {
		t.Errorf("%+v", orphans)
	}
}

// TestReportSettlesADoubt names the batch by our id, about a person nobody knows; another connection's report does not.
func TestReportSettlesADoubt(t *testing.T) {
	s, id := sending(t)
	must[bool](t)(s.Doubt(t.Context(), id))
	ok(t, s.SetHalt(t.Context(), Halt{Scope: JobScope, Name: "sms", Code: CodeDoubt}))
	other := Report{Connection: "other", Ref: "m-1", Batch: id, Person: "x", Status: "SUCCESS", ReportedAt: time.Now()}
	if done := must[[]Settled](t)(s.AddReport(t.Context(), other)); len(done) != 0 {
		t.Fatalf("%+v", done)
	}
	other.Connection = "dx"
	done := must[[]Settled](t)(s.AddReport(t.Context(), other))
	if len(done) != 1 || !done[0].Resumed || done[0].ID != id {
		t.Fatalf("%+v", done)
	}
	i := must[Intent](t)(s.Intent(t.Context(), id))
	if i.State != IntentSettled || i.Outcome != OutcomeSent || i.Ref != "m-1" || i.Who != ReportsSettle {
		t.Errorf("%+v", i)
	}
	if halts := must[[]Halt](t)(s.Halts(t.Context())); len(halts) != 0 {
		t.Errorf("%+v", halts)
	}
	if recent := must[map[string]struct{}](t)(s.Recent(t.Context(), "sms")); len(recent) != 2 {
		t.Errorf("%v are known as sent", recent)
	}
}

// TestOtherHaltsStay settles a doubt of a job that is halted for something else.
func TestOtherHaltsStay(t *testing.T) {
	s, id := sending(t)
	must[bool](t)(s.Doubt(t.Context(), id))
	ok(t, s.SetHalt(t.Context(), Halt{Scope: JobScope, Name: "sms", Code: CodeRestored}))
	if done := must[Settled](t)(s.SettleIntent(t.Context(), Settlement{ID: id, Outcome: OutcomeSent, Who: "li"})); done.Resumed {
		t.Error("it was resumed")
	}
}

func TestDailyRation(t *testing.T) {
	s := newStore(t)
	take := func(day string, n int) (int, bool) {
		t.Helper()
		left, taken, err := s.Take(t.Context(), "dx", day, n, 10)
		ok(t, err)
		return left, taken
	}
	if left, taken := take("2026-03-01", 7); left != 3 || !taken {
		t.Error(left, taken)
	}
	if left, taken := take("2026-03-01", 4); left != 3 || taken {
		t.Error(left, taken)
	}
	ok(t, s.GiveBack(t.Context(), "dx", "2026-03-01", 7))
	if left, taken := take("2026-03-01", 10); left != 0 || !taken {
		t.Error(left, taken)
	}
	if left, taken := take("2026-03-02", 1); left != 9 || !taken {
		t.Error(left, taken)
	}
	if used := must[int](t)(s.Used(t.Context(), "dx", "2026-03-01")); used != 10 {
		t.Error(used)
	}
}
