package page

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"milkrun/state"
	"milkrun/sync/feed"
)

func TestActions(t *testing.T) {
	w := newWorld(t, nil)
	w.fill(0)
	for _, one := range []struct {
		name   string
		fields url.Values
		said   string // on the next page
		call   string // what Actions were asked for, "" for nothing
	}{
		{"pause", url.Values{"do": {"pause"}, "job": {"affairs"}, "why": {"  a\r\nline "}}, "job affairs is paused", "job affairs is paused | page (127.0.0.1) | a  line"},
		{"pause without a reason", url.Values{"do": {"pause"}, "job": {"licences"}}, "job licences is paused", "job licences is paused | page (127.0.0.1) | "},
		{"resume", url.Values{"do": {"resume"}, "job": {"partner"}, "why": {"new token"}}, "partner is resumed", "partner is resumed | page (127.0.0.1) | new token"},
		{"trigger", url.Values{"do": {"trigger"}, "job": {"census"}}, "trigger census", "trigger census | page (127.0.0.1) | "},
		{"trigger a range", url.Values{"do": {"trigger"}, "job": {"census"}, "full": {"yes"}, "from": {" 1 "}, "to": {"13712345381"}}, "trigger census {Full:true From:1 To:13712345381}",
			"trigger census {Full:true From:1 To:13712345381} | page (127.0.0.1) | "},
		{"cancel", url.Values{"do": {"cancel"}, "job": {"grades"}}, "cancel grades", "cancel grades | page (127.0.0.1) | "},
		{"reload", url.Values{"do": {"reload"}}, "reload", "reload | page (127.0.0.1) | "},
		{"preview", url.Values{"do": {"preview"}, "id": {"1", "2"}}, "retry affairs [1 2] dry=true", "retry affairs [1 2] dry=true | page (127.0.0.1) | "},
		{"retry all", url.Values{"do": {"retry"}, "job": {"affairs"}, "all": {"yes"}}, "retry affairs [] dry=false", "retry affairs [] dry=false | page (127.0.0.1) | "},
		{"retry none", url.Values{"do": {"retry"}}, "No dead letter was chosen", ""},
		{"drop without a reason", url.Values{"do": {"drop"}, "id": {"1"}, "why": {" \t"}}, "This change needs a reason", ""},
		{"a reason with a number", url.Values{"do": {"pause"}, "job": {"affairs"}, "why": {"13712345381 asked"}}, "job affairs is paused", "job affairs is paused | page (127.0.0.1) | 137****5381 asked"},
		{"drop", url.Values{"do": {"drop"}, "id": {"2", "1", "2"}, "why": {"tests of theirs"}}, "dropped [1 2]", "dropped [1 2] | page (127.0.0.1) | tests of theirs"},
		{"undo without a reason", url.Values{"do": {"undo"}, "job": {"licences"}, "lane": {"forward"}}, "This change needs a reason", ""},
		{"undo", url.Values{"do": {"undo"}, "job": {"licences"}, "lane": {"forward"}, "why": {"they had it"}}, "undo licences forward", "undo licences forward | page (127.0.0.1) | they had it"},
		{"a near name", url.Values{"do": {"pause"}, "job": {"afairs"}}, `did you mean "affairs"?`, ""},
		{"no action", url.Values{"do": {"delete"}, "job": {"affairs"}}, "does not know this action", ""},
	} {
		t.Run(one.name, func(t *testing.T) {
			before := len(w.acts.all())
			one.fields.Set("back", "/changes")
			status, body, header := w.post("/do", one.fields)
			if status != http.StatusOK || !strings.Contains(plain(body), one.said) || !strings.Contains(body, "<h1>Operation log</h1>") {
				t.Errorf("%d %s", status, plain(body))
			}
			checkPage(t, body, header)
			calls := w.acts.all()[before:]
			if got := strings.Join(calls, "; "); got != one.call {
				t.Errorf("asked for %q, want %q", got, one.call)
			}
			if _, again, _ := w.ask("/changes"); strings.Contains(again, `id="note"`) {
				t.Error("the note is shown twice")
			}
		})
	}
	c, _, err := w.store.Checkpoint(t.Context(), "licences", state.Forward)
	if err != nil || c.Cursor != `[121000]` {
		t.Errorf("the checkpoint after the undo: %v %v", c.Cursor, err)
	}
}

// A batch in doubt is shown on the page of its job with what settles it, as sent or as to be sent again.
func TestSettlingDoubts(t *testing.T) {
	w := newWorld(t, nil)
	for _, id := range []string{"A1", "B2"} {
		_, err := w.store.AddIntent(t.Context(), state.Intent{ID: id, Job: "affairs", Records: 7, State: state.IntentDoubt})
		w.must(err)
	}
	w.must(w.store.SetHalt(t.Context(), state.Halt{Scope: state.JobScope, Name: "affairs", Code: state.CodeDoubt, Reason: "nobody knows", Remedy: "ask"}))
	if _, body, _ := w.ask("/"); !strings.Contains(body, `href="/jobs/affairs#doubts-affairs"`) || strings.Contains(body, "Resume affairs") {
		t.Error("the overview offers to resume a job that waits for a doubt to be settled")
	}
	_, body, header := w.ask("/jobs/affairs")
	checkPage(t, body, header)
	for _, want := range []string{"A1", "7 records", "milkrun doubt settle B2 --as sent|resend --note …", "It arrived", "Send again"} {
		if !strings.Contains(plain(body), want) {
			t.Errorf("the job's page does not say %q", want)
		}
	}
	for _, c := range []struct {
		batch, do, why, said string
		outcome              string
	}{
		{"A1", "settle-sent", "", "This change needs a reason", ""},
		{"A1", "settle-sent", "they list it", "settle A1 as sent", state.OutcomeSent},
		{"A1", "settle-resend", "no", "already settled", state.OutcomeSent},
		{"B2", "settle-resend", "they do not", "settle B2 as resend", state.OutcomeResend},
	} {
		_, body, _ := w.post("/do", url.Values{"do": {c.do}, "job": {"affairs"}, "batch": {c.batch}, "why": {c.why}, "back": {"/jobs/affairs"}})
		if i, err := w.store.Intent(t.Context(), c.batch); !strings.Contains(plain(body), c.said) || i.Outcome != c.outcome || err != nil {
			t.Errorf("%+v: %q, %v", c, i.Outcome, err)
		}
	}
	if _, body, _ := w.ask("/jobs/affairs"); strings.Contains(body, "Nobody knows") {
		t.Error("settled batches are still shown")
	}
}

// An error is shown with its remedy, whoever knows it.
func TestActionErrors(t *testing.T) {
	w := newWorld(t, nil)
	w.fill(0)
	for want, err := range map[string]error{
		"look into the log":    (&feed.Error{Err: errors.New("the daemon is draining")}).WithRemedy("look into the log"),
		"free space":           &state.Error{Kind: state.ErrFull, Path: "x", Remedy: "free space"},
		"no remedy is nothing": errors.New("no remedy is nothing"),
	} {
		w.acts.fail = err
		_, body, _ := w.post("/do", url.Values{"do": {"trigger"}, "job": {"census"}})
		if !strings.Contains(plain(body), want) || !strings.Contains(plain(body), "trigger census") || // what was done before it
			!strings.Contains(body, `role="alert"`) {
			t.Errorf("%v: %s", err, plain(body)[:600])
		}
	}
	if _, body, _ := w.post("/do", url.Values{"do": {"reload"}}); !strings.Contains(plain(body), `did you mean "schedule"?`) {
		t.Errorf("a reload of a bad file: %s", plain(body)[:600])
	}
}

// What somebody without cookies does is done; only the note is lost.
func TestNotesAreNobodyElses(t *testing.T) {
	w := newWorld(t, nil)
	w.client.Jar = nil
	if _, body, _ := w.post("/do", url.Values{"do": {"pause"}, "job": {"affairs"}}); strings.Contains(body, `id="note"`) {
		t.Error("a note without its cookie")
	}
	if _, body, _ := w.ask("/", "Cookie", noteCookie+"=AAAA"); strings.Contains(body, `id="note"`) {
		t.Error("a note that nobody left")
	}
	for range 3 * mostNotes {
		w.page.notes.leave(discard{}, w.request(), note{Text: "x"})
	}
	if n := len(w.page.notes.list); n > mostNotes {
		t.Errorf("%d notes are kept", n)
	}
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func (w *world) request() *http.Request {
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.server.URL, http.NoBody)
	w.must(err)
	return r
}
