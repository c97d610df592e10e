package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/kind"
	"milkrun/sync/sandbox"
)

// smsTOML sends a message to everybody in a table.
const smsTOML = `
timezone = "Asia/Shanghai"
[defaults]
retry = { initial = "1ms", max = "10ms", give_up_after = "20s" }
[connections.dx]
type = "caih"
url = "https://sms.invalid"
account = "env:X"
appid = "env:X"
token = "env:X"
[connections.business]
type = "sqlite"
dsn = "business.db"
[jobs.sms]
source = { connection = "business", table = "queue", cursor = ["id"] }
sink = { connection = "dx", resource = "varsms", kind = "通知", signature = "东信在线", content = "您好{$var}，您的申请已受理。", params = ["name"] }
page_size = 10
batch_size = 10
`

// smsWorld is an installation that sends messages to n numbers.
type smsWorld struct {
	*world
	n int
}

func smsPhone(i int) string { return fmt.Sprintf("139%08d", i*7919%100000000) }

func newSMSWorld(t *testing.T, n int) *smsWorld {
	t.Helper()
	box, err := sandbox.Start(t.Context(), "127.0.0.1:0", sandbox.Options{Caih: sandbox.CaihOptions{Keep: true, Token: smsToken}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	w := &smsWorld{&world{dir: t.TempDir(), box: box}, n}
	db := openSQLite(t, filepath.Join(w.dir, "business.db"))
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE queue (id INTEGER PRIMARY KEY, phone TEXT, name TEXT)"); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= n; i++ {
		if _, err := db.ExecContext(t.Context(), "INSERT INTO queue VALUES (?, ?, ?)", i, smsPhone(i), fmt.Sprint("收件人", i)); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

const smsToken = "a-very-secret-token-9f8e7d6c5b4a"

// child runs the job in a process of its own, which kills itself at a step boundary, or is killed after a while.
func (w *smsWorld) child(t *testing.T, killAt int, after time.Duration) (killed bool) {
	t.Helper()
	order, err := json.Marshal(crashOrder{Dir: w.dir, Job: "sms", KillAt: killAt, Settings: w.box.Settings(), TOML: smsTOML})
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childEnv+"="+string(order))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if after > 0 {
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
	}
	_ = cmd.Wait() // a halt is an error too
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

func (w *smsWorld) place(t *testing.T) *place {
	return &place{t: t, dir: w.dir, config: filepath.Join(w.dir, "jobs.toml"), state: filepath.Join(w.dir, "state.db")}
}

// never fails when a number got a message twice.
func (w *smsWorld) never(t *testing.T) {
	t.Helper()
	for i := 1; i <= w.n; i++ {
		if got := w.box.Caih.Received(smsPhone(i)); got > 1 {
			t.Fatalf("number %d got %d messages", i, got)
		}
	}
}

// finish runs the job until everybody has a message. An operator asks the platform about each doubt, and settles it.
func (w *smsWorld) finish(t *testing.T, missing ...int) (doubts int) {
	t.Helper()
	for range 50 {
		if w.child(t, 0, 0) {
			t.Fatal("killed without being asked to")
		}
		w.never(t)
		settled := 0
		w.place(t).with(func(ctx context.Context, s *state.Store) error {
			list, err := s.Doubts(ctx)
			for _, i := range list {
				outcome := state.OutcomeResend
				if slices.ContainsFunc(w.box.Caih.Messages(), func(m sandbox.CaihMessage) bool { return m.UID == i.ID }) {
					outcome = state.OutcomeSent
				}
				settled++
				if _, err := s.SettleIntent(ctx, state.Settlement{ID: i.ID, Outcome: outcome, Who: "an operator", Why: "asked"}); err != nil {
					return err
				}
			}
			return err
		})
		if doubts += settled; settled == 0 {
			break
		}
	}
	for i := 1; i <= w.n; i++ {
		want := 1
		if slices.Contains(missing, i) {
			want = 0
		}
		if got := w.box.Caih.Received(smsPhone(i)); got != want {
			t.Fatalf("number %d got %d messages, want %d", i, got, want)
		}
	}
	return doubts
}

// TestSMSKilledAtEveryBoundary kills the sending process at each step boundary in turn, the hard way: nobody gets a second
// message, neither from the next process nor after an operator has said what became of a doubt, and nobody none.
func TestSMSKilledAtEveryBoundary(t *testing.T) {
	for name, poison := range map[string][]string{"plain": nil, "bisected": {smsPhone(13)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen, doubts := map[string]bool{}, 0
			for killAt := 1; ; killAt++ {
				w := newSMSWorld(t, 25)
				w.box.Caih.Poison(poison...)
				killed := w.child(t, killAt, 0)
				w.never(t)
				var missing []int
				if poison != nil {
					missing = []int{13}
				}
				doubts += w.finish(t, missing...)
				w.addSteps(t, seen)
				if !killed {
					break
				}
			}
			want := []string{"begun", "checkpoint saved", "committing", "delivered", "delivering", "prepared", "recorded"}
			var got []string
			for step := range seen {
				got = append(got, step)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("boundaries %q, want %q", got, want)
			}
			if doubts == 0 {
				t.Error("no kill has left a doubt")
			}
		})
	}
}

// TestSMSKilledAtAnyInstant does the same at instants that have nothing to do with the steps, again and again on one state.
func TestSMSKilledAtAnyInstant(t *testing.T) {
	t.Parallel()
	w := newSMSWorld(t, 600)
	if err := w.box.Faults.Caih.Set(sandbox.Fault{Kind: sandbox.Latency, DelayMS: 15}); err != nil {
		t.Fatal(err)
	}
	kills := 0
	for i := range 25 {
		if w.child(t, 0, time.Duration(90+i*9)*time.Millisecond) {
			kills++
		}
		w.never(t)
		if i%3 == 2 {
			w.settleAll(t)
		}
	}
	t.Logf("%d kills, %d doubts at the end", kills, w.finish(t))
	if kills == 0 {
		t.Error("no process was killed")
	}
}

// settleAll settles what is in doubt as the platform has it.
func (w *smsWorld) settleAll(t *testing.T) {
	t.Helper()
	for late := time.After(time.Minute); w.box.Busy(); { // what the killed process asked for may still be under way
		select {
		case <-late:
			t.Fatal("the platform never ends its work")
		case <-time.After(time.Millisecond):
		}
	}
	w.place(t).with(func(ctx context.Context, s *state.Store) error {
		if _, err := s.Interrupt(ctx); err != nil {
			return err
		}
		list, err := s.Doubts(ctx)
		for _, i := range list {
			outcome := state.OutcomeResend
			if slices.ContainsFunc(w.box.Caih.Messages(), func(m sandbox.CaihMessage) bool { return m.UID == i.ID }) {
				outcome = state.OutcomeSent
			}
			if _, err := s.SettleIntent(ctx, state.Settlement{ID: i.ID, Outcome: outcome, Who: "an operator", Why: "asked"}); err != nil {
				return err
			}
		}
		return err
	})
}

// toml is the configuration with the addresses of the stand-ins, for commands and daemons.
func (w *smsWorld) toml(more string) string {
	text := smsTOML
	for kind, settings := range w.box.Settings() {
		for key, value := range settings {
			text = replaceSetting(text, kind, key, value)
		}
	}
	return strings.Replace(text, `dsn = "business.db"`, fmt.Sprintf("dsn = %q", filepath.Join(w.dir, "business.db")), 1) + more
}

// TestDoubtCommands loses an answer, and goes on with what an operator says.
func TestDoubtCommands(t *testing.T) {
	t.Parallel()
	w := newSMSWorld(t, 30)
	p := newPlace(t, w.toml(""))
	p.run("doubt", "list").exits(exitError)
	if err := w.box.Faults.Caih.Set(sandbox.Fault{Kind: sandbox.DropAfter, Every: 2, Next: 1}); err != nil {
		t.Fatal(err)
	}
	p.run("once", "sms").exits(exitError).says("nobody knows whether it was delivered", "milkrun doubt settle")
	var list []batchView
	p.run("doubt", "list", "--json").exits(exitDone).json(&list)
	if len(list) != 1 || list[0].Records != 10 || list[0].Job != "sms" || list[0].Connection != "dx" || list[0].State != "doubt" {
		t.Fatalf("%+v", list)
	}
	id := list[0].ID
	p.run("once", "sms").exits(exitError).says("halted")
	p.run("status").exits(exitDone).says("doubt")
	p.run("messages", "list", "--only", "unknown", "--json").exits(exitDone).says("139****").hides(smsPhone(15))
	p.run("doubt", "show", id).exits(exitDone).says("doubt", "milkrun doubt settle "+id)
	p.run("doubt", "show", id[:len(id)-1]+"0").exits(exitUsage).says("did you mean", id)
	p.run("doubt", "settle", id).exits(exitUsage).says("--as sent")
	p.run("doubt", "settle", id, "--as", "sent").exits(exitUsage).says("note")
	p.run("doubt", "settle", id, "--as", "gone", "--note", "x").exits(exitUsage)
	p.run("doubt", "settle", id, "--as", "sent", "--note", "they list the uid").exits(exitDone).says("settled as sent", "passes over", "is resumed")
	p.run("doubt", "settle", id, "--as", "resend", "--note", "no").exits(exitUsage).says("already settled")
	p.run("doubt", "list").exits(exitDone).says("no batch is in doubt")
	p.run("audit").exits(exitDone).says("settle batch "+id+" as sent", "they list the uid")
	p.run("once", "sms").exits(exitDone)
	w.never(t)
	if numbers, messages := w.box.Caih.Numbers(); numbers != 30 || messages != 30 {
		t.Errorf("%d numbers, %d messages", numbers, messages)
	}
	p.run("checkpoint", "reset", "sms", "--why", "x").exits(exitUsage).says("sending twice is harm", "--yes")
	p.run("checkpoint", "set", "sms", "[1]", "--why", "x").exits(exitUsage).says("sending twice is harm")
	p.run("checkpoint", "undo", "sms", "--why", "x").exits(exitUsage)
	p.run("once", "sms", "--from", "1", "--to", "9").exits(exitError).says("delivered once more")
	if _, messages := w.box.Caih.Numbers(); messages != 30 {
		t.Errorf("%d messages", messages)
	}
	p.run("messages", "export", "--csv").exits(exitDone).says("sent_at,job,connection", ",accepted,")
}

// TestStatusReports has a daemon send, and hear what became of it.
func TestStatusReports(t *testing.T) {
	t.Parallel()
	w := newSMSWorld(t, 20)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	reports := fmt.Sprintf("token = %q\nreports = { listen = %q }", smsToken, address)
	toml := strings.Replace(w.toml(""), fmt.Sprintf("token = %q", smsToken), reports, 1)
	w.box.Caih.Report(sandbox.CaihReporting{To: "http://" + address + "/caih/report", Fail: []string{smsPhone(3)}, Twice: true})
	m := manage(t, toml)
	m.hears("READY=1") // although the port is taken
	p := m.beside()
	p.run("status").exits(exitDone).says("status reports are not received: listen tcp "+address, "end what holds the address")
	p.examine(exitDone).has(t, kind.Warning, "daemon", "status reports are not received")
	_ = l.Close()
	await(t, "the port is opened", func() bool {
		resp, err := http.Post("http://"+address+"/caih/report", "application/json", strings.NewReader("{}"))
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusUnauthorized
	})
	if err := w.box.Faults.Caih.Set(sandbox.Fault{Kind: sandbox.DropAfter, Every: 2, Next: 1}); err != nil {
		t.Fatal(err)
	}
	p.run("status").exits(exitDone).hides("not received")
	p.run("trigger", "sms").exits(exitDone)
	await(t, "the reports settle the doubt", func() bool {
		return strings.Contains(p.run("doubt", "list", "--all").out, state.ReportsSettle)
	})
	await(t, "everything is reported", func() bool { return w.box.Caih.Reporting().Pushed == 40 })
	p.run("doubt", "list").exits(exitDone).says("no batch is in doubt")
	p.run("status").exits(exitDone).hides("halted")
	p.run("trigger", "sms", "--wait").exits(exitDone)
	var failed []messageView
	p.run("messages", "list", "--only", "failed", "--json").exits(exitDone).json(&failed)
	if len(failed) != 1 || failed[0].Code != "UNDELIV" {
		t.Errorf("%+v", failed)
	}
	var all []messageView
	p.run("messages", "list", "--only", "delivered", "--limit", "0", "--json").exits(exitDone).json(&all)
	if len(all) != 19 {
		t.Errorf("%d delivered", len(all))
	}
	w.never(t)
	p.run("messages", "orphans").exits(exitDone).says("no report without")
	p.run("audit").exits(exitDone).says("refused from 127.0.0.1", "wrong account")
	heard := p.run("audit", "export", "--connection", "dx").exits(exitDone).out
	if n := strings.Count(heard, ",report,,dx,/caih/report,"); n != 40 || !strings.Contains(heard, ",received,") {
		t.Errorf("%d of the 40 reports are in the exchange audit\n%s", n, heard)
	}
	p.run("audit", "verify").exits(exitDone)
	m.end()
	if log := m.stderr.String(); !strings.Contains(log, "status reports are not received") || !strings.Contains(log, "status reports are received on") {
		t.Errorf("the log does not tell of the port:\n%s", log)
	}
	w.searched(t, m, p)
}

// TestReportOfResend has an operator let two batches be sent again that had arrived. The partner reports on one before that is
// done, and on the other after it.
func TestReportOfResend(t *testing.T) {
	t.Parallel()
	w := newSMSWorld(t, 20)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	token := fmt.Sprintf("token = %q", smsToken)
	m := manage(t, strings.Replace(w.toml(""), token, token+fmt.Sprintf("\nreports = { listen = %q }", address), 1))
	m.hears("READY=1")
	p := m.beside()
	lose := func() (id string) {
		t.Helper()
		if err := w.box.Faults.Caih.Set(sandbox.Fault{Kind: sandbox.DropAfter, Next: 1}); err != nil {
			t.Fatal(err)
		}
		p.run("trigger", "sms", "--wait").exits(exitError)
		var list []batchView
		p.run("doubt", "list", "--json").exits(exitDone).json(&list)
		if len(list) != 1 {
			t.Fatalf("%+v", list)
		}
		p.run("doubt", "settle", list[0].ID, "--as", "resend", "--note", "they do not know it").exits(exitDone)
		p.run("doubt", "show", list[0].ID).exits(exitDone).says("the next run sends its records again")
		return list[0].ID
	}
	report := func(id string) {
		t.Helper()
		one := sandbox.CaihMessage{UID: id, MsgID: "m-0", Phone: "13900000000"}
		for _, m := range w.box.Caih.Messages() {
			if m.UID == id {
				one = m
			}
		}
		resp, err := http.Post("http://"+address+"/caih/report", "application/json", bytes.NewReader(w.box.Caih.ReportBody(one, "SUCCESS", "DELIVRD", time.Now())))
		if err != nil || resp.StatusCode != http.StatusOK || resp.Body.Close() != nil {
			t.Fatal(resp, err)
		}
	}
	first := lose()
	report(first)
	p.run("doubt", "show", first).exits(exitDone).says("state        sent", "by status report", "had settled it as resend: they do not know it", "1 message, 1 of them delivered").hides("the next run")
	p.run("trigger", "sms", "--wait").exits(exitDone)
	w.never(t)
	db := openSQLite(t, filepath.Join(w.dir, "business.db"))
	if _, err := db.ExecContext(t.Context(), "INSERT INTO queue VALUES (21, '13900000021', 'a'), (22, '13900000022', 'b')"); err != nil {
		t.Fatal(err)
	}
	second := lose()
	p.run("trigger", "sms", "--wait").exits(exitDone)
	p.run("messages", "list", "--batch", second).exits(exitDone).says("unsent")
	report(second)
	p.run("doubt", "show", second).exits(exitDone).says("state        resend", "first at", "+0800", "was sent again all the same")
	p.run("messages", "list", "--batch", second).exits(exitDone).says("delivered", "accepted").hides("unsent")
	var view batchView
	p.run("doubt", "show", second, "--json").exits(exitDone).json(&view)
	if view.Reported == nil || view.Reported.Messages != 1 || view.Reported.Delivered != 1 || view.Waits {
		t.Errorf("%+v", view)
	}
	p.run("pause", "--connection", "dx", "--why", "x").exits(exitDone)
	p.run("audit").exits(exitDone).says("had arrived, and was sent again", "settle batch "+first+" as sent", "+0800").hides("+0000")
	report("of somebody else")
	p.run("messages", "orphans").exits(exitDone).says("of somebody else", "+0800").hides("+0000")
	m.end()
	for _, want := range []string{first + " was to be sent again, as", "and is not sent again", second + " had arrived", "may have it twice"} {
		if !strings.Contains(m.stderr.String(), want) {
			t.Errorf("the log does not tell %q:\n%s", want, m.stderr.String())
		}
	}
}

// TestDailyCap says until when a job waits, and which setting has it wait.
func TestDailyCap(t *testing.T) {
	t.Parallel()
	w := newSMSWorld(t, 20)
	token := fmt.Sprintf("token = %q", smsToken)
	p := newPlace(t, strings.Replace(w.toml(""), token, token+"\ndaily_cap = 10", 1))
	p.run("once", "sms").exits(exitPart)
	p.run("status").exits(exitDone).says("dx: the daily cap of 10 messages is reached until", "00:00", "the next run from then on sends the rest", "daily_cap of the connection")
}

// TestRenamedSMSJob gives the job another name: everybody who looks is told, and nobody gets a message again.
func TestRenamedSMSJob(t *testing.T) {
	t.Parallel()
	w := newSMSWorld(t, 20)
	m := manage(t, w.toml(""))
	m.hears("READY=1")
	p := m.beside()
	p.run("trigger", "sms", "--wait").exits(exitDone)
	m.write(strings.Replace(w.toml(""), "[jobs.sms]", "[jobs.notices]", 1))
	steps := []string{"job notices looks like job sms under a new name", "milkrun checkpoint move sms notices --yes --why renamed"}
	p.run("plan").exits(exitDone).says(steps...)
	p.run("check").exits(exitDone).says(steps...)
	p.run("reload").exits(exitDone).says(steps...)
	p.run("trigger", "notices", "--wait").exits(exitError).says(append(steps, "nothing was sent")...)
	p.run("status").exits(exitDone).says(append(steps, "milkrun resume notices")...)
	if _, messages := w.box.Caih.Numbers(); messages != 20 {
		t.Fatalf("%d messages", messages)
	}
	p.run("checkpoint", "move", "sms", "notices", "--yes", "--why", "renamed").exits(exitDone).
		says("job notices goes on from the place of job sms: 20", "milkrun checkpoint move notices sms", "milkrun resume notices", "the daemon (process")
	p.run("resume", "notices").exits(exitDone)
	p.run("trigger", "notices", "--wait").exits(exitDone)
	w.never(t)
	p.run("check").exits(exitDone).hides("looks like")
	m.end()
	if log := m.stderr.String(); strings.Count(log, steps[0]) < 2 {
		t.Errorf("the log does not tell of it:\n%s", log)
	}
}

// await looks again and again until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(30 * time.Second)
	for !so() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not after 30 s: %s", what)
		}
	}
}

// searched fails when a number or the token is in the state file, its log, or what the daemon said.
func (w *smsWorld) searched(t *testing.T, m *managed, p *place) {
	t.Helper()
	files, err := filepath.Glob(p.state + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	where := map[string][]byte{"the log": []byte(m.stderr.String())}
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			where[filepath.Base(file)] = text
		}
	}
	for name, text := range where {
		if bytes.Contains(text, []byte(smsToken)) {
			t.Errorf("the token is in %s", name)
		}
		for i := 1; i <= w.n; i++ {
			if bytes.Contains(text, []byte(smsPhone(i))) {
				t.Errorf("number %d is in %s", i, name)
			}
		}
	}
}

// TestSMSLeavesNoNumber searches state and log after records that are rejected and a run that is killed.
func TestSMSLeavesNoNumber(t *testing.T) {
	t.Parallel()
	w := newSMSWorld(t, 20)
	db := openSQLite(t, filepath.Join(w.dir, "business.db"))
	if _, err := db.ExecContext(t.Context(), "UPDATE queue SET name = name || ',' || phone WHERE id IN (3, 4)"); err != nil {
		t.Fatal(err)
	}
	if err := w.box.Faults.Caih.Set(sandbox.Fault{Kind: sandbox.Latency, DelayMS: 500}); err != nil {
		t.Fatal(err)
	}
	w.child(t, 12, 0)
	p := w.place(t)
	p.write("jobs.toml", w.toml(""))
	if err := w.box.Faults.Caih.Set(sandbox.Fault{Kind: "caih-99"}); err != nil {
		t.Fatal(err)
	}
	out := p.run("once", "sms", "--log-level", "debug")
	out.hides(smsPhone(3)).hides(smsPhone(15)).hides(smsToken)
	files, _ := filepath.Glob(p.state + "*")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for i := 1; i <= w.n; i++ {
			if bytes.Contains(text, []byte(smsPhone(i))) {
				t.Errorf("number %d is in %s", i, file)
			}
		}
		if bytes.Contains(text, []byte(smsToken)) {
			t.Errorf("the token is in %s", file)
		}
	}
}
