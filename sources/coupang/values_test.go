package coupang

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/transport"
)

func TestMoney(t *testing.T) {
	for _, v := range load(t).MoneyV5 {
		value, err := decode(v.JSON)
		if err != nil {
			t.Fatal(err)
		}
		got, err := (field{path: []string{"x"}, form: amount}).value(value)
		switch {
		case err != nil || len(got) != 3:
			t.Errorf("%s: %v, %v", v.JSON, got, err)
		case v.Decimal == nil && (got[0] != nil || got[1] != nil):
			t.Errorf("%s: %v", v.JSON, got)
		case v.Decimal != nil && digits(got[0].(int64), got[1].(int64)) != *v.Decimal:
			t.Errorf("%s: %v, want %s", v.JSON, got, *v.Decimal)
		}
	}
	for text, want := range map[string]string{
		"12.34": "12.34", "-0.5": "-0.5", `"19900"`: "19900", "9223372036854775807": "9223372036854775807", "1.99E4": "19900", "0.000000001": "0.000000001",
		`{"units":"7","nanos":null,"currencyCode":""}`: "7", `{"units":0,"nanos":-10000000}`: "-0.01",
	} {
		v, _ := decode([]byte(text))
		u, n, _, err := money64(v)
		if err != nil || digits(u.(int64), n.(int64)) != want {
			t.Errorf("%s: %v %v, %v", text, u, n, err)
		}
	}
	for _, bad := range []string{`"x"`, `true`, `{"units":1.5}`, `{"units":1,"nanos":-1}`, `{"units":-1,"nanos":1}`, `{"units":1,"nanos":1000000000}`, `{}`,
		"9223372036854775808", "0.0000000001", "1E99", "1.5E-1", `[]`} {
		v, _ := decode([]byte(bad))
		if u, n, _, err := money64(v); err == nil {
			t.Errorf("%s passes as %v %v", bad, u, n)
		}
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]string{
		`"2025-01-15T14:17:13.973885-08:00"`: "2025-01-15T22:17:13.973885Z",
		`"2025-01-15T14:17:13"`:              "2025-01-15T05:17:13Z", // without a zone it is Korea's
		`"2026-01-01 00:00:00"`:              "2025-12-31T15:00:00Z",
		`"2026-01-01"`:                       "2025-12-31T15:00:00Z",
		`"1746093162000"`:                    "2025-05-01T09:52:42Z", `1746093162000`: "2025-05-01T09:52:42Z",
		`"2024-06-02T17:13:27Z"`: "2024-06-02T17:13:27Z",
	} {
		v, _ := decode([]byte(text))
		got, err := instant(v)
		if at, _ := got.(time.Time); err != nil || at.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%s is %v, want %s (%v)", text, got, want, err)
		}
	}
	for _, bad := range []string{`"yesterday"`, `-1`, `99999999999999999`, `true`, `{}`} {
		v, _ := decode([]byte(bad))
		if got, err := instant(v); err == nil {
			t.Errorf("%s passes as %v", bad, got)
		}
	}
	if got, err := instant(""); got != nil || err != nil {
		t.Errorf("no time is %v, %v", got, err)
	}
}

// TestSamples reads the documents' own pages, without losing a digit of an id.
func TestSamples(t *testing.T) {
	for sample, c := range map[string]struct {
		stream, token string
		want          map[string]feed.Value
	}{
		"ordersheets_v5_page": {"orders", "448537989", map[string]feed.Value{
			"shipmentBoxId": int64(642538971006401429), "shippingPrice_units": int64(2500), "shippingPrice_nanos": int64(0), "shippingPrice_currency": "KRW",
			"remotePrice_units": nil, "inTrasitDateTime": nil, "shipmentType": "THIRD_PARTY",
		}},
		"settlement_histories_bare_array": {"settlements", "", map[string]feed.Value{"finalAmount_units": int64(0), "totalSale_units": int64(182000), "totalSale_currency": nil}},
		"rg_orders_page":                  {"rg-orders", "17189443970001139254740404666368", map[string]feed.Value{"orderId": int64(70000000000)}},
		"rg_inventory_page":               {"rg-inventory", "2", map[string]feed.Value{"vendorItemId": int64(70000000000), "inventoryDetails_totalOrderableQuantity": int64(10)}},
	} {
		t.Run(sample, func(t *testing.T) {
			st := find(c.stream)
			a, err := st.read(transport.Call{Op: "test"}, transport.Response{Body: load(t).Samples[sample]})
			if err != nil || len(a.records) != 1 || a.token != c.token {
				t.Fatalf("%+v, %v", a, err)
			}
			l := st.layoutOf(dropped, asJSON)
			l.tidy(a.records[0])
			row, column, err := l.row(element{record: a.records[0]})
			if err != nil {
				t.Fatal(column, err)
			}
			for name, want := range c.want {
				at, ok := l.columns.Index(name)
				if !ok || row[at] != want {
					t.Errorf("%s is %v, want %v", name, row, want)
				}
			}
			if text, _ := compact(row); strings.Contains(text.(string), "신") || strings.Contains(text.(string), "0503") {
				t.Errorf("personal: %s", text)
			}
		})
	}
}

// TestEnvelopes judges codes: nothing but a known success is success.
func TestEnvelopes(t *testing.T) {
	for _, c := range []struct {
		stream, body string
		good         bool
	}{
		{"orders", `{"code":200,"data":[]}`, true},
		{"orders", `{"code":"200","data":[],"nextToken":""}`, true},
		{"products", `{"code":"SUCCESS","data":[]}`, true},
		{"products", `{"code":"200","data":{"code":"SUCCESS","data":[]}}`, true}, // C6
		{"products", `{"code":"200","data":{"code":"ERROR","data":[]}}`, false},
		{"products", `{"code":"ERROR","message":"x","data":[]}`, false},
		{"products", `{"data":[]}`, false},
		{"products", `[]`, false},
		{"products", `{"code":201,"data":[]}`, false},
		{"products", `{"code":"success","data":[]}`, false},
		{"products", `{"code":"OK","data":[]}`, false},
		{"products", `{"code":true,"data":[]}`, false},
		{"products", `{"code":"SUCCESS"}`, false},
		{"products", `{"code":"SUCCESS","data":[1]}`, false},
		{"orders", `{"code":200,"data":null}`, true},
		{"coupons", `{"code":200,"data":{"success":true,"content":[]}}`, true},
		{"coupons", `{"code":200,"data":{"success":false,"content":[]}}`, false},
		{"coupons", `{"code":200,"data":{"content":[]}}`, false},
		{"settlements", `[]`, true},
		{"settlements", `{"code":"ERROR","message":"x"}`, false},
		{"outbound-centers", `{"content":[],"pagination":{}}`, true},
		{"outbound-centers", `{"code":"ERROR","content":[]}`, false},
		{"outbound-centers", `{}`, false},
		{"orders", `{"code":200,"data":[]} x`, false},
		{"orders", `<html>`, false},
		{"orders", ``, false},
	} {
		_, err := find(c.stream).read(transport.Call{Op: "test"}, transport.Response{Body: []byte(c.body)})
		if (err == nil) != c.good {
			t.Errorf("%s %s: %v", c.stream, c.body, err)
		}
		if _, judged := errors.AsType[*feed.Error](err); err != nil && !judged {
			t.Errorf("%s: %v has no verdict", c.body, err)
		}
	}
}

// TestSpellings takes both spellings of C11.
func TestSpellings(t *testing.T) {
	l := find("exchanges").layoutOf(raw, asJSON)
	o := object{"moodifiedAt": "2026-01-01T00:00:00", "nested": []any{object{"jejuFee": json.Number("1")}, object{"orderersSsn": "x", "ordererSsn": "y"}}}
	l.tidy(o)
	text, _ := compact(o)
	if text != `{"modifiedAt":"2026-01-01T00:00:00","nested":[{"jeju":1},{"ordererSsn":"y"}]}` {
		t.Errorf("%s", text)
	}
}

// digits writes an amount as a decimal: "12.34", "-1.5".
func digits(units, nanos int64) string {
	sign := ""
	if units < 0 || nanos < 0 {
		sign = "-"
	}
	whole := strings.TrimPrefix(strconv.FormatInt(units, 10), "-")
	if nanos < 0 {
		nanos = -nanos
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%s%s.%09d", sign, whole, nanos), "0"), ".")
}
