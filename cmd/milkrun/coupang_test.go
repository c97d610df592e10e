package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	stdsync "sync"
	"sync/atomic"
	"testing"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/sandbox"
	"milkrun/sync/transport/answertest"
)

// coupangTOML reads from the stand-in of Coupang into a database.
const coupangTOML = `timezone = "Asia/Shanghai"

[defaults]
retry = { initial = "1ms", max = "10ms", give_up_after = "5s" }

[connections.shop]
type       = "coupang"
url        = "COUPANG"
vendor_id  = "A00012345"
access_key = "file:access"
secret_key = "file:secret"
rate       = "10/s"

[connections.business]
type = "sqlite"
dsn  = "%[1]s/business.db"

[jobs.orders]
source    = { connection = "shop", resource = "orders-by-minute", since = "SINCE", items = "rows" }
sink      = { connection = "business", table = "orders", key = ["shipmentBoxId", "orderItems_vendorItemId"] }
retention = "90d"

[jobs.settlements]
source = { connection = "shop", resource = "settlements", since = "SINCE" }
sink   = { connection = "business", table = "settlements", key = ["settlementType", "settlementDate"] }

[jobs.quota]
source = { connection = "shop", resource = "product-quota" }
sink   = { connection = "business", table = "quota", key = ["vendorId"] }

[jobs.centers]
source = { connection = "shop", resource = "outbound-centers" }
sink   = { connection = "business", table = "centers", key = ["outboundShippingPlaceCode"] }
`

func coupangPlace(t *testing.T) *place {
	t.Helper()
	s, err := sandbox.Start(t.Context(), "127.0.0.1:0", sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	settings := s.Settings()["coupang"]
	today := s.Coupang.Today()
	p := newPlace(t, strings.NewReplacer("COUPANG", settings["url"], "SINCE", today).Replace(coupangTOML))
	p.box = s
	p.write("access", settings["access_key"])
	p.write("secret", settings["secret_key"])
	return p
}

// TestCoupangFlow runs jobs whole, and looks for what must not be anywhere: keys, and what is personal.
func TestCoupangFlow(t *testing.T) {
	p := coupangPlace(t)
	p.run("check").exits(exitDone)
	p.run("sign", "shop", "--timestamp", "251121T083015Z", "--resource", "/v2/providers/x?status=INSTRUCT").exits(exitDone).
		says("251121T083015ZGET/v2/providers/xstatus=INSTRUCT", "CEA algorithm=HmacSHA256, access-key=[secret], signed-date=251121T083015Z")
	for _, job := range []string{"orders", "settlements", "centers"} {
		p.run("once", job).exits(exitDone)
	}
	p.run("checkpoint", "show", "orders").exits(exitDone).says(`"through":"20`)
	if err := p.box.Faults.Coupang.Set(sandbox.Fault{Kind: "coupang-signature"}); err != nil {
		t.Fatal(err)
	}
	p.run("once", "quota").exits(exitError).says("HTTP 401", "Invalid signature.")
	p.run("status").says("connection", "HTTP 401")
	p.searched(t, append(sandbox.CoupangPersonal(), "11111111-2222-3333-4444-555555555555", "0123456789abcdef0123456789abcdef01234567")...)
	db := openSQLite(t, filepath.Join(p.dir, "business.db"))
	var job, at string
	if err := db.QueryRowContext(t.Context(), `SELECT milkrun_job, milkrun_at FROM orders LIMIT 1`).Scan(&job, &at); err != nil || job != "orders" || !strings.HasSuffix(at, ":00:00Z") {
		t.Errorf("stamped %q %q, %v", job, at, err)
	}
}

// searched fails where one of the texts is in a file of the place other than the two that hold the keys.
func (p *place) searched(t *testing.T, texts ...string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(p.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "access" || e.Name() == "secret" {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		for _, text := range texts {
			if bytes.Contains(content, []byte(text)) {
				t.Errorf("%s holds %q", path, text)
			}
		}
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("%d files searched: %v", files, err)
	}
}

// TestPauseConnection is the kill switch on the state file.
func TestPauseConnection(t *testing.T) {
	p := coupangPlace(t)
	p.run("pause", "--connection", "shopp", "--why", "x").exits(exitUsage).says(`there is no connection "shopp"`, `did you mean "shop"?`)
	p.run("pause", "--connection", "shop").exits(exitUsage).says("needs a reason")
	p.run("pause", "orders", "--connection", "shop").exits(exitUsage).says("either a job or")
	p.run("pause").exits(exitUsage)
	p.run("pause", "--connection", "shop", "--why", "the key may have leaked").exits(exitDone).
		says("connection shop is paused: no job calls on it", "milkrun resume --connection shop", "no daemon is running")
	p.run("pause", "--connection", "shop", "--why", "again").exits(exitDone).says("already paused by " + operator() + ": the key may have leaked")
	calls := p.box.Coupang.Stats().Calls
	p.run("once", "centers").exits(exitError).says("connection shop is paused by "+operator(), "milkrun resume shop")
	p.run("once", "centers", "--dry-run").exits(exitError).says("connection shop is paused by " + operator())
	p.run("record", "centers", "--pull-only", "--out", filepath.Join(p.dir, "recording")).exits(exitError).says("connection shop is paused by " + operator())
	p.run("status").exits(exitDone).says("centers, orders, quota, settlements are paused: its connection shop is paused by " + operator() + ": the key may have leaked")
	p.run("audit").exits(exitDone).says("pause connection", "the key may have leaked")
	if p.box.Coupang.Stats().Calls != calls {
		t.Error("it was called while it was paused")
	}
	p.run("resume", "orders").exits(exitDone).says("nothing to resume", "its connection shop is paused by")
	p.run("resume", "--connection", "shop", "--why", "renewed").exits(exitDone).says("the pause of connection shop is over", "the key may have leaked")
	p.run("once", "centers").exits(exitDone)
	p.with(func(ctx context.Context, s *state.Store) error {
		halts, err := s.Halts(ctx)
		if len(halts) > 0 {
			t.Errorf("still held: %+v", halts)
		}
		return err
	})
}

// TestCoupangConfiguration: budgets that contradict each other, and a retention nobody can keep.
func TestCoupangConfiguration(t *testing.T) {
	p := coupangPlace(t)
	p.edit("[jobs.orders]", `[connections.other]
type          = "coupang"
vendor_id     = "A00099999"
access_key    = "file:access"
secret_key    = "file:secret"
url           = "`+p.box.Settings()["coupang"]["url"]+`"
provider_rate = "20/s"

[jobs.orders]`)
	p.run("check").exits(exitUsage).says("provider_rate of 127.0.0.1", "one budget", "the connections other and shop say different things")
	p.edit("20/s", "10/s")
	p.run("check").exits(exitDone)
	p.edit(`retention = "90d"`, `retention = "1h"`)
	p.run("check").exits(exitUsage).says("less than a day")
	p.edit(`retention = "1h"`, `retention = "90d"`)
	p.edit(`[connections.business]`, "[connections.out]\ntype = \"file\"\ndir = \"%[1]s\"\n\n[connections.business]")
	p.edit(`sink      = { connection = "business", table = "orders", key = ["shipmentBoxId", "orderItems_vendorItemId"] }`,
		`sink      = { connection = "out", path = "orders.jsonl" }`)
	p.run("check").exits(exitUsage).says("does not know when it wrote a record")
}

// TestConnectionPausedLive stops a run of a daemon in the middle of its work; no job on the connection begins until it is
// resumed, and then nothing is missing.
func TestConnectionPausedLive(t *testing.T) {
	t.Parallel()
	w := newLiveWorld(t, 100, 1000, 10)
	if err := w.box.Faults.Busipush.Set(sandbox.Fault{Kind: sandbox.Latency, DelayMS: 200}); err != nil {
		t.Fatal(err)
	}
	m := manage(t, w.toml())
	m.hears("READY=1")
	p := m.beside()
	p.run("trigger", "affairs").exits(exitDone)
	p.run("pause", "--connection", "jinlaiban", "--why", "a leak").exits(exitDone).
		says("connection jinlaiban is paused: no job calls on it", "1 run under way on it will stop at the next call")
	p.run("cancel", "affairs").exits(exitDone) // waits for its end
	p.run("trigger", "affairs", "--wait").exits(exitError).says("connection jinlaiban is paused by")
	p.run("runs", "show", "1").exits(exitDone).says("halted", "paused by "+operator()+": a leak")
	p.run("status").exits(exitDone).says("affairs is paused: its connection jinlaiban is paused by " + operator() + ": a leak")
	sent := w.box.Busipush.Records()
	if sent >= 1000 {
		t.Errorf("all %d records were sent", sent)
	}
	if err := w.box.Faults.Busipush.Set(); err != nil {
		t.Fatal(err)
	}
	p.run("resume", "--connection", "jinlaiban").exits(exitDone).says("the pause of connection jinlaiban is over")
	p.run("trigger", "affairs", "--wait").exits(exitDone)
	if n := w.box.Busipush.Records(); n != 1000 {
		t.Errorf("the partner has %d records", n)
	}
	m.end()
}

// TestCoupangInChinese: where a call stood, and how far a job has come, are said in Chinese too.
func TestCoupangInChinese(t *testing.T) {
	p := coupangPlace(t)
	p.edit(`"orders-by-minute"`, `"orders"`)
	if err := p.box.Faults.Coupang.Set(sandbox.Fault{Kind: "coupang400", Every: 3}); err != nil {
		t.Fatal(err)
	}
	p.run("once", "orders").exits(exitError)
	p.run("status", "--lang", "zh").says("shop：orders DEPARTURE 第 1 页（20", " 至 20", "）：HTTP 400", "本次读至").hides(" from ").hides(" page ")
	p.run("checkpoint", "list", "--lang", "zh").says("时间窗 20").hides("from 20")
}

// TestJobsOfOneVendorShareAVerdict: however many jobs of a vendor begin at once, one of them is told that the signature counts as
// expired, and none asks after it.
func TestJobsOfOneVendorShareAVerdict(t *testing.T) {
	p := coupangPlace(t)
	if err := p.box.Faults.Coupang.Set(sandbox.Fault{Kind: "coupang-expired"}); err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	real := sandbox.Transport(p.box)
	network := answertest.RoundTrip(func(r *http.Request) (*http.Response, error) {
		calls.Add(1)
		return real.RoundTrip(r)
	})
	settings := map[string]map[string]string{"coupang": p.box.Settings()["coupang"]}
	conf, err := parseWorld(strings.ReplaceAll(p.read("jobs.toml"), `"file:`, `"file:`+p.dir+"/"), p.dir, settings)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conf.Close() }()
	e, done, err := worldEngine(t.Context(), p.dir, network, io.Discard, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	var jobs stdsync.WaitGroup
	for _, job := range conf.Jobs {
		jobs.Go(func() {
			var halted *sync.HaltedError
			if r, err := e.Run(t.Context(), job, sync.Start{Trigger: state.Manual}); err == nil || r.State != state.Halted && !errors.As(err, &halted) {
				t.Errorf("%s is %s: %v", job.Name, r.State, err)
			}
		})
	}
	jobs.Wait()
	if n := calls.Load(); n != 2 {
		t.Errorf("%d calls of %d jobs, want one and its second signature", n, len(conf.Jobs))
	}
	if halts, err := e.Store.Halts(t.Context()); err != nil || len(halts) != 1 || halts[0].Name != "shop" {
		t.Errorf("halts: %+v, %v", halts, err)
	}
}
