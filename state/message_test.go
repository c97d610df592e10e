package state

import (
	"errors"
	"strings"
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

// TestReportOfResend lets an operator have a batch sent again, and the partner report on the first one before that and after it.
func TestReportOfResend(t *testing.T) {
	s, id := sending(t)
	must[bool](t)(s.Doubt(t.Context(), id))
	must[Settled](t)(s.SettleIntent(t.Context(), Settlement{ID: id, Outcome: OutcomeResend, Who: "li", Why: "they said so"}))
	if waits := must[[]string](t)(s.Resends(t.Context(), "sms")); len(waits) != 1 || waits[0] != id {
		t.Fatalf("%v wait to be sent again", waits)
	}
	report := func(person string) []Settled {
		t.Helper()
		return must[[]Settled](t)(s.AddReport(t.Context(), Report{Connection: "dx", Ref: "m-1", Batch: id, Person: person, Status: "SUCCESS", ReportedAt: time.Now()}))
	}
	other := must[string](t)(s.AddIntent(t.Context(), Intent{Job: "sms", Marks: []string{"1"}, State: IntentSent}))
	run := must[[]Run](t)(s.Runs(t.Context(), RunFilter{}))[0].ID
	ok(t, s.Advance(t.Context(), Progress{Checkpoint: Checkpoint{Job: "sms", RunID: run}, Settled: []Taken{{ID: other}}}))
	if i := must[Intent](t)(s.Intent(t.Context(), id)); len(i.Marks) != 1 || i.Marks[0] != "2" {
		t.Errorf("record 1 is sent again, and of %v that is still expected", i.Marks)
	}
	if done := report("p1"); len(done) != 1 || done[0].ID != id || done[0].Late {
		t.Errorf("%+v", done)
	}
	i := must[Intent](t)(s.Intent(t.Context(), id))
	if i.Outcome != OutcomeSent || i.Who != ReportsSettle || i.Waits() || !strings.Contains(i.Why, "li had settled it as resend: they said so") {
		t.Errorf("%+v", i)
	}
	if marks := must[map[string]struct{}](t)(s.Recent(t.Context(), "sms")); len(marks) != 1 {
		t.Errorf("marks %v, want that of record 2", marks)
	}
	if _, err := s.AddIntent(t.Context(), Intent{Job: "sms", Marks: []string{"2"}, Instead: []string{id}}); !errors.Is(err, ErrReported) {
		t.Errorf("it is sent again: %v", err)
	}
	wantStates(t, s, "p1 delivered ", "p2 accepted ")
}

// TestReportWhileSendingAgain reports on a batch while its records are tried again under another id, in vain: they are not
// tried once more, and the batch counts as sent.
func TestReportWhileSendingAgain(t *testing.T) {
	s, id := sending(t)
	must[bool](t)(s.Doubt(t.Context(), id))
	must[Settled](t)(s.SettleIntent(t.Context(), Settlement{ID: id, Outcome: OutcomeResend, Who: "li"}))
	again := must[string](t)(s.AddIntent(t.Context(), Intent{Job: "sms", Marks: []string{"1", "2"}, Instead: must[[]string](t)(s.Resends(t.Context(), "sms"))}))
	ok(t, s.MarkIntent(t.Context(), again, IntentSent))
	done := must[[]Settled](t)(s.AddReport(t.Context(), Report{Connection: "dx", Ref: "m-1", Batch: id, Person: "p1", Status: "SUCCESS", ReportedAt: time.Now()}))
	if len(done) != 1 || !done[0].Late {
		t.Errorf("%+v", done)
	}
	ok(t, s.MarkIntent(t.Context(), again, IntentRecorded))
	if err := s.MarkIntent(t.Context(), again, IntentSent); !errors.Is(err, ErrReported) {
		t.Errorf("it is tried again: %v", err)
	}
	ok(t, s.MarkIntent(t.Context(), again, IntentSettled))
	if ids := must[[]string](t)(s.Resends(t.Context(), "sms")); len(ids) > 0 {
		t.Errorf("%v are to be sent again", ids)
	}
	if i := must[Intent](t)(s.Intent(t.Context(), id)); i.Outcome != OutcomeSent || i.Ref != "m-1" {
		t.Errorf("%+v", i)
	}
	if marks := must[map[string]struct{}](t)(s.Recent(t.Context(), "sms")); len(marks) != 2 {
		t.Errorf("marks %v", marks)
	}
}

// TestLateReport reports on a batch that was sent again: it stays as it was settled, and says so.
func TestLateReport(t *testing.T) {
	s, id := sending(t)
	must[bool](t)(s.Doubt(t.Context(), id))
	must[Settled](t)(s.SettleIntent(t.Context(), Settlement{ID: id, Outcome: OutcomeResend, Who: "li"}))
	must[string](t)(s.AddIntent(t.Context(), Intent{Job: "sms", Marks: []string{"1", "2"}, Instead: []string{id}}))
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for n, r := range []Report{{Batch: id, Person: "p1", Status: "FAIL"}, {Person: "p1", Status: "SUCCESS"}, {Batch: id, Person: "p2", Status: "FAIL"}} {
		r.Connection, r.Ref, r.ReportedAt = "dx", "m-1", at.Add(time.Duration(n)*time.Minute)
		done := must[[]Settled](t)(s.AddReport(t.Context(), r))
		if n == 0 && (len(done) != 1 || !done[0].Late) || n > 0 && len(done) > 0 {
			t.Errorf("report %d settles %+v", n, done)
		}
		if n == 0 {
			wantStates(t, s, "p1 failed ", "p2 accepted ")
		}
	}
	wantStates(t, s, "p1 delivered ", "p2 failed ")
	i := must[Intent](t)(s.Intent(t.Context(), id))
	if r := must[Reported](t)(s.ReportedOn(t.Context(), i)); i.Outcome != OutcomeResend || r.Messages != 2 || r.Delivered != 1 || !r.First.Equal(at) {
		t.Errorf("%+v, %+v", i, r)
	}
	if waits := must[[]string](t)(s.Resends(t.Context(), "sms")); len(waits) > 0 {
		t.Errorf("%v wait to be sent again", waits)
	}
}

// TestReportOfLetter reports on the batch of a dead letter that is to be tried again: the letter is delivered, and not sent.
func TestReportOfLetter(t *testing.T) {
	for _, late := range []bool{false, true} {
		s := newStore(t)
		run := startRun(t, s, "sms")
		ok(t, s.Advance(t.Context(), Progress{Checkpoint: Checkpoint{Job: "sms", RunID: run}, Letters: []Letter{{Code: "-7", Place: "4"}}}))
		letter := must[[]Letter](t)(s.Letters(t.Context(), LetterFilter{}))[0]
		id := must[string](t)(s.AddIntent(t.Context(), Intent{Job: "sms", Connection: "dx", Letter: letter.ID, State: IntentSent}))
		must[bool](t)(s.Doubt(t.Context(), id))
		must[Settled](t)(s.SettleIntent(t.Context(), Settlement{ID: id, Outcome: OutcomeResend, Who: "li"}))
		again := func() error {
			_, err := s.AddIntent(t.Context(), Intent{Job: "sms", Connection: "dx", Letter: letter.ID})
			return err
		}
		if late {
			ok(t, again()) // and it is under way
		}
		done := must[[]Settled](t)(s.AddReport(t.Context(), Report{Connection: "dx", Ref: "m-1", Batch: id, Person: "p", Status: "SUCCESS", ReportedAt: time.Now()}))
		if len(done) != 1 || done[0].Late != late {
			t.Errorf("late %v: %+v", late, done)
		}
		if err := again(); errors.Is(err, ErrSettled) == late {
			t.Errorf("late %v: trying the letter again: %v", late, err)
		}
	}
}

// TestReportsWithoutRef come by our id alone: equal ones on two batches are two.
func TestReportsWithoutRef(t *testing.T) {
	s, id := sending(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, batch := range []string{"another", id} {
		must[[]Settled](t)(s.AddReport(t.Context(), Report{Connection: "dx", Batch: batch, Person: "p1", Status: "SUCCESS", Code: "DELIVRD", ReportedAt: at}))
	}
	wantStates(t, s, "p1 delivered DELIVRD", "p2 sending ")
}
