package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/sandbox"
)

func TestThreeFlows(t *testing.T) {
	w := newWorld(t, sandbox.Options{Credit: sandbox.CreditOptions{Count: 5050}}, 3210, 1234)
	for range 2 { // the second time there is nothing new
		w.mustRun(t, "grades")
		w.mustRun(t, "affairs")
		w.mustRun(t, "user-info")
		w.checkGrades(t)
		if twice := w.checkAffairs(t, 3210); twice != 0 {
			t.Errorf("%d affairs came twice", twice)
		}
		w.checkUsers(t, 1234)
	}
	if calls := w.box.Credit.Stats().Pages; calls < 2*51 || calls > 2*(51+17) {
		t.Errorf("%d pages were asked for, want 102 and a few looked at again", calls)
	}
}

func TestGradeChangesAreKept(t *testing.T) {
	w := newWorld(t, sandbox.Options{Credit: sandbox.CreditOptions{Count: 1000}}, 0, 0)
	w.mustRun(t, "grades")
	w.box.Credit.Regrade(10)
	w.box.Credit.Insert(500, 3)
	w.box.Credit.Delete(7, 2)
	w.mustRun(t, "grades")
	w.checkGrades(t)
	counts := map[string]int{}
	rows, err := w.open(t).QueryContext(t.Context(), "SELECT change, count(*) FROM enterprise_grades_changes GROUP BY change")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var change string
		var n int
		if err := rows.Scan(&change, &n); err != nil {
			t.Fatal(err)
		}
		counts[change] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if counts["changed"] < 90 || counts["changed"] > 110 || counts["added"] != 6 || counts["removed"] != 4 { // a row for each of two columns
		t.Errorf("changes: %v", counts)
	}
}

// TestFaults runs every flow against partners that fail in each way they can, again and again.
func TestFaults(t *testing.T) {
	partners := map[string]struct {
		job   string
		kinds []string
	}{
		"credit":   {"grades", []string{"429", "500", "html", "drop-before", "drop-after", "truncate", "break", "result0"}},
		"busipush": {"affairs", []string{"429", "500", "html", "drop-before", "drop-after", "truncate", "break", "state300"}},
		"exchange": {"user-info", []string{"429", "500", "html", "drop-before", "drop-after", "truncate", "break", "code500"}},
	}
	for partner, p := range partners {
		for _, kind := range p.kinds {
			t.Run(partner+"/"+kind, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, sandbox.Options{Credit: sandbox.CreditOptions{Count: 700}}, 600, 500)
				faults := map[string]*sandbox.Faults{"credit": &w.box.Faults.Credit, "busipush": &w.box.Faults.Busipush, "exchange": &w.box.Faults.Exchange}[partner]
				if err := faults.Set(sandbox.Fault{Kind: sandbox.Kind(kind), Every: 3}); err != nil {
					t.Fatal(err)
				}
				r := w.mustRun(t, p.job)
				if r.Counts.Retries == 0 {
					t.Error("no retry: the faults did not happen")
				}
				switch p.job {
				case "grades":
					w.checkGrades(t)
				case "affairs":
					w.checkAffairs(t, 600)
				default:
					w.checkUsers(t, 500)
				}
			})
		}
	}
}

func TestRowsMoveWhileGradesAreRead(t *testing.T) {
	for name, drift := range map[string]sandbox.Drift{
		"inserts": {Every: 7, Ops: []string{"insert"}, Max: 6, Seed: 1},
		"deletes": {Every: 7, Ops: []string{"delete"}, Max: 6, Seed: 2},
		"moves":   {Every: 7, Ops: []string{"move"}, Max: 6, Seed: 3},
		"all":     {Every: 5, Ops: []string{"insert", "delete", "move", "regrade"}, Max: 12, Seed: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sandbox.Options{Credit: sandbox.CreditOptions{Count: 5000, Drift: drift}}, 0, 0)
			w.mustRun(t, "grades")
			if w.box.Credit.Drift().Done == 0 {
				t.Fatal("nothing moved")
			}
			w.box.Credit.Each(func(string, string, string) bool { return true })
			w.checkCodes(t)
		})
	}
}

// checkCodes compares which enterprises the table has. A grade may have changed after its page was read.
func (w *world) checkCodes(t *testing.T) {
	t.Helper()
	db := w.open(t)
	var have int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM enterprise_grades").Scan(&have); err != nil {
		t.Fatal(err)
	}
	missing := 0
	w.box.Credit.Each(func(code, _, _ string) bool {
		var n int
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM enterprise_grades WHERE uniscId = ?", code).Scan(&n); err != nil {
			t.Fatal(err)
		}
		missing += 1 - n
		return true
	})
	if missing > 0 || have != w.box.Credit.Count() {
		t.Errorf("%d of %d enterprises are missing, the table has %d", missing, w.box.Credit.Count(), have)
	}
}

func TestPoisonBecomesADeadLetter(t *testing.T) {
	w := newWorld(t, sandbox.Options{}, 1000, 0)
	w.box.Busipush.Poison("77", "512")
	r := w.mustRun(t, "affairs")
	if r.State != state.Part || r.Counts.Rejected != 2 || r.Counts.Delivered != 998 {
		t.Fatalf("state %s, counts %+v", r.State, r.Counts)
	}
	conf, err := worldConfig(w.dir, w.box.Settings())
	if err != nil {
		t.Fatal(err)
	}
	e, done, err := worldEngine(t.Context(), w.dir, sandbox.Transport(w.box), io.Discard, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	letters, err := e.Store.Letters(t.Context(), state.LetterFilter{Job: "affairs"})
	if err != nil || len(letters) != 2 {
		t.Fatalf("%d letters, %v", len(letters), err)
	}
	w.box.Busipush.Poison() // the partner has mended it
	results, err := e.Redeliver(t.Context(), conf.Job("affairs"), letters, false, "tester")
	if err != nil || len(results) != 2 || !results[0].Delivered || !results[1].Delivered {
		t.Fatalf("%+v, %v", results, err)
	}
	w.checkAffairs(t, 1000)
}

func TestHaltsOnPermissionRefused(t *testing.T) {
	w := newWorld(t, sandbox.Options{}, 100, 0)
	if err := w.box.Faults.Busipush.Set(sandbox.Fault{Kind: "state302", Every: 1}); err != nil {
		t.Fatal(err)
	}
	r, e, err := w.run(t, "affairs", io.Discard)
	if err == nil || r.State != state.Halted {
		t.Fatalf("state %s, %v", r.State, err)
	}
	halts, err := e.Store.Halts(t.Context())
	if err != nil || len(halts) != 1 || halts[0].Scope != state.ConnectionScope || halts[0].Name != "jinlaiban" {
		t.Fatalf("%+v, %v", halts, err)
	}
	_, _, err = w.run(t, "affairs", io.Discard)
	var halted *sync.HaltedError
	if !errors.As(err, &halted) {
		t.Errorf("a halted connection was used: %v", err)
	}
}

// TestNothingLeaks runs everything that can go wrong and looks for secrets and clear phones in all that is left.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Options{Credit: sandbox.CreditOptions{Count: 300}}, 500, 300)
	var logs bytes.Buffer
	w.box.Busipush.Poison("7", "123", "124")
	w.box.Exchange.Poison(firstUser(t, w))
	for _, kind := range []string{"500", "html", "drop-after", "truncate", "429"} {
		for _, f := range []*sandbox.Faults{&w.box.Faults.Credit, &w.box.Faults.Busipush, &w.box.Faults.Exchange} {
			if err := f.Set(sandbox.Fault{Kind: sandbox.Kind(kind), Every: 2}); err != nil {
				t.Fatal(err)
			}
		}
		for _, job := range []string{"grades", "affairs", "user-info"} {
			_, _, err := w.run(t, job, &logs)
			fmt.Fprintln(&logs, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(w.dir, "state.db*"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{"the log": logs.String()}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(f)] = string(text)
	}
	if len(texts) < 2 || logs.Len() == 0 {
		t.Fatal("there is nothing to look at")
	}
	for where, text := range texts {
		for partner, settings := range w.box.Settings() {
			for key, secret := range settings {
				if key != "url" && len(secret) > 3 && strings.Contains(text, secret) {
					t.Errorf("%s holds the %s of %s", where, key, partner)
				}
			}
		}
		if at := strings.Index(text, "1990000"); at >= 0 && !strings.Contains(text[at:at+11], "*") {
			t.Errorf("%s holds a clear phone: …%q…", where, text[max(0, at-60):at+11])
		}
	}
}

func firstUser(t *testing.T, w *world) string {
	t.Helper()
	var id string
	if err := w.open(t).QueryRowContext(t.Context(), "SELECT user_id FROM user_info ORDER BY updated_at LIMIT 1").Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}
