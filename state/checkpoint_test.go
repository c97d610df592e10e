package state

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"milkrun/sync/feed"
)

func TestLanesAreApart(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	runTo(t, s, "users", "f1")
	id := startRun(t, s, "users")
	began := noon.Add(-time.Hour)
	full := Checkpoint{Job: "users", Lane: Full, Cursor: "p1", Rows: 1000, Detail: `{"short":3}`, RunID: id, StartedAt: began}
	ok(t, s.Advance(ctx, Progress{Checkpoint: full}))
	full.Cursor, full.Rows, full.StartedAt = "p2", 2000, noon
	ok(t, s.Advance(ctx, Progress{Checkpoint: full}))
	list := must[[]Checkpoint](t)(s.Checkpoints(ctx))
	if len(list) != 2 || list[0].Lane != Forward || list[0].Cursor != "f1" {
		t.Fatalf("checkpoints %+v", list)
	}
	c := list[1]
	if c.Cursor != "p2" || c.Rows != 2000 || c.Detail != full.Detail || c.RunID != id || !c.StartedAt.Equal(began) || !c.UpdatedAt.After(noon) {
		t.Errorf("full lane %+v", c)
	}
	if _, found, _ := s.LastFull(ctx, "users"); found {
		t.Error("a pass is over that is not")
	}
	ok(t, s.EndLane(ctx, "users", Full))
	ok(t, s.EndLane(ctx, "users", Full))
	finishRun(t, s, "users", id)
	if _, found, _ := s.Checkpoint(ctx, "users", Full); found || cursorOf(t, s, "users") != "f1" {
		t.Error("ending the pass removed the wrong lane")
	}
	if at, found, err := s.LastFull(ctx, "users"); !found || err != nil || !at.After(noon) {
		t.Errorf("last full %v %v %v", at, found, err)
	}
	ok(t, s.SetLastFull(ctx, "users", began))
	if at, _, _ := s.LastFull(ctx, "users"); !at.Equal(began) {
		t.Errorf("last full %v", at)
	}
}

func ops(t *testing.T, s *Store, job string) string {
	t.Helper()
	list := must[[]Change](t)(s.History(t.Context(), job, 0))
	slices.Reverse(list)
	text := func(c *feed.Cursor) string {
		if c == nil {
			return "-"
		}
		return string(*c)
	}
	var out []string
	for i, c := range list {
		if c.Version != int64(i+1) {
			t.Errorf("version %d at place %d", c.Version, i+1)
		}
		out = append(out, fmt.Sprintf("%s %s>%s", c.Op, text(c.From), text(c.To)))
	}
	return strings.Join(out, ", ")
}

func TestUndo(t *testing.T) {
	set := func(c feed.Cursor) func(*Store) error {
		return func(s *Store) error { return s.SetCheckpoint(t.Context(), "a", Forward, c, "op", "why") }
	}
	reset := func(s *Store) error { return s.ResetCheckpoint(t.Context(), "a", Forward, "op", "why") }
	undo := func(s *Store) error {
		_, err := s.UndoCheckpoint(t.Context(), "a", Forward, "op", "why")
		return err
	}
	run := func(c feed.Cursor) func(*Store) error {
		return func(s *Store) error { runTo(t, s, "a", c); return nil }
	}
	for name, c := range map[string]struct {
		do      []func(*Store) error
		cursor  feed.Cursor
		history string
	}{
		"runs only":            {[]func(*Store) error{run("1"), run("2")}, "2", "run ->1, run 1>2"},
		"a run that stays":     {[]func(*Store) error{run("1"), run("1")}, "1", "run ->1"},
		"set":                  {[]func(*Store) error{run("1"), set("9"), undo}, "1", "run ->1, set 1>9, undo 9>1"},
		"set, then runs":       {[]func(*Store) error{run("1"), set("9"), run("10"), run("11"), undo}, "1", "run ->1, set 1>9, run 9>10, run 10>11, undo 11>1"},
		"first set":            {[]func(*Store) error{set("9"), undo}, "-", "set ->9, undo 9>-"},
		"reset":                {[]func(*Store) error{run("5"), reset, undo}, "5", "run ->5, reset 5>-, undo ->5"},
		"reset, then runs":     {[]func(*Store) error{run("5"), reset, run("1"), undo}, "5", "run ->5, reset 5>-, run ->1, undo 1>5"},
		"undo twice":           {[]func(*Store) error{run("1"), set("9"), undo, undo}, "9", "run ->1, set 1>9, undo 9>1, undo 1>9"},
		"two sets":             {[]func(*Store) error{set("1"), set("2"), undo}, "1", "set ->1, set 1>2, undo 2>1"},
		"set to the beginning": {[]func(*Store) error{run("5"), set(""), undo}, "5", "run ->5, set 5>, undo >5"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			for _, do := range c.do {
				ok(t, do(s))
			}
			if got := cursorOf(t, s, "a"); got != c.cursor {
				t.Errorf("cursor %q, want %q", got, c.cursor)
			}
			if got := ops(t, s, "a"); got != c.history {
				t.Errorf("history %q, want %q", got, c.history)
			}
		})
	}
}

func TestUndoBringsEverythingBack(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	_, err := s.UndoCheckpoint(ctx, "a", Forward, "", "")
	wantErr(t, err, ErrNoUndo)
	id := startRun(t, s, "a")
	ok(t, s.Advance(ctx, Progress{Checkpoint: Checkpoint{Job: "a", Lane: Forward, Cursor: "5", Rows: 500, Detail: `{"x":1}`, RunID: id}}))
	finishRun(t, s, "a", id)
	_, err = s.UndoCheckpoint(ctx, "a", Forward, "", "")
	wantErr(t, err, ErrNoUndo)
	ok(t, s.SetCheckpoint(ctx, "a", Forward, "2", "operator", "partner lost a day"))
	c, _, _ := s.Checkpoint(ctx, "a", Forward)
	if c.Rows != 0 || c.Detail != "" || c.RunID != 0 || c.Who != "operator" || c.Why != "partner lost a day" || c.Version != 2 {
		t.Errorf("after set: %+v", c)
	}
	c = must[Checkpoint](t)(s.UndoCheckpoint(ctx, "a", Forward, "colleague", "found it"))
	if c.Cursor != "5" || c.Rows != 500 || c.Detail != `{"x":1}` || c.Who != "colleague" || c.Version != 3 {
		t.Errorf("after undo: %+v", c)
	}
	id = startRun(t, s, "a")
	ok(t, s.Advance(ctx, Progress{Checkpoint: Checkpoint{Job: "a", Lane: Forward, Cursor: "6", RunID: id}}))
	if c, _, _ = s.Checkpoint(ctx, "a", Forward); c.Who != "" || c.RunID != id {
		t.Errorf("after a run: %+v", c)
	}
	did := must[[]Audit](t)(s.Operations(ctx, 0))
	if len(did) != 2 || did[0].What != "checkpoint undo forward" || did[1].Who != "operator" || did[1].Job != "a" {
		t.Errorf("operations %+v", did)
	}
}

func TestOperatorsKeepOffARunningJob(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	runTo(t, s, "a", "1")
	ok(t, s.SetCheckpoint(ctx, "a", Forward, "2", "", ""))
	id := startRun(t, s, "a")
	wantErr(t, s.SetCheckpoint(ctx, "a", Forward, "9", "", ""), ErrRunning)
	wantErr(t, s.ResetCheckpoint(ctx, "a", Forward, "", ""), ErrRunning)
	_, err := s.UndoCheckpoint(ctx, "a", Forward, "", "")
	wantErr(t, err, ErrRunning)
	d := must[Document](t)(s.Export(ctx))
	wantErr(t, s.Import(ctx, d, "", ""), ErrRunning)
	ok(t, s.SetCheckpoint(ctx, "b", Forward, "9", "", ""))
	finishRun(t, s, "a", id)
	ok(t, s.ResetCheckpoint(ctx, "a", Forward, "", ""))
	wantErr(t, s.ResetCheckpoint(ctx, "a", Forward, "", ""), ErrNotFound)
}

func TestRecentMarks(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	id := startRun(t, s, "a")
	at := Checkpoint{Job: "a", Lane: Forward, RunID: id}
	many := make([]string, 3*chunk+7)
	for i := range many {
		many[i] = fmt.Sprint("m", i)
	}
	ok(t, s.Advance(ctx, Progress{Checkpoint: at, Recent: many}))
	if marks := must[map[string]struct{}](t)(s.Recent(ctx, "a")); len(marks) != len(many) {
		t.Errorf("%d marks of %d", len(marks), len(many))
	}
	ok(t, s.ReplaceRecent(ctx, "a", append(many[:150:150], "m0", "new")))
	if marks := must[map[string]struct{}](t)(s.Recent(ctx, "a")); len(marks) != 151 {
		t.Errorf("%d marks after replacing", len(marks))
	}
	ok(t, s.ReplaceRecent(ctx, "a", nil))
	ok(t, s.Advance(ctx, Progress{Checkpoint: at, Recent: []string{"1", "2"}}))
	ok(t, s.Advance(ctx, Progress{Checkpoint: at, Recent: []string{"2", "3", "\xff", "\xfe"}}))
	marks := must[map[string]struct{}](t)(s.Recent(ctx, "a"))
	if len(marks) != 5 {
		t.Errorf("marks %q", marks)
	}
	if other := must[map[string]struct{}](t)(s.Recent(ctx, "b")); len(other) != 0 {
		t.Errorf("marks of another job %q", other)
	}
	finishRun(t, s, "a", id)
	ok(t, s.SetCheckpoint(ctx, "a", Forward, "3", "", "")) // what stands behind 3 is to come again
	if marks = must[map[string]struct{}](t)(s.Recent(ctx, "a")); len(marks) != 0 {
		t.Errorf("marks after set %q", marks)
	}
}

func TestExportAndImport(t *testing.T) {
	from, to := newStore(t), newStore(t)
	ctx := t.Context()
	runTo(t, from, "a", `{"at":"2026-03-01 <&>","id":7}`)
	runTo(t, from, "b", "1")
	ok(t, from.SetLastFull(ctx, "b", noon))
	d := must[Document](t)(from.Export(ctx))
	parsed := must[Document](t)(ParseDocument(encode(t, d)))
	runTo(t, to, "b", "99")
	runTo(t, to, "c", "3")
	ok(t, to.Import(ctx, parsed, "op", "moved"))
	if a, b, c := cursorOf(t, to, "a"), cursorOf(t, to, "b"), cursorOf(t, to, "c"); a != `{"at":"2026-03-01 <&>","id":7}` || b != "1" || c != "3" {
		t.Errorf("cursors %s %s %s", a, b, c)
	}
	if at, _, _ := to.LastFull(ctx, "b"); !at.Equal(noon) {
		t.Errorf("last full %v", at)
	}
	if c := must[Checkpoint](t)(to.UndoCheckpoint(ctx, "b", Forward, "", "")); c.Cursor != "99" {
		t.Errorf("undone to %+v", c)
	}
	parsed.Checkpoints = append(parsed.Checkpoints, ExportCheckpoint{Job: "d", Lane: "sideways"})
	if err := to.Import(ctx, parsed, "", ""); err == nil {
		t.Error("imported a lane that there is not")
	}
}

func TestParseDocument(t *testing.T) {
	const head = `{"format":"milkrun checkpoints 1","at":"2026-03-01T00:00:00Z","checkpoints":[`
	one := `{"job":"a","lane":"forward","cursor":"1","rows":1,"started_at":"2026-03-01T00:00:00Z"}`
	for text, want := range map[string]string{
		head + one + `]}`:             "",
		head + `]}`:                   "",
		`{}`:                          `format is ""`,
		`[]`:                          "cannot unmarshal",
		head + one + `]} x`:           "something follows",
		head + one + `]}{}`:           "something follows",
		head + one + "," + one + `]}`: "job a has two in lane forward",
		head + `{"lane":"forward"}]}`: "names no job",
		head + `{"job":"a"}]}`:        `lane is ""`,
		head + `{"jobs":"a"}]}`:       "unknown field",
		head + `{"job":"a","lane":"full","rows":-1}]}`:        "rows is -1",
		head + `{"job":"a","lane":"full","started_at":"x"}]}`: "cannot parse",
	} {
		_, err := ParseDocument([]byte(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(`{"format":"milkrun checkpoints 1","checkpoints":[{"job":"a","lane":"forward","cursor":"1"}]}`))
	f.Add([]byte(`{"format":"milkrun checkpoints 1","checkpoints":null,"at":"2026-03-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := ParseDocument(text)
		if err != nil {
			return
		}
		again, err := ParseDocument(encode(t, d))
		if err != nil || len(again.Checkpoints) != len(d.Checkpoints) {
			t.Errorf("%q: not read again: %v", text, err)
		}
	})
}
