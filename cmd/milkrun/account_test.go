package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/sandbox"
)

// accountTOML asks the credit platform for the enterprises of a CSV file, with all that an account can have.
const accountTOML = `timezone = "Asia/Shanghai"

[connections.credit]
type     = "credit"
url      = "CREDIT"
accessid = "file:accessid"
username = "file:username"
password = "file:pw"

[connections.credit.account]
pwd_transform = "sm2"
public_key = {}
token      = { send_as = "header:token" }
password   = {}
licence    = {}

[connections.credit.envelope]
key = { own = "file:own.key" }

[connections.inbox]
type = "file"
dir  = "%[1]s"

[connections.business]
type = "sqlite"
dsn  = "%[1]s/business.db"

[jobs.suppliers]
schedule = "manual"
source   = { connection = "credit", resource = "enterprise", codes = { connection = "inbox", path = "codes.csv", column = "code" } }
sink     = { connection = "business", table = "suppliers", key = ["uniscId"] }
retry    = { initial = "1ms", max = "2ms", give_up_after = "2s" }

[jobs.trading]
schedule = "manual"
source   = { connection = "credit", resource = "trading", codes = { connection = "inbox", path = "codes.csv", column = "code" } }
sink     = { connection = "business", table = "trading", key = ["uniscId", "projectName"] }
retry    = { initial = "1ms", max = "2ms", give_up_after = "2s" }
`

// accountPlace is a place whose platform lists ten enterprises. The file asks for all of them, and for two that are none.
func accountPlace(t *testing.T) (p *place, codes []string) {
	t.Helper()
	s, err := sandbox.Start(t.Context(), "127.0.0.1:0", sandbox.Options{Credit: sandbox.CreditOptions{Count: 10}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	settings := s.Settings()["credit"]
	p = newPlace(t, strings.Replace(accountTOML, "CREDIT", settings["url"], 1))
	p.box = s
	for name, value := range map[string]string{"accessid": settings["accessid"], "username": settings["username"], "pw": settings["password"],
		"own.key": settings["envelope.key.own"], "agreement.pdf": "%PDF-1.7 agreement"} {
		p.write(name, value+"\n")
	}
	text := "code,name\n"
	s.Credit.Each(func(code, _, _ string) bool {
		codes = append(codes, code)
		text += code + ",x\n"
		return true
	})
	p.write("codes.csv", text+"911400001100123440,unknown\nno code,x\n,empty\n")
	(&app{configPath: p.config}).teach(s)
	return p, codes
}

// rowsOf counts the rows of a table of the business database.
func (p *place) rowsOf(table string) (n int) {
	p.t.Helper()
	if err := openSQLite(p.t, filepath.Join(p.dir, "business.db")).QueryRowContext(p.t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		p.t.Error(err)
	}
	return n
}

func TestEnterprisesOfAFile(t *testing.T) {
	p, codes := accountPlace(t)
	p.run("once", "suppliers").exits(exitPart)
	if n := p.rowsOf("suppliers"); n != len(codes) {
		t.Errorf("%d rows", n)
	}
	p.run("dead", "list", "suppliers").exits(exitDone).says("not found", "uscc")
	p.run("once", "suppliers").exits(exitPart)
	p.with(func(ctx context.Context, s *state.Store) error {
		letters, err := s.OpenLetters(ctx)
		if letters["suppliers"] != 2 {
			t.Errorf("letters pile up: %v", letters)
		}
		return err
	})
}

// TestLicences deposits an authorisation, reads what it opens, and takes it back.
func TestLicences(t *testing.T) {
	p, codes := accountPlace(t)
	p.run("once", "trading").exits(exitPart)
	p.run("dead", "list", "trading").exits(exitDone).says("there is no licence for this enterprise")
	for _, code := range codes {
		p.run("account", "licence", "upload", "credit", "--code", strings.ToLower(code), "--file", filepath.Join(p.dir, "agreement.pdf"), "--until", "2099-12-31").
			exits(exitDone).says(sandbox.LicenceOf(code))
	}
	var list []licenceView
	p.run("account", "licence", "list", "credit", "--json").exits(exitDone).json(&list)
	if len(list) != len(codes) || list[0].Until == nil || list[0].Who == "" {
		t.Errorf("%+v", list)
	}
	p.run("account", "licence", "list", "credit").exits(exitDone).says("until 2099-12-31", codes[0])
	p.run("once", "trading").exits(exitPart)
	want := 0
	for _, code := range codes {
		want += len(p.box.Credit.Trades(code))
	}
	if n := p.rowsOf("trading"); n != want || want == 0 {
		t.Errorf("%d trading records, want %d", n, want)
	}
	p.run("account", "licence", "forget", "credit", "--code", codes[0], "--why", "taken back").exits(exitDone).says("is gone")
	p.run("account", "licence", "forget", "credit", "--code", codes[0], "--why", "taken back").exits(exitUsage).says("there is no licence")
	p.run("audit").exits(exitDone).says("forget licence of "+codes[0], "taken back", "keep licence of")
}

func TestLicenceUsage(t *testing.T) {
	p, codes := accountPlace(t)
	p.write("empty.pdf", "")
	upload := func(args ...string) outcome {
		return p.run(append([]string{"account", "licence", "upload"}, args...)...)
	}
	file := filepath.Join(p.dir, "agreement.pdf")
	upload("credit").exits(exitUsage).says("--code and --file are needed")
	upload("credit", "--code", codes[0], "--file", filepath.Join(p.dir, "none")).exits(exitUsage).says("--file")
	upload("credit", "--code", codes[0], "--file", filepath.Join(p.dir, "empty.pdf")).exits(exitUsage).says("is empty")
	upload("credit", "--code", codes[0], "--file", file, "--until", "31.12.").exits(exitUsage).says("is no day")
	upload("cradit", "--code", codes[0], "--file", file).exits(exitUsage).says(`did you mean "credit"?`)
	upload("inbox", "--code", codes[0], "--file", file).exits(exitUsage).says("takes no authorisations")
	upload("credit", "--code", "9114", "--file", file).exits(exitError).says("uniscId")
	upload("credit", "--code", "911400001100123440", "--file", file).exits(exitError).says("企业不存在")
	p.run("account", "licence", "forget", "credit", "--code", codes[0]).exits(exitUsage).says("needs a reason")
	p.run("account", "rotate", "inbox").exits(exitUsage).says("cannot change the password")
	p.run("account", "rotat").exits(exitUsage).says("rotate")
}

// TestRotatePassword changes the password while a run of an older configuration could be under way, and tidies up after a kill.
func TestRotatePassword(t *testing.T) {
	p, _ := accountPlace(t)
	old := strings.TrimSpace(p.read("pw"))
	p.run("account", "rotate", "credit", "--why", "quarterly").exits(exitDone).says("the password of connection credit is another one now")
	now := strings.TrimSpace(p.read("pw"))
	if now == old || now != p.box.Credit.Password() {
		t.Error("the file does not hold the password that the platform takes")
	}
	p.run("once", "suppliers").exits(exitPart)
	p.run("audit").exits(exitDone).says("rotate password", "quarterly")
	// As if it had been killed after the platform changed it.
	p.write("pw", old)
	p.write("pw.new", now)
	p.run("check").exits(exitDone).says("a change of the password was interrupted", "milkrun account settle")
	p.run("doctor").says("a change of the password was interrupted")
	p.run("once", "suppliers").exits(exitPart)
	p.run("runs", "show", "2").exits(exitDone).says("the platform took the password in " + filepath.Join(p.dir, "pw.new"))
	p.run("account", "rotate", "credit").exits(exitError).says("an earlier change was interrupted", "milkrun account settle credit")
	p.run("account", "settle", "credit").exits(exitDone).says("pw.new")
	if got := strings.TrimSpace(p.read("pw")); got != now {
		t.Error("the wrong one was kept")
	}
	old91 := time.Now().Add(-91 * 24 * time.Hour)
	if err := os.Chtimes(filepath.Join(p.dir, "pw"), old91, old91); err != nil {
		t.Fatal(err)
	}
	p.run("check").exits(exitDone).says("the password is older than 90d", "milkrun account rotate")
}

// TestDigestIncident: one bad answer is thrown away and pulled again; two in a row halt the connection, which is told everywhere.
func TestDigestIncident(t *testing.T) {
	p, codes := accountPlace(t)
	p.box.Credit.Spoil(1)
	p.run("once", "suppliers").exits(exitPart)
	p.run("runs", "show", "1").exits(exitDone).says("the answer was thrown away")
	if n := p.rowsOf("suppliers"); n != len(codes) {
		t.Errorf("%d rows", n)
	}
	p.box.Credit.Spoil(1000)
	p.run("once", "suppliers").exits(exitError).says("the second time in a row")
	p.run("status").says("halted")
	p.with(func(ctx context.Context, s *state.Store) error {
		h, halted, err := s.HaltOf(ctx, state.ConnectionScope, "credit")
		if !halted || h.Code != "digest" || h.Remedy == "" {
			t.Errorf("%+v", h)
		}
		return err
	})
	var noted int
	if err := openSQLite(t, p.state).QueryRowContext(t.Context(), "SELECT count(*) FROM exchange WHERE connection = 'credit' AND code = 'digest'").Scan(&noted); err != nil || noted != 3 {
		t.Errorf("%d exchanges in the audit with the code digest, %v", noted, err)
	}
	for _, name := range []string{"milkrun.db", "milkrun.db-wal"} {
		text, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, secret := range []string{"pw", "own.key", "accessid"} {
			if strings.Contains(string(text), strings.TrimSpace(p.read(secret))) {
				t.Errorf("%s is in %s", secret, name)
			}
		}
	}
}
