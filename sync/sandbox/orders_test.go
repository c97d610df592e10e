package sandbox

import (
	"fmt"
	"strings"
	"testing"
)

func order(no string, revision int, status string) string {
	return fmt.Sprintf(`{"order_no":%q,"user_name":"甲","user_phone":"19900000001","user_address":"示例路 1 号","product_name":"台灯","product_spec":"A",`+
		`"quantity":1,"price":"12.50","status":%q,"revision":%d}`, no, status, revision)
}

// TestOrders keeps the newest revision, and counts what was overtaken and what came again.
func TestOrders(t *testing.T) {
	e := NewExchange(ExchangeOptions{})
	push := func(id string, records ...string) string {
		t.Helper()
		p := envelope(id, records...)
		p["interface"] = "orders"
		return call(t, e, exchangeURL+"orders", "application/json", jsonText(t, p), bearer()...).body
	}
	for i, step := range []struct {
		record                  string
		status                  string // kept after it
		same, overtaken, reject int64
	}{
		{order("A1", 1, "已支付"), "已支付", 0, 0, 0},
		{order("A1", 3, "已完成"), "已完成", 0, 0, 0},
		{order("A1", 2, "已发货"), "已完成", 0, 1, 0}, // overtaken
		{order("A1", 2, "已发货"), "已完成", 1, 1, 0}, // the same again
		{order("A1", 1, "已支付"), "已完成", 2, 1, 0},
		{order("A1", 3, "已支付"), "已支付", 3, 1, 0}, // corrected under its revision
		{order("A1", 10, "已完成"), "已完成", 3, 1, 0},
		{order("A1", 11, "已退款"), "已完成", 3, 1, 1},
		{`{"order_no":"A2","status":"已支付"}`, "已完成", 3, 1, 2},
	} {
		push(fmt.Sprint(i), step.record)
		raw, _ := e.Record("orders", "A1")
		if s := e.Stats(); !strings.Contains(string(raw), step.status) || s.Same != step.same || s.Overtaken != step.overtaken || s.Rejected != step.reject {
			t.Errorf("step %d: %s, %+v", i, raw, s)
		}
	}
	if body := push("x", order("A3", 1, "已支付")); !strings.Contains(body, `"receipt":"R-000010"`) {
		t.Error(body)
	}
}

func TestSeedOrders(t *testing.T) {
	db := openSQLite(t)
	for range 2 {
		if err := SeedOrders(t.Context(), db, 40); err != nil {
			t.Fatal(err)
		}
	}
	var n, odd int
	err := db.QueryRow(`SELECT count(*), count(*) FILTER (WHERE user_phone NOT LIKE '1990000%' OR status <> '已支付' OR revision <> 1
		OR updated_at NOT GLOB '????-??-?? ??:??:??') FROM orders`).Scan(&n, &odd)
	if err != nil || n != 40 || odd != 0 {
		t.Errorf("%d orders, %d odd: %v", n, odd, err)
	}
}
