package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"milkrun/state"
	"milkrun/sync/dbtest"
	"milkrun/sync/sandbox"
	"milkrun/sync/sqldb"
)

// changesDDL is the table of orders, and in PostgreSQL what docs/exchange.md gives an operator: a trigger that counts the
// changes of an order and tells of them.
func changesDDL(kind string) []string {
	moment := map[string]string{"postgres": "TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()",
		"mysql": "TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)"}[kind]
	ddl := []string{`CREATE TABLE "orders" ("order_no" VARCHAR(20) NOT NULL PRIMARY KEY, "user_name" VARCHAR(20) NOT NULL, "user_phone" VARCHAR(20) NOT NULL,
		"user_address" VARCHAR(90) NOT NULL, "product_name" VARCHAR(20) NOT NULL, "product_spec" VARCHAR(20) NOT NULL, "quantity" INTEGER NOT NULL,
		"price" DECIMAL(10,2) NOT NULL, "status" VARCHAR(20) NOT NULL, "revision" INTEGER NOT NULL DEFAULT 1, "updated_at" ` + moment + `)`}
	if kind != "postgres" {
		return ddl
	}
	return append(ddl, `CREATE FUNCTION orders_touch() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			NEW.updated_at := clock_timestamp();
			IF TG_OP = 'UPDATE' THEN NEW.revision := OLD.revision + 1; END IF;
			RETURN NEW;
		END $$`,
		`CREATE TRIGGER orders_touch BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION orders_touch()`,
		`CREATE FUNCTION orders_tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NOTIFY orders_changed; RETURN NULL; END $$`,
		`CREATE TRIGGER orders_tell AFTER INSERT OR UPDATE ON orders FOR EACH STATEMENT EXECUTE FUNCTION orders_tell()`)
}

// TestOrdersNearRealTime runs the daemon between a real database and the stand-in: orders go through their statuses, each of
// which is a new revision that arrives in order. PostgreSQL tells of them, MariaDB is asked every second. How long it takes
// from the commit to the partner is said, and not judged.
func TestOrdersNearRealTime(t *testing.T) {
	t.Parallel()
	var servers dbtest.Servers
	t.Cleanup(servers.Close)
	for kind, more := range map[string]string{"postgres": `, changes = "listen:orders_changed"`, "mysql": ""} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := servers.New(t, kind)
			for _, ddl := range changesDDL(kind) {
				d.Exec(t, ddl)
			}
			schedule := map[string]string{"postgres": "0 0 1 1 *", "mysql": "@every 1s"}[kind]
			box, m := followOrders(t, kind, d.DSN(), schedule, more)
			p := m.alone()
			arrived := func(no, status string) func() bool {
				return func() bool {
					raw, _ := box.Exchange.Record("orders", no)
					var record struct{ Status string }
					return json.Unmarshal(raw, &record) == nil && record.Status == status
				}
			}
			var took []time.Duration
			for i := range 4 {
				no := sandbox.SeedOrderNo(i)
				for n, status := range sandbox.OrderStatuses() {
					query := fmt.Sprintf(`UPDATE "orders" SET "status" = '%s' WHERE "order_no" = '%s'`, status, no)
					if n == 0 {
						query = fmt.Sprintf(`INSERT INTO "orders" ("order_no", "user_name", "user_phone", "user_address", "product_name", "product_spec",
							"quantity", "price", "status") VALUES ('%s', '甲', '19900000001', '示例路 1 号', '台灯', 'A', 1, 12.50, '%s')`, no, status)
					} else if kind == "mysql" {
						query = strings.Replace(query, `SET`, `SET "revision" = "revision" + 1,`, 1)
					}
					d.Exec(t, query)
					began := time.Now()
					p.until(status, arrived(no, status))
					took = append(took, time.Since(began))
				}
			}
			if kind == "postgres" {
				commitLate(t, d, p, arrived)
			}
			slices.Sort(took)
			t.Logf("%s: from commit to partner, of %d changes: median %s, longest %s", kind, len(took), took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
			if s := box.Exchange.Stats(); s.Overtaken != 0 || s.Accepted < 12 {
				t.Errorf("%+v", s)
			}
			checkChangeRuns(t, p, kind)
		})
	}
}

// commitLate has an order change at a time that the checkpoint has passed when it is committed: the notification wakes the
// job, and lookback finds it.
func commitLate(t *testing.T, d dbtest.Database, p *place, arrived func(no, status string) func() bool) {
	t.Helper()
	late, other := sandbox.SeedOrderNo(0), sandbox.SeedOrderNo(1)
	update := `UPDATE "orders" SET "status" = '已发货' WHERE "order_no" = '`
	d.Use(t, func(ctx context.Context, s *sqldb.Session) error {
		return s.Tx(ctx, func() error {
			if _, err := s.Exec(ctx, update+late+"'"); err != nil {
				return err
			}
			d.Exec(t, update+other+"'")
			p.until("the change that was made after it", arrived(other, "已发货"))
			if arrived(late, "已发货")() {
				t.Error("it arrived before it was committed")
			}
			return nil
		})
	})
	p.until("the late one", arrived(late, "已发货"))
}

// followOrders starts a daemon that pushes the orders of a database to a stand-in.
func followOrders(t *testing.T, kind, dsn, schedule, more string) (*sandbox.Sandbox, *managed) {
	t.Helper()
	dir := t.TempDir()
	text, box := orderText(t, dir, schedule, 0)
	(&place{t: t, dir: dir}).write("dsn", dsn)
	text = strings.NewReplacer(`type = "sqlite"`, fmt.Sprintf("type = %q", kind), `dsn  = "`+filepath.Join(dir, "business.db")+`"`, `dsn = "file:`+filepath.Join(dir, "dsn")+`"`,
		`"order_no"] }`+"\nsink", `"order_no"], lookback = "5s"`+more+` }`+"\nsink").Replace(text)
	return box, manage(t, text)
}

// checkChangeRuns looks at what is left in the state file.
func checkChangeRuns(t *testing.T, p *place, kind string) {
	t.Helper()
	var runs []runView
	p.run("runs", "orders", "--json", "-n", "0").exits(exitDone).json(&runs)
	moved := 0
	for _, r := range runs {
		if r.Delivered > 0 {
			moved++
		}
		if by := r.Trigger == state.Changed; r.Delivered > 0 && by != (kind == "postgres") {
			t.Errorf("run %d is by %s", r.ID, r.Trigger)
		}
	}
	if moved < 4 {
		t.Errorf("%d of %d runs moved something", moved, len(runs))
	}
}
