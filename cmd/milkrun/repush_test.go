package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"milkrun/state"
	"milkrun/sync/sandbox"
)

// orderPushTOML pushes orders whenever one is new or changed.
const orderPushTOML = `timezone = "Asia/Shanghai"

[connections.shop]
type = "sqlite"
dsn  = "%[1]s/business.db"

[connections.partner]
type    = "exchange"
url     = "EXCHANGE"
token   = "file:%[1]s/token"
purpose = "订单履约"

[jobs.orders]
schedule = "SCHEDULE"
source   = { connection = "shop", table = "orders", cursor = ["updated_at", "order_no"] }
sink     = { connection = "partner", resource = "orders", key = ["order_no"] }
batch_size = 50
retry    = { initial = "1ms", max = "10ms", give_up_after = "5s" }
`

// orderText is the configuration of a place with so many paid orders and a stand-in that takes them.
func orderText(t *testing.T, dir, schedule string, orders int) (string, *sandbox.Sandbox) {
	t.Helper()
	box, err := sandbox.Start(t.Context(), "127.0.0.1:0", sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	if err := sandbox.SeedOrders(t.Context(), openSQLite(t, filepath.Join(dir, "business.db")), orders); err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, dir: dir}
	p.write("token", box.Settings()["exchange"]["token"])
	return strings.NewReplacer("EXCHANGE", box.Settings()["exchange"]["url"], "SCHEDULE", schedule, "%[1]s", dir).Replace(orderPushTOML), box
}

func orderPlace(t *testing.T, orders int) *place {
	t.Helper()
	p := newPlace(t, "")
	text, box := orderText(t, p.dir, "manual", orders)
	p.write("jobs.toml", text)
	p.box = box
	return p
}

func (p *place) change(query string, args ...any) {
	p.t.Helper()
	if _, err := openSQLite(p.t, filepath.Join(p.dir, "business.db")).ExecContext(p.t.Context(), query, args...); err != nil {
		p.t.Fatal(err)
	}
}

// TestRepush sends corrected records again: linked to what was, with the receipt, and without moving the checkpoint.
func TestRepush(t *testing.T) {
	p := orderPlace(t, 120)
	bad, fine := sandbox.SeedOrderNo(4), sandbox.SeedOrderNo(30)
	p.box.Exchange.Poison(bad)
	p.run("once", "orders").exits(exitPart)
	before := p.cursor("orders")
	p.box.Exchange.Poison()
	p.change(`UPDATE orders SET price = '1.23', revision = 2 WHERE order_no IN (?, ?)`, bad, fine)
	pushes := p.box.Exchange.Stats().Pushes
	p.run("repush", "orders", "--ids", bad+","+fine, "--dry-run").exits(exitDone).says("2 records of job orders would be sent", "POST ", fine)
	if got := p.box.Exchange.Stats().Pushes; got != pushes {
		t.Errorf("a dry run pushed %d times", got-pushes)
	}
	p.run("repush", "list").exits(exitDone).says("nothing was sent again yet")

	p.run("repush", "orders", "--ids", bad+","+fine+",A999999999", "--why", "wrong price").exits(exitDone).
		says("re-push 1 of job orders: 2 records delivered, 0 rejected (run 2)", "milkrun repush show 1")
	for _, no := range []string{bad, fine} {
		if raw, _ := p.box.Exchange.Record("orders", no); !strings.Contains(string(raw), `"price":"1.23"`) {
			t.Errorf("the partner has %s", raw)
		}
	}
	if s := p.box.Exchange.Stats(); s.Overtaken != 0 {
		t.Errorf("%d revisions were overtaken", s.Overtaken)
	}
	if after := p.cursor("orders"); *after != *before {
		t.Errorf("the checkpoint moved from %s to %s", *before, *after)
	}
	p.run("dead", "list").exits(exitDone).says("no dead letters")
	p.run("dead", "list", "--only", "delivered").exits(exitDone).says("poison")
	p.run("repush", "show", "1").exits(exitDone).says("wrong price", "2 records in run 1", "receipt R-", "2 records, 0 rejected", bad)
	p.run("runs", "show", "2").exits(exitDone).says("re-push", "1: ids "+bad, "receipt R-", "1 of the records named are not there: A999999999")
	p.run("audit").exits(exitDone).says("repush 1: ids "+bad, "wrong price")
	var list []repushView
	p.run("repush", "list", "orders", "--json").exits(exitDone).json(&list)
	if len(list) != 1 || list[0].Run != 2 || len(list[0].Digest) != 64 {
		t.Errorf("%+v", list)
	}

	p.run("repush", "orders", "--where", "quantity > 0", "--since", string(*before), "--why", "lost").exits(exitDone).says("1 record delivered")
	p.run("repush", "orders", "--where", "price = 'no such'", "--why", "x").exits(exitDone).says("no record is chosen")
	p.box.Exchange.Poison(fine)
	p.run("repush", "orders", "--ids", fine, "--why", "again").exits(exitPart).says("0 records delivered, 1 rejected", "milkrun dead list orders")
	p.run("once", "orders").exits(exitDone) // nothing of it is sent by the forward lane
	if after := p.cursor("orders"); *after != *before {
		t.Errorf("the checkpoint moved from %s to %s", *before, *after)
	}
}

// TestRepushRefuses says what is wrong, and records nothing.
func TestRepushRefuses(t *testing.T) {
	p := orderPlace(t, 3)
	p.run("once", "orders").exits(exitDone)
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"nothing chosen": {[]string{"orders", "--why", "x"}, "names its records by --ids or by --where"},
		"both":           {[]string{"orders", "--why", "x", "--ids", "a", "--where", "b"}, "not by both"},
		"no reason":      {[]string{"orders", "--ids", "a"}, "needs a reason"},
		"no condition":   {[]string{"orders", "--why", "x", "--where", "1 = 1; DROP TABLE orders"}, "the sign ;"},
		"no column":      {[]string{"orders", "--why", "x", "--where", "no_such = 1"}, "no_such"},
		"no job":         {[]string{"order", "--why", "x", "--ids", "a"}, `did you mean "orders"?`},
	} {
		t.Run(name, func(t *testing.T) { p.run(append([]string{"repush"}, c.args...)...).exits(exitUsage).says(c.says) })
	}
	p.run("repush", "show", "7").exits(exitUsage).says("milkrun repush list")
	p.run("repush", "list").exits(exitDone).says("nothing was sent again yet")
	p.run("status").exits(exitDone).hides("halted")

	w := newLiveWorld(t, 10, 10, 10)
	q := newPlace(t, w.toml())
	q.run("repush", "grades", "--ids", "x", "--why", "x").exits(exitUsage).says("cannot be chosen", "milkrun once grades --full")
}

// TestRepushByTheDaemon has the running daemon do it, and kills it in the middle: nothing is done by itself after that, the
// same command sends the records again, and the forward lane has lost nothing.
func TestRepushByTheDaemon(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text, box := orderText(t, dir, "@every 1s", 600)
	m := manage(t, text)
	p := m.alone()
	p.until("the orders", func() bool { return box.Exchange.Records("orders") == 600 })
	line := []string{"repush", "orders", "--where", "quantity > 0", "--why", "the partner lost a day"}
	p.run(append(line, "--dry-run")...).exits(exitDone).says("600 records of job orders would be sent")
	p.run(line...).exits(exitDone).says("600 records delivered, 0 rejected")
	if err := box.Faults.Exchange.Set(sandbox.Fault{Kind: sandbox.Latency, DelayMS: 150}); err != nil {
		t.Fatal(err)
	}
	pushed := box.Exchange.Stats().Same
	ended := make(chan outcome, 1)
	go func() { ended <- p.run(line...) }()
	p.until("the second re-push", func() bool { return box.Exchange.Stats().Same > pushed })
	m.signal(syscall.SIGKILL)
	_ = m.cmd.Wait()
	(<-ended).exits(exitError)
	if err := box.Faults.Exchange.Set(); err != nil {
		t.Fatal(err)
	}
	m.again(p)
	var list []repushView
	p.run("repush", "list", "--json").exits(exitDone).json(&list)
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	p.until("the run is known as interrupted", func() bool {
		var show repushDetail
		p.run("repush", "show", fmt.Sprint(list[0].ID), "--json").exits(exitDone).json(&show)
		return show.Run != nil && show.Run.State == state.Interrupted
	})
	p.run(line...).exits(exitDone).says("600 records delivered")
	if s := box.Exchange.Stats(); s.Overtaken != 0 || box.Exchange.Records("orders") != 600 {
		t.Errorf("%+v", s)
	}
	var runs []runView
	p.run("runs", "orders", "--json", "-n", "0").exits(exitDone).json(&runs)
	for _, r := range runs {
		if r.Trigger == state.Repushed && r.CursorFrom != "" {
			t.Errorf("run %d begins at %s", r.ID, r.CursorFrom)
		}
	}
}
