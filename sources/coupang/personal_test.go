package coupang

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"milkrun/sync/feed"
)

// TestMaskedByCoupang: names that Coupang has masked are left as they are; a star in anything else, or in another place of a name, hides
// nothing.
func TestMaskedByCoupang(t *testing.T) {
	for _, c := range []struct{ rule, clear, want string }{
		{"name", "신*희", "신*희"}, {"name", "남**원", "남**원"}, {"name", "신*", "신*"}, {"name", "신사임당", "신***"},
		{"name", "신사임당*", "신****"}, {"name", "*신사임당", "*****"}, {"name", "신*임당", "신***"}, {"name", "*", "*"}, {"name", "", ""},
		{"phone", "010-1234-5678*", "010*******678*"}, {"phone", "050*12345678", "050*****5678"}, {"email", "a*b@example.com", "a**@example.com"},
		{"address", "서울시 강남구 *동 12-34", "서울시 강남구 ********"}, {"text", "문 앞 *비번", "*******"},
	} {
		got := veil(ruleOf(c.rule), c.clear)
		if got != c.want {
			t.Errorf("%s %q becomes %q, want %q", c.rule, c.clear, got, c.want)
		}
		if again := veil(ruleOf(c.rule), got); again != got {
			t.Errorf("%s %q becomes %q when it is masked again", c.rule, got, again)
		}
	}
	if veil(ruleOf("name"), nil) != nil {
		t.Error("nothing becomes something")
	}
}

// TestStarsInAnOrder: wherever they stand, in columns and in JSON.
func TestStarsInAnOrder(t *testing.T) {
	order := map[string]any{"shipmentBoxId": 1, "orderer": map[string]any{"name": "신*희", "email": "sh*n@example.com", "safeNumber": "050412345678*"},
		"receiver": map[string]any{"name": "홍길동*", "addr1": "서울시 *구 세종대로 110번길", "addr2": "101동 *1503호"}, "parcelPrintMessage": "비번 *1234#"}
	body, err := json.Marshal(map[string]any{"code": 200, "data": []any{order}, "nextToken": ""})
	if err != nil {
		t.Fatal(err)
	}
	rt := roundTrip(func(r *http.Request) (*http.Response, error) { return reply(200, string(body))(r) })
	page, err := open(t, rt, "orders", map[string]any{"since": "2026-11-20", "personal": masked}).Fetch(t.Context(), "", 50)
	if err != nil || page.Rows.Len() != 1 {
		t.Fatal(page.Rows.Len(), err)
	}
	for column, want := range map[string]feed.Value{"orderer_name": "신*희", "orderer_email": "s***@example.com", "receiver_name": "홍***"} {
		if got := page.Rows.Get(0, column); got != want {
			t.Errorf("%s is %q, want %q", column, got, want)
		}
	}
	row := fmt.Sprint(page.Rows.Row(0))
	if word := holds(row, "길동", "sh*n", "12345678", "세종대로", "1503", "1234#"); word != "" {
		t.Errorf("the row holds %q: %s", word, strings.TrimSpace(row))
	}
}

// TestRefusedIDs: an id that is refused is asked for once and is one dead letter; one that is refused in a status only is a letter for
// that, and the others are read.
func TestRefusedIDs(t *testing.T) {
	asked := map[string]int{}
	rt := roundTrip(func(r *http.Request) (*http.Response, error) {
		path, status := strings.Split(r.URL.Path, "/"), r.URL.Query().Get("status")
		id := path[len(path)-2]
		asked[id]++
		if id == "68" || id == "69" && status == "PAUSED" {
			return reply(400, `{"code":400,"message":"couponId is invalid"}`)(r)
		}
		item := fmt.Sprintf(`{"couponItemId":%s%d,"couponId":%s,"status":%q}`, id, asked[id], id, status)
		return reply(200, `{"code":200,"data":{"success":true,"content":[`+item+`],"pagination":{"totalPages":1}}}`)(r)
	})
	s := open(t, rt, "coupon-items", map[string]any{"ids": []any{"68", "69", "70"}})
	letters, rows := map[string][]string{}, 0
	for after, done := feed.Cursor(""), false; !done; {
		p, err := s.Fetch(t.Context(), after, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range p.Rejected {
			id := fmt.Sprint(r.Record["couponId"])
			letters[id] = append(letters[id], r.Reason)
		}
		rows += p.Rows.Len()
		after, done = p.Next, p.Done
	}
	if len(letters["68"]) != 1 || len(letters["69"]) != 1 || len(letters["70"]) != 0 || !strings.Contains(letters["69"][0], "PAUSED") {
		t.Errorf("letters: %q", letters)
	}
	if asked["68"] != 1 || asked["69"] != 5 || asked["70"] != 5 || rows != 9 {
		t.Errorf("%v calls, %d rows", asked, rows)
	}
}
