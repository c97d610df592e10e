package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"milkrun/state"
)

const cataloguedTOML = `
catalogue = "interfaces.toml"
timezone = "Asia/Shanghai"
[connections.business]
type = "sqlite"
dsn = "%[1]s/business.db"
[connections.partner]
type = "sqlite"
dsn = "%[1]s/partner.db"
[jobs.export]
interface = "orders"
source = { connection = "business", table = "orders", cursor = ["id"] }
sink = { connection = "partner", table = "orders", key = ["id"] }
mask = { phone = "phone" }
`

const ordersTOML = `
[orders]
connection = "partner"
title = "Orders"
zh = "订单"
purpose = "发货"
key = ["id", "phone"]
time = "at"
within = "1h"
done_by = "23:59"

[orders.v1.fields]
id = { type = "integer", required = true }
phone = { personal = "phone", pattern = '1[0-9]{10}', title = "phone", zh = "手机号" }
status = { required = true, enum = ["已支付", "已发货"] }
at = { type = "time", required = true }

[orders.v2]
from = 2099-01-01

[orders.v2.fields]
id = { type = "integer", required = true }
phone = { personal = "phone" }
status = { required = true, enum = ["paid", "sent"] }
at = { type = "time", required = true }
`

// cataloguedPlace is a job with an interface, two of whose five records break it.
func cataloguedPlace(t *testing.T) *place {
	t.Helper()
	p := newPlace(t, cataloguedTOML)
	p.write("interfaces.toml", ordersTOML)
	db := openSQLite(t, filepath.Join(p.dir, "business.db"))
	_, err := db.ExecContext(t.Context(), `CREATE TABLE orders (id INTEGER PRIMARY KEY, phone TEXT, status TEXT, at TEXT)`)
	if err != nil {
		t.Fatal(err)
	}
	for id, row := range [][2]string{{"13912345678", "已支付"}, {"1391234567", "已发货"}, {"13912345678", "=cmd()"}, {"", "已发货"}, {"13912345678", "已支付"}} {
		p.order(id+1, row[0], row[1], time.Hour)
	}
	return p
}

// order puts an order of some age into the source.
func (p *place) order(id int, phone, status string, age time.Duration) {
	p.t.Helper()
	at := time.Now().In(time.FixedZone("", 8*3600)).Add(-age).Format(time.DateTime)
	_, err := openSQLite(p.t, filepath.Join(p.dir, "business.db")).ExecContext(p.t.Context(), `INSERT INTO orders VALUES (?, ?, ?, ?)`, id, phone, status, at)
	if err != nil {
		p.t.Fatal(err)
	}
}

func TestRejectionReport(t *testing.T) {
	p := cataloguedPlace(t)
	p.run("once", "export").exits(exitPart)
	p.run("rejections", "export").exits(exitDone).says("2 **********", "phone", "pattern", "orders@1").hides("1391234567").hides("13912345678")
	var list []rejectionView
	p.run("rejections", "--run", "1", "--json").exits(exitDone).json(&list)
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	one, two := list[0], list[1]
	if one.Field != "phone" || one.Rule != "pattern" || one.Code != "check:phone:pattern" || one.Interface != "orders@1" || one.State != state.LetterOpen ||
		one.Reason != "phone does not have the form 1[0-9]{10}" || one.Zh == one.Reason {
		t.Errorf("%+v", one)
	}
	if two.Key != "3 139****5678" || two.Reason != `status is none of 已支付 已发货, it is "=cmd()"` || two.At.IsZero() {
		t.Errorf("%+v", two)
	}
	out := p.run("rejections", "export", "--csv").exits(exitDone).hides("13912345678").out
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(out, "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 3 || rows[1][1] != "phone" || !strings.Contains(rows[1][4], "格式") || !strings.HasPrefix(out, "\ufeff") {
		t.Errorf("%v: %q", err, rows)
	}
	p.run("dead", "drop", "1", "--why", "a test").exits(exitDone)
	p.run("rejections", "export", "--only", "open", "--json").exits(exitDone).json(&list)
	if len(list) != 1 || list[0].Letter != two.Letter {
		t.Errorf("%+v", list)
	}
	p.run("rejections", "exprot").exits(exitUsage).says(`did you mean "export"?`)
	p.run("rejections").exits(exitUsage).says("name a job")
	p.run("rejections", "export", "--run", "1").exits(exitUsage)
	p.run("rejections", "--run", "7").exits(exitUsage)
	p.run("rejections", "export", "--csv", "--json").exits(exitUsage)
}

func TestNoFormula(t *testing.T) {
	for cell, want := range map[string]string{"": "", "=1+1": "'=1+1", "@x": "'@x", "-1": "'-1", "a=b": "a=b", "已": "已"} {
		if got := noFormula(cell); got != want {
			t.Errorf("%q becomes %q, want %q", cell, got, want)
		}
	}
}

func TestInterfacesAreShown(t *testing.T) {
	p := cataloguedPlace(t)
	p.run("interfaces", "list").exits(exitDone).says("orders", "partner", "Orders", "2 from 2099-01-01 on", "each record within 1h; every day by 23:59", "export")
	var all []interfaceView
	p.run("interfaces", "list", "--json").exits(exitDone).json(&all)
	if len(all) != 1 || len(all[0].Versions) != 2 || !all[0].Versions[0].InEffect || all[0].Versions[1].InEffect || all[0].Jobs[0] != "export" || len(all[0].Versions[0].Cases) == 0 {
		t.Errorf("%+v", all)
	}
	p.run("interfaces", "show", "orders").exits(exitDone).says("phone masked", "in effect through 2098-12-31").hides("paid")
	p.run("interfaces", "show", "orders@2").exits(exitDone).says("in effect from 2099-01-01 on", "paid")
	p.run("interfaces", "show", "orders", "--markdown").exits(exitDone).says("# orders: Orders", "## Version 1", "## Version 2", "check:status:enum")
	p.run("interfaces", "show", "orders@1", "--markdown", "--lang", "zh").exits(exitDone).says("# orders：订单", "测试用例").hides("第 2 版")
	p.run("interfaces", "show", "order").exits(exitUsage).says(`did you mean "orders"?`)
	p.run("interfaces", "show", "orders@3").exits(exitUsage).says("no version 3", "1, 2")
	p.run("interfaces", "show", "orders@x").exits(exitUsage)
	p.run("interfaces", "shwo").exits(exitUsage).says(`did you mean "show"?`)
	p.run("check").exits(exitDone).says("orders version 2 takes effect in ", " days, on 2099-01-01")
	var v checkView
	p.run("check", "--json").exits(exitDone).json(&v)
	if len(v.Notices) != 1 {
		t.Errorf("%v", v.Notices)
	}
	p.run("doctor").says("orders version 2 takes effect in ")
	p.edit(`interface = "orders"`, `interface = "orders@2"`)
	p.run("check").exits(exitDone).says("job export stays with orders@2, and version 1 is in effect")
	p.write("interfaces.toml", strings.Replace(ordersTOML, "[orders.v1.fields]", "[orders.v1]\nfrom = 2098-01-01\n[orders.v1.fields]", 1))
	p.edit(`interface = "orders@2"`, `interface = "orders"`)
	p.run("check").exits(exitDone).says("job export: no version of orders is in effect")
}

func TestTimelinessIsShown(t *testing.T) {
	p := cataloguedPlace(t)
	p.run("interfaces", "timeliness").exits(exitError)
	p.run("once", "export").exits(exitPart)
	p.order(6, "13912345678", "已支付", 10*time.Minute)
	p.order(7, "13912345678", "已支付", 100*time.Minute)
	p.order(8, "13912345678", "已支付", 201*time.Minute)
	p.run("once", "export").exits(exitDone)
	var list []timelinessView
	p.run("interfaces", "timeliness", "--json").exits(exitDone).json(&list)
	if len(list) != 1 {
		t.Fatalf("%+v", list)
	}
	v := list[0]
	if v.Interface != "orders" || v.Version != 1 || v.Connection != "partner" || v.Records != 6 || v.Rejected != 2 || v.Late != 2 || v.Timed != 3 ||
		v.Within != 3600 || v.DaysInTime == nil || *v.DaysInTime != 1 || v.Days != 1 || v.Max < 200*60 || v.Average <= 0 || v.Half > v.Max {
		t.Errorf("%+v", v)
	}
	p.run("interfaces", "timeliness").exits(exitDone).says("orders@1", "export", "each record within 1h", "1/1")
	p.run("interfaces", "timeliness", "--month", "2020-01").exits(exitDone).says("no figures of that month")
	p.run("interfaces", "timeliness", "--month", "January").exits(exitUsage).says("2026-11")
}

// TestShippedCatalogue holds the shipped catalogue against the shipped configuration and the three flows it is for.
func TestShippedCatalogue(t *testing.T) {
	text, err := os.ReadFile("../../jobs.toml")
	if err != nil {
		t.Fatal(err)
	}
	interfaces, err := os.ReadFile("../../docs/interfaces.toml")
	if err != nil {
		t.Fatal(err)
	}
	jobs := "catalogue = \"interfaces.toml\"\n" + string(text)
	for job, name := range map[string]string{"grades": "grades", "affairs": "affairs", "user-info": "users"} {
		jobs = strings.Replace(jobs, "[jobs."+job+"]\n", "[jobs."+job+"]\ninterface = \""+name+"\"\n", 1)
	}
	p := newPlace(t, jobs)
	p.write("interfaces.toml", string(interfaces))
	p.seedSandbox(300, 100)
	t.Chdir(p.dir)
	p.run("check", "--sandbox").exits(exitDone)
	for _, job := range []string{"affairs", "user-info"} {
		p.run("once", job, "--sandbox").exits(exitDone)
	}
	p.run("rejections", "user-info", "--sandbox").exits(exitDone).says("no record was refused")
}
