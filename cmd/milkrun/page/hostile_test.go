package page

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/feed"
)

// attack is a text that becomes markup, an attribute, a script or an address wherever somebody forgets to escape it.
const attack = `"><script>alert(1)</script><img src=x onerror=alert(1)>' onload='x' {{.}} javascript:alert(1) </pre></textarea><!-- ` + "\u202e\x00\x1b[31m" + ` &lt;b&gt;`

// Whatever records, partners and operators say is text.
func TestHostileContent(t *testing.T) {
	w := newWorld(t, nil)
	ctx := context.Background()
	record, err := json.Marshal(map[string]string{attack: attack})
	w.must(err)
	id := w.ran("affairs", noon().Add(-10*time.Minute), state.Ran, time.Second, state.Run{State: state.Failed, Code: attack, Error: attack, Remedy: attack, Summary: attack,
		CursorTo: feed.Cursor(attack)}, state.Letter{Code: attack, Reason: attack, Key: attack, Place: feed.Cursor(attack), Record: string(record)},
		state.Letter{Code: "x", Reason: "y", Key: "z", Record: attack})
	w.must(w.store.AddEvent(ctx, state.Event{RunID: id, Kind: attack, Text: attack}))
	w.must(w.store.SetHalt(ctx, state.Halt{Scope: state.ConnectionScope, Name: attack, Code: attack, Reason: attack, Remedy: attack}))
	w.must(w.store.SetHalt(ctx, state.Halt{Scope: state.JobScope, Name: "licences", Code: attack, Reason: attack, Remedy: attack}))
	w.must(w.store.Pause(ctx, "archive", attack, attack))
	w.must(w.store.SetCheckpoint(ctx, "census", state.Forward, feed.Cursor(attack), attack, attack))
	w.must(w.store.Decide(ctx, state.Slot{Job: "affairs", At: noon().Add(-time.Hour), Decision: state.Missed, Note: attack}))
	w.must(w.store.LetterTried(ctx, 1, &feed.Error{Err: errorText(attack)}))
	w.setRunning(sync.Progress{Job: "grades", Run: 7, Phase: attack, StartedAt: noon(), Counts: state.Counts{Total: -1}, Trouble: attack})
	for _, path := range []string{"/", "/jobs/affairs", "/jobs/licences", "/jobs/archive", "/jobs/census", "/jobs/census/checkpoint", "/jobs/affairs/checkpoint", "/runs", "/runs/1",
		"/calendar", "/calendar/affairs/2026-03-05", "/letters", "/letters/1", "/letters/2", "/changes", "/runs?job=" + query(attack), "/letters?job=" + query(attack) + "&state=" + query(attack),
		"/nothing" + query(attack), "/jobs/" + query(attack)} {
		_, body, header := w.ask(path)
		for _, bad := range []string{"<script>alert", "<img src=x", "onerror=alert(1)>", "</textarea>", "<!-- \u202e", "\" onload", "' onload='x'"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s: %q is on the page", path, bad)
			}
		}
		if strings.Contains(body, `href="javascript`) {
			t.Errorf("%s: an address of a record", path)
		}
		checkMarkup(t, path, body)
		_ = header
	}
}

func checkMarkup(t *testing.T, path, body string) {
	t.Helper()
	for _, tag := range []string{"table", "tr", "td", "form", "div", "pre", "article", "main"} {
		if open, shut := strings.Count(body, "<"+tag+" ")+strings.Count(body, "<"+tag+">"), strings.Count(body, "</"+tag+">"); open != shut {
			t.Errorf("%s: %d <%s> and %d </%s>", path, open, tag, shut, tag)
		}
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }

func query(text string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for _, c := range []byte(text) {
		out.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return out.String()
}

// A record of a megabyte is no page of a megabyte.
func TestHugeRecord(t *testing.T) {
	w := newWorld(t, nil)
	w.ran("affairs", noon().Add(-time.Hour), state.Ran, time.Second, state.Run{State: state.Part, CursorTo: "[1]"},
		state.Letter{Code: "x", Reason: strings.Repeat("y", 3000), Key: "k", Record: `{"a":"` + strings.Repeat("汉", 400_000) + `"}`})
	if _, body, _ := w.ask("/letters"); len(body) > 40_000 {
		t.Errorf("the list has %d bytes", len(body))
	}
	if _, body, _ := w.ask("/letters/1"); len(body) > 400_000 {
		t.Errorf("the letter has %d bytes", len(body))
	}
}
