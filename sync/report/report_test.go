package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/audit"
	"milkrun/sync/catalogue"
	"milkrun/sync/words"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestFigures counts a month by hand: 20 nights, of which one failed, one was missed, one was late and one was mended.
func TestFigures(t *testing.T) {
	r := november(t).make("2026-11")
	want := Figures{Runs: 19, FailedRuns: 1, Read: 55000, Delivered: 17*2990 + 3001, Rejected: 36, Duplicates: 17 * 8, Unsettled: 1000, Mended: 3, Retries: 4,
		Stated: 54000, Taken: 54000, Drifts: 1, Reread: 18 * 16, Promised: 20, OnTime: 17, Late: 1, Failed: 1, Missed: 1}
	if got := r.Lines[0]; got.Figures != want || got.Partner != "credit" || got.From != "credit / grades" || got.Purpose != "信用评估" {
		t.Errorf("credit\n%+v\nwant\n%+v", got, want)
	}
	want = Figures{Runs: 1, Read: 500, Delivered: 480, Duplicates: 20, Promised: 1, Late: 1}
	if got := r.Lines[1]; got.Figures != want || got.Partner != "platform" {
		t.Errorf("platform %+v", got)
	}
	if len(r.Traffic) != 2 || r.Traffic[0].Calls != 59 || r.Traffic[0].Failed != 5 || r.Traffic[0].Most != 5 || r.Traffic[0].Busiest != "2026-11-09" ||
		r.Traffic[0].Allowed != 24 || r.Traffic[1].Sent != 2<<20 || r.Traffic[0].Received != 54*65536 {
		t.Errorf("traffic %+v", r.Traffic)
	}
	if len(r.Timeliness) != 1 || r.Timeliness[0].Records != 150 || r.Timeliness[0].Late != 3 {
		t.Errorf("timeliness %+v", r.Timeliness)
	}
	if i := r.Incidents; len(i) != 1 || i[0].Kind != "failed" || i[0].Code != "HTTP 503" || !i[0].Since.Equal(at("2026-11-09 01:30")) || !i[0].Ended.Equal(at("2026-11-11 01:40")) {
		t.Errorf("incidents %+v", r.Incidents)
	}
	if !r.Unfinished || !r.Kept.Runs || !r.Kept.Exchanges || r.Head == "" || len(r.notes()) != 1 {
		t.Errorf("%+v, notes %q", r.Kept, r.notes())
	}
}

// TestSumsAgree: each section adds up to the same.
func TestSumsAgree(t *testing.T) {
	for _, change := range []func(*Options){func(*Options) {}, func(o *Options) { o.Connection = "credit" }, func(o *Options) { o.Connection = "platform" }} {
		r := november(t).make("2026-11", change)
		var lines, days Figures
		var calls, perDay, reasons int64
		for i := range r.Lines {
			lines.add(&r.Lines[i].Figures)
		}
		for i := range r.Days {
			days.add(&r.Days[i].Figures)
			for _, n := range r.Days[i].Calls {
				perDay += n
			}
		}
		for _, c := range r.Traffic {
			calls += c.Calls
		}
		for _, reason := range r.Reasons {
			reasons += reason.Records
		}
		days.Drifts = lines.Drifts // of a reading, which may take days
		f := r.Total.Figures
		if lines != f || days != f {
			t.Errorf("lines %+v\ndays %+v\ntotal %+v", lines, days, f)
		}
		if f.Read+f.Mended != f.Delivered+f.Rejected+f.Duplicates+f.Unsettled {
			t.Errorf("records are not accounted for: %+v", f)
		}
		if f.Promised != f.OnTime+f.Late+f.Failed+f.Missed+f.Pending+f.Unknown {
			t.Errorf("slots are not accounted for: %+v", f)
		}
		if reasons != f.Rejected || calls != perDay || calls == 0 {
			t.Errorf("%d rejected for reasons, %d in all; %d calls, %d by day", reasons, f.Rejected, calls, perDay)
		}
	}
}

// TestOfOnePartner holds nothing of another.
func TestOfOnePartner(t *testing.T) {
	r := november(t).make("2026-11", func(o *Options) { o.Connection = "platform" })
	var page bytes.Buffer
	if err := r.HTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"credit", "grades", "信用评估", "uscc", "503"} {
		if strings.Contains(page.String(), other) {
			t.Errorf("the report for the platform tells of %q", other)
		}
	}
	if !strings.Contains(page.String(), "山西某某公司 — platform") || r.Name() != "2026-11-platform" {
		t.Error("it does not name the platform")
	}
}

// TestGolden compares all tables with what was looked at once.
func TestGolden(t *testing.T) {
	for _, lang := range []words.Lang{words.English, words.Chinese} {
		folder := filepath.Join("testdata", "csv-"+string(lang))
		out := folder
		if !*update {
			out = t.TempDir()
		}
		if err := november(t).make("2026-11", func(o *Options) { o.Lang = lang }).CSV(out); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(out, "*.csv"))
		if err != nil || len(files) != 8 {
			t.Fatalf("files %v, %v", files, err)
		}
		for _, file := range files {
			got, err1 := os.ReadFile(file)
			want, err2 := os.ReadFile(filepath.Join(folder, filepath.Base(file)))
			if err := errors.Join(err1, err2); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s is\n%s\nwant\n%s\n%v", filepath.Base(file), got, want, err)
			}
		}
	}
}

// outside is whatever a page could fetch.
var outside = regexp.MustCompile(`(?i)\b(src|href|action|data|poster|srcset|formaction)\s*=|url\(|@import|<script|<link|<iframe|<object|<base|https?:|//[a-z]`)

// TestPageStandsAlone: it fetches nothing, is well-formed, and says everything in the language it is in.
func TestPageStandsAlone(t *testing.T) {
	for _, lang := range []words.Lang{words.English, words.Chinese} {
		var page bytes.Buffer
		if err := november(t).make("2026-11", func(o *Options) { o.Lang = lang }).HTML(&page); err != nil {
			t.Fatal(err)
		}
		text := page.String()
		if found := outside.FindString(text); found != "" {
			t.Errorf("%s: the page reaches outside with %q", lang, found)
		}
		wellFormed(t, text)
		parties := map[words.Lang]string{words.English: "山西某某公司 — platform, 商务诚信公共服务平台 (credit)", words.Chinese: "山西某某公司 — platform、商务诚信公共服务平台（credit）"}
		if !strings.Contains(text, parties[lang]) {
			t.Errorf("%s: the parties are missing", lang)
		}
		if n := strings.Count(text, "<svg "); n != 3 {
			t.Errorf("%s: %d charts", lang, n)
		}
		if key := regexp.MustCompile(`>(h|c|t|s|kind)\.[a-z]+<`).FindString(text); key != "" || strings.Contains(text, "%!") {
			t.Errorf("%s: %s has no words, or a number no place", lang, key)
		}
	}
}

// wellFormed checks that every element is closed where it must be.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	_, body, _ := strings.Cut(text, "</style>") // CSS is no XML
	body = strings.NewReplacer("<br>", "<br/>").Replace("<html><head>" + body)
	d := xml.NewDecoder(strings.NewReader(body))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
	}
}

// TestWords are there in both languages, with the same figures in them.
func TestWords(t *testing.T) {
	verbs := regexp.MustCompile(`%(\[\d\])?s`)
	for key, p := range phrases {
		if p.en == "" || p.zh == "" || len(verbs.FindAllString(p.en, -1)) != len(verbs.FindAllString(p.zh, -1)) {
			t.Errorf("%s: %q, %q", key, p.en, p.zh)
		}
	}
	source, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	source = append(source, "assets/report.html")
	for _, file := range source {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?:\bphrase\(|\badd\(|\{t |\bt )"([a-z0-9.]+)"[,)} ]`).FindAllStringSubmatch(string(text), -1) {
			if _, there := phrases[m[1]]; !there && !strings.HasSuffix(m[1], ".") && !strings.HasSuffix(file, "_test.go") {
				t.Errorf("%s says %q, which has no words", file, m[1])
			}
		}
	}
}

// TestMonths have their days and their zone's offsets, also where clocks change.
func TestMonths(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for text, hours := range map[string]float64{"2026-02": 28 * 24, "2024-02": 29 * 24, "2026-03": 31*24 - 1, "2026-10": 31*24 + 1, "2026-12": 31 * 24} {
		m, err := ParseMonth(text)
		if err != nil {
			t.Fatal(err)
		}
		if from, to := m.Bounds(berlin); to.Sub(from).Hours() != hours || m.String() != text {
			t.Errorf("%s has %v hours from %v to %v", m, to.Sub(from).Hours(), from, to)
		}
	}
	for _, text := range []string{"", "2026", "2026-13", "2026-1", "11-2026", "2026-11-01"} {
		if m, err := ParseMonth(text); err == nil {
			t.Errorf("%q is %v", text, m)
		}
	}
	if m := Before(at("2026-01-31 12:00")); m.String() != "2025-12" {
		t.Errorf("before January is %v", m)
	}
	if m := Before(at("2026-03-31 12:00")); m.String() != "2026-02" {
		t.Errorf("before March is %v", m)
	}
}

// TestBorderOfTheMonth: what began at midnight of the zone belongs to the new month.
func TestBorderOfTheMonth(t *testing.T) {
	w := newWorld(t, jobs)
	one := state.Run{State: state.Done, Counts: state.Counts{Read: 1, Delivered: 1, Total: -1}}
	for _, slot := range []string{"2026-10-31 23:59", "2026-11-01 00:00", "2026-11-30 23:59", "2026-12-01 00:00"} {
		w.run("affairs", slot, state.Ran, time.Second, one)
	}
	w.now = at("2026-12-05 00:00")
	for month, want := range map[string]int64{"2026-10": 1, "2026-11": 2, "2026-12": 1} {
		r := w.make(month)
		if r.Total.Read != want || r.Total.Promised != want || r.Unfinished != (month == "2026-12") {
			t.Errorf("%s: %+v", month, r.Total)
		}
	}
	if _, err := Make(t.Context(), Options{Store: w.store, Config: w.conf, Month: Month{2027, 1}, Now: w.now}); err == nil {
		t.Error("a month that has not begun has a report")
	}
}

// TestRowsOfSlots are spread over the days they were due.
func TestRowsOfSlots(t *testing.T) {
	w := newWorld(t, jobs)
	w.now = at("2026-11-03 12:00") // every six hours: 0, 6, 12, 18
	w.ok(w.store.Decide(t.Context(), state.Slot{Job: "affairs", At: at("2026-10-31 12:00"), Through: at("2026-11-02 06:00"), Count: 8, Decision: state.Paused}))
	r := w.make("2026-11")
	if r.Total.Promised != 6 || r.Total.Missed != 6 || r.Days[0].Missed != 4 || r.Days[1].Missed != 2 {
		t.Errorf("total %+v", r.Total)
	}
}

// TestResumedRuns: a slot whose run was interrupted and gone on with is done.
func TestResumedRuns(t *testing.T) {
	w := newWorld(t, jobs)
	w.run("grades", "2026-11-03 01:30", state.Ran, time.Minute, state.Run{State: state.Interrupted, Counts: state.Counts{Read: 500, Delivered: 500, Total: 1000}})
	id, err := w.store.StartRun(t.Context(), state.Run{Job: "grades", Trigger: state.Resume, Mode: "full"})
	w.ok(err)
	w.now = w.now.Add(time.Hour)
	w.ok(w.store.FinishRun(t.Context(), state.Run{ID: id, Job: "grades", State: state.Done, FinishedAt: w.now}))
	if r := w.make("2026-11"); r.Total.OnTime != 1 || r.Total.Failed != 0 {
		t.Errorf("%+v", r.Total)
	}
}

// TestPruned says so, and shows no zero for what it cannot know.
func TestPruned(t *testing.T) {
	w := november(t)
	w.run("grades", "2027-03-01 01:30", state.Ran, time.Minute, state.Run{State: state.Done})
	if r := w.make("2026-11"); r.Kept.Runs != true || len(r.notes()) != 0 {
		t.Errorf("all is there, and notes are %q", r.notes())
	}
	for i := range 25 { // so that those of November are not among the newest
		w.run("grades", "2027-03-"+time.Date(2027, 3, 2+i, 0, 0, 0, 0, time.UTC).Format("02")+" 01:30", state.Ran, time.Minute, state.Run{State: state.Done})
	}
	_, err := w.store.SupersedeLetters(t.Context(), "grades", w.now) // a run with open letters is never removed
	w.ok(err)
	w.now = w.now.AddDate(0, 3, 0)
	_, err = w.store.Prune(t.Context(), w.now.AddDate(0, 0, -30), "", "")
	w.ok(err)
	r := w.make("2026-11")
	if r.Kept.Runs || len(r.notes()) == 0 {
		t.Fatalf("runs were removed, and it says %+v %q", r.Kept, r.notes())
	}
	if !r.Kept.Exchanges || r.Traffic[0].Calls != 59 {
		t.Errorf("the exchanges are there still: %+v", r.Traffic)
	}
	n, err := w.store.PruneExchanges(t.Context(), at("2026-11-15 00:00"), "")
	w.ok(err)
	if r = w.make("2026-11"); n == 0 || r.Kept.Exchanges {
		t.Errorf("%d exchanges were removed, and it says %+v", n, r.Kept)
	}
}

// TestNothing is a report as well.
func TestNothing(t *testing.T) {
	w := newWorld(t, jobs)
	w.now = at("2026-12-05 00:00")
	r := w.make("2026-11")
	var page bytes.Buffer
	if err := r.HTML(&page); err != nil || !strings.Contains(page.String(), "Nothing was exchanged") || strings.Contains(page.String(), "<svg") {
		t.Errorf("%v %q", err, r.sentences())
	}
}

// TestNothingPersonal: neither what letters hold nor errors come into a report.
func TestNothingPersonal(t *testing.T) {
	w := newWorld(t, jobs)
	id := w.run("affairs", "2026-11-03 06:00", state.Ran, time.Minute, state.Run{State: state.Failed, Code: "300", Error: "13812345678 is wrong", Remedy: "call 段正淳"},
		state.Letter{Code: "phone", Reason: "13812345678", Key: "110101199003078005", Record: `{"name":"段正淳"}`})
	w.calls(id, "affairs", "platform", audit.Out, 1, audit.Row{Batch: "1/0"})
	r := w.make("2026-11")
	folder := t.TempDir()
	f, err := os.Create(filepath.Join(folder, "page.html"))
	w.ok(err)
	w.ok(errors.Join(r.HTML(f), f.Close(), r.CSV(folder)))
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	w.ok(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		w.ok(err)
		for _, bad := range []string{"13812345678", "110101199003078005", "段正淳"} {
			if bytes.Contains(text, []byte(bad)) {
				t.Errorf("%s is in %s", bad, filepath.Base(file))
			}
		}
	}
}

// TestTablesSayWhatIsKnown: a broken rule has words, and where no lag is known none is shown.
func TestTablesSayWhatIsKnown(t *testing.T) {
	for _, lang := range []words.Lang{words.English, words.Chinese} {
		r := &Report{lang: lang, zone: time.UTC, Timeliness: []Timely{{Interface: "a", Records: 9}}}
		for _, rule := range []string{"required", "type", "min", "max", "min_length", "max_length", "enum", "pattern", "masked", "never"} {
			r.Reasons = append(r.Reasons, Reason{Job: "j", Code: catalogue.Code("phone", rule)})
		}
		for _, row := range r.reasons().Rows {
			if strings.Contains(row[1].Text, "rule.") || strings.Contains(row[1].Text, "check:") || !strings.HasPrefix(row[1].Raw, "check:phone:") {
				t.Errorf("%s: %+v", lang, row[1])
			}
		}
		for _, c := range r.timeliness().Rows[0][6:] {
			if c.Text != "–" || c.Raw != "" {
				t.Errorf("%s: a lag of nothing is %+v", lang, c)
			}
		}
	}
}
