package sandbox

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ordersResource is the order interface of the agreement (二.1), which has rules of its own here.
const ordersResource = "orders"

// OrderStatuses are the statuses of an order in the sequence in which it goes through them (二.1).
func OrderStatuses() []string { return []string{"已支付", "已发货", "已完成"} }

// orderFields are what an order must have (二.1).
func orderFields() []string {
	return []string{"user_name", "user_phone", "user_address", "product_name", "product_spec", "quantity", "price", "status"}
}

// checkOrder returns the code and reason an order is rejected for, if it is.
func checkOrder(record map[string]any) (code, reason string) {
	for _, f := range orderFields() {
		if record[f] == nil || record[f] == "" {
			return "required", f + " is missing"
		}
	}
	if status, _ := record["status"].(string); !slices.Contains(OrderStatuses(), status) {
		return "status", "status is none of " + strings.Join(OrderStatuses(), ", ")
	}
	return "", ""
}

// revision is what is known of the revisions of one key.
type revision struct {
	kept json.Number
	seen map[string]bool
}

// outdated says whether a record must not replace the one that is kept, because it is an older revision. One that comes for
// the first time when a newer one has come already was overtaken: that is counted, since nobody's sender may let it happen.
// The same revision again is a repetition, and its content counts.
func (e *Exchange) outdated(resource, key string, rev json.Number) bool {
	if rev == "" {
		return false
	}
	id := resource + "\n" + key
	r := e.revisions[id]
	if r == nil {
		e.revisions[id] = &revision{kept: rev, seen: map[string]bool{rev.String(): true}}
		return false
	}
	again := r.seen[rev.String()]
	r.seen[rev.String()] = true
	if compareNumbers(rev, r.kept) >= 0 {
		if r.kept = rev; again {
			e.stats.Same++
		}
		return false
	}
	if again {
		e.stats.Same++
	} else {
		e.stats.Overtaken++
	}
	return true
}

// compareNumbers compares whole numbers of any length.
func compareNumbers(a, b json.Number) int {
	x, y := strings.TrimLeft(a.String(), "0"), strings.TrimLeft(b.String(), "0")
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y))
}

// revisionOf returns the revision of a record, "" when it has none or its resource knows none.
func (e *Exchange) revisionOf(resource string, raw json.RawMessage) json.Number {
	field := e.opts.Revisions[resource]
	if field == "" {
		return ""
	}
	var record map[string]json.RawMessage
	if json.Unmarshal(raw, &record) != nil {
		return ""
	}
	text := strings.Trim(string(record[field]), `"`)
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return ""
	}
	return json.Number(text)
}

// SeedOrders creates the table orders in an SQLite database and fills it with so many paid orders of the last three days; a
// table that exists already is left as it is. Phones begin with 1990000, and names are generated; updated_at is Beijing time, and
// revision counts the changes of an order from 1.
func SeedOrders(ctx context.Context, db *sql.DB, orders int) error {
	begin, step := spread(time.Now().In(time.FixedZone("CST", 8*3600)), 72*time.Hour, orders)
	products := strings.Fields("充电器 保温杯 雨伞 键盘 台灯 背包 水壶 耳机")
	t := seedTable{
		name: "orders", width: 11, rows: orders,
		ddl: `CREATE TABLE orders (order_no TEXT PRIMARY KEY, user_name TEXT NOT NULL, user_phone TEXT NOT NULL, user_address TEXT NOT NULL,
			product_name TEXT NOT NULL, product_spec TEXT NOT NULL, quantity INTEGER NOT NULL, price TEXT NOT NULL, status TEXT NOT NULL,
			revision INTEGER NOT NULL, updated_at TEXT NOT NULL)`,
		index: `CREATE INDEX orders_updated_at ON orders (updated_at, order_no)`,
		fill: func(row []any, i int) {
			h := mix(uint64(i) ^ 0x6f7264)
			row[0], row[1], row[2] = SeedOrderNo(i), seedName(i), seedPhone(i)
			row[3] = fmt.Sprintf("示例省示例市示例路 %d 号", 1+h%999)
			row[4], row[5] = products[h>>10%uint64(len(products))], fmt.Sprintf("规格%c", 'A'+rune(h>>20%5))
			row[6], row[7] = int(1+h>>24%4), fmt.Sprintf("%d.%02d", 10+h>>32%490, h>>42%100)
			row[8], row[9], row[10] = OrderStatuses()[0], 1, begin.Add(time.Duration(i)*step).Format(time.DateTime)
		},
	}
	if err := t.seed(ctx, db); err != nil {
		return fmt.Errorf("seeding table orders: %w", err)
	}
	return nil
}

// SeedOrderNo is the number of a generated order, counted from 0.
func SeedOrderNo(i int) string { return fmt.Sprintf("A%09d", i+1) }
