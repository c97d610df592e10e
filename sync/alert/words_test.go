package alert

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write testdata anew")

// samples is one event of each kind, and of what matters about it.
func samples(t testing.TB) []Event {
	t.Helper()
	loc, at := shanghai(t), func(text string) time.Time { return clock(t, text) }
	base := func(kind Kind, scope Scope, name string) Event {
		return Event{Subject: Subject{kind, scope, name}, Location: loc, Occurrence: "1", Count: 1}
	}
	failed := base(Failed, JobScope, "grades")
	failed.Run, failed.At, failed.Since, failed.Count = 812, at("2026-03-02 02:31"), at("2026-03-02 01:31"), 3
	failed.Text, failed.Code, failed.Counts = "getEnterpriseGrades page 7: HTTP 503 Service Unavailable", "HTTP 503", Counts{6000, 5000, 2}
	failed.Remedy = "it is tried again by itself; if it goes on, ask the partner whether its service is well"

	plain := base(Failed, JobScope, "affairs")
	plain.Run, plain.At, plain.Since, plain.Text = 813, at("2026-03-02 02:40"), at("2026-03-02 02:40"), "no complete answer within 1m0s (timeout)"

	job := base(Halted, JobScope, "affairs")
	job.Run, job.At, job.Since, job.Text = 814, at("2026-03-02 03:00"), at("2026-03-02 03:00"), "the cursor does not move"
	job.Remedy = "check the cursor columns of the source, then resume the job"

	connection := base(Halted, ConnectionScope, "credit")
	connection.Run, connection.At, connection.Since, connection.Text = 815, at("2026-03-02 03:10"), at("2026-03-02 03:10"), "HTTP 401 Unauthorized"
	connection.Jobs = []string{"grades", "enterprises"}

	late := base(Late, JobScope, "grades")
	late.At, late.Since, late.Slot, late.Running = at("2026-03-02 07:00"), at("2026-03-02 07:00"), at("2026-03-02 01:30"), at("2026-03-02 06:10")

	again := late
	again.Running, again.Count, again.Run, again.Text = time.Time{}, 2, 816, "HTTP 503 Service Unavailable"
	again.At, again.Slot = at("2026-03-03 07:00"), at("2026-03-03 01:30")

	stale := base(Stale, JobScope, "user-info")
	stale.Run, stale.At, stale.Since, stale.Limit = 700, at("2026-03-02 05:02"), at("2026-03-01 03:02"), 26*time.Hour
	stale.Counts = Counts{10, 10, 0}

	paused := base(Stale, JobScope, "user-info")
	paused.At, paused.Since, paused.Limit, paused.Never, paused.PausedBy = at("2026-03-08 03:00"), at("2026-03-01 03:00"), 7*24*time.Hour, true, "chen"

	list := []Event{failed, plain, job, connection, late, again, stale, paused}
	for _, e := range []Event{failed, job, connection, late, stale} {
		e.Over, e.At, e.Text, e.Remedy, e.Running, e.Jobs = true, at("2026-03-02 08:12"), "", "", time.Time{}, nil
		if e.Kind == Halted {
			e.Run = 0
		} else {
			e.Run, e.Counts = 820, Counts{1700, 1700, 0}
		}
		list = append(list, e)
	}
	return list
}

func TestWords(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		var out strings.Builder
		show := func(m Message) { fmt.Fprintf(&out, "%s\n\n--------\n\n", m.Text()) }
		list := samples(t)
		for _, e := range list {
			show(Compose(lang, "etl-1", []Event{e}))
		}
		show(TestMessage(lang, "etl-1", clock(t, "2026-03-02 09:00")))
		show(Compose(lang, "etl-1", list[:4]))
		show(Compose(lang, "etl-1", list))
		golden(t, "words."+lang+".txt", out.String())
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is different (-update writes it anew):\n%s", name, got)
	}
}

// The largest message fits into the smallest channel, but for a list of the longest reasons in Chinese.
func TestMessagesAreShort(t *testing.T) {
	e := samples(t)[0]
	e.Name, e.Text, e.Remedy = strings.Repeat("n", 64), clean(strings.Repeat("长", 500), longestText), clean(strings.Repeat("长", 500), longestRemedy)
	for _, lang := range []string{"en", "zh"} {
		if n := len(Compose(lang, "etl-1", []Event{e}).Text()); n > 2048 {
			t.Errorf("%s: %d bytes", lang, n)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("phone 13812345678\n\x00\xff")
	f.Fuzz(func(t *testing.T, text string) {
		got := clean(text, 50)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 50 || strings.ContainsAny(got, "\n\r\t\x00\x1b") {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

// TestCommand names what ends a trouble: resuming a job does not help while a batch is in doubt.
func TestCommand(t *testing.T) {
	for _, c := range []struct {
		event Event
		want  string
	}{
		{Event{Subject: Subject{Kind: Halted, Name: "sms"}, Code: "302"}, "milkrun resume sms"},
		{Event{Subject: Subject{Kind: Halted, Name: "sms"}, Code: "doubt"}, "milkrun doubt list sms"},
		{Event{Subject: Subject{Kind: Halted, Name: "sms"}, Code: "doubt", Over: true}, ""},
		{Event{Subject: Subject{Kind: Failed, Name: "sms"}, Run: 7}, "milkrun runs show 7"},
	} {
		if got := c.event.Command(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.event, got, c.want)
		}
	}
}
