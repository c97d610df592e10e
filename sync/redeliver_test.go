package sync

import (
	"context"
	"errors"
	"strings"
	"testing"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
)

// become empties a shelf, and gives it the manners of another one.
func (s *shelf) become(other *shelf) {
	s.got, s.phones, s.calls, s.deliver, s.lost, s.bad = other.got, other.phones, 0, other.deliver, other.lost, other.bad
}

// withLetters runs a job whose sink rejects the records 3, 14 and 15, and returns its engine, job and letters.
func withLetters(t *testing.T, source feed.Source, sink *shelf) (*Engine, *config.Job, []state.Letter) {
	t.Helper()
	e := newEngine(t)
	job := newJob(t, "j", source, sink)
	mustRun(t, e, job)
	open := letters(t, e, "j")
	if len(open) != 3 {
		t.Fatalf("%d dead letters", len(open))
	}
	return e, job, open
}

func TestRedeliver(t *testing.T) {
	sink := rejecting("3", "14", "15")
	e, job, open := withLetters(t, &list{n: 30}, sink)
	job.Mask = phoneMask(t, "phone")
	sink.become(rejecting("14"))
	got, err := e.Redeliver(t.Context(), job, open, false, "an operator")
	if err != nil || len(got) != 3 || !got[0].Delivered || got[1].Delivered || !got[2].Delivered {
		t.Fatalf("%+v, %v", got, err)
	}
	hides(t, got[1].Reason, "13812345678")
	if len(sink.got) != 2 || sink.got["3"] != 1 || sink.got["15"] != 1 || sink.phones["13800000000"] {
		t.Errorf("delivered %v with phones %v", sink.got, sink.phones)
	}
	left := letters(t, e, "j")
	if len(left) != 1 || left[0].ID != open[1].ID || left[0].Tries != 2 {
		t.Fatalf("left open: %+v", left)
	}
	hides(t, left[0].LastError, "13812345678")
	settled, err := e.Store.Letter(t.Context(), open[0].ID)
	if err != nil || settled.State != state.LetterDelivered || settled.Who != "an operator" {
		t.Errorf("%+v, %v", settled, err)
	}
	if _, err := e.Redeliver(t.Context(), job, open[:1], false, "an operator"); !errors.Is(err, state.ErrSettled) {
		t.Errorf("a settled letter: %v", err)
	}
}

// gone is a list of which some records are no longer there.
type gone struct{ *list }

func (gone) Reread(_ context.Context, at []feed.Cursor) (feed.Batch, error) {
	if at[0] == "14" {
		return feed.Batch{Columns: cols}, nil
	}
	if at[0] == "15" {
		return feed.Batch{}, errors.New("the table is locked")
	}
	return feed.Batch{Columns: cols, Values: []feed.Value{string(at[0]), "13800000000"}}, nil
}

func TestRedeliverWhatIsGone(t *testing.T) {
	for _, preview := range []bool{false, true} {
		sink := rejecting("3", "14", "15")
		e, job, open := withLetters(t, gone{&list{n: 30}}, sink)
		sink.become(newShelf())
		got, err := e.Redeliver(t.Context(), job, open, preview, "an operator")
		if err != nil || len(got) != 3 || got[0].Delivered == preview || !got[1].Missing || got[2].Missing || got[2].Reason != "the table is locked" {
			t.Errorf("%+v, %v", got, err)
		}
		tries := 0
		for _, l := range letters(t, e, "j") {
			tries += l.Tries
		}
		if want := map[bool]int{false: 4, true: 3}[preview]; tries != want {
			t.Errorf("%d tries are noted, want %d", tries, want)
		}
		if preview && (sink.calls > 0 || got[0].Request == "") {
			t.Errorf("a preview made %d calls and shows %q", sink.calls, got[0].Request)
		}
	}
}

// TestRedeliverStops meets what the next letter would meet as well.
func TestRedeliverStops(t *testing.T) {
	sink := rejecting("3", "14", "15")
	e, job, open := withLetters(t, &list{n: 30}, sink)
	sink.become(newShelf())
	sink.deliver = func(feed.Batch) ([]feed.Rejection, error) {
		return nil, feed.Errorf(feed.HaltConnection, "302", "the key is void")
	}
	got, err := e.Redeliver(t.Context(), job, open, false, "an operator")
	if feed.Judge(err).Code != "302" || len(got) != 1 || got[0].Delivered || sink.calls != 1 || len(letters(t, e, "j")) != 3 {
		t.Errorf("%+v after %d calls: %v", got, sink.calls, err)
	}
}

// TestRedeliverOnce tries a letter of an opaque sink again and loses the answer: it is not sent a second time.
func TestRedeliverOnce(t *testing.T) {
	sink := rejecting("3", "14", "15")
	e, job, open := withLetters(t, &list{n: 30}, sink)
	job = job2(t, opaqueShelf{sink}, job)
	sink.become(rejecting("14"))
	sink.lost = func(calls int) error {
		if calls == 2 {
			return errLost
		}
		return nil
	}
	got, err := e.Redeliver(t.Context(), job, open, false, "an operator")
	if feed.Judge(err).Code != "doubt" || len(got) != 3 || !got[0].Delivered || got[1].Delivered || got[2].Delivered {
		t.Fatalf("%+v, %v", got, err)
	}
	if doubts, err := e.Store.OpenIntents(t.Context(), "j"); err != nil || len(doubts) != 1 || doubts[0].State != state.IntentDoubt {
		t.Errorf("open batches %+v, %v", doubts, err)
	}
	sink.lost = nil
	if _, err := e.Redeliver(t.Context(), job, open[2:], false, "an operator"); feed.Judge(err).Code != "doubt" {
		t.Errorf("tried again: %v", err)
	}
	never(t, sink)
	if sink.calls != 2 {
		t.Errorf("%d calls", sink.calls)
	}
}

func TestRedeliverIsRefused(t *testing.T) {
	e := newEngine(t)
	if _, err := e.Redeliver(t.Context(), newJob(t, "j", newCrowd(5), &memory{}), nil, false, "an operator"); feed.Judge(err).Code != "reread" {
		t.Errorf("a source without places: %v", err)
	}
	if err := e.Store.SetHalt(t.Context(), state.Halt{Scope: state.ConnectionScope, Name: "to-j"}); err != nil {
		t.Fatal(err)
	}
	var halted *HaltedError
	if _, err := e.Redeliver(t.Context(), newJob(t, "j", &list{n: 5}, newShelf()), nil, false, "an operator"); !errors.As(err, &halted) {
		t.Errorf("a halted connection: %v", err)
	}
}

// shower is a shelf that shows its requests.
type shower struct{ *shelf }

func (shower) Preview(_ context.Context, b feed.Batch) (string, error) {
	return "POST " + b.Get(0, "id").(string) + " " + b.Get(0, "phone").(string), nil
}

func TestPreview(t *testing.T) {
	sink, e := newShelf(), newEngine(t)
	source := &list{n: 15}
	job := newJob(t, "j", rangedList{source}, shower{sink})
	job.Mask = phoneMask(t, "phone")
	request, n, err := e.Preview(t.Context(), job, Start{})
	if err != nil || n != 10 || !strings.HasPrefix(request, "POST 1 ") {
		t.Errorf("%d records, %q, %v", n, request, err)
	}
	hides(t, request, "13800000000")
	if request, n, err = e.Preview(t.Context(), job, Start{From: "4", To: "6"}); err != nil || n != 2 || !strings.HasPrefix(request, "POST 5 ") {
		t.Errorf("%d records, %q, %v", n, request, err)
	}
	runs, err := e.Store.Runs(t.Context(), state.RunFilter{})
	cps, err2 := e.Store.Checkpoints(t.Context())
	if sink.calls > 0 || len(runs)+len(cps) > 0 || errors.Join(err, err2) != nil {
		t.Errorf("%d calls, runs %v, checkpoints %v, %v", sink.calls, runs, cps, errors.Join(err, err2))
	}
	mustRun(t, e, job)
	if request, n, err = e.Preview(t.Context(), job, Start{}); n != 0 || request != "" || err != nil {
		t.Errorf("behind the end: %d records, %q, %v", n, request, err)
	}
	job.Mask = phoneMask(t, "phome")
	if request, _, err = e.Preview(t.Context(), job, Start{Full: true}); feed.Judge(err).Code != "mask" || request != "" {
		t.Errorf("a misspelt mask: %q, %v", request, err)
	}
}
