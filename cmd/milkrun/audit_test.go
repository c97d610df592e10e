package main

import (
	"bytes"
	"database/sql"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/audit"
	"milkrun/sync/report"
)

func TestAuditOfARun(t *testing.T) {
	p, _ := affairsPlace(t)
	p.edit("[jobs.affairs]", "[jobs.affairs]\npurpose = \"办件推送\"")
	p.run("audit", "head").exits(exitError) // there is no state file yet
	p.run("once", "affairs").exits(exitDone)
	var head headView
	p.run("audit", "head", "--json").exits(exitDone).json(&head)
	kept := strings.TrimSpace(p.run("audit", "head").exits(exitDone).out)
	if kept != head.Head || !strings.Contains(kept, ":") {
		t.Errorf("head %q and %q", kept, head.Head)
	}
	p.run("audit", "verify", "--head", kept).exits(exitDone).says("are as they were written, up to " + kept)
	var rows []audit.Record
	exported := p.run("audit", "export", "--json").exits(exitDone)
	exported.json(&rows)
	calls := 0
	for _, r := range rows {
		if r.Purpose != "办件推送" || r.Operator == "" || r.Trigger != "manual" {
			t.Errorf("row %+v", r)
		}
		if r.Kind == audit.Call && r.Direction == audit.Out && r.Interface == "affairs" && r.Digest != "" && r.Key != "" && r.Status == "HTTP 200" {
			calls++
		}
	}
	if calls == 0 {
		t.Errorf("no call among %+v", rows)
	}
	for _, secret := range []string{"appcode", "modulecode", "appsecret"} {
		exported.hides(p.read(secret))
	}
	if phone := regexp.MustCompile(`\b1[3-9]\d{9}\b`).FindString(exported.out); phone != "" {
		t.Errorf("the phone number %s is in it", phone)
	}
	table, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(p.run("audit", "export", "--csv").exits(exitDone).out, "\uFEFF"))).ReadAll()
	if err != nil || len(table) != len(rows)+1 || table[0][10] != "purpose" {
		t.Errorf("%d lines of CSV, %v", len(table), err)
	}
}

func TestAuditFindsTampering(t *testing.T) {
	p, _ := affairsPlace(t)
	p.run("once", "affairs").exits(exitDone)
	kept := strings.TrimSpace(p.run("audit", "head").exits(exitDone).out)
	db, err := sql.Open("sqlite3", p.state)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), "DROP TRIGGER exchange_stays; UPDATE exchange SET records = records + 1 WHERE seq = 1"); err != nil {
		t.Fatal(err)
	}
	p.run("audit", "verify").exits(exitError).says("row 1 (", "is not what was written", "find out who could write to it")
	var v verifyView
	p.run("audit", "verify", "--json", "--head", kept).exits(exitError).json(&v)
	if v.Whole || len(v.Findings) != 1 || v.Findings[0].From != 1 {
		t.Errorf("%+v", v)
	}
	p.run("audit", "verify", "--lang", "zh").exits(exitError).hides("is not what was written")
}

func TestAuditWrongWords(t *testing.T) {
	p, _ := affairsPlace(t)
	p.run("once", "affairs").exits(exitDone)
	p.run("audit", "verfy").exits(exitUsage).says(`did you mean "verify"?`)
	p.run("audit", "verify", "--head", "12").exits(exitUsage).says("is no hash")
	p.run("audit", "export", "--connection", "jinlaibann").exits(exitUsage).says("did you mean")
	p.run("audit", "export", "--from", "yesterday").exits(exitUsage).says("is no day and no time")
	p.run("audit", "export", "--from", "2026-02-02", "--to", "2026-02-01").exits(exitUsage).says("is not before")
	p.run("audit", "export", "--csv", "--json").exits(exitUsage)
	p.run("audit", "export", "--from", "2020-01-01", "--to", "2020-01-31", "--json").exits(exitDone).says("[]")
	p.run("report", "--month", "11-2026").exits(exitUsage).says("is no month")
	p.run("report", "--month", "2999-01").exits(exitUsage).says("has not begun")
	p.run("report", "--connection", "nobody").exits(exitUsage).says("there is no connection")
}

// TestAuditIsKeptLonger: what prune removes of the history does not touch the audit, which has a span of its own.
func TestAuditIsKeptLonger(t *testing.T) {
	p, _ := affairsPlace(t)
	p.exchanges(2000, 400, 1)
	var did state.Pruned
	p.run("prune", "--older", "30d", "--json").exits(exitDone).json(&did)
	if did.Exchanges != 1 {
		t.Errorf("%+v", did)
	}
	p.run("audit", "verify").exits(exitDone).says("rows 1 to 1 were pruned")
	p.run("audit", "verify", "--head", "1:"+strings.Repeat("ab", 32)).exits(exitError).says("has been pruned since", "name a newer one").hides("who could write")
	p.edit("timezone =", "audit_history = \"300d\"\ntimezone =")
	p.run("prune", "--older", "30d", "--dry-run").exits(exitDone).says("1 exchange")
	p.edit(`"300d"`, `"0s"`)
	p.run("prune", "--older", "30d", "--json").exits(exitDone).json(&did)
	if did.Exchanges != 0 {
		t.Errorf("for ever, and %+v", did)
	}
	p.edit("timezone =", "nonsense = 1\ntimezone =")
	if p.run("prune", "--older", "30d", "--json").exits(exitDone).says("left alone").json(&did); did.Exchanges != 0 {
		t.Errorf("without a configuration, %+v", did)
	}
}

// exchanges adds one exchange for each of some ages, in days.
func (p *place) exchanges(days ...int) {
	p.t.Helper()
	s, err := state.Open(p.t.Context(), p.state, state.Options{Now: time.Now})
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for _, d := range days {
		row := audit.Row{Kind: audit.Call, At: time.Now().AddDate(0, 0, -d), Job: "affairs", Connection: "jinlaiban", Direction: audit.Out, Status: "HTTP 200"}
		if err := s.AddExchanges(p.t.Context(), []audit.Row{row}); err != nil {
			p.t.Fatal(err)
		}
	}
}

func TestReport(t *testing.T) {
	p, _ := affairsPlace(t)
	p.run("once", "affairs").exits(exitDone)
	conf, problems := (&app{configPath: p.config}).read(false)
	if conf == nil {
		t.Fatal(problems)
	}
	month := time.Now().In(conf.Location).Format("2006-01")
	page, folder := filepath.Join(p.dir, "r.html"), filepath.Join(p.dir, "csv")
	p.run("report", "--month", month, "--out", page, "--csv", folder, "--lang", "zh").exits(exitDone).says("r.html")
	if text := p.read("r.html"); !strings.Contains(text, "数据交换月报") || !strings.Contains(text, "<svg") || !strings.Contains(text, "本月尚未结束") {
		t.Error("the page is not one")
	}
	if text := p.read("csv/partners.csv"); !strings.Contains(text, "jinlaiban") {
		t.Errorf("partners.csv: %s", text)
	}
	var r report.Report
	p.run("report", "--month", month, "--json").exits(exitDone).json(&r)
	if r.Month != month || len(r.Lines) == 0 || r.Total.Runs != 1 {
		t.Errorf("%+v", r)
	}
	names, err := writeReports(t.Context(), p.store(), conf, report.Before(time.Now().AddDate(0, 1, 0)), time.Now())
	if err != nil || len(names) < 2 {
		t.Errorf("the daemon's are %v, %v", names, err)
	}
	for _, name := range names {
		if text, err := os.ReadFile(name); err != nil || !bytes.Contains(text, []byte("<h1>")) || filepath.Dir(name) != filepath.Join(p.dir, "reports") {
			t.Error(fmt.Sprint(name, err))
		}
	}
}

// checkAudit fails unless the exchanges of a flow that came to its end, after whatever kills, are a whole chain that has every
// page and every record there is: what a killed process had in its checkpoint nobody reads or delivers again.
func (w *world) checkAudit(t *testing.T, job string) {
	t.Helper()
	s, err := state.Open(t.Context(), filepath.Join(w.dir, "state.db"), state.Options{ReadOnly: true, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, _, wrong, err := s.VerifyExchanges(t.Context(), audit.Head{}); err != nil || len(wrong) > 0 {
		t.Fatalf("%v %+v", err, wrong)
	}
	pages, batches := map[string]int64{}, map[string]int64{} // what was moved last under each name
	err = s.EachExchange(t.Context(), state.ExchangeFilter{Job: job}, func(r audit.Row) error {
		if r.Direction == audit.In {
			pages[r.Batch] = max(pages[r.Batch], r.Records)
		} else {
			batches[r.Batch] += r.Records
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"grades": "enterprise_grades", "affairs": "user_affairs", "user-info": "user_info"}[job]
	var rows, read, delivered int64
	if err := w.open(t).QueryRowContext(t.Context(), "SELECT count(*) FROM "+want).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	for _, n := range pages {
		read += n
	}
	for _, n := range batches {
		delivered += n
	}
	if read < rows || delivered < rows {
		t.Errorf("of %d records the audit has %d that were read and %d that were delivered, after %d kills", rows, read, delivered, w.kills)
	}
}

// store opens the state file for reading.
func (p *place) store() *state.Store {
	p.t.Helper()
	s, err := state.Open(p.t.Context(), p.state, state.Options{ReadOnly: true, Now: time.Now})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = s.Close() })
	return s
}
