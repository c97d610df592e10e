package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestTradingKilledAgainAndAgain kills a run over trading records at one step boundary after the other, until one comes to its
// end: nothing is missing or doubled, and the licences are as they were deposited, once each.
func TestTradingKilledAgainAndAgain(t *testing.T) {
	p, codes := accountPlace(t)
	p.state = filepath.Join(p.dir, "state.db")
	p.edit(`table = "trading", key = ["uniscId", "projectName"] }`, "table = \"trading\", key = [\"uniscId\", \"projectName\"] }\npage_size = 2\nbatch_size = 1")
	for _, code := range codes {
		p.run("account", "licence", "upload", "credit", "--code", code, "--file", filepath.Join(p.dir, "agreement.pdf")).exits(exitDone)
	}
	var before, after []licenceView
	p.run("account", "licence", "list", "credit", "--json").exits(exitDone).json(&before)
	kills := 0
	for ; p.killed("trading", kills+1); kills++ {
	}
	p.run("account", "licence", "list", "credit", "--json").exits(exitDone).json(&after)
	if !reflect.DeepEqual(before, after) || len(after) != len(codes) || p.box.Credit.Stats().Uploads != int64(len(codes)) {
		t.Errorf("%d licences, %d uploads; before %+v, after %+v", len(after), p.box.Credit.Stats().Uploads, before, after)
	}
	want := 0
	for _, code := range codes {
		want += len(p.box.Credit.Trades(code))
	}
	if n := p.rowsOf("trading"); n != want || want < 10 || kills < 6 {
		t.Errorf("%d trading records after %d kills, want %d", n, kills, want)
	}
	var letters []letterView
	p.run("dead", "list", "trading", "--json").exits(exitDone).json(&letters)
	if len(letters) != 2 { // an enterprise without a licence, and a code that is none
		t.Errorf("dead letters: %+v", letters)
	}
}

// killed runs a job in a process of its own, which kills itself at a step boundary, and says whether it came so far.
func (p *place) killed(job string, at int) bool {
	p.t.Helper()
	order, err := json.Marshal(crashOrder{Dir: p.dir, Job: job, KillAt: at, Settings: p.box.Settings(), TOML: p.read("jobs.toml")})
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := milkrun(p.t)
	cmd.Env = append(os.Environ(), childEnv+"="+string(order))
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() == -1 { // by a signal
		return true
	}
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", job, err, out)
	}
	return false
}

// TestPauseInnerConnection: the kill switch of a connection also holds the jobs whose source takes its codes from there.
func TestPauseInnerConnection(t *testing.T) {
	p, codes := accountPlace(t)
	p.run("pause", "--connection", "inbox", "--why", "the list is wrong").exits(exitDone)
	asked := p.box.Credit.Stats()
	p.run("once", "suppliers").exits(exitError).says("connection inbox is paused", "the list is wrong", "milkrun resume inbox")
	if now := p.box.Credit.Stats(); now != asked {
		t.Errorf("the platform was asked: %+v", now)
	}
	// Whoever looked would say that the file is not there.
	p.edit(`path = "codes.csv"`, `path = "away.csv"`)
	p.run("checkpoint", "set", "suppliers", "[1]", "--why", "x").exits(exitError).says("connection inbox is paused", "milkrun resume inbox").hides("away.csv")
	p.run("doctor", "--deep").says("its source is not opened", "inbox").hides("away.csv")
	p.edit(`path = "away.csv"`, `path = "codes.csv"`)
	p.run("status").says("paused", "the list is wrong")
	p.run("next", "suppliers").exits(exitDone).says("paused: milkrun status tells why")
	p.run("doctor").says("inbox", "the list is wrong")
	p.run("resume", "--connection", "inbox").exits(exitDone)
	p.run("once", "suppliers").exits(exitPart)
	if n := p.rowsOf("suppliers"); n != len(codes) {
		t.Errorf("%d rows", n)
	}
}

// TestRecordInEnvelope: what travels encrypted cannot be masked, nor served again, and is not recorded.
func TestRecordInEnvelope(t *testing.T) {
	p, _ := accountPlace(t)
	p.run("record", "suppliers", "--pull-only").exits(exitUsage).says("travels encrypted", "envelope")
}

// TestDoctorAsksNoPartnerForCodes: where the codes come from a partner, nobody fetches them all to see whether a source opens.
func TestDoctorAsksNoPartnerForCodes(t *testing.T) {
	p, _ := accountPlace(t)
	p.edit(`codes = { connection = "inbox", path = "codes.csv", column = "code" }`, `codes = { connection = "credit", resource = "grades", column = "uniscId" }`)
	p.edit("[connections.inbox]\ntype = \"file\"\ndir  = \""+p.dir+"\"\n", "")
	before := p.box.Credit.Stats()
	p.run("doctor", "--deep").says("its source is not opened", "connection credit")
	if now := p.box.Credit.Stats(); now != before {
		t.Errorf("it was asked: %+v", now)
	}
}
