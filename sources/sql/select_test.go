package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"milkrun/sync/dbtest"
	"milkrun/sync/feed"
)

const ordersDDL = `CREATE TABLE "orders" ("no" VARCHAR(20) NOT NULL PRIMARY KEY, "status" VARCHAR(20) NOT NULL, "price" DECIMAL(10,2) NOT NULL,
	"at" VARCHAR(20) NOT NULL)`

func orders(t testing.TB, d dbtest.Database) feed.Source {
	t.Helper()
	d.Exec(t, ordersDDL)
	for i := range 25 {
		status := []string{"已支付", "已发货"}[i%2]
		d.Exec(t, fmt.Sprintf(`INSERT INTO "orders" VALUES ('A%02d', '%s', %d.50, '2026-01-01 10:00:%02d')`, i, status, i, i))
	}
	return open(t, d, settings{table: "orders", cursor: []string{"at", "no"}})
}

// TestSelect chooses rows in every database, by id, by condition and by time.
func TestSelect(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		s := orders(t, d)
		for name, c := range map[string]struct {
			sel  feed.Selection
			want []string
		}{
			"ids":              {feed.Selection{IDs: []string{"A03", "A17", "A99", " A04 "}}, []string{"A03", "A04", "A17"}},
			"a quote in an id": {feed.Selection{IDs: []string{"A03' OR '1'='1"}}, nil},
			"condition":        {feed.Selection{Where: "status = '已发货' AND price < 6"}, []string{"A01", "A03", "A05"}},
			"or":               {feed.Selection{Where: "no = 'A01' OR no = 'A02'"}, []string{"A01", "A02"}},
			"since":            {feed.Selection{Where: "status = '已发货'", Since: "2026-01-01 10:00:20"}, []string{"A21", "A23"}},
			"since of ids":     {feed.Selection{IDs: []string{"A03", "A21"}, Since: "2026-01-01 10:00:20"}, []string{"A21"}},
			"subquery":         {feed.Selection{Where: "price = (SELECT max(price) FROM orders)"}, []string{"A24"}},
		} {
			t.Run(name, func(t *testing.T) {
				chosen, err := s.(feed.Selector).Select(t.Context(), c.sel)
				if err != nil {
					t.Fatal(err)
				}
				rows, _ := all(t, chosen, "", 2)
				var got []string
				for _, row := range rows {
					got = append(got, row[0].(string))
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%v, want %v", got, c.want)
				}
				if n, err := chosen.(feed.Counter).Count(t.Context(), ""); err != nil || n != int64(len(c.want)) {
					t.Errorf("counted %d: %v", n, err)
				}
			})
		}
		if rows, _ := all(t, s, "", 10); len(rows) != 25 {
			t.Errorf("the source itself has %d rows now", len(rows))
		}
	})
}

// TestSelectChangesNothing: a condition that is none is refused, and one that would change something is refused by the database.
// None of them halts a job.
func TestSelectChangesNothing(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		s := orders(t, d)
		bad := map[string]string{
			"1 = 1; DELETE FROM orders": "the sign ;", "1 = 1) OR (1 = 1": "bracket", "(1 = 1": "bracket", "no = 'A01": "quote",
			"1 = 1 -- ": "comment", "1 = 1 /* x */": "comment", "no = 'a\\' OR 1=1'": "backslash", " ": "empty", "no_such = 1": "no_such",
			"status =": "", "1 = ?": "the sign ?", "1 = 1 # x": "the sign #",
		}
		if d.Kind == "postgres" {
			bad["setval('counter', 99) > 0"] = ""
			d.Exec(t, "CREATE SEQUENCE counter")
		}
		for where, why := range bad {
			chosen, err := s.(feed.Selector).Select(t.Context(), feed.Selection{Where: where})
			if err == nil {
				_, err = chosen.Fetch(t.Context(), "", 5)
			}
			switch {
			case err == nil:
				t.Errorf("%q is taken", where)
			case !strings.Contains(err.Error(), why):
				t.Errorf("%q: %v", where, err)
			case feed.Judge(err).Verdict >= feed.HaltJob && !strings.Contains(where, "setval"):
				t.Errorf("%q halts: %v", where, err)
			}
		}
		if got := d.Rows(t, `SELECT count(*) FROM "orders"`); got[0] != "25" {
			t.Errorf("there are %v orders", got)
		}
		d.Exec(t, `INSERT INTO "orders" VALUES ('Z', 'x', 1, '2026-01-01')`) // and the connections can still write
	})
}

// TestConditionFailsAtARow: a condition that fails only when rows are read fails the re-push, and never halts the job.
func TestConditionFailsAtARow(t *testing.T) {
	for name, where := range map[string]string{
		"sqlite":   "load_extension('x') IS NULL",
		"postgres": `CAST(substr("no", 1, 1) AS integer) > 3`,
	} {
		t.Run(name, func(t *testing.T) {
			s := orders(t, servers.New(t, name))
			chosen, err := s.(feed.Selector).Select(t.Context(), feed.Selection{Where: where})
			if err == nil {
				_, err = chosen.Fetch(t.Context(), "", 10)
			}
			if e := feed.Judge(err); err == nil || e.Verdict != feed.Fail || !strings.Contains(e.Remedy, "there are the columns no, status") {
				t.Errorf("%v: %s, %q", err, e.Verdict, e.Remedy)
			}
		})
	}
}

// TestSlowCondition: a query with a person's condition that does not end is ended, and the error says what helps. It is not tried again.
func TestSlowCondition(t *testing.T) {
	slow := map[string]string{
		"sqlite":   "(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c) > length(no)",
		"postgres": "pg_sleep(10) IS NULL",
		"mysql":    "no = 'A01' AND sleep(1) = 1",
	}
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		s := orders(t, d)
		chosen, err := s.(feed.Selector).Select(t.Context(), feed.Selection{Where: slow[d.Kind]})
		if err != nil {
			t.Fatal(err)
		}
		chosen.(*Source).only.most = 100 * time.Millisecond
		_, fetch := chosen.Fetch(t.Context(), "", 5)
		_, count := chosen.(feed.Counter).Count(t.Context(), "")
		for _, err := range []error{fetch, count} {
			if e := feed.Judge(err); err == nil || e.Verdict != feed.Fail || !strings.Contains(err.Error(), "within 100ms") || !strings.Contains(e.Remedy, "index") {
				t.Errorf("%v: %s, %q", err, e.Verdict, e.Remedy)
			}
		}
		stopped, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := chosen.Fetch(stopped, "", 5); !errors.Is(err, context.Canceled) {
			t.Errorf("a run that is stopped: %v", err)
		}
		if rows, _ := all(t, s, "", 10); len(rows) != 25 {
			t.Errorf("the source itself has %d rows", len(rows))
		}
	})
}

func TestIdentifyAndCompare(t *testing.T) {
	servers.Everywhere(t, func(t *testing.T, d dbtest.Database) {
		s := orders(t, d)
		c, by := s.(feed.Comparer), s.(feed.Selector)
		if got := by.Identify(`["2026-01-01 10:00:03","A03"]`); got != "A03" {
			t.Errorf("identified as %q", got)
		}
		for _, bad := range []feed.Cursor{"", `{"from":["2026-01-01"]}`, "x", `["2026-01-01"]`} {
			if got := by.Identify(bad); got != "" {
				t.Errorf("%s is identified as %q", bad, got)
			}
		}
		for _, p := range []struct {
			a, b  feed.Cursor
			order int
		}{
			{`["2026-01-01 10:00:03","A03"]`, `["2026-01-01 10:00:04","A01"]`, -1}, {`["2026-01-02","A03"]`, `["2026-01-01 10:00:04","A01"]`, 1},
			{`["2026-01-01","A03"]`, `["2026-01-01","A03"]`, 0}, {`["2026-01-01","A03"]`, `["2026-01-01","A04"]`, -1},
		} {
			if got, ok := c.Compare(p.a, p.b); got != p.order || !ok {
				t.Errorf("%s and %s: %d %v", p.a, p.b, got, ok)
			}
		}
		if _, ok := c.Compare(`["x","A03"]`, `["y","A03"]`); ok {
			t.Error("texts that are no times are compared")
		}
	})
}
