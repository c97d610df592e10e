package coupang

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"milkrun/sync/feed"
	"milkrun/sync/sandbox"
)

// TestNothingPersonal reads every stream and looks for what is personal: by default nothing of it leaves the source, masked
// nothing in clear, and what belongs to a bank account never.
func TestNothingPersonal(t *testing.T) {
	for _, st := range streams() {
		for _, personal := range []string{dropped, masked, raw} {
			values := map[string]any{"personal": personal}
			if st.windowed() {
				values["since"] = "2026-11-15"
			}
			switch {
			case personal == raw:
				values["purpose"] = "a test"
			case st.window.unit == months:
				values["since"] = "2026-09-01"
			case st.items != "":
				values["items"] = asRows
			}
			switch {
			case st.name == "products-by-time":
				values["since"] = "2026-11-22"
			case st.name == "download-coupons":
				values["ids"] = []any{"68"}
			case st.of != "":
				values["ids"] = []any{map[string]string{"orders": "642538971006400010", "coupons": "68", "products": "80240001", "product-details": "3242596001",
					"return-centers": "1000274500", "categories": "69184"}[st.of]}
			}
			found := leaks(t, open(t, sandbox.Transport(shop(sandbox.CoupangOptions{})), st.name, values))
			if len(found) > 0 && personal != raw {
				t.Errorf("%s, personal = %q: %q", st.name, personal, found)
			}
			if bank := holds(strings.Join(found, " "), "가상은행", "110-222-333444"); bank != "" {
				t.Errorf("%s: a bank account with %s left the source", st.name, bank)
			}
			if personal == raw && strings.HasPrefix(st.name, "orders") && len(found) < 5 {
				t.Errorf("%s: raw fields do not come although they are asked for: %q", st.name, found)
			}
		}
	}
}

// leaks reads a source and returns the personal texts in what it gives: rows, cursors, rejections.
func leaks(t *testing.T, s feed.Source) (found []string) {
	t.Helper()
	seen := map[string]bool{}
	for after, done := feed.Cursor(""), false; !done; {
		p, err := s.Fetch(t.Context(), after, 100)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(p.Rows.Values)
		if err != nil {
			t.Fatal(err)
		}
		all := string(text) + string(p.Next) + fmt.Sprint(p.Rejected, p.Notes)
		for _, word := range sandbox.CoupangPersonal() {
			if strings.Contains(all, word) && !seen[word] {
				seen[word] = true
				found = append(found, word)
			}
		}
		after, done = p.Next, p.Done
	}
	return found
}

// TestUnknownFields: what nobody has listed is no column, and inside a list it counts by its name.
func TestUnknownFields(t *testing.T) {
	body := object{"shipmentBoxId": json.Number("1"), "buyerMobile": "010-1234-5678", "orderItems": []any{
		object{"vendorItemId": json.Number("2"), "vendorItemName": "a shirt", "giftReceiverPhone": "010-9999-8888", "contactName": "홍길동", "bankAccount": "1"},
	}}
	for _, personal := range []string{dropped, masked} {
		l := find("orders").layoutOf(personal, asJSON)
		l.tidy(body)
		row, _, err := l.row(element{record: body})
		text, _ := json.Marshal(row)
		if word := holds(string(text), "1234-5678", "9999-8888", "홍길동", "bankAccount"); err != nil || word != "" || !strings.Contains(string(text), "a shirt") {
			t.Errorf("%s: %s in %s (%v)", personal, word, text, err)
		}
	}
}

// TestMaskedOrders shows what is left of a person.
func TestMaskedOrders(t *testing.T) {
	rows, _, _ := all(t, open(t, sandbox.Transport(shop(sandbox.CoupangOptions{})), "orders", map[string]any{"since": "2026-11-21", "personal": masked}), "", 50)
	r := rows[0]
	if r["receiver_name"] != "신***" || r["orderer_safeNumber"] == nil || strings.Contains(fmt.Sprint(r["receiver_safeNumber"]), "1234") ||
		r["parcelPrintMessage"] != strings.Repeat("*", 13) {
		t.Errorf("%v", r)
	}
	for _, name := range []string{"receiver_name", "parcelPrintMessage"} {
		rows, _, _ := all(t, open(t, sandbox.Transport(shop(sandbox.CoupangOptions{})), "orders", map[string]any{"since": "2026-11-21"}), "", 50)
		if _, there := rows[0][name]; there {
			t.Errorf("%s is a column by default", name)
		}
	}
}

func TestRejectedRecord(t *testing.T) {
	s := openAt(t, connect(t, nil), reply(200, `{"code":200,"data":[{"shipmentBoxId":1,"orderId":"신테스트","receiver":{"name":"신테스트"}},{"shipmentBoxId":2}]}`), noon, "orders",
		map[string]any{"since": "2026-11-21"})
	p, err := s.Fetch(t.Context(), "", 50)
	if err != nil || p.Rows.Len() != 1 || len(p.Rejected) != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	if r := p.Rejected[0]; r.Code != "orderId" || r.Record["shipmentBoxId"] != int64(1) || strings.Contains(fmt.Sprint(r), "신") {
		t.Errorf("%+v", r)
	}
}
