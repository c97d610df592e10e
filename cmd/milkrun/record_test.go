package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"milkrun/sync/recorder"
	"milkrun/sync/sandbox"
)

// recorderTOML has a job for each way of an exchange over HTTP: pulled, pushed in a form, pushed as JSON, pulled again.
const recorderTOML = `timezone = "Asia/Shanghai"
[defaults]
retry = { initial = "1ms", max = "2ms", give_up_after = "200ms" }
[connections.credit]
type = "credit"
url = "BOX/credit"
accessid = "file:credit-accessid"
username = "file:credit-username"
password = "file:credit-password"
[connections.jinlaiban]
type = "busipush"
url = "BOX/busipush"
appcode = "file:busipush-appcode"
modulecode = "file:busipush-modulecode"
appsecret = "file:busipush-appsecret"
[connections.partner]
type = "exchange"
url = "BOX/exchange"
token = "file:exchange-token"
[connections.coupang]
type = "coupang"
url = "BOX/coupang"
vendor_id = "A00012345"
access_key = "file:coupang-access_key"
secret_key = "file:coupang-secret_key"
rate = "10/s"
[connections.sms]
type = "caih"
url = "BOX/caih"
account = "file:caih-account"
appid = "file:caih-appid"
token = "file:caih-token"
[connections.business]
type = "sqlite"
dsn = "%[1]s/business.db"
[jobs.orders]
source = { connection = "coupang", resource = "orders", personal = "mask", since = "SINCE" }
sink = { connection = "business", table = "orders", key = ["shipmentBoxId"] }
[jobs.sms]
source = { connection = "business", table = "user_info", cursor = ["updated_at", "user_id"] }
sink = { connection = "sms", resource = "varsms", kind = "通知", signature = "测试公司", content = "尊敬的{$var}，您的办件已办结。", params = ["name"] }
[jobs.grades]
source = { connection = "credit", resource = "grades" }
sink = { connection = "business", table = "grades", key = ["uniscId"] }
page_size = 50
[jobs.affairs]
source = { connection = "business", table = "user_affairs", cursor = ["create_date", "id"] }
sink = { connection = "jinlaiban", resource = "affairs" }
batch_size = 20
concurrency = 1
[jobs.users]
source = { connection = "business", table = "user_info", cursor = ["updated_at", "user_id"] }
sink = { connection = "partner", resource = "users" }
mask = { phone = "phone", name = "name", id_card = "id_card", email = "email" }
batch_size = 20
[jobs.people]
source = { connection = "partner", resource = "people", key = ["user_id"] }
sink = { connection = "business", table = "people", key = ["user_id"] }
page_size = 2
`

// rawPeople are records with everything that must not be kept.
var rawPeople = []json.RawMessage{
	json.RawMessage(`{"user_id":"U1","name":"张三丰","phone":"13812345678","id_card":"11010119900307881X","address":"山西省太原市小店区学府街一号院二单元","balance":12.50,"mobile":13812345678}`),
	json.RawMessage(`{"user_id":"U2","name":"张三元","phone":"13812341678","id_card":"11010119900307881X","address":"山西省太原市小店区学府街一号院三单元","balance":7,"mobile":13812345678}`),
	json.RawMessage(`{"user_id":"U3","name":"李四","phone":"13900005678","id_card":"","address":"","balance":0,"mobile":null}`),
}

// recorderPlace is a place with all of these, the stand-ins on loopback.
func recorderPlace(t *testing.T) *place {
	t.Helper()
	box, err := sandbox.Start(t.Context(), "127.0.0.1:0", sandbox.Options{
		Credit:   sandbox.CreditOptions{Count: 130, AccessID: "credit-access-4711", Username: "credit-user-4711", Password: "credit/pass+4711="},
		Busipush: sandbox.BusipushOptions{AppCode: "app-code-4711", ModuleCode: "module-code-4711", AppSecret: "app/secret+4711="},
		Exchange: sandbox.ExchangeOptions{Token: "exchange-token-4711"},
		Caih:     sandbox.CaihOptions{Account: "caih-account-4711", AppID: "caih-app-4711", Token: "f123456789abcdef0123456789abcdef"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	box.Exchange.Serve("people", rawPeople)
	since := time.Now().AddDate(0, 0, -3).Format(time.DateOnly)
	p := newPlace(t, strings.NewReplacer("BOX", box.URL(), "SINCE", since).Replace(recorderTOML))
	p.box = box
	for name, value := range p.secretValues() {
		p.write(name, value)
	}
	db := openSQLite(t, filepath.Join(p.dir, "business.db"))
	if err := sandbox.SeedBusiness(t.Context(), db, 60, 50); err != nil {
		t.Fatal(err)
	}
	return p
}

// rows are the rows of a table, each on a line.
func (p *place) rows(query string) []string {
	p.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(p.dir, "business.db"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(p.t.Context(), query)
	if err != nil {
		p.t.Fatal(err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			p.t.Fatal(err)
		}
		list = append(list, line)
	}
	if err := rows.Err(); err != nil {
		p.t.Fatal(err)
	}
	return list
}

// text is all that is in a folder.
func folderText(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&b, "\n== %s\n%s", path, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// replaying points a connection of the place at a recording.
func (p *place) replaying(dir, partner string) *recorder.Replay {
	p.t.Helper()
	r, err := recorder.Read(dir)
	if err != nil {
		p.t.Fatal(err)
	}
	stand := recorder.NewReplay(r, func(line string) { p.t.Log(line) })
	server := httptest.NewServer(stand)
	p.t.Cleanup(server.Close)
	p.edit(p.box.URL()+"/"+partner, server.URL)
	p.state = filepath.Join(p.t.TempDir(), "milkrun.db") // as if nothing had run yet
	return stand
}

// TestRecordThenReplay records each flow, runs it against its recording, and demands the same rows.
func TestRecordThenReplay(t *testing.T) {
	for name, c := range map[string]struct {
		partner, rows string
		push          bool
		exchanges     int
	}{
		"grades":  {"credit", "SELECT uniscId || enterpriseName || assessGrade FROM grades ORDER BY 1", false, 3},
		"affairs": {"busipush", "", true, 3},
		"users":   {"exchange", "", true, 3},
		"people":  {"exchange", "SELECT user_id || balance FROM people ORDER BY 1", false, 2},
		"orders":  {"coupang", "SELECT shipmentBoxId || status || orderedAt FROM orders ORDER BY 1", false, 6},
		"sms":     {"caih", "", true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := recorderPlace(t)
			dir := filepath.Join(p.dir, "recording")
			args := []string{"record", name, "--out", dir, "--limit", "0"}
			if c.push {
				p.run(args...).exits(exitUsage).says("really delivers", "--push")
				if _, err := os.Stat(dir); err == nil {
					t.Error("a refused recording left a folder")
				}
				args = append(args, "--push")
			}
			p.run(args...).exits(exitDone).says("recorded in "+dir, "milkrun replay")
			text := folderText(t, dir)
			for _, hidden := range append(slices.Collect(maps.Values(p.secretValues())), "13812345678", "张三丰", "11010119900307881X", "1990000001", "学府街一号院") {
				if strings.Contains(text, hidden) {
					t.Errorf("%q is in the recording", hidden)
				}
			}
			r, err := recorder.Read(dir)
			if err != nil || len(r.List) < c.exchanges || r.Connections[0].Type != c.partner || r.Connections[0].Settings["url"] == "" {
				t.Fatalf("%+v, %v", r, err)
			}
			var want []string
			if c.rows != "" {
				want = p.rows(c.rows)
				p.rows("DROP TABLE " + name)
			}
			stand := p.replaying(dir, c.partner)
			p.run("once", name).exits(exitDone)
			if served := stand.Served(); served.Unknown > 0 || served.Answered < c.exchanges {
				t.Errorf("%+v", served)
			}
			if c.rows != "" {
				if got := p.rows(c.rows); len(want) == 0 || strings.Join(got, "\n") != strings.Join(want, "\n") {
					t.Errorf("got %v\nwant %v", got, want)
				}
			}
		})
	}
}

// secretValues are the credentials of the stand-ins that are used, by "credit-password" and the like.
func (p *place) secretValues() map[string]string {
	all := map[string]string{}
	for partner, keys := range map[string][]string{"credit": {"accessid", "username", "password"}, "busipush": {"appcode", "modulecode", "appsecret"}, "exchange": {"token"},
		"coupang": {"access_key", "secret_key"}, "caih": {"account", "appid", "token"}} {
		for _, key := range keys {
			all[partner+"-"+key] = p.box.Settings()[partner][key]
		}
	}
	return all
}

// TestMaskedKeysStillJoin: two people whose names and phones are masked alike stay two.
func TestMaskedKeysStillJoin(t *testing.T) {
	p := recorderPlace(t)
	dir := filepath.Join(p.dir, "recording")
	p.run("record", "people", "--out", dir).exits(exitDone)
	p.rows("DROP TABLE people")
	p.replaying(dir, "exchange")
	p.run("once", "people").exits(exitDone)
	got := strings.Join(p.rows("SELECT name || ' ' || phone || ' ' || id_card || ' ' || address || ' ' || coalesce(mobile, '-') FROM people ORDER BY user_id"), "\n")
	if lines := strings.Split(got, "\n"); len(lines) != 3 || !strings.Contains(lines[1], "张**#2") || !strings.Contains(lines[1], "#2 13800005678") {
		t.Errorf("%s", got)
	}
}

func TestPullOnlyMovesNothing(t *testing.T) {
	p := recorderPlace(t)
	dir := filepath.Join(p.dir, "pages")
	stop := p.daemon() // beside one
	p.run("record", "grades", "--pull-only", "--limit", "2", "--out", dir).exits(exitDone).says("2 exchanges")
	stop()
	r, err := recorder.Read(dir)
	if err != nil || len(r.List) != 2 || !r.PullOnly {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := os.Stat(p.state); err == nil {
		t.Error("a reading made a state file")
	}
	for _, c := range []struct{ args, says string }{
		{"affairs --pull-only", "no pages to record"},
		{"grades --pull-only --push", "choose one"},
		{"nobody", "there is no job"},
		{"grades --out " + dir, "not empty"},
	} {
		p.run(append([]string{"record"}, strings.Fields(c.args)...)...).exits(exitUsage).says(c.says)
	}
}

func TestRecordSaysWhatItLeftOut(t *testing.T) {
	p := recorderPlace(t)
	dir := filepath.Join(p.dir, "some")
	p.run("record", "grades", "--limit", "1", "--out", dir).exits(exitDone).says("1 exchange recorded", "more were not written", "--limit is 1")
	if got := len(p.rows("SELECT uniscId FROM grades")); got != 130 {
		t.Errorf("the run moved %d rows of 130", got)
	}
	stand := p.replaying(dir, "credit")
	p.run("once", "grades").exits(exitError).says("404")
	if stand.Served().Unknown == 0 {
		t.Error("what was left out was answered")
	}
}

// TestRecordingOfAFailure: what went wrong is what one wants to look at.
func TestRecordingOfAFailure(t *testing.T) {
	p := recorderPlace(t)
	if err := p.box.Faults.Credit.Set(sandbox.Fault{Kind: sandbox.Internal}); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(p.dir, "failed")
	p.run("record", "grades", "--out", dir).exits(exitError)
	r, err := recorder.Read(dir)
	if err != nil || len(r.List) == 0 || r.List[0].Answer.Status != http.StatusInternalServerError {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestDiffAgainstThePartner(t *testing.T) {
	p := recorderPlace(t)
	dir := filepath.Join(p.dir, "recording")
	p.run("record", "grades", "--out", dir).exits(exitDone)
	p.run("diff", dir).exits(exitDone).says("exchanges of job grades", "nothing differs")
	p.box.Credit.Regrade(10)
	p.run("diff", dir, "grades").exits(exitDone).says("nothing differs") // data
	p.run("diff", dir, "grades", "--values").exits(exitError).says("$.data", "another value")
	var view diffView
	p.run("diff", dir, "--json").exits(exitDone).json(&view)
	if !view.Same || view.Compared < 3 || view.Findings == nil {
		t.Errorf("%+v", view)
	}
	if err := p.box.Faults.Credit.Set(sandbox.Fault{Kind: sandbox.Result0}); err != nil {
		t.Fatal(err)
	}
	p.run("diff", dir).exits(exitError).says("POST /getEnterpriseGrades", "$.result", "another code or message")
	p.run("--lang", "zh", "diff", dir).exits(exitError).says("$.result")
	if err := p.box.Faults.Credit.Set(sandbox.Fault{Kind: sandbox.HTML}); err != nil {
		t.Fatal(err)
	}
	p.run("diff", dir).exits(exitError).says("header Content-Type", "text/html")
}

func TestDiffOfAPush(t *testing.T) {
	p := recorderPlace(t)
	dir := filepath.Join(p.dir, "recording")
	p.run("record", "affairs", "--push", "--out", dir).exits(exitDone)
	calls := p.box.Busipush.Stats().Calls
	p.run("diff", dir).exits(exitUsage).says("no pages to record", "--push")
	if got := p.box.Busipush.Stats().Calls; got != calls {
		t.Errorf("a comparison pushed %d times", got-calls)
	}
	p.state = filepath.Join(t.TempDir(), "milkrun.db") // the same affairs once more
	p.run("diff", dir, "--push").exits(exitDone).says("nothing differs")
	if got := p.box.Busipush.Stats().Calls; got != 2*calls {
		t.Errorf("%d calls, want %d", got, 2*calls)
	}
}

func TestDiffOfTwoRecordings(t *testing.T) {
	p := recorderPlace(t)
	one, two := filepath.Join(p.dir, "one"), filepath.Join(p.dir, "two")
	p.run("record", "people", "--out", one).exits(exitDone)
	var changed []json.RawMessage
	for _, record := range rawPeople {
		changed = append(changed, json.RawMessage(strings.Replace(string(record), `"user_id"`, `"level":3,"user_id"`, 1)))
	}
	p.box.Exchange.Serve("people", changed)
	p.run("record", "people", "--pull-only", "--out", two).exits(exitDone)
	if err := p.box.Close(); err != nil { // nobody is asked
		t.Fatal(err)
	}
	var view diffView
	p.run("diff", one, two, "--json").exits(exitError).json(&view)
	told := fmt.Sprintf("%+v", view.Findings)
	if view.Same || !strings.Contains(told, "Place:$.records[].level What:added") || strings.Contains(told, "张三") {
		t.Error(told)
	}
	p.run("diff", one, one).exits(exitDone).says("nothing differs")
	p.run("diff", filepath.Join(p.dir, "nowhere")).exits(exitUsage).says("is no recording")
}

func TestReplayServesUntilItIsStopped(t *testing.T) {
	p := recorderPlace(t)
	dir := filepath.Join(p.dir, "recording")
	p.run("record", "grades", "--out", dir).exits(exitDone)
	for addr, says := range map[string]string{"0.0.0.0:0": "not loopback", "8080": "write host:port"} {
		p.run("replay", dir, "--listen", addr).exits(exitUsage).says(says)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	p.runUntil(ctx, "replay", dir).exits(exitDone).says("exchanges of job grades", "[connections.credit]", `type = "credit"`, "http://127.0.0.1:")
}

// TestOnceWithReplay needs no server and no secrets, touches nothing real, and begins anew every time.
func TestOnceWithReplay(t *testing.T) {
	shipped, err := os.ReadFile("../../jobs.toml")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, string(shipped))
	t.Chdir(p.dir)
	line := func(args ...string) outcome {
		var stdout, stderr strings.Builder
		code := (&app{stdout: &stdout, stderr: &stderr}).execute(t.Context(), append(args, "--log-level", "error"))
		return outcome{t, "milkrun " + strings.Join(args, " "), code, stdout.String(), stderr.String()}
	}
	line("record", "grades", "--sandbox", "--pull-only", "--from", "1", "--to", "2", "--out", "rec").exits(exitDone).says("2 exchanges")
	for range 2 {
		line("once", "grades", "--replay", "rec", "--from", "1", "--to", "2").exits(exitDone).says("2,000 records read", "the recording of job grades")
	}
	line("once", "grades", "--replay", "rec", "--from", "3", "--to", "3").exits(exitError).says("is not in the recording", "nearest is exchange", `$.pageno: recorded`)
	line("once", "grades", "--replay", "nowhere").exits(exitUsage).says("is no recording")
	for _, name := range []string{"business.db", "milkrun.db"} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("a replay made %s beside the real files", name)
		}
		if _, err := os.Stat(filepath.Join(replayDir, name)); err != nil {
			t.Error(err)
		}
	}
	p.write("jobs.toml", strings.Replace(string(shipped), `table = "enterprise_grades"`, `table = "orders"`, 1))
	line("once", "grades", "--replay", "rec", "--from", "1", "--to", "2").exits(exitError).says("takes the place of yours", "with other columns", "name another table")
	p.write("jobs.toml", strings.Replace(string(shipped), `"user_affairs"`, `"my_affairs"`, 1))
	line("once", "affairs", "--replay", "rec").exits(exitUsage).says("stand in a database of yours", "no such table: my_affairs", "milkrun replay DIR")
	line("status", "--replay", "rec").exits(exitDone).hides("halted")
}
